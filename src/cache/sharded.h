// An S3FifoMap cut into shards, each behind a lock of its own.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/lock_guarded.h"
#include "cache/s3_fifo_map.h"

namespace resolve64::cache {

/// Numbers of a cache, summed over its shards.
struct CacheStats {
  std::size_t entries = 0;
  std::size_t cost = 0;  ///< octets, or entries where those are counted
  std::size_t capacity = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
};

/// All members may be called by any thread. A lock is held for a lookup or a change of one entry,
/// never while waiting for anything else, and never two at once.
template <class Value, class Policy = CountEntries>
class Sharded {
 public:
  using Map = S3FifoMap<Value, Policy>;
  static constexpr std::size_t kMaxShards = 64;

  /// Shards are as many as leave each at least `smallest` of `capacity`: what is larger than a
  /// shard cannot be kept.
  Sharded(std::size_t capacity, std::size_t smallest) {
    const std::size_t wanted = smallest == 0 ? kMaxShards : capacity / smallest;
    count_ = std::bit_floor(wanted < 1 ? 1 : wanted < kMaxShards ? wanted : kMaxShards);
    shards_ = std::make_unique<Shard[]>(count_);
    for (std::size_t i = 0; i < count_; ++i) *shards_[i].map.Lock() = Map(capacity / count_);
  }

  /// The shard of `hash`, locked while the return value lives. Its entries are found by Low(hash).
  [[nodiscard]] auto Lock(std::size_t hash) { return shards_[IndexOf(hash)].map.Lock(); }
  [[nodiscard]] static std::uint32_t Low(std::size_t hash) noexcept {
    return static_cast<std::uint32_t>(hash);
  }

  /// For the statistics.
  void Count(std::size_t hash, bool hit) noexcept {
    Shard& shard = shards_[IndexOf(hash)];
    (hit ? shard.hits : shard.misses).fetch_add(1, std::memory_order_relaxed);
  }

  /// `visit(Value&)` for every value, under the lock of its shard; where it returns true the value
  /// is erased. The lock is given back after kBatch places, so that nobody waits long.
  template <class Visit>
  void Walk(Visit&& visit) {
    for (std::size_t i = 0; i < count_; ++i) {
      std::size_t place = 0;
      do {
        place = shards_[i].map.Lock()->Walk(place, kBatch, visit);
      } while (place != 0);
    }
  }

  void Clear() {
    for (std::size_t i = 0; i < count_; ++i) shards_[i].map.Lock()->Clear();
  }

  [[nodiscard]] CacheStats stats() const {
    CacheStats sum;
    for (std::size_t i = 0; i < count_; ++i) {
      const auto map = std::as_const(shards_[i].map).Lock();
      sum.entries += map->size();
      sum.cost += map->cost();
      sum.capacity += map->capacity();
      sum.evictions += map->evictions();
      sum.hits += shards_[i].hits.load(std::memory_order_relaxed);
      sum.misses += shards_[i].misses.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  static constexpr std::size_t kBatch = 512;

  // A line of the processor's cache, or two: no two shards share one.
  struct alignas(64) Shard {
    LockGuarded<Map> map;
    std::atomic<std::uint64_t> hits{0};
    std::atomic<std::uint64_t> misses{0};
  };

  // The upper bits: the lower ones choose the place in the shard's own index.
  [[nodiscard]] std::size_t IndexOf(std::size_t hash) const noexcept {
    return static_cast<std::size_t>(std::uint64_t{hash} >> 48) & (count_ - 1);
  }

  std::unique_ptr<Shard[]> shards_;
  std::size_t count_ = 1;
};

}  // namespace resolve64::cache
