#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace resolve64 {
namespace {

// Hands out the octets it was given, in order.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::vector<std::uint8_t> octets) : octets_(std::move(octets)) {}
  void Fill(std::span<std::uint8_t> octets) override {
    for (auto& octet : octets) octet = octets_.at(next_++);
  }
  [[nodiscard]] std::size_t used() const { return next_; }

 private:
  std::vector<std::uint8_t> octets_;
  std::size_t next_ = 0;
};

TEST(Random, MakesNumbersOfTheOctetsItDraws) {
  ScriptedRandom random({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
  EXPECT_EQ(random.U16(), 0x0201);
  EXPECT_EQ(random.U32(), 0x06050403U);
  EXPECT_EQ(random.U64(), 0x0e0d0c0b0a090807U);
}

TEST(RandomBelow, ThrowsAwayTheDrawsThatWouldFavourSomeNumbers) {
  // 2^32 mod 3 is 1: of all draws, only zero is one too many.
  ScriptedRandom random({0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(random.Below(3), 2U);
  EXPECT_EQ(random.used(), 8U);
}

TEST(RandomBelow, StaysBelowAndReachesAll) {
  SeededRandom random(1);
  for (const std::uint32_t n : {1U, 2U, 3U, 7U, 64U, 100U}) {
    std::vector<int> hits(n, 0);
    for (int i = 0; i < 20000; ++i) ++hits.at(random.Below(n));
    const int expected = 20000 / static_cast<int>(n);
    for (const int count : hits) {
      EXPECT_GT(count, expected / 2) << n;
      EXPECT_LT(count, expected * 2) << n;
    }
  }
  EXPECT_LT(random.Below(0xffffffffU), 0xffffffffU);
}

TEST(SeededRandom, RepeatsItselfForTheSameSeed) {
  SeededRandom a(42);
  SeededRandom b(42);
  SeededRandom other(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.U64();
    EXPECT_EQ(value, b.U64());
    differs = differs || value != other.U64();
  }
  EXPECT_TRUE(differs);
}

// Computed from the published definitions by another program.
TEST(SeededRandom, IsXoshiro) {
  SeededRandom random(42);
  EXPECT_EQ(random.U64(), 0x15780b2e0c2ec716U);
  EXPECT_EQ(random.U64(), 0x6104d9866d113a7eU);
}

TEST(SystemRandom, FillsRequestsOfEverySize) {
  SystemRandom random;
  for (std::size_t size = 0; size < 1500; size += 7) {
    std::vector<std::uint8_t> octets(size + 1, 0);
    random.Fill(std::span(octets).first(size));
    EXPECT_EQ(octets.back(), 0);
    // Sixteen zero octets in a row do not happen by chance.
    const std::vector<std::uint8_t> zeros(16, 0);
    if (size >= 16) {
      EXPECT_EQ(std::search(octets.begin(), octets.end() - 1, zeros.begin(), zeros.end()),
                octets.end() - 1);
    }
  }
}

TEST(SystemRandom, NeverHandsOutTheSameOctetsTwice) {
  SystemRandom random;
  SystemRandom other;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 2000; ++i) {
    EXPECT_TRUE(seen.insert(random.U64()).second);
    EXPECT_TRUE(seen.insert(other.U64()).second);
  }
}

TEST(SystemRandom, UsesTheWholeRangeOf16Bits) {
  SystemRandom random;
  std::uint16_t ones = 0;
  std::uint16_t zeros = 0;
  for (int i = 0; i < 200; ++i) {
    const std::uint16_t value = random.U16();
    ones = static_cast<std::uint16_t>(ones | value);
    zeros = static_cast<std::uint16_t>(zeros | ~value);
  }
  EXPECT_EQ(ones, 0xffff);
  EXPECT_EQ(zeros, 0xffff);
}

}  // namespace
}  // namespace resolve64
