#include "dnssec/rollover.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dnssec/key.h"
#include "dnssec/verify.h"

namespace resolve64::dnssec {
namespace {

constexpr std::array<std::string_view, 5> kStateNames = {"add-pending", "valid", "missing",
                                                         "revoked", "removed"};

KeyOctets ToOctets(Octets octets) { return {octets.begin(), octets.end()}; }

bool HasFlag(const KeyOctets& rdata, std::uint16_t flag) {
  return ((rdata[0] << 8 | rdata[1]) & flag) != 0;
}

// A key has one identity, whether the zone has revoked it or not.
KeyOctets WithoutRevoke(KeyOctets rdata) {
  rdata[1] = static_cast<std::uint8_t>(rdata[1] & ~unsigned{Dnskey::kRevoke});
  return rdata;
}

bool Contains(const std::vector<KeyOctets>& list, const KeyOctets& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

}  // namespace

std::string_view ToText(KeyState state) noexcept {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::optional<KeyState> ParseKeyState(std::string_view text) noexcept {
  const auto* const at = std::find(kStateNames.begin(), kStateNames.end(), text);
  if (at == kStateNames.end()) return std::nullopt;
  return static_cast<KeyState>(at - kStateNames.begin());
}

namespace {

// Whether `signature` alone is a good one of `keys` over `dnskeys`.
bool IsGood(const dns::Rrset& dnskeys, Octets signature, const KeySet& keys, std::int64_t now,
            Work& work) {
  dns::RrsetBuilder builder(dnskeys.owner(), RrType::kDnskey);
  for (std::size_t i = 0; i < dnskeys.size(); ++i) builder.Add(dnskeys.rdata(i), dnskeys.ttl());
  builder.AddSignature(signature, dnskeys.ttl());
  const dns::RrsetPtr signed_once = builder.BuildLocal();
  Verification verification(*signed_once, keys, now, work);
  int steps = kMaxKeysPerTag;  // one pair of key and signature, and a look or two
  while (!verification.Step()) {
    if (--steps == 0) return false;
  }
  return verification.verdict().security == Security::kSecure;
}

// Serial arithmetic (RFC 4034 section 3.1.5): of all dates with these 32 bits the nearest.
std::int64_t NearestDate(std::uint32_t bits, std::int64_t now) {
  return now + static_cast<std::int32_t>(bits - static_cast<std::uint32_t>(now));
}

}  // namespace

Sighting LookAt(const dns::Rrset& dnskeys, std::int64_t now, Work& work) {
  Sighting sighting;
  bool first = true;
  for (std::size_t i = 0; i < std::min(dnskeys.size(), kMaxZoneKeys); ++i) {
    const auto key = Dnskey::Read(dnskeys.rdata(i));
    if (!key || !key->zone_key()) continue;
    // Each key by itself, and those that are revoked too: their signature is what revokes them.
    KeySet alone;
    alone.zone = dnskeys.owner();
    alone.keys.push_back(
        {KeyTag(dnskeys.rdata(i)), key->algorithm, PublicKey::Make(key->algorithm, key->key)});
    if (alone.keys[0].key == nullptr) continue;
    Sighting::Key& seen = sighting.keys.emplace_back();
    seen.rdata = ToOctets(dnskeys.rdata(i));
    int tries = kMaxSignatures;
    for (std::size_t j = 0; j < dnskeys.signature_count() && tries > 0; ++j) {
      const auto rrsig = Rrsig::Read(dnskeys.signature(j));
      if (!rrsig || rrsig->key_tag != alone.keys[0].tag ||
          rrsig->algorithm != alone.keys[0].algorithm) {
        continue;
      }
      --tries;
      if (!IsGood(dnskeys, dnskeys.signature(j), alone, now, work)) continue;
      seen.signs = true;
      const std::int64_t expiration = NearestDate(rrsig->expiration, now);
      sighting.expiration = first ? expiration : std::min(sighting.expiration, expiration);
      sighting.original_ttl =
          first ? rrsig->original_ttl : std::min(sighting.original_ttl, rrsig->original_ttl);
      first = false;
    }
  }
  return sighting;
}

TrustPoint::TrustPoint(dns::RrsetPtr configured)
    : configured_(std::move(configured)), zone_(configured_->owner()) {}

bool TrustPoint::Restore(const TrustPointState& state) {
  bool same = false;
  for (std::size_t i = 0; i < configured_->size(); ++i) {
    same |= Contains(state.configured, ToOctets(configured_->rdata(i)));
  }
  if (!same) return false;
  // A key that was configured then and is not now was taken out by hand.
  const auto dropped = [&](const TrackedKey& key) {
    return std::any_of(state.configured.begin(), state.configured.end(), [&](const KeyOctets& ds) {
      if (!Names(ds, key.rdata)) return false;
      for (std::size_t i = 0; i < configured_->size(); ++i) {
        if (Names(ToOctets(configured_->rdata(i)), key.rdata)) return false;
      }
      return key.trusted();
    });
  };
  keys_ = state.keys;
  std::erase_if(keys_, dropped);
  seen_ = state.seen;
  next_query_ = state.next_query;
  original_ttl_ = state.original_ttl;
  signature_lifetime_ = state.signature_lifetime;
  return true;
}

TrustPointState TrustPoint::Save() const {
  TrustPointState state;
  state.zone = zone_;
  for (std::size_t i = 0; i < configured_->size(); ++i) {
    state.configured.push_back(ToOctets(configured_->rdata(i)));
  }
  state.keys = keys_;
  state.seen = seen_;
  state.next_query = next_query_;
  state.original_ttl = original_ttl_;
  state.signature_lifetime = signature_lifetime_;
  return state;
}

bool TrustPoint::Observe(const Sighting& sighting, std::int64_t now,
                         std::vector<KeyEvent>& events) {
  Revoke(sighting, now, events);
  const std::vector<KeyOctets> vouchers = Vouchers(sighting);
  if (vouchers.empty()) {
    Fail(now);
    return false;
  }
  Advance(sighting, vouchers, now, events);
  AddNew(sighting, vouchers, now, events);
  seen_ = now;
  original_ttl_ = sighting.original_ttl;
  signature_lifetime_ = std::max<std::int64_t>(0, sighting.expiration - now);
  next_query_ = now + std::max(kHour, std::min({kLongestWait, std::int64_t{original_ttl_} / 2,
                                                signature_lifetime_ / 2}));
  return true;
}

void TrustPoint::Fail(std::int64_t now) {
  next_query_ =
      now +
      std::max(kHour, std::min({kDay, std::int64_t{original_ttl_} / 10, signature_lifetime_ / 10}));
}

// Later than the longest wait is none that we have set: the clock was, and went back.
bool TrustPoint::IsDueAt(std::int64_t now) const noexcept {
  return now >= next_query_ || next_query_ - now > kLongestWait;
}

dns::RrsetPtr TrustPoint::Anchors() const {
  dns::RrsetBuilder builder(zone_, RrType::kDs);
  for (std::size_t i = 0; i < configured_->size(); ++i) {
    const KeyOctets ds = ToOctets(configured_->rdata(i));
    const bool revoked = std::any_of(keys_.begin(), keys_.end(), [&](const TrackedKey& key) {
      const bool is_gone = key.state == KeyState::kRevoked || key.state == KeyState::kRemoved;
      return is_gone && Names(ds, key.rdata);
    });
    if (!revoked) builder.Add(ds, configured_->ttl());
  }
  for (const TrackedKey& key : keys_) {
    if (key.trusted()) builder.Add(MakeDs(zone_, key.rdata), configured_->ttl());
  }
  return builder.size() == 0 ? nullptr : builder.BuildLocal();
}

std::vector<KeyOctets> TrustPoint::ConfiguredUnseen() const {
  std::vector<KeyOctets> unseen;
  for (std::size_t i = 0; i < configured_->size(); ++i) {
    KeyOctets ds = ToOctets(configured_->rdata(i));
    const bool seen = std::any_of(keys_.begin(), keys_.end(), [&](const TrackedKey& key) {
      return key.state != KeyState::kAddPend && Names(ds, key.rdata);
    });
    if (!seen) unseen.push_back(std::move(ds));
  }
  return unseen;
}

TrackedKey* TrustPoint::Find(const KeyOctets& rdata) noexcept {
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [&](const TrackedKey& key) { return key.rdata == rdata; });
  return at == keys_.end() ? nullptr : &*at;
}

bool TrustPoint::Names(const KeyOctets& ds, const KeyOctets& rdata) const {
  dns::RrsetBuilder one_ds(zone_, RrType::kDs);
  one_ds.Add(ds, 0);
  dns::RrsetBuilder one_key(zone_, RrType::kDnskey);
  one_key.Add(rdata, 0);
  KeyTrouble trouble;
  return EntryKeys(*one_ds.BuildLocal(), *one_key.BuildLocal(), trouble) != nullptr;
}

bool TrustPoint::IsConfigured(const KeyOctets& rdata) const {
  for (std::size_t i = 0; i < configured_->size(); ++i) {
    if (Names(ToOctets(configured_->rdata(i)), rdata)) return true;
  }
  return false;
}

// The keys that are trusted and have signed.
std::vector<KeyOctets> TrustPoint::Vouchers(const Sighting& sighting) {
  std::vector<KeyOctets> vouchers;
  for (const Sighting::Key& seen : sighting.keys) {
    if (!seen.signs || HasFlag(seen.rdata, Dnskey::kRevoke)) continue;
    const TrackedKey* key = Find(seen.rdata);
    const bool known = key != nullptr && key->state != KeyState::kAddPend;
    if (known ? key->trusted() : IsConfigured(seen.rdata)) {
      vouchers.push_back(MakeDs(zone_, seen.rdata));
    }
  }
  return vouchers;
}

bool TrustPoint::AllRevoked(const std::vector<KeyOctets>& vouchers) const {
  return std::all_of(vouchers.begin(), vouchers.end(), [&](const KeyOctets& voucher) {
    return std::any_of(keys_.begin(), keys_.end(), [&](const TrackedKey& key) {
      const bool is_gone = key.state == KeyState::kRevoked || key.state == KeyState::kRemoved;
      return is_gone && MakeDs(zone_, key.rdata) == voucher;
    });
  });
}

void TrustPoint::Enter(TrackedKey& key, KeyState state, std::int64_t now,
                       std::vector<KeyEvent>& events) {
  events.push_back({key.tag(), key.state, state});
  key.state = state;
  key.since = now;
  key.until = state == KeyState::kRevoked ? now + kHoldDown : 0;
  key.vouchers.clear();
}

// RevBit: the signature of the key itself is enough, and no other signature is (section 2.1).
void TrustPoint::Revoke(const Sighting& sighting, std::int64_t now, std::vector<KeyEvent>& events) {
  for (const Sighting::Key& seen : sighting.keys) {
    if (!seen.signs || !HasFlag(seen.rdata, Dnskey::kRevoke)) continue;
    const KeyOctets rdata = WithoutRevoke(seen.rdata);
    TrackedKey* key = Find(rdata);
    if (key == nullptr || key->state == KeyState::kAddPend) {
      if (!IsConfigured(rdata)) continue;
      if (key == nullptr) {
        keys_.push_back({rdata, KeyState::kValid, now, 0, {}});
        key = &keys_.back();
      }
    }
    if (key->trusted() || key->state == KeyState::kAddPend) {
      Enter(*key, KeyState::kRevoked, now, events);
    }
  }
}

// The events of section 4.1 for the keys that are known.
void TrustPoint::Advance(const Sighting& sighting, const std::vector<KeyOctets>& vouchers,
                         std::int64_t now, std::vector<KeyEvent>& events) {
  const std::int64_t add_time = std::max<std::int64_t>(kHoldDown, sighting.original_ttl);
  for (auto key = keys_.begin(); key != keys_.end();) {
    const auto shows = [&](bool revoked) {
      return std::any_of(sighting.keys.begin(), sighting.keys.end(), [&](const auto& seen) {
        return HasFlag(seen.rdata, Dnskey::kRevoke) == revoked &&
               WithoutRevoke(seen.rdata) == key->rdata;
      });
    };
    switch (key->state) {
      case KeyState::kAddPend:
        if (!shows(false)) {
          events.push_back({key->tag(), KeyState::kAddPend, std::nullopt});
          key = keys_.erase(key);
          continue;
        }
        if (const bool distrusted = AllRevoked(key->vouchers);
            IsConfigured(key->rdata) || (!distrusted && now >= key->until)) {
          Enter(*key, KeyState::kValid, now, events);
        } else if (distrusted) {
          key->since = now;
          key->until = now + add_time;
          key->vouchers = vouchers;
        }
        break;
      case KeyState::kValid:
        if (!shows(false)) Enter(*key, KeyState::kMissing, now, events);
        break;
      case KeyState::kMissing:
        if (shows(false)) Enter(*key, KeyState::kValid, now, events);
        break;
      case KeyState::kRevoked:
        if (shows(true) || shows(false)) {
          key->until = now + kHoldDown;
        } else if (now >= key->until) {
          Enter(*key, KeyState::kRemoved, now, events);
        }
        break;
      case KeyState::kRemoved:
        break;
    }
    ++key;
  }
}

void TrustPoint::AddNew(const Sighting& sighting, const std::vector<KeyOctets>& vouchers,
                        std::int64_t now, std::vector<KeyEvent>& events) {
  for (const Sighting::Key& seen : sighting.keys) {
    if (HasFlag(seen.rdata, Dnskey::kRevoke) || Find(seen.rdata) != nullptr) continue;
    if (keys_.size() >= kMaxKeys) return;
    TrackedKey key;
    key.rdata = seen.rdata;
    key.since = now;
    if (IsConfigured(seen.rdata)) {
      key.state = KeyState::kValid;
    } else if (HasFlag(seen.rdata, Dnskey::kSep)) {
      key.state = KeyState::kAddPend;
      key.until = now + std::max<std::int64_t>(kHoldDown, sighting.original_ttl);
      key.vouchers = vouchers;
    } else {
      continue;
    }
    events.push_back({key.tag(), std::nullopt, key.state});
    keys_.push_back(std::move(key));
  }
}

}  // namespace resolve64::dnssec
