#include "histogram.h"

#include <algorithm>
#include <cmath>

namespace resolve64::bench {

std::uint64_t Histogram::UpperEnd(std::size_t bucket) noexcept {
  const std::size_t per_octave = std::size_t{1} << kBits;
  if (bucket < 2 * per_octave) return bucket;
  const std::size_t shift = (bucket >> kBits) - 1;
  const std::uint64_t mantissa = (bucket & (per_octave - 1)) + per_octave;
  return ((mantissa + 1) << shift) - 1;
}

std::uint64_t Histogram::At(double share) const noexcept {
  if (count_ == 0) return 0;
  const auto rank = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(UpperEnd(i), max_);
  }
  return max_;
}

}  // namespace resolve64::bench
