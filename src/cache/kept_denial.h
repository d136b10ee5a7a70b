// A denial as the cache keeps it: in one small block, with an SOA that others share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ref.h"
#include "dns/rrset.h"
#include "resolve64/dns64.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::cache {

/// An SOA RRset that many denials of a zone name. Each of them heard it at another time: of each it
/// is known by how much the SOA outlives the denial.
class SharedSoa {
 public:
  /// `lag`: how much longer than the denial it lives, in ticks of dns::Expiry.
  SharedSoa(dns::RrsetPtr soa, std::uint32_t lag) noexcept : soa_(std::move(soa)), lag_(lag) {}
  SharedSoa(const SharedSoa&) = delete;
  SharedSoa& operator=(const SharedSoa&) = delete;

  /// Whether a denial that heard `soa` may name this one.
  [[nodiscard]] bool StandsFor(const dns::Rrset& soa, std::uint32_t lag) const noexcept;
  /// As a denial heard it that expires then.
  [[nodiscard]] dns::RrsetPtr For(dns::Expiry expires) const;
  [[nodiscard]] const dns::Rrset& soa() const noexcept { return *soa_; }
  [[nodiscard]] std::size_t cost() const noexcept;

  // For Ref.
  void AddRef() const noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void Release() const noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  friend class SoaTable;
  ~SharedSoa() = default;

  mutable std::atomic<std::uint32_t> owners_{1};
  mutable std::uint32_t users_ = 0;  // denials in the shard: SoaTable's business, under its lock
  dns::RrsetPtr soa_;
  std::uint32_t lag_;
};
using SharedSoaPtr = Ref<const SharedSoa>;

/// Immutable; shared by reference count between threads. One block of base/slab.h: 40 octets for a
/// name of 20 and no proof.
class KeptDenial {
 public:
  struct Parts {
    bool nxdomain = false;
    RrType type = RrType::kNone;  ///< kNone for NXDOMAIN
    Security security = Security::kUnchecked;
    std::optional<Ede> reason;
    dns::Expiry expires;
  };

  static Ref<const KeptDenial> Make(const Name& name, const Parts& parts, SharedSoaPtr soa,
                                    const std::vector<dns::RrsetPtr>& proof);
  /// The same, as dns::Settled() is to an Rrset.
  static Ref<const KeptDenial> Settled(const Ref<const KeptDenial>& denial);

  KeptDenial(const KeptDenial&) = delete;
  KeptDenial& operator=(const KeptDenial&) = delete;

  [[nodiscard]] std::span<const std::uint8_t> name() const noexcept {
    return {tail(), name_length_};
  }
  [[nodiscard]] RrType type() const noexcept { return type_; }
  [[nodiscard]] bool nxdomain() const noexcept { return nxdomain_; }
  [[nodiscard]] dns::Expiry expires() const noexcept { return expires_; }
  [[nodiscard]] Security security() const noexcept { return security_; }
  [[nodiscard]] std::optional<Ede> reason() const noexcept;
  [[nodiscard]] const SharedSoa& soa() const noexcept { return *soa_; }
  [[nodiscard]] std::span<const dns::RrsetPtr> proof() const noexcept;
  /// Octets, the proof included, the SOA not.
  [[nodiscard]] std::size_t cost() const noexcept;

  // For Ref.
  void AddRef() const noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void Release() const noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) Destroy();
  }

 private:
  using Proof = std::vector<dns::RrsetPtr>;

  KeptDenial(SharedSoaPtr soa, const Parts& parts) noexcept;
  ~KeptDenial() = default;
  void Destroy() const noexcept;
  [[nodiscard]] std::size_t BlockSize() const noexcept;
  [[nodiscard]] const std::uint8_t* tail() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(this) + kHeader;
  }
  [[nodiscard]] const Proof* proof_list() const noexcept;

  // Right behind the last member: the name; then, where there is one, the reason (an octet), and
  // the pointer that owns the proof.
  static constexpr std::size_t kHeader = 20;

  mutable std::atomic<std::uint32_t> owners_{1};
  dns::Expiry expires_;
  SharedSoaPtr soa_;
  RrType type_;
  std::uint8_t name_length_ = 0;
  Security security_ : 3;
  bool nxdomain_ : 1;
  bool has_reason_ : 1 = false;
  bool has_proof_ : 1 = false;
};
using KeptDenialPtr = Ref<const KeptDenial>;

/// The SOA RRsets of the denials of one shard, and what they cost. Not thread-safe.
class SoaTable {
 public:
  /// What stands for `soa` in a denial that expires then: the one of others, or a new one. Each
  /// call wants a Drop().
  [[nodiscard]] SharedSoaPtr Take(const dns::RrsetPtr& soa, dns::Expiry expires);
  void Drop(const SharedSoa& shared) noexcept;

  [[nodiscard]] std::size_t cost() const noexcept { return cost_; }

 private:
  [[nodiscard]] static std::size_t CostOf(const SharedSoa& shared) noexcept;

  std::unordered_map<std::size_t, SharedSoaPtr> newest_;  // of each zone, by the hash of its name
  std::size_t cost_ = 0;
};

}  // namespace resolve64::cache
