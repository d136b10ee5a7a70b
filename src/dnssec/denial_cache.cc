#include "dnssec/denial_cache.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/lock_guarded.h"
#include "dnssec/denial.h"
#include "dnssec/denial_rules.h"
#include "dnssec/denial_store.h"
#include "dnssec/records.h"

namespace resolve64::dnssec {
namespace {

// Hashes that one look at the cache may cost. A name that needs more is asked for.
constexpr int kMaxHashes = 8;
// Of all that is kept, a zone gets one part in so many: a zone whose denials deny next to nothing
// (RFC 4470) does not drive out the others.
constexpr std::size_t kZoneParts = 4;
constexpr std::uint16_t kAnyIterations = 0xFFFF;

std::string_view Text(Octets octets) noexcept {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

bool IsCurrent(const dns::RrsetPtr& soa, TimePoint now) {
  return soa != nullptr && !soa->ExpiredAt(now);
}

// A record that is kept: where it goes, and what it must agree with.
struct Candidate {
  dns::RrsetPtr rrset;
  std::string key;
  std::optional<Nsec3> nsec3;  // points into what was given to Add()
};

// Nothing where `rrset` is of no use to others than the one who asked.
std::optional<Candidate> MakeCandidate(const Name& zone, const dns::RrsetPtr& rrset) {
  if (rrset == nullptr || rrset->security() != Security::kSecure) return std::nullopt;
  Work none{0, 0};
  if (Proof(zone, std::span(&rrset, 1), kAnyIterations, none).empty()) return std::nullopt;
  Candidate candidate;
  candidate.rrset = rrset;
  if (rrset->type() == RrType::kNsec) {
    candidate.key = SortKey(rrset->owner());
    return candidate;
  }
  candidate.nsec3 = Nsec3::Read(rrset->rdata(0));
  if (!candidate.nsec3 || candidate.nsec3->opt_out()) return std::nullopt;
  auto hash = DecodeHashLabel(rrset->owner().FirstLabel(), candidate.nsec3->next_hash.size());
  if (!hash) return std::nullopt;
  candidate.key = std::move(*hash);
  return candidate;
}

// What a zone has to say of a name.
struct Gathered {
  Name zone;
  dns::RrsetPtr soa;
  std::vector<dns::RrsetPtr> records;
  NameHashes hashes;            // of names, under the parameters of `records` where they are NSEC3
  std::optional<Name> closest;  // the closest encloser, where the name is covered
};

// What NSEC3 says of a name. kEnds: matches it, and nothing below is this zone's.
enum class Relation : std::uint8_t { kUnknown, kMatches, kEnds, kCovers };

}  // namespace

class DenialCache::Inside {
 public:
  explicit Inside(std::size_t octets) : capacity_(octets) {}

  void Add(const Name& zone, const dns::RrsetPtr& soa, const std::vector<Candidate>& candidates);

  template <class Ask>
  auto Consult(const Name& name, std::uint16_t max_iterations, Work& work, TimePoint now, Ask ask);

  std::size_t FlushBelow(const Name& name);
  void Clear();
  [[nodiscard]] cache::CacheStats stats() const;

 private:
  // What the zone of a name has: the NSEC records around it and around the wildcard that would make
  // it, and with what parameters its NSEC3 records are hashed.
  struct Nearest {
    Gathered gathered;
    bool hashed = false;  // it has NSEC3 records
    std::vector<std::uint8_t> salt;
    std::uint16_t iterations = 0;
  };
  // Nothing where no zone at or above `name` is known.
  std::optional<Nearest> FindNearest(const Name& name, TimePoint now);
  // The NSEC3 records that match or cover `name`, names above it, and the wildcard.
  std::optional<Gathered> GatherHashed(const Nearest& nearest, const Name& name, Work& work,
                                       TimePoint now);

  static constexpr std::size_t kShards = 16;

  // The store, and what others may see of it without its lock.
  struct alignas(64) Shard {
    LockGuarded<DenialStore> store;
    std::atomic<std::size_t> cost{0};
    std::atomic<std::uint64_t> oldest{DenialStore::kNever};

    void Publish(const DenialStore& locked) noexcept {
      cost.store(locked.cost(), std::memory_order_relaxed);
      oldest.store(locked.oldest(), std::memory_order_relaxed);
    }
  };

