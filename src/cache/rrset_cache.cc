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

namespace {

NegativePtr Expand(const KeptDenial& denial) {
  auto negative = std::make_shared<Negative>();
  // It was written from a Name.
  negative->name = Name::FromWire(denial.name()).value();
  negative->nxdomain = denial.nxdomain();
  negative->soa = denial.soa().For(denial.expires());
  negative->proof.assign(denial.proof().begin(), denial.proof().end());
  negative->expires = denial.expires().ToTime();
  negative->security = denial.security();
  negative->reason = denial.reason();
  return negative;
}

}  // namespace

//--- What is kept ---

RrsetCache::Entry::Entry(dns::RrsetPtr rrset) noexcept
    : at_(reinterpret_cast<const std::byte*>(rrset.Detach())) {}

RrsetCache::Entry::Entry(KeptDenialPtr denial) noexcept
    : at_(reinterpret_cast<const std::byte*>(denial.Detach()) + kDenial) {}

RrsetCache::Entry::~Entry() {
  if (is_denial()) {
    denial().Release();
  } else if (at_ != nullptr) {
    rrset().Release();
  }
}

const dns::Rrset& RrsetCache::Entry::rrset() const noexcept {
  return *reinterpret_cast<const dns::Rrset*>(at_);
}

const KeptDenial& RrsetCache::Entry::denial() const noexcept {
  return *reinterpret_cast<const KeptDenial*>(at_ - kDenial);
}

RrType RrsetCache::Entry::type() const noexcept {
  return is_denial() ? denial().type() : rrset().type();
}

std::span<const std::uint8_t> RrsetCache::Entry::owner() const noexcept {
  return is_denial() ? denial().name() : rrset().owner_wire();
}

bool RrsetCache::Entry::IsAt(const Name& name) const noexcept {
  return SameName(owner(), name.wire());
}

TimePoint RrsetCache::Entry::expires() const noexcept {
  return is_denial() ? denial().expires().ToTime() : rrset().expires();
}

bool RrsetCache::Entry::Outranks(Security security, dns::Trust trust) const noexcept {
  const Security own = is_denial() ? denial().security() : rrset().security();
  if ((own == Security::kSecure) != (security == Security::kSecure)) {
    return own == Security::kSecure;
  }
  // Of a bogus one anything else is better.
  if (own == Security::kBogus) return false;
  return !is_denial() && rrset().trust() > trust;
}

std::size_t RrsetCache::Entry::cost() const noexcept {
  return is_denial() ? denial().cost() : rrset().cost();
}

// A sparse span has room for the copy, so that there is nothing to go wrong.
void RrsetCache::Entry::Settle() noexcept {
  if (is_denial()) {
    auto mine = KeptDenialPtr::Adopt(&denial());
    auto settled = KeptDenial::Settled(mine);
    at_ = reinterpret_cast<const std::byte*>(settled.Detach()) + kDenial;
  } else {
    auto mine = dns::RrsetPtr::Adopt(&rrset());
    auto settled = dns::Settled(mine);
    at_ = reinterpret_cast<const std::byte*>(settled.Detach());
  }
}

//--- The cache ---

RrsetCache::RrsetCache(std::size_t octets) : entries_(octets, kSmallestShard) {}

Found RrsetCache::Find(const Name& name, RrType type, TimePoint now) {
  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  Found found;
  KeptDenialPtr denial;
  {
    auto map = entries_.Lock(hash);
    const auto live = [&](RrType wanted) {
      return map->Find(low, [&](const Entry& entry) {
        return entry.type() == wanted && entry.expires() > now && entry.IsAt(name);
      });
    };
    const Entry* entry = live(type);
    if (entry == nullptr) entry = live(RrType::kNone);
    if (entry != nullptr && entry->is_denial()) {
      denial = KeptDenialPtr::Share(&entry->denial());
    } else if (entry != nullptr) {
      found.rrset = dns::RrsetPtr::Share(&entry->rrset());
    }
  }
  if (denial != nullptr) found.negative = Expand(*denial);
  entries_.Count(hash, static_cast<bool>(found));
  return found;
}

bool RrsetCache::Has(const Name& name, RrType type, TimePoint now) {
  const std::size_t hash = name.Hash();
  auto map = entries_.Lock(hash);
  return map->Peek(entries_.Low(hash), [&](const Entry& entry) {
    const bool answers =
        entry.type() == type || entry.type() == RrType::kNone || entry.type() == RrType::kCname;
    return answers && entry.expires() > now && entry.IsAt(name);
  }) != nullptr;
}

