// The Transport that is a network: one connected socket a query, or a part in a connection over
// TLS.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "net/loop.h"
#include "resolver/upstream/tls_pool.h"
#include "resolver/upstream/transport.h"
#include "resolver/upstream/udp_sockets.h"

namespace resolve64::resolver::upstream {

/// Sockets of the loop it is given. Each UDP socket has a random port of 1024 to 65535 (RFC 5452
/// section 9.2) and is connected, so that the kernel drops what comes from elsewhere. Same thread
/// as the loop; outlives its channels.
class NetTransport : public Transport {
 public:
  NetTransport(net::Loop& loop, Random& random);

  /// Where queries leave from: one of these of the right family, at random; none of the family: the
  /// system chooses.
  void SetSourceAddresses(const std::vector<IpAddress>& addresses);

  Result<std::unique_ptr<Channel>> OpenUdp(const Endpoint& server) override;
  Result<std::unique_ptr<Channel>> OpenTcp(const Endpoint& server) override;
  Result<std::unique_ptr<Channel>> OpenTls(const net::TlsClientPtr& client,
                                           const TlsTarget& target) override;
  [[nodiscard]] TlsState StateOfTls(const net::TlsClientPtr& client,
                                    const TlsTarget& target) const override;

 private:
  Result<int> OpenTcpSocket(const Endpoint& server);
  [[nodiscard]] std::span<const IpAddress> SourcesFor(const Endpoint& server) const noexcept {
    return sources_[server.address.is_v4() ? 0 : 1];
  }

  net::Loop& loop_;
  Random& random_;
  std::array<std::vector<IpAddress>, 2> sources_;  // IPv4, IPv6
  UdpSockets udp_;
  TlsPool tls_;
};

}  // namespace resolve64::resolver::upstream
