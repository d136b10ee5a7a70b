// A wire that takes its time: packets in order, each held for the same while, some lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "random.h"

namespace resolve64::bench {

/// One direction. Bounded: what does not fit is dropped, as a router would. One thread.
class DelayLine {
 public:
  static constexpr std::size_t kMostPackets = 8192;
  static constexpr std::size_t kMostOctets = 2048;  // of a packet

  /// `delay`: ns. `loss`: the share of packets that is lost, 0 to 1.
  DelayLine(std::uint64_t delay, double loss, std::uint64_t seed)
      : delay_(delay), loss_(loss), random_(seed), octets_(kMostPackets * kMostOctets) {}

  /// Room for the next packet; empty where the line is full: then read it and forget it.
  [[nodiscard]] std::span<std::uint8_t> Room() noexcept {
    if (count_ == kMostPackets) return {};
    return {octets_.data() + (first_ + count_) % kMostPackets * kMostOctets, kMostOctets};
  }
  /// The packet of `length` octets that was put in Room() came at `now`.
  void Push(std::size_t length, std::uint64_t now) noexcept {
    if (loss_ > 0 && random_.Unit() < loss_) return;
    entries_[(first_ + count_++) % kMostPackets] = {now + delay_, length};
  }
  /// When the first packet is due, ns; ~0 where there is none.
  [[nodiscard]] std::uint64_t due() const noexcept {
    return count_ == 0 ? ~std::uint64_t{0} : entries_[first_].due;
  }
  /// The first packet. REQUIRES: there is one; so for Pop().
  [[nodiscard]] std::span<const std::uint8_t> Front() const noexcept {
    return {octets_.data() + first_ * kMostOctets, entries_[first_].length};
  }
  void Pop() noexcept {
    first_ = (first_ + 1) % kMostPackets;
    --count_;
  }

 private:
  struct Entry {
    std::uint64_t due = 0;
    std::size_t length = 0;
  };

  std::uint64_t delay_;
  double loss_;
  Random random_;
  std::vector<std::uint8_t> octets_;
  std::vector<Entry> entries_ = std::vector<Entry>(kMostPackets);
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace resolve64::bench
