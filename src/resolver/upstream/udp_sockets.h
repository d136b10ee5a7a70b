// UDP sockets for single queries, each on a port that nobody can foresee (RFC 5452 section 9.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "net/loop.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"
#include "resolver/upstream/socket.h"

namespace resolve64::resolver::upstream {

/// Ports, the first and the last included. Empty where `last` is below `first`.
struct PortRange {
  std::uint16_t first = 1;
  std::uint16_t last = 0;

  PortRange() = default;
  PortRange(std::uint16_t f, std::uint16_t l) : first(f), last(l) {}
  [[nodiscard]] bool Has(std::uint16_t port) const noexcept {
    return port >= first && port <= last;
  }
};

/// The ports that the system gives to those who ask for none, where it draws them from a generator
/// that cannot be predicted, and we can tell; empty otherwise.
PortRange SystemPorts();

/// Sockets for one query each: connected, so that the kernel drops what comes from elsewhere, on a
/// port drawn anew for each from 1024 to 65535, all alike.
///
/// A socket that is made, watched and closed costs more than the query. So where the port that was
/// drawn is one of `system_ports`, the system may draw it among those instead, and it takes a new
/// one each time a socket is connected that was disconnected: such a socket is used again. While
/// it is idle it has no port, and nothing can reach it; what came for its last query is thrown
/// away. To whoever guesses, it is a new socket: each port is as likely as with a socket that is
/// bound to the one drawn. With net.ipv4.ip_local_port_range from 1024 to 65535 no other is used.
///
/// One thread; outlives its sockets. The loop is borrowed, and outlives it.
class UdpSockets {
 public:
  UdpSockets(net::Loop& loop, Random& random, PortRange system_ports);

  /// A socket that is watched for input, connected to `server`, from one of `sources` where there
  /// are any. kNetwork where there is no way to the server, kBudgetSpent where we have no
  /// descriptors left.
  Result<std::unique_ptr<Socket>> Open(const Endpoint& server, std::span<const IpAddress> sources);
  /// When its query is over.
  void Close(std::unique_ptr<Socket> socket) noexcept;

  [[nodiscard]] std::size_t idle() const noexcept { return idle_[0].size() + idle_[1].size(); }
  /// Makes room for other descriptors.
  void Drop() noexcept;

 private:
  class Roaming;

  Result<std::unique_ptr<Socket>> OpenRoaming(const Endpoint& server);
  Result<std::unique_ptr<Socket>> OpenBound(const Endpoint& server,
                                            std::span<const IpAddress> sources, std::uint16_t port);
  Result<int> Create(const Endpoint& server);
  [[nodiscard]] std::uint16_t DrawPort();

  net::Loop& loop_;
  Random& random_;
  const PortRange system_ports_;
  const std::size_t most_idle_;                               // of a family
  std::array<std::vector<std::unique_ptr<Socket>>, 2> idle_;  // each a Roaming; IPv4, IPv6
};

}  // namespace resolve64::resolver::upstream
