// An RRset as one immutable value: owner name, type, RDATA and signatures in wire form.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ref.h"
#include "resolve64/dns64.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dns {

/// How far data is to be believed (RFC 2181 section 5.4.1), low to high. Glue is not in this list:
/// it lives in the delegation it came with and never becomes an RRset.
enum class Trust : std::uint8_t {
  kNonAuthAnswer,  ///< answer section without AA, or beside the record that answers
  kAuthAuthority,  ///< authority section of an AA reply
  kAuthAnswer,     ///< answer section of an AA reply
  kLocal,          ///< configured here
};

/// What validation says, and why, where it is not secure.
struct Judgement {
  Security security = Security::kUnchecked;
  std::optional<Ede> reason;

  Judgement(Security s, std::optional<Ede> why = std::nullopt)  // NOLINT(*-explicit-*): says it all
      : security(s), reason(why) {}
};

class Rrset;
using RrsetPtr = Ref<const Rrset>;

/// When something expires, in four octets: eighths of a second, rounded down, on the clock's own
/// scale. What lies past its end (17 years) is there at its end; TimePoint::max() stays what it is.
class Expiry {
 public:
  Expiry() = default;
  explicit Expiry(TimePoint at) noexcept;
  [[nodiscard]] TimePoint ToTime() const noexcept;
  [[nodiscard]] std::uint32_t ticks() const noexcept { return ticks_; }
  /// So many ticks after it.
  [[nodiscard]] Expiry Later(std::uint32_t ticks) const noexcept;
  static constexpr Duration kTick = std::chrono::milliseconds(125);

 private:
  static constexpr std::uint32_t kNever = 0xFFFFFFFF;
  std::uint32_t ticks_ = 0;
};

/// Immutable; shared by reference count between threads. RDATA is uncompressed. One block of memory
/// of base/slab.h holds it, RDATA and all: 40 octets for an A record of a name of 20.
class Rrset {
 public:
  [[nodiscard]] Name owner() const noexcept;
  [[nodiscard]] std::span<const std::uint8_t> owner_wire() const noexcept {
    return {octets(), owner_length_};
  }
  [[nodiscard]] RrType type() const noexcept { return type_; }
  /// As it was received, after RFC 2181 section 8 and the cache's bounds. Seconds.
  [[nodiscard]] std::uint32_t ttl() const noexcept { return ttl_; }
  /// What is left at `now`, seconds, never more than ttl(). Local data does not age.
  [[nodiscard]] std::uint32_t TtlAt(TimePoint now) const noexcept;
  [[nodiscard]] bool ExpiredAt(TimePoint now) const noexcept { return expires() <= now; }
  /// Up to an eighth of a second before the TTL says so.
  [[nodiscard]] TimePoint expires() const noexcept { return expires_.ToTime(); }
  [[nodiscard]] Trust trust() const noexcept { return trust_; }
  /// As validation left it; kUnchecked before.
  [[nodiscard]] Security security() const noexcept { return security_; }
  /// Why it is not secure, where validation has something to say.
  [[nodiscard]] std::optional<Ede> reason() const noexcept;

  [[nodiscard]] std::size_t size() const noexcept {  ///< records
    return layout_ == Layout::kMany ? Short(0) : 1;
  }
  [[nodiscard]] std::span<const std::uint8_t> rdata(std::size_t i) const noexcept {
    return Piece(i);
  }
  [[nodiscard]] std::size_t signature_count() const noexcept {
    return layout_ == Layout::kMany ? Short(1) : 0;
  }
  /// RDATA of an RRSIG that covers this RRset.
  [[nodiscard]] std::span<const std::uint8_t> signature(std::size_t i) const noexcept;
  /// Of one that was expanded from a wildcard: the NSEC or NSEC3 RRsets that say that no closer
  /// name exists (RFC 4035 section 5.3.4). Otherwise empty.
  [[nodiscard]] std::span<const RrsetPtr> proof() const noexcept;
  /// Octets of memory that it holds, as slab::Cost() has them, the proof included.
  [[nodiscard]] std::size_t cost() const noexcept;

  Rrset(const Rrset&) = delete;
  Rrset& operator=(const Rrset&) = delete;

  // For Ref.
  void AddRef() const noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void Release() const noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) Destroy();
  }

 private:
  friend class RrsetBuilder;
  friend RrsetPtr Certify(const Rrset& rrset, Judgement judgement, std::uint32_t max_ttl,
                          TimePoint now, std::vector<RrsetPtr> proof, const Name* owner);
  friend RrsetPtr WithExpiry(const RrsetPtr& rrset, Expiry expires);
  friend RrsetPtr Settled(const RrsetPtr& rrset);

  using Proof = std::vector<RrsetPtr>;

  // What lies behind the object, in the same block:
  //   kMany   how many records, how many signatures, and where each of them ends, counted from the
  //           first one, all in two octets each; the owner; records; signatures
  //   kOne    the length of the record in two octets; the owner; the record
  //   kFixed  the owner; a record whose length its type has
  // and then, where there is one, the reason (an octet), and the pointer that owns the proof.
  enum class Layout : std::uint8_t { kMany, kOne, kFixed };

  Rrset() = default;
  ~Rrset() = default;
  void Destroy() const noexcept;
  [[nodiscard]] Rrset* Copy() const;  // with one owner: the caller

  [[nodiscard]] const std::uint8_t* tail() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(this + 1);
  }
  [[nodiscard]] const std::uint16_t* shorts() const noexcept {
    return reinterpret_cast<const std::uint16_t*>(this + 1);
  }
  [[nodiscard]] std::uint16_t Short(std::size_t i) const noexcept { return shorts()[i]; }
  // The owner's first octet; what the records begin after.
  [[nodiscard]] const std::uint8_t* octets() const noexcept;
  [[nodiscard]] std::span<const std::uint8_t> Piece(std::size_t i) const noexcept;
  [[nodiscard]] std::size_t OctetCount() const noexcept;  // of records and signatures
  [[nodiscard]] std::size_t BlockSize() const noexcept;
  [[nodiscard]] const std::uint8_t* after_records() const noexcept {
    return octets() + owner_length_ + OctetCount();
  }
  [[nodiscard]] const Proof* proof_list() const noexcept;

  mutable std::atomic<std::uint32_t> owners_{1};
  Expiry expires_;
  std::uint32_t ttl_ : 31 = 0;
  std::uint32_t has_reason_ : 1 = 0;
  RrType type_ = RrType::kNone;
  std::uint8_t owner_length_ = 0;
  Trust trust_ : 2 = Trust::kNonAuthAnswer;
  Security security_ : 3 = Security::kUnchecked;
  Layout layout_ : 2 = Layout::kMany;
  bool has_proof_ : 1 = false;
};
static_assert(sizeof(Rrset) == 16);

