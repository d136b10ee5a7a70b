// Questions that wait for their answers, found by channel and id.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace resolve64::bench {

/// A question that was sent.
struct Waiting {
  std::uint32_t line = 0;
  std::uint64_t sequence = 0;  ///< counts all that were sent
  std::uint64_t due = 0;       ///< when it should have been sent, ns
  std::uint64_t sent = 0;      ///< when it was, ns: never before that of those added earlier
};

/// A table of fixed size: each channel has so many slots, and an id is a slot's number, so that one
/// comes again as late as can be. All that wait are in one list, the oldest first.
class Outstanding {
 public:
  /// `most`: questions that may wait on a channel.
  Outstanding(std::size_t channels, std::size_t most)
      : width_(std::min<std::size_t>(std::bit_ceil(std::max<std::size_t>(most * 2, 64)), 65536)),
        slots_(channels * width_),
        next_(channels, 0),
        waiting_(channels, 0) {}

  /// Gives it an id. Empty where the channel has none left.
  std::optional<std::uint16_t> Add(std::size_t channel, const Waiting& what) noexcept {
    std::uint32_t& next = next_[channel];
    for (int tries = 0; tries < kTries; ++tries) {
      const std::uint32_t at = next++ & static_cast<std::uint32_t>(width_ - 1);
      const auto index = static_cast<std::uint32_t>(channel * width_ + at);
      Slot& slot = slots_[index];
      if (slot.taken) continue;
      slot.what = what;
      slot.taken = true;
      slot.before = last_;
      slot.after = kNone;
      (last_ == kNone ? first_ : slots_[last_].after) = index;
      last_ = index;
      ++waiting_[channel];
      ++count_;
      return static_cast<std::uint16_t>(at);
    }
    return std::nullopt;
  }

  /// Null where nothing waits under this id.
  [[nodiscard]] const Waiting* Find(std::size_t channel, std::uint16_t id) const noexcept {
    if (id >= width_) return nullptr;
    const Slot& slot = slots_[channel * width_ + id];
    return slot.taken ? &slot.what : nullptr;
  }
  /// REQUIRES: Find() finds it.
  void Remove(std::size_t channel, std::uint16_t id) noexcept {
    RemoveSlot(static_cast<std::uint32_t>(channel * width_ + id));
  }

  /// Removes the oldest where it was sent before `limit` (ns); it is what `out` becomes.
  bool Expire(std::uint64_t limit, Waiting& out) noexcept {
    if (first_ == kNone || slots_[first_].what.sent >= limit) return false;
    out = slots_[first_].what;
    RemoveSlot(first_);
    return true;
  }
  /// Removes one, whichever, of those that wait on `channel`; it is what `out` becomes.
  bool Drop(std::size_t channel, Waiting& out) noexcept {
    if (waiting_[channel] == 0) return false;
    auto index = static_cast<std::uint32_t>(channel * width_);
    while (!slots_[index].taken) ++index;
    out = slots_[index].what;
    RemoveSlot(index);
    return true;
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t CountOn(std::size_t channel) const noexcept {
    return waiting_[channel];
  }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr int kTries = 64;  // slots looked at: half of them are free where `most` is kept

  struct Slot {
    Waiting what;
    std::uint32_t before = kNone;
    std::uint32_t after = kNone;
    bool taken = false;
  };

  void RemoveSlot(std::uint32_t index) noexcept {
    Slot& slot = slots_[index];
    (slot.before == kNone ? first_ : slots_[slot.before].after) = slot.after;
    (slot.after == kNone ? last_ : slots_[slot.after].before) = slot.before;
    slot.taken = false;
    --waiting_[index / width_];
    --count_;
  }

  std::size_t width_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> waiting_;
  std::size_t count_ = 0;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
};

}  // namespace resolve64::bench
