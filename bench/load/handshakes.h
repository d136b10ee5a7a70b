// Connections of one question each: what a handshake costs.
#pragma once

#include <cstdint>
#include <string>

#include "questions.h"
#include "system.h"
#include "tally.h"

namespace resolve64::bench {

struct HandshakeRun {
  bool tls = true;
  bool resume = false;                    ///< each but the first with a session of one before
  std::uint64_t count = 1;                ///< connections that are counted
  std::uint64_t parallel = 1;             ///< at a time
  std::uint64_t timeout = 1'000'000'000;  ///< ns
  std::string name;                       ///< SNI; empty: none
};

/// `count` times: connect, shake hands, ask, read the answer, close. Latency counts from connect(2)
/// to the answer. With `resume` one more goes before, which gives the first session. Beside the
/// usual members: `resumed`, the handshakes that were.
Tally RunHandshakes(const SocketAddress& server, const Questions& questions, const Sources& sources,
                    const HandshakeRun& run);

}  // namespace resolve64::bench