  [[nodiscard]] Shard& ShardOf(const Name& zone) noexcept {
    return shards_[(std::uint64_t{zone.Hash()} >> 48) % kShards];
  }
  // What is known of `name` by its hash; the record that says so is added to `gathered`.
  Relation Look(const Nearest& nearest, const Name& name, Work& work, TimePoint now,
                Gathered& gathered);
  // The record of the zone whose hash is at or before `hash`; null where the zone has other
  // parameters by now.
  dns::RrsetPtr HashedBefore(const Nearest& nearest, const std::string& hash, TimePoint now);
  void EvictOldest();
  [[nodiscard]] std::size_t cost() const noexcept;

  std::array<Shard, kShards> shards_;
  std::size_t capacity_;
  std::atomic<std::size_t> deepest_{0};  // labels that an apex ever had
  std::atomic<std::uint64_t> arrivals_{0};
  std::atomic<std::uint64_t> hits_{0};
  std::atomic<std::uint64_t> misses_{0};
  std::atomic<std::uint64_t> evictions_{0};
};

void DenialCache::Inside::Add(const Name& zone, const dns::RrsetPtr& soa,
                              const std::vector<Candidate>& candidates) {
  if (candidates.empty()) return;
  const std::size_t labels = zone.LabelCount();
  for (std::size_t known = deepest_.load(); known < labels;) {
    if (deepest_.compare_exchange_weak(known, labels)) break;
  }
  Shard& shard = ShardOf(zone);
  {
    auto store = shard.store.Lock();
    DenialStore::Zone& entry = store->At(zone);
    if (entry.soa == nullptr || entry.soa->expires() <= soa->expires()) {
      store->SetSoa(entry, soa);
    }
    for (const Candidate& candidate : candidates) {
      if (candidate.nsec3) {
        const Nsec3& nsec3 = *candidate.nsec3;
        if (entry.iterations != nsec3.iterations || !std::ranges::equal(entry.salt, nsec3.salt)) {
          store->DropHashed(entry);
          entry.salt.assign(nsec3.salt.begin(), nsec3.salt.end());
          entry.iterations = nsec3.iterations;
        }
      }
      store->Put(entry, candidate.nsec3.has_value(), candidate.key, candidate.rrset,
                 arrivals_.fetch_add(1));
    }
    while (entry.cost > capacity_ / kZoneParts && entry.ages.size() > 1) {
      store->DropOldestOf(entry);
      evictions_.fetch_add(1, std::memory_order_relaxed);
    }
    shard.Publish(*store);
  }
  while (cost() > capacity_) EvictOldest();
}

std::size_t DenialCache::Inside::cost() const noexcept {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.cost.load(std::memory_order_relaxed);
  return sum;
}

void DenialCache::Inside::EvictOldest() {
  Shard& shard = *std::ranges::min_element(
      shards_, {}, [](const Shard& s) { return s.oldest.load(std::memory_order_relaxed); });
  auto store = shard.store.Lock();
  if (store->size() > 0) {
    store->DropOldest();
    evictions_.fetch_add(1, std::memory_order_relaxed);
  }
  shard.Publish(*store);
}

std::optional<DenialCache::Inside::Nearest> DenialCache::Inside::FindNearest(const Name& name,
                                                                             TimePoint now) {
  const std::size_t labels = name.LabelCount();
  const std::size_t deepest = std::min(labels, deepest_.load(std::memory_order_relaxed));
  Name apex = name.Suffix(deepest);
  for (;; apex = apex.Parent()) {
    Shard& shard = ShardOf(apex);
    auto store = shard.store.Lock();
    if (DenialStore::Zone* zone = store->Find(apex)) {
      if (!IsCurrent(zone->soa, now)) return std::nullopt;
      Nearest nearest;
      nearest.gathered.zone = apex;
      nearest.gathered.soa = zone->soa;
      nearest.hashed = !zone->nsec3.empty();
      nearest.salt = zone->salt;
      nearest.iterations = zone->iterations;
      if (const auto around = store->Before(zone, false, SortKey(name), now)) {
        nearest.gathered.records.push_back(around);
        const auto nsec = Nsec::Read(around->rdata(0));
        if (zone != nullptr && nsec && around->owner() != name) {
          const Name closest = ClosestEncloser(name, around->owner(), nsec->next);
          nearest.gathered.closest = closest;
          const Name wildcard = WildcardOf(closest);
          const auto other = store->Before(zone, false, SortKey(wildcard), now);
          if (other != nullptr && other != around) nearest.gathered.records.push_back(other);
        }
      }
      shard.Publish(*store);
      return nearest;
    }
    if (apex.is_root()) return std::nullopt;
  }
}

dns::RrsetPtr DenialCache::Inside::HashedBefore(const Nearest& nearest, const std::string& hash,
                                                TimePoint now) {
  Shard& shard = ShardOf(nearest.gathered.zone);
  auto store = shard.store.Lock();
  DenialStore::Zone* zone = store->Find(nearest.gathered.zone);
  if (zone == nullptr || zone->iterations != nearest.iterations || zone->salt != nearest.salt) {
    return nullptr;
  }
  auto rrset = store->Before(zone, true, hash, now);
  shard.Publish(*store);
  return rrset;
}

Relation DenialCache::Inside::Look(const Nearest& nearest, const Name& name, Work& work,
                                   TimePoint now, Gathered& gathered) {
  if (!work.TakeHash()) return Relation::kUnknown;
  const std::string hash = HashName(name, nearest.salt, nearest.iterations);
  if (hash.empty()) return Relation::kUnknown;
  gathered.hashes.emplace(name, hash);
  const auto rrset = HashedBefore(nearest, hash, now);
  if (rrset == nullptr) return Relation::kUnknown;
  const auto nsec3 = Nsec3::Read(rrset->rdata(0));
  const auto owner = DecodeHashLabel(rrset->owner().FirstLabel(), hash.size());
  if (!nsec3 || !owner) return Relation::kUnknown;
  const bool matches = *owner == hash;
  if (!matches && !IsWithin(hash, *owner, Text(nsec3->next_hash))) return Relation::kUnknown;
  if (std::ranges::find(gathered.records, rrset) == gathered.records.end()) {
    gathered.records.push_back(rrset);
  }
  if (!matches) return Relation::kCovers;
  return EndsAuthority(nsec3->types) ? Relation::kEnds : Relation::kMatches;
}

// From the zone downwards, as Proof does, so that nothing is hashed that a proof does not need.
std::optional<Gathered> DenialCache::Inside::GatherHashed(const Nearest& nearest, const Name& name,
                                                          Work& work, TimePoint now) {
  Gathered gathered;
  gathered.zone = nearest.gathered.zone;
  gathered.soa = nearest.gathered.soa;
  const std::size_t labels = name.LabelCount();
  const std::size_t top = gathered.zone.LabelCount();
  if (labels == top) {
    Look(nearest, name, work, now, gathered);
    return gathered;
  }
  Relation above = Relation::kUnknown;
  for (std::size_t count = top + 1; count <= labels; ++count) {
    const Name part = name.Suffix(count);
    const Relation relation = Look(nearest, part, work, now, gathered);
    if (relation == Relation::kCovers) {
      gathered.closest = part.Parent();
      if (count == top + 1) above = Look(nearest, *gathered.closest, work, now, gathered);
      if (above != Relation::kMatches) return std::nullopt;
      Look(nearest, WildcardOf(*gathered.closest), work, now, gathered);
      return gathered;
    }
    if (count == labels && relation == Relation::kMatches) return gathered;
    if (relation == Relation::kEnds) break;
    above = relation;
  }
  return std::nullopt;
}

std::size_t DenialCache::Inside::FlushBelow(const Name& name) {
  std::size_t dropped = 0;
  for (Shard& shard : shards_) {
    auto store = shard.store.Lock();
    dropped += store->DropIf([&](const Name& apex) { return apex.IsAtOrBelow(name); });
    shard.Publish(*store);
  }
  // What denies the name itself.
  for (Name apex = name; !apex.is_root();) {
    apex = apex.Parent();
    Shard& shard = ShardOf(apex);
    auto store = shard.store.Lock();
    const std::size_t here = store->Drop(apex);
    shard.Publish(*store);
    if (here > 0) return dropped + here;
  }
  return dropped;
}

void DenialCache::Inside::Clear() {
  for (Shard& shard : shards_) {
    auto store = shard.store.Lock();
    store->DropIf([](const Name&) { return true; });
    shard.Publish(*store);
  }
}

cache::CacheStats DenialCache::Inside::stats() const {
  cache::CacheStats stats;
  for (const Shard& shard : shards_) stats.entries += shard.store.Lock()->size();
  stats.cost = cost();
  stats.capacity = capacity_;
  stats.hits = hits_.load(std::memory_order_relaxed);
  stats.misses = misses_.load(std::memory_order_relaxed);
  stats.evictions = evictions_.load(std::memory_order_relaxed);
  return stats;
}

//--- DenialCache ---

DenialCache::DenialCache(std::size_t octets) : inside_(std::make_unique<Inside>(octets)) {}
DenialCache::~DenialCache() = default;

void DenialCache::Add(const Name& zone, const dns::RrsetPtr& soa,
                      const std::vector<dns::RrsetPtr>& records, TimePoint now) {
  if (soa == nullptr || soa->type() != RrType::kSoa || soa->owner() != zone) return;
  if (soa->security() != Security::kSecure) return;
  const std::uint32_t longest = std::min(dns::NegativeTtl(*soa, now), kLongest);
  const TimePoint last = now + std::chrono::seconds(longest);
  std::vector<Candidate> candidates;
  for (const dns::RrsetPtr& rrset : records) {
    auto candidate = MakeCandidate(zone, rrset);
    if (!candidate) continue;
    if (rrset->expires() > last) {
      candidate->rrset = dns::Certify(*rrset, Security::kSecure, longest, now);
    }
    if (!candidate->rrset->ExpiredAt(now)) candidates.push_back(*std::move(candidate));
  }
  inside_->Add(zone, soa, candidates);
}

// `ask(gathered, work)` of the NSEC records of the name's zone, and where they have no answer of
// its NSEC3 records.
template <class Ask>
auto DenialCache::Inside::Consult(const Name& name, std::uint16_t max_iterations, Work& work,
                                  TimePoint now, Ask ask) {
  decltype(ask(std::declval<const Gathered&>(), work)) answer;
  if (const auto nearest = FindNearest(name, now)) {
    Work none{0, 0};
    if (!nearest->gathered.records.empty()) answer = ask(nearest->gathered, none);
    if (!answer && nearest->hashed && nearest->iterations <= max_iterations) {
      Work budget{0, std::min(work.hashes, kMaxHashes)};
      const int before = budget.hashes;
      const auto hashed = GatherHashed(*nearest, name, budget, now);
      if (hashed && !hashed->records.empty()) answer = ask(*hashed, budget);
      work.hashes -= before - budget.hashes;
    }
  }
  (answer ? hits_ : misses_).fetch_add(1, std::memory_order_relaxed);
  return answer;
}

std::optional<KnownDenial> DenialCache::Find(const Name& name, RrType type,
                                             std::uint16_t max_iterations, Work& work,
                                             TimePoint now) {
  if (type == RrType::kDs || type == RrType::kAny) return std::nullopt;
  const auto ask = [&](const Gathered& gathered, Work& budget) -> std::optional<KnownDenial> {
    Proof proof(gathered.zone, gathered.records, max_iterations, budget);
    proof.Know(gathered.hashes);
    // NODATA first: of a name that compact denial says is not there, both are proved, and its zone
    // answers NOERROR (RFC 9824).
    Denial nodata = proof.Nodata(name, type);
    if (nodata.kind == Denial::Kind::kProved) {
      return KnownDenial{false, gathered.soa, std::move(nodata.used)};
    }
    Denial nxdomain = proof.Nxdomain(name);
    if (nxdomain.kind != Denial::Kind::kProved) return std::nullopt;
    return KnownDenial{true, gathered.soa, std::move(nxdomain.used)};
  };
  return inside_->Consult(name, max_iterations, work, now, ask);
}

std::optional<KnownWildcard> DenialCache::FindWildcard(const Name& name,
                                                       std::uint16_t max_iterations, Work& work,
                                                       TimePoint now) {
  const auto ask = [&](const Gathered& gathered, Work& budget) -> std::optional<KnownWildcard> {
    if (!gathered.closest) return std::nullopt;
    Proof proof(gathered.zone, gathered.records, max_iterations, budget);
    proof.Know(gathered.hashes);
    const auto labels = static_cast<std::uint8_t>(gathered.closest->LabelCount());
    Denial closer = proof.NoCloserName(name, labels);
    if (closer.kind != Denial::Kind::kProved) return std::nullopt;
    if (proof.Nxdomain(name).kind == Denial::Kind::kProved) return std::nullopt;
    return KnownWildcard{WildcardOf(*gathered.closest), std::move(closer.used)};
  };
  return inside_->Consult(name, max_iterations, work, now, ask);
}

std::size_t DenialCache::FlushBelow(const Name& name) { return inside_->FlushBelow(name); }
void DenialCache::Clear() { inside_->Clear(); }
cache::CacheStats DenialCache::stats() const { return inside_->stats(); }

}  // namespace resolve64::dnssec
