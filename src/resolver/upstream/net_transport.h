// The Transport that is a network: one connected socket a query, or a part in a connection over
// TLS.
#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "net/loop.h"
#include "resolver/upstream/tls_pool.h"
#include "resolver/upstream/transport.h"

namespace resolve64::resolver::upstream {

/// Sockets of the loop it is given. Each UDP socket has a random port of 1024 to 65535 (RFC 5452
/// section 9.2) and is connected, so that the kernel drops what comes from elsewhere. Same thread
/// as the loop; outlives its channels.
class NetTransport : public Transport {
 public:
  NetTransport(net::Loop& loop, Random& random);

  /// Where queries leave from: one of these of the right family, at random; none of the family: the
  /// system chooses.
  void SetSourceAddresses(std::vector<IpAddress> addresses) { sources_ = std::move(addresses); }

  Result<std::unique_ptr<Channel>> OpenUdp(const Endpoint& server) override;
  Result<std::unique_ptr<Channel>> OpenTcp(const Endpoint& server) override;
  Result<std::unique_ptr<Channel>> OpenTls(const net::TlsClientPtr& client,
                                           const TlsTarget& target) override;
  [[nodiscard]] TlsState StateOfTls(const net::TlsClientPtr& client,
                                    const TlsTarget& target) const override;

 private:
  Result<int> OpenSocket(const Endpoint& server, int kind);
  Result<int> OpenTcpSocket(const Endpoint& server);

  net::Loop& loop_;
  Random& random_;
  std::vector<IpAddress> sources_;
  TlsPool tls_;
};

}  // namespace resolve64::resolver::upstream
