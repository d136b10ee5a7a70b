#include "base/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace resolve64 {
namespace {

// Larger requests go past the block: they would empty it for everyone else.
constexpr std::size_t kLargestFromBlock = 64;

void DrawFromSystem(std::uint8_t* octets, std::size_t size) {
  while (size > 0) {
    const std::size_t step = std::min<std::size_t>(size, 1U << 20);
    if (RAND_bytes(octets, static_cast<int>(step)) != 1) std::abort();
    octets += step;
    size -= step;
  }
}

template <class T>
T Draw(Random& random) {
  std::array<std::uint8_t, sizeof(T)> octets{};
  random.Fill(octets);
  // Put together by shifts, so that a seed gives the same numbers whatever the byte order.
  T value = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    value = static_cast<T>(value | static_cast<T>(T{octets[i]} << (8 * i)));
  }
  return value;
}

}  // namespace

std::uint16_t Random::U16() { return Draw<std::uint16_t>(*this); }
std::uint32_t Random::U32() { return Draw<std::uint32_t>(*this); }
std::uint64_t Random::U64() { return Draw<std::uint64_t>(*this); }

// Lemire, "Fast Random Integer Generation in an Interval", 2019: the upper half of a product is
// the number, and the few draws that would favour some numbers are thrown away.
std::uint32_t Random::Below(std::uint32_t n) {
  std::uint64_t product = std::uint64_t{U32()} * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t biased = (0U - n) % n;
    while (static_cast<std::uint32_t>(product) < biased) product = std::uint64_t{U32()} * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

void SystemRandom::Fill(std::span<std::uint8_t> octets) {
  if (octets.empty()) return;
  if (octets.size() > kLargestFromBlock) {
    DrawFromSystem(octets.data(), octets.size());
    return;
  }
  if (left_ < octets.size()) {
    DrawFromSystem(block_.data(), block_.size());
    left_ = block_.size();
  }
  std::uint8_t* from = block_.data() + block_.size() - left_;
  std::memcpy(octets.data(), from, octets.size());
  // What was handed out must not be found in memory later.
  OPENSSL_cleanse(from, octets.size());
  left_ -= octets.size();
}

// xoshiro256** seeded by splitmix64, as its authors advise.
SeededRandom::SeededRandom(std::uint64_t seed) noexcept {
  for (auto& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t SeededRandom::Next() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::Fill(std::span<std::uint8_t> octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    word = i % 8 == 0 ? Next() : word >> 8;
    octets[i] = static_cast<std::uint8_t>(word);
  }
}

}  // namespace resolve64
