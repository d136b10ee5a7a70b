// The chain of trust, from an anchor down to a zone (RFC 4035 section 5).

#include <algorithm>
#include <chrono>
#include <utility>

#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

using dnssec::ZoneTrust;
using dnssec::ZoneTrustPtr;
using Kind = dnssec::ZoneTrust::Kind;

constexpr Duration kBogusLife = std::chrono::seconds(5);  // RFC 9520 section 3.2: 1 to 300 s
constexpr Duration kLongestLife = std::chrono::hours(1);  // a rollover is noticed within it
constexpr Duration kNoCutLife = std::chrono::minutes(5);  // where nothing says how long
constexpr std::size_t kMostCuts = 40;                     // looked at for one unsigned name
constexpr int kServersForKeys = 3;                        // asked for a DNSKEY RRset that verifies

ZoneTrustPtr Quickly(const Name& zone, Kind kind, std::optional<Ede> ede, std::string text) {
  auto trust = std::make_shared<ZoneTrust>();
  trust->zone = zone;
  trust->kind = kind;
  trust->ede = ede;
  trust->text = std::move(text);
  return trust;
}

// What a limit of the request leaves of the question.
ZoneTrustPtr Passing(const Name& zone, std::string text) {
  auto trust = std::make_shared<ZoneTrust>();
  trust->zone = zone;
  trust->ede = Ede::kOther;
  trust->text = std::move(text);
  trust->passing = true;
  return trust;
}

Duration LifeOf(const dns::Rrset& rrset, TimePoint now) {
  return std::chrono::seconds(rrset.TtlAt(now));
}

// True where the referral spoke of DS, and what it said has not expired: that may be before the
// delegation itself does.
bool SaysOfDs(const cache::Delegation& delegation, TimePoint now) {
  if (delegation.ds != nullptr) return !delegation.ds->ExpiredAt(now);
  return !delegation.ds_proof.empty() &&
         std::none_of(delegation.ds_proof.begin(), delegation.ds_proof.end(),
                      [&](const dns::RrsetPtr& proof) { return proof->ExpiredAt(now); });
}

std::string KeysToText(const dnssec::KeySet& keys) {
  std::string text;
  for (const dnssec::ZoneKey& key : keys.keys) {
    text +=
        (text.empty() ? "" : ", ") + std::to_string(key.tag) + "/" + std::to_string(key.algorithm);
  }
  return text;
}

std::string Describe(const ZoneTrust& trust) {
  const std::string zone = trust.zone.ToText();
  switch (trust.kind) {
    case Kind::kSecure:
      return zone + " is signed: " + trust.text;
    case Kind::kInsecure:
      return zone + " is insecure: " +
             (trust.text.empty() ? "its parent proves that it has no DS" : trust.text);
    case Kind::kNoCut:
      return "no zone begins at " + zone + ": proved by its parent";
    case Kind::kIndeterminate:
      return zone + " is indeterminate: " + trust.text;
    case Kind::kBogus:
      break;
  }
  return zone + " cannot be trusted: " + trust.text;
}

}  // namespace

std::int64_t Resolver::State::WallSeconds(const Settings& settings) const {
  return settings.dnssec.override_time.value_or(scheduler_.clock().WallSeconds());
}

// RFC 7646: one that stands at or below the closest trust anchor suspends it.
const dnssec::NegativeAnchor* Resolver::State::Excepted(const Name& name,
                                                        const Checking& checking) const {
  const DnssecSettings& dnssec = checking.dnssec();
  if (dnssec.insecure.empty() || checking.request->ignore_negative_anchors) return nullptr;
  const std::int64_t now = WallSeconds(*checking.settings);
  const dnssec::NegativeAnchor* closest = nullptr;
  for (const dnssec::NegativeAnchor& anchor : dnssec.insecure) {
    if (!anchor.HoldsAt(now) || !name.IsAtOrBelow(anchor.name)) continue;
    if (closest == nullptr || anchor.name.IsBelow(closest->name)) closest = &anchor;
  }
  if (closest == nullptr) return nullptr;
  const dnssec::TrustAnchorsPtr anchors = dnssec.anchors->Get();
  const dns::RrsetPtr* anchor = anchors->FindDeepest(name);
  if (anchor != nullptr && (*anchor)->owner().IsBelow(closest->name)) return nullptr;
  return closest;
}

