#include "resolver/upstream/net_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace resolve64::resolver::upstream {
namespace {

constexpr std::size_t kLargestDatagram =
    4096;  // we offer less; a longer one is cut, and malformed then
constexpr std::size_t kLengthPrefix = 2;
constexpr int kPortAttempts = 8;
// Milliseconds after which a connection that nobody acknowledges is dead: one that is kept may have
// been forgotten on the way.
constexpr unsigned int kUnacknowledged = 3000;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

SocketAddress ToSocketAddress(const IpAddress& address, std::uint16_t port) {
  SocketAddress out;
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.data(), 4);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.length = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.data(), 16);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.length = sizeof v6;
  }
  return out;
}

// What the system says about the way to a server; or, kBudgetSpent, about ourselves: no
// descriptors, no memory.
Error SystemError(const char* what) {
  const bool ours = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  return Error{ours ? Errc::kBudgetSpent : Errc::kNetwork,
               std::string(what) + ": " + std::strerror(errno)};
}

/// What both kinds of channel share: a descriptor that is watched while it is open.
class Socket : public net::FdWatcher {
 public:
  Socket(net::Loop& loop, int fd) : loop_(loop), fd_(fd), changed_(loop.scheduler()) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() override {
    if (watched_) loop_.poller().Remove(fd_, *this);
    ::close(fd_);
  }

  bool Watch(std::uint32_t events) {
    const bool good = watched_ ? loop_.poller().Modify(fd_, events, *this)
                               : loop_.poller().Add(fd_, events, *this);
    watched_ = watched_ || good;
    return good;
  }
  void OnReady(std::uint32_t /*events*/) noexcept override { changed_.Set(); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  net::Event& changed() noexcept { return changed_; }

 private:
  net::Loop& loop_;
  int fd_;
  bool watched_ = false;
  net::Event changed_;
};

class UdpChannel final : public Channel {
 public:
  UdpChannel(net::Loop& loop, int fd) : socket_(loop, fd) {}
  bool Start() { return socket_.Watch(EPOLLIN); }

