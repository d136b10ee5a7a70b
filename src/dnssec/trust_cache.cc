#include "dnssec/trust_cache.h"

namespace resolve64::dnssec {
namespace {

constexpr std::size_t kSmallestShard = 256;  // entries
constexpr std::size_t kOne = 1;              // what an entry costs

ZoneTrustPtr Look(cache::Sharded<ZoneTrustPtr>& entries, const Name& zone, TimePoint now) {
  const std::size_t hash = zone.Hash();
  auto map = entries.Lock(hash);
  const ZoneTrustPtr* found = map->Find(entries.Low(hash), [&](const ZoneTrustPtr& trust) {
    return trust->expires > now && trust->zone == zone;
  });
  return found == nullptr ? nullptr : *found;
}

}  // namespace

TrustCache::TrustCache(std::size_t entries) : entries_(entries, kSmallestShard) {}

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
  if (trust->expires <= now) {
    map->Erase(low, same, kOne);
  } else if (ZoneTrustPtr* old = map->Peek(low, same)) {
    *old = trust;
  } else {
    map->Insert(low, trust, kOne);
  }
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
