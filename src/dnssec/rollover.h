// Following the keys of a trust point as its zone rolls them over (RFC 5011).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dns/rrset.h"
#include "dnssec/records.h"
#include "dnssec/work.h"
#include "resolve64/name.h"

namespace resolve64::dnssec {

// Times are seconds since 1970, as the caller's clock has them.

using KeyOctets = std::vector<std::uint8_t>;

/// RFC 5011 section 4.2. A key in state Start is one that is not known here.
enum class KeyState : std::uint8_t {
  kAddPend,  ///< seen, and waiting for the end of its hold-down
  kValid,    ///< a trust anchor
  kMissing,  ///< a trust anchor that the zone did not show when it was last seen
  kRevoked,  ///< never a trust anchor again
  kRemoved,  ///< the same, and the zone stopped showing it long ago
};

/// "valid", "add-pending", "missing", "revoked", "removed".
std::string_view ToText(KeyState state) noexcept;
/// The inverse of ToText(). Empty for another text.
std::optional<KeyState> ParseKeyState(std::string_view text) noexcept;

/// One key of a trust point.
struct TrackedKey {
  KeyOctets rdata;  ///< of the DNSKEY, without the REVOKE flag
  KeyState state = KeyState::kAddPend;
  std::int64_t since = 0;  ///< when it came into this state
  /// Of kAddPend and kRevoked: when the hold-down ends (sections 2.4.1 and 2.4.2). Otherwise 0.
  std::int64_t until = 0;
  /// Of kAddPend: MakeDs() of the keys that vouched for it when it was first seen (section 2.2).
  std::vector<KeyOctets> vouchers;

  [[nodiscard]] bool trusted() const noexcept {
    return state == KeyState::kValid || state == KeyState::kMissing;
  }
  [[nodiscard]] std::uint16_t tag() const noexcept { return KeyTag(rdata); }
  bool operator==(const TrackedKey&) const = default;
};

/// A DNSKEY RRset as it was received, and which of its keys have signed it.
struct Sighting {
  struct Key {
    KeyOctets rdata;
    bool signs = false;  ///< one of its signatures over the RRset is good
  };
  std::vector<Key> keys;           ///< those that may sign a zone, and those revoked
  std::uint32_t original_ttl = 0;  ///< seconds, of the good signatures
  std::int64_t expiration = 0;     ///< of the good signature that expires first
};

/// Checks which keys of `dnskeys` have signed it. Whether they are trusted is not asked. What
/// `work` does not pay for counts as not signed.
Sighting LookAt(const dns::Rrset& dnskeys, std::int64_t now, Work& work);

/// What is kept of a trust point over a restart.
struct TrustPointState {
  Name zone;
  std::vector<KeyOctets> configured;  ///< the DS RDATA that were configured then
  std::vector<TrackedKey> keys;
  std::int64_t seen = 0;                ///< when the zone was last seen and found valid; 0: never
  std::int64_t next_query = 0;          ///< when to ask next
  std::uint32_t original_ttl = 0;       ///< seconds, when it was last seen
  std::int64_t signature_lifetime = 0;  ///< seconds that were left then
};

/// What became of a key.
struct KeyEvent {
  std::uint16_t tag = 0;
  std::optional<KeyState> from;  ///< empty: it was not known
  std::optional<KeyState> to;    ///< empty: it is forgotten
};

/// The keys of one zone that trust starts from. What is configured stays trusted, seen or not,
/// until it is revoked by its own signature.
class TrustPoint {
 public:
  static constexpr std::int64_t kHour = 3600;
  static constexpr std::int64_t kDay = 24 * kHour;
  static constexpr std::int64_t kHoldDown = 30 * kDay;     ///< sections 2.4.1 and 2.4.2
  static constexpr std::int64_t kLongestWait = 15 * kDay;  ///< section 2.3
  static constexpr std::size_t kMaxKeys = 32;  ///< tracked; section 2.4.3 wants five at least

  /// `configured`: a DS RRset, whose owner is the zone.
  explicit TrustPoint(dns::RrsetPtr configured);

  /// Takes over what was learned before a restart or reload: only where one of the anchors
  /// configured then is configured now, for otherwise somebody else is trusted now. False where
  /// not.
  bool Restore(const TrustPointState& state);
  [[nodiscard]] TrustPointState Save() const;

  /// The zone was asked. Nothing but revocations counts unless a trusted key has signed (section
  /// 2.1, 2.2). False, and a retry is due (section 2.3), where none has. What changed is added to
  /// `events`.
  bool Observe(const Sighting& sighting, std::int64_t now, std::vector<KeyEvent>& events);
  /// The zone did not answer: a retry is due.
  void Fail(std::int64_t now);

  [[nodiscard]] const Name& zone() const noexcept { return zone_; }
  /// What is trusted now, as a DS RRset: null where every anchor was revoked, and the trust point
  /// is deleted (section 5).
  [[nodiscard]] dns::RrsetPtr Anchors() const;
  [[nodiscard]] bool IsDueAt(std::int64_t now) const noexcept;
  [[nodiscard]] std::int64_t next_query() const noexcept { return next_query_; }
  [[nodiscard]] std::int64_t seen() const noexcept { return seen_; }  ///< 0: never
  [[nodiscard]] const std::vector<TrackedKey>& keys() const noexcept { return keys_; }
  /// DS RDATA that is configured and that no key was seen for: trusted all the same.
  [[nodiscard]] std::vector<KeyOctets> ConfiguredUnseen() const;

 private:
  TrackedKey* Find(const KeyOctets& rdata) noexcept;
  [[nodiscard]] bool IsConfigured(const KeyOctets& rdata) const;
  [[nodiscard]] bool Names(const KeyOctets& ds, const KeyOctets& rdata) const;
  [[nodiscard]] std::vector<KeyOctets> Vouchers(const Sighting& sighting);
  [[nodiscard]] bool AllRevoked(const std::vector<KeyOctets>& vouchers) const;
  void Revoke(const Sighting& sighting, std::int64_t now, std::vector<KeyEvent>& events);
  void Advance(const Sighting& sighting, const std::vector<KeyOctets>& vouchers, std::int64_t now,
               std::vector<KeyEvent>& events);
  void AddNew(const Sighting& sighting, const std::vector<KeyOctets>& vouchers, std::int64_t now,
              std::vector<KeyEvent>& events);
  static void Enter(TrackedKey& key, KeyState state, std::int64_t now,
                    std::vector<KeyEvent>& events);

  dns::RrsetPtr configured_;
  Name zone_;
  std::vector<TrackedKey> keys_;
  std::int64_t seen_ = 0;
  std::int64_t next_query_ = 0;
  std::uint32_t original_ttl_ = 0;
  std::int64_t signature_lifetime_ = 0;
};

}  // namespace resolve64::dnssec
