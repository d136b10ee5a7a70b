// Numbers that a seed decides: splitmix64.
#pragma once

#include <cstdint>

namespace resolve64::bench {

/// The `n`-th number of the sequence that `seed` names. Pure.
inline std::uint64_t Mix(std::uint64_t seed, std::uint64_t n) noexcept {
  std::uint64_t z = seed + n * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : seed_(seed) {}
  std::uint64_t Next() noexcept { return Mix(seed_, ++n_); }
  /// Below `bound`, near enough evenly for bounds far below 2^32. REQUIRES: bound > 0.
  std::uint32_t Below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(((Next() >> 32) * bound) >> 32);
  }
  double Unit() noexcept { return static_cast<double>(Next() >> 11) * 0x1p-53; }  ///< in [0, 1)

 private:
  std::uint64_t seed_;
  std::uint64_t n_ = 0;
};

}  // namespace resolve64::bench
