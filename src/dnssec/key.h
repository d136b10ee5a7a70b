// Public keys, and which of them a zone's parent vouches for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/rrset.h"
#include "dnssec/records.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

/// A public key ready for use. Immutable; any thread.
class PublicKey {
 public:
  /// Of the key field of a DNSKEY. Null where the algorithm is not supported, or the key is
  /// malformed or out of bounds: RSA exponents past 64 bits, moduli below 512 or past 4096 bits;
  /// keys of another length than RFC 6605 section 4 and RFC 8080 section 3 say.
  static std::shared_ptr<const PublicKey> Make(std::uint8_t algorithm, Octets key);
  virtual ~PublicKey() = default;

  /// True where `signature` is this key's over `data`. False too for a signature of a wrong length.
  [[nodiscard]] virtual bool Verify(Octets data, Octets signature) const = 0;
};

/// A DNSKEY that may sign: Zone flag, protocol 3, not revoked, of a supported algorithm.
struct ZoneKey {
  std::uint16_t tag = 0;
  std::uint8_t algorithm = 0;
  std::shared_ptr<const PublicKey> key;  ///< null where malformed: it counts as a failed check
  int cost = 0;                          ///< of one verification, microseconds of a core, roughly
  std::size_t place = 0;                 ///< among the records of its DNSKEY RRset
};

/// The keys of a zone. Immutable once made; shared between threads.
struct KeySet {
  Name zone;
  std::vector<ZoneKey> keys;
};
using KeySetPtr = std::shared_ptr<const KeySet>;

/// Why there is no key, or none to start from.
struct KeyTrouble {
  Ede ede = Ede::kDnskeyMissing;
  std::string text;

  KeyTrouble() = default;
  KeyTrouble(Ede code, std::string why) : ede(code), text(std::move(why)) {}
};

/// All keys of `dnskeys` that may sign; at most kMaxZoneKeys of them are read. `made`: some of
/// them, made of the same RRset, that need not be made again; may be null.
KeySetPtr KeysOf(const dns::Rrset& dnskeys, const KeySet* made = nullptr);
inline constexpr std::size_t kMaxZoneKeys = 64;

/// What a DS RRset is good for (RFC 4035 section 5.2, RFC 6840 section 5.2).
struct DsSupport {
  bool usable = false;                   ///< at least one of its records can be followed
  Ede ede = Ede::kUnsupportedAlgorithm;  ///< where not: 1 or 2
  std::string text;                      ///< where not
};
DsSupport SupportOf(const dns::Rrset& ds);

/// The keys of `dnskeys` that `ds` names (RFC 4035 section 5.2): one of them has to sign the DNSKEY
/// RRset. A SHA-1 digest is not looked at where a SHA-2 digest is there for the zone (RFC 4509
/// section 3). Null where there is none, with `trouble` set: EDE 9, or 11 where the named key lacks
/// the Zone flag. At most kMaxDigests digests are computed.
KeySetPtr EntryKeys(const dns::Rrset& ds, const dns::Rrset& dnskeys, KeyTrouble& trouble);

/// The DS RDATA of a DNSKEY, digest SHA-256 (RFC 4509). For trust anchors given as keys.
std::vector<std::uint8_t> MakeDs(const Name& zone, Octets dnskey_rdata);

}  // namespace resolve64::dnssec
