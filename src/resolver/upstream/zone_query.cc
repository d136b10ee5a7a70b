#include "resolver/upstream/zone_query.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <utility>

#include "resolver/upstream/opportunistic.h"
#include "resolver/upstream/select.h"

namespace resolve64::resolver::upstream {
namespace {

using std::chrono::milliseconds;

constexpr Duration kLastUdpWait = milliseconds(1000);  // for late replies, once everybody was asked
constexpr Duration kTcpWait = milliseconds(2000);
// A query over TLS is sent once, and a forwarder has to ask others.
constexpr Duration kTlsWait = milliseconds(5000);
constexpr int kRoundTripsOfNewTls = 3;  // TCP, TLS 1.3 and the query
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kTcpServers = 2;  // asked over TCP after silence
constexpr int kCrowd = 50;              // queries that wait for one silent server
// They share connections, and before the first answer comes those have to be made.
constexpr int kCrowdOverTls = 2000;
constexpr Duration kRecently = std::chrono::seconds(10);

// The end of an exchange, or nonsense in the middle of one.
struct Arrival {
  std::size_t candidate = 0;
  Heard heard;
  bool nonsense = true;

  Arrival() = default;
  Arrival(std::size_t c, Heard h) : candidate(c), heard(std::move(h)), nonsense(false) {}
};

std::string Milliseconds(Duration d) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(d).count();
  return std::to_string(us / 1000) + "." + std::to_string(us % 1000 / 100);
}

/// Counts a query that waits for a server, for as long as it does.
class Crowd {
 public:
  Crowd(WaitingCounts& counts, const cache::Server& server) : counts_(counts), server_(server) {
    ++counts_[server_];
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    const auto at = counts_.find(server_);
    if (--at->second == 0) counts_.erase(at);
  }

 private:
  WaitingCounts& counts_;
  cache::Server server_;
};

/// The state of one AskZone(). Lives in its frame.
class Asking {
 public:
  Asking(ExchangeContext& context, const ZoneServers& servers, const Question& question,
         SettingsPtr settings, RequestPtr request)
      : context_(context),
        servers_(servers),
        question_(question),
        settings_(std::move(settings)),
        request_(std::move(request)),
        typical_(context.servers.TypicalRtt()),
        outcome_(std::allocate_shared<ZoneOutcome>(net::FrameAllocator<ZoneOutcome>())),
        arrivals_(context.scheduler),
        exchanges_(context.scheduler) {
    const TimePoint now = context.scheduler.Now();
    candidates_.reserve(servers.addresses.size());
    for (const cache::Server& server : servers.addresses) {
      candidates_.emplace_back(server, context.servers.Get(server, now), servers.zone);
    }
  }

  net::Task<ZoneOutcomePtr> Run() {
    if (AllKnownDead()) {
      outcome_->why = "no server of " + servers_.zone.ToText() + " answered lately";
      for (const Candidate& candidate : candidates_) {
        if (candidate.info.failure.empty()) continue;
        AddWhy(candidate.server.ToText() + ": " + candidate.info.failure);
      }
      Note([&] { return outcome_->why; }, [] { return TraceFields{}; });
      co_return outcome_;
    }
    for (;;) {
      const TimePoint next_event = Act();
      if (!Hopeful() && next_event <= context_.scheduler.Now()) co_return outcome_;
      const TimePoint until = std::min(next_event, request_->deadline);
      net::Task<std::optional<Arrival>> pop = arrivals_.Pop(until);
      const std::optional<Arrival> arrival = co_await pop;
      if (arrival && arrival->nonsense) {
        may_ask_another_ = true;
      } else if (arrival) {
        --candidates_[arrival->candidate].waiting;
        if (Judge(*arrival)) co_return outcome_;
      } else if (last_wait_ || context_.scheduler.Now() >= request_->deadline) {
        GiveUpOnTheSilent();
        co_return outcome_;
      }
    }
  }

 private:
  // RFC 9520 section 3.3. A server that answered a moment ago may merely lose packets. One that has
  // not, and that many questions wait for already, gets no more of them (LIM-05).
  [[nodiscard]] bool AllKnownDead() const {
    const TimePoint now = context_.scheduler.Now();
    return std::all_of(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
      const bool recently = c.info.last_answer + kRecently >= now;
      if (recently) return false;
      const auto waiting = context_.waiting.find(c.server);
      const int most = c.server.tls ? kCrowdOverTls : kCrowd;
      const bool crowded = waiting != context_.waiting.end() && waiting->second >= most;
      // A connection that is no good any more ends by itself, and one that is being made is the
      // answer to whether the server is back.
      const bool connected = c.server.tls && StateOfTls(c) != TlsState::kNone;
      return (c.info.dead && !connected) || crowded;
    });
  }

