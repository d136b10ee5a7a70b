#include "resolver/upstream/tls_pool.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/log.h"

namespace resolve64::resolver::upstream {
namespace {

using Message = std::vector<std::uint8_t>;

}  // namespace

/// One server: its connections and its sessions.
class TlsPool::Host final : public TlsConnection::Owner {
 public:
  Host(TlsPool& pool, net::TlsClientPtr client, TlsTarget target)
      : pool_(pool),
        client_(std::move(client)),
        target_(std::move(target)),
        sessions_(pool.loop_.scheduler().clock()),
        complaints_(pool.loop_.scheduler().clock(), 1, std::chrono::minutes(1)) {}
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() override {
    pool_.connections_ -= connections_.size();
    for (const auto& connection : connections_) connection->Abandon();
  }

  // Puts `query` on the connection that has the fewest, or on a new one.
  Result<bool> Place(TlsQuery& query) {
    used_ = Now();
    std::shared_ptr<TlsConnection> best;
    std::size_t usable = 0;
    for (const auto& connection : connections_) {
      if (!connection->takes_more()) continue;
      ++usable;
      if (best == nullptr || connection->load() < best->load()) best = connection;
    }
    const bool crowded = best == nullptr || best->load() >= kCrowded;
    if (crowded && usable < kMaxOfServer) {
      // To make room for it, the one that was best so far may have been closed.
      Result<std::shared_ptr<TlsConnection>> fresh = Connect();
      if (fresh) {
        best = *std::move(fresh);
      } else if (best == nullptr || !best->takes_more()) {
        return fresh.error();
      }
    }
    if (best == nullptr) return Error{Errc::kBudgetSpent, "too many queries to one server"};
    best->Add(query);
    return true;
  }

  [[nodiscard]] TlsState state() const {
    TlsState state = TlsState::kNone;
    for (const auto& connection : connections_) {
      if (!connection->takes_more()) continue;
      state = std::max(state, connection->open() ? TlsState::kOpen : TlsState::kComing);
    }
    return state;
  }
  [[nodiscard]] bool has_connections() const noexcept { return !connections_.empty(); }
  [[nodiscard]] TimePoint used() const noexcept { return used_; }
  [[nodiscard]] TimePoint Now() const { return pool_.loop_.scheduler().Now(); }
  net::Scheduler& scheduler() noexcept { return pool_.loop_.scheduler(); }

  // Of those without queries the one that has been so for longest.
  [[nodiscard]] TlsConnection* LongestIdle() const {
    TlsConnection* longest = nullptr;
    for (const auto& connection : connections_) {
      if (!connection->idle()) continue;
      if (longest == nullptr || connection->last_activity() < longest->last_activity()) {
        longest = connection.get();
      }
    }
    return longest;
  }
  void Drop(TlsConnection& connection) {
    connection.Abandon();
    Forget(connection);
  }

  void OnEnd(TlsConnection& connection, TlsEnd end, const std::string& reason,
             const std::vector<TlsQuery*>& unanswered) noexcept override {
    Forget(connection);
    if (end == TlsEnd::kNeverOpened && target_.authenticated) {
      LogLimited(complaints_, LogLevel::kWarn, "upstream", "no TLS connection to a forwarder",
                 {{"server", target_.endpoint.ToText()}, {"name", target_.name}, {"why", reason}});
    }
    // A connection may end for reasons of its own: what was on it is asked once more (RFC 7766
    // section 6.2.4). Where there is clear text to go back to, that is quicker.
    const bool again = end == TlsEnd::kClosed || (end == TlsEnd::kBroke && target_.authenticated);
    for (TlsQuery* query : unanswered) {
      if (again && !query->moved) {
        query->moved = true;
        query->left_at = TimePoint{};
        if (Place(*query)) continue;
      }
      query->failure = reason;
      query->changed.Set();
    }
  }

 private:
  Result<std::shared_ptr<TlsConnection>> Connect() {
    // Servers that strangers name must not take the room of those that the operator named.
    const std::size_t most = target_.authenticated ? kMaxConnections : kMaxOpportunistic;
    if (pool_.connections_ >= most && !pool_.CloseAnIdleOne()) {
      return Error{Errc::kBudgetSpent, "too many TLS connections"};
    }
    const Result<int> fd = pool_.connector_(target_.endpoint);
    if (!fd) return fd.error();
    std::unique_ptr<net::Stream> stream = client_->Connect(
        *fd, net::TlsPeer(target_.authenticated, target_.name, target_.endpoint.address),
        sessions_);
    if (stream == nullptr) {
      ::close(*fd);
      return Error{Errc::kNetwork, "TLS cannot be set up for this server"};
    }
    auto connection =
        std::make_shared<TlsConnection>(pool_.loop_, pool_.random_, *this, *fd, std::move(stream));
    if (!connection->Start()) return Error{Errc::kBudgetSpent, "epoll refuses a descriptor"};
    ++pool_.connections_;
    connections_.push_back(connection);
    return connection;
  }

