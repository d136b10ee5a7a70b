#include "resolve64/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/decimal.h"
#include "base/hash.h"

namespace resolve64 {
namespace {

Error BadAddress(std::string text) { return Error{Errc::kBadAddress, std::move(text)}; }

// True when every bit from `bits` on is zero.
bool IsZeroAfter(const std::uint8_t* octets, std::size_t size, std::size_t bits) {
  std::size_t at = bits / 8;
  if (bits % 8 != 0) {
    if ((octets[at] & (0xffU >> (bits % 8))) != 0) return false;
    ++at;
  }
  return std::all_of(octets + at, octets + size, [](std::uint8_t octet) { return octet == 0; });
}

}  // namespace

Result<Ipv4> ParseIpv4(std::string_view text) {
  Ipv4 address;
  std::string_view rest = text;
  for (std::size_t i = 0; i < address.octets.size(); ++i) {
    const bool last = i + 1 == address.octets.size();
    const std::size_t dot = last ? rest.size() : rest.find('.');
    if (dot == std::string_view::npos) return BadAddress("not an IPv4 address");
    const auto octet = ParseDecimal(rest.substr(0, dot), 255);
    if (!octet) return BadAddress("not an IPv4 address");
    address.octets[i] = static_cast<std::uint8_t>(*octet);
    rest.remove_prefix(last ? dot : dot + 1);
  }
  return address;
}

Result<Ipv6> ParseIpv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  const bool fits = text.size() < copy.size() && text.find('\0') == std::string_view::npos;
  if (!fits) return BadAddress("not an IPv6 address");
  std::copy(text.begin(), text.end(), copy.begin());
  Ipv6 address;
  if (inet_pton(AF_INET6, copy.data(), address.octets.data()) != 1) {
    return BadAddress("not an IPv6 address");
  }
  return address;
}

std::string ToText(Ipv4 address) {
  std::string text;
  for (const std::uint8_t octet : address.octets) {
    if (!text.empty()) text += '.';
    text += std::to_string(octet);
  }
  return text;
}

std::string ToText(const Ipv6& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  // Cannot fail: the family is known and the space is what POSIX says is enough.
  inet_ntop(AF_INET6, address.octets.data(), text.data(), text.size());
  return text.data();
}

IpAddress::IpAddress(Ipv4 v4) noexcept {
  std::copy(v4.octets.begin(), v4.octets.end(), octets_.begin());
}

Result<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto v4 = ParseIpv4(text);
    if (!v4) return BadAddress("not an IP address");
    return IpAddress(*v4);
  }
  const auto v6 = ParseIpv6(text);
  if (!v6) return BadAddress("not an IP address");
  return IpAddress(*v6);
}

Ipv4 IpAddress::v4() const noexcept {
  return Ipv4{{octets_[0], octets_[1], octets_[2], octets_[3]}};
}

std::string IpAddress::ToText() const {
  return is_v6_ ? resolve64::ToText(v6()) : resolve64::ToText(v4());
}

std::size_t IpAddress::Hash() const noexcept {
  SipHash13 hash(ProcessHashKey());
  hash.Add(LoadWord(octets_.data()));
  hash.Add(LoadWord(octets_.data() + 8));
  return hash.Finish(is_v6_ ? 1 : 0);
}

Result<Endpoint> Endpoint::Parse(std::string_view text, std::uint16_t default_port) {
  Endpoint endpoint;
  endpoint.port = default_port;
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) {
    const auto port = ParseDecimal(text.substr(at + 1), 65535);
    if (!port) return BadAddress("a port is a number from 0 to 65535");
    endpoint.port = static_cast<std::uint16_t>(*port);
  }
  auto address = IpAddress::Parse(text.substr(0, at));
  if (!address) return address.error();
  endpoint.address = *address;
  return endpoint;
}

std::string Endpoint::ToText() const { return address.ToText() + "@" + std::to_string(port); }

std::size_t Endpoint::Hash() const noexcept {
  SipHash13 hash(ProcessHashKey());
  hash.Add(LoadWord(address.data()));
  if (address.is_v6()) hash.Add(LoadWord(address.data() + 8));
  return hash.Finish(std::uint64_t{port} << 1 | (address.is_v6() ? 1 : 0));
}

Result<Network> Network::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = IpAddress::Parse(text.substr(0, slash));
  if (!base) return base.error();
  if (slash == std::string_view::npos) return Make(*base, static_cast<int>(base->size() * 8));
  const auto bits = ParseDecimal(text.substr(slash + 1), 128);
  if (!bits) return BadAddress("the length of a network is a number of bits");
  return Make(*base, static_cast<int>(*bits));
}

Result<Network> Network::Make(const IpAddress& base, int bits) {
  if (bits < 0 || static_cast<std::size_t>(bits) > base.size() * 8) {
    return BadAddress("a network has no more bits than its address");
  }
  if (!IsZeroAfter(base.data(), base.size(), static_cast<std::size_t>(bits))) {
    return BadAddress("the address of a network has bits set after its length");
  }
  return Network(base, bits);
}

bool Network::Contains(const IpAddress& address) const noexcept {
  if (address.is_v6() != base_.is_v6()) return false;
  const std::size_t whole = static_cast<std::size_t>(bits_) / 8;
  if (std::memcmp(address.data(), base_.data(), whole) != 0) return false;
  const int rest = bits_ % 8;
  if (rest == 0) return true;
  return ((address.data()[whole] ^ base_.data()[whole]) >> (8 - rest)) == 0;
}

std::string Network::ToText() const { return base_.ToText() + "/" + std::to_string(bits_); }

}  // namespace resolve64
