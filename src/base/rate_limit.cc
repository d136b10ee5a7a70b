#include "base/rate_limit.h"

#include <algorithm>

namespace resolve64 {

RateLimit::RateLimit(const Clock& clock, std::uint32_t burst, Duration interval) noexcept
    : clock_(clock), burst_(burst), interval_(interval), tokens_(burst), refilled_(clock.Now()) {}

std::optional<std::uint64_t> RateLimit::Take() noexcept {
  const TimePoint now = clock_.Now();
  const auto due = (now - refilled_) / interval_;
  if (due > 0) {
    const std::int64_t room = std::int64_t{burst_} - tokens_;
    tokens_ += static_cast<std::uint32_t>(std::min<std::int64_t>(due, room));
    // The time towards the next token is kept, but a full bucket does not save any.
    refilled_ = tokens_ == burst_ ? now : refilled_ + due * interval_;
  }
  if (tokens_ == 0) {
    ++suppressed_;
    return std::nullopt;
  }
  --tokens_;
  const std::uint64_t held_back = suppressed_;
  suppressed_ = 0;
  return held_back;
}

}  // namespace resolve64
