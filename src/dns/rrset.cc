#include "dns/rrset.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/hash.h"
#include "base/slab.h"

namespace resolve64::dns {
namespace {

constexpr std::uint32_t kTopBit = 0x80000000;
constexpr std::uint32_t kLargestTtl = 0x7FFFFFFF;  // RFC 2181 section 8
constexpr std::size_t kLargestSet = 65535;         // octets: all that one message can bring
constexpr std::size_t kSoaNumbers = 20;            // octets behind the two names of an SOA

// How long a record of `type` is, where all of them are of one length. Otherwise 0.
constexpr std::size_t FixedLength(RrType type) {
  constexpr std::size_t kA = 4;
  constexpr std::size_t kAaaa = 16;
  return type == RrType::kA ? kA : type == RrType::kAaaa ? kAaaa : 0;
}

std::uint32_t Hash32(std::span<const std::uint8_t> octets) {
  return static_cast<std::uint32_t>(HashOctets(octets));
}

}  // namespace

//--- Expiry ---

Expiry::Expiry(TimePoint at) noexcept {
  if (at == TimePoint::max()) {
    ticks_ = kNever;
    return;
  }
  const Duration since = std::max(at.time_since_epoch(), Duration::zero());
  ticks_ = static_cast<std::uint32_t>(std::min<std::int64_t>(since / kTick, kNever - 1));
}

Expiry Expiry::Later(std::uint32_t ticks) const noexcept {
  Expiry later;
  const std::uint64_t sum = std::uint64_t{ticks_} + ticks;
  later.ticks_ = ticks_ == kNever
                     ? kNever
                     : static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, kNever - 1));
  return later;
}

TimePoint Expiry::ToTime() const noexcept {
  return ticks_ == kNever ? TimePoint::max() : TimePoint(ticks_ * kTick);
}

//--- Rrset ---

void Rrset::Destroy() const noexcept {
  if (has_proof_) delete proof_list();
  const std::size_t size = BlockSize();
  this->~Rrset();
  slab::Free(const_cast<Rrset*>(this), size);
}

Rrset* Rrset::Copy() const {
  const std::size_t size = BlockSize();
  const auto* proof = has_proof_ ? new Proof(*proof_list()) : nullptr;
  auto* copy = new (slab::Allocate(size)) Rrset;
  auto* to = reinterpret_cast<std::uint8_t*>(copy);
  std::memcpy(to + sizeof(Rrset), tail(), size - sizeof(Rrset));
  if (proof != nullptr) std::memcpy(to + size - sizeof(void*), &proof, sizeof(void*));
  copy->expires_ = expires_;
  copy->ttl_ = ttl_;
  copy->has_reason_ = has_reason_;
  copy->type_ = type_;
  copy->owner_length_ = owner_length_;
  copy->trust_ = trust_;
  copy->security_ = security_;
  copy->layout_ = layout_;
  copy->has_proof_ = has_proof_;
  return copy;
}

const Rrset::Proof* Rrset::proof_list() const noexcept {
  const void* list = nullptr;
  std::memcpy(&list, after_records() + has_reason_, sizeof list);
  return static_cast<const Proof*>(list);
}

std::span<const RrsetPtr> Rrset::proof() const noexcept {
  if (!has_proof_) return {};
  return *proof_list();
}

std::optional<Ede> Rrset::reason() const noexcept {
  if (has_reason_ == 0) return std::nullopt;
  return static_cast<Ede>(*after_records());
}

const std::uint8_t* Rrset::octets() const noexcept {
  switch (layout_) {
    case Layout::kMany:
      return tail() + (std::size_t{2} + Short(0) + Short(1)) * sizeof(std::uint16_t);
    case Layout::kOne:
      return tail() + sizeof(std::uint16_t);
    case Layout::kFixed:
      break;
  }
  return tail();
}

std::size_t Rrset::OctetCount() const noexcept {
  switch (layout_) {
    case Layout::kMany: {
      const std::size_t pieces = std::size_t{Short(0)} + Short(1);
      return pieces == 0 ? 0 : Short(1 + pieces);
    }
    case Layout::kOne:
      return Short(0);
    case Layout::kFixed:
      break;
  }
  return FixedLength(type_);
}

std::size_t Rrset::BlockSize() const noexcept {
  const auto tail_size = static_cast<std::size_t>(after_records() - tail());
  return sizeof(Rrset) + tail_size + has_reason_ + (has_proof_ ? sizeof(void*) : 0);
}

std::span<const std::uint8_t> Rrset::Piece(std::size_t i) const noexcept {
  const std::uint8_t* begin = octets() + owner_length_;
  if (layout_ != Layout::kMany) return {begin, OctetCount()};
  const std::uint16_t* ends = shorts() + 2;
  const std::size_t from = i == 0 ? 0 : ends[i - 1];
  return {begin + from, ends[i] - from};
}

Name Rrset::owner() const noexcept {
  // It was written from a Name.
  return Name::FromWire({octets(), owner_length_}).value();
}

