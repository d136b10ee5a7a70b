#include "dns/rrset.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/hash.h"

namespace resolve64::dns {
namespace {

constexpr std::uint32_t kTopBit = 0x80000000;
constexpr std::uint32_t kLargestTtl = 0x7FFFFFFF;  // RFC 2181 section 8
constexpr std::size_t kLargestSet = 65535;         // octets: all that one message can bring
constexpr std::size_t kSoaNumbers = 20;            // octets behind the two names of an SOA

// What std::allocate_shared asks for, and `extra` octets behind it in the same block.
struct TailRequest {
  std::size_t extra;
  std::byte* tail = nullptr;  // where they are, once they have been given
};

template <class T>
class TailAllocator {
 public:
  using value_type = T;

  explicit TailAllocator(TailRequest& request) noexcept : request_(&request) {}
  template <class U>
  TailAllocator(const TailAllocator<U>& other) noexcept  // NOLINT(*-explicit-*): rebinding
      : request_(other.request_) {}

  T* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(T);
    auto* block = static_cast<std::byte*>(::operator new(size + request_->extra));
    request_->tail = block + size;
    return reinterpret_cast<T*>(block);
  }
  // Runs long after the request is gone, and does not need it.
  void deallocate(T* block, std::size_t /*count*/) noexcept { ::operator delete(block); }

  friend bool operator==(const TailAllocator&, const TailAllocator&) noexcept { return true; }

 private:
  template <class U>
  friend class TailAllocator;
  TailRequest* request_;
};

// What the object costs besides its tail: the counts and the allocator that allocate_shared adds,
// and the word in front of every block of malloc.
constexpr std::size_t kOverhead = sizeof(Rrset) + 4 * sizeof(void*);

std::uint32_t Hash32(std::span<const std::uint8_t> octets) {
  return static_cast<std::uint32_t>(HashOctets(octets));
}

}  // namespace

Rrset::Rrset(Key /*key*/, std::byte* const& tail) noexcept
    : tail_offset_(static_cast<std::uint16_t>(tail - reinterpret_cast<std::byte*>(this))) {}

Rrset::~Rrset() {
  if (has_proof_) delete proof_list();
}

const Rrset::Proof* Rrset::proof_list() const noexcept {
  const void* list = nullptr;
  std::memcpy(&list, octets() + owner_length_ + OctetCount(), sizeof list);
  return static_cast<const Proof*>(list);
}

std::span<const RrsetPtr> Rrset::proof() const noexcept {
  if (!has_proof_) return {};
  return *proof_list();
}

// Of RDATA and signatures together.
std::size_t Rrset::OctetCount() const noexcept {
  const std::size_t pieces = std::size_t{count_} + signatures_;
  return pieces == 0 ? std::size_t{0} : ends()[pieces - 1];
}

const std::uint16_t* Rrset::ends() const noexcept {
  return reinterpret_cast<const std::uint16_t*>(reinterpret_cast<const std::byte*>(this) +
                                                tail_offset_);
}

const std::uint8_t* Rrset::octets() const noexcept {
  return reinterpret_cast<const std::uint8_t*>(ends() + count_ + signatures_);
}

std::span<const std::uint8_t> Rrset::Piece(std::size_t i) const noexcept {
  const std::size_t begin = i == 0 ? 0 : ends()[i - 1];
  return {octets() + owner_length_ + begin, ends()[i] - begin};
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
  const auto left = std::chrono::ceil<std::chrono::seconds>(expires_ - now).count();
  return static_cast<std::uint32_t>(std::min<std::int64_t>(left, ttl_));
}

std::span<const std::uint8_t> Rrset::rdata(std::size_t i) const noexcept { return Piece(i); }

std::span<const std::uint8_t> Rrset::signature(std::size_t i) const noexcept {
  return Piece(count_ + i);
}

std::size_t Rrset::cost() const noexcept {
  const std::size_t pieces = std::size_t{count_} + signatures_;
  std::size_t cost = kOverhead + pieces * sizeof(std::uint16_t) + owner_length_ + OctetCount();
  if (!has_proof_) return cost;
  const Proof& list = *proof_list();
  cost += sizeof(void*) + sizeof(Proof) + list.capacity() * sizeof(RrsetPtr);
  for (const RrsetPtr& rrset : list) cost += rrset->cost();
  return cost;
}

