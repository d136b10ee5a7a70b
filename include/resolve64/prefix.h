// NAT64 prefixes: an IPv4 address inside an IPv6 address, and back (RFC 6052).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64 {

/// A NAT64 prefix. An address under it is, octet by octet (RFC 6052 section 2.2):
///
///     /32  PPPP4444 0 sssssss        P  octet of the prefix
///     /40  PPPPP444 0 4ssssss        4  octet of the IPv4 address
///     /48  PPPPPP44 0 44sssss        0  reserved, bits 64 to 71
///     /56  PPPPPPP4 0 444ssss        s  suffix, zero unless one is given
///     /64  PPPPPPPP 0 4444sss
///     /96  PPPPPPPP 0 PPP4444
///
/// A small value; never allocates but for text; const members may run on any thread.
class Prefix {
 public:
  /// Takes the first `bits` bits of `base`. kBadPrefix, with a text that cites the rule, unless
  /// `bits` is 32, 40, 48, 56, 64 or 96, the rest of `base` is zero, octet 8 is zero
  /// (RFC 6052 section 2.2), and 64:ff9b:: comes as /96 only. IPv4-mapped space is refused.
  static Result<Prefix> Make(const Ipv6& base, int bits);
  /// "64:ff9b::/96". kBadPrefix as Make() says.
  static Result<Prefix> Parse(std::string_view text);
  /// 64:ff9b::/96 (RFC 6052 section 2.1).
  static Prefix WellKnown() noexcept;

  /// The same prefix whose addresses carry the suffix bits of `suffix`. kBadPrefix where
  /// `suffix` has bits in the place of the prefix, of the IPv4 address or of octet 8.
  [[nodiscard]] Result<Prefix> WithSuffix(const Ipv6& suffix) const;

  /// The address of `v4` under this prefix. Total: every IPv4 address has one. Whether `v4`
  /// may be used at all (RFC 6052 section 3.1) is the caller's policy.
  [[nodiscard]] Ipv6 Embed(Ipv4 v4) const noexcept;

  /// The inverse of Embed(). Empty when `v6` is not under this prefix, or its octet 8 is not
  /// zero. Any suffix is accepted.
  [[nodiscard]] std::optional<Ipv4> Extract(const Ipv6& v6) const noexcept;

  /// True for addresses under the prefix, whatever the other octets hold.
  [[nodiscard]] bool Contains(const Ipv6& v6) const noexcept;

  [[nodiscard]] bool is_well_known() const noexcept;
  [[nodiscard]] const Ipv6& base() const noexcept { return base_; }
  [[nodiscard]] const Ipv6& suffix() const noexcept { return suffix_; }
  [[nodiscard]] int bits() const noexcept { return bits_; }
  [[nodiscard]] std::string ToText() const;

  auto operator<=>(const Prefix&) const = default;

 private:
  Prefix(const Ipv6& base, int bits) noexcept
      : base_(base), bits_(static_cast<std::uint8_t>(bits)) {}

  Ipv6 base_;          // zero from bit `bits_` on
  Ipv6 suffix_;        // zero but for the suffix bits
  std::uint8_t bits_;  // one of the six lengths
};

/// True where RFC 6052 section 3.1 forbids `v4` under the well-known prefix: it is not globally
/// reachable by the IANA special-purpose registry (RFC 6890). 192.0.0.9 and 192.0.0.10 are global.
bool IsNonGlobal(Ipv4 v4) noexcept;

}  // namespace resolve64
