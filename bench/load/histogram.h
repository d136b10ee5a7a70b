// Latencies counted in buckets that grow with them, as HDR histograms do.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace resolve64::bench {

/// Nanoseconds up to 2^40 (18 minutes), each in a bucket no wider than 1/64 of it: a percentile is
/// off by 1.6 % at most. A value of a few kilobytes; counting is some instructions.
class Histogram {
 public:
  void Add(std::uint64_t ns) noexcept {
    ++buckets_[BucketOf(ns < kMost ? ns : kMost)];
    ++count_;
    sum_ += static_cast<double>(ns);
    if (ns > max_) max_ = ns;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }  ///< ns, exact
  /// ns, exact. 0 where nothing was counted.
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
  }
  /// The upper end of the bucket below or in which `share` (0 to 1) of all values are, ns, and
  /// never more than max(). 0 where nothing was counted.
  [[nodiscard]] std::uint64_t At(double share) const noexcept;

 private:
  static constexpr int kBits = 6;  // of a value that its bucket keeps, beside the first
  static constexpr std::uint64_t kMost = (std::uint64_t{1} << 40) - 1;

  static std::size_t BucketOf(std::uint64_t ns) noexcept {
    const int shift = ns < (2U << kBits) ? 0 : static_cast<int>(std::bit_width(ns)) - kBits - 1;
    return (static_cast<std::size_t>(shift) << kBits) + static_cast<std::size_t>(ns >> shift);
  }
  static std::uint64_t UpperEnd(std::size_t bucket) noexcept;

  std::array<std::uint64_t, (40 - kBits + 1) << kBits> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace resolve64::bench
