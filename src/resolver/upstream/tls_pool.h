// The connections over TLS that a worker keeps, and which of them a query takes.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/rate_limit.h"
#include "net/loop.h"
#include "net/tls_client.h"
#include "resolver/upstream/tls_connection.h"
#include "resolver/upstream/transport.h"

namespace resolve64::resolver::upstream {

/// One thread; outlives its channels. Bounded by servers, connections of each and of all, and the
/// bounds of a TlsConnection.
class TlsPool {
 public:
  /// Queries that one connection carries before there is another one to the same server
  /// (RFC 7766 section 6.2.2 wants few), and how many there may be.
  static constexpr std::size_t kCrowded = 128;
  static constexpr std::size_t kMaxOfServer = 4;
  static constexpr std::size_t kMaxConnections = 256;
  static constexpr std::size_t kMaxOpportunistic = 192;  ///< of these, once there are so many
  static constexpr std::size_t kMaxServers = 1024;       ///< whose sessions are kept

  /// A socket that is being connected, and is the caller's then.
  using Connector = std::function<Result<int>(const Endpoint&)>;

  /// `loop` and `random` are borrowed.
  TlsPool(net::Loop& loop, Random& random, Connector connector);
  TlsPool(const TlsPool&) = delete;
  TlsPool& operator=(const TlsPool&) = delete;
  ~TlsPool();

  /// See Transport::OpenTls() and StateOfTls().
  Result<std::unique_ptr<Channel>> Open(const net::TlsClientPtr& client, const TlsTarget& target);
  [[nodiscard]] TlsState StateOf(const net::TlsClientPtr& client, const TlsTarget& target) const;

  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }

 private:
  class Host;
  class TlsChannel;
  // Servers under one configuration: what was checked under another does not count.
  using Key = std::pair<net::TlsClientPtr, TlsTarget>;

  std::shared_ptr<Host> Find(const net::TlsClientPtr& client, const TlsTarget& target);
  bool MakeRoom();
  bool CloseAnIdleOne();

  net::Loop& loop_;
  Random& random_;
  Connector connector_;
  std::size_t connections_ = 0;
  std::map<Key, std::shared_ptr<Host>> hosts_;
};

}  // namespace resolve64::resolver::upstream
