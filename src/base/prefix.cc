#include "resolve64/prefix.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/decimal.h"

namespace resolve64 {
namespace {

constexpr std::size_t kReservedOctet = 8;  // RFC 6052 section 2.2, bits 64 to 71
constexpr std::array<int, 6> kLengths = {32, 40, 48, 56, 64, 96};
constexpr Ipv6 kWellKnownBase{{0x00, 0x64, 0xff, 0x9b}};
constexpr int kWellKnownBits = 96;
constexpr Ipv6 kMappedBase{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};  // RFC 4291 2.5.5.2

constexpr std::size_t Octets(int bits) { return static_cast<std::size_t>(bits) / 8; }

// The octets that carry the IPv4 address: those after the prefix, stepping over octet 8.
constexpr std::array<std::size_t, 4> Slots(int bits) {
  std::array<std::size_t, 4> slots{};
  std::size_t at = Octets(bits);
  for (auto& slot : slots) {
    if (at == kReservedOctet) ++at;
    slot = at++;
  }
  return slots;
}

// The first octet of the suffix.
constexpr std::size_t SuffixStart(int bits) {
  const std::size_t after = Slots(bits).back() + 1;
  return after == kReservedOctet ? after + 1 : after;
}

static_assert(Slots(40) == std::array<std::size_t, 4>{5, 6, 7, 9});
static_assert(Slots(64) == std::array<std::size_t, 4>{9, 10, 11, 12});
static_assert(SuffixStart(32) == 9 && SuffixStart(64) == 13 && SuffixStart(96) == 16);

bool StartsAlike(const Ipv6& a, const Ipv6& b, int bits) {
  return std::equal(a.octets.begin(), a.octets.begin() + bits / 8, b.octets.begin());
}

bool IsZeroFrom(const Ipv6& v6, std::size_t octet) {
  return std::all_of(v6.octets.begin() + static_cast<std::ptrdiff_t>(octet), v6.octets.end(),
                     [](std::uint8_t value) { return value == 0; });
}

Error BadPrefix(std::string text) { return Error{Errc::kBadPrefix, std::move(text)}; }

struct Ipv4Range {
  Ipv4 base;
  int bits;
};

// The IANA special-purpose registry of RFC 6890, where "global" is false, and multicast. What
// RFC 7526 took out of use (192.88.99.0/24) stays: it leads nowhere.
constexpr std::array<Ipv4Range, 15> kNonGlobal = {{
    {{{0, 0, 0, 0}}, 8},
    {{{10, 0, 0, 0}}, 8},
    {{{100, 64, 0, 0}}, 10},
    {{{127, 0, 0, 0}}, 8},
    {{{169, 254, 0, 0}}, 16},
    {{{172, 16, 0, 0}}, 12},
    {{{192, 0, 0, 0}}, 24},
    {{{192, 0, 2, 0}}, 24},
    {{{192, 88, 99, 0}}, 24},
    {{{192, 168, 0, 0}}, 16},
    {{{198, 18, 0, 0}}, 15},
    {{{198, 51, 100, 0}}, 24},
    {{{203, 0, 113, 0}}, 24},
    {{{224, 0, 0, 0}}, 4},
    {{{240, 0, 0, 0}}, 4},
}};

// Anycast addresses inside 192.0.0.0/24 that the registry calls global (RFC 7723, RFC 8155).
constexpr std::array<Ipv4, 2> kGlobalAfterAll = {{{{192, 0, 0, 9}}, {{192, 0, 0, 10}}}};

constexpr std::uint32_t ToNumber(Ipv4 v4) {
  return std::uint32_t{v4.octets[0]} << 24 | std::uint32_t{v4.octets[1]} << 16 |
         std::uint32_t{v4.octets[2]} << 8 | std::uint32_t{v4.octets[3]};
}

}  // namespace

Result<Prefix> Prefix::Make(const Ipv6& base, int bits) {
  if (std::find(kLengths.begin(), kLengths.end(), bits) == kLengths.end()) {
    return BadPrefix("a NAT64 prefix is 32, 40, 48, 56, 64 or 96 bits long (RFC 6052 section 2.2)");
  }
  if (Octets(bits) > kReservedOctet && base.octets[kReservedOctet] != 0) {
    return BadPrefix("bits 64 to 71 of a NAT64 prefix must be zero (RFC 6052 section 2.2)");
  }
  if (!IsZeroFrom(base, Octets(bits))) {
    return BadPrefix("a NAT64 prefix must be zero after its length (RFC 6052 section 2.2)");
  }
  if (base == kWellKnownBase && bits != kWellKnownBits) {
    return BadPrefix(
        "the well-known prefix 64:ff9b:: is 96 bits long, never another length "
        "(RFC 6052 section 2.2)");
  }
  if (StartsAlike(base, kMappedBase, bits)) {
    return BadPrefix(
        "a NAT64 prefix cannot hold the IPv4-mapped addresses ::ffff:0:0/96 "
        "(RFC 4291 section 2.5.5.2)");
  }
  return Prefix(base, bits);
}

Result<Prefix> Prefix::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return BadPrefix("a NAT64 prefix is written as address/length, as in 64:ff9b::/96");
  }
  const auto base = ParseIpv6(text.substr(0, slash));
  const auto bits = ParseDecimal(text.substr(slash + 1), 128);
  if (!base || !bits) {
    return BadPrefix(
        "a NAT64 prefix is an IPv6 address and a length of at most 128, as in 64:ff9b::/96");
  }
  return Make(*base, static_cast<int>(*bits));
}

