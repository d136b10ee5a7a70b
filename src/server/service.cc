#include "server/service.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "dnssec/anchors.h"

namespace resolve64::server {
namespace {

std::size_t WorkerCount(const config::Config& config) {
  if (config.workers != 0) return config.workers;
  return std::max(1U, std::thread::hardware_concurrency());
}

bool Contains(const std::vector<config::Listener>& listeners, const config::Listener& one) {
  return std::any_of(listeners.begin(), listeners.end(),
                     [&](const config::Listener& other) { return SameSockets(other, one); });
}

// What is built at the start and not again.
std::vector<std::string> NeedsRestart(const config::Config& was, const config::Config& is) {
  std::vector<std::string> notes;
  if (was.workers != is.workers) notes.emplace_back("workers: in force after a restart");
  if (was.cache.size != is.cache.size) notes.emplace_back("cache.size: in force after a restart");
  if (!(was.run_as == is.run_as)) notes.emplace_back("run_as: in force after a restart");
  if (was.admin.control != is.admin.control) {
    notes.emplace_back("admin.control: in force after a restart");
  }
  if (was.log.format != is.log.format) notes.emplace_back("log.format: in force after a restart");
  return notes;
}

// True where both would validate alike.
bool SameJudgement(const Snapshot& a, const Snapshot& b) {
  if (!(a.config->dnssec == b.config->dnssec)) return false;
  const auto& was = a.settings->dnssec.anchors;
  const auto& is = b.settings->dnssec.anchors;
  if (was == nullptr || is == nullptr) return was == is;
  return dnssec::SameAnchors(*was->Get(), *is->Get());
}

}  // namespace

Service::Service(const Clock& clock, net::Loop& main, SnapshotPtr snapshot)
    : clock_(clock),
      main_(main),
      snapshot_(std::move(snapshot)),
      worker_count_(WorkerCount(*snapshot_->config)),
      started_(clock.Now()),
      shared_(snapshot_->config->cache.size),
      // Files are the main thread's: a slow disk must not keep clients waiting.
      anchors_(clock, shared_.caches,
               [&main](std::function<void()> work) { main.Post(std::move(work)); }),
      certificates_(clock, main.scheduler(),
                    [this](const auto& config, const auto& tls, bool renewed) {
                      Publish(config, tls, renewed);
                    }) {}

Service::~Service() = default;

// `ours` are open already: beside a wildcard of our own no address looks free, and a listener may
// change its transport.
Result<Service::SocketsByWorker> Service::Open(const std::vector<config::Listener>& listeners,
                                               const std::vector<config::Listener>& ours) const {
  for (const config::Listener& listener : listeners) {
    const bool beside_ours =
        std::any_of(ours.begin(), ours.end(), [&](const config::Listener& other) {
          return other.port == listener.port && other.address.is_v4() == listener.address.is_v4() &&
                 (other.address == listener.address || IsWildcard(other.address) ||
                  IsWildcard(listener.address));
        });
    if (beside_ours) continue;
    if (const Result<bool> free = CheckFree(listener); !free) return free.error();
  }
  SocketsByWorker sockets(worker_count_);
  for (const config::Listener& listener : listeners) {
    for (std::vector<Listening>& of_worker : sockets) {
      Result<Listening> opened = OpenListener(listener);
      if (!opened) return opened.error();
      of_worker.push_back(*std::move(opened));
    }
  }
  return sockets;
}

Result<bool> Service::Bind() {
  Result<SocketsByWorker> opened = Open(snapshot_->config->listen, {});
  if (!opened) return opened.error();
  bound_ = *std::move(opened);
  return true;
}

Result<bool> Service::Start() {
  anchors_.Adopt(snapshot_);
  // Clients may have connected already.
  if (Result<bool> adopted = certificates_.Adopt(snapshot_); !adopted) return adopted;
  RenewCookies();
  bound_.resize(worker_count_);
  for (std::vector<Listening>& sockets : bound_) {
    workers_.push_back(std::make_unique<Worker>(clock_, shared_));
    const Result<bool> started =
        workers_.back()->Start(snapshot_, credentials_, std::move(sockets), worker_count_);
    if (!started) {
      workers_.pop_back();
      return started.error();
    }
  }
  bound_.clear();
  WarnOfDescriptors();
  workers_.front()->Prime();
  workers_.front()->Keep(anchors_);
  return true;
}

void Service::Publish(const config::Config& config, const net::TlsServerPtr& tls, bool renewed) {
  std::vector<net::CertificateInfo> infos;
  if (tls != nullptr) infos = InfosOf(tls->certificates());
  const std::vector<IpAddress> host = HostAddresses();
  credentials_.tls = tls;
  credentials_.services = std::make_shared<const Services>(config, infos, host);
  Hand();
  // Of those that are configured it was told when the configuration was read.
  if (!renewed && !config.tls.certificates.empty()) return;
  for (const std::string& warning : ServiceWarnings(config, infos, host)) {
    Log(LogLevel::kWarn, "tls", "clients may not find the encrypted services",
        {{"reason", warning}});
  }
}

void Service::WarnOfDescriptors() const {
  const config::LimitsConfig& asked = snapshot_->config->limits;
  const config::LimitsConfig possible = WithinDescriptors(asked);
  if (possible.tcp_clients == asked.tcp_clients) return;
  Log(LogLevel::kWarn, "server",
      "fewer TCP clients than limits.tcp_clients: raise the limit on open files (LimitNOFILE=) to "
      "twice that number",
      {{"tcp_clients", std::to_string(asked.tcp_clients)},
       {"possible", std::to_string(possible.tcp_clients)}});
}

// The operator's secrets, or a fresh one with each load of the configuration and every day, beside
// those before it: who has a cookie keeps it. The buckets of clients stay as full as they are.
void Service::RenewCookies() {
  const config::CookiesConfig& config = snapshot_->config->cookies;
  CookieSecretsPtr& cookies = credentials_.cookies;
  if (!config.enabled) {
    cookies = nullptr;
  } else if (snapshot_->cookie_secrets != nullptr) {
    cookies = snapshot_->cookie_secrets;
  } else {
    cookies = cookies == nullptr ? CookieSecrets::Random(random_) : cookies->Rotated(random_);
  }
  ClientRatePtr& rate = credentials_.rate;
  const std::uint32_t qps = snapshot_->config->limits.per_client_qps;
  if (qps == 0) {
    rate = nullptr;
  } else if (rate == nullptr || rate->per_second() != qps) {
    rate = std::make_shared<ClientRate>(qps);
  }
  main_.scheduler().Arm(daily_, main_.scheduler().Now() + kCookieSecretLife);
  Hand();
}

void Service::Hand() {
  for (const std::unique_ptr<Worker>& worker : workers_) worker->SetCredentials(credentials_);
}

// A callback for each worker, from its own thread; the last of them has `done` called by the main
// loop.
std::function<void()> Service::AfterAll(std::function<void()> done) {
  auto left = std::make_shared<std::size_t>(workers_.size());
  return [this, left, done = std::move(done)] {
    main_.Post([left, done] {
      if (--*left == 0) done();
    });
  };
}

Result<bool> Service::Reload(SnapshotPtr snapshot,
                             std::function<void(std::vector<std::string>)> done) {
  std::vector<config::Listener> added;
  for (const config::Listener& listener : snapshot->config->listen) {
    if (!Contains(snapshot_->config->listen, listener)) added.push_back(listener);
  }
  Result<SocketsByWorker> opened = Open(added, snapshot_->config->listen);
  if (!opened) return opened.error();
  if (Result<bool> adopted = certificates_.Adopt(snapshot); !adopted) return adopted;
  std::vector<std::string> notes = NeedsRestart(*snapshot_->config, *snapshot->config);
  const SnapshotPtr before = std::exchange(snapshot_, std::move(snapshot));
  anchors_.Adopt(snapshot_);
  RenewCookies();
  WarnOfDescriptors();
  const bool judged_otherwise = !SameJudgement(*before, *snapshot_);
  const std::function<void()> ready =
      AfterAll([this, judged_otherwise, notes = std::move(notes), done = std::move(done)] {
        // What was validated under other anchors and exceptions says so in every record.
        if (judged_otherwise) shared_.caches.Clear();
        done(notes);
      });
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->Apply(snapshot_, std::move((*opened)[i]), ready);
  }
  return true;
}