  // True where something is under way to a server that was not found useless yet.
  [[nodiscard]] bool Hopeful() const {
    return std::any_of(candidates_.begin(), candidates_.end(),
                       [](const Candidate& c) { return !c.out && c.waiting > 0; });
  }

  // Sends what is due, and says when to look again. Now, with nothing under way: everything was
  // tried.
  TimePoint Act() {
    const TimePoint now = context_.scheduler.Now();
    if (last_wait_) return Hopeful() ? last_wait_until_ : now;
    if (!may_ask_another_ && Hopeful() && slow_at_ <= now) CountTimeout(latest_);
    const bool wait_for_latest = !may_ask_another_ && Hopeful();
    const std::optional<std::size_t> pick = sends_ < kMaxSends && !budget_spent_
                                                ? PickServer(candidates_, typical_, context_.random)
                                                : std::nullopt;
    if (pick) {
      Candidate& candidate = candidates_[*pick];
      // Another server is asked once the latest is slow, or useless; the same server not soon
      // again.
      TimePoint due = wait_for_latest ? slow_at_ : now;
      if (candidate.sends > 0) {
        due = std::max(due, candidate.last_send + ResendDelay(candidate, typical_));
      }
      if (due > now) return due;
      ++sends_;
      ++candidate.sends;
      candidate.last_send = now;
      latest_ = *pick;
      may_ask_another_ = false;
      const Protocol protocol = ProtocolFor(candidate);
      slow_at_ = now + Patience(candidate, protocol);
      Start(*pick, protocol);
      return slow_at_;
    }
    if (wait_for_latest) return slow_at_;
    // Everybody was asked. What is under way may still bring something; after silence TCP may.
    if (!Hopeful()) return now;
    last_wait_ = true;
    last_wait_until_ = now + (StartTcp() ? kTcpWait : kLastUdpWait);
    for (const Candidate& candidate : candidates_) {
      if (!candidate.server.tls || candidate.out || candidate.waiting == 0) continue;
      last_wait_until_ = std::max(last_wait_until_, candidate.last_send + kTlsWait);
    }
    return last_wait_until_;
  }

  // Port 853 belongs to who has port 53, unless that is us. RFC 9539 is about authoritative
  // servers.
  [[nodiscard]] bool MayTryTls(const Candidate& candidate) const {
    const cache::Server& server = candidate.server;
    if (!settings_->opportunistic_tls || servers_.recursive || server.tls) return false;
    const auto& own = settings_->own_addresses;
    return server.endpoint.port == kDnsPort &&
           std::find(own.begin(), own.end(), TlsTargetOf(server).endpoint) == own.end();
  }

  [[nodiscard]] Protocol ProtocolFor(const Candidate& candidate) const {
    if (candidate.server.tls) return Protocol::kTls;
    const bool works = candidate.info.probed_tls == cache::ProbedTls::kWorks;
    return works && candidate.sends == 1 && MayTryTls(candidate) ? Protocol::kTls : Protocol::kUdp;
  }

  // How long the server may take before it counts as slow.
  [[nodiscard]] Duration Patience(const Candidate& candidate, Protocol protocol) const {
    const Duration delay = HedgeDelay(candidate, typical_);
    if (protocol != Protocol::kTls) return delay;
    return StateOfTls(candidate) == TlsState::kOpen ? delay : kRoundTripsOfNewTls * delay;
  }

  [[nodiscard]] TlsState StateOfTls(const Candidate& candidate) const {
    return context_.transport.StateOfTls(settings_->tls, TlsTargetOf(candidate.server));
  }

  static std::string_view TransportText(Protocol protocol) {
    switch (protocol) {
      case Protocol::kUdp:
        return "udp";
      case Protocol::kTcp:
        return "tcp";
      case Protocol::kTls:
        break;
    }
    return "tls";
  }

  static std::string_view Manner(const cache::Server& server, Protocol protocol) {
    switch (protocol) {
      case Protocol::kUdp:
        return "";
      case Protocol::kTcp:
        return " over TCP";
      case Protocol::kTls:
        break;
    }
    return server.tls ? " over TLS" : " over TLS, unauthenticated";
  }

  void Start(std::size_t index, Protocol protocol) {
    const cache::Server& server = candidates_[index].server;
    Note(
        [&] {
          return "asks " + server.ToText() + " for " + question_.name.ToText() + " " +
                 ToText(question_.type) + std::string(Manner(server, protocol));
        },
        [&] {
          return TraceFields{{"server", server.ToText()},
                             {"zone", servers_.zone.ToText()},
                             {"name", question_.name.ToText()},
                             {"type", ToText(question_.type)},
                             {"transport", std::string(TransportText(protocol))}};
        });
    ++candidates_[index].waiting;
    exchanges_.Spawn(RunExchange(index, protocol));
  }

