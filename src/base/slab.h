// Memory for small blocks that live long: what is cached lies apart from what comes and goes.
#pragma once

#include <cstddef>

namespace resolve64::slab {

/// Small blocks come out of spans of one size each, sizes being eight octets apart. So a block has
/// no header, and a span that has emptied serves any other size, or goes back to the system. Any
/// thread may call these functions, and may free what another one has allocated.
///
/// Blocks are aligned to eight octets. Under AddressSanitizer they come from malloc, so that it
/// sees what is used after it was freed.
[[nodiscard]] void* Allocate(std::size_t octets);
/// REQUIRES: `octets` as when it was allocated.
void Free(void* block, std::size_t octets) noexcept;

/// Whether the block is in a span of which a quarter is empty: who may move it, should. A guess
/// where other threads go on. REQUIRES: as for Free().
[[nodiscard]] bool IsSparse(const void* block, std::size_t octets) noexcept;

inline constexpr std::size_t kStep = 8;
inline constexpr std::size_t kLargest = 1024;  ///< octets; larger blocks come from malloc
inline constexpr std::size_t kSpan = std::size_t{16} << 10;
inline constexpr std::size_t kSpanHeader = 48;

/// The size of the blocks that one of `octets` is among. REQUIRES: octets <= kLargest.
constexpr std::size_t RoundUp(std::size_t octets) noexcept {
  return octets <= 2 * kStep ? 2 * kStep : (octets + kStep - 1) / kStep * kStep;
}

/// What a block of malloc takes of the machine's memory.
constexpr std::size_t MallocCost(std::size_t octets) noexcept {
  constexpr std::size_t kHeader = 8;
  constexpr std::size_t kMallocStep = 16;
  constexpr std::size_t kLeast = 32;
  const std::size_t whole = (octets + kHeader + kMallocStep - 1) / kMallocStep * kMallocStep;
  return whole < kLeast ? kLeast : whole;
}

/// What a block of Allocate() takes, its part of the span's header included.
constexpr std::size_t Cost(std::size_t octets) noexcept {
  if (octets > kLargest) return MallocCost(octets);
  const std::size_t blocks = (kSpan - kSpanHeader) / RoundUp(octets);
  return (kSpan + blocks - 1) / blocks;
}

/// How much more than its blocks cost the slab holds, in 1,024ths of that, beyond kSlack octets:
/// what is left where blocks of other sizes went. Cheap, and as of late.
[[nodiscard]] std::size_t Waste() noexcept;
/// Of each size one span may be nearly empty, and some hold nothing.
inline constexpr std::size_t kIdle = 16;  ///< spans that are empty and were not given back
inline constexpr std::size_t kSlack = (kLargest / kStep + kIdle) * kSpan;

struct Stats {
  std::size_t used = 0;  ///< octets in blocks, as RoundUp() has them
  std::size_t held = 0;  ///< octets of spans that hold a block
  std::size_t idle = 0;  ///< octets of spans that hold none and were not given back yet
};
/// Of one moment, nearly: other threads go on.
[[nodiscard]] Stats GetStats() noexcept;

}  // namespace resolve64::slab
