#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/stream.h"

namespace resolve64::net {
namespace {

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN; }

}  // namespace

Io PlainStream::Read(std::span<std::uint8_t> into) noexcept {
  for (;;) {
    const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
    if (got > 0) return {Io::State::kDone, static_cast<std::size_t>(got)};
    if (got == 0) return {Io::State::kEnd, 0};
    if (errno == EINTR) continue;
    waits_for_ = EPOLLIN;
    return {WouldBlock() ? Io::State::kWait : Io::State::kFailed, 0};
  }
}

Io PlainStream::Write(std::span<const std::uint8_t> octets) noexcept {
  for (;;) {
    const ssize_t sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {Io::State::kDone, static_cast<std::size_t>(sent)};
    if (errno == EINTR) continue;
    waits_for_ = EPOLLOUT;
    return {WouldBlock() ? Io::State::kWait : Io::State::kFailed, 0};
  }
}

}  // namespace resolve64::net
