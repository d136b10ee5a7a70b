#include "base/slab.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <vector>

namespace resolve64::slab {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kUseMalloc = true;
#else
constexpr bool kUseMalloc = false;
#endif

constexpr std::size_t kRegion = std::size_t{1} << 20;  // what is asked of the system at once
constexpr std::size_t kSizes = kLargest / kStep + 1;

struct FreeBlock {
  FreeBlock* next;
};

// The start of a span. Blocks follow.
struct Span {
  Span* next;  // of those of a size that have room
  Span* before;
  FreeBlock* free;
  std::uint32_t size;               // of its blocks
  std::atomic<std::uint32_t> used;  // blocks; written under the lock of the size
  std::uint32_t untouched;          // offset of the first block that never served
  std::uint32_t capacity;           // blocks

  [[nodiscard]] std::uint32_t Used() const noexcept { return used.load(std::memory_order_relaxed); }
  void SetUsed(std::uint32_t count) noexcept { used.store(count, std::memory_order_relaxed); }
  [[nodiscard]] bool IsFull() const noexcept { return Used() == capacity; }
  [[nodiscard]] bool IsSparse() const noexcept { return Used() * 4 < capacity * 3; }
};
static_assert(sizeof(Span) <= kSpanHeader);
static_assert(kSpanHeader % kStep == 0);

// How far `at` is into a span.
std::size_t OffsetOf(const void* at) noexcept {
  return reinterpret_cast<std::uintptr_t>(at) % kSpan;
}

Span* SpanOf(void* block) noexcept {
  return reinterpret_cast<Span*>(static_cast<std::byte*>(block) - OffsetOf(block));
}

// Spans that hold nothing, and where new ones come from.
class Arena {
 public:
  void* Take() {
    const std::lock_guard lock(mutex_);
    std::vector<void*>& from = idle_.empty() ? cold_ : idle_;
    if (from.empty()) Map();
    void* span = from.back();
    from.pop_back();
    return span;
  }

  void Give(void* span) noexcept {
    const std::lock_guard lock(mutex_);
    // There is room in both for all spans there are: see Map().
    if (idle_.size() < kIdle) {
      idle_.push_back(span);
      return;
    }
    madvise(span, kSpan, MADV_DONTNEED);
    cold_.push_back(span);
  }

  // Octets that are held for blocks, and of empty spans that were not given back.
  Stats Count() noexcept {
    const std::lock_guard lock(mutex_);
    Stats stats;
    stats.held = (spans_ - idle_.size() - cold_.size()) * kSpan;
    stats.idle = idle_.size() * kSpan;
    return stats;
  }

 private:
  void Map() {
    constexpr std::size_t kNew = kRegion / kSpan;
    idle_.reserve(kIdle);
    cold_.reserve(spans_ + kNew);
    // One span more than is wanted, so that an aligned start is among them.
    void* got =
        mmap(nullptr, kRegion + kSpan, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<std::byte*>(got) + (kSpan - OffsetOf(got)) % kSpan;
    for (std::size_t i = kNew; i-- > 0;) cold_.push_back(first + i * kSpan);
    spans_ += kNew;
  }

  std::mutex mutex_;
  std::vector<void*> idle_;  // with memory
  std::vector<void*> cold_;  // without
  std::size_t spans_ = 0;
};

// All blocks of one size. Spans that are nearly full are filled first, so that the others may
// empty.
class alignas(64) Size {
 public:
  // `more` is set where a span more is held now; in Free(), `less` where it is one less.
  void* Allocate(std::size_t size, Arena& arena, bool& more) {
    const std::lock_guard lock(mutex_);
    more = dense_ == nullptr && sparse_ == nullptr;
    if (more) AddSpan(size, arena);
    Span* span = dense_ != nullptr ? dense_ : sparse_;
    const bool was_sparse = span->IsSparse();
    void* block = span->free;
    if (block != nullptr) {
      span->free = span->free->next;
    } else {
      block = reinterpret_cast<std::byte*>(span) + span->untouched;
      span->untouched += span->size;
    }
    span->SetUsed(span->Used() + 1);
    used_.store(used() + 1, std::memory_order_relaxed);
    if (span->IsFull()) {
      Unlink(span, was_sparse);
    } else if (was_sparse && !span->IsSparse()) {
      Unlink(span, true);
      Link(span);
    }
    return block;
  }

