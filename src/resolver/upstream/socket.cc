#include "resolver/upstream/socket.h"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace resolve64::resolver::upstream {

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

Error SystemError(const char* what) {
  const int error = errno;
  const bool ours =
      error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EAGAIN;
  return Error{ours ? Errc::kBudgetSpent : Errc::kNetwork,
               std::string(what) + ": " + std::strerror(error)};
}

Socket::~Socket() {
  // What is closed leaves the poller by itself.
  if (watched_) loop_.poller().Forget(fd_, *this);
  ::close(fd_);
}

bool Socket::Watch(std::uint32_t events) {
  const bool good =
      watched_ ? loop_.poller().Modify(fd_, events, *this) : loop_.poller().Add(fd_, events, *this);
  watched_ = watched_ || good;
  return good;
}

}  // namespace resolve64::resolver::upstream
