// One worker's listening TCP sockets and connections: TCP, TLS and HTTPS.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "config/config.h"
#include "net/loop.h"
#include "net/tls_server.h"
#include "resolver/stats.h"
#include "server/connection.h"
#include "server/handler.h"
#include "server/network_counts.h"
#include "server/sockets.h"

namespace resolve64::server {

/// What connections of one listener need to know of it. A reload changes it, for connections that
/// are open, too.
struct Door {
  config::Listener config;
  ViewPtr view;
};

/// What all workers count together.
struct ConnectionCounts {
  std::atomic<std::size_t> all{0};
  NetworkCounts networks;
};

/// `limits` with no more connections than half of the descriptors that the process may have: the
/// others are for asking upstream servers.
config::LimitsConfig WithinDescriptors(config::LimitsConfig limits);

/// Accepts, and holds the connections. Where there is no room, the one that was silent longest
/// makes room, those first whose clients never asked anything. Handshakes take turns with
/// everything else, so that who only shakes hands holds up nobody. One thread.
class StreamServer {
 public:
  /// From the accepted connection to the end of the PROXY header and the handshake.
  static constexpr Duration kHandshakeTime = std::chrono::seconds(5);

  /// Everything is borrowed.
  StreamServer(net::Loop& loop, Handler& handler, resolver::Stats& stats, ConnectionCounts& counts);
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;
  ~StreamServer();

  /// How long a connection may be without a complete question, or its client without taking a
  /// reply; how many connections there may be, those of all workers together.
  void SetLimits(const config::LimitsConfig& limits) { limits_ = limits; }
  /// The certificates from now on; connections keep those that they have. Null: nobody can shake
  /// hands.
  void SetTls(net::TlsServerPtr tls) { tls_ = std::move(tls); }

  class Acceptor;
  /// A listening socket. When the Acceptor is destroyed accepting ends, and so do its connections
  /// once they are answered. Null where the system refuses.
  std::unique_ptr<Acceptor> Listen(OwnedFd fd, const config::Listener& config);

  /// Reads no more from the connections of `door`, null: from anybody; what was asked is answered.
  void Finish(const Door* door = nullptr);
  [[nodiscard]] bool idle() const noexcept { return strangers_.empty() && known_.empty(); }
  /// Called whenever the last connection went.
  void OnIdle(std::function<void()> idle) { on_idle_ = std::move(idle); }

 private:
  friend class Connection;
  using Connections = std::list<std::shared_ptr<Connection>>;

  /// Connections that have a step of their handshake to do.
  class HandshakeTurns final : public net::ReadyNode {
   public:
    explicit HandshakeTurns(net::Scheduler& scheduler) : scheduler_(scheduler) {}
    void Add(std::shared_ptr<Connection> connection);
    void Clear() { waiting_.clear(); }

   private:
    void Run() noexcept override;
    net::Scheduler& scheduler_;
    std::deque<std::shared_ptr<Connection>> waiting_;
  };

  void Accepted(OwnedFd fd, const Peer& peer, const std::shared_ptr<const Door>& door);
  /// Counts the client's network; closes another connection of it where that is at its limit. False
  /// where there is none to close.
  bool EnterNetwork(Connection& connection);
  bool MakeRoom(const IpAddress* network, const Connection* beside);
  void Touch(Connection& connection);
  void Forget(Connection& connection);
  [[nodiscard]] Duration IdleTime(Transport transport) const noexcept;

  net::Loop& loop_;
  Handler& handler_;
  resolver::Stats& stats_;
  ConnectionCounts& counts_;
  config::LimitsConfig limits_;
  net::TlsServerPtr tls_;
  Connections strangers_;  // never asked anything, the oldest first
  Connections known_;      // the one that asked last is at the end
  std::vector<std::uint8_t> read_buffer_;
  HandshakeTurns handshakes_;
  std::function<void()> on_idle_;
};

class StreamServer::Acceptor final : public net::FdWatcher, private net::TimerNode {
 public:
  Acceptor(StreamServer& server, OwnedFd fd, const config::Listener& config);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor() override;

  bool Start();
  /// From now on, for the connections that are open too.
  void Set(const config::Listener& config, ViewPtr view);
  void OnReady(std::uint32_t events) noexcept override;

 private:
  void Fire() noexcept override;

  StreamServer& server_;
  OwnedFd fd_;
  std::shared_ptr<Door> door_;
  bool watched_ = false;
};

}  // namespace resolve64::server
