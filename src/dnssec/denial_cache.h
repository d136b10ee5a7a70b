// Aggressive use of validated denials: what lies between two names is known not to exist (RFC
// 8198).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cache/sharded.h"
#include "dns/rrset.h"
#include "dnssec/work.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

/// A denial made from what is cached.
struct KnownDenial {
  bool nxdomain = false;
  dns::RrsetPtr soa;
  std::vector<dns::RrsetPtr> proof;
};

/// A name that a wildcard makes, as far as the denials tell: no closer name than `wildcard` exists.
struct KnownWildcard {
  Name wildcard;                     ///< "*.example."
  std::vector<dns::RrsetPtr> proof;  ///< that no closer name exists
};

/// Validated NSEC and NSEC3 RRsets by zone, in canonical order. Thread-safe; one for all workers.
/// Bounded by octets: the oldest go first.
class DenialCache {
 public:
  explicit DenialCache(std::size_t octets);
  ~DenialCache();
  DenialCache(const DenialCache&) = delete;
  DenialCache& operator=(const DenialCache&) = delete;

  /// Keeps what a validated denial rested on. REQUIRES: all are Secure, of `zone`; `soa` is the
  /// zone's. Opt-out NSEC3 records are not kept. They live no longer than their TTL, than the SOA's
  /// TTL and MINIMUM (RFC 9077), and kLongest; those that are found later have a TTL that says so.
  void Add(const Name& zone, const dns::RrsetPtr& soa, const std::vector<dns::RrsetPtr>& records,
           TimePoint now);
  static constexpr std::uint32_t kLongest = 10800;  ///< seconds, RFC 8198 section 5.4

  /// NXDOMAIN or NODATA of (name, type) where cached records prove it (RFC 8198 sections 5.1
  /// and 5.2). NSEC3 hashes are paid from `work`; `max_iterations` as in Proof. Nothing for DS: the
  /// parent is asked.
  std::optional<KnownDenial> Find(const Name& name, RrType type, std::uint16_t max_iterations,
                                  Work& work, TimePoint now);
  /// The wildcard that makes `name`, where cached records prove that no closer name exists, and do
  /// not deny the wildcard (RFC 8198 section 5.3). The caller looks for its RRsets: that it has a
  /// Secure one proves that the wildcard exists. Limits as for Find().
  std::optional<KnownWildcard> FindWildcard(const Name& name, std::uint16_t max_iterations,
                                            Work& work, TimePoint now);

  std::size_t FlushBelow(const Name& name);  ///< zones at or below, and those that hold the name
  void Clear();
  [[nodiscard]] cache::CacheStats stats() const;

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace resolve64::dnssec
