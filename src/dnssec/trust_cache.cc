#include "dnssec/trust_cache.h"

namespace resolve64::dnssec {
namespace {

using Map = cache::SieveMap<ZoneTrustPtr>;

constexpr std::size_t kSmallestShard = std::size_t{256} << 10;  // octets

// Octets, roughly: OpenSSL does not say what a key takes, and it is more than the key.
std::size_t CostOf(const ZoneTrust& trust) {
  constexpr std::size_t kBlocks = 6 * sizeof(void*);  // what malloc and the shared counts add
  constexpr std::size_t kKey = 2048;
  std::size_t octets = Map::EntryCost() + kBlocks + sizeof(ZoneTrust) + trust.text.capacity();
  if (trust.keys != nullptr) {
    octets += sizeof(KeySet) + trust.keys->keys.size() * (sizeof(ZoneKey) + kKey);
  }
  return octets;
}

ZoneTrustPtr Look(cache::Sharded<ZoneTrustPtr>& entries, const Name& zone, TimePoint now) {
  const std::size_t hash = zone.Hash();
  auto map = entries.Lock(hash);
  const ZoneTrustPtr* found = map->Find(entries.Low(hash), [&](const ZoneTrustPtr& trust) {
    return trust->expires > now && trust->zone == zone;
  });
  return found == nullptr ? nullptr : *found;
}

}  // namespace

TrustCache::TrustCache(std::size_t octets) : entries_(octets, kSmallestShard) {}

ZoneTrustPtr TrustCache::Find(const Name& zone, TimePoint now) {
  ZoneTrustPtr found = Look(entries_, zone, now);
  entries_.Count(zone.Hash(), found != nullptr);
  return found;
}

ZoneTrustPtr TrustCache::FindDeepest(const Name& name, TimePoint now) {
  ZoneTrustPtr found;
  for (Name zone = name;; zone = zone.Parent()) {
    found = Look(entries_, zone, now);
    if (found && found->kind != ZoneTrust::Kind::kNoCut) break;
    found = nullptr;
    if (zone.is_root()) break;
  }
  entries_.Count(name.Hash(), found != nullptr);
  return found;
}

void TrustCache::Put(const ZoneTrustPtr& trust, TimePoint now) {
  const std::size_t hash = trust->zone.Hash();
  const std::uint32_t low = entries_.Low(hash);
  const auto same = [&](const ZoneTrustPtr& other) { return other->zone == trust->zone; };
  auto map = entries_.Lock(hash);
  map->Erase(low, same, 1);
  if (trust->expires > now) map->Insert(low, trust, CostOf(*trust));
}

std::size_t TrustCache::FlushBelow(const Name& name) {
  std::size_t gone = 0;
  entries_.Walk([&](const ZoneTrustPtr& trust) {
    const bool below = trust->zone.IsAtOrBelow(name);
    if (below) ++gone;
    return below;
  });
  return gone;
}

}  // namespace resolve64::dnssec