ZoneTrustPtr Resolver::State::Keep(const std::shared_ptr<ZoneTrust>& trust, Duration life,
                                   const Checking& checking) {
  if (checking.settings != settings_) return trust;
  const TimePoint now = scheduler_.Now();
  trust->expires = now + std::min(life, kLongestLife);
  caches_.trust.Put(trust, now);
  return trust;
}

// A hundred answers that wait for the keys of one zone follow its chain once. A chain waits for
// those of zones above it alone: never in a circle.
Chains::Seat Resolver::State::Board(const Name& zone, const Checking& checking) {
  return chains_.Board(ChainKey(zone, checking), [&] { return Follow(zone, checking); });
}

std::shared_ptr<Chains::Seat> Resolver::State::StartTrustOf(const Name& zone,
                                                            const Checking& checking) {
  if (Excepted(zone, checking) != nullptr ||
      caches_.trust.Find(zone, scheduler_.Now()) != nullptr ||
      checking.dnssec().anchors->Get()->FindDeepest(zone) == nullptr) {
    return nullptr;
  }
  return std::make_shared<Chains::Seat>(Board(zone, checking));
}

net::Task<ZoneTrustPtr> Resolver::State::TrustOf(Name zone, Checking checking) {
  if (Excepted(zone, checking) != nullptr) {
    co_return Quickly(zone, Kind::kInsecure, Ede::kNegativeTrustAnchor,
                      "a negative trust anchor is in force");
  }
  for (;;) {
    if (ZoneTrustPtr known = caches_.trust.Find(zone, scheduler_.Now())) co_return known;
    Chains::Seat seat = Board(zone, checking);
    net::Event::Waiter waiter = seat.WaitUntil(checking.request->deadline);
    const bool done = co_await waiter;
    if (!done) {
      co_return Passing(zone, "validation limit: no time left for the keys of " + zone.ToText());
    }
    // Somebody else's budget is not ours: follow it ourselves.
    if (!seat.joined() || !seat.result()->passing) co_return seat.result();
  }
}

net::Task<ZoneTrustPtr> Resolver::State::Follow(Name zone, Checking checking) {
  const dnssec::TrustAnchorsPtr anchors = checking.dnssec().anchors->Get();
  if (const dns::RrsetPtr* anchor = anchors->Find(zone)) {
    Tell(checking.trace(), scheduler_.clock(), "dnssec",
         [&] { return "there is a trust anchor for " + zone.ToText(); });
    net::Task<ZoneTrustPtr> follow = FollowDs(zone, *anchor, checking);
    co_return co_await follow;
  }
  if (anchors->FindDeepest(zone) == nullptr) {
    co_return Quickly(zone, Kind::kIndeterminate, Ede::kIndeterminate,
                      "no trust anchor leads to " + zone.ToText());
  }

  net::Task<Finding> find = FindDs(zone, checking);
  Finding found = co_await find;
  const TimePoint now = scheduler_.Now();
  if (found.security == Security::kSecure && found.rrset != nullptr) {
    net::Task<ZoneTrustPtr> follow = FollowDs(zone, found.rrset, checking);
    co_return co_await follow;
  }
  auto trust = std::make_shared<ZoneTrust>();
  trust->zone = zone;
  trust->ede = found.ede;
  trust->text = std::move(found.text);
  trust->passing = found.passing;
  Duration life = std::min<Duration>(kNoCutLife, std::chrono::seconds(LeastTtl(found.proof, now)));
  switch (found.security) {
    case Security::kSecure:
      trust->kind = found.delegation ? Kind::kInsecure : Kind::kNoCut;
      break;
    case Security::kInsecure:
      trust->kind = Kind::kInsecure;
      break;
    case Security::kIndeterminate:
      trust->kind = Kind::kIndeterminate;
      break;
    case Security::kBogus:
    case Security::kUnchecked:
      trust->kind = Kind::kBogus;
      life = kBogusLife;
      break;
  }
  Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] { return Describe(*trust); });
  // What a negative trust anchor above made insecure is not a fact.
  if (trust->passing || trust->ede == Ede::kNegativeTrustAnchor) co_return trust;
  co_return Keep(trust, life, checking);
}

