#include "cache/failure_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "unit/cache/support.h"

namespace resolve64::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kNow;
using test::N;

class FailureCacheTest : public ::testing::Test {
 protected:
  void Fail(std::string_view name, TimePoint now = kNow, RrType type = RrType::kA) {
    Failure failure;
    failure.ede = Ede::kNoReachableAuthority;
    failure.text = "nobody replied";
    cache.Put(N(name), type, failure, now);
  }
  FailurePtr Find(std::string_view name, TimePoint now = kNow, RrType type = RrType::kA) {
    return cache.Find(N(name), type, now);
  }

  FailureCache cache{100};
};

// Covers: CAC-05
TEST_F(FailureCacheTest, AFailureHoldsForFiveSeconds) {
  EXPECT_FALSE(Find("www.example"));
  Fail("www.example");
  const FailurePtr failure = Find("WWW.example");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->rcode, Rcode::kServFail);
  EXPECT_EQ(failure->ede, Ede::kNoReachableAuthority);
  EXPECT_EQ(failure->text, "nobody replied");
  EXPECT_TRUE(Find("www.example", kNow + milliseconds(4999)));
  EXPECT_FALSE(Find("www.example", kNow + seconds(5)));
}

// Covers: CAC-05
TEST_F(FailureCacheTest, IsKeyedByNameAndType) {
  Fail("www.example");
  EXPECT_FALSE(Find("www.example", kNow, RrType::kAaaa));
  EXPECT_FALSE(Find("example"));
}

// Covers: CAC-05
TEST_F(FailureCacheTest, FailuresInARowHoldTwiceAsLongUpToABound) {
  TimePoint now = kNow;
  Duration hold = seconds(5);
  for (int i = 0; i < 10; ++i) {
    Fail("www.example", now);
    EXPECT_TRUE(Find("www.example", now + hold - milliseconds(1))) << i;
    now += hold;
    EXPECT_FALSE(Find("www.example", now)) << i;
    hold = std::min(hold * 2, FailureCache::kLongest);
  }
  EXPECT_EQ(hold, FailureCache::kLongest);
  EXPECT_LE(FailureCache::kLongest, seconds(300));
}

TEST_F(FailureCacheTest, ManyClientsOfOneFailureCountOnce) {
  for (int i = 0; i < 10; ++i) Fail("www.example");
  EXPECT_EQ(Find("www.example")->count, 1U);
  EXPECT_FALSE(Find("www.example", kNow + seconds(5)));
}

TEST_F(FailureCacheTest, AFailureLongAgoDoesNotMakeTheNextOneLonger) {
  Fail("www.example");
  const TimePoint later = kNow + FailureCache::kFirst + FailureCache::kRemembered;
  Fail("www.example", later);
  EXPECT_EQ(Find("www.example", later)->count, 1U);
}

TEST_F(FailureCacheTest, AnAnswerMakesTheNextFailureAFirstOne) {
  Fail("www.example");
  Fail("www.example", kNow + seconds(6));
  EXPECT_EQ(Find("www.example", kNow + seconds(6))->count, 2U);
  cache.Forget(N("www.EXAMPLE"), RrType::kA);
  EXPECT_FALSE(Find("www.example", kNow + seconds(6)));
  Fail("www.example", kNow + seconds(7));
  EXPECT_EQ(Find("www.example", kNow + seconds(7))->count, 1U);
}

// Covers: CAC-05
TEST_F(FailureCacheTest, KeepsNoMoreThanItMay) {
  for (int i = 0; i < 1000; ++i) Fail("h" + std::to_string(i) + ".example");
  EXPECT_LE(cache.stats().entries, 100U);
  EXPECT_TRUE(Find("h999.example"));
}

// Covers: CAC-12
TEST_F(FailureCacheTest, IsFlushedByNameAndBySubtree) {
  for (const char* name : {"example", "www.example", "a.www.example", "wwww.example"}) Fail(name);
  Fail("www.example", kNow, RrType::kAaaa);
  EXPECT_EQ(cache.Flush(N("www.example")), 2U);
  EXPECT_FALSE(Find("www.example"));
  EXPECT_TRUE(Find("a.www.example"));
  EXPECT_EQ(cache.FlushBelow(N("www.example")), 1U);
  EXPECT_TRUE(Find("wwww.example"));
  cache.Clear();
  EXPECT_EQ(cache.stats().entries, 0U);
}

TEST(FailureCacheThreads, ShareIt) {
  FailureCache cache(500);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&cache] {
      for (int i = 0; i < 3000; ++i) {
        const Name name = N("h" + std::to_string(i % 700) + ".example");
        const TimePoint now = kNow + seconds(i);
        cache.Put(name, RrType::kA, Failure(), now);
        if (const FailurePtr failure = cache.Find(name, RrType::kA, now)) {
          EXPECT_GE(failure->count, 1U);
        }
        if (i % 5 == 0) cache.Forget(name, RrType::kA);
        if (i % 1000 == 0) cache.FlushBelow(N("example"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.stats().entries, 500U);
}

}  // namespace
}  // namespace resolve64::cache
