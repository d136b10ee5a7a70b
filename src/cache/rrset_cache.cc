#include "cache/rrset_cache.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace resolve64::cache {
namespace {

constexpr std::size_t kSmallestShard = std::size_t{1}
                                       << 20;  // octets; the largest RRset is a sixteenth

// What a block of malloc and a shared count cost besides what is in them.
constexpr std::size_t kBlock = 2 * sizeof(void*);

// Types that are questions or belong to one message: RFC 6895 section 3.1, RFC 6891 section 6.1.1.
bool IsCacheable(RrType type, const dns::Rrset* rrset) {
  const auto number = static_cast<std::uint16_t>(type);
  if (type == RrType::kNone || type == RrType::kOpt || (number >= 128 && number <= 255)) {
    return false;
  }
  // SIG(0), RFC 2931 section 3: a SIG that covers type 0 signs the message that it is in.
  if (type != RrType::kSig || rrset == nullptr) return true;
  for (std::size_t i = 0; i < rrset->size(); ++i) {
    const auto rdata = rrset->rdata(i);
    if (rdata.size() < 2 || (rdata[0] == 0 && rdata[1] == 0)) return false;
  }
  return true;
}

bool SameName(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) return false;
  if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
  return std::equal(a.begin(), a.end(), b.begin(),
                    [](std::uint8_t x, std::uint8_t y) { return FoldCase(x) == FoldCase(y); });
}

}  // namespace

std::uint32_t Negative::TtlAt(TimePoint now) const noexcept {
  if (expires <= now) return 0;
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(expires - now).count());
}

Negative MakeNegative(dns::RrsetPtr soa, std::vector<dns::RrsetPtr> proof, TimePoint now,
                      std::uint32_t max_ttl, dns::Judgement judgement) {
  Negative negative;
  const std::uint32_t ttl = soa == nullptr ? 0 : std::min(dns::NegativeTtl(*soa, now), max_ttl);
  negative.soa = std::move(soa);
  negative.proof = std::move(proof);
  negative.expires = now + std::chrono::seconds(ttl);
  negative.security = judgement.security;
  negative.reason = judgement.reason;
  return negative;
}

//--- What is kept ---

std::size_t RrsetCache::Denial::cost() const noexcept {
  std::size_t octets = sizeof(Denial) + kBlock + name_length + kBlock + soa->cost();
  octets += proof.capacity() * sizeof(dns::RrsetPtr);
  for (const dns::RrsetPtr& rrset : proof) octets += rrset->cost();
  return octets;
}

NegativePtr RrsetCache::Denial::Expand(bool nxdomain) const {
  auto negative = std::make_shared<Negative>();
  // It was written from a Name.
  negative->name = Name::FromWire({name.get(), name_length}).value();
  negative->nxdomain = nxdomain;
  negative->soa = soa;
  negative->proof = proof;
  negative->expires = expires;
  negative->security = security;
  negative->reason = reason;
  return negative;
}

const dns::Rrset& RrsetCache::Entry::rrset() const noexcept {
  return *static_cast<const dns::Rrset*>(what.get());
}

const RrsetCache::Denial& RrsetCache::Entry::denial() const noexcept {
  return *static_cast<const Denial*>(what.get());
}

std::span<const std::uint8_t> RrsetCache::Entry::owner() const noexcept {
  if (kind == Kind::kData) return rrset().owner_wire();
  return {denial().name.get(), denial().name_length};
}

bool RrsetCache::Entry::IsAt(const Name& name) const noexcept {
  return SameName(owner(), name.wire());
}

TimePoint RrsetCache::Entry::expires() const noexcept {
  return kind == Kind::kData ? rrset().expires() : denial().expires;
}

bool RrsetCache::Entry::Outranks(Security security, dns::Trust trust) const noexcept {
  const Security own = kind == Kind::kData ? rrset().security() : denial().security;
  if ((own == Security::kSecure) != (security == Security::kSecure)) {
    return own == Security::kSecure;
  }
  // Of a bogus one anything else is better.
  if (own == Security::kBogus) return false;
  return kind == Kind::kData && rrset().trust() > trust;
}

std::size_t RrsetCache::Entry::cost() const noexcept {
  return Map::EntryCost() + (kind == Kind::kData ? rrset().cost() : denial().cost());
}

//--- The cache ---

RrsetCache::RrsetCache(std::size_t octets) : entries_(octets, kSmallestShard) {}

Found RrsetCache::Find(const Name& name, RrType type, TimePoint now) {
  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  Found found;
  std::shared_ptr<const void> denial;
  bool nxdomain = false;
  {
    auto map = entries_.Lock(hash);
    const auto live = [&](RrType wanted) {
      return map->Find(low, [&](const Entry& entry) {
        return entry.type == wanted && entry.expires() > now && entry.IsAt(name);
      });
    };
    const Entry* entry = live(type);
    if (entry == nullptr) entry = live(RrType::kNone);
    if (entry != nullptr && entry->kind == Entry::Kind::kData) {
      found.rrset = std::static_pointer_cast<const dns::Rrset>(entry->what);
    } else if (entry != nullptr) {
      denial = entry->what;
      nxdomain = entry->kind == Entry::Kind::kNxdomain;
    }
  }
  if (denial != nullptr)
    found.negative = static_cast<const Denial*>(denial.get())->Expand(nxdomain);
  entries_.Count(hash, static_cast<bool>(found));
  return found;
}

