// A hash table that is bounded by cost and forgets by S3-FIFO (Yang et al., SOSP 2023).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace resolve64::cache {

/// How an S3FifoMap counts what it holds. This one counts entries; what derives from it may count
/// octets.
struct CountEntries {
  /// True: the map's own tables cost too, to the octet.
  static constexpr bool kOctets = false;
  /// What `value` costs; the same all the time that it is in the map.
  template <class Value>
  [[nodiscard]] std::size_t Cost(const Value& /*value*/) const noexcept {
    return 1;
  }
  /// What is held besides, for several values together.
  [[nodiscard]] static constexpr std::size_t shared() noexcept { return 0; }
  /// What `cost` takes beyond it, as things are now: more has to go then.
  [[nodiscard]] static constexpr std::size_t Waste(std::size_t /*cost*/) noexcept { return 0; }
  /// `value` is about to leave the map, or was not taken in.
  template <class Value>
  void Leave(const Value& /*value*/) noexcept {}
  /// `value` was looked at and stays: the moment to move what it holds to a better place.
  template <class Value>
  void Stay(Value& /*value*/) {}
};

/// Values found by a hash and a predicate: the key lives inside the value, once. Values of one hash
/// may be many (all types of a name).
///
/// S3-FIFO: what is new waits in a queue for a tenth of the capacity, and leaves from there unless
/// it was asked for meanwhile. What was asked for moves to the main part, where each hit, of three
/// at most, saves it from the hand once. What comes back soon after it left goes to the main part
/// at once: the table remembers 16 bits of so many that left as it has places. A flood of names
/// that nobody asks for again thus drives out no more than a tenth.
///
/// Departs from the paper in that the main part is no queue but a clock over the places of the
/// table, so that an entry needs no links; and in that values grow old without being judged as long
/// as there is room.
///
/// Not thread-safe: one shard of a Sharded. Pointers to values hold until the next change.
template <class Value, class Policy = CountEntries>
class S3FifoMap {
 public:
  explicit S3FifoMap(std::size_t capacity = 0) : capacity_(capacity) {}

  /// The first value of `hash` that `match(const Value&)` accepts, which counts as a hit; or null.
  template <class Match>
  Value* Find(std::uint32_t hash, Match&& match) {
    const std::uint32_t slot = SlotOf(hash, match);
    if (slot == kNone) return nullptr;
    std::uint8_t& state = StateOf(slot);
    if ((state & kHits) != kHits) ++state;
    return &ValueOf(slot);
  }

  /// The same, and not a hit.
  template <class Match>
  Value* Peek(std::uint32_t hash, Match&& match) {
    const std::uint32_t slot = SlotOf(hash, match);
    return slot == kNone ? nullptr : &ValueOf(slot);
  }

  /// How many values of `hash` `match` accepts.
  template <class Match>
  [[nodiscard]] std::size_t Count(std::uint32_t hash, Match&& match) const {
    std::size_t count = 0;
    if (index_.empty()) return 0;
    for (std::size_t i = HomeOf(hash); index_[i] != kNone; i = Next(i)) {
      if (IsOf(index_[i], hash) && match(ValueOf(index_[i] & kSlotMask))) ++count;
    }
    return count;
  }

  /// Puts a value in as the newest, and evicts until everything fits. False, and nothing done,
  /// where it would not fit into an empty map. REQUIRES: it costs something. Whether there is an
  /// equal value is the caller's business.
  bool Insert(std::uint32_t hash, Value value) {
    const std::size_t cost = policy_.Cost(value);
    if (cost + kLeastTables > capacity_) {
      policy_.Leave(value);
      return false;
    }
    while (this->cost() + policy_.Waste(cost_) + cost + NextTables() > capacity_ ||
           places_ == kMaxPlaces) {
      if (size_ == 0) {
        Release();
        break;
      }
      EvictOne();
    }
    if (IndexIsFull()) GrowIndex();
    const bool returns = WasHere(hash);
    const std::uint32_t slot = TakeSlot();
    ValueOf(slot) = std::move(value);
    HashOf(slot) = hash;
    StateOf(slot) = returns ? kUsed : kUsed | kYoung;
    PutInIndex(slot);
    cost_ += cost;
    ++size_;
    if (returns) return true;
    if (young_.size() > 2 * size_ + kChunk) ForgetGone();
    young_.push_back(slot);
    young_cost_ += cost;
    // Where there was no need to evict, nobody judged them.
    while (young_cost_ > cost_ / kYoungPart && !young_.empty()) {
      if (const std::uint32_t oldest = TakeOldest(); oldest != kNone) MakeOld(oldest);
    }
    return true;
  }

