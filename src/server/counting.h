// Which counter an event belongs to.
#pragma once

#include "resolve64/types.h"
#include "resolver/stats.h"
#include "server/client.h"
#include "server/cookies.h"

namespace resolve64::server {

constexpr resolver::Counter CounterOf(Rcode rcode) noexcept {
  switch (rcode) {
    case Rcode::kNoError:
      return resolver::Counter::kRcodeNoError;
    case Rcode::kNxDomain:
      return resolver::Counter::kRcodeNxDomain;
    case Rcode::kServFail:
      return resolver::Counter::kRcodeServFail;
    default:
      return resolver::Counter::kRcodeOther;
  }
}

constexpr resolver::Counter CounterOf(Transport transport) noexcept {
  switch (transport) {
    case Transport::kUdp:
      return resolver::Counter::kQueriesUdp;
    case Transport::kTcp:
      return resolver::Counter::kQueriesTcp;
    case Transport::kTls:
      return resolver::Counter::kQueriesTls;
    case Transport::kHttps:
      return resolver::Counter::kQueriesHttps;
  }
  return resolver::Counter::kQueriesTcp;
}

/// Only what a client claims to have from us is good or bad.
inline void CountCookie(CookieJudgement::State state, resolver::Stats& stats) noexcept {
  if (state == CookieJudgement::State::kGood) stats.Add(resolver::Counter::kCookiesGood);
  if (state == CookieJudgement::State::kBad) stats.Add(resolver::Counter::kCookiesBad);
}

}  // namespace resolve64::server
