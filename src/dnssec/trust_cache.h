// What is known of zones: their keys, or why they have none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cache/sharded.h"
#include "dnssec/key.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

/// What the chain from an anchor down to a name says of the zone that begins there.
struct ZoneTrust {
  enum class Kind : std::uint8_t {
    kSecure,         ///< `keys` sign it
    kInsecure,       ///< proved to be unsigned, signed by nothing we know, or excepted
    kBogus,          ///< signed, and the chain is broken: `ede` and `text` say where
    kIndeterminate,  ///< no anchor leads here
    kNoCut,          ///< no zone begins here: it belongs to the zone above
  };
  Kind kind = Kind::kBogus;
  Name zone;
  KeySetPtr keys;          ///< of kSecure
  bool has_ds = false;     ///< the parent vouches for keys: the zone is signed, whatever came of it
  std::optional<Ede> ede;  ///< of all but kSecure and kNoCut, where there is something to say
  std::string text;
  bool passing = false;  ///< by a limit of one request: not to be kept
  TimePoint expires{};
};
using ZoneTrustPtr = std::shared_ptr<const ZoneTrust>;

/// Thread-safe; one for all workers. Bounded by octets.
class TrustCache {
 public:
  explicit TrustCache(std::size_t octets);

  /// What lives at `now`, or null.
  [[nodiscard]] ZoneTrustPtr Find(const Name& zone, TimePoint now);
  /// The deepest live entry at or above `name` that is a zone (not kNoCut), or null.
  [[nodiscard]] ZoneTrustPtr FindDeepest(const Name& name, TimePoint now);
  /// In place of what was known of `trust->zone`.
  void Put(const ZoneTrustPtr& trust, TimePoint now);

  std::size_t FlushBelow(const Name& name);  ///< the zone `name` and all below it
  void Clear() { entries_.Clear(); }
  [[nodiscard]] cache::CacheStats stats() const { return entries_.stats(); }

 private:
  class Octets : public cache::CountEntries {
   public:
    static constexpr bool kOctets = true;
    [[nodiscard]] static std::size_t Cost(const ZoneTrustPtr& trust) noexcept;
  };
  using Entries = cache::Sharded<ZoneTrustPtr, Octets>;

  static ZoneTrustPtr Look(Entries& entries, const Name& zone, TimePoint now);

  Entries entries_;
};

}  // namespace resolve64::dnssec
