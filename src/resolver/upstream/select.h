// Which server of a zone to ask next, and how long to wait before asking another as well.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "cache/server_table.h"
#include "resolve64/ip.h"

namespace resolve64::resolver::upstream {

/// An address that serves the zone, during one question.
struct Candidate {
  cache::Server server;
  cache::ServerInfo info;
  bool lame = false;  ///< known not to serve this zone
  int sends = 0;      ///< for this question, without those over TCP
  int nonsense = 0;   ///< of these, answered by something that is no reply
  int waiting = 0;    ///< exchanges under way
  TimePoint last_send{};
  bool out = false;  ///< gave a useless reply to this question: not asked again

  Candidate(cache::Server s, cache::ServerInfo i, const Name& zone)
      : server(std::move(s)), info(std::move(i)), lame(info.IsLameFor(zone)) {}
};

/// At most so many sends of one question to one address over one transport that it leaves
/// unanswered (RFC 9520 section 3.1).
inline constexpr int kMaxSendsToServer = 3;
/// Over TLS nothing is lost on the way.
inline constexpr int kMaxSendsOverTls = 1;

/// The candidate to ask next: those asked less often come first, among them the fastest by smoothed
/// round-trip time, and sometimes another one, so that what is known stays true. Lame and dead ones
/// come after all others. Empty where nobody is left.
std::optional<std::size_t> PickServer(std::span<const Candidate> candidates, Duration typical_rtt,
                                      Random& random);

/// How long a reply of this server is waited for before another server is asked beside it: what it
/// usually takes, or what servers usually take where it is unknown or fell silent.
Duration HedgeDelay(const Candidate& candidate, Duration typical_rtt);

/// How long after a send the same server may be sent the question again (RFC 1035 section 4.2.1
/// asks for seconds where nothing is known): never soon, since a slow server is not helped by more
/// questions. Twice that with each further send.
Duration ResendDelay(const Candidate& candidate, Duration typical_rtt);

}  // namespace resolve64::resolver::upstream
