#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <unordered_map>
#include <vector>

#include "echo.h"
#include "tls.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kReadMost = 65536;  // octets of a read
constexpr int kBacklog = 4096;

struct Connection {
  Fd fd;
  Ssl ssl;
  std::vector<std::uint8_t> in;   // the start of a message
  std::vector<std::uint8_t> out;  // what the client did not take yet
  std::size_t written = 0;
  bool waits_for_room = false;
};

class StreamEcho {
 public:
  StreamEcho(const SocketAddress& address, const EchoStream& settings);
  void Turn();

 private:
  void Accept();
  // False where the connection is over; so for all of these.
  bool Serve(Connection& connection);
  bool Write(Connection& connection);
  // What one read gave, 0 where it would wait, -1 where the connection is over.
  long Read(Connection& connection);
  void Answer(Connection& connection, std::size_t got);
  void Watch(Connection& connection, bool room);

  Fd listener_;
  Fd epoll_;
  std::size_t size_;
  SslContext context_;
  std::unordered_map<int, Connection> connections_;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(kReadMost);
};

StreamEcho::StreamEcho(const SocketAddress& address, const EchoStream& settings)
    : listener_(OpenSocket(address, SOCK_STREAM, {}, 0)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      size_(settings.size) {
  if (!settings.cert.empty()) context_ = ServerContext(settings.cert, settings.key);
  const int yes = 1;
  setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener_.get(), address.get(), address.length) != 0) DieErrno("cannot bind");
  if (listen(listener_.get(), kBacklog) != 0) DieErrno("cannot listen");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener_.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event) != 0) DieErrno("epoll_ctl");
}

void StreamEcho::Turn() {
  std::array<epoll_event, 256> events;
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(ready, 0)); ++i) {
    const int fd = events[i].data.fd;
    if (fd == listener_.get()) {
      Accept();
      continue;
    }
    const auto found = connections_.find(fd);
    if (found != connections_.end() && !Serve(found->second)) connections_.erase(found);
  }
}

void StreamEcho::Accept() {
  for (;;) {
    Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    const int yes = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd.get();
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) DieErrno("epoll_ctl");
    Connection connection;
    if (context_) {
      connection.ssl.reset(SSL_new(context_.get()));
      if (!connection.ssl || SSL_set_fd(connection.ssl.get(), fd.get()) != 1) Die("OpenSSL");
      SSL_set_accept_state(connection.ssl.get());
    }
    const int key = fd.get();
    connection.fd = std::move(fd);
    connections_[key] = std::move(connection);
  }
}

long StreamEcho::Read(Connection& connection) {
  if (!connection.ssl) {
    const ssize_t got = read(connection.fd.get(), buffer_.data(), buffer_.size());
    if (got > 0) return got;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
  }
  const int got = SSL_read(connection.ssl.get(), buffer_.data(), static_cast<int>(buffer_.size()));
  if (got > 0) return got;
  const int error = SSL_get_error(connection.ssl.get(), got);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void StreamEcho::Answer(Connection& connection, std::size_t got) {
  std::span<const std::uint8_t> data(buffer_.data(), got);
  if (!connection.in.empty()) {
    connection.in.insert(connection.in.end(), data.begin(), data.end());
    data = connection.in;
  }
  std::size_t at = 0;
  while (data.size() - at >= 2) {
    const std::size_t length = static_cast<std::size_t>(data[at]) << 8 | data[at + 1];
    if (data.size() - at - 2 < length) break;
    if (length >= kLeastMessage) {
      std::vector<std::uint8_t>& out = connection.out;
      const std::size_t start = out.size();
      out.resize(start + 2 + size_);
      out[start] = static_cast<std::uint8_t>(size_ >> 8);
      out[start + 1] = static_cast<std::uint8_t>(size_);
      WriteEcho(data.subspan(at + 2, length), &out[start + 2], size_);
    }
    at += 2 + length;
  }
  connection.in = std::vector<std::uint8_t>(data.begin() + static_cast<long>(at), data.end());
}

bool StreamEcho::Serve(Connection& connection) {
  if (connection.waits_for_room) return Write(connection);  // it shall read before it asks on
  for (;;) {
    const long got = Read(connection);
    if (got < 0) return false;
    if (got == 0) break;
    Answer(connection, static_cast<std::size_t>(got));
    if (!connection.ssl || SSL_has_pending(connection.ssl.get()) == 0) break;
  }
  return Write(connection);
}

bool StreamEcho::Write(Connection& connection) {
  std::vector<std::uint8_t>& out = connection.out;
  while (connection.written < out.size()) {
    const std::uint8_t* data = out.data() + connection.written;
    const std::size_t size = out.size() - connection.written;
    long done = 0;
    bool waits = false;
    if (connection.ssl) {
      done = SSL_write(connection.ssl.get(), data, static_cast<int>(size));
      const int error = done > 0 ? 0 : SSL_get_error(connection.ssl.get(), static_cast<int>(done));
      waits = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
    } else {
      done = send(connection.fd.get(), data, size, MSG_NOSIGNAL);
      waits = done < 0 && (errno == EAGAIN || errno == EINTR);
    }
    if (waits) {
      Watch(connection, true);
      return true;
    }
    if (done <= 0) return false;
    connection.written += static_cast<std::size_t>(done);
  }
  out.clear();
  connection.written = 0;
  if (connection.waits_for_room) Watch(connection, false);
  return true;
}

void StreamEcho::Watch(Connection& connection, bool room) {
  if (connection.waits_for_room == room) return;
  connection.waits_for_room = room;
  epoll_event event{};
  event.events = room ? EPOLLOUT : EPOLLIN;
  event.data.fd = connection.fd.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event) != 0) DieErrno("epoll");
}

}  // namespace

void ServeStreams(const SocketAddress& address, const EchoStream& settings) {
  StreamEcho echo(address, settings);
  SayReady();
  for (;;) echo.Turn();
}

}  // namespace resolve64::bench
