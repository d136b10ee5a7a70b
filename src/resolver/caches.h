// The caches that all workers share.
#pragma once

#include <cstddef>

#include "cache/delegation_cache.h"
#include "cache/failure_cache.h"
#include "cache/rrset_cache.h"
#include "cache/server_table.h"

namespace resolve64::resolver {

/// Raw facts only: nothing here knows of DNS64 or of views. Thread-safe, member by member.
struct Caches {
  /// `octets` bounds RRsets and delegations together.
  explicit Caches(std::size_t octets) : rrsets(octets - octets / 8), delegations(octets / 8) {}

  cache::RrsetCache rrsets;
  cache::DelegationCache delegations;
  cache::FailureCache failures;
  cache::ServerTable servers;
};

}  // namespace resolve64::resolver
