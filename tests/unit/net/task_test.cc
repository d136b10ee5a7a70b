#include "net/task.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/run.h"

namespace resolve64::net {
namespace {

using std::chrono::milliseconds;

class TaskTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  Scheduler scheduler_{clock_};

  void Turn() {
    while (scheduler_.Turn()) {
    }
  }
};

Task<int> Return(int value) { co_return value; }

Task<int> Add(int a, int b) {
  Task<int> first = Return(a);
  Task<int> second = Return(b);
  const int x = co_await first;
  const int y = co_await second;
  co_return x + y;
}

Task<bool> Sleep(Event& event, TimePoint until) {
  Event::Waiter waiter = event.WaitUntil(until);
  const bool happened = co_await waiter;
  co_return happened;
}

// Says in a shared place that its frame is gone.
struct Witness {
  explicit Witness(bool& g) : gone(g) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { gone = true; }
  bool& gone;
};

Task<void> WaitWithWitness(Event& event, bool& gone, bool& resumed) {
  const Witness witness(gone);
  Event::Waiter waiter = event.Wait();
  co_await waiter;
  resumed = true;
}

TEST_F(TaskTest, ReturnsWhatItsChildrenReturned) {
  EXPECT_EQ(testing::RunToEnd(clock_, scheduler_, Add(40, 2)), 42);
}

TEST_F(TaskTest, TimersFireInTheOrderOfTime) {
  struct Timer : TimerNode {
    Timer(std::string& l, char n) : log(l), name(n) {}
    void Fire() noexcept override { log += name; }
    std::string& log;
    char name;
  };
  std::string log;
  std::vector<std::unique_ptr<Timer>> timers;
  const TimePoint start = clock_.Now();
  const std::vector<int> delays = {50, 10, 40, 20, 30, 60, 5};
  for (std::size_t i = 0; i < delays.size(); ++i) {
    timers.push_back(std::make_unique<Timer>(log, static_cast<char>('a' + i)));
    scheduler_.Arm(*timers[i], start + milliseconds(delays[i]));
  }
  timers[2]->Disarm();
  scheduler_.Arm(*timers[5], start + milliseconds(1));
  timers[3].reset();
  testing::RunUntil(clock_, scheduler_, start + milliseconds(100));
  EXPECT_EQ(log, "fgbea");
}

TEST_F(TaskTest, ATurnIsBoundedSoThatInputIsNotStarved) {
  struct Again : ReadyNode {
    explicit Again(Scheduler& s) : scheduler(s) {}
    void Run() noexcept override {
      ++runs;
      scheduler.Post(*this);
    }
    Scheduler& scheduler;
    int runs = 0;
  } again(scheduler_);
  scheduler_.Post(again);
  EXPECT_TRUE(scheduler_.Turn());
  EXPECT_EQ(again.runs, Scheduler::kTurnBudget);
}

TEST_F(TaskTest, AnEventWakesItsWaiterOnlyInALaterStep) {
  Event event(scheduler_);
  Started<bool> sleeper(scheduler_, Sleep(event, clock_.Now() + milliseconds(10)));
  event.Set();
  EXPECT_FALSE(sleeper.done());
  Turn();
  ASSERT_TRUE(sleeper.done());
  EXPECT_TRUE(sleeper.result());
}

TEST_F(TaskTest, ADeadlineEndsTheWait) {
  Event event(scheduler_);
  const TimePoint start = clock_.Now();
  EXPECT_FALSE(testing::RunToEnd(clock_, scheduler_, Sleep(event, start + milliseconds(10))));
  EXPECT_EQ(clock_.Now(), start + milliseconds(10));
}

TEST_F(TaskTest, DroppingATaskDestroysItsFrameAndItsWait) {
  Event event(scheduler_);
  bool gone = false;
  bool resumed = false;
  {
    TaskScope scope(scheduler_);
    scope.Spawn(WaitWithWitness(event, gone, resumed));
    EXPECT_TRUE(event.has_waiters());
    event.Set();  // posted, and cancelled before it could run
  }
  EXPECT_TRUE(gone);
  EXPECT_FALSE(event.has_waiters());
  Turn();
  EXPECT_FALSE(resumed);
}

TEST_F(TaskTest, AScopeForgetsTasksThatEnded) {
  Event event(scheduler_);
  TaskScope scope(scheduler_);
  bool gone = false;
  bool resumed = false;
  scope.Spawn(WaitWithWitness(event, gone, resumed));
  EXPECT_EQ(scope.size(), 1U);
  event.Set();
  Turn();
  EXPECT_TRUE(resumed);
  EXPECT_TRUE(gone);
  EXPECT_TRUE(scope.empty());
}

TEST_F(TaskTest, AnEventMayGoBeforeItsWaiters) {
  auto event = std::make_unique<Event>(scheduler_);
  bool gone = false;
  bool resumed = false;
  TaskScope scope(scheduler_);
  scope.Spawn(WaitWithWitness(*event, gone, resumed));
  event.reset();
  Turn();
  EXPECT_FALSE(resumed);
  scope.Clear();
  EXPECT_TRUE(gone);
}

Task<std::string> ReadTwo(Mailbox<std::string>& box, TimePoint until) {
  Task<std::optional<std::string>> first = box.Pop(until);
  const std::optional<std::string> a = co_await first;
  Task<std::optional<std::string>> second = box.Pop(until);
  const std::optional<std::string> b = co_await second;
  co_return a.value_or("-") + b.value_or("-");
}

TEST_F(TaskTest, AMailboxKeepsTheOrderAndHonorsTheDeadline) {
  Mailbox<std::string> box(scheduler_);
  box.Push("x");
  box.Push("y");
  const TimePoint until = clock_.Now() + milliseconds(5);
  EXPECT_EQ(testing::RunToEnd(clock_, scheduler_, ReadTwo(box, until)), "xy");
  box.Push("z");
  EXPECT_EQ(testing::RunToEnd(clock_, scheduler_, ReadTwo(box, until)), "z-");
  EXPECT_EQ(clock_.Now(), until);
}

}  // namespace
}  // namespace resolve64::net
