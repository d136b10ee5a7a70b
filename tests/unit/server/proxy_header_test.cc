#include "server/proxy_header.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace resolve64::server {
namespace {

using Octets = std::vector<std::uint8_t>;
using Kind = ProxyHeader::Kind;

const Octets kSignature = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
const Octets kV4 = {192,  0,    2,    1,      // source
                    198,  51,   100,  7,      // destination
                    0xD4, 0x31, 0x00, 0x35};  // 54321, 53
const Octets kV6 = {0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0,    0,    0,   0, 0, 0,
                    0,    0,    0x01, 0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,   0, 0, 0,
                    0,    0,    0,    0,    0,    0x53, 0xD4, 0x31, 0x03, 0x55};  // 54321, 853

Octets Header(std::uint8_t command, std::uint8_t family, const Octets& block) {
  Octets header = kSignature;
  header.push_back(command);
  header.push_back(family);
  header.push_back(static_cast<std::uint8_t>(block.size() >> 8));
  header.push_back(static_cast<std::uint8_t>(block.size() & 0xFF));
  header.insert(header.end(), block.begin(), block.end());
  return header;
}
Octets Plus(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
std::string Ends(const ProxyHeader& header) {
  return (header.source ? header.source->ToText() : "-") + " " +
         (header.destination ? header.destination->ToText() : "-");
}

// Covers: CLI-20
TEST(ReadProxyHeader, ReadsAddressesOfBothFamiliesAndTransports) {
  struct Row {
    std::uint8_t family;
    const Octets& block;
    const char* ends;
    std::size_t size;
  };
  for (const Row& row : {Row{0x11, kV4, "192.0.2.1@54321 198.51.100.7@53", 28},
                         Row{0x12, kV4, "192.0.2.1@54321 198.51.100.7@53", 28},
                         Row{0x21, kV6, "2001:db8::1@54321 2001:db8::53@853", 52},
                         Row{0x22, kV6, "2001:db8::1@54321 2001:db8::53@853", 52}}) {
    const Octets header = Header(0x21, row.family, row.block);
    for (const Octets& octets : {header, Plus(header, {1, 2, 3})}) {
      const ProxyHeader read = ReadProxyHeader(octets);
      EXPECT_EQ(read.kind, Kind::kDone);
      EXPECT_EQ(read.size, row.size) << "what follows is not part of it";
      EXPECT_EQ(Ends(read), row.ends);
    }
  }
}

// Covers: CLI-20, CLI-21
TEST(ReadProxyHeader, OfALocalOrUnspecifiedConnectionNamesNobody) {
  for (const Octets& octets :
       {Header(0x20, 0x00, {}), Header(0x20, 0x11, kV4), Header(0x20, 0x31, {1, 2, 3}),
        Header(0x20, 0xFF, {}), Header(0x21, 0x00, {}), Header(0x21, 0x00, {4, 0, 1, 0})}) {
    const ProxyHeader read = ReadProxyHeader(octets);
    EXPECT_EQ(read.kind, Kind::kDone);
    EXPECT_EQ(read.size, octets.size());
    EXPECT_EQ(Ends(read), "- -");
  }
}

// Covers: CLI-20
TEST(ReadProxyHeader, SkipsTlvs) {
  const Octets tlvs = {0x03, 0, 4, 1, 2, 3, 4, 0x01, 0, 2, 'h', '2', 0xEE};
  const Octets octets = Header(0x21, 0x21, Plus(kV6, tlvs));
  const ProxyHeader read = ReadProxyHeader(octets);
  EXPECT_EQ(read.kind, Kind::kDone);
  EXPECT_EQ(read.size, octets.size());
  EXPECT_EQ(Ends(read), "2001:db8::1@54321 2001:db8::53@853");
}

// Covers: CLI-20
TEST(ReadProxyHeader, CutAnywhereIsIncompleteAndTellsHowMuchIsNeeded) {
  const Octets octets = Header(0x21, 0x11, Plus(kV4, {0x04, 0, 1, 0}));
  for (std::size_t size = 0; size < octets.size(); ++size) {
    const ProxyHeader read = ReadProxyHeader(std::span(octets).first(size));
    EXPECT_EQ(read.kind, Kind::kIncomplete) << size;
    EXPECT_EQ(read.size, size < 16 ? 16 : octets.size()) << size;
    EXPECT_EQ(Ends(read), "- -") << size;
  }
}

// Covers: CLI-20
TEST(ReadProxyHeader, WithAnyOctetOfTheSignatureWrongIsMalformedAtThatOctet) {
  const Octets good = Header(0x21, 0x11, kV4);
  for (std::size_t at = 0; at < kSignature.size(); ++at) {
    Octets octets = good;
    octets[at] ^= 0x20;
    EXPECT_EQ(ReadProxyHeader(octets).kind, Kind::kMalformed) << at;
    EXPECT_EQ(ReadProxyHeader(std::span(octets).first(at + 1)).kind, Kind::kMalformed) << at;
    EXPECT_EQ(ReadProxyHeader(std::span(octets).first(at)).kind, Kind::kIncomplete) << at;
  }
}

TEST(ReadProxyHeader, TakesNoTextOfVersion1NorAPlainMessageNorTls) {
  const std::string_view text = "PROXY TCP4 192.0.2.1 198.51.100.7 54321 53\r\n";
  EXPECT_EQ(ReadProxyHeader(Octets(text.begin(), text.end())).kind, Kind::kMalformed);
  EXPECT_EQ(ReadProxyHeader(Octets{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}).kind,
            Kind::kMalformed);
  EXPECT_EQ(ReadProxyHeader(Octets{0x16, 0x03, 0x01}).kind, Kind::kMalformed);
}

// Covers: CLI-20
TEST(ReadProxyHeader, KnowsEveryCommandAndFamilyThatThereIs) {
  const Octets block = Plus(kV6, Octets(256, 0));
  for (unsigned command = 0; command < 256; ++command) {
    for (unsigned family = 0; family < 256; ++family) {
      const bool local = command == 0x20;
      const bool known =
          family == 0x00 || family == 0x11 || family == 0x12 || family == 0x21 || family == 0x22;
      const ProxyHeader read = ReadProxyHeader(
          Header(static_cast<std::uint8_t>(command), static_cast<std::uint8_t>(family), block));
      EXPECT_EQ(read.kind, local || (command == 0x21 && known) ? Kind::kDone : Kind::kMalformed)
          << command << " " << family;
    }
  }
}

// Covers: CLI-20
TEST(ReadProxyHeader, WithoutRoomForItsAddressesIsMalformed) {
  for (std::size_t size = 0; size < kV6.size(); ++size) {
    const Octets block(kV6.begin(), kV6.begin() + static_cast<std::ptrdiff_t>(size));
    const ProxyHeader v6 = ReadProxyHeader(Header(0x21, 0x22, block));
    EXPECT_EQ(v6.kind, Kind::kMalformed) << size;
    EXPECT_EQ(Ends(v6), "- -");
    EXPECT_EQ(ReadProxyHeader(Header(0x21, 0x12, block)).kind,
              size < kV4.size() ? Kind::kMalformed : Kind::kDone)
        << size;
  }
}

TEST(ReadProxyHeader, LongerThanAnyProxyNeedsIsMalformedBeforeAllOfItCame) {
  const std::size_t most = ProxyHeader::kMaxSize - 16;
  Octets octets = Header(0x21, 0x11, Plus(kV4, Octets(most - kV4.size(), 0)));
  EXPECT_EQ(ReadProxyHeader(octets).kind, Kind::kDone);
  EXPECT_EQ(ReadProxyHeader(octets).size, ProxyHeader::kMaxSize);
  octets = Header(0x21, 0x11, Plus(kV4, Octets(most - kV4.size() + 1, 0)));
  EXPECT_EQ(ReadProxyHeader(octets).kind, Kind::kMalformed);
  EXPECT_EQ(ReadProxyHeader(std::span(octets).first(16)).kind, Kind::kMalformed);
}

// Covers: CLI-21
TEST(ReadProxyHeader, AMappedAddressIsTheIpv4Address) {
  Octets block = kV6;
  const Octets mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1};
  std::copy(mapped.begin(), mapped.end(), block.begin());
  EXPECT_EQ(Ends(ReadProxyHeader(Header(0x21, 0x21, block))), "192.0.2.1@54321 2001:db8::53@853");
}

}  // namespace
}  // namespace resolve64::server
