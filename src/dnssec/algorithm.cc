#include "dnssec/algorithm.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace resolve64::dnssec {
namespace {

struct Algorithm {
  std::uint8_t number;
  std::string_view name;
  int cost;  // microseconds of one verification; 0: not supported
};

// The IANA registry "DNS Security Algorithm Numbers". Costs were measured with OpenSSL 3.0 on
// x86-64: RSA of 2048 bits for those of RSA.
constexpr auto kAlgorithms = std::to_array<Algorithm>({
    {1, "RSAMD5", 0},
    {2, "DH", 0},
    {3, "DSA", 0},
    {5, "RSASHA1", 20},
    {6, "DSA-NSEC3-SHA1", 0},
    {7, "RSASHA1-NSEC3-SHA1", 20},
    {8, "RSASHA256", 20},
    {10, "RSASHA512", 20},
    {12, "ECC-GOST", 0},
    {13, "ECDSAP256SHA256", 60},
    {14, "ECDSAP384SHA384", 700},
    {15, "ED25519", 75},
    {16, "ED448", 230},
});

struct Digest {
  std::uint8_t number;
  std::string_view name;
  bool supported;
};

// The IANA registry "Delegation Signer (DS) Resource Record (RR) Type Digest Algorithms".
constexpr auto kDigests = std::to_array<Digest>({
    {1, "SHA-1", true},
    {2, "SHA-256", true},
    {3, "GOST R 34.11-94", false},
    {4, "SHA-384", true},
});

template <class Table>
const typename Table::value_type* Find(const Table& table, std::uint8_t number) {
  const auto found = std::ranges::find(table, number, &Table::value_type::number);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

bool IsSupportedAlgorithm(std::uint8_t algorithm) noexcept {
  return VerificationCost(algorithm) != 0;
}

bool IsSupportedDigest(std::uint8_t digest_type) noexcept {
  const Digest* digest = Find(kDigests, digest_type);
  return digest != nullptr && digest->supported;
}

std::string AlgorithmName(std::uint8_t algorithm) {
  const Algorithm* found = Find(kAlgorithms, algorithm);
  return found == nullptr ? "algorithm " + std::to_string(algorithm) : std::string(found->name);
}

std::string DigestName(std::uint8_t digest_type) {
  const Digest* found = Find(kDigests, digest_type);
  return found == nullptr ? "digest type " + std::to_string(digest_type) : std::string(found->name);
}

int VerificationCost(std::uint8_t algorithm) noexcept {
  const Algorithm* found = Find(kAlgorithms, algorithm);
  return found == nullptr ? 0 : found->cost;
}

}  // namespace resolve64::dnssec
