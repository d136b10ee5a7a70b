// What is due: timers and resumptions of one thread, without any I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace resolve64::net {

class ReadyNode;
class Scheduler;

/// Nodes in the order in which they were posted.
struct ReadyQueue {
  ReadyNode* first = nullptr;
  ReadyNode* last = nullptr;
};

/// Something that happens at a time. Owned by whoever waits; destroying it disarms it.
class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  virtual ~TimerNode();

  [[nodiscard]] bool armed() const noexcept { return scheduler_ != nullptr; }
  void Disarm() noexcept;

 protected:
  /// Called once from Scheduler::Turn(), after the timer is disarmed.
  virtual void Fire() noexcept = 0;

 private:
  friend class Scheduler;
  Scheduler* scheduler_ = nullptr;
  std::size_t index_ = 0;  // in the scheduler's heap
  TimePoint at_{};
};

/// Something to be done later in this turn, or in the next. Owned by whoever posted it; destroying
/// it withdraws it.
class ReadyNode {
 public:
  ReadyNode() = default;
  ReadyNode(const ReadyNode&) = delete;
  ReadyNode& operator=(const ReadyNode&) = delete;
  virtual ~ReadyNode();

  [[nodiscard]] bool posted() const noexcept { return queue_ != nullptr; }

 protected:
  /// Called once from Scheduler::Turn(). May destroy this object.
  virtual void Run() noexcept = 0;

 private:
  friend class Scheduler;
  ReadyQueue* queue_ = nullptr;  // of the scheduler
  ReadyNode* previous_ = nullptr;
  ReadyNode* next_ = nullptr;
};

/// The timers and the ready list of one thread. A loop drives it; so does a test, with a
/// ManualClock. Not thread-safe. Outlives its nodes.
class Scheduler {
 public:
  /// `clock` is borrowed.
  explicit Scheduler(const Clock& clock) : clock_(clock) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  [[nodiscard]] TimePoint Now() const noexcept { return clock_.Now(); }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }

  /// Fires `node` at the first turn at or after `at`. Arming an armed node moves it.
  void Arm(TimerNode& node, TimePoint at);
  /// Runs `node` within this turn, after what was posted before it. Posting a posted node does
  /// nothing.
  void Post(ReadyNode& node) noexcept;
  /// Runs `node` in the next turn, after I/O had its own. Posting a posted node does nothing.
  void PostNext(ReadyNode& node) noexcept;

  /// Fires the timers that are due and runs what is ready, what becomes ready meanwhile included,
  /// at most kTurnBudget of it and for about kTurnTime, so that I/O gets its turn. True where
  /// something is left.
  bool Turn();

  /// When the earliest timer is due.
  [[nodiscard]] std::optional<TimePoint> NextTimer() const noexcept;

  /// So few that somebody who asks for what is cached waits a millisecond or two at most for those
  /// who do not.
  static constexpr int kTurnBudget = 256;
  static constexpr Duration kTurnTime = std::chrono::milliseconds(1);

 private:
  friend class TimerNode;
  friend class ReadyNode;
  void Remove(TimerNode& node) noexcept;
  static void Append(ReadyQueue& queue, ReadyNode& node) noexcept;
  static void Remove(ReadyNode& node) noexcept;
  void SiftUp(std::size_t i) noexcept;
  void SiftDown(std::size_t i) noexcept;
  void Place(std::size_t i, TimerNode* node) noexcept;

  const Clock& clock_;
  std::vector<TimerNode*> heap_;  // the earliest first
  ReadyQueue ready_;
  ReadyQueue next_turn_;
};

}  // namespace resolve64::net
