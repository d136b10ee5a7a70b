// What parents say of their children: who serves a zone, and where (RFC 1034 section 4.2.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "cache/packed_list.h"
#include "cache/sharded.h"
#include "dns/rrset.h"
#include "resolve64/name.h"

namespace resolve64::cache {

/// Immutable once it is in the cache.
struct Delegation {
  Name zone;
  PackedList<Name> ns;
  PackedList<Glue> glue;
  dns::RrsetPtr ds;                     ///< as the referral had it, not validated; may be null
  std::vector<dns::RrsetPtr> ds_proof;  ///< or the NSEC and NSEC3 that came in its place
  TimePoint expires{};  ///< by the parent's TTL: the child cannot prolong it (REC-31)
};
using DelegationPtr = std::shared_ptr<const Delegation>;

/// Thread-safe; one for all workers. Bounded by octets.
class DelegationCache {
 public:
  static constexpr std::size_t kMaxNs =
      32;  ///< name servers kept of a referral; the others are dropped
  static constexpr std::size_t kMaxGlue = 64;  ///< addresses kept of a referral

  explicit DelegationCache(std::size_t octets);

  /// The deepest live delegation at or above `name`, or null. For a DS question the caller gives
  /// the parent of the name: the delegation at the name itself is the child's side (RFC 4035
  /// section 4.2).
  [[nodiscard]] DelegationPtr FindDeepest(const Name& name, TimePoint now);
  /// The live delegation of `zone` itself, or null.
  [[nodiscard]] DelegationPtr Find(const Name& zone, TimePoint now);

  /// Keeps what a parent said, in place of what it said before. Name servers that are named twice,
  /// addresses that came before under any name, glue of names that are no name servers of the zone,
  /// and what is past the bounds above are left out. What is kept; null where no name server is
  /// left, or it has expired.
  DelegationPtr Put(const Delegation& delegation, TimePoint now);

  std::size_t Flush(const Name& zone);       ///< the number of entries that went
  std::size_t FlushBelow(const Name& name);  ///< the zone `name` and all below it
  void Clear() { entries_.Clear(); }

  [[nodiscard]] CacheStats stats() const { return entries_.stats(); }

 private:
  class Octets : public CountEntries {
   public:
    static constexpr bool kOctets = true;
    [[nodiscard]] static std::size_t Cost(const DelegationPtr& delegation) noexcept;
  };

  Sharded<DelegationPtr, Octets> entries_;
};

}  // namespace resolve64::cache
