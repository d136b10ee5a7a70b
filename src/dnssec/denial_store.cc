#include "dnssec/denial_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace resolve64::dnssec {

std::string SortKey(const Name& name) {
  std::string_view labels[128];
  std::size_t count = 0;
  const auto wire = name.wire();
  for (std::size_t at = 0; wire[at] != 0; at += wire[at] + std::size_t{1}) {
    labels[count++] = {reinterpret_cast<const char*>(wire.data()) + at + 1, wire[at]};
  }
  std::string key;
  key.reserve(name.length());
  while (count > 0) {
    for (const char c : labels[--count]) {
      const std::uint8_t octet = FoldCase(static_cast<std::uint8_t>(c));
      if (octet <= 1) key += '\1';
      key += static_cast<char>(octet <= 1 ? octet + 1 : octet);
    }
    key += '\0';
  }
  return key;
}

DenialStore::Zone* DenialStore::Find(const Name& apex) {
  const auto at = zones_.find(apex);
  return at == zones_.end() ? nullptr : &at->second;
}

DenialStore::Zone& DenialStore::At(const Name& apex) {
  const auto [at, made] = zones_.try_emplace(apex);
  if (made) {
    at->second.apex = apex;
    at->second.cost = kZoneCost;
    cost_ += kZoneCost;
  }
  return at->second;
}

void DenialStore::SetSoa(Zone& zone, dns::RrsetPtr soa) {
  const std::size_t before = zone.soa == nullptr ? 0 : zone.soa->cost();
  const std::size_t now = soa == nullptr ? 0 : soa->cost();
  zone.soa = std::move(soa);
  zone.cost += now - before;
  cost_ += now - before;
}

void DenialStore::Put(Zone& zone, bool hashed, std::string key, dns::RrsetPtr rrset,
                      std::uint64_t arrived) {
  Entries& entries = hashed ? zone.nsec3 : zone.nsec;
  const auto [at, made] = entries.try_emplace(std::move(key));
  Entry& entry = at->second;
  if (made) {
    entry.zone = &zone;
    entry.key = &at->first;
    entry.hashed = hashed;
    entry.in_store = ages_.insert(ages_.end(), &entry);
    entry.in_zone = zone.ages.insert(zone.ages.end(), &entry);
  } else {
    ages_.splice(ages_.end(), ages_, entry.in_store);
    zone.ages.splice(zone.ages.end(), zone.ages, entry.in_zone);
    cost_ -= entry.cost;
    zone.cost -= entry.cost;
  }
  const bool inside = at->first.capacity() == std::string().capacity();
  entry.cost =
      kEntryCost + (inside ? 0 : slab::MallocCost(at->first.capacity() + 1)) + rrset->cost();
  entry.rrset = std::move(rrset);
  entry.arrived = arrived;
  cost_ += entry.cost;
  zone.cost += entry.cost;
}

dns::RrsetPtr DenialStore::Before(Zone*& zone, bool hashed, std::string_view key, TimePoint now) {
  Entries& entries = hashed ? zone->nsec3 : zone->nsec;
  if (entries.empty()) return nullptr;
  auto at = entries.upper_bound(key);
  if (at == entries.begin()) {
    if (!hashed) return nullptr;
    at = entries.end();
  }
  --at;
  if (!at->second.rrset->ExpiredAt(now)) return at->second.rrset;
  if (zone->ages.size() == 1) zone = nullptr;
  Erase(at->second);
  return nullptr;
}

void DenialStore::DropHashed(Zone& zone) {
  for (auto at = zone.nsec3.begin(); at != zone.nsec3.end(); at = zone.nsec3.erase(at)) {
    const Entry& entry = at->second;
    cost_ -= entry.cost;
    zone.cost -= entry.cost;
    ages_.erase(entry.in_store);
    zone.ages.erase(entry.in_zone);
  }
}

std::size_t DenialStore::Drop(const Name& apex) {
  const auto at = zones_.find(apex);
  if (at == zones_.end()) return 0;
  const std::size_t dropped = at->second.ages.size();
  for (const Entry* entry : at->second.ages) ages_.erase(entry->in_store);
  cost_ -= at->second.cost;
  zones_.erase(at);
  return dropped;
}

void DenialStore::Erase(Entry& entry) {
  Zone& zone = *entry.zone;
  if (zone.ages.size() == 1) {
    Drop(Name(zone.apex));
    return;
  }
  cost_ -= entry.cost;
  zone.cost -= entry.cost;
  ages_.erase(entry.in_store);
  zone.ages.erase(entry.in_zone);
  Entries& entries = entry.hashed ? zone.nsec3 : zone.nsec;
  entries.erase(entries.find(*entry.key));
}

}  // namespace resolve64::dnssec
