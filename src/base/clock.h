// Time as a parameter: what waits or expires takes a Clock, and a test moves it by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace resolve64 {

using Duration = std::chrono::nanoseconds;
/// A point on the monotonic clock. Only differences mean something.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Any thread may call the members of a clock.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Never goes back, and does not jump when somebody sets the date.
  [[nodiscard]] virtual TimePoint Now() const noexcept = 0;
  /// Seconds since 1970-01-01 UTC, for what other hosts dated too: signatures, files. May jump.
  [[nodiscard]] virtual std::int64_t WallSeconds() const noexcept = 0;
};

/// The clocks of the operating system. A call is some tens of nanoseconds and no system call.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint Now() const noexcept override;
  [[nodiscard]] std::int64_t WallSeconds() const noexcept override;
};

/// Stands still until it is told to move. It does not start at zero, so that a TimePoint that was
/// forgotten (zero) differs from one that was set.
class ManualClock final : public Clock {
 public:
  static constexpr Duration kStart = std::chrono::hours(1000);
  static constexpr std::int64_t kStartWallSeconds = 1'700'000'000;  // November 2023

  [[nodiscard]] TimePoint Now() const noexcept override;
  [[nodiscard]] std::int64_t WallSeconds() const noexcept override;

  /// Both clocks move on. REQUIRES: step >= 0.
  void Advance(Duration step) noexcept;
  /// The date alone, forwards or backwards, as an administrator or NTP sets it.
  void SetWallSeconds(std::int64_t seconds) noexcept;

 private:
  std::atomic<Duration::rep> passed_{0};                     // since the start, ns
  std::atomic<std::int64_t> wall_start_{kStartWallSeconds};  // the date when passed_ was zero, s
};

}  // namespace resolve64
