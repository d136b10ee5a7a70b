// NSEC and NSEC3 RRsets of zones, in order: one shard of a DenialCache. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/slab.h"
#include "dns/rrset.h"
#include "resolve64/name.h"

namespace resolve64::dnssec {

/// `name` as octets whose plain order is the canonical order of names (RFC 4034 section 6.1): the
/// labels from the root downwards in lower case, each closed by a zero; the octets 0 and 1 in a
/// label become two.
std::string SortKey(const Name& name);

class DenialStore {
 public:
  struct Zone;

  /// A record, and where it stands among others by age.
  struct Entry {
    Zone* zone = nullptr;
    const std::string* key = nullptr;
    bool hashed = false;  // NSEC3
    dns::RrsetPtr rrset;
    std::uint64_t arrived = 0;
    std::size_t cost = 0;
    std::list<Entry*>::iterator in_store;
    std::list<Entry*>::iterator in_zone;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  struct Zone {
    Name apex;
    dns::RrsetPtr soa;
    Entries nsec;   // by SortKey() of the owner
    Entries nsec3;  // by hash; all of the parameters below
    std::vector<std::uint8_t> salt;
    std::uint16_t iterations = 0;
    std::size_t cost = 0;
    std::list<Entry*> ages;  // the oldest first
  };

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  DenialStore() = default;
  DenialStore(const DenialStore&) = delete;
  DenialStore& operator=(const DenialStore&) = delete;
  ~DenialStore() = default;

  /// Null where there is none.
  [[nodiscard]] Zone* Find(const Name& apex);
  /// Made where there is none. It has to get an entry, or be dropped.
  Zone& At(const Name& apex);

  /// `soa` in place of the one there was.
  void SetSoa(Zone& zone, dns::RrsetPtr soa);
  /// Puts a record in as the newest of all, in place of the one with the same key.
  void Put(Zone& zone, bool hashed, std::string key, dns::RrsetPtr rrset, std::uint64_t arrived);
  /// The record with the last key at or before `key`; of a hashed one the last of all where none
  /// is: the ring closes there. Null where there is none, or it has expired: it goes then, and with
  /// the last one the zone. `zone` is null then.
  dns::RrsetPtr Before(Zone*& zone, bool hashed, std::string_view key, TimePoint now);

  void DropOldest() { Erase(*ages_.front()); }
  void DropOldestOf(Zone& zone) { Erase(*zone.ages.front()); }
  void DropHashed(Zone& zone);
  /// How many records went.
  std::size_t Drop(const Name& apex);
  template <class Match>
  std::size_t DropIf(Match match);

  [[nodiscard]] std::size_t cost() const noexcept { return cost_; }
  [[nodiscard]] std::size_t size() const noexcept { return ages_.size(); }
  /// When the oldest record arrived, or kNever.
  [[nodiscard]] std::uint64_t oldest() const noexcept {
    return ages_.empty() ? kNever : ages_.front()->arrived;
  }

 private:
  // What a record and a zone take besides the RRsets: nodes of the maps and of the lists.
  static constexpr std::size_t kTreeNode = 4 * sizeof(void*);  // besides its value
  static constexpr std::size_t kListNode = 3 * sizeof(void*);
  static constexpr std::size_t kHashNode = 3 * sizeof(void*);  // and its word of the index
  static constexpr std::size_t kEntryCost =
      slab::MallocCost(sizeof(Entries::value_type) + kTreeNode) + 2 * slab::MallocCost(kListNode);
  static constexpr std::size_t kZoneCost =
      slab::MallocCost(sizeof(std::pair<const Name, Zone>) + kHashNode);

  void Erase(Entry& entry);

  std::unordered_map<Name, Zone, MemberHash> zones_;
  std::list<Entry*> ages_;  // the oldest first
  std::size_t cost_ = 0;
};

template <class Match>
std::size_t DenialStore::DropIf(Match match) {
  std::vector<Name> apexes;
  for (const auto& [apex, zone] : zones_) {
    if (match(apex)) apexes.push_back(apex);
  }
  std::size_t dropped = 0;
  for (const Name& apex : apexes) dropped += Drop(apex);
  return dropped;
}

}  // namespace resolve64::dnssec
