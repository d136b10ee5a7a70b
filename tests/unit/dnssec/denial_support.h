// NSEC and NSEC3 RRsets made by hand, for the tests of denials.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "dns/rrset.h"
#include "dnssec/denial.h"
#include "unit/dns/wire.h"

namespace resolve64::dnssec::test {

using dns::RrsetPtr;
using resolve64::test::N;
using resolve64::test::Wire;
using Types = std::vector<RrType>;
using Bytes = std::vector<std::uint8_t>;
using Records = std::vector<RrsetPtr>;

inline const TimePoint kNow{std::chrono::hours(10)};
inline constexpr std::uint16_t kMaxIterations = 50;

/// RFC 4034 section 4.1.2.
inline Bytes Bitmap(const Types& types) {
  std::map<unsigned, Bytes> windows;
  for (const RrType type : types) {
    const auto value = static_cast<unsigned>(type);
    Bytes& bits = windows[value >> 8];
    const std::size_t octet = (value & 0xFF) / 8;
    if (bits.size() <= octet) bits.resize(octet + 1);
    bits[octet] = static_cast<std::uint8_t>(bits[octet] | 0x80 >> (value & 7));
  }
  Wire wire;
  for (const auto& [window, bits] : windows) {
    wire.U8(window).U8(static_cast<unsigned>(bits.size()));
    for (const std::uint8_t octet : bits) wire.U8(octet);
  }
  return wire.octets();
}

/// The shape of a signature; nobody made it.
inline Bytes FakeRrsig(RrType covered, std::size_t labels, const Name& signer) {
  Wire wire;
  wire.U16(static_cast<unsigned>(covered)).U8(13).U8(static_cast<unsigned>(labels)).U32(3600);
  wire.U32(0x7FFFFFFF).U32(0).U16(4711).NameOf(signer.ToText());
  for (int i = 0; i < 64; ++i) wire.U8(0x5a);
  return wire.octets();
}

inline std::size_t SignedLabels(const Name& owner) {
  return owner.LabelCount() - (owner.is_wildcard() ? 1 : 0);
}

struct Making {
  Name zone = N("example");
  Security security = Security::kSecure;
  std::uint32_t ttl = 3600;
  int fewer_labels = 0;  // than the owner has, in the signature
  TimePoint now = kNow;
};

inline RrsetPtr Make(const Name& owner, RrType type, const Bytes& rdata, const Making& making) {
  dns::RrsetBuilder builder(owner, type);
  builder.Add(rdata, making.ttl);
  const std::size_t labels = SignedLabels(owner) - static_cast<std::size_t>(making.fewer_labels);
  builder.AddSignature(FakeRrsig(type, labels, making.zone), making.ttl);
  const RrsetPtr plain = builder.Build(making.now, dns::Trust::kAuthAuthority);
  return dns::Certify(*plain, making.security, making.ttl, making.now);
}

inline RrsetPtr NsecOf(std::string_view owner, std::string_view next, Types types,
                       const Making& making = {}) {
  types.push_back(RrType::kRrsig);
  types.push_back(RrType::kNsec);
  Bytes rdata = resolve64::test::ToOctets(N(next).wire());
  const Bytes bitmap = Bitmap(types);
  rdata.insert(rdata.end(), bitmap.begin(), bitmap.end());
  return Make(N(owner), RrType::kNsec, rdata, making);
}

inline Bytes ToBytes(const RrsetPtr& rrset) { return resolve64::test::ToOctets(rrset->rdata(0)); }

/// RFC 4648 section 7, in lower case.
inline std::string Base32(std::string_view octets) {
  std::string text;
  unsigned value = 0;
  int bits = 0;
  for (const char c : octets) {
    value = (value << 8 | static_cast<std::uint8_t>(c)) & 0xFFFF;
    for (bits += 8; bits >= 5; bits -= 5) {
      text += "0123456789abcdefghijklmnopqrstuv"[value >> (bits - 5) & 31];
    }
  }
  return text;
}

struct Parameters {
  std::uint8_t algorithm = 1;
  std::uint8_t flags = 0;
  std::uint16_t iterations = 0;
  Bytes salt = {};
};

inline std::string HashOf(std::string_view name, const Parameters& parameters) {
  return HashName(N(name), parameters.salt, parameters.iterations);
}

/// By the octets of its hashes.
inline RrsetPtr Nsec3At(const std::string& owner_hash, const std::string& next_hash,
                        const Types& types, const Parameters& parameters,
                        const Making& making = {}) {
  Wire wire;
  wire.U8(parameters.algorithm).U8(parameters.flags).U16(parameters.iterations);
  wire.U8(static_cast<unsigned>(parameters.salt.size()));
  for (const std::uint8_t octet : parameters.salt) wire.U8(octet);
  wire.U8(static_cast<unsigned>(next_hash.size())).Text(next_hash);
  Bytes rdata = wire.octets();
  const Bytes bitmap = Bitmap(types);
  rdata.insert(rdata.end(), bitmap.begin(), bitmap.end());
  const Name owner = making.zone.Prepend(Base32(owner_hash)).value();
  return Make(owner, RrType::kNsec3, rdata, making);
}

/// By the hashes as text.
inline RrsetPtr Nsec3Of(std::string_view owner_hash, std::string_view next_hash, const Types& types,
                        const Parameters& parameters, const Making& making = {}) {
  return Nsec3At(*DecodeHashLabel(owner_hash, 20), *DecodeHashLabel(next_hash, 20), types,
                 parameters, making);
}

/// `hash` with a number added to its last octets.
inline std::string Step(std::string hash, int by) {
  for (std::size_t i = hash.size(); i-- > 0 && by != 0;) {
    const int value = static_cast<std::uint8_t>(hash[i]) + by;
    hash[i] = static_cast<char>(value & 0xFF);
    by = value < 0 ? -1 : value > 0xFF ? 1 : 0;
  }
  return hash;
}

/// An NSEC3 that matches `name` and covers nothing to speak of.
inline RrsetPtr Matching(std::string_view name, const Types& types, const Parameters& parameters,
                         const Making& making = {}) {
  const std::string hash = HashOf(name, parameters);
  return Nsec3At(hash, Step(hash, 1), types, parameters, making);
}

/// An NSEC3 that covers `name` and next to nothing else.
inline RrsetPtr Covering(std::string_view name, const Parameters& parameters,
                         const Making& making = {}) {
  const std::string hash = HashOf(name, parameters);
  return Nsec3At(Step(hash, -1), Step(hash, 1), {RrType::kA, RrType::kRrsig}, parameters, making);
}

}  // namespace resolve64::dnssec::test
