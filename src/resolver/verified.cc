#include "resolver/verified.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/hash.h"

namespace resolve64::resolver {
namespace {

bool SameOctets(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool Same(const dns::Rrset& a, const dns::Rrset& b) {
  if (&a == &b) return true;
  if (a.type() != b.type() || a.size() != b.size() || a.signature_count() != b.signature_count() ||
      !(a.owner() == b.owner())) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!SameOctets(a.rdata(i), b.rdata(i))) return false;
  }
  for (std::size_t i = 0; i < a.signature_count(); ++i) {
    if (!SameOctets(a.signature(i), b.signature(i))) return false;
  }
  return true;
}

}  // namespace

// The first signature stands for the records that it signs.
std::size_t Verified::IndexOf(const dns::Rrset& rrset) {
  std::size_t hash = rrset.owner().Hash();
  if (rrset.signature_count() > 0) hash ^= HashOctets(rrset.signature(0));
  return rrset.cost() <= kSmall ? hash % kSmallSlots : kSmallSlots + hash % kLargeSlots;
}

std::unique_ptr<dnssec::Verdict> Verified::Find(const dns::Rrset& rrset,
                                                const dnssec::KeySetPtr& keys,
                                                TimePoint now) const {
  const Slot& slot = slots_[IndexOf(rrset)];
  if (slot.rrset == nullptr || slot.keys != keys || !Same(*slot.rrset, rrset)) return nullptr;
  const bool good = slot.verdict.security == Security::kSecure;
  const auto age = std::chrono::ceil<std::chrono::seconds>(now - slot.at);
  if (age > (good ? kGoodFor : kBadFor)) return nullptr;
  auto verdict = std::make_unique<dnssec::Verdict>(slot.verdict);
  if (!good) return verdict;
  // The TTL is that of the records at hand; the signature is as old as it is.
  const std::int64_t left = verdict->expires_in - age.count();
  if (left < 1) return nullptr;
  verdict->max_ttl = static_cast<std::uint32_t>(std::max<std::int64_t>(
      std::min({left, std::int64_t{rrset.ttl()}, std::int64_t{verdict->original_ttl}}), 1));
  return verdict;
}

void Verified::Put(dns::RrsetPtr rrset, dnssec::KeySetPtr keys, const dnssec::Verdict& verdict,
                   TimePoint now) {
  if (rrset->cost() > kLargest) return;
  Slot& slot = slots_[IndexOf(*rrset)];
  slot.rrset = std::move(rrset);
  slot.keys = std::move(keys);
  slot.verdict = verdict;
  slot.at = now;
}

}  // namespace resolve64::resolver
