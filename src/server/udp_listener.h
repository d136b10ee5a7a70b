// One UDP socket of one worker: questions in batches, replies in batches.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/loop.h"
#include "net/scheduler.h"
#include "server/handler.h"
#include "server/sockets.h"

namespace resolve64::server {

/// Kept alive by the questions that are in progress, so that a listener that a reload takes away
/// still answers them. One thread, that of the loop, which outlives it.
class UdpListener final : public ReplyPath,
                          public net::FdWatcher,
                          private net::ReadyNode,
                          public std::enable_shared_from_this<UdpListener> {
 public:
  static constexpr unsigned kBatch = 32;
  /// A question is some hundred octets; a longer datagram is cut, and malformed then.
  static constexpr std::size_t kLargestQuestion = 4096;
  /// Finished answers up to this size take the fast path: `limits.udp_payload` is hardly ever more.
  static constexpr std::size_t kLargestFinished = 4096;
  /// Batches read before others get their turn.
  static constexpr int kRounds = 4;
  /// Questions that are not finished get so much of a turn. A flood of them holds up neither those
  /// that are, nor the replies of upstream servers.
  static constexpr Duration kSlowTime = std::chrono::microseconds(500);
  /// Questions that wait for the next turn; further ones are dropped, unless they are finished.
  static constexpr std::size_t kMaxBacklog = 1024;
  /// Replies that wait for room in the socket; further ones are dropped, as a full network would.
  static constexpr std::size_t kMaxWaiting = 1024;

  UdpListener(net::Loop& loop, Handler& handler, OwnedFd fd);
  UdpListener(const UdpListener&) = delete;
  UdpListener& operator=(const UdpListener&) = delete;
  ~UdpListener() override;

  /// False where the system refuses.
  bool Start();
  /// Answers what has come so far, then reads no more.
  void Stop();
  void SetView(ViewPtr view) { view_ = std::move(view); }
  /// Datagrams from these must begin with a header of the PROXY protocol, version 2, and are
  /// dropped without it; from others they never do. Replies go to the proxy.
  void SetProxies(std::vector<Network> proxies) { proxies_ = std::move(proxies); }

  void Reply(const Peer& peer, std::vector<std::uint8_t> message) noexcept override;
  void OnReady(std::uint32_t events) noexcept override;

 private:
  struct Outgoing {
    Peer peer;
    std::vector<std::uint8_t> message;
  };
  // Replies that come in one turn leave together at its end.
  class Sending final : public net::ReadyNode {
   public:
    explicit Sending(UdpListener& listener) noexcept : listener_(listener) {}

   private:
    void Run() noexcept override { listener_.Flush(); }
    UdpListener& listener_;
  };
  struct Question {
    Client client;
    std::vector<std::uint8_t> message;
  };
  struct Buffers;

  void Read() noexcept;
  int Receive() noexcept;
  void ReadProxyHeaders(std::size_t count) noexcept;
  bool Finish(std::size_t i, TimePoint now) noexcept;
  void HandleOrKeep(std::size_t i, TimePoint until);
  void Handle(std::span<const std::uint8_t> message, Client& client);
  void Run() noexcept override;
  void WorkOff(TimePoint until);
  void SendFinished() noexcept;
  void Flush() noexcept;
  void Watch(std::uint32_t events) noexcept;

  net::Loop& loop_;
  Handler& handler_;
  OwnedFd fd_;
  ViewPtr view_;
  std::vector<Network> proxies_;
  std::unique_ptr<Buffers> buffers_;
  std::optional<IpAddress> local_;  // what the socket is bound to
  bool wildcard_;                   // then each datagram tells which of our addresses was asked
  std::deque<Question> backlog_;
  std::deque<Outgoing> outgoing_;
  Sending sending_{*this};
  std::uint32_t watched_ = 0;
  bool added_ = false;    // the poller knows us
  bool reading_ = false;  // within Read(): replies wait for the end of the batch
  bool blocked_ = false;  // the socket is full
};

}  // namespace resolve64::server
