// DNS over TCP (RFC 7766): one worker's listening sockets and connections.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "net/loop.h"
#include "resolver/stats.h"
#include "server/handler.h"
#include "server/sockets.h"

namespace resolve64::server {

class TcpServer;

/// A client's connection. Replies leave as they are ready, in any order (RFC 7766 section 6.2.1.1).
/// The questions in progress keep the object, not the connection: what is ready after it closed is
/// dropped.
class TcpConnection final : public ReplyPath,
                            public net::FdWatcher,
                            public net::TimerNode,
                            public std::enable_shared_from_this<TcpConnection> {
 public:
  /// Questions in progress; further ones stay in the socket until there is room (RFC 7766
  /// section 6.2.2 leaves it to us; closing would punish who pipelines).
  static constexpr std::size_t kMaxInflight = 100;
  /// Octets of replies that the client has not taken; nothing is read from it above.
  static constexpr std::size_t kMaxUnsent = 256 << 10;

  /// `view`: that of the listener, which a reload may change.
  TcpConnection(TcpServer& server, OwnedFd fd, const Peer& peer,
                std::shared_ptr<const ViewPtr> view);
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;
  ~TcpConnection() override = default;

  /// False where the system refuses.
  bool Start();
  void Close();
  /// Reads no more, and closes once everything is answered.
  void Finish();
  /// Nothing is in progress and nothing waits to be sent.
  [[nodiscard]] bool idle() const noexcept { return inflight_ == 0 && unsent_.empty(); }

  void Reply(const Peer& peer, std::vector<std::uint8_t> message) noexcept override;
  void OnReady(std::uint32_t events) noexcept override;

 private:
  friend class TcpServer;
  void Fire() noexcept override;
  bool Read();
  void Parse();
  [[nodiscard]] bool HasRoom() const noexcept {
    return inflight_ < kMaxInflight && unsent_.size() - sent_ < kMaxUnsent;
  }
  [[nodiscard]] std::size_t NextLength() const noexcept;
  bool Flush();
  void Settle();

  TcpServer& server_;
  OwnedFd fd_;
  Client client_;
  std::shared_ptr<const ViewPtr> view_;
  std::vector<std::uint8_t> received_;
  std::vector<std::uint8_t> unsent_;
  std::size_t sent_ = 0;  // octets at the start of unsent_ that are out
  std::size_t inflight_ = 0;
  std::uint32_t watched_ = 0;
  bool input_ended_ = false;  // the client sends no more, or we read no more
  bool busy_ = false;         // within OnReady(): replies are sent together at its end
  TimePoint last_message_{};  // when the last complete message came
  TimePoint last_sent_{};     // since when unsent_ has not been empty
  std::list<std::shared_ptr<TcpConnection>>::iterator self_;
};

/// Accepts, and holds the connections, the one that was silent longest first. One thread.
class TcpServer {
 public:
  /// Everything is borrowed. `clients` is shared by all workers.
  TcpServer(net::Loop& loop, Handler& handler, resolver::Stats& stats,
            std::atomic<std::size_t>& clients);
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;
  ~TcpServer();

  /// `max_clients`: connections of all workers together. `idle`: a connection without a complete
  /// message for so long is closed, and one whose client does not take its replies.
  void SetLimits(std::size_t max_clients, Duration idle);

  class Acceptor;
  /// A listening socket; accepting ends when the Acceptor is destroyed. Null where the system
  /// refuses.
  std::unique_ptr<Acceptor> Listen(OwnedFd fd, ViewPtr view);

  /// Reads no more from anybody; what was asked is answered.
  void Finish();
  [[nodiscard]] bool idle() const noexcept { return connections_.empty(); }

 private:
  friend class TcpConnection;
  void Accepted(OwnedFd fd, const Peer& peer, const std::shared_ptr<const ViewPtr>& view);
  bool MakeRoom();
  void Touch(TcpConnection& connection);
  void Forget(TcpConnection& connection);

  net::Loop& loop_;
  Handler& handler_;
  resolver::Stats& stats_;
  std::atomic<std::size_t>& clients_;
  std::size_t max_clients_ = 0;
  Duration idle_{};
  std::list<std::shared_ptr<TcpConnection>> connections_;
  std::vector<std::uint8_t> read_buffer_;
};

class TcpServer::Acceptor final : public net::FdWatcher, private net::TimerNode {
 public:
  Acceptor(TcpServer& server, OwnedFd fd, ViewPtr view);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor() override;

  bool Start();
  /// From now on, for the connections that are open too.
  void SetView(ViewPtr view) { *view_ = std::move(view); }
  void OnReady(std::uint32_t events) noexcept override;

 private:
  void Fire() noexcept override;

  TcpServer& server_;
  OwnedFd fd_;
  std::shared_ptr<ViewPtr> view_;
  bool watched_ = false;
};

}  // namespace resolve64::server