bool RrsetBuilder::Pieces::Has(std::span<const std::uint8_t> piece,
                               std::uint32_t hash) const noexcept {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); begin = ends[i++]) {
    if (hashes[i] != hash || ends[i] - begin != piece.size()) continue;
    if (std::equal(piece.begin(), piece.end(),
                   octets.begin() + static_cast<std::ptrdiff_t>(begin))) {
      return true;
    }
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
    if (rdata_.ends.size() + signatures_.ends.size() >= kLargestSet) return false;
    pieces.octets.insert(pieces.octets.end(), rdata.begin(), rdata.end());
    pieces.ends.push_back(static_cast<std::uint16_t>(pieces.octets.size()));
    pieces.hashes.push_back(hash);
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

std::shared_ptr<Rrset> RrsetBuilder::Assemble() const {
  const std::size_t pieces = rdata_.ends.size() + signatures_.ends.size();
  TailRequest request{pieces * sizeof(std::uint16_t) + owner_.length() + rdata_.octets.size() +
                      signatures_.octets.size() + (proof_.empty() ? 0 : sizeof(void*))};
  // The tail is passed by reference: it is known only when the block has been allocated.
  std::byte* const& tail = request.tail;
  const TailAllocator<Rrset> allocator(request);
  auto rrset = std::allocate_shared<Rrset>(allocator, Rrset::Key(), tail);

  std::byte* at = request.tail;
  const auto write = [&at](const void* from, std::size_t size) {
    if (size != 0) std::memcpy(at, from, size);
    at += size;
  };
  write(rdata_.ends.data(), rdata_.ends.size() * sizeof(std::uint16_t));
  for (const std::uint16_t end : signatures_.ends) {
    const auto shifted = static_cast<std::uint16_t>(rdata_.octets.size() + end);
    write(&shifted, sizeof shifted);
  }
  write(owner_.wire().data(), owner_.length());
  write(rdata_.octets.data(), rdata_.octets.size());
  write(signatures_.octets.data(), signatures_.octets.size());
  if (!proof_.empty()) {
    const void* proof = new Rrset::Proof(proof_);
    write(&proof, sizeof proof);
    rrset->has_proof_ = true;
  }

  rrset->type_ = type_;
  rrset->owner_length_ = static_cast<std::uint8_t>(owner_.length());
  rrset->count_ = static_cast<std::uint16_t>(rdata_.ends.size());
  rrset->signatures_ = static_cast<std::uint16_t>(signatures_.ends.size());
  return rrset;
}

RrsetPtr RrsetBuilder::Build(TimePoint now, Trust trust, std::uint32_t min_ttl,
                             std::uint32_t max_ttl) const {
  auto rrset = Assemble();
  rrset->ttl_ = std::min(std::max(ttl_, min_ttl), max_ttl);
  rrset->expires_ = now + std::chrono::seconds(rrset->ttl_);
  rrset->trust_ = trust;
  return rrset;
}

RrsetPtr RrsetBuilder::BuildLocal() const {
  auto rrset = Assemble();
  rrset->ttl_ = ttl_;
  rrset->expires_ = TimePoint::max();
  rrset->trust_ = Trust::kLocal;
  return rrset;
}

RrsetPtr Certify(const Rrset& rrset, Judgement judgement, std::uint32_t max_ttl, TimePoint now,
                 std::vector<RrsetPtr> proof, const Name* owner) {
  RrsetBuilder builder(rrset, owner != nullptr ? *owner : rrset.owner());
  builder.SetProof(std::move(proof));
  auto certified = builder.Assemble();
  const std::uint32_t left = rrset.TtlAt(now);
  const std::uint32_t ttl = std::min(left, max_ttl);
  certified->ttl_ = ttl;
  certified->expires_ = std::min(rrset.expires(), now + std::chrono::seconds(ttl));
  certified->trust_ = rrset.trust();
  certified->security_ = judgement.security;
  certified->reason_ = static_cast<std::uint8_t>(judgement.reason.value_or(Ede::kOther));
  return certified;
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
  for (int names = 0; names < 2; ++names) {
    const Result<Name> name = Name::FromWire(rdata);
    if (!name) return 0;
    rdata = rdata.subspan(name->length());
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
