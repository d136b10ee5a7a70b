// For comparison: a hash table that is bounded by cost and forgets by SIEVE (Zhang et al., NSDI
// 2024).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace resolve64::bench {

/// Values found by a hash and a predicate: the key lives inside the value, once. Values of one hash
/// may be many (all types of a name), and stay together.
///
/// SIEVE: a queue in the order of arrival, one bit an entry that a hit sets, and a hand that walks
/// from the oldest to the newest, clears bits, and evicts the first entry it finds without. What is
/// asked for once leaves soon; a hit moves nothing. A step of the hand undoes one hit, so that its
/// work is paid for.
///
/// Not thread-safe: one shard of a Sharded. Pointers to values hold until the next change.
template <class Value>
class SieveMap {
 public:
  /// Octets that an entry takes here, besides what its value holds elsewhere: itself, and two slots
  /// of the index. For callers that count octets.
  static constexpr std::size_t EntryCost() noexcept {
    return sizeof(Entry) + 2 * sizeof(std::uint32_t);
  }

  explicit SieveMap(std::size_t capacity = 0) : capacity_(capacity) {}

  /// The first value of `hash` that `match(const Value&)` accepts, which counts as a hit; or null.
  template <class Match>
  Value* Find(std::uint32_t hash, Match&& match) {
    const std::uint32_t slot = SlotOf(hash, match);
    if (slot == kNone) return nullptr;
    Entry& entry = At(slot);
    entry.visited = true;
    return &entry.value;
  }

  /// The same, and not a hit.
  template <class Match>
  Value* Peek(std::uint32_t hash, Match&& match) {
    const std::uint32_t slot = SlotOf(hash, match);
    return slot == kNone ? nullptr : &At(slot).value;
  }

  /// How many values of `hash` `match` accepts.
  template <class Match>
  [[nodiscard]] std::size_t Count(std::uint32_t hash, Match&& match) const {
    std::size_t count = 0;
    if (index_.empty()) return 0;
    for (std::size_t i = hash & mask(); index_[i] != kNone; i = (i + 1) & mask()) {
      const Entry& entry = At(index_[i]);
      if (entry.hash == hash && match(entry.value)) ++count;
    }
    return count;
  }

  /// Puts a value in as the newest, and evicts until everything fits. False, and nothing done,
  /// where `cost` alone is more than the capacity. REQUIRES: cost > 0. Whether there is an equal
  /// value is the caller's business.
  bool Insert(std::uint32_t hash, Value value, std::size_t cost) {
    if (cost > capacity_ || cost > kMaxCost) return false;
    while (cost_ + cost > capacity_) EvictOne();
    if ((size_ + 1) * 4 > index_.size() * 3) GrowIndex();
    const std::uint32_t slot = TakeSlot();
    Entry& entry = At(slot);
    entry.value = std::move(value);
    entry.hash = hash;
    entry.cost = static_cast<std::uint32_t>(cost) & kMaxCost;
    entry.visited = false;
    LinkNewest(slot);
    PutInIndex(slot);
    cost_ += cost;
    ++size_;
    return true;
  }

  /// Erases the values of `hash` that `match` accepts, `limit` of them at most. How many that were.
  template <class Match>
  std::size_t Erase(std::uint32_t hash, Match&& match,
                    std::size_t limit = std::numeric_limits<std::size_t>::max()) {
    std::size_t erased = 0;
    while (erased < limit) {
      const std::uint32_t slot = SlotOf(hash, match);
      if (slot == kNone) break;
      EraseSlot(slot);
      ++erased;
    }
    return erased;
  }

  /// `visit(Value&)` for `count` places from place `from` on; where it returns true the value is
  /// erased. The place to go on from, or 0 at the end. Entries that stay are met once by a walk
  /// over all places.
  template <class Visit>
  std::size_t Walk(std::size_t from, std::size_t count, Visit&& visit) {
    const std::size_t end = from + count < places_ ? from + count : places_;
    for (std::size_t slot = from; slot < end; ++slot) {
      Entry& entry = At(static_cast<std::uint32_t>(slot));
      if (entry.cost != 0 && visit(entry.value)) EraseSlot(static_cast<std::uint32_t>(slot));
    }
    return end < places_ ? end : 0;
  }

