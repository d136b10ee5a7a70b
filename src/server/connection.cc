#include "server/connection.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "base/log.h"
#include "server/dns_session.h"
#include "server/http_session.h"
#include "server/proxy_header.h"
#include "server/stream_server.h"

namespace resolve64::server {
namespace {

using resolver::Counter;

// How often a connection looks whether its time is up: the more connections there are, the less
// time each of them has.
constexpr Duration kLook = std::chrono::seconds(2);

// How soon a connection whose time is up but whose questions are in progress is looked at again.
constexpr Duration kRecheck = std::chrono::seconds(1);

Transport ToTransport(config::Listener::Transport from) {
  switch (from) {
    case config::Listener::Transport::kDns:
      return Transport::kTcp;
    case config::Listener::Transport::kTls:
      return Transport::kTls;
    case config::Listener::Transport::kHttps:
      return Transport::kHttps;
  }
  return Transport::kTcp;
}

// Whether a close() now could cost the client replies: the system resets where input is unread,
// and where more of it comes, and forgets what has not arrived.
bool CloseMayReset(int fd) {
  int unread = 0;
  int under_way = 0;
  return (::ioctl(fd, FIONREAD, &unread) == 0 && unread > 0) ||
         (::ioctl(fd, SIOCOUTQ, &under_way) == 0 && under_way > 0);
}

}  // namespace

Connection::Connection(StreamServer& server, OwnedFd fd, const Peer& peer,
                       std::shared_ptr<const Door> door)
    : server_(server), fd_(std::move(fd)), door_(std::move(door)) {
  client_.peer = peer;
  client_.address = peer.address();
  client_.transport = ToTransport(door_->config.transport);
}

bool Connection::Start() {
  const config::Listener& listener = door_->config;
  client_.asked = IsWildcard(listener.address) ? LocalAddressOf(fd_.get()) : listener.address;
  awaits_proxy_ = AnyContains(listener.proxies, client_.address);
  stream_ = std::make_unique<net::PlainStream>(fd_.get());
  watched_ = EPOLLIN;
  if (!server_.loop_.poller().Add(fd_.get(), watched_, *this)) return false;
  scheduler().Arm(*this, scheduler().Now() + StreamServer::kHandshakeTime);
  return awaits_proxy_ || Begin();
}

void Connection::Close() {
  if (!fd_.valid()) return;
  if (shaken_) stream_->End();
  Disarm();
  server_.loop_.poller().Remove(fd_.get(), *this);
  stream_.reset();
  fd_.Close();
  server_.Forget(*this);
}

void Connection::Finish() {
  if (phase_ == Phase::kEnding) return;
  if (phase_ != Phase::kOpen) {
    Close();
    return;
  }
  session_->Finish();
  Settle();
}

net::Scheduler& Connection::scheduler() noexcept { return server_.loop_.scheduler(); }

void Connection::OnReady(std::uint32_t events) noexcept {
  const std::shared_ptr<Connection> self = shared_from_this();
  now_ = scheduler().Now();
  busy_ = true;
  const bool alive = Advance(events);
  busy_ = false;
  if (!alive) {
    Close();
    return;
  }
  Settle();
}

// What TLS has read ahead, once others had their turn.
void Connection::Run() noexcept {
  if (fd_.valid()) OnReady(EPOLLIN);
}

// False where the connection is over.
bool Connection::Advance(std::uint32_t events) {
  // Reset, or closed on both sides: nobody is there to answer (RFC 7766 section 6.2.4).
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0)) {
    if (phase_ == Phase::kHandshake) server_.stats_.Add(Counter::kTlsFailed);
    return false;
  }
  switch (phase_) {
    case Phase::kProxy:
      return ReadProxy();
    case Phase::kHandshake:
      // Mostly its turn comes before the descriptor is looked at again.
      if (queued_) {
        Watch(0);
      } else {
        queued_ = true;
        server_.handshakes_.Add(shared_from_this());
      }
      return true;
    case Phase::kOpen:
      return Read();
    case Phase::kEnding:
      return DropInput();
  }
  return false;
}

// Proxies send the header before the handshake (haproxy, balancers that pass TLS through) or as the
// first octets inside TLS (dnsdist).
bool Connection::HandshakeComesFirst() const {
  constexpr std::uint8_t kTlsHandshake = 22;  // RFC 8446 section 5.1
  if (!IsEncrypted(client_.transport) || shaken_ || !proxy_.empty()) return false;
  std::uint8_t first = 0;
  return ::recv(fd_.get(), &first, 1, MSG_PEEK) == 1 && first == kTlsHandshake;
}

