#include "dnssec/algorithm.h"

#include <gtest/gtest.h>

#include <vector>

namespace resolve64::dnssec {
namespace {

// Covers: SEC-28
TEST(Algorithm, TheSupportedOnesAreThoseOfTheTable) {
  std::vector<int> supported;
  for (int number = 0; number < 256; ++number) {
    if (IsSupportedAlgorithm(static_cast<std::uint8_t>(number))) supported.push_back(number);
  }
  EXPECT_EQ(supported, (std::vector<int>{5, 7, 8, 10, 13, 14, 15, 16}));
}

// Covers: SEC-28
TEST(Algorithm, TheSupportedDigestsAreSha1Sha256AndSha384) {
  std::vector<int> supported;
  for (int number = 0; number < 256; ++number) {
    if (IsSupportedDigest(static_cast<std::uint8_t>(number))) supported.push_back(number);
  }
  EXPECT_EQ(supported, (std::vector<int>{1, 2, 4}));
}

TEST(Algorithm, NamesAreThoseOfTheRegistryOrTheNumber) {
  EXPECT_EQ(AlgorithmName(13), "ECDSAP256SHA256");
  EXPECT_EQ(AlgorithmName(12), "ECC-GOST");
  EXPECT_EQ(AlgorithmName(17), "algorithm 17");
  EXPECT_EQ(DigestName(2), "SHA-256");
  EXPECT_EQ(DigestName(9), "digest type 9");
}

TEST(Algorithm, OnlyTheSupportedCostSomething) {
  EXPECT_EQ(VerificationCost(12), 0);
  EXPECT_EQ(VerificationCost(255), 0);
  EXPECT_GT(VerificationCost(14), VerificationCost(13));
  EXPECT_GT(VerificationCost(13), VerificationCost(8));
}

}  // namespace
}  // namespace resolve64::dnssec
