// What a client is told, before it is octets.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dns/rrset.h"
#include "resolve64/types.h"

namespace resolve64::server {

/// An RRset as it goes into a reply.
struct ResponseRrset {
  dns::RrsetPtr rrset;
  std::uint32_t ttl = 0;   ///< seconds
  bool signatures = true;  ///< its RRSIG records go with it where the client set DO

  ResponseRrset(dns::RrsetPtr set, std::uint32_t seconds, bool with_signatures = true)
      : rrset(std::move(set)), ttl(seconds), signatures(with_signatures) {}
};

/// The last moment at which the TTL of `rrset` became one less, not after `now`. TTLs are rounded
/// up, so that is whenever what is left of its life is a whole number of seconds. Local data, which
/// does not age, has no such moment: TimePoint::max().
inline TimePoint LastTick(const dns::Rrset& rrset, TimePoint now) noexcept {
  if (rrset.expires() == TimePoint::max()) return TimePoint::max();
  return rrset.expires() - std::chrono::ceil<std::chrono::seconds>(rrset.expires() - now);
}

/// An Extended DNS Error (RFC 8914).
struct ResponseEde {
  Ede code = Ede::kOther;
  std::string text;
};

struct Response {
  Rcode rcode = Rcode::kServFail;
  bool authoritative = false;  ///< AA
  bool secure = false;         ///< AD, where the client may be told
  bool synthesized = false;    ///< holds records made by DNS64
  bool missed = false;         ///< what was in reach did not suffice: see Reach
  /// False: it was made for this client alone, or rests on what may change before its TTLs end.
  bool lasting = true;
  RrClass rclass = RrClass::kIn;
  std::vector<ResponseRrset> answer;
  std::vector<ResponseRrset> authority;
  std::vector<ResponseRrset> additional;  ///< may be left out where it does not fit
  std::vector<ResponseEde> ede;

  Response() = default;
  explicit Response(Rcode code) : rcode(code) {}
};

}  // namespace resolve64::server
