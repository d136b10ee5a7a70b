// Questions by Zipf's law, and the cache that others are held against: for tests and benchmarks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <random>
#include <unordered_map>
#include <vector>

namespace resolve64::testing {

/// So many questions for so many names, which are numbers from 0 on: that of rank r is asked for in
/// proportion to 1 / r^skew.
inline std::vector<std::uint32_t> ZipfTrace(std::size_t names, std::size_t questions, double skew,
                                            std::mt19937_64& random) {
  std::vector<double> sum(names);
  double total = 0;
  for (std::size_t i = 0; i < names; ++i) {
    sum[i] = total += std::pow(static_cast<double>(i + 1), -skew);
  }
  std::uniform_real_distribution<double> uniform(0, total);
  std::vector<std::uint32_t> trace(questions);
  for (std::uint32_t& name : trace) {
    name = static_cast<std::uint32_t>(std::lower_bound(sum.begin(), sum.end(), uniform(random)) -
                                      sum.begin());
  }
  return trace;
}

/// The plainest of caches: what was not asked for longest goes.
class Lru {
 public:
  explicit Lru(std::size_t capacity) : capacity_(capacity) {}

  /// Whether it is there; it is afterwards.
  bool Ask(std::uint32_t key) {
    const auto at = places_.find(key);
    if (at != places_.end()) {
      queue_.splice(queue_.begin(), queue_, at->second);
      return true;
    }
    if (queue_.size() == capacity_) {
      places_.erase(queue_.back());
      queue_.pop_back();
    }
    queue_.push_front(key);
    places_[key] = queue_.begin();
    return false;
  }

 private:
  std::size_t capacity_;
  std::list<std::uint32_t> queue_;
  std::unordered_map<std::uint32_t, std::list<std::uint32_t>::iterator> places_;
};

}  // namespace resolve64::testing
