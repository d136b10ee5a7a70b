// Signatures that were verified a moment ago: the same octets under the same keys need no second
// look.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "dns/rrset.h"
#include "dnssec/key.h"
#include "dnssec/verify.h"

namespace resolve64::resolver {

/// A memory of fixed size, one worker's: a hundred clients that wait for the same question, and the
/// NSEC3 records that come with every referral of a large zone, cost one verification.
class Verified {
 public:
  static constexpr std::size_t kSmallSlots = 2048;
  static constexpr std::size_t kSmall = 1024;  ///< octets of an RRset that goes into one of these
  static constexpr std::size_t kLargeSlots = 128;
  static constexpr std::size_t kLargest = 32768;  ///< octets of an RRset that is remembered
  /// Verdicts are as old as this at most. Signatures may expire meanwhile: their verdict's TTL
  /// says.
  static constexpr Duration kGoodFor = std::chrono::seconds(60);
  static constexpr Duration kBadFor = std::chrono::seconds(1);

  Verified() : slots_(kSmallSlots + kLargeSlots) {}

  /// The verdict on records and signatures equal to those of `rrset`, under `keys` themselves; its
  /// TTL is what is left. Null where there is none.
  [[nodiscard]] std::unique_ptr<dnssec::Verdict> Find(const dns::Rrset& rrset,
                                                      const dnssec::KeySetPtr& keys,
                                                      TimePoint now) const;
  void Put(dns::RrsetPtr rrset, dnssec::KeySetPtr keys, const dnssec::Verdict& verdict,
           TimePoint now);

 private:
  struct Slot {
    dns::RrsetPtr rrset;
    dnssec::KeySetPtr keys;
    dnssec::Verdict verdict;
    TimePoint at{};
  };
  [[nodiscard]] static std::size_t IndexOf(const dns::Rrset& rrset);

  std::vector<Slot> slots_;
};

}  // namespace resolve64::resolver
