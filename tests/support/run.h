// Runs a coroutine to its end under a ManualClock: time jumps from timer to timer, and nothing
// sleeps.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "base/clock.h"
#include "net/task.h"

namespace resolve64::testing {

/// Turns and jumps until nothing is left to do, or until `deadline` of the clock.
inline void RunUntil(ManualClock& clock, net::Scheduler& scheduler, TimePoint deadline) {
  for (;;) {
    while (scheduler.Turn()) {
    }
    const std::optional<TimePoint> next = scheduler.NextTimer();
    if (!next || *next > deadline) break;
    if (*next > clock.Now()) clock.Advance(*next - clock.Now());
  }
  if (deadline > clock.Now()) clock.Advance(deadline - clock.Now());
  while (scheduler.Turn()) {
  }
}

/// The result of `task`. Fails the test, and aborts, where it waits for something that never comes.
template <class T>
T RunToEnd(ManualClock& clock, net::Scheduler& scheduler, net::Task<T> task) {
  net::Started<T> started(scheduler, std::move(task));
  for (;;) {
    while (scheduler.Turn()) {
    }
    if (started.done()) return std::move(started.result());
    const std::optional<TimePoint> next = scheduler.NextTimer();
    if (!next) {
      ADD_FAILURE() << "the task waits for something that never comes";
      std::abort();
    }
    if (*next > clock.Now()) clock.Advance(*next - clock.Now());
  }
}

}  // namespace resolve64::testing
