#include "dnssec/trust_cache.h"

#include "base/slab.h"

namespace resolve64::dnssec {
namespace {

constexpr std::size_t kSmallestShard = std::size_t{256} << 10;  // octets

// Octets that a key takes, most of them OpenSSL's own, which does not say: what mallinfo2(3) tells
// of its version 3.0, rounded up.
std::size_t MemoryOf(const ZoneKey& key) {
  constexpr std::size_t kRsa = 1664;  // of 4,096 bits; shorter ones are a little less
  constexpr std::size_t kEcdsa = 3008;
  constexpr std::size_t kEddsa = 1088;
  constexpr std::uint8_t kEcdsaP256 = 13;
  constexpr std::uint8_t kEd25519 = 15;
  if (key.key == nullptr) return 0;
  if (key.algorithm < kEcdsaP256) return kRsa;
  return key.algorithm < kEd25519 ? kEcdsa : kEddsa;
}

}  // namespace

std::size_t TrustCache::Octets::Cost(const ZoneTrustPtr& trust) noexcept {
  constexpr std::size_t kCounts = 2 * sizeof(void*);  // what std::make_shared adds
  std::size_t octets = slab::MallocCost(sizeof(ZoneTrust) + kCounts);
  if (trust->text.capacity() > std::string().capacity()) {
    octets += slab::MallocCost(trust->text.capacity() + 1);
  }
  if (trust->keys == nullptr) return octets;
  octets += slab::MallocCost(sizeof(KeySet) + kCounts) +
            slab::MallocCost(trust->keys->keys.capacity() * sizeof(ZoneKey));
  for (const ZoneKey& key : trust->keys->keys) octets += MemoryOf(key);
  return octets;
}

ZoneTrustPtr TrustCache::Look(Entries& entries, const Name& zone, TimePoint now) {
  const std::size_t hash = zone.Hash();
  auto map = entries.Lock(hash);
  const ZoneTrustPtr* found = map->Find(entries.Low(hash), [&](const ZoneTrustPtr& trust) {
    return trust->expires > now && trust->zone == zone;
  });
  return found == nullptr ? nullptr : *found;
}

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
  if (trust->expires > now) {
    map->Put(low, same, trust);
  } else {
    map->Erase(low, same, 1);
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
