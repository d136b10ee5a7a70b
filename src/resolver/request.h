// What one client question may cost, and who wants to hear how it went.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "dnssec/work.h"
#include "resolver/trace.h"

namespace resolve64::resolver {

/// The limits of requirements LIM-01 to LIM-06, for one client question and everything it starts.
struct Limits {
  int queries = 100;    ///< upstream queries, retries and TCP included (LIM-03)
  int aliases = 11;     ///< CNAME and DNAME steps (LIM-01)
  int ns_lookups = 20;  ///< names of name servers looked up (LIM-02)
  int ns_lookups_a_step =
      3;               ///< of one referral (LIM-02; lessons F10: NXNS costs ten queries at most)
  int referrals = 30;  ///< delegations followed (LIM-04)
  int depth = 8;       ///< lookups inside lookups (LIM-04)
  int minimized_misses = 4;  ///< minimized questions that brought no delegation, before the whole
                             ///< name is asked (lessons F11)
};

/// One client question in progress. Shared by the tasks that work for it; one thread.
struct Request {
  TimePoint deadline;
  Limits left;
  std::shared_ptr<Trace> trace;  ///< usually null
  std::uint64_t id = 0;          ///< in logs
  /// CD (RFC 6840 section 5.9): data as it was received, validated or not, bogus or not.
  bool checking_disabled = false;
  /// Negative trust anchors do not count: to see whether one is still needed (RFC 7646 section 2).
  bool ignore_negative_anchors = false;
  dnssec::Work work;  ///< what validation may still cost
  std::uint32_t salt =
      0;  ///< random: what is chosen with it is chosen alike by all lookups of the request
  int upstream_queries = 0;  ///< sent for this request so far
};
using RequestPtr = std::shared_ptr<Request>;

}  // namespace resolve64::resolver
