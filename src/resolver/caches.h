// The caches that all workers share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cache/delegation_cache.h"
#include "cache/failure_cache.h"
#include "cache/rrset_cache.h"
#include "cache/server_table.h"
#include "dnssec/denial_cache.h"
#include "dnssec/trust_cache.h"

namespace resolve64::resolver {

/// Raw facts only: nothing here knows of DNS64 or of views. Thread-safe, member by member.
struct Caches {
  /// `octets` bounds RRsets, delegations, the denials of aggressive use and the keys of zones
  /// together.
  explicit Caches(std::size_t octets)
      : rrsets(octets - octets / 4),
        delegations(octets / 8),
        denials(octets / 16),
        trust(octets / 16) {}

  /// Everything that was learned of names goes; what is known of servers stays.
  void Clear() {
    rrsets.Clear();
    delegations.Clear();
    denials.Clear();
    trust.Clear();
    failures.Clear();
    Forgot();
  }
  /// To be called where facts were taken out before their time, or are judged otherwise from now
  /// on: what was made of them is worth nothing any more.
  void Forgot() noexcept { epoch.fetch_add(1, std::memory_order_release); }

  /// How often Forgot() was called: read for every question, so among what never changes.
  std::atomic<std::uint64_t> epoch{0};
  cache::RrsetCache rrsets;
  cache::DelegationCache delegations;
  dnssec::DenialCache denials;
  dnssec::TrustCache trust;
  cache::FailureCache failures;
  cache::ServerTable servers;
};

}  // namespace resolve64::resolver
