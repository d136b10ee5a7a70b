#include "resolver/upstream/opportunistic.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace resolve64::resolver::upstream {
namespace {

constexpr int kQueriesOfProbe = 2;  // the second where the first is refused for its EDNS

// An answer that clear text would have brought as well. An error may come from a server that is
// not meant to be asked this way.
bool IsGood(const Heard& heard) {
  if (heard.kind != Heard::Kind::kMessage) return false;
  const Rcode rcode = Header::Read(heard.octets)->rcode();
  return rcode == Rcode::kNoError || rcode == Rcode::kNxDomain;
}

net::Task<void> Probe(ExchangeContext& context, cache::Server server, Question question,
                      SettingsPtr settings) {
  const TimePoint start = context.scheduler.Now();
  // The question itself goes out first.
  net::Event never(context.scheduler);
  net::Event::Waiter later = never.WaitUntil(start);
  co_await later;

  auto request = std::make_shared<Request>();
  request->deadline = start + cache::ServerTable::kTlsTimeout;
  request->left.queries = kQueriesOfProbe;
  context.stats.Add(Counter::kUpstreamTlsProbes);
  net::Task<Heard> exchange = Exchange(context, server, question, false, Protocol::kTls, settings,
                                       request, request->deadline, [] {});
  const Heard heard = co_await exchange;
  if (IsGood(heard)) {
    context.servers.TlsAnswered(server, context.scheduler.Now());
  } else if (heard.kind != Heard::Kind::kNoBudget) {  // that would be our own fault
    context.servers.TlsFailed(server, context.scheduler.Now());
  }
}

/// Both attempts of one ExchangePreferringTls(). Lives in its frame.
class Race {
 public:
  Race(ExchangeContext& context, const cache::Server& server, const Question& question,
       const SettingsPtr& settings, const RequestPtr& request, std::function<void()> on_nonsense)
      : context_(context),
        server_(server),
        question_(question),
        settings_(settings),
        request_(request),
        on_nonsense_(std::move(on_nonsense)),
        arrivals_(context.scheduler),
        attempts_(context.scheduler) {}

  net::Task<Heard> Run(Duration patience) {
    Start(Protocol::kTls);
    TimePoint until = context_.scheduler.Now() + patience;
    for (;;) {
      net::Task<std::optional<Arrival>> pop = arrivals_.Pop(std::min(until, request_->deadline));
      std::optional<Arrival> arrival = co_await pop;
      if (!arrival && clear_started_) co_return Heard(Heard::Kind::kTimedOut, "no reply in time");
      if (!arrival) {
        StartClear("is slow over TLS");
        until = request_->deadline;
        continue;
      }
      --under_way_;
      if (arrival->tls ? JudgeTls(arrival->heard) : JudgeClear(arrival->heard)) {
        co_return std::move(arrival->heard);
      }
      until = request_->deadline;
    }
  }

 private:
  struct Arrival {
    bool tls = false;
    Heard heard;

    Arrival() = default;
    Arrival(bool t, Heard h) : tls(t), heard(std::move(h)) {}
  };

  void Start(Protocol protocol) {
    ++under_way_;
    attempts_.Spawn(Attempt(protocol));
  }

  void StartClear(const std::string& why) {
    Tell(request_->trace.get(), context_.scheduler.clock(), "upstream",
         [&] { return server_.ToText() + " " + why + ": it is asked in clear as well"; });
    clear_started_ = true;
    Start(Protocol::kUdp);
  }

  net::Task<void> Attempt(Protocol protocol) {
    net::Task<Heard> exchange = Exchange(context_, server_, question_, false, protocol, settings_,
                                         request_, request_->deadline, on_nonsense_);
    Heard heard = co_await exchange;
    arrivals_.Push(Arrival(protocol == Protocol::kTls, std::move(heard)));
  }

  // Both say whether the race is over with this.
  bool JudgeTls(const Heard& heard) {
    const TimePoint now = context_.scheduler.Now();
    if (IsGood(heard)) {
      context_.servers.TlsAnswered(server_, now);
      return true;
    }
    if (heard.kind == Heard::Kind::kNetwork) {
      context_.servers.TlsFailed(server_, now);
      tls_failed_ = true;
    }
    if (!clear_started_) {
      StartClear("is of no use over TLS" + (heard.why.empty() ? "" : " (" + heard.why + ")"));
    }
    return under_way_ == 0;
  }
  bool JudgeClear(const Heard& heard) {
    if (heard.kind != Heard::Kind::kMessage) return under_way_ == 0;
    if (!tls_failed_) context_.servers.TlsHelpedOut(server_, context_.scheduler.Now());
    return true;
  }

  ExchangeContext& context_;
  const cache::Server& server_;
  const Question& question_;
  const SettingsPtr& settings_;
  const RequestPtr& request_;
  const std::function<void()> on_nonsense_;
  bool clear_started_ = false;
  bool tls_failed_ = false;
  int under_way_ = 0;
  net::Mailbox<Arrival> arrivals_;
  net::TaskScope attempts_;  // last: its tasks use everything above
};

}  // namespace

void ProbeTls(ExchangeContext& context, const cache::Server& server, const Question& question,
              const SettingsPtr& settings) {
  if (context.probes.size() >= kMaxProbes) return;
  if (!context.servers.ClaimTlsProbe(server, context.scheduler.Now())) return;
  context.probes.Spawn(Probe(context, server, question, settings));
}

net::Task<Heard> ExchangePreferringTls(ExchangeContext& context, cache::Server server,
                                       Question question, SettingsPtr settings, RequestPtr request,
                                       Duration patience, std::function<void()> on_nonsense) {
  Race race(context, server, question, settings, request, std::move(on_nonsense));
  net::Task<Heard> run = race.Run(patience);
  Heard heard = co_await run;
  co_return heard;
}

}  // namespace resolve64::resolver::upstream
