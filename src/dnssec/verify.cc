#include "dnssec/verify.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <span>
#include <utility>

#include "base/hash.h"
#include "dns/rdata.h"

namespace resolve64::dnssec {
namespace {

constexpr std::uint16_t kClassIn = 1;
constexpr std::size_t kMaxSigners = 3;
constexpr std::int64_t kMaxSkew = 3600;    // seconds
constexpr std::int64_t kSkewDivisor = 10;  // of the lifetime

// RFC 4034 section 3.1.3: the Labels field counts neither the root nor a leading asterisk.
std::size_t SignedLabelsOf(const Name& owner) noexcept {
  return owner.LabelCount() - (owner.is_wildcard() ? 1 : 0);
}

bool MaySign(const Name& signer, const Name& owner, RrType type) noexcept {
  // A DS RRset belongs to the zone above (RFC 4035 section 2.4).
  return type == RrType::kDs ? owner.IsBelow(signer) : owner.IsAtOrBelow(signer);
}

// Seconds from `a` to `b`, in serial number arithmetic (RFC 4034 section 3.1.5).
std::int64_t SecondsBetween(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(b - a);
}

// Where the dates of a signature stand to `now`.
enum class Dates : std::uint8_t { kGood, kExpired, kNotYet, kReversed };

Dates DatesOf(const Rrsig& rrsig, std::int64_t now) noexcept {
  const auto at = static_cast<std::uint32_t>(now);
  const std::int64_t lifetime = SecondsBetween(rrsig.inception, rrsig.expiration);
  if (lifetime < 0) return Dates::kReversed;
  const std::int64_t skew = std::min(lifetime / kSkewDivisor, kMaxSkew);
  if (SecondsBetween(at, rrsig.expiration) < -skew) return Dates::kExpired;
  if (SecondsBetween(rrsig.inception, at) < -skew) return Dates::kNotYet;
  return Dates::kGood;
}

// The 32 bits of a date in the era that lies nearest to `now`.
std::string DateText(std::uint32_t date, std::int64_t now) {
  const std::time_t seconds = now + SecondsBetween(static_cast<std::uint32_t>(now), date);
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts) == 0) {
    return std::to_string(date);
  }
  return text.data();
}

std::string Describe(const dns::Rrset& rrset) {
  return rrset.owner().ToText() + " " + ToText(rrset.type());
}

std::string Describe(const dns::Rrset& rrset, const Rrsig& rrsig) {
  // Short, because it goes into an Extended DNS Error: tag and algorithm number, as tools show
  // keys.
  return Describe(rrset) + ": RRSIG by key " + std::to_string(rrsig.key_tag) + "/" +
         std::to_string(rrsig.algorithm) + " of " + rrsig.signer.ToText();
}

// What is wrong with the signatures that were not even tried. The worst says it, so that the one
// who runs the zone reads of the signature that comes closest to being good.
struct Complaint {
  enum class Kind : std::uint8_t {
    kNoKey,
    kLabels,
    kReversed,
    kNotYet,
    kExpired,
  };
  Kind kind = Kind::kNoKey;
  std::string text;

  void Raise(Kind new_kind, const dns::Rrset& rrset, const Rrsig& rrsig, std::string_view what) {
    if (!text.empty() && new_kind <= kind) return;
    kind = new_kind;
    text = Describe(rrset, rrsig);
    text += what;
  }

  [[nodiscard]] Ede ede() const noexcept {
    switch (kind) {
      case Kind::kNoKey:
        return Ede::kDnskeyMissing;
      case Kind::kLabels:
        return Ede::kBogus;
      case Kind::kReversed:
        return Ede::kSignatureExpiredBeforeValid;
      case Kind::kNotYet:
        return Ede::kSignatureNotYetValid;
      case Kind::kExpired:
        return Ede::kSignatureExpired;
    }
    return Ede::kBogus;
  }
};

void PutU16(std::vector<std::uint8_t>& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8 & 0xFF));
  out.push_back(static_cast<std::uint8_t>(value & 0xFF));
}

void PutU32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  PutU16(out, value >> 16);
  PutU16(out, value & 0xFFFF);
}

void Put(std::vector<std::uint8_t>& out, Octets octets) {
  out.insert(out.end(), octets.begin(), octets.end());
}

// RFC 4034 section 6.2, as RFC 6840 section 5.1 corrects it: names in the RDATA of the types of
// RFC 1035 and of those of RFC 3597 section 4 are lower-cased. NSEC is not among them, SVCB
// neither.
constexpr bool IsLowered(char field) noexcept { return field == 'n' || field == 'u'; }

void LowerNames(std::string_view fields, std::span<std::uint8_t> rdata) noexcept {
  for (const char field : fields) {
    std::size_t size = 0;
    if (dns::IsNameField(field)) {
      const auto name = Name::FromWire(rdata);
      if (!name) return;
      size = name->length();
      if (IsLowered(field)) {
        // Length octets are below 'A'.
        for (std::uint8_t& octet : rdata.first(size)) octet = FoldCase(octet);
      }
    } else {
      size = dns::FieldSize(field, rdata);
    }
    if (size > rdata.size()) return;
    rdata = rdata.subspan(size);
  }
}