  void Forget(const TlsConnection& connection) noexcept {
    const auto at = std::find_if(connections_.begin(), connections_.end(),
                                 [&](const auto& one) { return one.get() == &connection; });
    if (at == connections_.end()) return;
    connections_.erase(at);
    --pool_.connections_;
  }

  TlsPool& pool_;
  net::TlsClientPtr client_;
  TlsTarget target_;
  net::TlsSessions sessions_;
  RateLimit complaints_;
  TimePoint used_{};
  std::vector<std::shared_ptr<TlsConnection>> connections_;
};

class TlsPool::TlsChannel final : public Channel {
 public:
  explicit TlsChannel(std::shared_ptr<Host> host)
      : host_(std::move(host)), query_(host_->scheduler()) {}
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;
  ~TlsChannel() override {
    if (query_.on != nullptr) query_.on->Remove(query_);
  }

  Result<bool> Send(std::span<const std::uint8_t> message) override {
    query_.message.assign(message.begin(), message.end());
    return host_->Place(query_);
  }

  net::Task<Result<Message>> Receive(TimePoint deadline) override {
    for (;;) {
      query_.changed.Reset();
      if (!query_.reply.empty()) co_return Result<Message>(std::exchange(query_.reply, {}));
      if (query_.on == nullptr) {
        // The one reply there is was no reply to this query, or there is none.
        const bool failed = !query_.failure.empty();
        co_return Result<Message>(
            Error{Errc::kNetwork, failed ? query_.failure : "a message that is no reply"});
      }
      net::Event::Waiter waiter = query_.changed.WaitUntil(deadline);
      const bool changed = co_await waiter;
      if (!changed) co_return Result<Message>(Error{Errc::kTimedOut, "no reply in time"});
    }
  }

  [[nodiscard]] TimePoint LeftAt(TimePoint given) const override {
    return std::max(given, query_.left_at);
  }

 private:
  std::shared_ptr<Host> host_;
  TlsQuery query_;
};

TlsPool::TlsPool(net::Loop& loop, Random& random, Connector connector)
    : loop_(loop), random_(random), connector_(std::move(connector)) {}

TlsPool::~TlsPool() = default;

Result<std::unique_ptr<Channel>> TlsPool::Open(const net::TlsClientPtr& client,
                                               const TlsTarget& target) {
  if (client == nullptr) return Error{Errc::kNetwork, "TLS is not set up"};
  std::shared_ptr<Host> host = Find(client, target);
  if (host == nullptr) return Error{Errc::kBudgetSpent, "too many servers over TLS"};
  return std::unique_ptr<Channel>(std::make_unique<TlsChannel>(std::move(host)));
}

TlsState TlsPool::StateOf(const net::TlsClientPtr& client, const TlsTarget& target) const {
  const auto at = hosts_.find(Key(client, target));
  return at == hosts_.end() ? TlsState::kNone : at->second->state();
}

std::shared_ptr<TlsPool::Host> TlsPool::Find(const net::TlsClientPtr& client,
                                             const TlsTarget& target) {
  const auto at = hosts_.find(Key(client, target));
  if (at != hosts_.end()) return at->second;
  // Of an earlier configuration nobody asks any more.
  std::erase_if(hosts_, [&](const auto& entry) {
    const auto& [key, host] = entry;
    return key.first != client && !host->has_connections() && host.use_count() == 1;
  });
  if (hosts_.size() >= kMaxServers && !MakeRoom()) return nullptr;
  auto host = std::make_shared<Host>(*this, client, target);
  hosts_.emplace(Key(client, target), host);
  return host;
}

// The server without connections that was asked longest ago goes.
bool TlsPool::MakeRoom() {
  auto oldest = hosts_.end();
  for (auto at = hosts_.begin(); at != hosts_.end(); ++at) {
    if (at->second->has_connections() || at->second.use_count() > 1) continue;
    if (oldest == hosts_.end() || at->second->used() < oldest->second->used()) oldest = at;
  }
  if (oldest == hosts_.end()) return false;
  hosts_.erase(oldest);
  return true;
}

bool TlsPool::CloseAnIdleOne() {
  Host* of = nullptr;
  TlsConnection* longest = nullptr;
  for (const auto& [key, host] : hosts_) {
    TlsConnection* candidate = host->LongestIdle();
    if (candidate == nullptr) continue;
    if (longest != nullptr && candidate->last_activity() >= longest->last_activity()) continue;
    longest = candidate;
    of = host.get();
  }
  if (longest == nullptr) return false;
  of->Drop(*longest);
  return true;
}

}  // namespace resolve64::resolver::upstream