// Not an octet more than the header is read: what follows may be a handshake.
bool Connection::ReadProxy() {
  if (HandshakeComesFirst()) return Begin();
  for (;;) {
    const ProxyHeader header = ReadProxyHeader(proxy_);
    if (header.kind == ProxyHeader::Kind::kMalformed) {
      server_.stats_.Add(Counter::kProxyRefused);
      return false;
    }
    if (header.kind == ProxyHeader::Kind::kDone) {
      if (header.source) client_.address = header.source->address;
      if (header.destination) client_.asked = header.destination->address;
      client_.through_proxy = header.destination.has_value();
      std::vector<std::uint8_t>().swap(proxy_);
      awaits_proxy_ = false;
      return Begin();
    }
    const std::size_t had = proxy_.size();
    proxy_.resize(header.size);
    const net::Io io = stream_->Read(std::span(proxy_).subspan(had));
    proxy_.resize(had + io.octets);
    if (io.state == net::Io::State::kWait) return true;
    if (io.state != net::Io::State::kDone) return false;
  }
}

// The next step on the way to the first question. False where there is no room for the client.
bool Connection::Begin() {
  if (!awaits_proxy_ && !counted_ && !server_.EnterNetwork(*this)) return false;
  if (IsEncrypted(client_.transport) && !shaken_) return StartTls();
  if (awaits_proxy_) {
    phase_ = Phase::kProxy;
  } else {
    Open();
  }
  return true;
}

bool Connection::StartTls() {
  if (server_.tls_ == nullptr) return false;
  const bool https = client_.transport == Transport::kHttps;
  stream_ = server_.tls_->Accept(fd_.get(), https ? net::Alpn::kHttp2 : net::Alpn::kDot,
                                 client_.asked.value_or(IpAddress()));
  phase_ = Phase::kHandshake;
  return stream_ != nullptr;
}

void Connection::ShakeHands() {
  queued_ = false;
  if (!fd_.valid() || phase_ != Phase::kHandshake) return;
  const net::Io io = stream_->Handshake();
  if (io.state == net::Io::State::kWait) {
    Watch(stream_->waits_for());
    return;
  }
  if (io.state != net::Io::State::kDone) {
    server_.stats_.Add(Counter::kTlsFailed);
    Log(LogLevel::kDebug, "server", "a handshake failed",
        {{"client", client_.address.ToText()}, {"reason", std::string(stream_->error())}});
    Close();
    return;
  }
  server_.stats_.Add(Counter::kTlsHandshakes);
  if (stream_->resumed()) server_.stats_.Add(Counter::kTlsResumed);
  shaken_ = true;
  if (!Begin()) {
    Close();
    return;
  }
  Watch(EPOLLIN);
  // The first question often comes with the end of the handshake.
  OnReady(EPOLLIN);
}

void Connection::Open() {
  phase_ = Phase::kOpen;
  read_waits_ = EPOLLIN;
  if (client_.transport == Transport::kHttps) {
    session_ = std::make_unique<HttpSession>(*this, door_->config.path);
  } else {
    session_ = std::make_unique<DnsSession>(*this);
  }
  last_question_ = scheduler().Now();
  scheduler().Arm(*this,
                  last_question_ + std::min<Duration>(kLook, server_.IdleTime(client_.transport)));
}

bool Connection::Read() {
  if (!WantsInput()) return true;
  client_.listener_view = door_->view;
  client_.idle = server_.IdleTime(client_.transport);
  const std::span<std::uint8_t> buffer(server_.read_buffer_);
  const net::Io io = stream_->Read(buffer);
  switch (io.state) {
    case net::Io::State::kWait:
      read_waits_ = stream_->waits_for();
      return true;
    case net::Io::State::kFailed:
      return false;
    case net::Io::State::kEnd:
      input_ended_ = true;  // half closed: what was asked is still answered
      session_->InputEnded();
      return true;
    case net::Io::State::kDone:
      broken_ = !session_->Take(buffer.first(io.octets));
      return true;
  }
  return false;
}

bool Connection::WantsInput() const noexcept {
  return !input_ended_ && !broken_ && session_->has_room() && unsent_.size() - sent_ < kMaxUnsent;
}

