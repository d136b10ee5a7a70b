// What validation may cost (KeyTrap, CVE-2023-50387; NSEC3, CVE-2023-50868).
#pragma once

namespace resolve64::dnssec {

/// What is left to one client's question and to everything it starts (requirements SEC-43). Public
/// key operations and hashes are paid for before they are done.
struct Work {
  int verifications = 64;  ///< signatures checked
  int hashes = 150;        ///< NSEC3 owner names hashed, with all their iterations

  [[nodiscard]] bool TakeVerification() noexcept {
    return verifications > 0 && verifications-- > 0;
  }
  [[nodiscard]] bool TakeHash() noexcept { return hashes > 0 && hashes-- > 0; }
};

inline constexpr int kMaxKeysPerTag = 4;  ///< of one tag and algorithm tried (SEC-40)
inline constexpr int kMaxSignatures = 8;  ///< of an RRset looked at (SEC-40)
inline constexpr int kMaxFailures = 8;    ///< failed checks of an RRset (SEC-41 allows 16)
/// Microseconds that failed checks of an RRset may cost: with slow algorithms fewer are enough.
inline constexpr int kMaxFailedCost = 1000;
inline constexpr int kMaxDigests = 8;  ///< DS digests computed for a zone (SEC-42)

}  // namespace resolve64::dnssec