cache::CacheStats Service::answers() const {
  cache::CacheStats sum;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    const cache::AnswerCache& answers = worker->answers();
    sum.entries += answers.size();
    sum.cost += answers.cost();
    sum.capacity += answers.capacity();
  }
  sum.hits = Count(resolver::Counter::kAnswerHits);
  return sum;
}

void Service::Stop(std::function<void()> done) {
  const std::function<void()> ended = AfterAll(std::move(done));
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Drain(kGrace, ended);
}

void Service::Explain(ExplainRequest request, std::function<void(Explanation)> done) {
  workers_.front()->Explain(
      std::move(request), [this, done = std::move(done)](Explanation explanation) {
        main_.Post([done, explanation = std::move(explanation)] { done(explanation); });
      });
}

void Service::Inflight(std::size_t most,
                       const std::function<void(std::vector<InflightQuestion>)>& done) {
  auto all = std::make_shared<std::vector<InflightQuestion>>();
  auto left = std::make_shared<std::size_t>(workers_.size());
  for (const std::unique_ptr<Worker>& worker : workers_) {
    worker->Inflight(most, [this, all, left, done](std::vector<InflightQuestion> some) {
      main_.Post([all, left, done, some = std::move(some)] {
        all->insert(all->end(), some.begin(), some.end());
        if (--*left == 0) done(*all);
      });
    });
  }
}

std::uint64_t Service::Count(resolver::Counter counter) const noexcept {
  std::uint64_t sum = 0;
  for (const std::unique_ptr<Worker>& worker : workers_) sum += worker->stats().Get(counter);
  return sum;
}

std::string Service::ListenersText() const {
  std::string text;
  for (const config::Listener& listener : snapshot_->config->listen) {
    text += (text.empty() ? "" : ", ") + ServiceText(listener);
  }
  return text;
}

}  // namespace resolve64::server