/// Collects records into an Rrset.
class RrsetBuilder {
 public:
  RrsetBuilder(const Name& owner, RrType type);
  /// The records and signatures of `rrset`, under `owner`.
  RrsetBuilder(const Rrset& rrset, const Name& owner);
  [[nodiscard]] const Name& owner() const noexcept { return owner_; }
  [[nodiscard]] RrType type() const noexcept { return type_; }
  [[nodiscard]] std::size_t size() const noexcept { return rdata_.marks.size(); }

  /// A record. Duplicates count once (RFC 2181 section 5); of unequal TTLs the lowest holds
  /// (section 5.2). False where the set would not fit 65,535 octets.
  bool Add(std::span<const std::uint8_t> rdata, std::uint32_t ttl);
  bool AddSignature(std::span<const std::uint8_t> rdata, std::uint32_t ttl);
  /// See Rrset::proof().
  void SetProof(std::vector<RrsetPtr> proof) { proof_ = std::move(proof); }

  /// REQUIRES: size() > 0. It expires `ttl` seconds after `now`, where `ttl` is the lowest that was
  /// added, held between `min_ttl` and `max_ttl`; a TTL with the top bit set counts as `max_ttl`
  /// (RFC 8767 section 4).
  [[nodiscard]] RrsetPtr Build(TimePoint now, Trust trust, std::uint32_t min_ttl = 0,
                               std::uint32_t max_ttl = 0x7FFFFFFF) const;
  /// Local data, whose TTL stands still.
  [[nodiscard]] RrsetPtr BuildLocal() const;

 private:
  // Pieces of octets one after the other, each once.
  struct Pieces {
    struct Mark {
      std::uint16_t end;  // in `octets`
      std::uint32_t hash;
    };
    std::vector<std::uint8_t> octets;
    std::vector<Mark> marks;

    [[nodiscard]] bool Has(std::span<const std::uint8_t> piece, std::uint32_t hash) const noexcept;
  };

  bool AddTo(Pieces& pieces, std::span<const std::uint8_t> rdata, std::uint32_t ttl);
  // With one owner: the caller. The numbers are still to be set.
  [[nodiscard]] Rrset* Assemble(std::uint8_t reason = 0) const;
  friend RrsetPtr Certify(const Rrset& rrset, Judgement judgement, std::uint32_t max_ttl,
                          TimePoint now, std::vector<RrsetPtr> proof, const Name* owner);

  Name owner_;
  RrType type_;
  std::uint32_t ttl_ = 0x7FFFFFFF;
  Pieces rdata_;
  Pieces signatures_;
  std::vector<RrsetPtr> proof_;
};

/// `rrset` as validation found it. Its life ends where it would have, or `max_ttl` seconds from
/// now. `owner`, where it is not null, takes the place of its own: of a wildcard, a name that it
/// makes (RFC 8198 section 5.3); of what was expanded, the wildcard.
RrsetPtr Certify(const Rrset& rrset, Judgement judgement, std::uint32_t max_ttl, TimePoint now,
                 std::vector<RrsetPtr> proof = {}, const Name* owner = nullptr);

/// The same with another end of its life: itself, or a copy.
RrsetPtr WithExpiry(const RrsetPtr& rrset, Expiry expires);

/// The same where its memory is better used: itself, or a copy of what nobody else holds (see
/// slab::IsSparse()).
RrsetPtr Settled(const RrsetPtr& rrset);

/// An Rrset of one record.
RrsetPtr MakeRrset(const Name& owner, RrType type, std::uint32_t ttl,
                   std::span<const std::uint8_t> rdata, TimePoint now, Trust trust);

/// The name that a CNAME, DNAME, NS or PTR record points to. REQUIRES: its RDATA is one name.
Name TargetOf(std::span<const std::uint8_t> rdata);

/// MINIMUM of an SOA RDATA, seconds. Zero where it is cut short.
std::uint32_t SoaMinimum(std::span<const std::uint8_t> rdata);

/// The negative TTL that an SOA RRset gives at `now`: what is left of min(SOA TTL, MINIMUM) (RFC
/// 2308 section 5).
std::uint32_t NegativeTtl(const Rrset& soa, TimePoint now);

}  // namespace resolve64::dns
