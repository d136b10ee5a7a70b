#include "base/slab.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace resolve64 {
namespace {

struct Block {
  std::uint8_t* at = nullptr;
  std::size_t size = 0;
  std::uint8_t mark = 0;

  Block(std::size_t octets, std::uint8_t with)
      : at(static_cast<std::uint8_t*>(slab::Allocate(octets))), size(octets), mark(with) {
    std::memset(at, mark, size);
  }
  [[nodiscard]] bool IsSound() const {
    for (std::size_t i = 0; i < size; ++i) {
      if (at[i] != mark) return false;
    }
    return true;
  }
};

TEST(Slab, BlocksOfAllSizesAreApartAndAligned) {
  std::vector<Block> blocks;
  for (std::size_t size = 1; size < 1400; ++size) {
    for (int copy = 0; copy < 3; ++copy) {
      blocks.emplace_back(size, static_cast<std::uint8_t>(blocks.size()));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().at) % slab::kStep, 0U);
    }
  }
  for (const Block& block : blocks) ASSERT_TRUE(block.IsSound()) << block.size;
  for (const Block& block : blocks) slab::Free(block.at, block.size);
}

TEST(Slab, ABlockCostsItsSizeAndLittleMore) {
  for (std::size_t size = 1; size <= 512; ++size) {
    EXPECT_GE(slab::Cost(size), size);
    EXPECT_LE(slab::Cost(size), size + size / 16 + 16) << size;
  }
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(Slab, GivesBackWhatIsFreed) {
  const slab::Stats before = slab::GetStats();
  std::vector<void*> blocks;
  for (int i = 0; i < 100'000; ++i) blocks.push_back(slab::Allocate(40));
  const slab::Stats full = slab::GetStats();
  EXPECT_EQ(full.used - before.used, 4'000'000U);
  EXPECT_GE(full.held - before.held, 4'000'000U);
  EXPECT_LE(full.held - before.held, 100'000 * slab::Cost(40) + slab::kSpan);
  for (void* block : blocks) slab::Free(block, 40);
  EXPECT_EQ(slab::GetStats().used, before.used);
  EXPECT_LE(slab::GetStats().held, before.held + slab::kSpan);
}

TEST(Slab, MovingWhatIsSparseEmptiesSpans) {
  constexpr std::size_t kSize = 88;
  std::vector<void*> blocks;
  for (int i = 0; i < 50'000; ++i) blocks.push_back(slab::Allocate(kSize));
  std::mt19937 random(1);
  for (void*& block : blocks) {
    if (random() % 10 == 0) continue;
    slab::Free(block, kSize);
    block = nullptr;
  }
  std::erase(blocks, nullptr);
  // It is weighed again where a span is taken.
  constexpr std::size_t kOther = slab::kLargest;
  std::vector<void*> others;
  for (std::size_t i = 0; i <= slab::kSpan / kOther; ++i) others.push_back(slab::Allocate(kOther));
  EXPECT_GT(slab::Waste(), 1024U);
  for (void*& block : blocks) {
    if (!slab::IsSparse(block, kSize)) continue;
    void* const moved = slab::Allocate(kSize);
    slab::Free(std::exchange(block, moved), kSize);
  }
  EXPECT_EQ(slab::Waste(), 0U);
  for (void* block : others) slab::Free(block, kOther);
  for (void* block : blocks) slab::Free(block, kSize);
}
#endif

TEST(SlabThreads, FreeWhatOthersHaveAllocated) {
  constexpr int kBlocks = 20'000;
  std::vector<std::vector<Block>> made(2);
  const auto make = [&made](std::size_t who) {
    std::mt19937 random(static_cast<unsigned>(who));
    for (int i = 0; i < kBlocks; ++i) {
      made[who].emplace_back(16 + random() % 100, static_cast<std::uint8_t>(i));
      if (i % 3 != 0) continue;
      slab::Free(made[who].back().at, made[who].back().size);
      made[who].pop_back();
    }
  };
  const auto end = [&made](std::size_t who) {
    for (const Block& block : made[1 - who]) {
      EXPECT_TRUE(block.IsSound());
      slab::Free(block.at, block.size);
    }
  };
  for (int round = 0; round < 2; ++round) {
    std::vector<std::thread> threads;
    for (std::size_t who = 0; who < 2; ++who) {
      if (round == 0) {
        threads.emplace_back(make, who);
      } else {
        threads.emplace_back(end, who);
      }
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace resolve64
