#include "server/stream_server.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

namespace resolve64::server {
namespace {

// Read from one connection in a turn: some hundred questions, a millisecond of work. Who sends
// without end waits for everybody else in between.
constexpr std::size_t kReadOctets = 4096;
constexpr int kAcceptBatch = 64;  // connections taken before others get their turn

// Without descriptors, how long until the next attempt: the socket stays ready all the while.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

// Of a turn of the loop, for handshakes: a flood of them leaves the larger part to everybody else.
// A single step may take longer (an RSA key of 4096 bits).
constexpr Duration kHandshakesInTurn = std::chrono::microseconds(500);

// Room is made, and idle times shrink, so that they are never less than this part.
constexpr std::size_t kLeastIdlePart = 10;

}  // namespace

void StreamServer::HandshakeTurns::Add(std::shared_ptr<Connection> connection) {
  waiting_.push_back(std::move(connection));
  scheduler_.PostNext(*this);
}

void StreamServer::HandshakeTurns::Run() noexcept {
  const TimePoint until = scheduler_.Now() + kHandshakesInTurn;
  while (!waiting_.empty()) {
    const std::shared_ptr<Connection> next = std::move(waiting_.front());
    waiting_.pop_front();
    next->ShakeHands();
    if (scheduler_.Now() >= until) break;
  }
  if (!waiting_.empty()) scheduler_.PostNext(*this);
}

config::LimitsConfig WithinDescriptors(config::LimitsConfig limits) {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return limits;
  const auto half = static_cast<std::uint32_t>(
      std::min<rlim_t>(descriptors.rlim_cur / 2, std::numeric_limits<std::uint32_t>::max()));
  limits.tcp_clients = std::min(limits.tcp_clients, std::max<std::uint32_t>(1, half));
  return limits;
}

StreamServer::StreamServer(net::Loop& loop, Handler& handler, resolver::Stats& stats,
                           ConnectionCounts& counts)
    : loop_(loop),
      handler_(handler),
      stats_(stats),
      counts_(counts),
      read_buffer_(kReadOctets),
      handshakes_(loop.scheduler()) {}

StreamServer::~StreamServer() {
  handshakes_.Clear();
  for (Connections* list : {&strangers_, &known_}) {
    while (!list->empty()) list->front()->Close();
  }
}

std::unique_ptr<StreamServer::Acceptor> StreamServer::Listen(OwnedFd fd,
                                                             const config::Listener& config) {
  auto acceptor = std::make_unique<Acceptor>(*this, std::move(fd), config);
  if (!acceptor->Start()) return nullptr;
  return acceptor;
}

void StreamServer::Finish(const Door* door) {
  Connections all = strangers_;
  all.insert(all.end(), known_.begin(), known_.end());
  for (const std::shared_ptr<Connection>& connection : all) {
    if (door == nullptr || connection->door_.get() == door) connection->Finish();
  }
}

// Closes the connection of `network` (null: of any) that was silent longest. False where all are
// busy.
bool StreamServer::MakeRoom(const IpAddress* network, const Connection* beside) {
  for (Connections* list : {&strangers_, &known_}) {
    const auto silent = std::find_if(list->begin(), list->end(), [&](const auto& connection) {
      return connection->idle() && connection.get() != beside &&
             (network == nullptr || NetworkOf(connection->client().address) == *network);
    });
    if (silent == list->end()) continue;
    const std::shared_ptr<Connection> connection = *silent;
    connection->Close();
    return true;
  }
  return false;
}

void StreamServer::Accepted(OwnedFd fd, const Peer& peer, const std::shared_ptr<const Door>& door) {
  if (counts_.all.load(std::memory_order_relaxed) >= limits_.tcp_clients) {
    stats_.Add(resolver::Counter::kLimitTcpClients);
    if (!MakeRoom(nullptr, nullptr)) return;
  }
  const auto connection = std::make_shared<Connection>(*this, std::move(fd), peer, door);
  counts_.all.fetch_add(1, std::memory_order_relaxed);
  connection->list_ = &strangers_;
  connection->self_ = strangers_.insert(strangers_.end(), connection);
  if (!connection->Start()) connection->Close();
}

bool StreamServer::EnterNetwork(Connection& connection) {
  const IpAddress network = NetworkOf(connection.client().address);
  const std::size_t most = limits_.tcp_clients_per_network;
  connection.counted_ = counts_.networks.Enter(network, most);
  if (connection.counted_) return true;
  stats_.Add(resolver::Counter::kLimitTcpNetwork);
  connection.counted_ = MakeRoom(&network, &connection) && counts_.networks.Enter(network, most);
  return connection.counted_;
}

// It asked something.
void StreamServer::Touch(Connection& connection) {
  known_.splice(known_.end(), *connection.list_, connection.self_);
  connection.list_ = &known_;
}

void StreamServer::Forget(Connection& connection) {
  counts_.all.fetch_sub(1, std::memory_order_relaxed);
  if (connection.counted_) counts_.networks.Leave(NetworkOf(connection.client().address));
  connection.list_->erase(connection.self_);
  if (idle() && on_idle_) on_idle_();
}

// Half of the connections may be silent for the whole time; the more there are beyond, the shorter
// (RFC 7766 section 6.2.3).
Duration StreamServer::IdleTime(Transport transport) const noexcept {
  const Duration whole = IsEncrypted(transport) ? limits_.tls_idle : limits_.tcp_idle;
  const std::size_t most = limits_.tcp_clients;
  const std::size_t left = most - std::min(most, counts_.all.load(std::memory_order_relaxed));
  if (left >= most - most / 2) return whole;
  return std::max(whole / kLeastIdlePart, whole * left / (most - most / 2));
}

StreamServer::Acceptor::Acceptor(StreamServer& server, OwnedFd fd, const config::Listener& config)
    : server_(server), fd_(std::move(fd)), door_(std::make_shared<Door>()) {
  door_->config = config;
}

StreamServer::Acceptor::~Acceptor() {
  if (watched_) server_.loop_.poller().Remove(fd_.get(), *this);
  // Its view may be gone as well.
  server_.Finish(door_.get());
}

bool StreamServer::Acceptor::Start() {
  watched_ = server_.loop_.poller().Add(fd_.get(), EPOLLIN, *this);
  return watched_;
}

void StreamServer::Acceptor::Set(const config::Listener& config, ViewPtr view) {
  door_->config = config;
  door_->view = std::move(view);
}

void StreamServer::Acceptor::OnReady(std::uint32_t /*events*/) noexcept {
  for (int i = 0; i < kAcceptBatch; ++i) {
    Peer peer;
    socklen_t length = sizeof(sockaddr_in6);
    OwnedFd fd(::accept4(fd_.get(), &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      server_.Accepted(std::move(fd), peer, door_);
      continue;
    }
    const bool none_left =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (none_left && !server_.MakeRoom(nullptr, nullptr)) {
      server_.loop_.poller().Modify(fd_.get(), 0, *this);
      server_.loop_.scheduler().Arm(*this, server_.loop_.scheduler().Now() + kAcceptPause);
    }
    if (!none_left && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (none_left) return;
  }
}

void StreamServer::Acceptor::Fire() noexcept {
  server_.loop_.poller().Modify(fd_.get(), EPOLLIN, *this);
}

}  // namespace resolve64::server
