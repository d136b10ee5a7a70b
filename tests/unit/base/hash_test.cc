#include "base/hash.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace resolve64 {
namespace {

std::span<const std::uint8_t> Octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// What CPython 3.11, whose hash() is SipHash-1-3, gives under the key zero (PYTHONHASHSEED=0).
TEST(HashOctets, IsSipHash13) {
  const HashKey zero;
  EXPECT_EQ(HashOctets(Octets("a"), zero), 0x407448d2b89b1813U);
  EXPECT_EQ(HashOctets(Octets("example"), zero), 0xcf5a8cd89871f5e5U);
  EXPECT_EQ(HashOctets(Octets("12345678"), zero), 0x3489982430560a87U);
  EXPECT_EQ(HashOctets(Octets("www.example.com"), zero), 0xb8215502bb4c7791U);
  std::vector<std::uint8_t> forty(40);
  std::iota(forty.begin(), forty.end(), std::uint8_t{0});
  EXPECT_EQ(HashOctets(forty, zero), 0x95bc321ab41d8206U);
}

// The paper's example (appendix A): fifteen octets 0 to 14 under the key 0 to 15.
TEST(SipHash24, IsThatOfItsAuthors) {
  SipHash24 hash(HashKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U});
  hash.Add(0x0706050403020100U);
  EXPECT_EQ(hash.Finish(0x0f0e0d0c0b0a0908U), 0xa129ca6149be45e5U);
}

TEST(HashFolded, IsTheHashOfTheLowerCasedOctets) {
  for (std::size_t size = 0; size < 64; ++size) {
    const std::string upper = std::string("WWW.EXAMPLE.COM-").append(64, 'Z').substr(0, size);
    std::string lower = upper;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    EXPECT_EQ(HashFolded(Octets(upper)), HashOctets(Octets(lower))) << size;
  }
}

TEST(HashOctets, ChangesWithTheKey) {
  EXPECT_NE(HashOctets(Octets("example"), HashKey{1, 2}),
            HashOctets(Octets("example"), HashKey{1, 3}));
  EXPECT_NE(HashOctets(Octets("example"), HashKey{1, 2}),
            HashOctets(Octets("example"), HashKey{0, 2}));
}

TEST(HashOctets, CountsTheLength) {
  std::set<std::uint64_t> hashes;
  const std::string zeros(100, '\0');
  for (std::size_t size = 0; size <= zeros.size(); ++size) {
    hashes.insert(HashOctets(Octets(std::string_view(zeros).substr(0, size))));
  }
  EXPECT_EQ(hashes.size(), zeros.size() + 1);
}

TEST(ProcessHashKey, IsDrawnOnce) {
  const HashKey& key = ProcessHashKey();
  EXPECT_EQ(&key, &ProcessHashKey());
  EXPECT_TRUE(key.k0 != 0 || key.k1 != 0);
}

TEST(FoldCase, FoldsWordsAsItFoldsOctets) {
  for (unsigned value = 0; value < 256; ++value) {
    const auto octet = static_cast<std::uint8_t>(value);
    const std::uint64_t word = 0x0101010101010101U * octet;
    EXPECT_EQ(FoldCase(word), 0x0101010101010101U * FoldCase(octet)) << value;
    // No carry reaches the neighbours.
    for (int shift = 0; shift < 64; shift += 8) {
      EXPECT_EQ(FoldCase(std::uint64_t{octet} << shift), std::uint64_t{FoldCase(octet)} << shift);
    }
  }
}

TEST(LoadWord, ReadsNoMoreThanItIsTold) {
  const std::vector<std::uint8_t> octets = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(LoadWord(octets.data()), 0x0807060504030201U);
  EXPECT_EQ(LoadWord(octets.data(), 3), 0x030201U);
  EXPECT_EQ(LoadWord(octets.data(), 0), 0U);
}

}  // namespace
}  // namespace resolve64
