// Sockets to listen on, and the addresses that go with a datagram.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64::server {

/// A descriptor and its only owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) noexcept : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() { Close(); }

  void Close() noexcept;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Whom a datagram came from, and which of our addresses it was sent to (RFC 2181 section 4: the
/// reply leaves from there). A plain value.
struct Peer {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  bool has_local = false;
  in_addr local_v4{};
  in6_addr local_v6{};
  unsigned interface_index = 0;  // of a link-local address; zero: the routing table decides

  Peer() noexcept : v6{} {}
  [[nodiscard]] IpAddress address() const noexcept;
  /// Which of our addresses was asked; empty where that is not known.
  [[nodiscard]] std::optional<IpAddress> local_address() const noexcept;
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] socklen_t length() const noexcept {
    return any.sa_family == AF_INET ? sizeof v4 : sizeof v6;
  }
};

/// A listening TCP socket of one address, and a bound UDP socket where its transport is DNS, for
/// one worker.
struct Listening {
  config::Listener config;
  OwnedFd udp;
  OwnedFd tcp;
};

/// 0.0.0.0 and ::, which stand for every address of the host.
bool IsWildcard(const IpAddress& address) noexcept;

/// The addresses that this host has now, of both families.
std::vector<IpAddress> HostAddresses();

/// Our end of a connected socket; empty where the system does not say.
std::optional<IpAddress> LocalAddressOf(int fd);

/// "192.0.2.1:53", "[2001:db8::1]:53".
std::string ListenerText(const config::Listener& listener);
/// "udp+tcp 192.0.2.1:53", "tls [2001:db8::1]:853", "https [2001:db8::1]:443/dns-query".
std::string ServiceText(const config::Listener& listener);

/// True where sockets that were opened for one do for the other.
bool SameSockets(const config::Listener& a, const config::Listener& b);

/// Nothing where the address is free. kNetwork, with what the operator can do about it, where
/// another process has it: SO_REUSEPORT alone would share it silently with a second resolver of the
/// same user.
Result<bool> CheckFree(const config::Listener& listener);

/// Sockets with SO_REUSEPORT, non-blocking, close-on-exec. Datagrams to a wildcard address tell
/// which address they were sent to. kNetwork as above.
Result<Listening> OpenListener(const config::Listener& listener);

}  // namespace resolve64::server