  /// Everything goes, the memory too.
  void Clear() {
    const std::uint64_t evictions = evictions_;
    *this = SieveMap(capacity_);
    evictions_ = evictions;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t cost() const noexcept { return cost_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::uint32_t kMaxCost = 0x7FFFFFFF;  // what 31 bits hold
  static constexpr std::size_t kChunk = 128;  // entries allocated at once; none ever moves
  static constexpr std::size_t kSmallestIndex = 16;

  struct Entry {
    Value value{};
    std::uint32_t hash = 0;
    std::uint32_t older = kNone;  // of a free place: the next free one
    std::uint32_t newer = kNone;
    std::uint32_t cost : 31 = 0;  // 0: a free place
    std::uint32_t visited : 1 = 0;
  };

  [[nodiscard]] Entry& At(std::uint32_t slot) noexcept {
    return chunks_[slot / kChunk][slot % kChunk];
  }
  [[nodiscard]] const Entry& At(std::uint32_t slot) const noexcept {
    return chunks_[slot / kChunk][slot % kChunk];
  }
  [[nodiscard]] std::size_t mask() const noexcept { return index_.size() - 1; }

  template <class Match>
  [[nodiscard]] std::uint32_t SlotOf(std::uint32_t hash, Match&& match) const {
    if (index_.empty()) return kNone;
    for (std::size_t i = hash & mask(); index_[i] != kNone; i = (i + 1) & mask()) {
      const Entry& entry = At(index_[i]);
      if (entry.hash == hash && match(entry.value)) return index_[i];
    }
    return kNone;
  }

  void PutInIndex(std::uint32_t slot) {
    std::size_t i = At(slot).hash & mask();
    while (index_[i] != kNone) i = (i + 1) & mask();
    index_[i] = slot;
  }

  // Linear probing without tombstones: what follows the hole moves up where it may.
  void TakeFromIndex(std::uint32_t slot) {
    std::size_t hole = At(slot).hash & mask();
    while (index_[hole] != slot) hole = (hole + 1) & mask();
    for (std::size_t i = (hole + 1) & mask(); index_[i] != kNone; i = (i + 1) & mask()) {
      const std::size_t home = At(index_[i]).hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      index_[hole] = index_[i];
      hole = i;
    }
    index_[hole] = kNone;
  }

  void GrowIndex() {
    index_.assign(index_.empty() ? kSmallestIndex : index_.size() * 2, kNone);
    for (std::uint32_t slot = newest_; slot != kNone; slot = At(slot).older) PutInIndex(slot);
  }

  std::uint32_t TakeSlot() {
    if (free_ == kNone) {
      if (places_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
      return static_cast<std::uint32_t>(places_++);
    }
    const std::uint32_t slot = free_;
    free_ = At(slot).older;
    return slot;
  }

  void LinkNewest(std::uint32_t slot) {
    Entry& entry = At(slot);
    entry.newer = kNone;
    entry.older = newest_;
    if (newest_ != kNone) At(newest_).newer = slot;
    newest_ = slot;
    if (oldest_ == kNone) oldest_ = slot;
  }

  void EraseSlot(std::uint32_t slot) {
    TakeFromIndex(slot);
    Entry& entry = At(slot);
    if (hand_ == slot) hand_ = entry.newer;
    (entry.newer != kNone ? At(entry.newer).older : newest_) = entry.older;
    (entry.older != kNone ? At(entry.older).newer : oldest_) = entry.newer;
    cost_ -= entry.cost;
    --size_;
    entry.value = Value{};
    entry.cost = 0;
    entry.older = free_;
    free_ = slot;
  }

  // REQUIRES: there is an entry.
  void EvictOne() {
    for (;;) {
      if (hand_ == kNone) hand_ = oldest_;
      Entry& entry = At(hand_);
      if (!entry.visited) break;
      entry.visited = false;
      hand_ = entry.newer;
    }
    EraseSlot(hand_);
    ++evictions_;
  }

  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<std::uint32_t> index_;  // slots, by hash; a power of two, a quarter at least is empty
  std::size_t places_ = 0;            // of the chunks, ever used
  std::size_t size_ = 0;
  std::size_t cost_ = 0;
  std::size_t capacity_;
  std::uint64_t evictions_ = 0;
  std::uint32_t free_ = kNone;
  std::uint32_t newest_ = kNone;
  std::uint32_t oldest_ = kNone;
  std::uint32_t hand_ = kNone;
};

}  // namespace resolve64::bench