NegativePtr RrsetCache::FindNxdomainAbove(const Name& name, TimePoint now) {
  const std::size_t labels = name.LabelCount();
  for (std::size_t up = 1; up < labels; ++up) {
    const Name ancestor = name.Parent(up);
    const std::size_t hash = ancestor.Hash();
    KeptDenialPtr denial;
    {
      auto map = entries_.Lock(hash);
      const Entry* entry = map->Find(entries_.Low(hash), [&](const Entry& e) {
        return e.type() == RrType::kNone && e.expires() > now && e.IsAt(ancestor);
      });
      if (entry != nullptr) denial = KeptDenialPtr::Share(&entry->denial());
    }
    if (denial != nullptr) return Expand(*denial);
  }
  return nullptr;
}

// In place of what is there of its type; among kMaxTypes at its name.
bool RrsetCache::Store(Map& map, const Name& name, std::uint32_t hash, Entry entry, TimePoint now) {
  const RrType type = entry.type();
  const auto same = [&](const Entry& e) { return e.type() == type && e.IsAt(name); };
  const auto at_name = [&](const Entry& e) { return e.IsAt(name); };
  if (map.Count(hash, at_name) >= kMaxTypes && map.Peek(hash, same) == nullptr) {
    const auto expired = [&](const Entry& e) { return e.IsAt(name) && e.expires() <= now; };
    if (map.Erase(hash, expired, 1) == 0) map.Erase(hash, at_name, 1);
  }
  return map.Put(hash, same, std::move(entry));
}

bool RrsetCache::Put(const dns::RrsetPtr& rrset, TimePoint now) {
  if (rrset->size() == 0 || rrset->size() > kMaxRecords || rrset->ExpiredAt(now) ||
      !IsCacheable(rrset->type(), rrset.get())) {
    return false;
  }
  const Name name = rrset->owner();
  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  auto map = entries_.Lock(hash);
  const Entry* old =
      map->Peek(low, [&](const Entry& e) { return e.type() == rrset->type() && e.IsAt(name); });
  if (old != nullptr && old->expires() > now && old->Outranks(rrset->security(), rrset->trust())) {
    return false;
  }
  return Store(*map, name, low, Entry(rrset), now);
}

bool RrsetCache::PutDenial(const Name& name, bool nxdomain, RrType type, const Negative& negative,
                           TimePoint now) {
  if (negative.soa == nullptr) return false;
  const auto allowed = std::chrono::seconds(dns::NegativeTtl(*negative.soa, now));
  KeptDenial::Parts parts;
  parts.nxdomain = nxdomain;
  parts.type = type;
  parts.security = negative.security;
  parts.reason = negative.reason;
  parts.expires = dns::Expiry(std::min(negative.expires, now + allowed));
  if (parts.expires.ToTime() <= now) return false;

  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  auto map = entries_.Lock(hash);
  const Entry* old =
      map->Peek(low, [&](const Entry& e) { return e.type() == type && e.IsAt(name); });
  // It yields to what the answer of an authoritative server said.
  if (old != nullptr && old->expires() > now &&
      old->Outranks(parts.security, dns::Trust::kNonAuthAnswer)) {
    return false;
  }
  SharedSoaPtr soa = map->policy().soas.Take(negative.soa, parts.expires);
  Entry entry(KeptDenial::Make(name, parts, std::move(soa), negative.proof));
  return Store(*map, name, low, std::move(entry), now);
}

bool RrsetCache::PutNodata(const Name& name, RrType type, const Negative& negative, TimePoint now) {
  if (!IsCacheable(type, nullptr)) return false;
  return PutDenial(name, false, type, negative, now);
}

bool RrsetCache::PutNxdomain(const Name& name, const Negative& negative, TimePoint now) {
  return PutDenial(name, true, RrType::kNone, negative, now);
}

std::size_t RrsetCache::Flush(const Name& name) {
  const std::size_t hash = name.Hash();
  return entries_.Lock(hash)->Erase(entries_.Low(hash),
                                    [&](const Entry& e) { return e.IsAt(name); });
}

std::size_t RrsetCache::Flush(const Name& name, RrType type) {
  const std::size_t hash = name.Hash();
  return entries_.Lock(hash)->Erase(entries_.Low(hash), [&](const Entry& e) {
    return (e.type() == type || e.type() == RrType::kNone) && e.IsAt(name);
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