std::uint32_t Rrset::TtlAt(TimePoint now) const noexcept {
  if (trust_ == Trust::kLocal) return ttl_;
  if (ExpiredAt(now)) return 0;
  // Rounded up: what is alive never has a TTL of 0, which says something else (RFC 1035
  // section 3.2.1).
  const auto left = std::chrono::ceil<std::chrono::seconds>(expires() - now).count();
  return static_cast<std::uint32_t>(std::min<std::int64_t>(left, ttl_));
}

std::span<const std::uint8_t> Rrset::signature(std::size_t i) const noexcept {
  return Piece(size() + i);
}

std::size_t Rrset::cost() const noexcept {
  std::size_t cost = slab::Cost(BlockSize());
  if (!has_proof_) return cost;
  const Proof& list = *proof_list();
  cost += slab::MallocCost(sizeof(Proof)) + slab::MallocCost(list.capacity() * sizeof(RrsetPtr));
  for (const RrsetPtr& rrset : list) cost += rrset->cost();
  return cost;
}

//--- RrsetBuilder ---

bool RrsetBuilder::Pieces::Has(std::span<const std::uint8_t> piece,
                               std::uint32_t hash) const noexcept {
  std::size_t begin = 0;
  for (const Mark& mark : marks) {
    const bool equal =
        mark.hash == hash && mark.end - begin == piece.size() &&
        std::equal(piece.begin(), piece.end(), octets.begin() + static_cast<std::ptrdiff_t>(begin));
    if (equal) return true;
    begin = mark.end;
  }
  return false;
}

RrsetBuilder::RrsetBuilder(const Name& owner, RrType type) : owner_(owner), type_(type) {}

RrsetBuilder::RrsetBuilder(const Rrset& rrset, const Name& owner)
    : RrsetBuilder(owner, rrset.type()) {
  for (std::size_t i = 0; i < rrset.size(); ++i) Add(rrset.rdata(i), rrset.ttl());
  for (std::size_t i = 0; i < rrset.signature_count(); ++i) {
    AddSignature(rrset.signature(i), rrset.ttl());
  }
}

bool RrsetBuilder::AddTo(Pieces& pieces, std::span<const std::uint8_t> rdata, std::uint32_t ttl) {
  const std::uint32_t hash = Hash32(rdata);
  if (!pieces.Has(rdata, hash)) {
    const std::size_t held = owner_.length() + rdata_.octets.size() + signatures_.octets.size();
    if (rdata.size() > kLargestSet - std::min(held, kLargestSet)) return false;
    if (rdata_.marks.size() + signatures_.marks.size() >= kLargestSet) return false;
    pieces.octets.insert(pieces.octets.end(), rdata.begin(), rdata.end());
    pieces.marks.push_back({static_cast<std::uint16_t>(pieces.octets.size()), hash});
  }
  ttl_ = std::min(ttl_, (ttl & kTopBit) != 0 ? kLargestTtl : ttl);
  return true;
}

bool RrsetBuilder::Add(std::span<const std::uint8_t> rdata, std::uint32_t ttl) {
  return AddTo(rdata_, rdata, ttl);
}

bool RrsetBuilder::AddSignature(std::span<const std::uint8_t> rdata, std::uint32_t ttl) {
  return AddTo(signatures_, rdata, ttl);
}

Rrset* RrsetBuilder::Assemble(std::uint8_t reason) const {
  using Layout = Rrset::Layout;
  const std::size_t records = rdata_.marks.size();
  const std::size_t signatures = signatures_.marks.size();
  const std::size_t octets = rdata_.octets.size() + signatures_.octets.size();
  Layout layout = Layout::kMany;
  std::size_t shorts = 2 + records + signatures;
  if (records == 1 && signatures == 0) {
    const bool fixed = octets != 0 && octets == FixedLength(type_);
    layout = fixed ? Layout::kFixed : Layout::kOne;
    shorts = fixed ? 0 : 1;
  }
  // Memory for the vector first: what throws later would leave the block behind.
  const auto* proof = proof_.empty() ? nullptr : new Rrset::Proof(proof_.begin(), proof_.end());
  const std::size_t size = sizeof(Rrset) + shorts * sizeof(std::uint16_t) + owner_.length() +
                           octets + (reason != 0 ? 1 : 0) + (proof != nullptr ? sizeof(void*) : 0);
  auto* rrset = new (slab::Allocate(size)) Rrset;

  auto* at = reinterpret_cast<std::byte*>(rrset + 1);
  const auto write = [&at](const void* from, std::size_t count) {
    if (count != 0) std::memcpy(at, from, count);
    at += count;
  };
  const auto write_short = [&write](std::size_t value) {
    const auto number = static_cast<std::uint16_t>(value);
    write(&number, sizeof number);
  };
  if (layout == Layout::kOne) write_short(octets);
  if (layout == Layout::kMany) {
    write_short(records);
    write_short(signatures);
    for (const Pieces::Mark& mark : rdata_.marks) write_short(mark.end);
    for (const Pieces::Mark& mark : signatures_.marks) {
      write_short(rdata_.octets.size() + mark.end);
    }
  }
  write(owner_.wire().data(), owner_.length());
  write(rdata_.octets.data(), rdata_.octets.size());
  write(signatures_.octets.data(), signatures_.octets.size());
  if (reason != 0) write(&reason, sizeof reason);
  if (proof != nullptr) write(&proof, sizeof(void*));

  rrset->type_ = type_;
  rrset->owner_length_ = static_cast<std::uint8_t>(owner_.length());
  rrset->layout_ = layout;
  rrset->has_reason_ = reason != 0;
  rrset->has_proof_ = proof != nullptr;
  return rrset;
}

