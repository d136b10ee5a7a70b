// IPv4 and IPv6 addresses, networks and endpoints as plain values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "resolve64/result.h"

namespace resolve64 {

/// An IPv4 address in network order.
struct Ipv4 {
  std::array<std::uint8_t, 4> octets{};
  auto operator<=>(const Ipv4&) const = default;
};

/// An IPv6 address in network order.
struct Ipv6 {
  std::array<std::uint8_t, 16> octets{};
  auto operator<=>(const Ipv6&) const = default;
};

/// kBadAddress unless `text` is one dotted quad and nothing else.
Result<Ipv4> ParseIpv4(std::string_view text);
/// kBadAddress unless `text` is one IPv6 address (RFC 4291 section 2.2), without zone.
Result<Ipv6> ParseIpv6(std::string_view text);
std::string ToText(Ipv4 address);
/// The canonical text of RFC 5952.
std::string ToText(const Ipv6& address);

/// An address of either family. An IPv4 address stays one: it is never written as a mapped IPv6.
class IpAddress {
 public:
  IpAddress() noexcept = default;                                           ///< 0.0.0.0
  IpAddress(Ipv4 v4) noexcept;                                              // NOLINT(*-explicit-*)
  IpAddress(const Ipv6& v6) noexcept : octets_(v6.octets), is_v6_(true) {}  // NOLINT(*-explicit-*)

  static Result<IpAddress> Parse(std::string_view text);

  [[nodiscard]] bool is_v4() const noexcept { return !is_v6_; }
  [[nodiscard]] bool is_v6() const noexcept { return is_v6_; }
  /// REQUIRES: is_v4().
  [[nodiscard]] Ipv4 v4() const noexcept;
  /// REQUIRES: is_v6().
  [[nodiscard]] Ipv6 v6() const noexcept { return Ipv6{octets_}; }
  [[nodiscard]] const std::uint8_t* data() const noexcept { return octets_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return is_v6_ ? 16 : 4; }
  [[nodiscard]] std::string ToText() const;
  [[nodiscard]] std::size_t Hash() const noexcept;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> octets_{};  // an IPv4 address in the first four, the rest zero
  bool is_v6_ = false;
};

/// An address and a port.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// "192.0.2.1", "192.0.2.1@5353", "2001:db8::1@5353"; `default_port` where none is given.
  static Result<Endpoint> Parse(std::string_view text, std::uint16_t default_port);
  /// "192.0.2.1@53", "2001:db8::1@53".
  [[nodiscard]] std::string ToText() const;
  [[nodiscard]] std::size_t Hash() const noexcept;
  auto operator<=>(const Endpoint&) const = default;
};

/// A network: an address and how many leading bits of it count.
class Network {
 public:
  Network() noexcept = default;  ///< 0.0.0.0/0
  /// "192.0.2.0/24", "2001:db8::/32", or an address alone, which is all its bits. kBadAddress
  /// where a bit after the length is set.
  static Result<Network> Parse(std::string_view text);
  /// kBadAddress where `bits` is out of range or a bit after it is set.
  static Result<Network> Make(const IpAddress& base, int bits);

  /// An address of the other family is in no network.
  [[nodiscard]] bool Contains(const IpAddress& address) const noexcept;
  [[nodiscard]] const IpAddress& base() const noexcept { return base_; }
  [[nodiscard]] int bits() const noexcept { return bits_; }
  [[nodiscard]] std::string ToText() const;
  auto operator<=>(const Network&) const = default;

 private:
  Network(const IpAddress& base, int bits) noexcept : base_(base), bits_(bits) {}
  IpAddress base_;
  int bits_ = 0;
};

/// Whether `address` is in one of `networks`. In none of an empty list.
[[nodiscard]] inline bool AnyContains(std::span<const Network> networks,
                                      const IpAddress& address) noexcept {
  for (const Network& network : networks) {
    if (network.Contains(address)) return true;
  }
  return false;
}

}  // namespace resolve64
