// What is answered here, without asking anybody.
#pragma once

#include <optional>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::zone {

/// An answer from local data. A value; the RRsets are shared and immutable, and their TTLs stand
/// still.
struct LocalAnswer {
  Rcode rcode = Rcode::kNoError;
  /// The answer section in order: each CNAME, or DNAME and the CNAME made from it, then the data.
  std::vector<dns::RrsetPtr> answer;
  /// The authority section of a negative answer (NXDOMAIN, NODATA). Its TTL is already the
  /// negative TTL (RFC 2308 section 3). Null otherwise.
  dns::RrsetPtr soa;
  /// AA belongs into the reply. It speaks of the name that was asked (RFC 1035 section 4.1.1).
  bool authoritative = true;
  /// Set where the chain in `answer` ends at a name that is not local: the same type has to be
  /// resolved there, and its chain and data go behind `answer`. `rcode` is then kNoError and means
  /// nothing yet.
  std::optional<Name> follow;
};

}  // namespace resolve64::zone
