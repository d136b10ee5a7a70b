#include "cache/kept_denial.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/hash.h"
#include "base/slab.h"

namespace resolve64::cache {
namespace {

constexpr std::uint32_t kNever = 0xFFFFFFFF;  // the lag of what does not expire

}  // namespace

//--- SharedSoa ---

bool SharedSoa::StandsFor(const dns::Rrset& soa, std::uint32_t lag) const noexcept {
  const auto same_pieces = [](std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return std::ranges::equal(a, b);
  };
  const dns::Rrset& mine = *soa_;
  if (lag_ != lag || mine.ttl() != soa.ttl() || mine.size() != soa.size() ||
      mine.signature_count() != soa.signature_count() || mine.trust() != soa.trust() ||
      mine.security() != soa.security() || mine.reason() != soa.reason() || !mine.proof().empty() ||
      !soa.proof().empty() || !same_pieces(mine.owner_wire(), soa.owner_wire())) {
    return false;
  }
  for (std::size_t i = 0; i < soa.size(); ++i) {
    if (!same_pieces(mine.rdata(i), soa.rdata(i))) return false;
  }
  for (std::size_t i = 0; i < soa.signature_count(); ++i) {
    if (!same_pieces(mine.signature(i), soa.signature(i))) return false;
  }
  return true;
}

dns::RrsetPtr SharedSoa::For(dns::Expiry expires) const {
  return lag_ == kNever ? soa_ : dns::WithExpiry(soa_, expires.Later(lag_));
}

std::size_t SharedSoa::cost() const noexcept { return soa_->cost(); }

//--- KeptDenial ---

KeptDenial::KeptDenial(SharedSoaPtr soa, const Parts& parts) noexcept
    : expires_(parts.expires),
      soa_(std::move(soa)),
      type_(parts.type),
      security_(parts.security),
      nxdomain_(parts.nxdomain) {}

KeptDenialPtr KeptDenial::Make(const Name& name, const Parts& parts, SharedSoaPtr soa,
                               const std::vector<dns::RrsetPtr>& proof) {
  const auto reason = static_cast<std::uint8_t>(parts.reason.value_or(Ede::kOther));
  const auto* list = proof.empty() ? nullptr : new Proof(proof.begin(), proof.end());
  std::size_t size = kHeader + name.length();
  if (reason != 0) ++size;
  if (list != nullptr) size += sizeof(void*);
  auto* denial =
      new (slab::Allocate(std::max(size, sizeof(KeptDenial)))) KeptDenial(std::move(soa), parts);
  auto* at = reinterpret_cast<std::uint8_t*>(denial) + kHeader;
  std::memcpy(at, name.wire().data(), name.length());
  at += name.length();
  if (reason != 0) *at++ = reason;
  if (list != nullptr) std::memcpy(at, &list, sizeof(void*));
  denial->name_length_ = static_cast<std::uint8_t>(name.length());
  denial->has_reason_ = reason != 0;
  denial->has_proof_ = list != nullptr;
  return KeptDenialPtr::Adopt(denial);
}

KeptDenialPtr KeptDenial::Settled(const KeptDenialPtr& denial) {
  const bool alone = denial->owners_.load(std::memory_order_relaxed) == 1;
  if (!alone || !slab::IsSparse(denial.get(), denial->BlockSize())) return denial;
  Parts parts;
  parts.nxdomain = denial->nxdomain_;
  parts.type = denial->type_;
  parts.security = denial->security_;
  parts.reason = denial->reason();
  parts.expires = denial->expires_;
  // It was written from a Name.
  const Name name = Name::FromWire(denial->name()).value();
  return Make(name, parts, denial->soa_, denial->has_proof_ ? *denial->proof_list() : Proof());
}

std::optional<Ede> KeptDenial::reason() const noexcept {
  if (!has_reason_) return std::nullopt;
  return static_cast<Ede>(tail()[name_length_]);
}

const KeptDenial::Proof* KeptDenial::proof_list() const noexcept {
  const void* list = nullptr;
  std::memcpy(&list, tail() + name_length_ + (has_reason_ ? 1 : 0), sizeof list);
  return static_cast<const Proof*>(list);
}

std::span<const dns::RrsetPtr> KeptDenial::proof() const noexcept {
  if (!has_proof_) return {};
  return *proof_list();
}

std::size_t KeptDenial::BlockSize() const noexcept {
  const std::size_t size =
      kHeader + name_length_ + (has_reason_ ? 1 : 0) + (has_proof_ ? sizeof(void*) : 0);
  return std::max(size, sizeof(KeptDenial));
}

std::size_t KeptDenial::cost() const noexcept {
  std::size_t cost = slab::Cost(BlockSize());
  if (!has_proof_) return cost;
  const Proof& list = *proof_list();
  cost +=
      slab::MallocCost(sizeof(Proof)) + slab::MallocCost(list.capacity() * sizeof(dns::RrsetPtr));
  for (const dns::RrsetPtr& rrset : list) cost += rrset->cost();
  return cost;
}

void KeptDenial::Destroy() const noexcept {
  if (has_proof_) delete proof_list();
  const std::size_t size = BlockSize();
  this->~KeptDenial();
  slab::Free(const_cast<KeptDenial*>(this), size);
}

//--- SoaTable ---

std::size_t SoaTable::CostOf(const SharedSoa& shared) noexcept {
  constexpr std::size_t kNode = 3 * sizeof(void*);  // of the table, and a word of its index
  return slab::MallocCost(sizeof(SharedSoa)) + slab::MallocCost(kNode) + 2 * sizeof(void*) +
         shared.cost();
}

SharedSoaPtr SoaTable::Take(const dns::RrsetPtr& soa, dns::Expiry expires) {
  const dns::Expiry end(soa->expires());
  const bool ages = soa->expires() != TimePoint::max() && end.ticks() >= expires.ticks();
  const std::uint32_t lag = ages ? end.ticks() - expires.ticks() : kNever;
  SharedSoaPtr& newest = newest_[HashFolded(soa->owner_wire())];
  if (newest == nullptr || !newest->StandsFor(*soa, lag)) {
    newest = SharedSoaPtr::Adopt(new SharedSoa(soa, lag));
    cost_ += CostOf(*newest);
  }
  ++newest->users_;
  return newest;
}

void SoaTable::Drop(const SharedSoa& shared) noexcept {
  if (--shared.users_ != 0) return;
  cost_ -= CostOf(shared);
  const auto at = newest_.find(HashFolded(shared.soa().owner_wire()));
  if (at != newest_.end() && at->second.get() == &shared) newest_.erase(at);
}

}  // namespace resolve64::cache
