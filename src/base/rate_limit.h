// A token bucket for messages that a stranger can cause.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace resolve64 {

/// Lets `burst` events through at once, and then one every `interval`. Counts the others.
/// For one thread at a time.
class RateLimit {
 public:
  /// `clock` is borrowed and outlives this. REQUIRES: burst > 0, interval > 0.
  RateLimit(const Clock& clock, std::uint32_t burst, Duration interval) noexcept;

  /// Whether one more event may pass now: how many were held back since the last one that passed,
  /// or empty where this one is held back too.
  std::optional<std::uint64_t> Take() noexcept;

  /// Events held back since the last one that passed.
  [[nodiscard]] std::uint64_t suppressed() const noexcept { return suppressed_; }

 private:
  const Clock& clock_;
  std::uint32_t burst_;
  Duration interval_;
  std::uint32_t tokens_;
  TimePoint refilled_;  // when the last token came
  std::uint64_t suppressed_ = 0;
};

}  // namespace resolve64
