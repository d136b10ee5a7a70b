#include "server/worker.h"

#include <algorithm>
#include <future>
#include <list>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "net/loop.h"
#include "resolver/resolver.h"
#include "resolver/upstream/net_transport.h"
#include "server/udp_listener.h"

namespace resolve64::server {
namespace {

class ResolverLookups final : public Lookups {
 public:
  ResolverLookups(resolver::Resolver& resolver, cache::RrsetCache& rrsets, const Clock& clock)
      : resolver_(resolver), rrsets_(rrsets), clock_(clock) {}

  resolver::RequestPtr NewRequest(std::shared_ptr<resolver::Trace> trace) override {
    return resolver_.NewRequest(std::move(trace));
  }
  net::Task<resolver::Answer> Resolve(Name name, RrType type,
                                      resolver::RequestPtr request) override {
    return resolver_.Resolve(name, type, std::move(request));
  }
  std::optional<resolver::Answer> FromCache(const Name& name, RrType type, bool checking_disabled,
                                            resolver::Trace* trace) override {
    return resolver_.ResolveFromCache(name, type, checking_disabled, trace);
  }
  bool Knows(const Name& name, RrType type) override {
    return rrsets_.Has(name, type, clock_.Now());
  }

 private:
  resolver::Resolver& resolver_;
  cache::RrsetCache& rrsets_;
  const Clock& clock_;
};

}  // namespace

// Everything that belongs to the worker's thread.
class Worker::Inside {
 public:
  Inside(const Clock& clock, Shared& shared, resolver::Stats& stats, std::size_t workers)
      : workers_(workers),
        loop_(clock),
        transport_(loop_, random_),
        resolver_(loop_.scheduler(), random_, shared.caches, transport_, stats),
        lookups_(resolver_, shared.caches.rrsets, clock),
        handler_(loop_.scheduler(), lookups_, stats, shared.caches.epoch,
                 shared.answer_octets / workers),
        streams_(loop_, handler_, stats, shared.connections),
        drain_timer_(*this),
        background_(loop_.scheduler()) {}
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { handler_.Clear(); }

  net::Loop& loop() noexcept { return loop_; }
  Handler& handler() noexcept { return handler_; }

  void SetCredentials(const Credentials& credentials) {
    streams_.SetTls(credentials.tls);
    handler_.SetServices(credentials.services);
    handler_.SetCookies(credentials.cookies);
    handler_.SetClientRate(credentials.rate);
  }

  void Apply(const SnapshotPtr& snapshot, std::vector<Listening> added) {
    const config::Config& config = *snapshot->config;
    transport_.SetSourceAddresses(config.upstream.source_addresses);
    resolver_.SetSettings(snapshot->settings);
    handler_.SetSnapshot(snapshot, std::max<std::size_t>(1, config.limits.inflight / workers_));
    streams_.SetLimits(WithinDescriptors(config.limits));
    for (Listening& one : added) Open(std::move(one));
    for (auto at = listeners_.begin(); at != listeners_.end();) {
      const auto kept = std::find_if(
          config.listen.begin(), config.listen.end(),
          [&](const config::Listener& listener) { return SameSockets(listener, at->config); });
      if (kept == config.listen.end()) {
        if (at->udp != nullptr) at->udp->Stop();
        at = listeners_.erase(at);
        continue;
      }
      const ViewPtr view = snapshot->ViewOf(*kept);
      at->config = *kept;
      if (at->udp != nullptr) {
        at->udp->SetView(view);
        at->udp->SetProxies(kept->proxies);
      }
      if (at->tcp != nullptr) at->tcp->Set(*kept, view);
      ++at;
    }
  }

  void Drain(Duration grace, std::function<void()> done) {
    drained_ = std::move(done);
    for (Listener& listener : listeners_) {
      if (listener.udp != nullptr) listener.udp->Stop();
    }
    listeners_.clear();
    streams_.Finish();
    handler_.OnIdle([this] { CheckDrained(); });
    streams_.OnIdle([this] { CheckDrained(); });
    loop_.scheduler().Arm(drain_timer_, loop_.scheduler().Now() + grace);
    CheckDrained();
  }

  void Prime() { background_.Spawn(PrimeTask()); }
  void Keep(AnchorKeeper& keeper) { background_.Spawn(keeper.Run(loop_.scheduler(), lookups_)); }

 private:
  struct Listener {
    config::Listener config;
    std::shared_ptr<UdpListener> udp;  // where the transport is DNS
    std::unique_ptr<StreamServer::Acceptor> tcp;
  };
  class DrainTimer final : public net::TimerNode {
   public:
    explicit DrainTimer(Inside& inside) : inside_(inside) {}

