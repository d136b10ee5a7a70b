// What recursion found: data or a denial, with the aliases on the way to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/dns64.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::resolver {

/// The outcome of one question, aliases followed (RFC 1034 section 5.3.3). A value: failures are
/// outcomes too.
struct Answer {
  LookupKind kind = LookupKind::kTimeout;
  Rcode rcode = Rcode::kServFail;  ///< what a client would be told
  std::vector<dns::RrsetPtr>
      chain;           ///< CNAME RRsets, each after the DNAME it was made from, in order
  Name final_name;     ///< the end of the chain; the owner of `data` or of the denial
  dns::RrsetPtr data;  ///< the RRset asked for; null unless kind is kData
  dns::RrsetPtr soa;   ///< of a denial; null where the server sent none
  std::vector<dns::RrsetPtr> proof;          ///< NSEC, NSEC3 that came with a denial
  bool authoritative = false;                ///< answered here: AA may be set
  bool from_cache = false;                   ///< nothing was asked upstream
  bool dns64_off = false;                    ///< a forward zone with "dns64": false said this
  Security security = Security::kUnchecked;  ///< of the whole: the weakest link
  /// Why it failed, or why what could have been validated is not secure.
  std::optional<Ede> ede;
  std::string ede_text;
  bool failed_before = false;  ///< from the failure cache: `ede` is that of the first time
};

}  // namespace resolve64::resolver