  net::Task<void> RunExchange(std::size_t index, Protocol protocol) {
    const Candidate& candidate = candidates_[index];
    const Crowd crowd(context_.waiting, candidate.server);
    std::function<void()> on_nonsense = [this, index] { Nonsense(index); };
    const bool prefer_tls = protocol == Protocol::kTls && !candidate.server.tls;
    if (protocol == Protocol::kUdp && MayTryTls(candidate)) {
      ProbeTls(context_, candidate.server, question_, settings_);
    }
    net::Task<Heard> exchange =
        prefer_tls
            ? ExchangePreferringTls(context_, candidate.server, question_, settings_, request_,
                                    Patience(candidate, protocol), std::move(on_nonsense))
            : Exchange(context_, candidate.server, question_, servers_.recursive, protocol,
                       settings_, request_, request_->deadline, std::move(on_nonsense));
    Heard heard = co_await exchange;
    arrivals_.Push(Arrival(index, std::move(heard)));
  }

  // Nonsense instead of a reply is not silence: the server may be asked again at once, and the send
  // does not count among those that it left unanswered. kMaxSends bounds that.
  void Nonsense(std::size_t index) {
    Candidate& candidate = candidates_[index];
    ++candidate.nonsense;
    candidate.last_send = TimePoint{};
    Note([&] { return candidate.server.ToText() + " sends something that is no reply: ignored"; },
         [&] {
           return TraceFields{{"server", candidate.server.ToText()}};
         });
    arrivals_.Push(Arrival());
  }

  // After silence: the servers that said nothing, over TCP. False where there is none.
  bool StartTcp() {
    if (outcome_->kind == ZoneOutcome::Kind::kUseless || budget_spent_) return false;
    std::size_t started = 0;
    for (std::size_t i = 0; i < candidates_.size() && started < kTcpServers; ++i) {
      const Candidate& candidate = candidates_[i];
      if (candidate.out || candidate.sends == 0 || candidate.server.tls) continue;
      Start(i, Protocol::kTcp);
      ++started;
    }
    return started > 0;
  }

  // True where the reply is useful, and the question settled.
  bool Judge(const Arrival& arrival) {
    Candidate& candidate = candidates_[arrival.candidate];
    const Heard& heard = arrival.heard;
    const TimePoint now = context_.scheduler.Now();
    switch (heard.kind) {
      case Heard::Kind::kTimedOut:
        CountTimeout(arrival.candidate);
        return false;
      case Heard::Kind::kNoBudget:
        budget_spent_ = true;
        outcome_->kind = ZoneOutcome::Kind::kNoBudget;
        outcome_->why = heard.why;
        return false;
      case Heard::Kind::kNetwork:
        context_.servers.Failed(candidate.server, heard.why, now);
        Disappoint(candidate, heard.why);
        return false;
      case Heard::Kind::kRefused:
        Useless(candidate, heard.why, Rcode::kServFail, true);
        return false;
      case Heard::Kind::kMessage:
        break;
    }
    context_.servers.Answered(candidate.server, heard.rtt, now);
    const Result<MessageView> view = MessageView::Parse(heard.octets);
    if (!view) {
      Useless(candidate, "a malformed message", Rcode::kServFail, false);
      return false;
    }
    const Asked asked{question_, servers_.zone, servers_.recursive};
    Reply reply = Classify(*view, asked, now,
                           {settings_->min_ttl, settings_->max_ttl, settings_->max_negative_ttl});
    if (reply.kind == ReplyKind::kUseless) {
      const bool lame = reply.useless == resolver::Useless::kLame ||
                        reply.useless == resolver::Useless::kSideways ||
                        reply.rcode == Rcode::kRefused;
      if (lame) context_.servers.Lame(candidate.server, servers_.zone, now);
      outcome_->too_much = outcome_->too_much || reply.useless == resolver::Useless::kTooMuch;
      const bool by_rcode = reply.useless == resolver::Useless::kRcode;
      Useless(candidate, reply.why, by_rcode ? reply.rcode : Rcode::kServFail, by_rcode);
      return false;
    }
    Note(
        [&] {
          return candidate.server.ToText() + " answers in " + Milliseconds(heard.rtt) +
                 " ms: " + Describe(reply);
        },
        [&] {
          return TraceFields{{"server", candidate.server.ToText()},
                             {"rtt_ms", Milliseconds(heard.rtt)},
                             {"rcode", ToText(reply.rcode)}};
        });
    outcome_->kind = ZoneOutcome::Kind::kReply;
    outcome_->rcode = reply.rcode;
    outcome_->server = candidate.server;
    outcome_->reply = std::move(reply);
    return true;
  }

