// Judging what a server said (RFC 1034 section 5.3.3 step 4, RFC 2181 section 5.4.1, RFC 2308
// section 2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cache/delegation_cache.h"
#include "dns/rrset.h"
#include "resolve64/message.h"

namespace resolve64::resolver {

/// What a reply is good for.
enum class ReplyKind : std::uint8_t {
  kAnswer,    ///< the RRset asked for, at the end of `chain`
  kAlias,     ///< `chain` leads to `final_name`, of which the reply says no more
  kNodata,    ///< no such type at `final_name`
  kNxdomain,  ///< no `final_name`
  kReferral,  ///< `delegation` is closer to the name
  kUseless,   ///< the next server, please
};

/// Why a reply is useless.
enum class Useless : std::uint8_t {
  kRcode,      ///< an RCODE that is no answer
  kLame,       ///< the server does not serve the zone
  kMalformed,  ///< RDATA without the shape of its type, or too much of it
  kTooMuch,    ///< more than a limit allows (LIM-07)
  kSideways,   ///< a referral that is not closer to the name
};

/// How TTLs are held (the cache's bounds), seconds.
struct TtlBounds {
  std::uint32_t min = 0;
  std::uint32_t max = 86400;
  std::uint32_t max_negative = 3600;
};

/// A judged reply. Only records that are in the bailiwick of the zone asked and on the way from the
/// question to its answer are in it: everything else that the message held is dropped.
struct Reply {
  ReplyKind kind = ReplyKind::kUseless;
  Rcode rcode = Rcode::kNoError;     ///< as received
  std::vector<dns::RrsetPtr> chain;  ///< CNAMEs, each after the DNAME it was made from
  Name final_name;
  dns::RrsetPtr data;                ///< for kAnswer
  dns::RrsetPtr soa;                 ///< for kNodata and kNxdomain; null where none was sent
  std::vector<dns::RrsetPtr> proof;  ///< of a denial: NSEC and NSEC3 of the authority section
  cache::DelegationPtr delegation;   ///< for kReferral
  Useless useless = Useless::kRcode;
  std::string why;  ///< for kUseless, a few words
};

/// What was asked of whom.
struct Asked {
  Question question;       ///< in the letter case that answers shall have
  Name zone;               ///< whose servers were asked: the bailiwick
  bool recursive = false;  ///< a forwarder: AA is not expected, referrals are not wanted
};

/// Judges `message`, whose question is known to be the one asked. Pure. Work is bounded by the size
/// of the message.
Reply Classify(const MessageView& message, const Asked& asked, TimePoint now, TtlBounds bounds);

}  // namespace resolve64::resolver