// The DS of `zone`, or its denial: as it came with the referral, else asked for.
net::Task<Finding> Resolver::State::FindDs(Name zone, Checking checking) {
  const cache::DelegationPtr delegation = caches_.delegations.Find(zone, scheduler_.Now());
  if (delegation != nullptr && SaysOfDs(*delegation, scheduler_.Now())) {
    net::Task<Finding> check =
        delegation->ds != nullptr
            ? CheckRrset(delegation->ds, true, checking)
            : CheckDenial(zone, RrType::kDs, false, nullptr, delegation->ds_proof, checking);
    Finding found = co_await check;
    if (found.security != Security::kBogus || !found.elsewhere) co_return found;
    Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] {
      return "what the referral says of " + zone.ToText() + " does not verify (" + found.text +
             "): asking for its DS";
    });
  }
  std::vector<cache::Server> avoid;
  std::optional<Finding> first;
  for (int attempt = 1;; ++attempt) {
    net::Task<Link> raw = Raw(zone, RrType::kDs, false, avoid, checking);
    const Link link = co_await raw;
    const bool failed = link.kind == LookupKind::kError || link.kind == LookupKind::kTimeout;
    if (first && failed) co_return std::move(*first);  // nobody else to ask
    net::Task<Finding> judge = DsFromLink(zone, link, checking);
    Finding found = co_await judge;
    // What was in memory and is bogus is marked so by now, and asked for.
    const bool other =
        found.security == Security::kBogus && found.elsewhere && attempt < kServersForKeys;
    if (!other) co_return found;
    if (link.server != cache::Server{}) avoid.push_back(link.server);
    if (!first) first = std::move(found);
  }
}

net::Task<Finding> Resolver::State::DsFromLink(Name zone, Link link, Checking checking) {
  Finding finding;
  if (link.local) {
    finding.security = Security::kInsecure;
    finding.text = "it is answered here";
    finding.passing = true;
    co_return finding;
  }
  // An alias at the name: there is no zone cut (RFC 1034 section 3.6.2).
  if (!link.chain.empty()) {
    // One above the name is a DNAME, which its own zone signs.
    const bool at_name = link.chain.front()->owner() == zone;
    net::Task<Finding> check = CheckRrset(link.chain.front(), at_name, checking);
    finding = co_await check;
    if (!finding.passing) StoreChecked(finding.rrset, checking);
    finding.rrset = nullptr;
    co_return finding;
  }
  switch (link.kind) {
    case LookupKind::kData: {
      net::Task<Finding> check = CheckRrset(link.data, true, checking);
      finding = co_await check;
      if (!finding.passing) StoreChecked(finding.rrset, checking);
      co_return finding;
    }
    case LookupKind::kNodata:
    case LookupKind::kNxdomain: {
      net::Task<Finding> check = CheckDenial(zone, RrType::kDs, link.kind == LookupKind::kNxdomain,
                                             link.soa, link.proof, checking);
      finding = co_await check;
      if (!finding.passing) StoreCheckedDenial(link, RrType::kDs, finding, checking);
      co_return finding;
    }
    case LookupKind::kError:
    case LookupKind::kTimeout:
    case LookupKind::kBogus:
      break;
  }
  finding.ede = link.ede;
  finding.text = zone.ToText() + " DS: " + link.ede_text;
  finding.passing = link.ours;
  co_return finding;
}

