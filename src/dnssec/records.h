// The RDATA of DNSSEC records, read in place (RFC 4034, RFC 5155).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

using Octets = std::span<const std::uint8_t>;

// Each Read() gives nothing where the RDATA does not have the shape of its type. Spans point into
// what was read.

/// RFC 4034 section 3.1.
struct Rrsig {
  RrType covered = RrType::kNone;
  std::uint8_t algorithm = 0;
  std::uint8_t labels = 0;
  std::uint32_t original_ttl = 0;  ///< seconds
  std::uint32_t expiration = 0;    ///< seconds since 1970, modulo 2^32 (section 3.1.5)
  std::uint32_t inception = 0;
  std::uint16_t key_tag = 0;
  Name signer;
  Octets signature;

  static std::optional<Rrsig> Read(Octets rdata);
};

/// RFC 4034 section 2.1.
struct Dnskey {
  static constexpr std::uint16_t kZone = 0x0100;
  static constexpr std::uint16_t kRevoke = 0x0080;  // RFC 5011 section 2.1
  static constexpr std::uint16_t kSep = 0x0001;

  std::uint16_t flags = 0;
  std::uint8_t protocol = 0;
  std::uint8_t algorithm = 0;
  Octets key;

  static std::optional<Dnskey> Read(Octets rdata);
  [[nodiscard]] bool zone_key() const noexcept { return (flags & kZone) != 0 && protocol == 3; }
  [[nodiscard]] bool revoked() const noexcept { return (flags & kRevoke) != 0; }
};

/// RFC 4034 appendix B. Of a whole DNSKEY RDATA.
std::uint16_t KeyTag(Octets dnskey_rdata) noexcept;

/// RFC 4034 section 5.1.
struct Ds {
  std::uint16_t key_tag = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t digest_type = 0;
  Octets digest;

  static std::optional<Ds> Read(Octets rdata);
};

/// RFC 4034 section 4.1.2. Only made of a well-formed one.
class TypeBitmap {
 public:
  TypeBitmap() = default;
  static std::optional<TypeBitmap> Read(Octets octets);
  [[nodiscard]] bool Has(RrType type) const noexcept;
  [[nodiscard]] Octets octets() const noexcept { return octets_; }

 private:
  Octets octets_;
};

/// RFC 4034 section 4.1.
struct Nsec {
  Name next;
  TypeBitmap types;

  static std::optional<Nsec> Read(Octets rdata);
};

/// RFC 5155 section 3.
struct Nsec3 {
  static constexpr std::uint8_t kSha1 = 1;
  static constexpr std::uint8_t kOptOut = 0x01;

  std::uint8_t hash_algorithm = 0;
  std::uint8_t flags = 0;
  std::uint16_t iterations = 0;
  Octets salt;
  Octets next_hash;
  TypeBitmap types;

  static std::optional<Nsec3> Read(Octets rdata);
  [[nodiscard]] bool opt_out() const noexcept { return (flags & kOptOut) != 0; }
};

/// The label of an NSEC3 owner name as octets: base32hex without padding, in any letter case (RFC
/// 4648 section 7). Nothing where it is not that, or not `size` octets long.
std::optional<std::string> DecodeHashLabel(std::string_view label, std::size_t size);

}  // namespace resolve64::dnssec
