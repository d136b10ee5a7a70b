#include "base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace resolve64 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ManualClock, StandsStillUntilItIsMoved) {
  ManualClock clock;
  const TimePoint start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  EXPECT_GT(start, TimePoint());
  clock.Advance(milliseconds(1500));
  EXPECT_EQ(clock.Now() - start, milliseconds(1500));
}

TEST(ManualClock, MovesTheDateWithTheTime) {
  ManualClock clock;
  EXPECT_EQ(clock.WallSeconds(), ManualClock::kStartWallSeconds);
  clock.Advance(milliseconds(999));
  EXPECT_EQ(clock.WallSeconds(), ManualClock::kStartWallSeconds);
  clock.Advance(milliseconds(1));
  EXPECT_EQ(clock.WallSeconds(), ManualClock::kStartWallSeconds + 1);
}

TEST(ManualClock, SetsTheDateAlone) {
  ManualClock clock;
  clock.Advance(seconds(10));
  const TimePoint before = clock.Now();
  clock.SetWallSeconds(1'000'000);
  EXPECT_EQ(clock.WallSeconds(), 1'000'000);
  EXPECT_EQ(clock.Now(), before);
  clock.Advance(seconds(5));
  EXPECT_EQ(clock.WallSeconds(), 1'000'005);
}

TEST(SystemClock, NeverGoesBack) {
  SystemClock clock;
  TimePoint last = clock.Now();
  for (int i = 0; i < 10000; ++i) {
    const TimePoint now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClock, KnowsTheDateOfTheSystem) {
  const std::int64_t before = std::time(nullptr);
  const std::int64_t told = SystemClock().WallSeconds();
  EXPECT_GE(told + 1, before);  // time() may lag by a tick
  EXPECT_LE(told, std::time(nullptr) + 1);
}

}  // namespace
}  // namespace resolve64
