// What is spoken on a connection: DNS messages with their lengths, or HTTP/2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "net/scheduler.h"
#include "server/client.h"

namespace resolve64::server {

/// What a session needs of its connection. The connection outlives the session.
class Link {
 public:
  virtual ~Link() = default;

  /// Appends the reply to `out` where it is finished already. Otherwise Ask() is to be called.
  virtual bool Answer(std::span<const std::uint8_t> message, std::vector<std::uint8_t>& out) = 0;
  /// Gives a question to the worker. `path` gets exactly one reply, maybe within this call; with
  /// Keep() it can be a part of the session.
  virtual void Ask(std::span<const std::uint8_t> message,
                   const std::shared_ptr<ReplyPath>& path) = 0;
  /// What keeps the connection and its session alive until a reply has come.
  virtual std::shared_ptr<void> Keep() = 0;
  /// There is something in Session::Output(). Sent at the end of the present turn of the
  /// connection, or at once where it has none.
  virtual void Wake() noexcept = 0;
  virtual net::Scheduler& scheduler() noexcept = 0;
};

/// One connection's. One thread. After Close() of its connection it still hears the replies to what
/// is in progress.
class Session {
 public:
  /// Questions in progress on one connection; further ones wait (RFC 7766 section 6.2.2 leaves it
  /// to us; closing would punish who pipelines).
  static constexpr std::size_t kMaxInflight = 100;

  virtual ~Session() = default;

  /// Octets from the client, all of which are taken. False where the client broke the protocol:
  /// what Output() has is sent, and the connection ends.
  virtual bool Take(std::span<const std::uint8_t> octets) = 0;
  /// Appends what is to be sent, up to about `most` octets; what is left comes with the next call.
  virtual void Output(std::vector<std::uint8_t>& unsent, std::size_t most) = 0;
  /// False: nothing is read from the client until something was answered.
  [[nodiscard]] virtual bool has_room() const noexcept = 0;
  /// Nothing is in progress and Output() has nothing.
  [[nodiscard]] virtual bool idle() const noexcept = 0;
  /// Complete questions that came so far: a connection without any new one is silent.
  [[nodiscard]] virtual std::uint64_t questions() const noexcept = 0;
  /// No further questions are taken; the client is told where there is a way to say it.
  virtual void Finish() noexcept = 0;
  /// The client sends no more. What was asked is still answered.
  virtual void InputEnded() noexcept = 0;
  /// Nothing more will come of it: the connection closes once everything is sent.
  [[nodiscard]] virtual bool ended() const noexcept = 0;
};

}  // namespace resolve64::server
