// The least that a server can do: the limits that a resolver is measured against.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "system.h"

namespace resolve64::bench {

/// A reply of `size` octets: those of `question` with QR set and no records counted, then zeros, as
/// far as there is room. `out` has room for `size`. REQUIRES: a header at least, and room for it.
inline void WriteEcho(std::span<const std::uint8_t> question, std::uint8_t* out,
                      std::size_t size) noexcept {
  const std::size_t head = std::min(question.size(), size);
  std::memcpy(out, question.data(), head);
  std::memset(out + head, 0, size - head);
  out[2] |= 0x80;
  std::memset(out + 6, 0, 6);
}

/// The smallest message that is echoed: a header.
inline constexpr std::size_t kLeastMessage = 12;

/// recvmmsg and sendmmsg on one socket under epoll. Never returns.
[[noreturn]] void EchoUdp(const SocketAddress& address, std::size_t size);

struct EchoStream {
  std::size_t size = 0;   ///< octets of a reply
  std::string cert, key;  ///< PEM files; both empty: no TLS
};
/// Framed messages (RFC 7766 section 8) with epoll, read and write: the replies to all of one read
/// leave in one write. A connection ends when its client ends it. Never returns.
[[noreturn]] void ServeStreams(const SocketAddress& address, const EchoStream& settings);

/// Says on stdout that questions may come.
void SayReady();

}  // namespace resolve64::bench
