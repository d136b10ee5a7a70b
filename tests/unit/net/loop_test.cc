#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "net/task.h"

namespace resolve64::net {
namespace {

using std::chrono::milliseconds;

class Pair {
 public:
  Pair() { EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data())); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    for (const int end : ends_) ::close(end);
  }
  [[nodiscard]] int near() const { return ends_[0]; }
  void Ring() const { EXPECT_EQ(1, ::write(ends_[1], "x", 1)); }

 private:
  std::array<int, 2> ends_{};
};

class Watcher final : public FdWatcher {
 public:
  explicit Watcher(std::function<void(std::uint32_t)> on_ready) : on_ready_(std::move(on_ready)) {}
  void OnReady(std::uint32_t events) noexcept override { on_ready_(events); }

 private:
  std::function<void(std::uint32_t)> on_ready_;
};

class Alarm final : public TimerNode {
 public:
  explicit Alarm(std::function<void()> on_fire) : on_fire_(std::move(on_fire)) {}

 protected:
  void Fire() noexcept override { on_fire_(); }

 private:
  std::function<void()> on_fire_;
};

class LoopTest : public ::testing::Test {
 protected:
  SystemClock clock_;
  Loop loop_{clock_};
};

TEST_F(LoopTest, RunsWhatWasPostedInItsOrder) {
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) {
    loop_.Post([&order, i] { order.push_back(i); });
  }
  loop_.Stop();
  loop_.Run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(LoopTest, TakesWorkFromOtherThreads) {
  constexpr int kEach = 1000;
  int done = 0;  // only the loop's thread touches it
  const auto post = [this, &done] {
    for (int i = 0; i < kEach; ++i) {
      loop_.Post([this, &done] {
        if (++done == 2 * kEach) loop_.Stop();
      });
    }
  };
  std::thread first(post);
  std::thread second(post);
  loop_.Run();
  first.join();
  second.join();
  EXPECT_EQ(done, 2 * kEach);
}

TEST_F(LoopTest, FiresTimersAtTheirTimeAndNotBefore) {
  const TimePoint at = clock_.Now() + milliseconds(15);
  TimePoint fired{};
  Alarm alarm([&] {
    fired = clock_.Now();
    loop_.Stop();
  });
  loop_.scheduler().Arm(alarm, at);
  loop_.Run();
  EXPECT_GE(fired, at);
}

TEST_F(LoopTest, ATimerThatIsMovedForwardsFiresThen) {
  Alarm late([] { FAIL() << "it was to be disarmed"; });
  Alarm soon([&] { loop_.Stop(); });
  loop_.scheduler().Arm(late, clock_.Now() + std::chrono::hours(1));
  loop_.Post([&] { loop_.scheduler().Arm(soon, clock_.Now() + milliseconds(1)); });
  loop_.Run();
  late.Disarm();
}

TEST_F(LoopTest, TellsAWatcherThatItsDescriptorIsReady) {
  const Pair pair;
  std::uint32_t seen = 0;
  Watcher watcher([&](std::uint32_t events) {
    seen = events;
    loop_.poller().Remove(pair.near(), watcher);
    loop_.Stop();
  });
  ASSERT_TRUE(loop_.poller().Add(pair.near(), EPOLLIN, watcher));
  pair.Ring();
  loop_.Run();
  EXPECT_EQ(seen, static_cast<std::uint32_t>(EPOLLIN));
}

TEST_F(LoopTest, AReadyDescriptorThatWasRemovedInTheSameBatchIsNotTold) {
  const Pair one;
  const Pair two;
  int calls = 0;
  Watcher* first = nullptr;
  Watcher* second = nullptr;
  const auto on_ready = [&](std::uint32_t) {
    ++calls;
    loop_.poller().Remove(one.near(), *first);
    loop_.poller().Remove(two.near(), *second);
    loop_.Post([this] { loop_.Stop(); });
  };
  Watcher a(on_ready);
  Watcher b(on_ready);
  first = &a;
  second = &b;
  ASSERT_TRUE(loop_.poller().Add(one.near(), EPOLLIN, a));
  ASSERT_TRUE(loop_.poller().Add(two.near(), EPOLLIN, b));
  one.Ring();
  two.Ring();
  loop_.Run();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, ADescriptorNumberThatIsUsedAgainDoesNotInheritReadiness) {
  const Pair one;
  const Pair two;
  int old_calls = 0;
  int new_calls = 0;
  Watcher fresh([&](std::uint32_t) { ++new_calls; });
  Watcher* first = nullptr;
  Watcher* second = nullptr;
  // Whichever is told first takes the other away, and puts a quiet socket in its place.
  const auto on_ready = [&](std::uint32_t) {
    ++old_calls;
    loop_.poller().Remove(one.near(), *first);
    loop_.poller().Remove(two.near(), *second);
    const Pair quiet;
    EXPECT_EQ(two.near(), ::dup2(quiet.near(), two.near()));
    EXPECT_TRUE(loop_.poller().Add(two.near(), EPOLLPRI, fresh));
    EXPECT_EQ(one.near(), ::dup2(quiet.near(), one.near()));
    EXPECT_TRUE(loop_.poller().Add(one.near(), EPOLLPRI, fresh));
    loop_.poller().Remove(one.near(), fresh);
    loop_.poller().Remove(two.near(), fresh);
    loop_.Post([this] { loop_.Stop(); });
  };
  Watcher a(on_ready);
  Watcher b(on_ready);
  first = &a;
  second = &b;
  ASSERT_TRUE(loop_.poller().Add(one.near(), EPOLLIN, a));
  ASSERT_TRUE(loop_.poller().Add(two.near(), EPOLLIN, b));
  one.Ring();
  two.Ring();
  loop_.Run();
  EXPECT_EQ(old_calls, 1);
  EXPECT_EQ(new_calls, 0);
}

Task<void> CountTo(Scheduler& scheduler, int turns, int& count, Loop& loop) {
  for (int i = 0; i < turns; ++i) {
    Event event(scheduler);
    Event::Waiter waiter = event.WaitUntil(scheduler.Now());
    co_await waiter;
    ++count;
  }
  loop.Stop();
}

TEST_F(LoopTest, GoesOnWhileTheSchedulerHasMoreThanOneTurnOfWork) {
  constexpr int kSteps = 3 * Scheduler::kTurnBudget;
  int count = 0;
  TaskScope scope(loop_.scheduler());
  scope.Spawn(CountTo(loop_.scheduler(), kSteps, count, loop_));
  loop_.Run();
  EXPECT_EQ(count, kSteps);
}

TEST_F(LoopTest, EndsWithTimersAndWatchersLeft) {
  const Pair pair;
  Alarm alarm([] {});
  Watcher watcher([](std::uint32_t) {});
  {
    Loop inner(clock_);
    Alarm never([] { FAIL(); });
    inner.scheduler().Arm(never, clock_.Now() + std::chrono::hours(1));
    ASSERT_TRUE(inner.poller().Add(pair.near(), EPOLLIN, watcher));
    inner.Post([] { FAIL() << "nobody runs this loop"; });
    never.Disarm();
  }
  SUCCEED();
}

}  // namespace
}  // namespace resolve64::net