// From a DS RRset that is trusted to the keys of the zone.
net::Task<ZoneTrustPtr> Resolver::State::FollowDs(Name zone, dns::RrsetPtr ds, Checking checking) {
  const dnssec::DsSupport support = dnssec::SupportOf(*ds);
  if (!support.usable) {
    auto trust = std::make_shared<ZoneTrust>();
    trust->zone = zone;
    trust->kind = Kind::kInsecure;
    trust->ede = support.ede;
    trust->text = support.text;
    Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] { return Describe(*trust); });
    co_return Keep(trust, LifeOf(*ds, scheduler_.Now()), checking);
  }
  auto trust = std::make_shared<ZoneTrust>();
  trust->zone = zone;
  trust->has_ds = true;
  bool lasting = true;  // it is not only this request that failed
  std::vector<cache::Server> avoid;
  bool fresh = false;  // what is in memory was no good
  for (int attempt = 1; attempt <= kServersForKeys; ++attempt) {
    net::Task<Link> raw = Raw(zone, RrType::kDnskey, fresh, avoid, checking);
    const Link link = co_await raw;
    if (link.kind == LookupKind::kError || link.kind == LookupKind::kTimeout) {
      if (attempt > 1) break;  // nobody else to ask: what the first one said stands
      trust->ede = link.ede;
      trust->text = zone.ToText() + " DNSKEY: " + link.ede_text;
      lasting = false;
      break;
    }
    // Somebody else may have come this far with the same reply.
    if (ZoneTrustPtr known = caches_.trust.Find(zone, scheduler_.Now())) co_return known;
    dnssec::KeyTrouble trouble(Ede::kDnskeyMissing,
                               zone.ToText() + " DNSKEY: none, and there is a DS");
    dnssec::KeySetPtr entry;
    if (link.data != nullptr && link.chain.empty()) {
      entry = dnssec::EntryKeys(*ds, *link.data, trouble);
    }
    if (entry == nullptr) {
      trust->ede = trouble.ede;
      trust->text = trouble.text;
    } else {
      dnssec::Verdict verdict;
      net::Task<Finding> verify = VerifyOne(link.data, entry, checking, verdict);
      const Finding found = co_await verify;
      if (found.security == Security::kSecure) {
        const TimePoint now = scheduler_.Now();
        trust->kind = Kind::kSecure;
        trust->ede.reset();
        trust->keys = dnssec::KeysOf(*link.data, entry.get());
        trust->text = "DS " + KeysToText(*entry) + ", keys " + KeysToText(*trust->keys);
        StoreChecked(found.rrset, checking);
        const Duration life =
            std::min(LifeOf(*found.rrset, now),
                     ds->trust() == dns::Trust::kLocal ? kLongestLife : LifeOf(*ds, now));
        co_return Keep(trust, life, checking);
      }
      trust->ede = found.ede;
      trust->text = found.text;
      lasting = !verdict.limited || verdict.too_many_failures;
      if (verdict.limited) break;
    }
    // One stale secondary is enough for this: the others are asked.
    fresh = true;
    if (link.server != cache::Server{}) avoid.push_back(link.server);
  }
  Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] { return Describe(*trust); });
  // Somebody else may have had better luck meanwhile.
  const ZoneTrustPtr other = caches_.trust.Find(zone, scheduler_.Now());
  if (other != nullptr && other->kind == Kind::kSecure) co_return other;
  trust->passing = !lasting;
  if (!lasting) co_return trust;
  DoubtDelegationAbove(zone);
  co_return Keep(trust, kBogusLife, checking);
}

// What is known or said of (name, type), not validated. What was found bogus before is asked for
// again.
net::Task<Link> Resolver::State::Raw(Name name, RrType type, bool fresh,
                                     std::vector<cache::Server> avoid, Checking checking) {
  const bool first = avoid.empty();
  if (first && !fresh) {
    std::optional<Link> known =
        Known(name, type, *checking.settings, Accept::kNotBogus, checking.trace());
    if (known) co_return std::move(*known);
  }
  net::Task<Link> fetch =
      Fetch(name, type, checking.request, checking.settings, nullptr, false, std::move(avoid));
  Link link = co_await fetch;
  const bool failed = link.kind == LookupKind::kError || link.kind == LookupKind::kTimeout;
  // A budget or a deadline of this request says nothing to others.
  link.ours = link.ours || (failed && scheduler_.Now() >= checking.request->deadline);
  if (failed && first && !link.ours && !link.alias) StoreFailure(name, type, link);
  co_return link;
}