RrsetPtr RrsetBuilder::Build(TimePoint now, Trust trust, std::uint32_t min_ttl,
                             std::uint32_t max_ttl) const {
  Rrset* rrset = Assemble();
  const std::uint32_t ttl = std::min(std::max(ttl_, min_ttl), max_ttl) & kLargestTtl;
  rrset->ttl_ = ttl & kLargestTtl;
  rrset->expires_ = Expiry(now + std::chrono::seconds(ttl));
  rrset->trust_ = trust;
  return RrsetPtr::Adopt(rrset);
}

RrsetPtr RrsetBuilder::BuildLocal() const {
  Rrset* rrset = Assemble();
  rrset->ttl_ = ttl_ & kLargestTtl;
  rrset->expires_ = Expiry(TimePoint::max());
  rrset->trust_ = Trust::kLocal;
  return RrsetPtr::Adopt(rrset);
}

RrsetPtr Certify(const Rrset& rrset, Judgement judgement, std::uint32_t max_ttl, TimePoint now,
                 std::vector<RrsetPtr> proof, const Name* owner) {
  const auto reason = static_cast<std::uint8_t>(judgement.reason.value_or(Ede::kOther));
  Rrset* certified = nullptr;
  if (owner == nullptr && proof.empty() && !rrset.has_proof_ && reason == 0 &&
      rrset.has_reason_ == 0) {
    certified = rrset.Copy();
  } else {
    RrsetBuilder builder(rrset, owner != nullptr ? *owner : rrset.owner());
    builder.SetProof(std::move(proof));
    certified = builder.Assemble(reason);
  }
  const std::uint32_t ttl = std::min(rrset.TtlAt(now), max_ttl);
  certified->ttl_ = ttl & kLargestTtl;
  certified->expires_ = Expiry(std::min(rrset.expires(), now + std::chrono::seconds(ttl)));
  certified->trust_ = rrset.trust();
  certified->security_ = judgement.security;
  return RrsetPtr::Adopt(certified);
}

RrsetPtr WithExpiry(const RrsetPtr& rrset, Expiry expires) {
  if (rrset->expires_.ticks() == expires.ticks()) return rrset;
  Rrset* copy = rrset->Copy();
  copy->expires_ = expires;
  return RrsetPtr::Adopt(copy);
}

RrsetPtr Settled(const RrsetPtr& rrset) {
  const bool alone = rrset->owners_.load(std::memory_order_relaxed) == 1;
  if (!alone || !slab::IsSparse(rrset.get(), rrset->BlockSize())) return rrset;
  return RrsetPtr::Adopt(rrset->Copy());
}

RrsetPtr MakeRrset(const Name& owner, RrType type, std::uint32_t ttl,
                   std::span<const std::uint8_t> rdata, TimePoint now, Trust trust) {
  RrsetBuilder builder(owner, type);
  builder.Add(rdata, ttl);
  return trust == Trust::kLocal ? builder.BuildLocal() : builder.Build(now, trust);
}

Name TargetOf(std::span<const std::uint8_t> rdata) {
  const Result<Name> name = Name::FromWire(rdata);
  return name ? *name : Name();
}

std::uint32_t SoaMinimum(std::span<const std::uint8_t> rdata) {
  // The names were judged when the record came: here it is enough to find their ends.
  for (int names = 0; names < 2; ++names) {
    std::size_t label = 0;
    do {
      if (rdata.empty()) return 0;
      label = rdata[0];
      if (label + 1 > rdata.size()) return 0;
      rdata = rdata.subspan(label + 1);
    } while (label != 0);
  }
  if (rdata.size() != kSoaNumbers) return 0;
  const auto minimum = rdata.last(4);
  const std::uint32_t value = std::uint32_t{minimum[0]} << 24 | std::uint32_t{minimum[1]} << 16 |
                              std::uint32_t{minimum[2]} << 8 | minimum[3];
  return std::min(value, kLargestTtl);
}

std::uint32_t NegativeTtl(const Rrset& soa, TimePoint now) {
  if (soa.size() == 0) return 0;
  const std::uint32_t whole = std::min(soa.ttl(), SoaMinimum(soa.rdata(0)));
  const std::uint32_t passed = soa.ttl() - soa.TtlAt(now);
  return whole > passed ? whole - passed : 0;
}

}  // namespace resolve64::dns
