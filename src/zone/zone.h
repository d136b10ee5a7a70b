// One zone in memory, and the lookup of RFC 1034 section 4.3.2 in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::zone {

/// A record of class IN as it stands in a zone file.
struct Record {
  Name owner;
  RrType type = RrType::kNone;
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;  ///< uncompressed
  int line = 0;                     ///< in the file, 1 for the first; 0: from no file

  Record() = default;
  Record(const Name& o, RrType t, std::uint32_t l, std::vector<std::uint8_t> r, int n = 0)
      : owner(o), type(t), ttl(l), rdata(std::move(r)), line(n) {}
};

/// Something wrong with a zone file.
struct Problem {
  int line = 0;  ///< 1 for the first; 0: the file as a whole
  std::string text;
};

/// Immutable once made; any thread.
class Zone {
 public:
  /// How one step of a lookup ended.
  struct Step {
    enum class Kind : std::uint8_t {
      kData,    ///< `rrsets`
      kAlias,   ///< `rrsets`: the CNAME, or the DNAME and the CNAME made from it; go on at `target`
      kNodata,  ///< the name exists, the type does not
      kNxdomain,
      kTooLong,    ///< `rrsets`: a DNAME whose substitution passes 255 octets: YXDOMAIN
      kDelegated,  ///< at or below a delegation: another zone's business
    };
    Kind kind = Kind::kNxdomain;
    std::vector<dns::RrsetPtr> rrsets;
    Name target;
  };

  struct Made {
    std::shared_ptr<const Zone> zone;  ///< null where there is a problem
    std::vector<Problem> problems;     ///< in the order of the records
  };
  /// A zone of `records`, which must hold exactly one SOA record, at `apex`. Refused, each with a
  /// text: records that are not at or below `apex`, a CNAME beside other data (RFC 2181 section
  /// 10.1), more than one CNAME or DNAME at a name, data below a DNAME (RFC 6672 section 2.4), NS
  /// and DNAME records at a wildcard (RFC 4592 section 4).
  static Made Make(const Name& apex, const std::vector<Record>& records);

  [[nodiscard]] const Name& apex() const noexcept { return apex_; }
  /// The SOA as negative answers carry it: its TTL is min(TTL, MINIMUM) (RFC 2308 section 3).
  [[nodiscard]] const dns::RrsetPtr& negative_soa() const noexcept { return negative_soa_; }

  /// One name, no alias followed. Wildcards are expanded (RFC 4592), empty non-terminals exist.
  /// REQUIRES: name.IsAtOrBelow(apex()).
  [[nodiscard]] Step Find(const Name& name, RrType type) const;

 private:
  explicit Zone(const Name& apex) : apex_(apex) {}

  using Node = std::vector<dns::RrsetPtr>;  // empty: an empty non-terminal
  struct Hash {
    std::size_t operator()(const Name& name) const noexcept { return name.Hash(); }
  };

  [[nodiscard]] const Node* At(const Name& name) const;
  void Insert(const Name& owner, dns::RrsetPtr rrset);

  Name apex_;
  dns::RrsetPtr negative_soa_;
  std::unordered_map<Name, Node, Hash> nodes_;
};

}  // namespace resolve64::zone