Prefix Prefix::WellKnown() noexcept { return Prefix(kWellKnownBase, kWellKnownBits); }

Result<Prefix> Prefix::WithSuffix(const Ipv6& suffix) const {
  const auto before = suffix.octets.begin() + static_cast<std::ptrdiff_t>(SuffixStart(bits_));
  if (std::any_of(suffix.octets.begin(), before, [](std::uint8_t octet) { return octet != 0; })) {
    return BadPrefix(
        "a NAT64 suffix has bits only after the embedded IPv4 address (RFC 6052 section 2.2)");
  }
  Prefix result = *this;
  result.suffix_ = suffix;
  return result;
}

Ipv6 Prefix::Embed(Ipv4 v4) const noexcept {
  Ipv6 v6 = base_;
  const auto slots = Slots(bits_);
  for (std::size_t i = 0; i < slots.size(); ++i) v6.octets[slots[i]] = v4.octets[i];
  for (std::size_t i = SuffixStart(bits_); i < v6.octets.size(); ++i)
    v6.octets[i] = suffix_.octets[i];
  return v6;
}

std::optional<Ipv4> Prefix::Extract(const Ipv6& v6) const noexcept {
  if (!Contains(v6) || v6.octets[kReservedOctet] != 0) return std::nullopt;
  Ipv4 v4;
  const auto slots = Slots(bits_);
  for (std::size_t i = 0; i < slots.size(); ++i) v4.octets[i] = v6.octets[slots[i]];
  return v4;
}

bool Prefix::Contains(const Ipv6& v6) const noexcept { return StartsAlike(v6, base_, bits_); }

bool Prefix::is_well_known() const noexcept {
  return bits_ == kWellKnownBits && base_ == kWellKnownBase;
}

std::string Prefix::ToText() const {
  return resolve64::ToText(base_) + "/" + std::to_string(bits_);
}

bool IsNonGlobal(Ipv4 v4) noexcept {
  if (std::find(kGlobalAfterAll.begin(), kGlobalAfterAll.end(), v4) != kGlobalAfterAll.end()) {
    return false;
  }
  const std::uint32_t number = ToNumber(v4);
  return std::any_of(kNonGlobal.begin(), kNonGlobal.end(), [number](const Ipv4Range& range) {
    return ((number ^ ToNumber(range.base)) >> (32 - range.bits)) == 0;
  });
}

}  // namespace resolve64