   private:
    void Fire() noexcept override { inside_.Stop(); }
    Inside& inside_;
  };

  void Open(Listening one) {
    Listener listener;
    listener.config = one.config;
    bool watched = true;
    if (one.udp.valid()) {
      listener.udp = std::make_shared<UdpListener>(loop_, handler_, std::move(one.udp));
      watched = listener.udp->Start();
    }
    listener.tcp = streams_.Listen(std::move(one.tcp), one.config);
    if (!watched || listener.tcp == nullptr) {
      Log(LogLevel::kError, "server", "cannot watch a socket",
          {{"listener", ListenerText(one.config)}});
    }
    listeners_.push_back(std::move(listener));
  }

  // A slow client has the time that is left to take its answer.
  void CheckDrained() {
    if (handler_.inflight() == 0 && streams_.idle()) Stop();
  }
  void Stop() {
    drain_timer_.Disarm();
    handler_.OnIdle(nullptr);
    streams_.OnIdle(nullptr);
    if (drained_ != nullptr) std::exchange(drained_, nullptr)();
    loop_.Stop();
  }

  net::Task<void> PrimeTask() {
    net::Task<bool> task = resolver_.Prime();
    const bool primed = co_await task;
    if (!primed) {
      Log(LogLevel::kWarn, "server", "no root server answers; trying again with the next question");
    }
  }

  std::size_t workers_;
  net::Loop loop_;
  SystemRandom random_;
  resolver::upstream::NetTransport transport_;
  resolver::Resolver resolver_;
  ResolverLookups lookups_;
  Handler handler_;
  StreamServer streams_;
  std::list<Listener> listeners_;
  DrainTimer drain_timer_;
  std::function<void()> drained_;
  net::TaskScope background_;
};

Worker::Worker(const Clock& clock, Shared& shared) : clock_(clock), shared_(shared) {}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  inside_->loop().Stop();
  thread_.join();
}

Result<bool> Worker::Start(SnapshotPtr snapshot, Credentials credentials,
                           std::vector<Listening> listening, std::size_t workers) {
  std::promise<std::string> started;
  std::future<std::string> outcome = started.get_future();
  thread_ = std::thread([&, workers] {
    try {
      inside_ = std::make_unique<Inside>(clock_, shared_, stats_, workers);
      inside_->SetCredentials(credentials);
      inside_->Apply(snapshot, std::move(listening));
    } catch (const std::exception& fault) {
      started.set_value(fault.what());
      return;
    }
    Inside& inside = *inside_;
    started.set_value({});
    inside.loop().Run();
  });
  const std::string fault = outcome.get();
  if (fault.empty()) return true;
  thread_.join();
  return Error{Errc::kNetwork, "cannot start a worker: " + fault};
}

void Worker::Apply(SnapshotPtr snapshot, std::vector<Listening> added, std::function<void()> done) {
  // A std::function has to be copyable, and sockets are not.
  auto sockets = std::make_shared<std::vector<Listening>>(std::move(added));
  inside_->loop().Post([this, snapshot = std::move(snapshot), sockets, done = std::move(done)] {
    inside_->Apply(snapshot, std::move(*sockets));
    done();
  });
}

void Worker::SetCredentials(Credentials credentials) {
  inside_->loop().Post(
      [this, credentials = std::move(credentials)] { inside_->SetCredentials(credentials); });
}

void Worker::Drain(Duration grace, std::function<void()> done) {
  inside_->loop().Post([this, grace, done = std::move(done)] { inside_->Drain(grace, done); });
}

void Worker::Prime() {
  inside_->loop().Post([this] { inside_->Prime(); });
}

void Worker::Keep(AnchorKeeper& keeper) {
  inside_->loop().Post([this, &keeper] { inside_->Keep(keeper); });
}

void Worker::Explain(ExplainRequest request, std::function<void(Explanation)> done) {
  inside_->loop().Post([this, request = std::move(request), done = std::move(done)] {
    inside_->handler().Explain(request, done);
  });
}

const cache::AnswerCache& Worker::answers() const noexcept { return inside_->handler().answers(); }

void Worker::Inflight(std::size_t most, std::function<void(std::vector<InflightQuestion>)> done) {
  inside_->loop().Post(
      [this, most, done = std::move(done)] { done(inside_->handler().Inflight(most)); });
}

}  // namespace resolve64::server
