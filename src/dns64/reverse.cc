#include "dns64/reverse.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace resolve64::dns64 {
namespace {

constexpr std::size_t kNibbles = 32;

// "ip6.arpa." and "in-addr.arpa." in wire form.
constexpr std::array<std::uint8_t, 10> kIp6Arpa = {3, 'i', 'p', '6', 4, 'a', 'r', 'p', 'a', 0};
constexpr std::array<std::uint8_t, 14> kInAddrArpa = {7,   'i', 'n', '-', 'a', 'd', 'd',
                                                      'r', 4,   'a', 'r', 'p', 'a', 0};

constexpr std::uint8_t ToLower(std::uint8_t octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + ('a' - 'A')) : octet;
}

// The value of a hexadecimal digit; 16 for every other octet.
constexpr std::uint8_t DigitValue(std::uint8_t octet) {
  const std::uint8_t digit = ToLower(octet);
  if (digit >= '0' && digit <= '9') return static_cast<std::uint8_t>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<std::uint8_t>(digit - 'a' + 10);
  return 16;
}

constexpr std::uint8_t DigitOf(unsigned value) {
  return static_cast<std::uint8_t>("0123456789abcdef"[value & 0xF]);
}

// REQUIRES: `wire` is a name.
Name FromOwnWire(std::span<const std::uint8_t> wire) noexcept {
  auto name = Name::FromWire(wire);
  return name ? *name : Name();
}

}  // namespace

std::optional<Ipv6> ParseIp6Arpa(const Name& name) noexcept {
  const auto wire = name.wire();
  if (wire.size() != 2 * kNibbles + kIp6Arpa.size()) return std::nullopt;
  if (!std::ranges::equal(wire.subspan(2 * kNibbles), kIp6Arpa, {}, ToLower)) return std::nullopt;

  // The last nibble of the address comes first.
  Ipv6 address;
  for (std::size_t i = 0; i < kNibbles; ++i) {
    const std::uint8_t value = DigitValue(wire[2 * i + 1]);
    if (wire[2 * i] != 1 || value == 16) return std::nullopt;
    std::uint8_t& octet = address.octets[15 - i / 2];
    octet = static_cast<std::uint8_t>(octet | (i % 2 == 0 ? value : value << 4));
  }
  return address;
}

std::optional<ReverseMatch> MatchReverse(const Dns64Policy& policy, const Name& name) noexcept {
  if (!policy.enabled || policy.reverse == Dns64Policy::Reverse::kOff) return std::nullopt;
  const auto address = ParseIp6Arpa(name);
  if (!address) return std::nullopt;

  Prefix longest = Prefix::WellKnown();
  bool matches = longest.Contains(*address);
  for (const Dns64Prefix& candidate : policy.prefixes) {
    if (!candidate.prefix.Contains(*address)) continue;
    if (matches && candidate.prefix.bits() <= longest.bits()) continue;
    longest = candidate.prefix;
    matches = true;
  }
  if (!matches) return std::nullopt;
  const auto embedded = longest.Extract(*address);
  if (!embedded) return std::nullopt;
  return ReverseMatch{*embedded, longest};
}

Name InAddrArpa(Ipv4 address) noexcept {
  std::array<std::uint8_t, std::size_t{4} * 4 + kInAddrArpa.size()> wire{};
  std::size_t end = 0;
  for (std::size_t i = address.octets.size(); i-- > 0;) {
    const unsigned value = address.octets[i];
    const std::size_t length = value >= 100 ? 3 : value >= 10 ? 2 : 1;
    wire[end++] = static_cast<std::uint8_t>(length);
    if (value >= 100) wire[end++] = DigitOf(value / 100);
    if (value >= 10) wire[end++] = DigitOf(value / 10 % 10);
    wire[end++] = DigitOf(value % 10);
  }
  std::ranges::copy(kInAddrArpa, wire.begin() + static_cast<std::ptrdiff_t>(end));
  return FromOwnWire(std::span(wire).first(end + kInAddrArpa.size()));
}

Name Ip6Arpa(const Ipv6& address) noexcept {
  std::array<std::uint8_t, 2 * kNibbles + kIp6Arpa.size()> wire{};
  for (std::size_t i = 0; i < kNibbles; ++i) {
    const unsigned octet = address.octets[15 - i / 2];
    wire[2 * i] = 1;
    wire[2 * i + 1] = DigitOf(i % 2 == 0 ? octet : octet >> 4);
  }
  std::ranges::copy(kIp6Arpa, std::span(wire).last<kIp6Arpa.size()>().begin());
  return FromOwnWire(wire);
}

}  // namespace resolve64::dns64