bool Connection::Answer(std::span<const std::uint8_t> message, std::vector<std::uint8_t>& out) {
  const FastPath::Reply reply = server_.handler_.Finished(
      message, {client_.address, client_.listener_view, client_.transport, client_.idle}, now_);
  if (!reply) return false;
  const std::size_t start = out.size();
  out.resize(start + reply.size());
  reply.Write(&out[start]);
  welcome_ = true;
  return true;
}

void Connection::Ask(std::span<const std::uint8_t> message,
                     const std::shared_ptr<ReplyPath>& path) {
  if (server_.handler_.Handle(message, client_, path)) welcome_ = true;
}

void Connection::Wake() noexcept {
  if (busy_) return;
  now_ = scheduler().Now();
  Settle();
}

// Sends, and watches for what comes next; closes where nothing does.
void Connection::Settle() {
  if (!fd_.valid() || phase_ != Phase::kOpen) return;
  busy_ = true;
  const bool alive = Flush();
  busy_ = false;
  if (session_->questions() != questions_) {
    questions_ = session_->questions();
    // Who may not ask stays a stranger, and asking prolongs nothing.
    if (welcome_) {
      last_question_ = scheduler().Now();
      server_.Touch(*this);
    }
  }
  if (!alive) {
    Close();
    return;
  }
  if ((broken_ || session_->ended()) && unsent_.empty()) {
    End();
    return;
  }
  std::uint32_t events = 0;
  if (WantsInput()) {
    events |= read_waits_;
    if (stream_->pending()) scheduler().PostNext(*this);
  }
  if (!unsent_.empty()) events |= stream_->waits_for();
  Watch(events);
}

// We send no more. Closes, as soon as that takes nothing from the client.
void Connection::End() {
  if (input_ended_ || !CloseMayReset(fd_.get())) {
    Close();
    return;
  }
  phase_ = Phase::kEnding;
  stream_->End();
  ::shutdown(fd_.get(), SHUT_WR);
  std::vector<std::uint8_t>().swap(unsent_);
  scheduler().Arm(*this, scheduler().Now() + kEndTime);
  Watch(EPOLLIN);
}

// False where the client has ended too, or sends without end.
bool Connection::DropInput() {
  const ssize_t got =
      ::recv(fd_.get(), server_.read_buffer_.data(), server_.read_buffer_.size(), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  dropped_ += static_cast<std::size_t>(got);
  return got > 0 && dropped_ <= kMaxDropped;
}

// False where the connection is over.
bool Connection::Flush() {
  for (;;) {
    const std::size_t waiting = unsent_.size() - sent_;
    if (waiting < kMaxUnsent) session_->Output(unsent_, kMaxUnsent - waiting);
    if (unsent_.empty()) return true;
    const net::Io io = stream_->Write(std::span<const std::uint8_t>(unsent_).subspan(sent_));
    if (io.state == net::Io::State::kWait) {
      // The slow reader's clock runs until all of it is out.
      if (!blocked_since_) blocked_since_ = scheduler().Now();
      return true;
    }
    if (io.state != net::Io::State::kDone) return false;
    sent_ += io.octets;
    if (sent_ < unsent_.size()) {
      DropSent();
      continue;
    }
    unsent_.clear();
    sent_ = 0;
    if (unsent_.capacity() > kMaxIdleBuffer) unsent_.shrink_to_fit();
    blocked_since_.reset();
  }
}

// A client that takes steadily and never quite everything must not make the buffer grow. Each octet
// is moved once at most, since it waits until as many are out as are left.
void Connection::DropSent() {
  if (sent_ < unsent_.size() - sent_) return;
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent_));
  sent_ = 0;
}

void Connection::Watch(std::uint32_t events) {
  if (events == watched_) return;
  watched_ = events;
  server_.loop_.poller().Modify(fd_.get(), events, *this);
}

void Connection::Fire() noexcept {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (phase_ == Phase::kEnding) {
    Close();
    return;
  }
  if (phase_ != Phase::kOpen) {
    server_.stats_.Add(phase_ == Phase::kProxy ? Counter::kProxyRefused : Counter::kTlsFailed);
    Close();
    return;
  }
  const TimePoint now = scheduler().Now();
  const Duration idle_time = server_.IdleTime(client_.transport);
  const bool stuck = blocked_since_ && *blocked_since_ + idle_time <= now;
  const bool silent = idle() && last_question_ + idle_time <= now;
  if (stuck || silent) {
    Close();
    return;
  }
  const TimePoint due = blocked_since_.value_or(last_question_) + idle_time;
  scheduler().Arm(*this, due <= now ? now + kRecheck : std::min(due, now + kLook));
}

}  // namespace resolve64::server
