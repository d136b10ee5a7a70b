// Work that keeps the processor busy, in small pieces between turns of the loop.
#pragma once

#include <coroutine>

#include "net/scheduler.h"

namespace resolve64::net {

/// What may be spent in one turn on work that nobody else must wait for long. Those who find it
/// spent wait for a later turn, in the order in which they came. Not thread-safe. Outlives its
/// waiters.
class TurnBudget : private ReadyNode {
 public:
  /// `microseconds` of a core, roughly, in each turn.
  TurnBudget(Scheduler& scheduler, int microseconds)
      : scheduler_(scheduler), most_(microseconds), left_(microseconds) {}

  /// An awaitable: true when `cost` microseconds may be spent, false where `deadline` came first.
  /// What costs more than a turn has gets a turn of its own.
  class Waiter {
   public:
    Waiter(TurnBudget& budget, int cost, TimePoint deadline)
        : budget_(budget), cost_(cost), deadline_(deadline) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
      if (linked_) budget_.Unlink(*this);
    }
    bool await_ready() const noexcept { return budget_.first_ == nullptr && budget_.Take(cost_); }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      handle_ = handle;
      budget_.Link(*this);
    }
    bool await_resume() const noexcept { return !overdue_; }
    /// After it: others had the processor in between.
    [[nodiscard]] bool waited() const noexcept { return handle_ != nullptr; }

   private:
    friend class TurnBudget;
    TurnBudget& budget_;
    int cost_;
    TimePoint deadline_;
    bool overdue_ = false;
    std::coroutine_handle<> handle_;
    Waiter* previous_ = nullptr;
    Waiter* next_ = nullptr;
    bool linked_ = false;
  };

  [[nodiscard]] Waiter Spend(int cost, TimePoint deadline) { return Waiter(*this, cost, deadline); }

 private:
  // Whoever spends posts the node: a new turn, a new budget.
  bool Take(int cost) noexcept {
    scheduler_.PostNext(*this);
    if (left_ < most_ && cost > left_) return false;
    left_ -= cost;
    return true;
  }
  void Run() noexcept override {
    left_ = most_;
    const TimePoint now = scheduler_.Now();
    while (first_ != nullptr) {
      Waiter& waiter = *first_;
      waiter.overdue_ = waiter.deadline_ <= now;
      if (!waiter.overdue_ && !Take(waiter.cost_)) return;
      Unlink(waiter);
      waiter.handle_.resume();
    }
  }
  void Link(Waiter& waiter) noexcept {
    waiter.previous_ = last_;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
    waiter.linked_ = true;
    scheduler_.PostNext(*this);
  }
  void Unlink(Waiter& waiter) noexcept {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
    waiter.linked_ = false;
  }

  Scheduler& scheduler_;
  const int most_;
  int left_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace resolve64::net
