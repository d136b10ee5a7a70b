// An RRset, its signatures, and the keys of a zone: is it authentic (RFC 4035 section 5.3)?
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dns/rrset.h"
#include "dnssec/key.h"
#include "dnssec/work.h"
#include "resolve64/dns64.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

/// The outcome for one RRset.
struct Verdict {
  Security security = Security::kBogus;  ///< kSecure or kBogus
  std::optional<Ede> ede;                ///< why it is bogus: 6, 7, 8, 9, 10, 25; 0 for a limit
  std::string text;                      ///< for people: which name, which record, which key
  /// Of a secure one: how long it may be kept, seconds (RFC 4035 section 5.3.3): the least of RRset
  /// TTL, original TTL and the time to the signature's expiration, at least 1.
  std::uint32_t max_ttl = 0;
  std::uint32_t original_ttl = 0;  ///< of the signature, seconds
  std::int64_t expires_in = 0;     ///< seconds until the signature expires
  /// Labels of the name that was signed, the wildcard's asterisk not counted. Fewer than the owner
  /// has: it was expanded from a wildcard, and is secure only with a proof that no closer name
  /// exists (RFC 4035 section 5.3.4).
  std::uint8_t signed_labels = 0;
  bool limited = false;  ///< bogus for now, because a limit of Work was reached
  /// With `limited`: the limit is kMaxFailures, so that the same RRset and keys end alike next
  /// time, and need not be tried again.
  bool too_many_failures = false;
};

/// True where a signature of `rrset` says that it was expanded from a wildcard (RFC 4034
/// section 3.1.3). Nothing is verified.
bool IsExpanded(const dns::Rrset& rrset) noexcept;

/// Names that the signatures of `rrset` give as signer, each once, the deepest first, at most
/// three; only those that may sign it: at or above the owner, for a DS RRset above it.
std::vector<Name> Signers(const dns::Rrset& rrset);

/// What is signed (RFC 4034 section 3.1.8.1): RRSIG RDATA without the signature, then the records
/// in canonical form and order (section 6, RFC 6840 section 5.1), with the original TTL, under the
/// wildcard's name where the labels say so. `out` is overwritten.
void SignedData(const dns::Rrset& rrset, const Rrsig& rrsig, std::vector<std::uint8_t>& out);

/// Verifies step by step, so that the caller can give way between two public-key operations. Any
/// one good signature suffices (RFC 6840 section 5.4); signatures by keys that are not in `keys`
/// are not looked at (section 5.11). Borrows its arguments.
class Verification {
 public:
  /// `now`: seconds since 1970. Signatures are taken as valid up to a tenth of their lifetime, and
  /// an hour at most, before and after (RFC 4035 section 5.3.1 leaves skew to the validator).
  Verification(const dns::Rrset& rrset, const KeySet& keys, std::int64_t now, Work& work);
  Verification(const Verification&) = delete;
  Verification& operator=(const Verification&) = delete;
  ~Verification() = default;

  /// One public-key operation at most. True where the verdict is known.
  bool Step();
  /// What the next Step() costs, microseconds; 0 where it is only a look.
  [[nodiscard]] int NextCost() const noexcept;
  /// REQUIRES: Step() returned true.
  [[nodiscard]] const Verdict& verdict() const noexcept { return verdict_; }

 private:
  struct Candidate {
    Rrsig rrsig;
    const ZoneKey* key = nullptr;
  };
  void Plan(std::int64_t now);
  [[nodiscard]] bool TooManyFailures() const noexcept {
    return failures_ >= kMaxFailures || failed_cost_ >= kMaxFailedCost;
  }
  bool End(Security security, std::optional<Ede> ede, std::string text);

  const dns::Rrset& rrset_;
  const KeySet& keys_;
  std::int64_t now_;
  Work& work_;
  std::vector<Candidate> candidates_;  // pairs worth a public-key operation, in order
  std::size_t next_ = 0;
  int failures_ = 0;
  int failed_cost_ = 0;  // microseconds
  std::vector<std::uint8_t> scratch_;
  Verdict verdict_;
  bool done_ = false;
};

}  // namespace resolve64::dnssec
