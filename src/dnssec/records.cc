#include "dnssec/records.h"

#include <cstddef>

namespace resolve64::dnssec {
namespace {

constexpr std::size_t kRrsigFixed = 18;  // octets before the signer, RFC 4034 section 3.1
constexpr std::size_t kDnskeyFixed = 4;  // octets before the key, section 2.1
constexpr std::size_t kDsFixed = 4;      // octets before the digest, section 5.1
constexpr std::size_t kNsec3Fixed = 4;   // octets before the salt's length, RFC 5155 section 3.2
constexpr std::size_t kLargestBlock = 32;

std::uint16_t U16(Octets octets, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}

std::uint32_t U32(Octets octets, std::size_t at) noexcept {
  return std::uint32_t{U16(octets, at)} << 16 | U16(octets, at + 2);
}

// A field with its length in the octet before it; it is taken away. Nothing where it is cut short.
std::optional<Octets> TakeCounted(Octets& octets) noexcept {
  if (octets.empty() || octets.size() - 1 < octets[0]) return std::nullopt;
  const Octets field = octets.subspan(1, octets[0]);
  octets = octets.subspan(field.size() + 1);
  return field;
}

// The value of a digit of base32hex, or -1.
int DigitValue(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'V') return c - 'A' + 10;
  if (c >= 'a' && c <= 'v') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<Rrsig> Rrsig::Read(Octets rdata) {
  if (rdata.size() < kRrsigFixed) return std::nullopt;
  const auto signer = Name::FromWire(rdata.subspan(kRrsigFixed));
  if (!signer) return std::nullopt;
  Rrsig rrsig;
  rrsig.covered = static_cast<RrType>(U16(rdata, 0));
  rrsig.algorithm = rdata[2];
  rrsig.labels = rdata[3];
  rrsig.original_ttl = U32(rdata, 4);
  rrsig.expiration = U32(rdata, 8);
  rrsig.inception = U32(rdata, 12);
  rrsig.key_tag = U16(rdata, 16);
  rrsig.signer = *signer;
  rrsig.signature = rdata.subspan(kRrsigFixed + signer->length());
  if (rrsig.signature.empty()) return std::nullopt;
  return rrsig;
}

std::optional<Dnskey> Dnskey::Read(Octets rdata) {
  if (rdata.size() <= kDnskeyFixed) return std::nullopt;
  Dnskey dnskey;
  dnskey.flags = U16(rdata, 0);
  dnskey.protocol = rdata[2];
  dnskey.algorithm = rdata[3];
  dnskey.key = rdata.subspan(kDnskeyFixed);
  return dnskey;
}

std::uint16_t KeyTag(Octets dnskey_rdata) noexcept {
  constexpr std::uint8_t kRsaMd5 = 1;
  const std::size_t size = dnskey_rdata.size();
  // Appendix B.1: the tag of this one is a part of the modulus.
  if (size > kDnskeyFixed && dnskey_rdata[3] == kRsaMd5) return U16(dnskey_rdata, size - 3);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += (i & 1) != 0 ? dnskey_rdata[i] : std::uint32_t{dnskey_rdata[i]} << 8;
  }
  sum += sum >> 16 & 0xFFFF;
  return static_cast<std::uint16_t>(sum & 0xFFFF);
}

std::optional<Ds> Ds::Read(Octets rdata) {
  if (rdata.size() <= kDsFixed) return std::nullopt;
  Ds ds;
  ds.key_tag = U16(rdata, 0);
  ds.algorithm = rdata[2];
  ds.digest_type = rdata[3];
  ds.digest = rdata.subspan(kDsFixed);
  return ds;
}

std::optional<TypeBitmap> TypeBitmap::Read(Octets octets) {
  int last_window = -1;
  Octets rest = octets;
  while (!rest.empty()) {
    const int window = rest[0];
    if (window <= last_window) return std::nullopt;
    last_window = window;
    rest = rest.subspan(1);
    const auto block = TakeCounted(rest);
    if (!block || block->empty() || block->size() > kLargestBlock) return std::nullopt;
  }
  TypeBitmap bitmap;
  bitmap.octets_ = octets;
  return bitmap;
}

bool TypeBitmap::Has(RrType type) const noexcept {
  const auto number = static_cast<std::uint16_t>(type);
  const auto window = static_cast<std::uint8_t>(number >> 8);
  const std::size_t octet = (number & 0xFF) / 8;
  // Its shape was checked when it was read.
  for (std::size_t at = 0; at < octets_.size(); at += std::size_t{2} + octets_[at + 1]) {
    if (octets_[at] < window) continue;
    if (octets_[at] > window || octet >= octets_[at + 1]) return false;
    return (octets_[at + 2 + octet] & 0x80U >> (number & 7U)) != 0;
  }
  return false;
}

std::optional<Nsec> Nsec::Read(Octets rdata) {
  const auto next = Name::FromWire(rdata);
  if (!next) return std::nullopt;
  const auto types = TypeBitmap::Read(rdata.subspan(next->length()));
  if (!types) return std::nullopt;
  Nsec nsec;
  nsec.next = *next;
  nsec.types = *types;
  return nsec;
}

std::optional<Nsec3> Nsec3::Read(Octets rdata) {
  if (rdata.size() <= kNsec3Fixed) return std::nullopt;
  Nsec3 nsec3;
  nsec3.hash_algorithm = rdata[0];
  nsec3.flags = rdata[1];
  nsec3.iterations = U16(rdata, 2);
  Octets rest = rdata.subspan(kNsec3Fixed);
  const auto salt = TakeCounted(rest);
  if (!salt) return std::nullopt;
  const auto next_hash = TakeCounted(rest);
  if (!next_hash || next_hash->empty()) return std::nullopt;
  const auto types = TypeBitmap::Read(rest);
  if (!types) return std::nullopt;
  nsec3.salt = *salt;
  nsec3.next_hash = *next_hash;
  nsec3.types = *types;
  return nsec3;
}

std::optional<std::string> DecodeHashLabel(std::string_view label, std::size_t size) {
  if (label.size() != (size * 8 + 4) / 5) return std::nullopt;
  std::string octets;
  octets.reserve(size);
  unsigned bits = 0;
  int held = 0;
  for (const char c : label) {
    const int value = DigitValue(c);
    if (value < 0) return std::nullopt;
    bits = bits << 5 | static_cast<unsigned>(value);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    octets += static_cast<char>(bits >> held & 0xFFU);
    bits &= (1U << held) - 1;
  }
  if (bits != 0) return std::nullopt;
  return octets;
}

}  // namespace resolve64::dnssec