net::Task<ZoneTrustPtr> Resolver::State::EnclosingTrust(Name name, Checking checking) {
  const dnssec::TrustAnchorsPtr anchors = checking.dnssec().anchors->Get();
  const dns::RrsetPtr* anchor = anchors->FindDeepest(name);
  if (Excepted(name, checking) != nullptr || anchor == nullptr) {
    net::Task<ZoneTrustPtr> task = TrustOf(name, checking);
    co_return co_await task;
  }
  // The closest zone that is known already, or that a referral spoke of; everything above it is
  // looked at on the way to it.
  Name start = (*anchor)->owner();
  const TimePoint now = scheduler_.Now();
  const ZoneTrustPtr known = caches_.trust.FindDeepest(name, now);
  if (known != nullptr && known->zone.IsBelow(start)) {
    // What hangs below an insecure zone is insecure, whatever was delegated on the way.
    if (known->kind == Kind::kInsecure) co_return known;
    start = known->zone;
  }
  const cache::DelegationPtr delegation = caches_.delegations.FindDeepest(name, now);
  if (delegation != nullptr && delegation->zone.IsBelow(start)) start = delegation->zone;

  net::Task<ZoneTrustPtr> first = TrustOf(start, checking);
  ZoneTrustPtr trust = co_await first;
  const std::size_t labels = name.LabelCount();
  if (trust->kind == Kind::kNoCut) {
    // Whatever said that a zone begins there was wrong.
    net::Task<ZoneTrustPtr> above = EnclosingTrust(start.Parent(), checking);
    trust = co_await above;
  }
  for (std::size_t show = start.LabelCount() + 1; show <= labels; ++show) {
    if (trust->kind != Kind::kSecure) co_return trust;
    if (show - start.LabelCount() > kMostCuts) {
      co_return Quickly(name, Kind::kBogus, Ede::kOther, "too many labels without signatures");
    }
    net::Task<ZoneTrustPtr> next = TrustOf(name.Suffix(show), checking);
    const ZoneTrustPtr here = co_await next;
    if (here->kind != Kind::kNoCut) trust = here;
  }
  co_return trust;
}

void Resolver::State::TellChain(const Name& name, Trace* trace) {
  if (trace == nullptr) return;
  const TimePoint now = scheduler_.Now();
  for (std::size_t show = 0; show <= name.LabelCount(); ++show) {
    const ZoneTrustPtr trust = caches_.trust.Find(name.Suffix(show), now);
    if (trust == nullptr) continue;
    std::string link = "chain: " + Describe(*trust);
    const auto& events = trace->events();
    const bool told = std::any_of(events.begin(), events.end(),
                                  [&](const TraceEvent& event) { return event.message == link; });
    if (!told) trace->Add(now, "dnssec", std::move(link));
  }
}

net::Task<Security> Resolver::State::SecurityOfFailure(Name name, Checking checking) {
  if (Excepted(name, checking) != nullptr) co_return Security::kInsecure;
  const TimePoint now = scheduler_.Now();
  const cache::DelegationPtr delegation = caches_.delegations.FindDeepest(name, now);
  ZoneTrustPtr trust = caches_.trust.FindDeepest(name, now);
  if (delegation == nullptr || delegation->zone.is_root()) {
    // A forwarder's, or the root's own: nobody said where its zone begins.
    net::Task<ZoneTrustPtr> task = EnclosingTrust(name, checking);
    trust = co_await task;
  } else if (trust == nullptr || delegation->zone.IsBelow(trust->zone)) {
    net::Task<ZoneTrustPtr> task = TrustOf(delegation->zone, checking);
    trust = co_await task;
  }
  switch (trust->kind) {
    case Kind::kInsecure:
      co_return Security::kInsecure;
    case Kind::kIndeterminate:
      co_return Security::kIndeterminate;
    case Kind::kSecure:
    case Kind::kNoCut:
    case Kind::kBogus:
      break;
  }
  // Signed, or not known to be unsigned: then an attacker who drops packets must not gain by it
  // (RFC 6147 section 5.5).
  co_return Security::kSecure;
}

}  // namespace resolve64::resolver
