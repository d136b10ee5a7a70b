// Replies with DNSSEC records, as the validator sees them: whatever they hold, it stays inside its
// limits, and what it says follows from the records alone.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "dns/rrset.h"
#include "dnssec/denial.h"
#include "dnssec/denial_cache.h"
#include "dnssec/key.h"
#include "dnssec/records.h"
#include "dnssec/verify.h"
#include "fuzz/check.h"
#include "resolve64/message.h"

namespace {

using namespace resolve64::dnssec;  // NOLINT(google-build-using-namespace): it is what is tested
using resolve64::MessageView;
using resolve64::Name;
using resolve64::RecordView;
using resolve64::RrType;
using resolve64::Security;
using resolve64::TimePoint;
using resolve64::dns::RrsetBuilder;
using resolve64::dns::RrsetPtr;
using resolve64::fuzz::Check;

using Records = std::vector<RrsetPtr>;

constexpr std::size_t kMaxRrsets = 40;         // of a message that are looked at
constexpr std::int64_t kDate = 1'700'000'000;  // the signatures of the corpus hold then
constexpr std::uint16_t kMaxIterations = 50;
const TimePoint kNow{std::chrono::hours(1)};

bool Inside(Octets part, Octets whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void ReadAsEverything(Octets rdata) {
  if (const auto rrsig = Rrsig::Read(rdata)) {
    Check(Inside(rrsig->signature, rdata), "a signature is inside its RDATA");
  }
  if (const auto dnskey = Dnskey::Read(rdata)) {
    Check(Inside(dnskey->key, rdata), "a key is inside its RDATA");
    PublicKey::Make(dnskey->algorithm, dnskey->key);
  }
  KeyTag(rdata);
  if (const auto ds = Ds::Read(rdata)) {
    Check(Inside(ds->digest, rdata), "a digest is inside its RDATA");
  }
  if (const auto nsec = Nsec::Read(rdata)) {
    Check(Inside(nsec->types.octets(), rdata), "a bit map is inside its RDATA");
    int present = 0;
    for (unsigned type = 0; type <= 0xFFFF; type += 51) {
      if (nsec->types.Has(static_cast<RrType>(type))) ++present;
    }
    Check(present == 0 || !nsec->types.octets().empty(), "an empty bit map has no types");
  }
  if (const auto nsec3 = Nsec3::Read(rdata)) {
    Check(Inside(nsec3->salt, rdata) && Inside(nsec3->next_hash, rdata) &&
              Inside(nsec3->types.octets(), rdata),
          "the fields of NSEC3 are inside its RDATA");
  }
}

// The RRsets of all sections, with the signatures that cover them.
Records Collect(const MessageView& view) {
  std::map<std::pair<Name, RrType>, RrsetBuilder> builders;
  const auto builder = [&](const Name& owner, RrType type) -> RrsetBuilder* {
    const auto known = builders.find({owner, type});
    if (known != builders.end()) return &known->second;
    if (builders.size() >= kMaxRrsets) return nullptr;
    return &builders.try_emplace({owner, type}, owner, type).first->second;
  };
  for (const RecordView& record : view.records()) {
    std::vector<std::uint8_t> rdata;
    if (!view.AppendRdata(record, rdata)) continue;
    ReadAsEverything(rdata);
    const Name owner = view.Owner(record);
    DecodeHashLabel(owner.FirstLabel(), 20);
    if (record.type != RrType::kRrsig) {
      if (auto* made = builder(owner, record.type)) made->Add(rdata, record.ttl);
    } else if (const auto rrsig = Rrsig::Read(rdata)) {
      if (auto* made = builder(owner, rrsig->covered)) made->AddSignature(rdata, record.ttl);
    }
  }
  Records records;
  for (const auto& [key, made] : builders) {
    if (made.size() > 0) {
      records.push_back(made.Build(kNow, resolve64::dns::Trust::kAuthAuthority));
    }
  }
  return records;
}

void CheckSignatures(const resolve64::dns::Rrset& rrset) {
  IsExpanded(rrset);
  const std::vector<Name> signers = Signers(rrset);
  Check(signers.size() <= 3, "few signers are named");
  for (const Name& signer : signers) {
    Check(rrset.owner().IsAtOrBelow(signer), "a signer is at or above what it signs");
    Check(rrset.type() != RrType::kDs || signer != rrset.owner(), "no zone signs its own DS");
  }
  std::vector<std::uint8_t> data;
  for (std::size_t i = 0; i < std::min<std::size_t>(rrset.signature_count(), 4); ++i) {
    if (const auto rrsig = Rrsig::Read(rrset.signature(i))) SignedData(rrset, *rrsig, data);
  }
}

void CheckVerification(const resolve64::dns::Rrset& rrset, const KeySet& keys, Work& work) {
  const int before = work.verifications;
  Verification verification(rrset, keys, kDate, work);
  int steps = 1;
  while (!verification.Step()) {
    Check(++steps <= kMaxSignatures * kMaxKeysPerTag + 1, "a verification ends");
    Check(verification.NextCost() >= 0, "a step costs something or nothing");
  }
  const Verdict& verdict = verification.verdict();
  Check(work.verifications >= 0 && before - work.verifications <= kMaxSignatures * kMaxKeysPerTag,
        "a verification keeps to its limits");
  if (verdict.security == Security::kSecure) {
    Check(rrset.signature_count() > 0 && before > work.verifications, "what is secure was checked");
    Check(verdict.max_ttl >= 1 && verdict.max_ttl <= std::max(rrset.ttl(), 1U),
          "no RRset lives longer for being secure");
  } else {
    Check(verdict.security == Security::kBogus && verdict.ede.has_value(),
          "what is not secure is bogus, and it is said why");
  }
}

// Keys of the message, as if its DS RRsets and its DNSKEY RRsets were to be believed.
void CheckKeys(const Records& records) {
  Work work;
  for (const RrsetPtr& dnskeys : records) {
    if (dnskeys->type() != RrType::kDnskey) continue;
    const KeySetPtr keys = KeysOf(*dnskeys);
    Check(keys != nullptr && keys->keys.size() <= kMaxZoneKeys, "a zone has so many keys");
    for (const RrsetPtr& ds : records) {
      if (ds->type() != RrType::kDs) continue;
      SupportOf(*ds);
      KeyTrouble trouble;
      const KeySetPtr entry = EntryKeys(*ds, *dnskeys, trouble);
      Check(entry == nullptr || entry->keys.size() <= kMaxZoneKeys, "few keys are entry points");
    }
    for (const RrsetPtr& rrset : records) CheckVerification(*rrset, *keys, work);
  }
}

template <class Claim>
void CheckClaim(const Name& zone, const Records& records, Proof& proof, Work& work, Claim claim) {
  const int before = work.hashes;
  const Denial denial = claim(proof);
  Check(work.hashes >= 0 && work.hashes <= before, "hashes are paid for");
  if (denial.kind == Denial::Kind::kNotProved) {
    Check(denial.ede.has_value() && !denial.text.empty() && denial.used.empty(),
          "it is said why something is not proved");
    return;
  }
  Check(!denial.limited && !denial.used.empty(), "a proof rests on something");
  for (const RrsetPtr& used : denial.used) {
    Check(std::ranges::find(records, used) != records.end(), "a proof rests on what was given");
    Check(!IsExpanded(*used) && used->owner().IsAtOrBelow(zone),
          "a proof rests on records of the zone");
  }
  Work enough;
  Proof same(zone, denial.used, kMaxIterations, enough);
  Check(claim(same).kind == denial.kind, "what is used suffices");
}

void CheckDenials(const Name& zone, const std::vector<Name>& names, const Records& records) {
  Work work;
  Proof proof(zone, records, kMaxIterations, work);
  for (const Name& name : names) {
    CheckClaim(zone, records, proof, work, [&](Proof& p) { return p.Nxdomain(name); });
    for (const RrType type : {RrType::kA, RrType::kAaaa, RrType::kDs}) {
      CheckClaim(zone, records, proof, work, [&](Proof& p) { return p.Nodata(name, type); });
    }
    CheckClaim(zone, records, proof, work, [&](Proof& p) { return p.NoDsAt(name).denial; });
    for (const std::size_t labels : {zone.LabelCount(), name.LabelCount() - 1}) {
      CheckClaim(zone, records, proof, work,
                 [&](Proof& p) { return p.NoCloserName(name, static_cast<std::uint8_t>(labels)); });
    }
  }
}

void CheckCache(const Name& zone, const std::vector<Name>& names, const Records& records) {
  DenialCache cache(1 << 20);
  Records secure;
  RrsetPtr soa;
  for (const RrsetPtr& rrset : records) {
    secure.push_back(resolve64::dns::Certify(*rrset, Security::kSecure, 3600, kNow));
    if (rrset->type() == RrType::kSoa && rrset->owner() == zone) soa = secure.back();
  }
  cache.Add(zone, soa, secure, kNow);
  Work work;
  for (const Name& name : names) {
    const auto known = cache.Find(name, RrType::kAaaa, kMaxIterations, work, kNow);
    if (known) {
      Work enough;
      Proof proof(zone, known->proof, kMaxIterations, enough);
      const Denial denial =
          known->nxdomain ? proof.Nxdomain(name) : proof.Nodata(name, RrType::kAaaa);
      Check(denial.kind == Denial::Kind::kProved, "what is known is proved");
    }
    const auto wildcard = cache.FindWildcard(name, kMaxIterations, work, kNow);
    if (wildcard) {
      Check(wildcard->wildcard.is_wildcard() && wildcard->wildcard.IsBelow(zone),
            "a wildcard is of the zone");
      Check(name.IsBelow(wildcard->wildcard.Parent()), "a wildcard makes the name");
    }
  }
  cache.Clear();
  Check(cache.stats().cost == 0, "what is forgotten costs nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto view = MessageView::Parse({data, size});
  if (!view) return 0;
  const Records records = Collect(*view);
  for (const RrsetPtr& rrset : records) CheckSignatures(*rrset);
  CheckKeys(records);

  // The zone is that of the SOA, as in a negative reply, and otherwise above what was asked for.
  if (!view->question() || view->question()->name.is_root()) return 0;
  const Name name = view->question()->name;
  Name zone = name.Parent();
  for (const RrsetPtr& rrset : records) {
    if (rrset->type() == RrType::kSoa) zone = rrset->owner();
  }
  std::vector<Name> names{name};
  if (const auto below = name.Prepend("a")) names.push_back(*below);
  for (const RrsetPtr& rrset : records) {
    if (names.size() < 8 && !rrset->owner().is_root()) names.push_back(rrset->owner());
  }
  CheckDenials(zone, names, records);
  CheckCache(zone, names, records);
  return 0;
}
