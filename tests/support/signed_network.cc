#include "support/signed_network.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <sstream>

#include "dns/message_builder.h"
#include "dnssec/key.h"
#include "unit/dnssec/denial_support.h"
#include "unit/dnssec/signer.h"

namespace resolve64::testing {
namespace {

constexpr std::uint8_t kEd25519 = 15;
constexpr std::uint16_t kSecureEntryPoint = 257;

const SignedZone* ZoneFor(const std::vector<const SignedZone*>& zones, const Question& question) {
  const SignedZone* best = nullptr;
  for (const SignedZone* zone : zones) {
    const bool parents = question.type == RrType::kDs && zone->apex == question.name;
    if (!question.name.IsAtOrBelow(zone->apex) || (parents && !zone->apex.is_root())) continue;
    if (best == nullptr || zone->apex.IsBelow(best->apex)) best = zone;
  }
  return best;
}

}  // namespace

//--- The zone ---------------------------------------------------------------------------------

SignedZone::SignedZone(std::string_view apex_text, const std::string& lines, bool is_signed)
    : apex(N(apex_text)), inception(test::kInception), expiration(test::kExpiration) {
  const std::string dot = apex.is_root() ? "" : apex.ToText();
  Add(apex.ToText() + " 3600 IN SOA ns." + dot + " host." + dot + " 1 3600 600 86400 300");
  std::istringstream all(lines);
  for (std::string line; std::getline(all, line);) {
    if (!line.empty()) Add(line);
  }
  if (is_signed) ChangeKey();
}

SignedZone::~SignedZone() = default;

void SignedZone::Add(const std::string& line) {
  const test::Parsed record = test::ParseRecord(line);
  Data& data = data_[{record.owner, record.type}];
  data.ttl = record.ttl;
  data.rdata.push_back(record.rdata);
}

void SignedZone::ChangeKey() {
  key_ = std::make_unique<test::Signer>(apex.ToText(), kEd25519, kSecureEntryPoint);
  data_[{apex, RrType::kDnskey}] = {3600, {key_->dnskey()}};
}

std::vector<std::uint8_t> SignedZone::Ds() const { return dnssec::MakeDs(apex, key_->dnskey()); }

void SignedZone::Vouch(const SignedZone& child, std::uint32_t ttl) {
  data_[{child.apex, RrType::kDs}] = {ttl, {child.Ds()}};
}

dns::RrsetPtr SignedZone::Find(const Name& owner, RrType type) const {
  const auto found = data_.find({owner, type});
  if (found == data_.end()) return nullptr;
  dns::RrsetBuilder builder(owner, type);
  for (const auto& rdata : found->second.rdata) builder.Add(rdata, found->second.ttl);
  return builder.Build(test::kHere, dns::Trust::kAuthAnswer);
}

// An empty non-terminal exists too (RFC 4592 section 2.2.2).
bool SignedZone::Exists(const Name& name) const {
  for (const auto& [key, data] : data_) {
    if (key.first.IsAtOrBelow(name)) return true;
  }
  return false;
}

// The delegation that `name` lies at or below. The DS at the cut is ours.
const Name* SignedZone::CutAbove(const Name& name, RrType type) const {
  for (const auto& [key, data] : data_) {
    const auto& [owner, kind] = key;
    const bool cut = kind == RrType::kNs && owner != apex && name.IsAtOrBelow(owner);
    if (cut && !(type == RrType::kDs && owner == name)) return &owner;
  }
  return nullptr;
}

// The NSEC that matches `name` or covers it (RFC 4034 section 4).
dns::RrsetPtr SignedZone::NsecFor(const Name& name) const {
  std::map<Name, std::set<RrType>> owners;  // in canonical order
  for (const auto& [key, data] : data_) {
    const auto& [owner, type] = key;
    const Name* cut = CutAbove(owner, RrType::kNone);
    if (cut != nullptr && owner != *cut) continue;  // glue
    owners[owner].insert(type);
  }
  auto next = owners.upper_bound(name);
  const auto at = next == owners.begin() ? std::prev(owners.end()) : std::prev(next);
  if (next == owners.end()) next = owners.begin();
  std::vector<RrType> types(at->second.begin(), at->second.end());
  types.push_back(RrType::kNsec);
  types.push_back(RrType::kRrsig);
  std::vector<std::uint8_t> rdata(next->first.wire().begin(), next->first.wire().end());
  const auto bitmap = dnssec::test::Bitmap(types);
  rdata.insert(rdata.end(), bitmap.begin(), bitmap.end());
  return dns::MakeRrset(at->first, RrType::kNsec, 300, rdata, test::kHere, dns::Trust::kAuthAnswer);
}

std::vector<std::uint8_t> SignedZone::Sign(const dns::Rrset& rrset) const {
  return key_->Sign(rrset, inception, expiration);
}

//--- The server -------------------------------------------------------------------------------

std::vector<std::uint8_t> SignedServer::Reply(const SeenQuery& query) const {
  const Name& name = query.question.name;
  const RrType type = query.question.type;
  const SignedZone* zone = ZoneFor(zones_, query.question);
  if (zone == nullptr) return ErrorReply(query, Rcode::kRefused);

  dns::MessageBuilder builder(query.tcp ? 65535 : 1232);
  std::set<std::pair<Name, RrType>> sent;
  const auto put = [&](Section section, const dns::RrsetPtr& rrset, const Name* owner = nullptr) {
    if (rrset == nullptr || !sent.emplace(rrset->owner(), rrset->type()).second) return;
    const bool ours = section != Section::kAdditional &&
                      (rrset->type() != RrType::kNs || rrset->owner() == zone->apex);
    const Fate fate = spoil ? spoil(*rrset) : Fate::kAsItIs;
    if (fate == Fate::kMissing) return;
    std::vector<std::vector<std::uint8_t>> signatures;
    if (zone->is_signed() && ours && fate != Fate::kNoSignature) {
      signatures.push_back(zone->Sign(*rrset));
      if (fate == Fate::kBadSignature) signatures.back().back() ^= 1;
    }
    const dns::RrsetPtr whole = test::WithSignatures(*rrset, signatures);
    if (!builder.AddRrset(section, *whole, whole->ttl(), true, owner)) {
      builder.SetFlag(Header::kTc);
    }
  };
  const auto put_nsec = [&](const Name& at) {
    if (zone->is_signed()) put(Section::kAuthority, zone->NsecFor(at));
  };
  const auto finish = [&](std::uint16_t flags, Rcode rcode = Rcode::kNoError) {
    builder.SetHeader(query.id, static_cast<std::uint16_t>(Header::kQr | flags |
                                                           static_cast<std::uint16_t>(rcode)));
    return builder.Finish();
  };
  builder.SetHeader(query.id, 0);
  builder.AddQuestion(query.question);

  if (const Name* cut = zone->CutAbove(name, type)) {
    const dns::RrsetPtr ns = zone->Find(*cut, RrType::kNs);
    put(Section::kAuthority, ns);
    const dns::RrsetPtr ds = zone->Find(*cut, RrType::kDs);
    ds != nullptr ? put(Section::kAuthority, ds) : put_nsec(*cut);
    for (std::size_t i = 0; i < ns->size(); ++i) {
      const Name target = dns::TargetOf(ns->rdata(i));
      if (target.IsAtOrBelow(zone->apex)) put(Section::kAdditional, zone->Find(target, RrType::kA));
    }
    return finish(0);
  }

  const dns::RrsetPtr soa = zone->Find(zone->apex, RrType::kSoa);
  Name source = name;  // of the records: the name, or the wildcard that makes it
  if (!zone->Exists(name)) {
    Name encloser = name.Parent();
    while (!zone->Exists(encloser)) encloser = encloser.Parent();
    source = encloser.Prepend("*").value();
    if (!zone->Exists(source)) {
      put(Section::kAuthority, soa);
      put_nsec(name);
      put_nsec(source);
      return finish(Header::kAa, Rcode::kNxDomain);
    }
  }
  dns::RrsetPtr found = zone->Find(source, type);
  if (found == nullptr) found = zone->Find(source, RrType::kCname);
  if (found != nullptr) {
    put(Section::kAnswer, found, source == name ? nullptr : &name);
  } else {
    put(Section::kAuthority, soa);
    put_nsec(source);
  }
  if (source != name) put_nsec(name);
  return finish(Header::kAa);
}

Behaviour SignedServer::Behave(Duration delay) const {
  return [this, delay](const SeenQuery& query) {
    return std::vector<Delivery>{{Reply(query), delay}};
  };
}

}  // namespace resolve64::testing
