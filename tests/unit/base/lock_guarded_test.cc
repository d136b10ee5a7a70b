#include "base/lock_guarded.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace resolve64 {
namespace {

TEST(LockGuarded, LosesNoUpdateOfManyThreads) {
  LockGuarded<int> counter;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&counter] {
      for (int i = 0; i < 10000; ++i) ++*counter.Lock();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(*counter.Lock(), 40000);
}

TEST(LockGuarded, UnlocksWhereTheGuardEnds) {
  LockGuarded<std::string> text(std::string("a"));
  { text.Lock()->append("b"); }
  auto locked = text.Lock();
  EXPECT_EQ(*locked, "ab");
}

TEST(LockGuarded, GivesConstDataThroughAConstReference) {
  const LockGuarded<std::string> text(std::string("a"));
  const auto locked = text.Lock();
  EXPECT_EQ(locked->size(), 1U);
  static_assert(std::is_same_v<decltype(*locked), const std::string&>);
}

TEST(LockGuarded, HoldsWhatCannotMove) {
  struct Pinned {
    Pinned() = default;
    Pinned(const Pinned&) = delete;
    int value = 7;
  };
  LockGuarded<Pinned> pinned;
  EXPECT_EQ(pinned.Lock()->value, 7);
}

}  // namespace
}  // namespace resolve64
