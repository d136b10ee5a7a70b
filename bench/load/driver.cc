#include "driver.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "system.h"

namespace resolve64::bench {
namespace {

constexpr double kSecond = 1e9;
constexpr std::uint64_t kLeastRest = 20'000;        // ns
constexpr std::uint64_t kMostRest = 1'000'000;      // ns
constexpr std::uint64_t kLongestWait = 10'000'000;  // ns: timeouts are looked for at least so often

std::size_t LimitOf(const Pace& pace, std::size_t channels) {
  const double all = pace.rate > 0 ? pace.rate * static_cast<double>(pace.timeout) / kSecond + 64
                                   : static_cast<double>(pace.window);
  const double each = std::ceil(all / static_cast<double>(channels));
  return static_cast<std::size_t>(std::clamp(each, 1.0, 32768.0));
}

}  // namespace

Driver::Driver(const Questions& questions, Transport& transport, const Pace& pace,
               std::uint64_t& sequence)
    : questions_(questions),
      transport_(transport),
      pace_(pace),
      sequence_(sequence),
      limit_(LimitOf(pace, transport.channels())),
      outstanding_(transport.channels(), limit_) {}

Tally Driver::Run(const Source& source, const Listener& listener) {
  source_ = &source;
  listener_ = listener ? &listener : nullptr;
  const std::uint64_t cpu = CpuTime();
  start_ = now_ = Now();
  for (;;) {
    if (pace_.duration != 0 && now_ - start_ >= pace_.duration) ended_ = true;
    if (!ended_) pace_.rate > 0 ? AskWhatIsDue() : Refill();
    transport_.Flush();
    Expire();
    if (ended_ && outstanding_.count() == 0) break;
    answers_ = 0;
    if (pace_.rest && pace_.rate <= 0) {
      Rest();
    } else {
      transport_.Receive(*this, WaitFor());
    }
    now_ = Now();
  }
  tally_.cpu = CpuTime() - cpu;
  return tally_;
}

bool Driver::Ask(std::size_t channel, std::uint64_t due) {
  if (pace_.count != 0 && tally_.sent == pace_.count) ended_ = true;
  if (ended_) return false;
  std::uint8_t* room = transport_.Reserve(channel);
  if (room == nullptr) return false;
  Waiting what;
  what.sequence = sequence_;
  what.due = due;
  what.sent = now_;
  if (!(*source_)(what.line)) {
    ended_ = true;
    return false;
  }
  ++sequence_;
  if (tally_.sent++ == 0) tally_.first_sent = now_;
  const auto id = outstanding_.Add(channel, what);
  if (!id) {
    ++tally_.lost;  // so many wait for their answers that there is no id left
    return true;
  }
  transport_.Commit(channel, questions_.Write(what.line, *id, what.sequence, room));
  return true;
}

void Driver::Refill() {
  std::size_t refused = 0;  // channels in a row that take nothing
  while (refused < transport_.channels() && outstanding_.count() < pace_.window && !ended_) {
    ++refused;
    for (std::size_t i = 0; i < kBurst; ++i) {
      if (outstanding_.CountOn(channel_) >= limit_ || outstanding_.count() >= pace_.window) break;
      if (!Ask(channel_, now_)) break;
      refused = 0;
    }
    channel_ = channel_ + 1 == transport_.channels() ? 0 : channel_ + 1;
  }
}

void Driver::Rest() {
  Sleep(rest_);
  const std::uint64_t before = tally_.answered;
  transport_.Receive(*this, 0);
  // So long that a quarter to a half of the window comes at once: large batches, and a server that
  // always has some left to do.
  const std::uint64_t got = tally_.answered - before;
  if (got < pace_.window / 4) rest_ = std::min(rest_ + rest_ / 8, kMostRest);
  if (got > pace_.window / 2) rest_ = std::max(rest_ - rest_ / 8, kLeastRest);
}

std::uint64_t Driver::NextDue() const {
  const std::uint64_t burst =
      std::max(std::uint64_t{1}, static_cast<std::uint64_t>(pace_.rate / kBurstsASecond));
  const std::uint64_t first = scheduled_ / burst * burst;  // of its burst
  return start_ + static_cast<std::uint64_t>(static_cast<double>(first) / pace_.rate * kSecond);
}

void Driver::AskWhatIsDue() {
  for (std::uint64_t due = NextDue(); due <= now_; due = NextDue()) {
    // A channel that is not open is passed over; where none is, the question waits, and its
    // latency counts.
    bool asked = false;
    for (std::size_t turn = 0; turn < transport_.channels() && !asked && !ended_; ++turn) {
      asked = Ask(channel_, due);
      if (!asked || scheduled_ % kBurst == kBurst - 1 || transport_.channels() > kBurst) {
        channel_ = channel_ + 1 == transport_.channels() ? 0 : channel_ + 1;
      }
    }
    if (!asked) return;
    ++scheduled_;
  }
}

void Driver::Expire() {
  if (now_ < pace_.timeout) return;
  Waiting what;
  while (outstanding_.Expire(now_ - pace_.timeout, what)) ++tally_.lost;
}

std::uint64_t Driver::WaitFor() const {
  if (pace_.rate <= 0 || ended_) return kLongestWait;
  const std::uint64_t due = NextDue();
  const std::uint64_t now = Now();
  return due > now ? std::min(due - now, kLongestWait) : 0;
}

void Driver::OnMessage(std::size_t channel, std::span<const std::uint8_t> message,
                       std::size_t length) noexcept {
  const auto id = static_cast<std::uint16_t>(message[0] << 8 | message[1]);
  const Waiting* found = outstanding_.Find(channel, id);
  if (found == nullptr || (message[2] & 0x80) == 0 ||
      !questions_.IsOf(found->line, found->sequence, message)) {
    ++tally_.strange;
    return;
  }
  if (answers_++ % kTimeEvery == 0) answer_time_ = Now();
  const Waiting what = *found;
  outstanding_.Remove(channel, id);
  tally_.last_answer = answer_time_;
  tally_.Count(message, length, answer_time_ > what.due ? answer_time_ - what.due : 0);
  if (listener_ != nullptr) (*listener_)(what.line, message[3] & 0xF);
}

void Driver::OnClosed(std::size_t channel) noexcept {
  Waiting what;
  ++tally_.reopened;
  while (outstanding_.Drop(channel, what)) ++tally_.lost;
}

}  // namespace resolve64::bench
