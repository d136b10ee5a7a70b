#include "resolve64/prefix.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace resolve64 {
namespace {

struct Vector {
  const char* prefix;
  const char* v4;
  const char* v6;
  const char* hex;
};

// RFC 6052 section 2.4 and its like for other addresses.
const std::vector<Vector>& Vectors() {
  static const std::vector<Vector> vectors = {
      {"2607:7700::/32", "192.0.2.33", "2607:7700:c000:221::", "26077700c00002210000000000000000"},
      {"2001:db8::/32", "192.0.2.33", "2001:db8:c000:221::", "20010db8c00002210000000000000000"},
      {"2001:db8:100::/40", "192.0.2.33",
       "2001:db8:1c0:2:21::", "20010db801c000020021000000000000"},
      {"2001:db8:122::/48", "192.0.2.33",
       "2001:db8:122:c000:2:2100::", "20010db80122c0000002210000000000"},
      {"2001:db8:122:300::/56", "192.0.2.33",
       "2001:db8:122:3c0:0:221::", "20010db8012203c00000022100000000"},
      {"2001:db8:122:344::/64", "192.0.2.33", "2001:db8:122:344:c0:2:2100:0",
       "20010db80122034400c0000221000000"},
      {"2001:db8:122:344::/96", "192.0.2.33", "2001:db8:122:344::c000:221",
       "20010db80122034400000000c0000221"},
      {"64:ff9b::/96", "192.0.2.33", "64:ff9b::c000:221", "0064ff9b0000000000000000c0000221"},
      {"2607:7700::/32", "78.0.96.91", "2607:7700:4e00:605b::", "260777004e00605b0000000000000000"},
      {"2001:db8::/32", "78.0.96.91", "2001:db8:4e00:605b::", "20010db84e00605b0000000000000000"},
      {"2001:db8:100::/40", "78.0.96.91",
       "2001:db8:14e:60:5b::", "20010db8014e0060005b000000000000"},
      {"2001:db8:122::/48", "78.0.96.91",
       "2001:db8:122:4e00:60:5b00::", "20010db801224e0000605b0000000000"},
      {"2001:db8:122:300::/56", "78.0.96.91",
       "2001:db8:122:34e:0:605b::", "20010db80122034e0000605b00000000"},
      {"2001:db8:122:344::/64", "78.0.96.91", "2001:db8:122:344:4e:60:5b00:0",
       "20010db801220344004e00605b000000"},
      {"2001:db8:122:344::/96", "78.0.96.91", "2001:db8:122:344::4e00:605b",
       "20010db801220344000000004e00605b"},
      {"64:ff9b::/96", "78.0.96.91", "64:ff9b::4e00:605b", "0064ff9b00000000000000004e00605b"},
      {"64:ff9b::/96", "192.0.0.170", "64:ff9b::c000:aa", "0064ff9b0000000000000000c00000aa"},
      {"2001:db8:122:344::/64", "192.0.0.170", "2001:db8:122:344:c0:0:aa00:0",
       "20010db80122034400c00000aa000000"},
      {"64:ff9b::/96", "192.0.0.171", "64:ff9b::c000:ab", "0064ff9b0000000000000000c00000ab"},
      {"2001:db8:122:344::/64", "192.0.0.171", "2001:db8:122:344:c0:0:ab00:0",
       "20010db80122034400c00000ab000000"},
  };
  return vectors;
}

// One prefix of each length.
const std::vector<std::string>& Lengths() {
  static const std::vector<std::string> prefixes = {
      "2001:db8::/32",         "2001:db8:100::/40",     "2001:db8:122::/48",
      "2001:db8:122:300::/56", "2001:db8:122:344::/64", "2001:db8:122:344::/96"};
  return prefixes;
}

Prefix P(std::string_view text) { return Prefix::Parse(text).value(); }
Ipv4 V4(std::string_view text) { return ParseIpv4(text).value(); }
Ipv6 V6(std::string_view text) { return ParseIpv6(text).value(); }

std::string Hex(const Ipv6& v6) {
  std::string text;
  for (const std::uint8_t octet : v6.octets) {
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 15];
  }
  return text;
}

