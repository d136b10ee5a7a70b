// RRsets and denials that were heard, for as long as their TTL says (RFC 1034 section 4.3.5, RFC
// 2308).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/slab.h"
#include "cache/kept_denial.h"
#include "cache/sharded.h"
#include "dns/rrset.h"
#include "resolve64/dns64.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::cache {

/// A denial: NXDOMAIN or NODATA (RFC 2308 section 2).
struct Negative {
  Name name;              ///< that does not exist, or not with this type; set by the cache
  bool nxdomain = false;  ///< set by the cache
  dns::RrsetPtr soa;
  std::vector<dns::RrsetPtr> proof;  ///< NSEC or NSEC3, with their signatures
  TimePoint expires{};
  Security security = Security::kUnchecked;
  std::optional<Ede> reason;  ///< why it is not secure

  /// Seconds left at `now`: the TTL that the SOA goes to a client with (RFC 2308 section 5).
  [[nodiscard]] std::uint32_t TtlAt(TimePoint now) const noexcept;
};
using NegativePtr = std::shared_ptr<const Negative>;

/// A denial that lives as long as its SOA allows (RFC 2308 section 5), and `max_ttl` seconds at
/// most. Without an SOA it does not live at all.
Negative MakeNegative(dns::RrsetPtr soa, std::vector<dns::RrsetPtr> proof, TimePoint now,
                      std::uint32_t max_ttl, dns::Judgement judgement = Security::kUnchecked);

/// What is known of a question. At most one is set.
struct Found {
  dns::RrsetPtr rrset;
  NegativePtr negative;

  explicit operator bool() const noexcept { return rrset != nullptr || negative != nullptr; }
};

/// Class IN only. Thread-safe; one for all workers. Bounded by octets: what is counted is what the
/// blocks and the tables take of the machine's memory.
class RrsetCache {
 public:
  static constexpr std::size_t kMaxRecords = 100;  ///< in an RRset (LIM-07)
  static constexpr std::size_t kMaxTypes = 100;    ///< entries at a name (LIM-07)

  explicit RrsetCache(std::size_t octets);

  /// What lives at `now`: data; else NODATA of (name, type); else NXDOMAIN of the very name. Counts
  /// as a hit or a miss.
  [[nodiscard]] Found Find(const Name& name, RrType type, TimePoint now);

  /// Whether Find() would come back with something, or with an alias. Not a hit, and not counted.
  [[nodiscard]] bool Has(const Name& name, RrType type, TimePoint now);

  /// The nearest ancestor of `name` that is known not to exist: nor does `name` (RFC 8020). Null
  /// where none is known. The name itself is not looked at.
  [[nodiscard]] NegativePtr FindNxdomainAbove(const Name& name, TimePoint now);

  /// Keeps `rrset`, in place of what was known of its name and type. An NXDOMAIN of its name stays:
  /// where a server says both, in whichever order, NXDOMAIN holds for the other types (RFC 6147
  /// section 5.1.2). False, and not kept, where live data of higher trust is there (RFC 2181
  /// section 5.4.1), what is there is secure and this is not (REC-22), the TTL is 0, the type is
  /// never cached (OPT, TSIG, ANY and their like), or there are more than kMaxRecords records.
  bool Put(const dns::RrsetPtr& rrset, TimePoint now);

  /// Keeps a denial of (name, type). It expires no later than its SOA allows. False, and not kept,
  /// where it has no SOA or no time to live (RFC 2308 section 5), live data of the trust of an
  /// authoritative reply is there, or what is there is secure and this is not.
  bool PutNodata(const Name& name, RrType type, const Negative& negative, TimePoint now);
  /// Keeps a denial of `name`. As above; data that lives at the name stays, and is preferred by
  /// Find().
  bool PutNxdomain(const Name& name, const Negative& negative, TimePoint now);

  /// Forget; the number of entries that went.
  std::size_t Flush(const Name& name);
  /// An NXDOMAIN of the name is forgotten too: it denied this type.
  std::size_t Flush(const Name& name, RrType type);
  /// `name` and all below it. Looks at every entry.
  std::size_t FlushBelow(const Name& name);
  void Clear() { entries_.Clear(); }

  [[nodiscard]] CacheStats stats() const { return entries_.stats(); }

 private:
  // Data or a denial: a pointer that owns, and says in its lowest bit which of the two. All entries
  // of a name have its hash.
  class Entry {
   public:
    Entry() = default;
    explicit Entry(dns::RrsetPtr rrset) noexcept;
    explicit Entry(KeptDenialPtr denial) noexcept;
    Entry(Entry&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(at_, other.at_);
      return *this;
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

    [[nodiscard]] bool is_denial() const noexcept {
      return reinterpret_cast<std::uintptr_t>(at_) % 2 == kDenial;
    }
    /// REQUIRES: !is_denial().
    [[nodiscard]] const dns::Rrset& rrset() const noexcept;
    /// REQUIRES: is_denial().
    [[nodiscard]] const KeptDenial& denial() const noexcept;
    [[nodiscard]] RrType type() const noexcept;  ///< kNone for NXDOMAIN
    [[nodiscard]] bool IsAt(const Name& name) const noexcept;
    [[nodiscard]] std::span<const std::uint8_t> owner() const noexcept;
    [[nodiscard]] TimePoint expires() const noexcept;
    [[nodiscard]] bool Outranks(Security security, dns::Trust trust) const noexcept;
    [[nodiscard]] std::size_t cost() const noexcept;
    void Settle() noexcept;

   private:
    static constexpr std::size_t kDenial = 1;  // so many octets past the start of the block
    const std::byte* at_ = nullptr;
  };

  // Octets, the SOA RRsets that denials share counted once.
  class Octets : public CountEntries {
   public:
    static constexpr bool kOctets = true;
    [[nodiscard]] static std::size_t Cost(const Entry& entry) noexcept { return entry.cost(); }
    [[nodiscard]] std::size_t shared() const noexcept { return soas.cost(); }
    [[nodiscard]] static std::size_t Waste(std::size_t cost) noexcept {
      return cost / 1024 * slab::Waste();
    }
    void Leave(const Entry& entry) noexcept {
      if (entry.is_denial()) soas.Drop(entry.denial().soa());
    }
    static void Stay(Entry& entry) noexcept { entry.Settle(); }

    SoaTable soas;
  };
  using Map = S3FifoMap<Entry, Octets>;

  bool PutDenial(const Name& name, bool nxdomain, RrType type, const Negative& negative,
                 TimePoint now);
  static bool Store(Map& map, const Name& name, std::uint32_t hash, Entry entry, TimePoint now);

  Sharded<Entry, Octets> entries_;
};

}  // namespace resolve64::cache
