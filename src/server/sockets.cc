#include "server/sockets.h"

#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace resolve64::server {
namespace {

// A burst of some thousand questions waits in the kernel while a worker is busy. The system's limit
// (net.core.rmem_max) may hold it lower.
constexpr int kUdpBufferOctets = 4 << 20;
constexpr int kBacklog = 4096;
// Connections whose first data came with the SYN (RFC 7413) and that were not accepted yet.
constexpr int kFastOpenQueue = 256;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  explicit SocketAddress(const config::Listener& listener) {
    if (listener.address.is_v4()) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(listener.port);
      std::memcpy(&v4.sin_addr, listener.address.data(), 4);
      std::memcpy(&storage, &v4, sizeof v4);
      length = sizeof v4;
    } else {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(listener.port);
      std::memcpy(&v6.sin6_addr, listener.address.data(), 16);
      std::memcpy(&storage, &v6, sizeof v6);
      length = sizeof v6;
    }
  }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

bool Set(int fd, int level, int option, int value = 1) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Error Explain(const config::Listener& listener, int error) {
  std::string text = ListenerText(listener) + ": ";
  switch (error) {
    case EADDRINUSE:
      text +=
          "address in use: another resolver (systemd-resolved?) holds it; stop it or choose "
          "another "
          "port";
      break;
    case EACCES:
    case EPERM:
      text +=
          "permission denied: ports below 1024 need root or CAP_NET_BIND_SERVICE; start with them "
          "or "
          "choose another port";
      break;
    case EAFNOSUPPORT:
      text += "this host has no IPv6; take the address out of \"listen\"";
      break;
    case EADDRNOTAVAIL:
      text += listener.address.is_v6()
                  ? "this host does not have the address, or has IPv6 switched off; give it the "
                    "address or take it out of \"listen\""
                  : "this host does not have the address; give it the address or take it out of "
                    "\"listen\"";
      break;
    default:
      text += std::strerror(error);
      break;
  }
  return Error{Errc::kNetwork, std::move(text)};
}

OwnedFd NewSocket(const config::Listener& listener, int kind) {
  const int family = listener.address.is_v4() ? AF_INET : AF_INET6;
  OwnedFd fd(::socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // 0.0.0.0 and :: are two listeners, so that an IPv4 client stays one for every rule.
  if (fd.valid() && family == AF_INET6) Set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  return fd;
}

void SetUpUdp(int fd, const IpAddress& address) {
  if (!Set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kUdpBufferOctets)) {
    Set(fd, SOL_SOCKET, SO_RCVBUF, kUdpBufferOctets);
  }
  if (!Set(fd, SOL_SOCKET, SO_SNDBUFFORCE, kUdpBufferOctets)) {
    Set(fd, SOL_SOCKET, SO_SNDBUF, kUdpBufferOctets);
  }
  // Path MTU messages are not believed: anybody can forge them, and replies are small.
  const bool wildcard = IsWildcard(address);
  if (address.is_v4()) {
    if (wildcard) Set(fd, IPPROTO_IP, IP_PKTINFO);
    Set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  } else {
    if (wildcard) Set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    Set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  }
}

void SetUpTcp(int fd) {
  Set(fd, SOL_SOCKET, SO_REUSEADDR);
  Set(fd, IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
  // Not every kernel has it, or has it switched on: then a handshake more.
  Set(fd, IPPROTO_TCP, TCP_FASTOPEN, kFastOpenQueue);
}

std::vector<int> KindsOf(const config::Listener& listener) {
  if (listener.transport == config::Listener::Transport::kDns) return {SOCK_DGRAM, SOCK_STREAM};
  return {SOCK_STREAM};
}

IpAddress ToAddress(const in_addr& from) {
  Ipv4 address;
  std::memcpy(address.octets.data(), &from, address.octets.size());
  return address;
}
IpAddress ToAddress(const in6_addr& from) {
  Ipv6 address;
  std::memcpy(address.octets.data(), &from, address.octets.size());
  return address;
}

}  // namespace

void OwnedFd::Close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

IpAddress Peer::address() const noexcept {
  return any.sa_family == AF_INET ? ToAddress(v4.sin_addr) : ToAddress(v6.sin6_addr);
}

std::optional<IpAddress> Peer::local_address() const noexcept {
  if (!has_local) return std::nullopt;
  return any.sa_family == AF_INET ? ToAddress(local_v4) : ToAddress(local_v6);
}

std::uint16_t Peer::port() const noexcept {
  return ntohs(any.sa_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

bool IsWildcard(const IpAddress& address) noexcept {
  return address.is_v4() ? address.v4() == Ipv4{} : address.v6() == Ipv6{};
}

bool SameSockets(const config::Listener& a, const config::Listener& b) {
  return a.address == b.address && a.port == b.port && a.transport == b.transport;
}

std::string ListenerText(const config::Listener& listener) {
  const std::string address = listener.address.ToText();
  return (listener.address.is_v4() ? address : "[" + address + "]") + ":" +
         std::to_string(listener.port);
}

std::string ServiceText(const config::Listener& listener) {
  std::string at = ListenerText(listener);
  switch (listener.transport) {
    case config::Listener::Transport::kDns:
      return "udp+tcp " + at;
    case config::Listener::Transport::kTls:
      return "tls " + at;
    case config::Listener::Transport::kHttps:
      return "https " + at + listener.path;
  }
  return at;
}

std::vector<IpAddress> HostAddresses() {
  std::vector<IpAddress> addresses;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (at->ifa_addr->sa_family == AF_INET) {
      sockaddr_in from{};
      std::memcpy(&from, at->ifa_addr, sizeof from);
      addresses.push_back(ToAddress(from.sin_addr));
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 from{};
      std::memcpy(&from, at->ifa_addr, sizeof from);
      addresses.push_back(ToAddress(from.sin6_addr));
    }
  }
  ::freeifaddrs(list);
  return addresses;
}

std::optional<IpAddress> LocalAddressOf(int fd) {
  Peer local;
  socklen_t length = sizeof local.v6;
  if (::getsockname(fd, &local.any, &length) != 0) return std::nullopt;
  return local.address();
}

Result<bool> CheckFree(const config::Listener& listener) {
  const SocketAddress at(listener);
  for (const int kind : KindsOf(listener)) {
    const OwnedFd fd = NewSocket(listener, kind);
    if (!fd.valid()) return Explain(listener, errno);
    // Connections that are closing do not count as somebody.
    if (kind == SOCK_STREAM) Set(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (::bind(fd.get(), at.get(), at.length) != 0) return Explain(listener, errno);
    if (kind == SOCK_STREAM && ::listen(fd.get(), 1) != 0) return Explain(listener, errno);
  }
  return true;
}

Result<Listening> OpenListener(const config::Listener& listener) {
  const SocketAddress at(listener);
  Listening listening;
  listening.config = listener;
  for (const int kind : KindsOf(listener)) {
    OwnedFd fd = NewSocket(listener, kind);
    if (!fd.valid()) return Explain(listener, errno);
    if (!Set(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return Explain(listener, errno);
    if (kind == SOCK_STREAM) {
      SetUpTcp(fd.get());
    } else {
      SetUpUdp(fd.get(), listener.address);
    }
    if (::bind(fd.get(), at.get(), at.length) != 0) return Explain(listener, errno);
    if (kind == SOCK_STREAM && ::listen(fd.get(), kBacklog) != 0) return Explain(listener, errno);
    (kind == SOCK_STREAM ? listening.tcp : listening.udp) = std::move(fd);
  }
  return listening;
}

}  // namespace resolve64::server
