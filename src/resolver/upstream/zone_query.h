// One question to the servers of one zone, until one of them says something useful.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "resolver/classify.h"
#include "resolver/upstream/exchange.h"

namespace resolve64::resolver::upstream {

/// Whom to ask about a zone.
struct ZoneServers {
  Name zone;
  std::vector<cache::Server> addresses;  ///< each once
  bool recursive = false;                ///< forwarders: RD is set, AA is not expected

  ZoneServers() = default;
  ZoneServers(const Name& z, std::vector<cache::Server> a, bool r)
      : zone(z), addresses(std::move(a)), recursive(r) {}
};

/// What came of it. Shared by all who asked the same at the same time.
struct ZoneOutcome {
  enum class Kind : std::uint8_t {
    kReply,     ///< `reply` is useful: an answer, a denial, an alias or a referral
    kUseless,   ///< servers answered, with errors or lame; `rcode` is the last of them
    kSilent,    ///< no server answered
    kNoBudget,  ///< the request that asked may send no more
  };
  Kind kind = Kind::kSilent;
  Reply reply;
  Rcode rcode = Rcode::kServFail;
  bool by_rcode = false;  ///< useless, and a server said so with an RCODE
  bool too_much = false;  ///< useless, because it passes a limit: no other server would help
  cache::Server server;   ///< who said it
  std::string why;        ///< for people: "ns1 192.0.2.1@53: REFUSED; …"
};
using ZoneOutcomePtr = std::shared_ptr<const ZoneOutcome>;

/// Asks the servers of `zone`, the best first (select.h). A server that is slow by its own measure
/// does not hold up the answer: the next one is asked beside it, and the first useful reply wins. A
/// useless reply leads to the next server at once. After silence from all of them TCP is tried, but
/// of a server of TLS, which is never asked in clear.
/// Bounded by kMaxSends, by the budget and the deadline of `request`. Where every server is known
/// to be dead and none answered lately, nothing is sent (RFC 9520 section 3.3).
net::Task<ZoneOutcomePtr> AskZone(ExchangeContext& context, ZoneServers servers, Question question,
                                  SettingsPtr settings, RequestPtr request);

inline constexpr int kMaxSends = 16;  // of one AskZone(), over UDP

}  // namespace resolve64::resolver::upstream
