// The caches that all workers share.
#pragma once

#include <cstddef>

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
  }

  cache::RrsetCache rrsets;
  cache::DelegationCache delegations;
  dnssec::DenialCache denials;
  dnssec::TrustCache trust;
  cache::FailureCache failures;
  cache::ServerTable servers;
};

}  // namespace resolve64::resolver
