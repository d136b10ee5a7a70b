#include "base/rate_limit.h"

#include <gtest/gtest.h>

namespace resolve64 {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RateLimit, LetsABurstThroughAndThenOneEachInterval) {
  ManualClock clock;
  RateLimit limit(clock, 3, seconds(10));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.Take(), 0U);
  EXPECT_EQ(limit.Take(), std::nullopt);
  clock.Advance(milliseconds(9999));
  EXPECT_EQ(limit.Take(), std::nullopt);
  clock.Advance(milliseconds(1));
  EXPECT_EQ(limit.Take(), 2U);
  EXPECT_EQ(limit.Take(), std::nullopt);
}

TEST(RateLimit, CountsWhatItHeldBackSinceTheLastThatPassed) {
  ManualClock clock;
  RateLimit limit(clock, 1, seconds(1));
  EXPECT_EQ(limit.Take(), 0U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limit.Take(), std::nullopt);
  EXPECT_EQ(limit.suppressed(), 1000U);
  clock.Advance(seconds(1));
  EXPECT_EQ(limit.Take(), 1000U);
  EXPECT_EQ(limit.suppressed(), 0U);
  clock.Advance(seconds(1));
  EXPECT_EQ(limit.Take(), 0U);
}

TEST(RateLimit, SavesNoMoreThanTheBurst) {
  ManualClock clock;
  RateLimit limit(clock, 2, seconds(1));
  clock.Advance(hours(24 * 365));
  EXPECT_TRUE(limit.Take());
  EXPECT_TRUE(limit.Take());
  EXPECT_FALSE(limit.Take());
  clock.Advance(milliseconds(999));
  EXPECT_FALSE(limit.Take());
}

TEST(RateLimit, KeepsTheTimeTowardsTheNextToken) {
  ManualClock clock;
  RateLimit limit(clock, 5, seconds(1));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limit.Take());
  // Asked every 0.7 s for 7 s, it lets through one a second.
  int passed = 0;
  for (int i = 0; i < 10; ++i) {
    clock.Advance(milliseconds(700));
    passed += limit.Take() ? 1 : 0;
  }
  EXPECT_EQ(passed, 7);
}

}  // namespace
}  // namespace resolve64