  Result<bool> Send(std::span<const std::uint8_t> message) override {
    if (::send(socket_.fd(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
      return SystemError("send");
    }
    return true;
  }

  // Waits before it reads: the reply is never there yet, but on loopback, and there the other
  // question of a pair would otherwise wait for this answer.
  net::Task<Result<std::vector<std::uint8_t>>> Receive(TimePoint deadline) override {
    for (;;) {
      net::Event::Waiter waiter = socket_.changed().WaitUntil(deadline);
      const bool ready = co_await waiter;
      if (!ready) {
        co_return Result<std::vector<std::uint8_t>>(Error{Errc::kTimedOut, "no reply in time"});
      }
      socket_.changed().Reset();
      if (std::optional<Result<std::vector<std::uint8_t>>> got = TryReceive()) {
        co_return std::move(*got);
      }
    }
  }

 private:
  // Empty where nothing is there yet. Not part of the coroutine: its frame need not hold the
  // buffer.
  std::optional<Result<std::vector<std::uint8_t>>> TryReceive() {
    std::array<std::uint8_t, kLargestDatagram> buffer;
    ssize_t got = 0;
    do {
      got = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) return std::vector<std::uint8_t>(buffer.begin(), buffer.begin() + got);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    return SystemError("receive");
  }

  Socket socket_;
};

class TcpChannel final : public Channel {
 public:
  TcpChannel(net::Loop& loop, int fd) : socket_(loop, fd) {}
  bool Start() { return socket_.Watch(EPOLLIN | EPOLLOUT); }

  Result<bool> Send(std::span<const std::uint8_t> message) override {
    // Length prefix and message leave in one write (RFC 7766 section 8).
    unsent_.push_back(static_cast<std::uint8_t>(message.size() >> 8));
    unsent_.push_back(static_cast<std::uint8_t>(message.size() & 0xFF));
    unsent_.insert(unsent_.end(), message.begin(), message.end());
    return true;
  }

  net::Task<Result<std::vector<std::uint8_t>>> Receive(TimePoint deadline) override {
    for (;;) {
      socket_.changed().Reset();
      if (HasMessage()) co_return TakeMessage();
      if (!Flush() || !Fill()) {
        co_return Result<std::vector<std::uint8_t>>(SystemError("connection"));
      }
      if (HasMessage()) continue;
      net::Event::Waiter waiter = socket_.changed().WaitUntil(deadline);
      const bool ready = co_await waiter;
      if (!ready) {
        co_return Result<std::vector<std::uint8_t>>(Error{Errc::kTimedOut, "no reply in time"});
      }
    }
  }

 private:
  [[nodiscard]] std::size_t NextLength() const {
    return static_cast<std::size_t>(received_[0]) << 8 | received_[1];
  }
  [[nodiscard]] bool HasMessage() const {
    return received_.size() >= kLengthPrefix && received_.size() >= kLengthPrefix + NextLength();
  }
  // REQUIRES: HasMessage().
  Result<std::vector<std::uint8_t>> TakeMessage() {
    const auto begin = received_.begin() + kLengthPrefix;
    const auto end = begin + static_cast<std::ptrdiff_t>(NextLength());
    std::vector<std::uint8_t> message(begin, end);
    received_.erase(received_.begin(), end);
    return message;
  }

  static bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN; }

  // False where the connection is over.
  bool Flush() {
    while (!unsent_.empty()) {
      const ssize_t sent = ::send(socket_.fd(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        return WouldBlock();
      }
      unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
      if (unsent_.empty()) socket_.Watch(EPOLLIN);
    }
    return true;
  }
  bool Fill() {
    std::array<std::uint8_t, 16384> buffer;
    for (;;) {
      if (received_.size() > kLengthPrefix + 65535) return true;  // enough for one message
      const ssize_t got = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
      if (got > 0) {
        received_.insert(received_.end(), buffer.begin(), buffer.begin() + got);
        continue;
      }
      if (got == 0) {
        errno = ECONNRESET;
        return HasMessage();
      }
      if (errno == EINTR) continue;
      return WouldBlock();
    }
  }

  Socket socket_;
  std::vector<std::uint8_t> unsent_;
  std::vector<std::uint8_t> received_;
};

}  // namespace

NetTransport::NetTransport(net::Loop& loop, Random& random)
    : loop_(loop),
      random_(random),
      tls_(loop, random, [this](const Endpoint& server) { return OpenTcpSocket(server); }) {}

Result<int> NetTransport::OpenSocket(const Endpoint& server, int kind) {
  const int family = server.address.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");

  IpAddress source = server.address.is_v4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
  std::vector<IpAddress> usable;
  for (const IpAddress& candidate : sources_) {
    if (candidate.is_v4() == server.address.is_v4()) usable.push_back(candidate);
  }
  if (!usable.empty()) source = usable[random_.Below(static_cast<std::uint32_t>(usable.size()))];

  // A connection cannot be guessed into, so that the system may choose its port, away from those
  // that servers listen on: one that has ended holds it for a minute, against us when we start
  // again.
  const bool tcp = kind == SOCK_STREAM;
  const int on = 1;
  if (tcp) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  for (int attempt = 0; attempt <= kPortAttempts; ++attempt) {
    // The last attempt leaves the port to the system: it knows which are free.
    const bool last = tcp || attempt == kPortAttempts;
    const auto port = static_cast<std::uint16_t>(last ? 0 : 1024 + random_.Below(65536 - 1024));
    const SocketAddress from = ToSocketAddress(source, port);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&from.storage), from.length) == 0) break;
    if (errno == EADDRINUSE && !last) continue;
    const Error error = SystemError("bind");
    ::close(fd);
    return error;
  }
  const SocketAddress to = ToSocketAddress(server.address, server.port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.length) != 0 &&
      errno != EINPROGRESS) {
    const Error error = SystemError("connect");
    ::close(fd);
    return error;
  }
  return fd;
}

Result<std::unique_ptr<Channel>> NetTransport::OpenUdp(const Endpoint& server) {
  const Result<int> fd = OpenSocket(server, SOCK_DGRAM);
  if (!fd) return fd.error();
  auto channel = std::make_unique<UdpChannel>(loop_, *fd);
  if (!channel->Start()) return SystemError("epoll");
  return std::unique_ptr<Channel>(std::move(channel));
}

Result<int> NetTransport::OpenTcpSocket(const Endpoint& server) {
  const Result<int> fd = OpenSocket(server, SOCK_STREAM);
  if (!fd) return fd.error();
  const int on = 1;
  ::setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(*fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledged, sizeof kUnacknowledged);
  return *fd;
}

Result<std::unique_ptr<Channel>> NetTransport::OpenTcp(const Endpoint& server) {
  const Result<int> fd = OpenTcpSocket(server);
  if (!fd) return fd.error();
  auto channel = std::make_unique<TcpChannel>(loop_, *fd);
  if (!channel->Start()) return SystemError("epoll");
  return std::unique_ptr<Channel>(std::move(channel));
}

Result<std::unique_ptr<Channel>> NetTransport::OpenTls(const net::TlsClientPtr& client,
                                                       const TlsTarget& target) {
  return tls_.Open(client, target);
}

TlsState NetTransport::StateOfTls(const net::TlsClientPtr& client, const TlsTarget& target) const {
  return tls_.StateOf(client, target);
}

}  // namespace resolve64::resolver::upstream
