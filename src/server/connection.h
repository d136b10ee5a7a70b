// A client's connection: a PROXY header where one is due, a handshake, then what a Session speaks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/loop.h"
#include "net/scheduler.h"
#include "net/stream.h"
#include "server/client.h"
#include "server/session.h"
#include "server/sockets.h"

namespace resolve64::server {

class StreamServer;
struct Door;

/// The questions in progress keep the object, not the connection: what is ready after it closed is
/// dropped. One thread.
class Connection final : public Link,
                         public net::FdWatcher,
                         public net::TimerNode,
                         public net::ReadyNode,
                         public std::enable_shared_from_this<Connection> {
 public:
  /// Octets that the client has not taken; nothing is read from it above.
  static constexpr std::size_t kMaxUnsent = 256 << 10;
  /// Octets of room for replies that a connection keeps while it has none to send.
  static constexpr std::size_t kMaxIdleBuffer = 4096;
  /// How long, and for how many octets, a client that we have nothing more to say to is listened
  /// to: to close on it while it sends would reset what is under way to it.
  static constexpr Duration kEndTime = std::chrono::seconds(1);
  static constexpr std::size_t kMaxDropped = 256 << 10;

  /// `door`: the listener, which a reload may change.
  Connection(StreamServer& server, OwnedFd fd, const Peer& peer, std::shared_ptr<const Door> door);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override = default;

  /// False where the system refuses.
  bool Start();
  void Close();
  /// Takes no more questions, and closes once everything is answered.
  void Finish();
  /// One step of the handshake: costs up to a signature. Called when it is this connection's turn.
  void ShakeHands();

  /// Nothing is in progress and nothing waits to be sent.
  [[nodiscard]] bool idle() const noexcept {
    return session_ == nullptr || (session_->idle() && unsent_.empty());
  }
  [[nodiscard]] const Client& client() const noexcept { return client_; }

  bool Answer(std::span<const std::uint8_t> message, std::vector<std::uint8_t>& out) override;
  void Ask(std::span<const std::uint8_t> message, const std::shared_ptr<ReplyPath>& path) override;
  std::shared_ptr<void> Keep() override { return shared_from_this(); }
  void Wake() noexcept override;
  net::Scheduler& scheduler() noexcept override;
  void OnReady(std::uint32_t events) noexcept override;

 private:
  friend class StreamServer;
  enum class Phase : std::uint8_t { kProxy, kHandshake, kOpen, kEnding };

  void Fire() noexcept override;
  void Run() noexcept override;
  bool Advance(std::uint32_t events);
  [[nodiscard]] bool HandshakeComesFirst() const;
  bool ReadProxy();
  bool Begin();
  bool StartTls();
  void Open();
  bool Read();
  [[nodiscard]] bool WantsInput() const noexcept;
  bool Flush();
  void DropSent();
  void Settle();
  void End();
  bool DropInput();
  void Watch(std::uint32_t events);

  StreamServer& server_;
  OwnedFd fd_;
  std::shared_ptr<const Door> door_;
  Client client_;
  std::unique_ptr<net::Stream> stream_;  // in clear until the handshake
  std::unique_ptr<Session> session_;     // once it is open
  std::vector<std::uint8_t> proxy_;      // the PROXY header as far as it came
  std::vector<std::uint8_t> unsent_;
  std::size_t sent_ = 0;     // octets at the start of unsent_ that are out
  std::size_t dropped_ = 0;  // octets that came after our end
  std::uint32_t watched_ = 0;
  std::uint32_t read_waits_ = 0;  // the event that the next Read() waits for
  Phase phase_ = Phase::kProxy;
  bool awaits_proxy_ = false;  // the peer is a proxy, and its header has not come
  bool queued_ = false;        // it waits for its turn to shake hands
  bool shaken_ = false;        // the handshake is over
  bool input_ended_ = false;   // the client sends no more, or we read no more
  bool busy_ = false;          // within OnReady(): replies are sent together at its end
  bool broken_ = false;   // the client broke the protocol: what is unsent goes out, then the end
  bool welcome_ = false;  // it asked something, and may
  bool counted_ = false;  // the server's NetworkCounts hold it
  TimePoint now_{};       // when the present turn of the connection began
  std::uint64_t questions_ = 0;  // of the session, when last looked at
  TimePoint last_question_{};    // when the last complete question came; before: the start
  std::optional<TimePoint> blocked_since_;  // since when the client has not taken everything
  std::list<std::shared_ptr<Connection>>* list_ = nullptr;  // the server's that holds it
  std::list<std::shared_ptr<Connection>>::iterator self_;
};

}  // namespace resolve64::server
