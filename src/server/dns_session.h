// DNS messages with their lengths in front (RFC 1035 section 4.2.2, RFC 7766), over TCP or TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "server/session.h"

namespace resolve64::server {

/// Replies leave as they are ready, in any order (RFC 7766 section 6.2.1.1), those that are ready
/// together in one write.
class DnsSession final : public Session, public ReplyPath {
 public:
  /// Octets of replies that wait here; no further question is looked at above.
  static constexpr std::size_t kMaxWaiting = 256 << 10;
  /// Answers that come late may still be added to them, up to here. Who asks for more and takes
  /// nothing is hung up on.
  static constexpr std::size_t kMostWaiting = kMaxWaiting + (64 << 10);

  explicit DnsSession(Link& link) : link_(link) {}

  bool Take(std::span<const std::uint8_t> octets) override;
  void Output(std::vector<std::uint8_t>& unsent, std::size_t most) override;
  [[nodiscard]] bool has_room() const noexcept override {
    return inflight_ < kMaxInflight && replies_.size() < kMaxWaiting && !finished_ && !overrun_;
  }
  [[nodiscard]] bool idle() const noexcept override { return inflight_ == 0 && replies_.empty(); }
  [[nodiscard]] std::uint64_t questions() const noexcept override { return questions_; }
  void Finish() noexcept override;
  void InputEnded() noexcept override { input_ended_ = true; }
  [[nodiscard]] bool ended() const noexcept override {
    return overrun_ || (input_ended_ && idle() && !HasMessage(received_));
  }

  void Reply(const Peer& peer, std::vector<std::uint8_t> message) noexcept override;

 private:
  static bool HasMessage(std::span<const std::uint8_t> octets) noexcept;
  std::size_t Ask(std::span<const std::uint8_t> octets);
  bool AnswerNow(std::span<const std::uint8_t> message);
  void PutLength(std::size_t start) noexcept;
  void Continue();

  Link& link_;
  std::vector<std::uint8_t> received_;  // what is no whole message yet, or waits for room
  std::vector<std::uint8_t> replies_;
  std::size_t inflight_ = 0;
  std::uint64_t questions_ = 0;
  bool asking_ = false;  // within Ask()
  bool input_ended_ = false;
  bool finished_ = false;
  bool overrun_ = false;  // there were more replies than anybody keeps
};

}  // namespace resolve64::server
