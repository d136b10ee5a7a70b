// One query to one server, with what it takes to get a reply out of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "cache/server_table.h"
#include "net/task.h"
#include "resolve64/message.h"
#include "resolver/request.h"
#include "resolver/settings.h"
#include "resolver/stats.h"
#include "resolver/upstream/transport.h"

namespace resolve64::resolver::upstream {

enum class Protocol : std::uint8_t { kUdp, kTcp, kTls };

/// How an exchange ended.
struct Heard {
  enum class Kind : std::uint8_t {
    kMessage,   ///< `octets` is a reply to the question, not truncated, its header and question
                ///< checked
    kTimedOut,  ///< nothing that matched came by the deadline
    kNetwork,   ///< the system says that the server cannot be reached
    kRefused,   ///< the server does not understand even a plain query
    kNoBudget,  ///< the request may send no more
  };
  Kind kind = Kind::kTimedOut;
  std::vector<std::uint8_t> octets;
  Duration rtt{};  ///< of the query that was answered
  Protocol over = Protocol::kUdp;
  std::string why;

  Heard() = default;
  Heard(Kind k, std::string w) : kind(k), why(std::move(w)) {}
};

/// How many queries wait for each server.
using WaitingCounts = std::unordered_map<cache::Server, int, MemberHash>;

/// What exchanges of a worker share. All borrowed but `waiting`.
struct ExchangeContext {
  net::Scheduler& scheduler;
  Random& random;
  cache::ServerTable& servers;
  Transport& transport;
  Stats& stats;
  WaitingCounts waiting{};
  net::TaskScope probes{scheduler};  ///< last: see opportunistic.h
};

/// Where kTls leads for `server`.
TlsTarget TlsTargetOf(const cache::Server& server);

/// Asks `server` and waits until `deadline` for a reply that matches. Handles, within the budget of
/// `request`: truncation (TCP at once, RFC 7766 section 5), servers without EDNS (RFC 6891
/// section 6.2.2: once more without), servers that do not return the letter case (once more over
/// TCP, where 0x20 is not needed), and floods of foreign messages (TCP after kMaxForeign of them,
/// REC-04). What it learns of the server goes into the table.
/// `on_nonsense` hears once of a message that has the right id and is no reply: it is ignored as
/// REC-01 asks, but there is no point in waiting for this server alone.
///
/// kTls: over the server's own port where it is a server of TLS, else over its port 853 without
/// knowing who answers (RFC 9539). Nothing then leaves in clear, and there is no 0x20.
net::Task<Heard> Exchange(ExchangeContext& context, cache::Server server, Question question,
                          bool recursion_desired, Protocol protocol, SettingsPtr settings,
                          RequestPtr request, TimePoint deadline,
                          std::function<void()> on_nonsense);

inline constexpr int kMaxForeign = 20;

}  // namespace resolve64::resolver::upstream