// RFC 4034 section 6.3: as octets, and what ends first comes first.
bool Precedes(Octets a, Octets b) noexcept {
  const std::size_t both = std::min(a.size(), b.size());
  const int order = both == 0 ? 0 : std::memcmp(a.data(), b.data(), both);
  return order != 0 ? order < 0 : a.size() < b.size();
}

// The owner name that was signed (RFC 4035 section 5.3.2).
Name SignedOwner(const Name& owner, std::size_t labels) {
  if (labels >= owner.LabelCount()) return owner.Lower();
  // At least one label went, and the asterisk takes the least room there is.
  return owner.Suffix(labels).Prepend("*").value().Lower();
}

}  // namespace

bool IsExpanded(const dns::Rrset& rrset) noexcept {
  const std::size_t labels = SignedLabelsOf(rrset.owner());
  for (std::size_t i = 0; i < rrset.signature_count(); ++i) {
    constexpr std::size_t kLabels = 3;  // where the Labels field stands
    const Octets rdata = rrset.signature(i);
    if (rdata.size() > kLabels && rdata[kLabels] < labels) return true;
  }
  return false;
}

std::vector<Name> Signers(const dns::Rrset& rrset) {
  std::vector<Name> signers;
  const Name owner = rrset.owner();
  const std::size_t count = std::min(rrset.signature_count(), std::size_t{kMaxSignatures});
  for (std::size_t i = 0; i < count; ++i) {
    const auto rrsig = Rrsig::Read(rrset.signature(i));
    if (!rrsig || !MaySign(rrsig->signer, owner, rrset.type())) continue;
    if (std::ranges::find(signers, rrsig->signer) == signers.end()) {
      signers.push_back(rrsig->signer);
    }
  }
  std::ranges::sort(signers,
                    [](const Name& a, const Name& b) { return a.LabelCount() > b.LabelCount(); });
  if (signers.size() > kMaxSigners) signers.resize(kMaxSigners);
  return signers;
}

void SignedData(const dns::Rrset& rrset, const Rrsig& rrsig, std::vector<std::uint8_t>& out) {
  out.clear();
  PutU16(out, static_cast<std::uint16_t>(rrsig.covered));
  out.push_back(rrsig.algorithm);
  out.push_back(rrsig.labels);
  PutU32(out, rrsig.original_ttl);
  PutU32(out, rrsig.expiration);
  PutU32(out, rrsig.inception);
  PutU16(out, rrsig.key_tag);
  Put(out, rrsig.signer.Lower().wire());

  const Name owner = SignedOwner(rrset.owner(), rrsig.labels);
  const auto put_record = [&](Octets rdata) {
    Put(out, owner.wire());
    PutU16(out, static_cast<std::uint16_t>(rrset.type()));
    PutU16(out, kClassIn);
    PutU32(out, rrsig.original_ttl);
    PutU16(out, rdata.size());
    Put(out, rdata);
  };
  const std::string_view fields = dns::ShapeOf(rrset.type()).fields;
  const bool has_names = std::ranges::any_of(fields, IsLowered);
  if (rrset.size() == 1) {
    const std::size_t size = rrset.rdata(0).size();
    put_record(rrset.rdata(0));
    if (has_names) LowerNames(fields, std::span(out).last(size));
    return;
  }

  std::vector<Octets> records(rrset.size());
  for (std::size_t i = 0; i < records.size(); ++i) records[i] = rrset.rdata(i);
  std::vector<std::uint8_t> lowered;
  if (has_names) {
    std::size_t total = 0;
    for (const Octets record : records) total += record.size();
    lowered.reserve(total);
    for (Octets& record : records) {
      const std::size_t begin = lowered.size();
      Put(lowered, record);
      const auto copy = std::span(lowered).subspan(begin);
      LowerNames(fields, copy);
      record = copy;
    }
  }
  std::ranges::sort(records, Precedes);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i == 0 || !std::ranges::equal(records[i - 1], records[i])) put_record(records[i]);
  }
}

Verification::Verification(const dns::Rrset& rrset, const KeySet& keys, std::int64_t now,
                           Work& work)
    : rrset_(rrset), keys_(keys), now_(now), work_(work) {
  Plan(now);
}

