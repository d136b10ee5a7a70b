// A hash for tables whose keys strangers choose: SipHash-1-3 with a key of this process. And the
// slower SipHash-2-4, which may serve as a signature.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace resolve64 {

/// Eight octets at once, the upper case letters of ASCII made lower case. In a name's wire form
/// the length octets are below 'A', so a whole name may go through it.
constexpr std::uint64_t FoldCase(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t low = word & (kOnes * 0x7f);
  const std::uint64_t at_least_a = low + kOnes * (0x80 - 'A');
  const std::uint64_t above_z = low + kOnes * (0x7f - 'Z');
  const std::uint64_t upper = ~word & (at_least_a ^ above_z) & (kOnes * 0x80);
  return word | (upper >> 2);
}

/// The one octet of FoldCase().
constexpr std::uint8_t FoldCase(std::uint8_t octet) noexcept {
  return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + ('a' - 'A')) : octet;
}

/// The next eight octets, or those `count` < 8 that are left, the first one in the low bits.
inline std::uint64_t LoadWord(const std::uint8_t* octets, std::size_t count = 8) noexcept {
  std::uint64_t word = 0;
  if (count >= 8 && std::endian::native == std::endian::little) {
    std::memcpy(&word, octets, 8);
    return word;
  }
  if (count >= 4 && std::endian::native == std::endian::little) {
    // Two halves, which overlap where there are fewer than eight.
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, octets, 4);
    std::memcpy(&last, octets + count - 4, 4);
    return first | std::uint64_t{last} << (8 * (count - 4));
  }
  for (std::size_t i = 0; i < count; ++i) word |= std::uint64_t{octets[i]} << (8 * i);
  return word;
}

/// The 128 bits that make collisions unpredictable.
struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

/// Drawn once, at the first call, and the same until the process ends. Any thread.
const HashKey& ProcessHashKey() noexcept;

/// SipHash with kWordRounds rounds a word of eight octets and kLastRounds at the end.
template <int kWordRounds, int kLastRounds>
class SipHash {
 public:
  explicit SipHash(const HashKey& key) noexcept
      : v0_(key.k0 ^ 0x736f6d6570736575),
        v1_(key.k1 ^ 0x646f72616e646f6d),
        v2_(key.k0 ^ 0x6c7967656e657261),
        v3_(key.k1 ^ 0x7465646279746573) {}

  void Add(std::uint64_t word) noexcept {
    v3_ ^= word;
    for (int i = 0; i < kWordRounds; ++i) Round();
    v0_ ^= word;
  }
  /// `last` holds the octets that fill no word, and the total length modulo 256 on top.
  std::uint64_t Finish(std::uint64_t last) noexcept {
    Add(last);
    v2_ ^= 0xff;
    for (int i = 0; i < kLastRounds; ++i) Round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void Round() noexcept {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

/// What hash tables of Python, Rust and Ruby use. Not for signatures.
using SipHash13 = SipHash<1, 3>;
/// What its authors proposed: also a message authentication code (RFC 9018 section 4).
using SipHash24 = SipHash<2, 4>;

namespace hash_internal {
template <bool kFold>
std::uint64_t Octets(std::span<const std::uint8_t> octets, const HashKey& key) noexcept {
  SipHash13 hash(key);
  const std::uint8_t* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = LoadWord(at);
    hash.Add(kFold ? FoldCase(word) : word);
  }
  const std::uint64_t tail = LoadWord(at, left);
  const std::uint64_t size = octets.size();
  return hash.Finish((kFold ? FoldCase(tail) : tail) | (size << 56));
}
}  // namespace hash_internal

/// Of the octets as they are.
inline std::uint64_t HashOctets(std::span<const std::uint8_t> octets,
                                const HashKey& key = ProcessHashKey()) noexcept {
  return hash_internal::Octets<false>(octets, key);
}
/// Of the octets with the letters lower-cased, in the same pass.
inline std::uint64_t HashFolded(std::span<const std::uint8_t> octets,
                                const HashKey& key = ProcessHashKey()) noexcept {
  return hash_internal::Octets<true>(octets, key);
}

/// For hash tables keyed by a type that has Hash(), such as Name, IpAddress and Endpoint.
struct MemberHash {
  template <class T>
  std::size_t operator()(const T& key) const noexcept {
    return key.Hash();
  }
};

}  // namespace resolve64