// Covers: VEC-02, ADR-02, ADR-08, ADR-10
TEST(PrefixEmbed, GivesTheOctetsOfEveryVector) {
  for (const auto& row : Vectors()) {
    const Ipv6 v6 = P(row.prefix).Embed(V4(row.v4));
    EXPECT_EQ(Hex(v6), row.hex) << row.prefix;
    EXPECT_EQ(ToText(v6), row.v6) << row.prefix;
  }
}

// Covers: VEC-02, ADR-03
TEST(PrefixExtract, GivesTheIpv4AddressOfEveryVector) {
  for (const auto& row : Vectors()) {
    EXPECT_EQ(P(row.prefix).Extract(V6(row.v6)), V4(row.v4)) << row.prefix;
  }
}

// Covers: ADR-03
TEST(PrefixExtract, UndoesEmbedForEveryLengthAndRandomAddresses) {
  SeededRandom random(6052);
  for (const auto& text : Lengths()) {
    const Prefix prefix = P(text);
    for (int i = 0; i < 20000; ++i) {
      Ipv4 v4;
      random.Fill(v4.octets);
      const Ipv6 v6 = prefix.Embed(v4);
      ASSERT_EQ(prefix.Extract(v6), v4) << text << " " << ToText(v4);
      ASSERT_TRUE(prefix.Contains(v6));
      ASSERT_EQ(v6.octets[8], 0);
    }
  }
}

// Covers: ADR-03
TEST(PrefixExtract, UndoesEmbedForEveryOctetValueInEveryPlace) {
  for (const auto& text : Lengths()) {
    const Prefix prefix = P(text);
    for (std::size_t place = 0; place < 4; ++place) {
      for (int value = 0; value < 256; ++value) {
        Ipv4 v4;
        v4.octets[place] = static_cast<std::uint8_t>(value);
        ASSERT_EQ(prefix.Extract(prefix.Embed(v4)), v4) << text;
      }
    }
  }
}

// Covers: VEC-03, ADR-02
TEST(PrefixExtract, IgnoresTheSuffix) {
  for (const auto& row : Vectors()) {
    const Prefix prefix = P(row.prefix);
    if (prefix.bits() == 96) continue;
    Ipv6 v6 = V6(row.v6);
    v6.octets[15] = 0xff;
    EXPECT_EQ(prefix.Extract(v6), V4(row.v4)) << row.prefix;
  }
}

// Covers: VEC-03, ADR-01, D64-46
TEST(PrefixExtract, RefusesNonZeroReservedOctet) {
  for (const auto& row : Vectors()) {
    Ipv6 v6 = V6(row.v6);
    v6.octets[8] = 0x01;
    EXPECT_EQ(P(row.prefix).Extract(v6), std::nullopt) << row.prefix;
  }
}

// Covers: D64-46
TEST(PrefixExtract, RefusesAddressesOutsideThePrefix) {
  for (const auto& text : Lengths()) {
    const Prefix prefix = P(text);
    const auto octets = static_cast<std::size_t>(prefix.bits()) / 8;
    for (std::size_t i = 0; i < octets; ++i) {
      Ipv6 v6 = prefix.Embed(V4("192.0.2.33"));
      v6.octets[i] ^= 0x80;
      EXPECT_EQ(prefix.Extract(v6), std::nullopt) << text << " octet " << i;
      EXPECT_FALSE(prefix.Contains(v6));
    }
  }
}

