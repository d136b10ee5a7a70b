// How long a server takes to its first answer.
#pragma once

#include <cstdint>

#include "questions.h"
#include "system.h"

namespace resolve64::bench {

/// Asks the first line over UDP each millisecond, until there is an answer that is not SERVFAIL or
/// REFUSED, and prints a JSON object: the milliseconds that it took, the RCODE and AD of that
/// answer, and the time of the monotonic clock (seconds) when it came, which a caller compares with
/// the moment when it started the server. The program's exit code: 1 after `timeout` ns without.
int FirstAnswer(const SocketAddress& server, const Questions& questions, const Sources& sources,
                std::uint64_t timeout);

}  // namespace resolve64::bench
