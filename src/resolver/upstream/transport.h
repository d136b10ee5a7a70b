// Sending one query to one server: an interface, so that tests need no network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/task.h"
#include "net/tls_client.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64::resolver::upstream {

/// A way to one server for one query: over UDP a socket on a random port of its own (RFC 5452
/// section 9.2), over TCP a connection of its own, over TLS a part in a connection that others use
/// too. Destroying it forgets what is under way, and closes what is its own.
class Channel {
 public:
  virtual ~Channel() = default;
  /// Sends one message. kNetwork where the system refuses.
  virtual Result<bool> Send(std::span<const std::uint8_t> message) = 0;
  /// The next message from that server; kTimedOut when `deadline` came first; kNetwork where the
  /// system says that the server cannot be reached or the connection is gone.
  virtual net::Task<Result<std::vector<std::uint8_t>>> Receive(TimePoint deadline) = 0;
  /// When the message that was given to Send() at `given` left: later where a connection had to be
  /// made first.
  [[nodiscard]] virtual TimePoint LeftAt(TimePoint given) const { return given; }
};

/// Where a connection over TLS leads, and who must be there.
struct TlsTarget {
  Endpoint endpoint;
  bool authenticated = true;  ///< see net::TlsPeer
  std::string name;

  TlsTarget() = default;
  TlsTarget(const Endpoint& e, bool a, std::string n)
      : endpoint(e), authenticated(a), name(std::move(n)) {}
  [[nodiscard]] std::size_t Hash() const noexcept {
    return endpoint.Hash() ^ std::hash<std::string>()(name);
  }
  auto operator<=>(const TlsTarget&) const = default;
};

/// Of the connections to one target.
enum class TlsState : std::uint8_t {
  kNone,    ///< one has to be made
  kComing,  ///< one is being made
  kOpen,    ///< a message would leave at once
};

/// Opens channels. One thread.
class Transport {
 public:
  virtual ~Transport() = default;
  /// kNetwork where there is no way to the server, kBudgetSpent where we have no descriptors left.
  virtual Result<std::unique_ptr<Channel>> OpenUdp(const Endpoint& server) = 0;
  /// The connection is made while the first Receive() waits. Messages are framed (RFC 1035
  /// section 4.2.2).
  virtual Result<std::unique_ptr<Channel>> OpenTcp(const Endpoint& server) = 0;
  /// A connection that is there is used, else one is made, and kept for others. Its messages may be
  /// answered in any order. Receive() says kNetwork where `client` does not find whom it expects.
  virtual Result<std::unique_ptr<Channel>> OpenTls(const net::TlsClientPtr& client,
                                                   const TlsTarget& target) = 0;
  /// What OpenTls() would find.
  [[nodiscard]] virtual TlsState StateOfTls(const net::TlsClientPtr& client,
                                            const TlsTarget& target) const = 0;
};

}  // namespace resolve64::resolver::upstream