  /// Puts a value in the place of the first of `hash` that `match` accepts: it takes over its age
  /// and its hits, and may be what is evicted where it is larger. Otherwise as Insert(). False
  /// where it would not fit: then neither is there.
  template <class Match>
  bool Put(std::uint32_t hash, Match&& match, Value value) {
    const std::uint32_t slot = SlotOf(hash, match);
    if (slot == kNone) return Insert(hash, std::move(value));
    const std::size_t cost = policy_.Cost(value);
    if (cost + kLeastTables > capacity_) {
      policy_.Leave(value);
      EraseSlot(slot);
      return false;
    }
    const std::size_t old_cost = policy_.Cost(ValueOf(slot));
    policy_.Leave(ValueOf(slot));
    ValueOf(slot) = std::move(value);
    cost_ += cost - old_cost;
    if ((StateOf(slot) & kYoung) != 0) young_cost_ += cost - old_cost;
    while (this->cost() > capacity_ && size_ > 0) EvictOne();
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
    if (size_ == 0) Release();
    return erased;
  }

  /// `visit(Value&)` for `count` places from place `from` on; where it returns true the value is
  /// erased. The place to go on from, or 0 at the end. Entries that stay are met once by a walk
  /// over all places.
  template <class Visit>
  std::size_t Walk(std::size_t from, std::size_t count, Visit&& visit) {
    const std::size_t end = from + count < places_ ? from + count : places_;
    for (std::size_t place = from; place < end; ++place) {
      const auto slot = static_cast<std::uint32_t>(place);
      if (StateOf(slot) != 0 && visit(ValueOf(slot))) EraseSlot(slot);
    }
    if (size_ == 0) Release();
    return end < places_ ? end : 0;
  }

  /// Everything goes, the memory too.
  void Clear() {
    const std::uint64_t evictions = evictions_;
    *this = S3FifoMap(capacity_);
    evictions_ = evictions;
  }

