// A descriptor that belongs to one upstream query or connection, and the addresses of the system.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "net/loop.h"
#include "net/task.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64::resolver::upstream {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* any() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

SocketAddress ToSocketAddress(const IpAddress& address, std::uint16_t port);

/// errno, and what it says of the way to a server; or, kBudgetSpent, of ourselves: no descriptors,
/// no memory, no port.
Error SystemError(const char* what);

/// A descriptor that is watched while it is open. It is closed at the end.
class Socket : public net::FdWatcher {
 public:
  Socket(net::Loop& loop, int fd) : loop_(loop), fd_(fd), changed_(loop.scheduler()) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() override;

  /// False where the system refuses.
  bool Watch(std::uint32_t events);
  void OnReady(std::uint32_t /*events*/) noexcept override { changed_.Set(); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  net::Event& changed() noexcept { return changed_; }

 private:
  net::Loop& loop_;
  int fd_;
  bool watched_ = false;
  net::Event changed_;
};

}  // namespace resolve64::resolver::upstream
