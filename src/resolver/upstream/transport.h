// Sending one query to one server: an interface, so that tests need no network.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "net/task.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64::resolver::upstream {

/// One socket, connected to one server, on a random port of its own (RFC 5452 section 9.2).
/// Destroying it closes the socket and forgets what is under way.
class Channel {
 public:
  virtual ~Channel() = default;
  /// Sends one message. kNetwork where the system refuses.
  virtual Result<bool> Send(std::span<const std::uint8_t> message) = 0;
  /// The next message from that server; kTimedOut when `deadline` came first; kNetwork where the
  /// system says that the server cannot be reached or the connection is gone.
  virtual net::Task<Result<std::vector<std::uint8_t>>> Receive(TimePoint deadline) = 0;
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
};

}  // namespace resolve64::resolver::upstream
