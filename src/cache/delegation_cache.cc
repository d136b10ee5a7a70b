#include "cache/delegation_cache.h"

#include <algorithm>
#include <utility>

#include "base/slab.h"

namespace resolve64::cache {
namespace {

constexpr std::size_t kSmallestShard = std::size_t{256} << 10;  // octets

// Each once, in order, and no more than the bounds. It is outside data: the work is one pass over
// it against what is kept.
Delegation Tidy(const Delegation& from) {
  Delegation tidy;
  std::vector<Name> ns;
  for (const Name& name : from.ns) {
    if (ns.size() == DelegationCache::kMaxNs) break;
    if (std::find(ns.begin(), ns.end(), name) != ns.end()) continue;
    ns.push_back(name);
    tidy.ns.push_back(name);
  }
  std::vector<IpAddress> seen;
  for (const Glue& one : from.glue) {
    if (seen.size() == DelegationCache::kMaxGlue) break;
    if (std::find(seen.begin(), seen.end(), one.address) != seen.end()) continue;
    if (std::find(ns.begin(), ns.end(), one.ns) == ns.end()) continue;
    seen.push_back(one.address);
    tidy.glue.push_back(one);
  }
  tidy.ns.shrink_to_fit();
  tidy.glue.shrink_to_fit();
  tidy.zone = from.zone;
  tidy.ds = from.ds;
  tidy.ds_proof = from.ds_proof;
  tidy.expires = from.expires;
  return tidy;
}

}  // namespace

std::size_t DelegationCache::Octets::Cost(const DelegationPtr& delegation) noexcept {
  const auto block = [](std::size_t size) { return size == 0 ? 0 : slab::MallocCost(size); };
  constexpr std::size_t kCounts = 2 * sizeof(void*);  // what std::make_shared adds
  std::size_t octets = slab::MallocCost(sizeof(Delegation) + kCounts) +
                       block(delegation->ns.octets()) + block(delegation->glue.octets()) +
                       block(delegation->ds_proof.capacity() * sizeof(dns::RrsetPtr));
  if (delegation->ds != nullptr) octets += delegation->ds->cost();
  for (const dns::RrsetPtr& rrset : delegation->ds_proof) octets += rrset->cost();
  return octets;
}

DelegationCache::DelegationCache(std::size_t octets) : entries_(octets, kSmallestShard) {}

DelegationPtr DelegationCache::Find(const Name& zone, TimePoint now) {
  const std::size_t hash = zone.Hash();
  auto map = entries_.Lock(hash);
  const DelegationPtr* entry = map->Find(entries_.Low(hash), [&](const DelegationPtr& d) {
    return d->expires > now && d->zone == zone;
  });
  return entry == nullptr ? nullptr : *entry;
}

DelegationPtr DelegationCache::FindDeepest(const Name& name, TimePoint now) {
  const std::size_t labels = name.LabelCount();
  DelegationPtr found;
  for (std::size_t up = 0; up <= labels && found == nullptr; ++up) {
    found = Find(name.Parent(up), now);
  }
  entries_.Count(name.Hash(), found != nullptr);
  return found;
}

DelegationPtr DelegationCache::Put(const Delegation& delegation, TimePoint now) {
  if (delegation.expires <= now) return nullptr;
  auto kept = std::make_shared<const Delegation>(Tidy(delegation));
  if (kept->ns.empty()) return nullptr;
  const std::size_t hash = kept->zone.Hash();
  const std::uint32_t low = entries_.Low(hash);
  auto map = entries_.Lock(hash);
  map->Put(
      low, [&](const DelegationPtr& d) { return d->zone == kept->zone; }, kept);
  return kept;
}

std::size_t DelegationCache::Flush(const Name& zone) {
  const std::size_t hash = zone.Hash();
  return entries_.Lock(hash)->Erase(entries_.Low(hash),
                                    [&](const DelegationPtr& d) { return d->zone == zone; });
}

std::size_t DelegationCache::FlushBelow(const Name& name) {
  std::size_t gone = 0;
  entries_.Walk([&](const DelegationPtr& delegation) {
    const bool below = delegation->zone.IsAtOrBelow(name);
    if (below) ++gone;
    return below;
  });
  return gone;
}

}  // namespace resolve64::cache
