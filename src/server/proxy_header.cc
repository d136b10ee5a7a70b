#include "server/proxy_header.h"

#include <algorithm>
#include <array>

namespace resolve64::server {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                     0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr std::size_t kFixedSize = 16;  // signature, version and command, family, length
constexpr std::uint8_t kLocal = 0x20;
constexpr std::uint8_t kProxy = 0x21;

// Family in the upper four bits, transport in the lower four.
enum class Family : std::uint8_t {
  kUnspecified = 0x00,
  kTcp4 = 0x11,
  kUdp4 = 0x12,
  kTcp6 = 0x21,
  kUdp6 = 0x22,
};

using Octets = std::span<const std::uint8_t>;

std::uint16_t U16(Octets octets, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}

IpAddress V4(Octets octets) noexcept { return Ipv4{{octets[0], octets[1], octets[2], octets[3]}}; }

// A proxy that listens on a socket of both families names IPv4 clients by mapped addresses
// (RFC 4291 section 2.5.5.2). They are the same clients to access lists.
IpAddress V6(Octets octets) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (std::equal(kMapped.begin(), kMapped.end(), octets.begin())) {
    return V4(octets.subspan(kMapped.size()));
  }
  Ipv6 address;
  std::copy_n(octets.begin(), address.octets.size(), address.octets.begin());
  return address;
}

// False where there is not enough room for them.
bool ReadAddresses(Octets block, std::size_t size, IpAddress (*read)(Octets),
                   ProxyHeader& header) noexcept {
  if (block.size() < 2 * size + 4) return false;
  header.source = Endpoint{read(block), U16(block, 2 * size)};
  header.destination = Endpoint{read(block.subspan(size)), U16(block, 2 * size + 2)};
  return true;
}

}  // namespace

ProxyHeader ReadProxyHeader(Octets octets) noexcept {
  ProxyHeader header;
  const std::size_t known = std::min(octets.size(), kSignature.size());
  if (!std::equal(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(known),
                  kSignature.begin())) {
    return header;
  }
  if (octets.size() < kFixedSize) {
    header.kind = ProxyHeader::Kind::kIncomplete;
    header.size = kFixedSize;
    return header;
  }
  const std::uint8_t command = octets[12];
  const auto family = static_cast<Family>(octets[13]);
  const std::size_t size = kFixedSize + U16(octets, 14);
  if (size > ProxyHeader::kMaxSize || (command != kLocal && command != kProxy)) return header;
  if (octets.size() < size) {
    header.kind = ProxyHeader::Kind::kIncomplete;
    header.size = size;
    return header;
  }
  const Octets block = octets.subspan(kFixedSize, size - kFixedSize);
  bool good = true;
  // Of a LOCAL header everything else is to be ignored.
  if (command == kProxy) {
    switch (family) {
      case Family::kUnspecified:
        break;
      case Family::kTcp4:
      case Family::kUdp4:
        good = ReadAddresses(block, 4, V4, header);
        break;
      case Family::kTcp6:
      case Family::kUdp6:
        good = ReadAddresses(block, 16, V6, header);
        break;
      default:
        good = false;
    }
  }
  if (!good) return header;
  header.kind = ProxyHeader::Kind::kDone;
  header.size = size;
  return header;
}

}  // namespace resolve64::server