  [[nodiscard]] Policy& policy() noexcept { return policy_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Never more than capacity().
  [[nodiscard]] std::size_t cost() const noexcept { return cost_ + policy_.shared() + Tables(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::uint32_t kSlotMask = 0x00FFFFFF;
  static constexpr std::size_t kMaxPlaces = kSlotMask;  // of a shard
  static constexpr std::size_t kChunk = 128;  // entries allocated at once; none ever moves
  static constexpr std::size_t kSmallestIndex = 16;
  static constexpr std::size_t kYoungPart = 10;

  // The state of a place; 0: it is free.
  static constexpr std::uint8_t kHits = 3;  // a mask
  static constexpr std::uint8_t kUsed = 4;
  static constexpr std::uint8_t kYoung = 8;
  static constexpr std::uint8_t kMet = 16;  // within ForgetGone()

  // Side by side, so that an entry takes no more octets than it has.
  struct Chunk {
    std::array<Value, kChunk> values{};
    std::array<std::uint32_t, kChunk> hashes{};  // of a free place: the next free one
    std::array<std::uint8_t, kChunk> states{};
  };
  using Bucket = std::array<std::uint16_t, 4>;

  static constexpr std::size_t kChunkCost = sizeof(Chunk) + 2 * sizeof(void*);
  static constexpr std::size_t kLeastTables =
      Policy::kOctets ? kChunkCost + (kSmallestIndex + 1) * sizeof(std::uint32_t) : 0;

  [[nodiscard]] std::size_t Tables() const noexcept {
    if constexpr (!Policy::kOctets) return 0;
    return chunks_.size() * kChunkCost + index_.size() * sizeof(std::uint32_t) +
           gone_.size() * sizeof(Bucket) + young_.size() * sizeof(std::uint32_t);
  }
  // By how much one entry more lets them grow.
  [[nodiscard]] std::size_t NextTables() const noexcept {
    if constexpr (!Policy::kOctets) return 0;
    std::size_t octets = sizeof(std::uint32_t);  // young_
    if (free_ == kNone && places_ == chunks_.size() * kChunk) octets += kChunkCost;
    if (IndexIsFull()) octets += (NextIndex() - index_.size()) * sizeof(std::uint32_t);
    return octets;
  }

  [[nodiscard]] Value& ValueOf(std::uint32_t slot) noexcept {
    return chunks_[slot / kChunk]->values[slot % kChunk];
  }
  [[nodiscard]] const Value& ValueOf(std::uint32_t slot) const noexcept {
    return chunks_[slot / kChunk]->values[slot % kChunk];
  }
  [[nodiscard]] std::uint32_t& HashOf(std::uint32_t slot) noexcept {
    return chunks_[slot / kChunk]->hashes[slot % kChunk];
  }
  [[nodiscard]] std::uint32_t HashOf(std::uint32_t slot) const noexcept {
    return chunks_[slot / kChunk]->hashes[slot % kChunk];
  }
  [[nodiscard]] std::uint8_t& StateOf(std::uint32_t slot) noexcept {
    return chunks_[slot / kChunk]->states[slot % kChunk];
  }

  //--- The index: linear probing over words of a slot, and on top eight bits of its hash ---

  [[nodiscard]] std::size_t HomeOf(std::uint32_t hash) const noexcept {
    return static_cast<std::size_t>((std::uint64_t{hash} * index_.size()) >> 32);
  }
  [[nodiscard]] std::size_t Next(std::size_t i) const noexcept {
    return i + 1 == index_.size() ? 0 : i + 1;
  }
  static std::uint32_t WordOf(std::uint32_t slot, std::uint32_t hash) noexcept {
    return slot | hash << 24;
  }
  // The bits in the word are those that least decide its home.
  [[nodiscard]] bool IsOf(std::uint32_t word, std::uint32_t hash) const noexcept {
    return ((word ^ WordOf(0, hash)) & ~kSlotMask) == 0 && HashOf(word & kSlotMask) == hash;
  }

  template <class Match>
  [[nodiscard]] std::uint32_t SlotOf(std::uint32_t hash, Match&& match) const {
    if (index_.empty()) return kNone;
    for (std::size_t i = HomeOf(hash); index_[i] != kNone; i = Next(i)) {
      const std::uint32_t slot = index_[i] & kSlotMask;
      if (IsOf(index_[i], hash) && match(ValueOf(slot))) return slot;
    }
    return kNone;
  }

  void PutInIndex(std::uint32_t slot) {
    const std::uint32_t hash = HashOf(slot);
    std::size_t i = HomeOf(hash);
    while (index_[i] != kNone) i = Next(i);
    index_[i] = WordOf(slot, hash);
  }

  // Without tombstones: what follows the hole moves up where it may.
  void TakeFromIndex(std::uint32_t slot) {
    const std::uint32_t hash = HashOf(slot);
    const auto distance = [size = index_.size()](std::size_t from, std::size_t to) {
      return to >= from ? to - from : to + size - from;
    };
    std::size_t hole = HomeOf(hash);
    while (index_[hole] != WordOf(slot, hash)) hole = Next(hole);
    for (std::size_t i = Next(hole); index_[i] != kNone; i = Next(i)) {
      const std::size_t home = HomeOf(HashOf(index_[i] & kSlotMask));
      if (distance(home, i) < distance(hole, i)) continue;
      index_[hole] = index_[i];
      hole = i;
    }
    index_[hole] = kNone;
  }

  // A sixth at least stays empty.
  [[nodiscard]] bool IndexIsFull() const noexcept { return (size_ + 1) * 6 > index_.size() * 5; }
  [[nodiscard]] std::size_t NextIndex() const noexcept {
    return index_.empty() ? kSmallestIndex : index_.size() + index_.size() / 4;
  }
  // The old one goes first: the two are never there at once.
  void GrowIndex() {
    const std::size_t size = NextIndex();
    Free(index_);
    index_.assign(size, kNone);
    for (std::uint32_t slot = 0; slot < places_; ++slot) {
      if (StateOf(slot) != 0) PutInIndex(slot);
    }
  }

  //--- Places ---

  std::uint32_t TakeSlot() {
    if (free_ == kNone) {
      if (places_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Chunk>());
      return static_cast<std::uint32_t>(places_++);
    }
    const std::uint32_t slot = free_;
    free_ = HashOf(slot);
    return slot;
  }

  void EraseSlot(std::uint32_t slot) {
    TakeFromIndex(slot);
    const std::size_t cost = policy_.Cost(ValueOf(slot));
    cost_ -= cost;
    if ((StateOf(slot) & kYoung) != 0) young_cost_ -= cost;
    policy_.Leave(ValueOf(slot));
    ValueOf(slot) = Value{};
    StateOf(slot) = 0;
    HashOf(slot) = free_;
    free_ = slot;
    --size_;
  }

  // Its memory too.
  template <class Container>
  static void Free(Container& container) {
    Container().swap(container);
  }

  // REQUIRES: there is no entry.
  void Release() {
    Free(chunks_);
    Free(index_);
    Free(gone_);
    Free(young_);
    places_ = 0;
    hand_ = 0;
    free_ = kNone;
  }

  //--- Eviction ---

  // The oldest place in the queue; kNone where it belongs to an entry that is gone.
  std::uint32_t TakeOldest() {
    const std::uint32_t slot = young_.front();
    young_.pop_front();
    return (StateOf(slot) & kYoung) != 0 ? slot : kNone;
  }
  // Takes the places of entries that are gone out of the queue. Of a place that was taken again the
  // later one in the queue is right.
  void ForgetGone() {
    std::deque<std::uint32_t> left;
    // NOLINTNEXTLINE(modernize-loop-convert): <ranges> is a lot to compile for one loop
    for (auto at = young_.rbegin(); at != young_.rend(); ++at) {
      std::uint8_t& state = StateOf(*at);
      if ((state & (kYoung | kMet)) != kYoung) continue;
      state |= kMet;
      left.push_front(*at);
    }
    for (const std::uint32_t slot : left) {
      StateOf(slot) = static_cast<std::uint8_t>(StateOf(slot) & ~kMet);
    }
    young_ = std::move(left);
  }
  void MakeOld(std::uint32_t slot) {
    StateOf(slot) = static_cast<std::uint8_t>(StateOf(slot) & ~kYoung);
    young_cost_ -= policy_.Cost(ValueOf(slot));
  }

  [[nodiscard]] bool WasHere(std::uint32_t hash) const noexcept {
    if (gone_.empty()) return false;
    const Bucket& bucket = gone_[BucketOf(hash)];
    const std::uint16_t tag = TagOf(hash);
    return bucket[0] == tag || bucket[1] == tag || bucket[2] == tag || bucket[3] == tag;
  }
  void RememberGone(std::uint32_t hash) noexcept {
    Bucket& bucket = gone_[BucketOf(hash)];
    bucket = {TagOf(hash), bucket[0], bucket[1], bucket[2]};
  }
  [[nodiscard]] std::size_t BucketOf(std::uint32_t hash) const noexcept {
    return static_cast<std::size_t>((std::uint64_t{hash} * gone_.size()) >> 32);
  }
  // Never zero, which stands for none.
  static std::uint16_t TagOf(std::uint32_t hash) noexcept {
    return static_cast<std::uint16_t>(hash | 1);
  }

  // REQUIRES: there is an entry.
  void EvictOne() {
    ++evictions_;
    if (gone_.size() * 5 < places_) {
      Free(gone_);
      gone_.resize(places_ / 4 + 1);
    }
    // The newest of the tenth are left alone as long as there are others.
    if (young_cost_ > cost_ / kYoungPart * 9 / 10 && EvictYoung(false)) return;
    if (EvictOld()) return;
    EvictYoung(true);
  }

  // The first in the queue that nobody asked for, or, where `any`, the first one. What was asked
  // for grows old. False where there is none, or the queue is short enough by that.
  bool EvictYoung(bool any) {
    while (!young_.empty() && (any || young_cost_ > cost_ / kYoungPart * 9 / 10)) {
      const std::uint32_t slot = TakeOldest();
      if (slot == kNone) continue;
      if (any || (StateOf(slot) & kHits) == 0) {
        RememberGone(HashOf(slot));
        EraseSlot(slot);
        return true;
      }
      MakeOld(slot);
      StateOf(slot) = kUsed;
      policy_.Stay(ValueOf(slot));
    }
    return false;
  }

  // The next one in the main part without a hit. False where the main part is empty. Each step past
  // an entry undoes a hit, so that its work is paid for.
  bool EvictOld() {
    for (std::size_t steps = (kHits + std::size_t{1}) * places_; steps > 0; --steps) {
      if (hand_ >= places_) hand_ = 0;
      const auto slot = static_cast<std::uint32_t>(hand_++);
      std::uint8_t& state = StateOf(slot);
      if ((state & kUsed) == 0 || (state & kYoung) != 0) continue;
      if ((state & kHits) == 0) {
        EraseSlot(slot);
        return true;
      }
      --state;
      policy_.Stay(ValueOf(slot));
    }
    return false;
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> index_;
  std::vector<Bucket> gone_;         // the hashes of those that left the queue, newest first
  std::deque<std::uint32_t> young_;  // the queue, and places whose entries are gone
  std::size_t places_ = 0;           // of the chunks, ever used
  std::size_t size_ = 0;
  std::size_t cost_ = 0;
  std::size_t young_cost_ = 0;
  std::size_t capacity_;
  std::size_t hand_ = 0;
  std::uint64_t evictions_ = 0;
  std::uint32_t free_ = kNone;
  Policy policy_;
};

}  // namespace resolve64::cache
