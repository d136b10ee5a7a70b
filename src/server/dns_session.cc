#include "server/dns_session.h"

#include <utility>

namespace resolve64::server {
namespace {

constexpr std::size_t kLengthPrefix = 2;  // RFC 1035 section 4.2.2

// Octets of room for replies that an idle connection may keep.
constexpr std::size_t kIdleRoom = 16384;

// With its prefix. REQUIRES: the prefix is there.
std::size_t LengthOf(std::span<const std::uint8_t> octets) noexcept {
  return kLengthPrefix + (static_cast<std::size_t>(octets[0]) << 8 | octets[1]);
}

}  // namespace

bool DnsSession::HasMessage(std::span<const std::uint8_t> octets) noexcept {
  return octets.size() >= kLengthPrefix && octets.size() >= LengthOf(octets);
}

// Asks what is whole, as far as there is room: how many octets that was.
std::size_t DnsSession::Ask(std::span<const std::uint8_t> octets) {
  // A part of the connection: no allocation for each question.
  const std::shared_ptr<ReplyPath> path(link_.Keep(), this);
  asking_ = true;
  std::size_t at = 0;
  while (has_room() && HasMessage(octets.subspan(at))) {
    const std::size_t length = LengthOf(octets.subspan(at));
    const auto message = octets.subspan(at + kLengthPrefix, length - kLengthPrefix);
    ++questions_;
    if (!AnswerNow(message)) {
      ++inflight_;
      link_.Ask(message, path);
    }
    at += length;
  }
  asking_ = false;
  return at;
}

// False where the reply is not finished.
bool DnsSession::AnswerNow(std::span<const std::uint8_t> message) {
  const std::size_t start = replies_.size();
  replies_.resize(start + kLengthPrefix);
  if (!link_.Answer(message, replies_)) {
    replies_.resize(start);
    return false;
  }
  PutLength(start);
  return true;
}

void DnsSession::PutLength(std::size_t start) noexcept {
  const std::size_t length = replies_.size() - start - kLengthPrefix;
  replies_[start] = static_cast<std::uint8_t>(length >> 8);
  replies_[start + 1] = static_cast<std::uint8_t>(length & 0xFF);
}

bool DnsSession::Take(std::span<const std::uint8_t> octets) {
  // Usually whole messages come: they are read where they are.
  if (received_.empty()) octets = octets.subspan(Ask(octets));
  received_.insert(received_.end(), octets.begin(), octets.end());
  Continue();
  return true;
}

void DnsSession::Continue() {
  if (asking_ || received_.empty() || !has_room() || !HasMessage(received_)) return;
  const std::size_t asked = Ask(received_);
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(asked));
  if (received_.empty()) received_.shrink_to_fit();
}

void DnsSession::Output(std::vector<std::uint8_t>& unsent, std::size_t /*most*/) {
  Continue();
  if (unsent.empty()) {
    std::swap(unsent, replies_);
  } else {
    unsent.insert(unsent.end(), replies_.begin(), replies_.end());
  }
  replies_.clear();
  if (replies_.capacity() > kIdleRoom) replies_.shrink_to_fit();
}

void DnsSession::Finish() noexcept {
  finished_ = input_ended_ = true;
  received_.clear();
}

void DnsSession::Reply(const Peer& /*peer*/, std::vector<std::uint8_t> message) noexcept {
  --inflight_;
  if (replies_.size() + message.size() > kMostWaiting) {
    overrun_ = true;
    std::vector<std::uint8_t>().swap(replies_);  // {} would keep the room
  } else if (!message.empty() && !overrun_) {
    const std::size_t start = replies_.size();
    replies_.resize(start + kLengthPrefix);
    replies_.insert(replies_.end(), message.begin(), message.end());
    PutLength(start);
  }
  if (asking_) return;
  Continue();
  link_.Wake();
}

}  // namespace resolve64::server
