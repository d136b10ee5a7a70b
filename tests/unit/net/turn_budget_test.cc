#include "net/turn_budget.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "net/task.h"

namespace resolve64::net {
namespace {

class TurnBudgetTest : public ::testing::Test {
 protected:
  static Task<void> Spend(TurnBudget& budget, int cost, int times, std::string& log, char mark,
                          TimePoint deadline = TimePoint::max()) {
    for (int i = 0; i < times; ++i) {
      TurnBudget::Waiter waiter = budget.Spend(cost, deadline);
      const bool granted = co_await waiter;
      log += granted ? mark : '-';
    }
  }

  ManualClock clock_;
  Scheduler scheduler_{clock_};
};

TEST_F(TurnBudgetTest, SpendsNoMoreThanTheBudgetInOneTurn) {
  TurnBudget budget(scheduler_, 100);
  TaskScope scope(scheduler_);
  std::string log;
  scope.Spawn(Spend(budget, 40, 5, log, 'a'));
  EXPECT_EQ(log, "aa");
  EXPECT_TRUE(scheduler_.Turn());
  EXPECT_EQ(log, "aaaa");
  scheduler_.Turn();
  EXPECT_EQ(log, "aaaaa");
  EXPECT_TRUE(scope.empty());
}

TEST_F(TurnBudgetTest, ThoseWhoWaitComeInTheirOrder) {
  TurnBudget budget(scheduler_, 100);
  TaskScope scope(scheduler_);
  std::string log;
  scope.Spawn(Spend(budget, 60, 2, log, 'a'));
  scope.Spawn(Spend(budget, 60, 2, log, 'b'));
  while (scheduler_.Turn()) {
  }
  EXPECT_EQ(log, "aabb");
}

TEST_F(TurnBudgetTest, WhatCostsMoreThanATurnHasGetsATurnOfItsOwn) {
  TurnBudget budget(scheduler_, 100);
  TaskScope scope(scheduler_);
  std::string log;
  scope.Spawn(Spend(budget, 1000, 2, log, 'a'));
  EXPECT_EQ(log, "a");
  scheduler_.Turn();
  EXPECT_EQ(log, "aa");
}

// Covers: SEC-44
TEST_F(TurnBudgetTest, WhoIsOverdueGoesWithoutAndCostsNothing) {
  TurnBudget budget(scheduler_, 100);
  TaskScope scope(scheduler_);
  std::string log;
  scope.Spawn(Spend(budget, 100, 1, log, 'a'));
  scope.Spawn(Spend(budget, 100, 1, log, 'b', clock_.Now() + std::chrono::seconds(1)));
  scope.Spawn(Spend(budget, 100, 1, log, 'c'));
  clock_.Advance(std::chrono::seconds(1));
  scheduler_.Turn();
  EXPECT_EQ(log, "a-c");
}

TEST_F(TurnBudgetTest, AWaiterThatGoesAwayIsForgotten) {
  TurnBudget budget(scheduler_, 100);
  std::string log;
  TaskScope stays(scheduler_);
  {
    TaskScope goes(scheduler_);
    goes.Spawn(Spend(budget, 100, 2, log, 'a'));
    stays.Spawn(Spend(budget, 100, 1, log, 'b'));
  }
  while (scheduler_.Turn()) {
  }
  EXPECT_EQ(log, "ab");
}

}  // namespace
}  // namespace resolve64::net
