// Proofs that something does not exist (RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840
// section 4).
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dns/rrset.h"
#include "dnssec/records.h"
#include "dnssec/work.h"
#include "resolve64/dns64.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

/// NSEC3 hashes of names, under one set of parameters.
using NameHashes = std::map<Name, std::string>;

/// What a set of NSEC or NSEC3 RRsets says of one claim.
struct Denial {
  enum class Kind : std::uint8_t {
    kProved,
    kInsecure,   ///< it rests on an opt-out span (RFC 5155 section 9.2), or NSEC3 with more
                 ///< iterations than are followed (RFC 9276 section 3.2)
    kNotProved,  ///< bogus
  };
  Kind kind = Kind::kNotProved;
  std::optional<Ede> ede;  ///< 12 where not proved, 27 for iterations, 0 for a limit
  std::string text;        ///< for people
  bool limited = false;    ///< not proved, because a limit of Work was reached
  /// The records that the proof rests on, in the order in which they were given.
  std::vector<dns::RrsetPtr> used;
};

/// What the parent of a name says of a zone cut there (RFC 4035 section 5.2, RFC 6840 section 4.4).
struct NoDs {
  Denial denial;
  /// With kProved: NS is set, so there is an insecure delegation at the name. Otherwise the name
  /// belongs to the zone itself, or does not exist. With kInsecure by opt-out there may be one.
  bool delegation = false;
};

/// The NSEC and NSEC3 RRsets of one response that were verified with the keys of `zone`. Each RRset
/// is looked at once when it is made. Records that are malformed, whose owner or next name is
/// outside the zone, that came out of a wildcard (fewer RRSIG labels than the owner has), with an
/// unknown hash algorithm or unknown flags are not used (SEC-24, SEC-26, CAC-09). NSEC3 records of
/// unequal parameters prove nothing together. Hashes are paid from `work`, each name once.
class Proof {
 public:
  /// `work` is borrowed. `max_iterations`: RFC 9276 section 3.2; 50 by default.
  Proof(const Name& zone, std::span<const dns::RrsetPtr> records, std::uint16_t max_iterations,
        Work& work);
  Proof(const Proof&) = delete;
  Proof& operator=(const Proof&) = delete;
  ~Proof() = default;

  /// Hashes of names under the parameters of `records` that the caller has already paid for.
  void Know(NameHashes hashes) { hashes_ = std::move(hashes); }

  [[nodiscard]] bool empty() const noexcept { return nsec_.empty() && nsec3_.empty(); }

  /// `name` does not exist, and no wildcard makes it.
  Denial Nxdomain(const Name& name);
  /// `name` exists, or a wildcard makes it, without `type` and without CNAME; empty non-terminals
  /// and NXNAME of compact denial (RFC 9824) included. For type DS see NoDsAt().
  Denial Nodata(const Name& name, RrType type);
  /// No name closer to `name` than the one with `labels` labels exists: an answer that was expanded
  /// from the wildcard below it stands (RFC 4035 section 5.3.4, RFC 5155 section 8.8).
  Denial NoCloserName(const Name& name, std::uint8_t labels);
  /// No DS at `name`, by what its parent says.
  NoDs NoDsAt(const Name& name);

 private:
  struct NsecRecord {
    dns::RrsetPtr rrset;
    Name owner;
    Nsec nsec;
  };
  struct Nsec3Record {
    dns::RrsetPtr rrset;
    std::string owner_hash;
    Nsec3 nsec3;
  };
  // Of a name that does not exist, by NSEC3 (RFC 5155 section 8.3).
  struct Encloser {
    Name closest;
    const Nsec3Record* match = nullptr;  // of `closest`
    const Nsec3Record* cover = nullptr;  // of the next closer name
  };

  void AddNsec(const dns::RrsetPtr& rrset);
  void AddNsec3(const dns::RrsetPtr& rrset);

  // Asks the NSEC records, and where they do not prove it the NSEC3 records.
  template <class ByNsec, class ByNsec3>
  Denial Ask(const Name& name, ByNsec by_nsec, ByNsec3 by_nsec3);
  // Why NSEC3 is not followed at all.
  [[nodiscard]] std::optional<Denial> Nsec3Trouble() const;
  static Denial NotProved(std::string text);
  // A proof that rests on those of `all` that are in `needed`; nulls are left out.
  template <class Record>
  static Denial RestsOn(const std::vector<Record>& all, std::initializer_list<const Record*> needed,
                        Denial::Kind kind = Denial::Kind::kProved) {
    Denial denial;
    denial.kind = kind;
    for (const Record& record : all) {
      if (std::ranges::find(needed, &record) != needed.end()) denial.used.push_back(record.rrset);
    }
    return denial;
  }

  Denial NxdomainByNsec(const Name& name) const;
  Denial NodataByNsec(const Name& name, RrType type) const;
  Denial NoCloserByNsec(const Name& name, std::size_t labels) const;
  Denial NoDsByNsec(const Name& name, bool& delegation) const;
  [[nodiscard]] const NsecRecord* MatchingNsec(const Name& name) const;
  [[nodiscard]] const NsecRecord* CoveringNsec(const Name& name) const;

  Denial NxdomainByNsec3(const Name& name);
  Denial NodataByNsec3(const Name& name, RrType type);
  Denial NoCloserByNsec3(const Name& name, std::size_t labels);
  Denial NoDsByNsec3(const Name& name, bool& delegation);
  // Null where the work is spent: nothing is proved then.
  const std::string* HashOf(const Name& name);
  const Nsec3Record* MatchingNsec3(const Name& name);
  const Nsec3Record* CoveringNsec3(const Name& name);
  std::optional<Encloser> FindEncloser(const Name& name, Denial& trouble);

  Name zone_;
  std::uint16_t max_iterations_;
  Work& work_;
  std::vector<NsecRecord> nsec_;
  std::vector<Nsec3Record> nsec3_;
  bool mixed_ = false;  // NSEC3 records of unequal parameters
  bool out_of_work_ = false;
  NameHashes hashes_;
};

/// The NSEC3 hash of `name` (RFC 5155 section 5), 20 octets of SHA-1. The name is lower-cased
/// first. Empty where OpenSSL has no SHA-1 to offer.
std::string HashName(const Name& name, Octets salt, std::uint16_t iterations);

}  // namespace resolve64::dnssec