void Verification::Plan(std::int64_t now) {
  if (rrset_.signature_count() == 0) {
    End(Security::kBogus, Ede::kRrsigsMissing, Describe(rrset_) + ": no RRSIG");
    return;
  }
  const Name owner = rrset_.owner();
  const std::size_t labels = SignedLabelsOf(owner);
  const std::size_t zone_labels = keys_.zone.LabelCount();
  if (!MaySign(keys_.zone, owner, rrset_.type())) {
    End(Security::kBogus, Ede::kBogus,
        Describe(rrset_) + ": not for the keys of " + keys_.zone.ToText());
    return;
  }

  Complaint complaint;
  const std::size_t count = std::min(rrset_.signature_count(), std::size_t{kMaxSignatures});
  for (std::size_t i = 0; i < count; ++i) {
    const auto rrsig = Rrsig::Read(rrset_.signature(i));
    if (!rrsig || rrsig->covered != rrset_.type()) continue;
    const std::size_t before = candidates_.size();
    int matching = 0;
    if (rrsig->signer == keys_.zone) {
      for (const ZoneKey& key : keys_.keys) {
        if (key.tag != rrsig->key_tag || key.algorithm != rrsig->algorithm) continue;
        if (++matching > kMaxKeysPerTag) break;
        candidates_.push_back({*rrsig, &key});
      }
    }
    using Kind = Complaint::Kind;
    if (matching == 0) {
      complaint.Raise(Kind::kNoKey, rrset_, *rrsig, " is by no key of the zone");
      continue;
    }
    const Dates dates = DatesOf(*rrsig, now);
    if (rrsig->labels > labels || rrsig->labels < zone_labels) {
      complaint.Raise(Kind::kLabels, rrset_, *rrsig, " has a wrong number of labels");
    } else if (dates == Dates::kReversed) {
      complaint.Raise(Kind::kReversed, rrset_, *rrsig, " expires before it begins");
    } else if (dates == Dates::kNotYet) {
      complaint.Raise(Kind::kNotYet, rrset_, *rrsig,
                      " is not valid before " + DateText(rrsig->inception, now));
    } else if (dates == Dates::kExpired) {
      complaint.Raise(Kind::kExpired, rrset_, *rrsig,
                      " expired " + DateText(rrsig->expiration, now));
    } else {
      continue;
    }
    candidates_.resize(before);
  }
  // What stands here is the verdict unless a candidate is good; Step() puts a wrong signature in
  // its place, other than before an expired one.
  if (!complaint.text.empty()) {
    verdict_.ede = complaint.ede();
    verdict_.text = std::move(complaint.text);
  }
  if (candidates_.empty()) {
    if (!verdict_.ede) End(Security::kBogus, Ede::kBogus, Describe(rrset_) + ": malformed RRSIG");
    done_ = true;
    return;
  }
  // Malformed keys last, so that they do no harm to a signature that another key made.
  const auto rank = [](const Candidate& candidate) {
    return std::pair(candidate.key->key == nullptr, candidate.key->cost);
  };
  std::ranges::stable_sort(
      candidates_, [&](const Candidate& a, const Candidate& b) { return rank(a) < rank(b); });
}

bool Verification::End(Security security, std::optional<Ede> ede, std::string text) {
  verdict_.security = security;
  verdict_.ede = ede;
  verdict_.text = std::move(text);
  done_ = true;
  return true;
}

int Verification::NextCost() const noexcept {
  if (done_ || next_ >= candidates_.size() || TooManyFailures()) return 0;
  const ZoneKey& key = *candidates_[next_].key;
  return key.key == nullptr ? 0 : key.cost;
}

bool Verification::Step() {
  if (done_) return true;
  while (next_ < candidates_.size()) {
    if (TooManyFailures()) {
      verdict_.limited = true;
      verdict_.too_many_failures = true;
      return End(Security::kBogus, Ede::kOther,
                 "validation limit: " + std::to_string(failures_) + " signatures of " +
                     Describe(rrset_) + " do not verify");
    }
    const Candidate& candidate = candidates_[next_];
    const Rrsig& rrsig = candidate.rrsig;
    const PublicKey* key = candidate.key->key.get();
    bool good = false;
    if (key != nullptr) {
      if (!work_.TakeVerification()) {
        verdict_.limited = true;
        return End(Security::kBogus, Ede::kOther,
                   "validation limit: too many signatures before " + Describe(rrset_));
      }
      SignedData(rrset_, rrsig, scratch_);
      good = key->Verify(scratch_, rrsig.signature);
    }
    ++next_;
    if (good) {
      const std::int64_t left = std::max<std::int64_t>(
          SecondsBetween(static_cast<std::uint32_t>(now_), rrsig.expiration), 1);
      const std::int64_t ttl =
          std::min({left, std::int64_t{rrset_.ttl()}, std::int64_t{rrsig.original_ttl}});
      verdict_.max_ttl = static_cast<std::uint32_t>(std::max<std::int64_t>(ttl, 1));
      verdict_.original_ttl = rrsig.original_ttl;
      verdict_.expires_in = left;
      verdict_.signed_labels = rrsig.labels;
      return End(Security::kSecure, std::nullopt, {});
    }
    ++failures_;
    if (key != nullptr) failed_cost_ += candidate.key->cost;
    if (verdict_.ede != Ede::kSignatureExpired && (verdict_.ede != Ede::kBogus || failures_ == 1)) {
      verdict_.ede = Ede::kBogus;
      verdict_.text = Describe(rrset_, rrsig) +
                      (key == nullptr ? ": that key is malformed" : " does not verify");
    }
    if (key != nullptr) break;
  }
  if (next_ < candidates_.size()) return false;
  done_ = true;
  return true;
}

}  // namespace resolve64::dnssec
