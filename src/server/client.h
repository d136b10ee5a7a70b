// Who asked, over what, and where the reply goes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "resolve64/ip.h"
#include "server/sockets.h"
#include "server/view.h"

namespace resolve64::server {

enum class Transport : std::uint8_t { kUdp, kTcp, kTls, kHttps };

constexpr bool IsEncrypted(Transport transport) noexcept {
  return transport == Transport::kTls || transport == Transport::kHttps;
}

/// Messages with their lengths in front.
constexpr bool IsFramed(Transport transport) noexcept {
  return transport == Transport::kTcp || transport == Transport::kTls;
}

/// "udp", "tcp", "tls", "https".
constexpr const char* ToText(Transport transport) noexcept {
  switch (transport) {
    case Transport::kUdp:
      return "udp";
    case Transport::kTcp:
      return "tcp";
    case Transport::kTls:
      return "tls";
    case Transport::kHttps:
      return "https";
  }
  return "";
}

/// Who sent a message, and how.
struct Client {
  Peer peer;                       ///< who is at the other end of the socket
  IpAddress address;               ///< who asks: the peer, or whom a trusted proxy named
  std::optional<IpAddress> asked;  ///< our address that was asked, where it is known
  bool through_proxy = false;      ///< `asked` is what a trusted proxy says
  Transport transport = Transport::kUdp;
  ViewPtr listener_view;  ///< null where the listener has none
  /// How long the connection may be silent from now on, told where the client asks for it (RFC
  /// 7828); not of UDP and HTTPS.
  Duration idle{};
};

/// Where replies leave.
class ReplyPath {
 public:
  virtual ~ReplyPath() = default;
  /// Sends `message`, or drops it where the client is gone. Called once for each message that
  /// Handler::Handle() was given, an empty `message` where silence is the answer. Maybe from within
  /// Handle().
  virtual void Reply(const Peer& peer, std::vector<std::uint8_t> message) noexcept = 0;
};

}  // namespace resolve64::server
