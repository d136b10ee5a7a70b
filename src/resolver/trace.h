// The step-by-step account of a resolution: what `explain` prints, what debug logging prints, what
// tests read.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace resolve64::resolver {

using TraceFields = std::vector<std::pair<std::string, std::string>>;

/// One step.
struct TraceEvent {
  TimePoint at;
  std::string area;     ///< "cache", "upstream", "resolver", "local", "dns64", "view", "answer"
  std::string message;  ///< a sentence for people
  TraceFields fields;   ///< for programs: "server" "192.0.2.1@53", "rtt_ms" "12"
};

/// Collects the steps of one request. Not thread-safe. Bounded: after kMaxEvents it only counts.
class Trace {
 public:
  static constexpr std::size_t kMaxEvents = 500;

  void Add(TimePoint at, std::string_view area, std::string message, TraceFields fields = {}) {
    if (events_.size() >= kMaxEvents) {
      ++dropped_;
      return;
    }
    events_.push_back({at, std::string(area), std::move(message), std::move(fields)});
  }
  [[nodiscard]] const std::vector<TraceEvent>& events() const noexcept { return events_; }
  [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }

 private:
  std::vector<TraceEvent> events_;
  std::size_t dropped_ = 0;
};

/// Adds the step that `text()` tells, and composes no text where nobody listens.
template <class MakeText>
void Tell(Trace* trace, const Clock& clock, std::string_view area, const MakeText& text) {
  if (trace != nullptr) trace->Add(clock.Now(), area, text());
}

}  // namespace resolve64::resolver
