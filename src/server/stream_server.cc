#include "server/tcp_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace resolve64::server {
namespace {

constexpr std::size_t kLengthPrefix = 2;  // RFC 1035 section 4.2.2
constexpr std::size_t kReadOctets = 65536;
constexpr int kAcceptBatch = 64;  // connections taken before others get their turn

// Without descriptors, how long until the next attempt: the socket stays ready all the while.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

// How soon a connection whose time is up but whose questions are in progress is looked at again.
constexpr Duration kRecheck = std::chrono::seconds(1);

}  // namespace

TcpConnection::TcpConnection(TcpServer& server, OwnedFd fd, const Peer& peer,
                             std::shared_ptr<const ViewPtr> view)
    : server_(server), fd_(std::move(fd)), view_(std::move(view)) {
  client_.peer = peer;
  client_.address = peer.address();
  client_.transport = Transport::kTcp;
  last_message_ = last_sent_ = server.loop_.scheduler().Now();
}

bool TcpConnection::Start() {
  watched_ = EPOLLIN;
  if (!server_.loop_.poller().Add(fd_.get(), watched_, *this)) return false;
  server_.loop_.scheduler().Arm(*this, last_message_ + server_.idle_);
  return true;
}

void TcpConnection::Close() {
  if (!fd_.valid()) return;
  Disarm();
  server_.loop_.poller().Remove(fd_.get(), *this);
  fd_.Close();
  server_.Forget(*this);
}

void TcpConnection::Finish() {
  input_ended_ = true;
  received_.clear();
  Settle();
}

void TcpConnection::OnReady(std::uint32_t events) noexcept {
  const std::shared_ptr<TcpConnection> self = shared_from_this();
  busy_ = true;
  bool alive = true;
  if ((events & EPOLLIN) != 0 && !input_ended_) alive = Read();
  // Reset, or closed on both sides: nobody is there to answer (RFC 7766 section 6.2.4).
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0)) {
    alive = false;
  }
  busy_ = false;
  if (!alive) {
    Close();
    return;
  }
  Settle();
}

// False where the connection is over.
bool TcpConnection::Read() {
  std::vector<std::uint8_t>& buffer = server_.read_buffer_;
  const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  if (got == 0) {
    input_ended_ = true;  // half closed: what was asked is still answered
    return true;
  }
  received_.insert(received_.end(), buffer.begin(), buffer.begin() + got);
  return true;
}

// The octets of the next whole message with its prefix; zero where it is not whole yet.
std::size_t TcpConnection::NextLength() const noexcept {
  if (received_.size() < kLengthPrefix) return 0;
  const std::size_t length =
      kLengthPrefix + (static_cast<std::size_t>(received_[0]) << 8 | received_[1]);
  return received_.size() < length ? 0 : length;
}

void TcpConnection::Parse() {
  const std::shared_ptr<TcpConnection> self = shared_from_this();
  client_.listener_view = *view_;
  std::size_t at = 0;
  while (HasRoom() && received_.size() - at >= kLengthPrefix) {
    const std::size_t length = static_cast<std::size_t>(received_[at]) << 8 | received_[at + 1];
    if (received_.size() - at - kLengthPrefix < length) break;
    ++inflight_;
    last_message_ = server_.loop_.scheduler().Now();
    const std::span<const std::uint8_t> message =
        std::span<const std::uint8_t>(received_).subspan(at + kLengthPrefix, length);
    at += kLengthPrefix + length;
    server_.handler_.Handle(message, client_, self);
  }
  if (at == 0) return;
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
  if (received_.empty()) received_.shrink_to_fit();
  server_.Touch(*this);
  server_.loop_.scheduler().Arm(*this, last_message_ + server_.idle_);
}

void TcpConnection::Reply(const Peer& /*peer*/, std::vector<std::uint8_t> message) noexcept {
  --inflight_;
  if (!fd_.valid()) return;
  if (!message.empty()) {
    if (unsent_.empty()) last_sent_ = server_.loop_.scheduler().Now();
    unsent_.push_back(static_cast<std::uint8_t>(message.size() >> 8));
    unsent_.push_back(static_cast<std::uint8_t>(message.size() & 0xFF));
    unsent_.insert(unsent_.end(), message.begin(), message.end());
  }
  if (!busy_) Settle();
}

// Parses, sends, and watches for what comes next; closes where nothing does.
void TcpConnection::Settle() {
  if (!fd_.valid()) return;
  busy_ = true;
  bool alive = true;
  do {
    if (!(input_ended_ && received_.empty())) Parse();
    alive = Flush();
  } while (alive && HasRoom() && NextLength() != 0);
  busy_ = false;
  const bool done = input_ended_ && idle() && NextLength() == 0;
  if (!alive || done) {
    Close();
    return;
  }
  std::uint32_t events = 0;
  if (!input_ended_ && HasRoom()) events |= EPOLLIN;
  if (!unsent_.empty()) events |= EPOLLOUT;
  if (events == watched_) return;
  watched_ = events;
  server_.loop_.poller().Modify(fd_.get(), events, *this);
}