TEST(PrefixContains, LooksAtThePrefixAlone) {
  EXPECT_TRUE(P("2001:db8::/32").Contains(V6("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(P("64:ff9b::/96").Contains(V6("64:ff9b:1::")));
}

// Covers: VEC-04
TEST(PrefixMake, RefusesOtherLengthsAndSaysWhy) {
  for (const int bits : {-1, 0, 31, 33, 63, 65, 72, 80, 88, 95, 97, 128, 256, 288}) {
    const auto prefix = Prefix::Make(Ipv6{{0x20, 0x01, 0x0d, 0xb8}}, bits);
    ASSERT_FALSE(prefix) << bits;
    EXPECT_EQ(prefix.error().code, Errc::kBadPrefix);
    EXPECT_EQ(prefix.error().text,
              "a NAT64 prefix is 32, 40, 48, 56, 64 or 96 bits long (RFC 6052 section 2.2)");
  }
}

// Covers: VEC-04
TEST(PrefixParse, RefusesOtherLengths) {
  for (const char* text : {"2001:db8::/33", "2001:db8::/63", "2001:db8::/95", "2001:db8::/97",
                           "2001:db8::/128", "2001:db8::/72", "2001:db8::/0"}) {
    const auto prefix = Prefix::Parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_EQ(prefix.error().text,
              "a NAT64 prefix is 32, 40, 48, 56, 64 or 96 bits long (RFC 6052 section 2.2)");
  }
}

// Covers: VEC-04, ADR-01
TEST(PrefixParse, RefusesNonZeroReservedOctet) {
  const auto prefix = Prefix::Parse("2001:db8:0:0:100::/96");
  ASSERT_FALSE(prefix);
  EXPECT_EQ(prefix.error().code, Errc::kBadPrefix);
  EXPECT_NE(prefix.error().text.find("bits 64 to 71"), std::string::npos);
  EXPECT_FALSE(Prefix::Parse("2001:db8:0:0:ff00::/96"));
  // Octet 9 is not reserved.
  EXPECT_TRUE(Prefix::Parse("2001:db8:0:0:1::/96"));
}

// Covers: VEC-04, ADR-04
TEST(PrefixParse, RefusesTheWellKnownPrefixAtOtherLengths) {
  for (const char* text :
       {"64:ff9b::/32", "64:ff9b::/40", "64:ff9b::/48", "64:ff9b::/56", "64:ff9b::/64"}) {
    const auto prefix = Prefix::Parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_EQ(prefix.error().code, Errc::kBadPrefix);
    EXPECT_NE(prefix.error().text.find("well-known"), std::string::npos);
  }
}

// Covers: ADR-09
TEST(PrefixParse, TakesTheLocalUsePrefixAsAnOrdinaryOne) {
  for (const char* text : {"64:ff9b:1::/48", "64:ff9b:1::/56", "64:ff9b:1::/64", "64:ff9b:1::/96",
                           "64:ff9b:1:fffe::/64", "64:ff9b:1:fffe::/96"}) {
    const auto prefix = Prefix::Parse(text);
    ASSERT_TRUE(prefix) << text;
    EXPECT_FALSE(prefix->is_well_known());
    EXPECT_EQ(prefix->ToText(), text);
  }
  EXPECT_FALSE(Prefix::Parse("64:ff9b:1:0:100::/96"));
}

TEST(PrefixParse, RefusesBitsAfterTheLength) {
  for (const char* text : {"2001:db8:1::/32", "2001:db8:122::1/48", "64:ff9b::c000:221/96",
                           "2001:db8:122:344:1::/64"}) {
    const auto prefix = Prefix::Parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_NE(prefix.error().text.find("zero after its length"), std::string::npos);
  }
}

TEST(PrefixParse, RefusesPrefixesThatHoldMappedAddresses) {
  for (const char* text : {"::ffff:0:0/96", "::/32", "::/64"}) {
    const auto prefix = Prefix::Parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_NE(prefix.error().text.find("IPv4-mapped"), std::string::npos);
  }
}

TEST(PrefixParse, RefusesWhatIsNoPrefixAtAll) {
  for (const char* text :
       {"", "/", "/96", "64:ff9b::", "64:ff9b::/", "64:ff9b::/ 96", "64:ff9b::/096",
        "64:ff9b::/96/96", "64:ff9b::/-96", "192.0.2.0/32", "64:ff9b::%eth0/96", "example/96"}) {
    const auto prefix = Prefix::Parse(text);
    ASSERT_FALSE(prefix) << text;
    EXPECT_EQ(prefix.error().code, Errc::kBadPrefix);
  }
}

TEST(Prefix, TextComesBackAsItWasParsed) {
  for (const auto& text : Lengths()) EXPECT_EQ(P(text).ToText(), text);
  EXPECT_EQ(P("2001:DB8:0:0::/32"), P("2001:db8::/32"));
  EXPECT_NE(P("2001:db8::/32"), P("2001:db8::/40"));
}

TEST(Prefix, KnowsTheWellKnownOne) {
  EXPECT_EQ(Prefix::WellKnown(), P("64:ff9b::/96"));
  EXPECT_TRUE(Prefix::WellKnown().is_well_known());
  EXPECT_FALSE(P("2001:db8::/96").is_well_known());
}

TEST(PrefixWithSuffix, AddsTheSuffixToWhatIsEmbedded) {
  const struct {
    const char* prefix;
    const char* suffix;
    const char* hex;
  } rows[] = {
      {"2001:db8::/32", "::ab:cdef:1234:5678", "20010db8c000022100abcdef12345678"},
      {"2001:db8:100::/40", "::1:2:3", "20010db801c000020021000100020003"},
      {"2001:db8:122::/48", "::1:2:3", "20010db80122c0000002210100020003"},
      {"2001:db8:122:300::/56", "::2:3", "20010db8012203c00000022100020003"},
      {"2001:db8:122:344::/64", "::12:3456", "20010db80122034400c0000221123456"},
      {"2001:db8:122:344::/96", "::", "20010db80122034400000000c0000221"},
  };
  for (const auto& row : rows) {
    const Ipv6 suffix = V6(row.suffix);
    const auto prefix = P(row.prefix).WithSuffix(suffix);
    ASSERT_TRUE(prefix) << row.prefix;
    const Ipv6 v6 = prefix->Embed(V4("192.0.2.33"));
    EXPECT_EQ(Hex(v6), row.hex) << row.prefix;
    EXPECT_EQ(prefix->Extract(v6), V4("192.0.2.33"));
    EXPECT_EQ(prefix->suffix(), suffix);
  }
}

TEST(PrefixWithSuffix, RefusesBitsInThePlacesOfOthers) {
  // The first octet that a suffix may use, by length.
  const std::vector<std::size_t> first = {9, 10, 11, 12, 13, 16};
  for (std::size_t i = 0; i < Lengths().size(); ++i) {
    for (std::size_t octet = 0; octet < 16; ++octet) {
      Ipv6 suffix;
      suffix.octets[octet] = 1;
      const auto prefix = P(Lengths()[i]).WithSuffix(suffix);
      EXPECT_EQ(prefix.has_value(), octet >= first[i]) << Lengths()[i] << " octet " << octet;
      if (!prefix) {
        EXPECT_EQ(prefix.error().code, Errc::kBadPrefix);
      }
    }
  }
}

// Covers: ADR-06
TEST(IsNonGlobal, HoldsBothEndsOfEveryRange) {
  for (const char* text : {"0.0.0.0",     "0.255.255.255",   "10.0.0.0",     "10.255.255.255",
                           "100.64.0.0",  "100.127.255.255", "127.0.0.0",    "127.255.255.255",
                           "169.254.0.0", "169.254.255.255", "172.16.0.0",   "172.31.255.255",
                           "192.0.0.0",   "192.0.0.8",       "192.0.0.11",   "192.0.0.170",
                           "192.0.0.171", "192.0.0.255",     "192.0.2.0",    "192.0.2.255",
                           "192.88.99.0", "192.88.99.255",   "192.168.0.0",  "192.168.255.255",
                           "198.18.0.0",  "198.19.255.255",  "198.51.100.0", "198.51.100.255",
                           "203.0.113.0", "203.0.113.255",   "224.0.0.0",    "239.255.255.255",
                           "240.0.0.0",   "255.255.255.255"}) {
    EXPECT_TRUE(IsNonGlobal(V4(text))) << text;
  }
}

// Covers: ADR-06
TEST(IsNonGlobal, HoldsNothingBesideTheRanges) {
  for (const char* text : {"1.0.0.0",      "9.255.255.255",   "11.0.0.0",     "100.63.255.255",
                           "100.128.0.0",  "126.255.255.255", "128.0.0.0",    "169.253.255.255",
                           "169.255.0.0",  "172.15.255.255",  "172.32.0.0",   "191.255.255.255",
                           "192.0.0.9",    "192.0.0.10",      "192.0.1.0",    "192.0.1.255",
                           "192.0.3.0",    "192.88.98.255",   "192.88.100.0", "192.167.255.255",
                           "192.169.0.0",  "198.17.255.255",  "198.20.0.0",   "198.51.99.255",
                           "198.51.101.0", "203.0.112.255",   "203.0.114.0",  "223.255.255.255",
                           "78.0.96.91"}) {
    EXPECT_FALSE(IsNonGlobal(V4(text))) << text;
  }
}

}  // namespace
}  // namespace resolve64