NegativePtr RrsetCache::FindNxdomainAbove(const Name& name, TimePoint now) {
  const std::size_t labels = name.LabelCount();
  for (std::size_t up = 1; up < labels; ++up) {
    const Name ancestor = name.Parent(up);
    const std::size_t hash = ancestor.Hash();
    std::shared_ptr<const void> denial;
    {
      auto map = entries_.Lock(hash);
      const Entry* entry = map->Find(entries_.Low(hash), [&](const Entry& e) {
        return e.kind == Entry::Kind::kNxdomain && e.expires() > now && e.IsAt(ancestor);
      });
      if (entry != nullptr) denial = entry->what;
    }
    if (denial != nullptr) return static_cast<const Denial*>(denial.get())->Expand(true);
  }
  return nullptr;
}

// In place of what is there of its type; among kMaxTypes at its name.
bool RrsetCache::Store(Map& map, const Name& name, std::uint32_t hash, Entry entry, TimePoint now) {
  map.Erase(
      hash, [&](const Entry& e) { return e.type == entry.type && e.IsAt(name); }, 1);
  if (map.Count(hash, [&](const Entry& e) { return e.IsAt(name); }) >= kMaxTypes) {
    const auto expired = [&](const Entry& e) { return e.IsAt(name) && e.expires() <= now; };
    if (map.Erase(hash, expired, 1) == 0) {
      map.Erase(
          hash, [&](const Entry& e) { return e.IsAt(name); }, 1);
    }
  }
  const std::size_t cost = entry.cost();
  return map.Insert(hash, std::move(entry), cost);
}

bool RrsetCache::Put(const dns::RrsetPtr& rrset, TimePoint now) {
  if (rrset->size() == 0 || rrset->size() > kMaxRecords || rrset->ExpiredAt(now) ||
      !IsCacheable(rrset->type(), rrset.get())) {
    return false;
  }
  const Name name = rrset->owner();
  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  Entry entry;
  entry.what = rrset;
  entry.type = rrset->type();
  auto map = entries_.Lock(hash);
  const Entry* old =
      map->Peek(low, [&](const Entry& e) { return e.type == entry.type && e.IsAt(name); });
  if (old != nullptr && old->expires() > now && old->Outranks(rrset->security(), rrset->trust())) {
    return false;
  }
  return Store(*map, name, low, std::move(entry), now);
}

bool RrsetCache::PutDenial(const Name& name, Entry::Kind kind, RrType type, Negative negative,
                           TimePoint now) {
  if (negative.soa == nullptr) return false;
  const auto allowed = std::chrono::seconds(dns::NegativeTtl(*negative.soa, now));
  const TimePoint expires = std::min(negative.expires, now + allowed);
  if (expires <= now) return false;

  auto denial = std::make_shared<Denial>();
  denial->name_length = static_cast<std::uint8_t>(name.length());
  denial->name = std::make_unique<std::uint8_t[]>(name.length());
  std::memcpy(denial->name.get(), name.wire().data(), name.length());
  denial->soa = std::move(negative.soa);
  denial->proof = std::move(negative.proof);
  denial->expires = expires;
  denial->security = negative.security;
  denial->reason = negative.reason;
  Entry entry;
  entry.what = std::move(denial);
  entry.type = type;
  entry.kind = kind;

  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  auto map = entries_.Lock(hash);
  const Entry* old = map->Peek(low, [&](const Entry& e) { return e.type == type && e.IsAt(name); });
  // It yields to what the answer of an authoritative server said.
  if (old != nullptr && old->expires() > now &&
      old->Outranks(entry.denial().security, dns::Trust::kNonAuthAnswer)) {
    return false;
  }
  return Store(*map, name, low, std::move(entry), now);
}

bool RrsetCache::PutNodata(const Name& name, RrType type, Negative negative, TimePoint now) {
  if (!IsCacheable(type, nullptr)) return false;
  return PutDenial(name, Entry::Kind::kNodata, type, std::move(negative), now);
}

bool RrsetCache::PutNxdomain(const Name& name, Negative negative, TimePoint now) {
  return PutDenial(name, Entry::Kind::kNxdomain, RrType::kNone, std::move(negative), now);
}

std::size_t RrsetCache::Flush(const Name& name) {
  const std::size_t hash = name.Hash();
  return entries_.Lock(hash)->Erase(entries_.Low(hash),
                                    [&](const Entry& e) { return e.IsAt(name); });
}

std::size_t RrsetCache::Flush(const Name& name, RrType type) {
  const std::size_t hash = name.Hash();
  return entries_.Lock(hash)->Erase(entries_.Low(hash), [&](const Entry& e) {
    return (e.type == type || e.type == RrType::kNone) && e.IsAt(name);
  });
}

std::size_t RrsetCache::FlushBelow(const Name& name) {
  std::size_t gone = 0;
  entries_.Walk([&](const Entry& entry) {
    const bool below = Name::FromWire(entry.owner()).value().IsAtOrBelow(name);
    if (below) ++gone;
    return below;
  });
  return gone;
}

}  // namespace resolve64::cache