  void Free(void* block, Arena& arena, bool& less) noexcept {
    const std::lock_guard lock(mutex_);
    Span* span = SpanOf(block);
    const bool was_full = span->IsFull();
    const bool was_sparse = span->IsSparse();
    span->free = new (block) FreeBlock{span->free};
    span->SetUsed(span->Used() - 1);
    used_.store(used() - 1, std::memory_order_relaxed);
    if (was_full) {
      Link(span);
    } else if (span->Used() == 0 &&
               (dense_ != nullptr || span->next != nullptr || span->before != nullptr)) {
      // The last one with room stays: the next block may be of this size again.
      Unlink(span, was_sparse);
      arena.Give(span);
      less = true;
    } else if (!was_sparse && span->IsSparse()) {
      Unlink(span, false);
      Link(span);
    }
  }

  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  void AddSpan(std::size_t size, Arena& arena) {
    const auto octets = static_cast<std::uint32_t>(size);
    const auto capacity = static_cast<std::uint32_t>((kSpan - kSpanHeader) / size);
    Link(new (arena.Take()) Span{nullptr, nullptr, nullptr, octets, 0,
                                 static_cast<std::uint32_t>(kSpanHeader), capacity});
  }
  void Link(Span* span) noexcept {
    Span*& first = span->IsSparse() ? sparse_ : dense_;
    span->before = nullptr;
    span->next = first;
    if (first != nullptr) first->before = span;
    first = span;
  }
  void Unlink(Span* span, bool from_sparse) noexcept {
    Span*& first = from_sparse ? sparse_ : dense_;
    (span->before != nullptr ? span->before->next : first) = span->next;
    if (span->next != nullptr) span->next->before = span->before;
  }

  std::mutex mutex_;
  Span* dense_ = nullptr;             // with room, and at least three quarters full
  Span* sparse_ = nullptr;            // with more room
  std::atomic<std::size_t> used_{0};  // blocks; written under the lock
};

struct Slab {
  std::array<Size, kSizes> sizes;
  Arena arena;
  std::atomic<std::size_t> waste{0};

  // Once for many blocks: where a span comes or goes.
  void Weigh() noexcept {
    const Stats spans = arena.Count();
    std::size_t cost = 1;
    for (std::size_t i = 2; i < kSizes; ++i) cost += sizes[i].used() * Cost(i * kStep);
    const std::size_t held = spans.held + spans.idle;
    const std::size_t more = held > cost + kSlack ? held - cost - kSlack : 0;
    waste.store(more * 1024 / cost, std::memory_order_relaxed);
  }
};

// Never destroyed: what is static elsewhere may hold blocks to the very end.
Slab& TheSlab() {
  static Slab* const slab = new Slab;
  return *slab;
}

}  // namespace

void* Allocate(std::size_t octets) {
  if (kUseMalloc || octets > kLargest) return ::operator new(octets);
  Slab& slab = TheSlab();
  const std::size_t size = RoundUp(octets);
  bool more = false;
  void* block = slab.sizes[size / kStep].Allocate(size, slab.arena, more);
  if (more) slab.Weigh();
  return block;
}

void Free(void* block, std::size_t octets) noexcept {
  if (kUseMalloc || octets > kLargest) {
    ::operator delete(block);
    return;
  }
  Slab& slab = TheSlab();
  bool less = false;
  slab.sizes[RoundUp(octets) / kStep].Free(block, slab.arena, less);
  if (less) slab.Weigh();
}

std::size_t Waste() noexcept { return TheSlab().waste.load(std::memory_order_relaxed); }

bool IsSparse(const void* block, std::size_t octets) noexcept {
  if (kUseMalloc || octets > kLargest) return false;
  return SpanOf(const_cast<void*>(block))->IsSparse();
}

Stats GetStats() noexcept {
  Slab& slab = TheSlab();
  Stats stats = slab.arena.Count();
  for (std::size_t i = 0; i < kSizes; ++i) stats.used += slab.sizes[i].used() * i * kStep;
  return stats;
}

}  // namespace resolve64::slab