  static std::string Describe(const Reply& reply) {
    const std::string links =
        reply.chain.empty() ? "" : "alias to " + reply.final_name.ToText() + ", ";
    switch (reply.kind) {
      case ReplyKind::kAnswer:
        return links + std::to_string(reply.data->size()) + " " + ToText(reply.data->type()) +
               ", TTL " + std::to_string(reply.data->ttl());
      case ReplyKind::kAlias:
        return "alias to " + reply.final_name.ToText();
      case ReplyKind::kNodata:
        return links + "no such type (NODATA)";
      case ReplyKind::kNxdomain:
        return links + "no such name (NXDOMAIN)";
      case ReplyKind::kReferral:
        return "referral to " + reply.delegation->zone.ToText() + ", " +
               std::to_string(reply.delegation->ns.size()) + " servers, " +
               std::to_string(reply.delegation->glue.size()) + " addresses";
      case ReplyKind::kUseless:
        break;
    }
    return "nothing useful";
  }

  void Useless(Candidate& candidate, const std::string& why, Rcode rcode, bool by_rcode) {
    context_.stats.Add(Counter::kUpstreamUseless);
    outcome_->by_rcode = outcome_->by_rcode || by_rcode;
    if (outcome_->kind != ZoneOutcome::Kind::kNoBudget)
      outcome_->kind = ZoneOutcome::Kind::kUseless;
    outcome_->rcode = rcode;
    Disappoint(candidate, why);
  }

  void Disappoint(Candidate& candidate, const std::string& why) {
    candidate.out = true;
    may_ask_another_ = true;
    Note([&] { return candidate.server.ToText() + " is of no use: " + why; },
         [&] {
           return TraceFields{{"server", candidate.server.ToText()}, {"why", why}};
         });
    AddWhy(candidate.server.ToText() + ": " + why);
  }

  void CountTimeout(std::size_t index) {
    const Candidate& candidate = candidates_[index];
    const TimePoint now = context_.scheduler.Now();
    may_ask_another_ = true;
    context_.stats.Add(Counter::kUpstreamTimeouts);
    context_.servers.TimedOut(candidate.server, HedgeDelay(candidate, typical_), now);
    Note([&] { return candidate.server.ToText() + " is slow: another query goes out beside it"; },
         [&] {
           return TraceFields{{"server", candidate.server.ToText()}};
         });
  }

  void GiveUpOnTheSilent() {
    for (const Candidate& candidate : candidates_) {
      if (candidate.out || candidate.sends == 0) continue;
      AddWhy(candidate.server.ToText() + ": no reply");
    }
  }

  void AddWhy(const std::string& text) {
    constexpr std::size_t kEnough = 200;  // it ends in a log line and in an EDE
    if (outcome_->why.size() > kEnough) return;
    if (!outcome_->why.empty()) outcome_->why += "; ";
    outcome_->why += text;
  }

  // `text()` and `fields()` are composed only where somebody listens.
  template <class MakeText, class MakeFields>
  void Note(const MakeText& text, const MakeFields& fields) {
    if (request_->trace == nullptr) return;
    request_->trace->Add(context_.scheduler.Now(), "upstream", text(), fields());
  }

  ExchangeContext& context_;
  const ZoneServers& servers_;
  const Question& question_;
  SettingsPtr settings_;
  RequestPtr request_;
  Duration typical_;
  std::vector<Candidate> candidates_;
  std::shared_ptr<ZoneOutcome> outcome_;
  net::Mailbox<Arrival> arrivals_;
  std::size_t latest_ = 0;
  TimePoint slow_at_{};          // when the latest send counts as slow
  bool may_ask_another_ = true;  // the latest is slow, or was of no use
  TimePoint last_wait_until_{};
  int sends_ = 0;
  bool budget_spent_ = false;
  bool last_wait_ = false;
  net::TaskScope exchanges_;  // last: its tasks use everything above
};

}  // namespace

net::Task<ZoneOutcomePtr> AskZone(ExchangeContext& context, ZoneServers servers, Question question,
                                  SettingsPtr settings, RequestPtr request) {
  Asking asking(context, servers, question, std::move(settings), std::move(request));
  net::Task<ZoneOutcomePtr> run = asking.Run();
  ZoneOutcomePtr outcome = co_await run;
  co_return outcome;
}

}  // namespace resolve64::resolver::upstream
