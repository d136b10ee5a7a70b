#include "resolver/upstream/udp_sockets.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/file.h"

namespace resolve64::resolver::upstream {
namespace {

constexpr std::uint32_t kFirstPort = 1024;
constexpr std::uint32_t kPorts = 65536 - kFirstPort;
constexpr int kPortAttempts = 8;
constexpr std::size_t kMostIdle = 128;  // of a family, and of descriptors one in kShareOfIdle
constexpr std::size_t kShareOfIdle = 32;
constexpr int kMostLeftOver = 64;  // datagrams thrown away before a socket is, too

std::size_t MostIdle() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur / kShareOfIdle, kMostIdle));
}

}  // namespace

// Before 5.19 the generator behind a port was a lesser one.
PortRange SystemPorts() {
  utsname system{};
  int major = 0;
  int minor = 0;
  if (::uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2 ||
      std::pair(major, minor) < std::pair(5, 19)) {
    return {};
  }
  constexpr std::size_t kLongest = 64;
  const auto text = ReadSmallFile("/proc/sys/net/ipv4/ip_local_port_range", kLongest);
  int first = 0;
  int last = 0;
  if (!text || !*text || std::sscanf((*text)->c_str(), "%d %d", &first, &last) != 2) return {};
  if (first < static_cast<int>(kFirstPort) || last < first || last > 65535) return {};
  return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
}

/// A socket without a port of its own: it has one while it is connected.
class UdpSockets::Roaming final : public Socket {
 public:
  Roaming(net::Loop& loop, int fd, std::size_t family) : Socket(loop, fd), family_(family) {}

  [[nodiscard]] std::size_t family() const noexcept { return family_; }

  bool Connect(const SocketAddress& to) noexcept {
    idle_ = false;
    changed().Reset();
    return ::connect(fd(), to.any(), to.length) == 0;
  }
  /// Gives the port back. False where the socket is no good any more.
  bool Rest() noexcept {
    idle_ = true;
    const sockaddr nowhere{AF_UNSPEC, {}};
    return ::connect(fd(), &nowhere, sizeof nowhere) == 0 && Empty();
  }
  void OnReady(std::uint32_t events) noexcept override {
    // What was on its way into the socket when it gave its port back.
    if (idle_) {
      Empty();
    } else {
      Socket::OnReady(events);
    }
  }

 private:
  // Datagrams and errors that nobody waits for. False where there is no end to them.
  [[nodiscard]] bool DropOne() const noexcept {
    const bool got = ::recv(fd(), nullptr, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0;
    return got || (errno != EAGAIN && errno != EWOULDBLOCK);
  }
  bool Empty() const noexcept {
    for (int i = 0; i < kMostLeftOver; ++i) {
      if (!DropOne()) return true;
    }
    return false;
  }

  std::size_t family_;
  bool idle_ = false;
};

UdpSockets::UdpSockets(net::Loop& loop, Random& random, PortRange system_ports)
    : loop_(loop), random_(random), system_ports_(system_ports), most_idle_(MostIdle()) {}

Result<std::unique_ptr<Socket>> UdpSockets::Open(const Endpoint& server,
                                                 std::span<const IpAddress> sources) {
  const std::uint16_t port = DrawPort();
  if (sources.empty() && system_ports_.Has(port)) return OpenRoaming(server);
  return OpenBound(server, sources, port);
}

void UdpSockets::Close(std::unique_ptr<Socket> socket) noexcept {
  auto* roaming = dynamic_cast<Roaming*>(socket.get());
  if (roaming == nullptr) return;
  auto& idle = idle_[roaming->family()];
  if (idle.size() >= most_idle_ || !roaming->Rest()) return;
  idle.push_back(std::move(socket));
}

void UdpSockets::Drop() noexcept {
  for (auto& idle : idle_) idle.clear();
}

std::uint16_t UdpSockets::DrawPort() {
  return static_cast<std::uint16_t>(kFirstPort + random_.Below(kPorts));
}

Result<int> UdpSockets::Create(const Endpoint& server) {
  const int family = server.address.is_v4() ? AF_INET : AF_INET6;
  int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && idle() > 0) {
    Drop();
    fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  if (fd < 0) return SystemError("socket");
  return fd;
}

Result<std::unique_ptr<Socket>> UdpSockets::OpenRoaming(const Endpoint& server) {
  auto& idle = idle_[server.address.is_v4() ? 0 : 1];
  std::unique_ptr<Socket> socket;
  if (!idle.empty()) {
    socket = std::move(idle.back());
    idle.pop_back();
  } else {
    const Result<int> fd = Create(server);
    if (!fd) return fd.error();
    socket = std::make_unique<Roaming>(loop_, *fd, server.address.is_v4() ? 0 : 1);
    if (!socket->Watch(EPOLLIN)) return SystemError("epoll");
  }
  auto& roaming = static_cast<Roaming&>(*socket);
  if (!roaming.Connect(ToSocketAddress(server.address, server.port))) return SystemError("connect");
  return socket;
}

Result<std::unique_ptr<Socket>> UdpSockets::OpenBound(const Endpoint& server,
                                                      std::span<const IpAddress> sources,
                                                      std::uint16_t port) {
  const Result<int> fd = Create(server);
  if (!fd) return fd.error();
  auto socket = std::make_unique<Socket>(loop_, *fd);
  IpAddress source = server.address.is_v4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
  if (!sources.empty()) {
    source = sources[random_.Below(static_cast<std::uint32_t>(sources.size()))];
  }
  for (int attempt = 0; attempt <= kPortAttempts; ++attempt) {
    // The last attempt leaves the port to the system: it knows which are free.
    if (attempt > 0) port = attempt == kPortAttempts ? std::uint16_t{0} : DrawPort();
    const SocketAddress from = ToSocketAddress(source, port);
    if (::bind(socket->fd(), from.any(), from.length) == 0) break;
    if (errno != EADDRINUSE || attempt == kPortAttempts) return SystemError("bind");
  }
  const SocketAddress to = ToSocketAddress(server.address, server.port);
  if (::connect(socket->fd(), to.any(), to.length) != 0) return SystemError("connect");
  if (!socket->Watch(EPOLLIN)) return SystemError("epoll");
  return socket;
}

}  // namespace resolve64::resolver::upstream
