#include "base/clock.h"

namespace resolve64 {
namespace {

std::int64_t ToSeconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

TimePoint SystemClock::Now() const noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

std::int64_t SystemClock::WallSeconds() const noexcept {
  return ToSeconds(std::chrono::system_clock::now().time_since_epoch());
}

TimePoint ManualClock::Now() const noexcept { return TimePoint(kStart + Duration(passed_.load())); }

std::int64_t ManualClock::WallSeconds() const noexcept {
  return wall_start_.load() + ToSeconds(Duration(passed_.load()));
}

void ManualClock::Advance(Duration step) noexcept { passed_ += step.count(); }

void ManualClock::SetWallSeconds(std::int64_t seconds) noexcept {
  wall_start_ = seconds - ToSeconds(Duration(passed_.load()));
}

}  // namespace resolve64