// False where the connection is over.
bool TcpConnection::Flush() {
  while (sent_ < unsent_.size()) {
    const ssize_t sent =
        ::send(fd_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
      // The slow reader's clock runs until all of it is out.
      server_.loop_.scheduler().Arm(*this, std::min(last_message_, last_sent_) + server_.idle_);
      return true;
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  if (!unsent_.empty()) last_sent_ = server_.loop_.scheduler().Now();
  unsent_.clear();
  sent_ = 0;
  if (unsent_.capacity() > kReadOctets) unsent_.shrink_to_fit();
  return true;
}

void TcpConnection::Fire() noexcept {
  const std::shared_ptr<TcpConnection> self = shared_from_this();
  const TimePoint now = server_.loop_.scheduler().Now();
  const bool stuck = !unsent_.empty() && last_sent_ + server_.idle_ <= now;
  const bool silent = idle() && last_message_ + server_.idle_ <= now;
  if (stuck || silent) {
    Close();
    return;
  }
  const TimePoint since = unsent_.empty() ? last_message_ : last_sent_;
  server_.loop_.scheduler().Arm(*this, std::max(since + server_.idle_, now + kRecheck));
}

TcpServer::TcpServer(net::Loop& loop, Handler& handler, resolver::Stats& stats,
                     std::atomic<std::size_t>& clients)
    : loop_(loop), handler_(handler), stats_(stats), clients_(clients), read_buffer_(kReadOctets) {}

TcpServer::~TcpServer() {
  while (!connections_.empty()) connections_.front()->Close();
}

void TcpServer::SetLimits(std::size_t max_clients, Duration idle) {
  max_clients_ = max_clients;
  idle_ = idle;
}

std::unique_ptr<TcpServer::Acceptor> TcpServer::Listen(OwnedFd fd, ViewPtr view) {
  auto acceptor = std::make_unique<Acceptor>(*this, std::move(fd), std::move(view));
  if (!acceptor->Start()) return nullptr;
  return acceptor;
}

void TcpServer::Finish() {
  const std::list<std::shared_ptr<TcpConnection>> all = connections_;
  for (const std::shared_ptr<TcpConnection>& connection : all) connection->Finish();
}

// Where the connections are at their limit: the one that was silent longest makes room for one that
// may have something to ask. False where all are busy.
bool TcpServer::MakeRoom() {
  const auto silent = std::find_if(connections_.begin(), connections_.end(),
                                   [](const auto& connection) { return connection->idle(); });
  if (silent == connections_.end()) return false;
  const std::shared_ptr<TcpConnection> connection = *silent;
  connection->Close();
  return true;
}

void TcpServer::Accepted(OwnedFd fd, const Peer& peer, const std::shared_ptr<const ViewPtr>& view) {
  if (clients_.load(std::memory_order_relaxed) >= max_clients_) {
    stats_.Add(resolver::Counter::kLimitTcpClients);
    if (!MakeRoom()) return;
  }
  auto connection = std::make_shared<TcpConnection>(*this, std::move(fd), peer, view);
  if (!connection->Start()) return;
  clients_.fetch_add(1, std::memory_order_relaxed);
  connection->self_ = connections_.insert(connections_.end(), connection);
}

void TcpServer::Touch(TcpConnection& connection) {
  if (!connection.fd_.valid()) return;
  connections_.splice(connections_.end(), connections_, connection.self_);
}

void TcpServer::Forget(TcpConnection& connection) {
  clients_.fetch_sub(1, std::memory_order_relaxed);
  connections_.erase(connection.self_);
}

TcpServer::Acceptor::Acceptor(TcpServer& server, OwnedFd fd, ViewPtr view)
    : server_(server), fd_(std::move(fd)), view_(std::make_shared<ViewPtr>(std::move(view))) {}

TcpServer::Acceptor::~Acceptor() {
  if (watched_) server_.loop_.poller().Remove(fd_.get(), *this);
}

bool TcpServer::Acceptor::Start() {
  watched_ = server_.loop_.poller().Add(fd_.get(), EPOLLIN, *this);
  return watched_;
}

void TcpServer::Acceptor::OnReady(std::uint32_t /*events*/) noexcept {
  for (int i = 0; i < kAcceptBatch; ++i) {
    Peer peer;
    socklen_t length = sizeof(sockaddr_in6);
    OwnedFd fd(::accept4(fd_.get(), &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      server_.Accepted(std::move(fd), peer, view_);
      continue;
    }
    const bool none_left =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (none_left && !server_.MakeRoom()) {
      server_.loop_.poller().Modify(fd_.get(), 0, *this);
      server_.loop_.scheduler().Arm(*this, server_.loop_.scheduler().Now() + kAcceptPause);
    }
    if (!none_left && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (none_left) return;
  }
}

void TcpServer::Acceptor::Fire() noexcept {
  server_.loop_.poller().Modify(fd_.get(), EPOLLIN, *this);
}

}  // namespace resolve64::server
