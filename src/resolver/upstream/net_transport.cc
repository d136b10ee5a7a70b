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
// Milliseconds after which a connection that nobody acknowledges is dead: one that is kept may have
// been forgotten on the way.
constexpr unsigned int kUnacknowledged = 3000;

class UdpChannel final : public Channel {
 public:
  UdpChannel(UdpSockets& sockets, std::unique_ptr<Socket> socket)
      : sockets_(sockets), socket_(std::move(socket)) {}
  UdpChannel(const UdpChannel&) = delete;
  UdpChannel& operator=(const UdpChannel&) = delete;
  ~UdpChannel() override { sockets_.Close(std::move(socket_)); }

  Result<bool> Send(std::span<const std::uint8_t> message) override {
    if (::send(socket_->fd(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
      return SystemError("send");
    }
    return true;
  }

  // Waits before it reads: the reply is never there yet, but on loopback, and there the other
  // question of a pair would otherwise wait for this answer.
  net::Task<Result<std::vector<std::uint8_t>>> Receive(TimePoint deadline) override {
    for (;;) {
      net::Event::Waiter waiter = socket_->changed().WaitUntil(deadline);
      const bool ready = co_await waiter;
      if (!ready) {
        co_return Result<std::vector<std::uint8_t>>(Error{Errc::kTimedOut, "no reply in time"});
      }
      socket_->changed().Reset();
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
      got = ::recv(socket_->fd(), buffer.data(), buffer.size(), 0);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) return std::vector<std::uint8_t>(buffer.begin(), buffer.begin() + got);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    return SystemError("receive");
  }

  UdpSockets& sockets_;
  std::unique_ptr<Socket> socket_;
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
      udp_(loop, random, SystemPorts()),
      tls_(loop, random, [this](const Endpoint& server) { return OpenTcpSocket(server); }) {}

void NetTransport::SetSourceAddresses(const std::vector<IpAddress>& addresses) {
  for (auto& sources : sources_) sources.clear();
  for (const IpAddress& address : addresses) {
    sources_[address.is_v4() ? 0 : 1].push_back(address);
  }
}

Result<std::unique_ptr<Channel>> NetTransport::OpenUdp(const Endpoint& server) {
  Result<std::unique_ptr<Socket>> socket = udp_.Open(server, SourcesFor(server));
  if (!socket) return socket.error();
  return std::unique_ptr<Channel>(std::make_unique<UdpChannel>(udp_, std::move(*socket)));
}

// A connection cannot be guessed into, so that the system may choose its port, away from those
// that servers listen on: one that has ended holds it for a minute, against us when we start again.
Result<int> NetTransport::OpenTcpSocket(const Endpoint& server) {
  const int family = server.address.is_v4() ? AF_INET : AF_INET6;
  int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && udp_.idle() > 0) {
    udp_.Drop();
    fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  if (fd < 0) return SystemError("socket");
  const auto fail = [fd](const char* what) {
    Error error = SystemError(what);
    ::close(fd);
    return error;
  };
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const std::span<const IpAddress> sources = SourcesFor(server);
  if (!sources.empty()) {
    const auto pick = random_.Below(static_cast<std::uint32_t>(sources.size()));
    const SocketAddress from = ToSocketAddress(sources[pick], 0);
    if (::bind(fd, from.any(), from.length) != 0) return fail("bind");
  }
  const SocketAddress to = ToSocketAddress(server.address, server.port);
  if (::connect(fd, to.any(), to.length) != 0 && errno != EINPROGRESS) return fail("connect");
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledged, sizeof kUnacknowledged);
  return fd;
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
