// Questions that could not be answered, so that they are not tried again at once (RFC 9520).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cache/sharded.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::cache {

/// Why a question failed.
struct Failure {
  Rcode rcode = Rcode::kServFail;
  std::optional<Ede> ede;
  std::string text;    ///< for people; of the EDE
  bool bogus = false;  ///< validation failed: who asks with CD gets the data all the same
  TimePoint expires{};
  std::uint32_t count = 0;  ///< times in a row
};
using FailurePtr = std::shared_ptr<const Failure>;

/// Thread-safe; one for all workers. Bounded by entries.
class FailureCache {
 public:
  static constexpr Duration kFirst = std::chrono::seconds(5);
  static constexpr Duration kLongest =
      std::chrono::seconds(40);  ///< RFC 9520 section 3.2 allows 300
  /// How long after its end a failure still makes the next one longer.
  static constexpr Duration kRemembered = std::chrono::seconds(300);
  static constexpr std::size_t kDefaultEntries = 10'000;

  explicit FailureCache(std::size_t entries = kDefaultEntries);

  /// The failure that holds at `now`, or null.
  [[nodiscard]] FailurePtr Find(const Name& name, RrType type, TimePoint now);

  /// Remembers a failure (its `expires` and `count` are set here) for kFirst, or for twice as long
  /// as the one before it in a row, up to kLongest. One that still holds is left alone: several
  /// clients may hear of the same failure.
  void Put(const Name& name, RrType type, Failure failure, TimePoint now);

  /// It was answered: the next failure is a first one.
  void Forget(const Name& name, RrType type);

  std::size_t Flush(const Name& name);       ///< all types; the number of entries that went
  std::size_t FlushBelow(const Name& name);  ///< the name and all below it
  void Clear() { entries_.Clear(); }

  [[nodiscard]] CacheStats stats() const { return entries_.stats(); }

 private:
  struct Entry {
    std::vector<std::uint8_t> name;  // in wire form
    RrType type = RrType::kNone;
    FailurePtr failure;
  };

  Sharded<Entry> entries_;
};

}  // namespace resolve64::cache
