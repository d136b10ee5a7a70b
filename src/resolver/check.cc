// Is it authentic? RRsets by their signatures, denials by their proofs (RFC 4035 section 5, RFC
// 5155 section 8).

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "dnssec/denial.h"
#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

using dnssec::ZoneTrust;
using dnssec::ZoneTrustPtr;
using Kind = dnssec::ZoneTrust::Kind;

constexpr std::uint32_t kForever = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMostSigners = 3;  // looked at for one denial
constexpr int kServersForAnswer = 3;     // asked where what one says is bogus

// What a zone that is not secure makes of the data in it.
Finding FromTrust(const ZoneTrust& trust) {
  Finding finding;
  finding.ede = trust.ede;
  finding.text = trust.text;
  finding.passing = trust.passing;
  switch (trust.kind) {
    case Kind::kInsecure:
      finding.security = Security::kInsecure;
      break;
    case Kind::kIndeterminate:
      finding.security = Security::kIndeterminate;
      break;
    case Kind::kBogus:
    case Kind::kNoCut:
    case Kind::kSecure:
      finding.security = Security::kBogus;
      break;
  }
  return finding;
}

Finding Exception() {
  Finding finding;
  finding.security = Security::kInsecure;
  finding.ede = Ede::kNegativeTrustAnchor;
  finding.text = "a negative trust anchor is in force";
  return finding;
}

Finding Bogus(Ede ede, std::string text, bool elsewhere) {
  Finding finding;
  finding.ede = ede;
  finding.text = std::move(text);
  finding.elsewhere = elsewhere;
  return finding;
}

// The zones that claim to deny something at `name`, the deepest first.
template <class MayDeny>
std::vector<Name> DeniersOf(const dns::RrsetPtr& soa, const std::vector<dns::RrsetPtr>& proof,
                            const MayDeny& may_deny) {
  std::vector<Name> signers;
  const auto add = [&](const dns::Rrset& rrset) {
    for (const Name& signer : dnssec::Signers(rrset)) {
      if (may_deny(signer) && std::find(signers.begin(), signers.end(), signer) == signers.end()) {
        signers.push_back(signer);
      }
    }
  };
  for (const dns::RrsetPtr& rrset : proof) add(*rrset);
  if (soa != nullptr) add(*soa);
  std::sort(signers.begin(), signers.end(),
            [](const Name& a, const Name& b) { return a.LabelCount() > b.LabelCount(); });
  if (signers.size() > kMostSigners) signers.resize(kMostSigners);
  return signers;
}

std::string Claim(const Name& name, RrType type, bool nxdomain) {
  return nxdomain ? "NXDOMAIN of " + name.ToText()
                  : "NODATA of " + name.ToText() + " " + ToText(type);
}

void MakeBogus(Link& link, const Finding& finding) {
  link.kind = LookupKind::kBogus;
  link.rcode = Rcode::kServFail;
  link.security = Security::kBogus;
  link.alias = false;
  link.chain.clear();
  link.data = nullptr;
  link.soa = nullptr;
  link.proof.clear();
  link.elsewhere = finding.elsewhere;
  link.ours = finding.passing;
  link.ede = finding.ede.value_or(Ede::kBogus);
  link.ede_text = finding.text;
}

// A denial that proves nothing, for this claim.
Finding NotProved(const dnssec::Denial& denial, const std::string& claim) {
  Finding finding =
      Bogus(denial.ede.value_or(Ede::kNsecMissing), claim + ": " + denial.text, !denial.limited);
  finding.passing = denial.limited;
  return finding;
}

}  // namespace

Security Weaker(Security a, Security b) {
  if (a == Security::kBogus || b == Security::kBogus) return Security::kBogus;
  if (a == Security::kSecure) return b;
  if (b == Security::kSecure) return a;
  return a == Security::kInsecure ? a : b;
}

std::uint32_t LeastTtl(const std::vector<dns::RrsetPtr>& rrsets, TimePoint now) {
  std::uint32_t ttl = kForever;
  for (const dns::RrsetPtr& rrset : rrsets) ttl = std::min(ttl, rrset->TtlAt(now));
  return ttl;
}

net::Task<Link> Resolver::State::FetchChecked(Name name, RrType type, Checking checking) {
  std::vector<cache::Server> avoid;
  std::optional<Link> first;
  for (int attempt = 1;; ++attempt) {
    net::Task<Link> fetch =
        Fetch(name, type, checking.request, checking.settings, nullptr, true, avoid);
    Link link = co_await fetch;
    // Nobody else to ask, or nobody who answers.
    const bool failed = link.kind == LookupKind::kError || link.kind == LookupKind::kTimeout;
    if (first && failed && !link.alias) {
      DoubtDelegationAbove(name);
      co_return std::move(*first);
    }
    net::Task<void> check = Check(link, type, checking);
    co_await check;
    const bool again = link.kind == LookupKind::kBogus && link.elsewhere &&
                       link.server != cache::Server{} && attempt < kServersForAnswer;
    if (!again) {
      if (link.kind == LookupKind::kBogus && !link.ours) DoubtDelegationAbove(name);
      co_return link;
    }
    Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] {
      return "bogus from " + link.server.ToText() + ": asking another server (" + link.ede_text +
             ")";
    });
    avoid.push_back(link.server);
    if (!first) first = std::move(link);
  }
}

net::Task<void> Resolver::State::Check(Link& link, RrType type, Checking checking) {
  if (link.local || link.security != Security::kUnchecked) co_return;
  const bool failed = link.kind == LookupKind::kError || link.kind == LookupKind::kTimeout;
  Security weakest = Security::kSecure;
  const auto settle = [&](const Finding& finding) {
    weakest = Weaker(weakest, finding.security);
    if (finding.security != Security::kSecure && !link.ede) {
      link.ede = finding.ede;
      link.ede_text = finding.text;
    }
  };
  for (std::size_t i = 0; i < link.chain.size(); ++i) {
    // The CNAME that a DNAME made is as good as the DNAME (RFC 6672 section 5.3.1).
    if (i > 0 && link.chain[i - 1]->type() == RrType::kDname) {
      const dns::RrsetPtr& dname = link.chain[i - 1];
      const Name owner = link.chain[i]->owner();
      // An insecure zone above an anchor does not lead away what is below the anchor.
      if (dname->security() != Security::kSecure && Excepted(owner, checking) == nullptr &&
          IsBelowAnchor(owner, dname->owner(), checking.dnssec())) {
        MakeBogus(link,
                  Bogus(Ede::kBogus,
                        owner.ToText() + ": led away by a DNAME above its trust anchor", false));
        co_return;
      }
      link.chain[i] = Certify(*link.chain[i], {dname->security(), dname->reason()},
                              dname->TtlAt(scheduler_.Now()), scheduler_.Now());
      continue;
    }
    net::Task<Finding> check = CheckRrset(link.chain[i], false, checking);
    const Finding finding = co_await check;
    if (!finding.passing) StoreChecked(finding.rrset, checking);
    if (finding.security == Security::kBogus) {
      MakeBogus(link, finding);
      co_return;
    }
    settle(finding);
    link.chain[i] = finding.rrset;
  }
  if (link.alias) {
    link.security = weakest;
    co_return;
  }
  if (link.kind == LookupKind::kData) {
    net::Task<Finding> check = CheckRrset(link.data, false, checking);
    const Finding finding = co_await check;
    if (!finding.passing) StoreChecked(finding.rrset, checking);
    if (finding.security == Security::kBogus) {
      MakeBogus(link, finding);
      co_return;
    }
    settle(finding);
    link.data = finding.rrset;
  } else if (link.kind == LookupKind::kNodata || link.kind == LookupKind::kNxdomain) {
    const bool nxdomain = link.kind == LookupKind::kNxdomain;
    net::Task<Finding> check =
        CheckDenial(link.final_name, type, nxdomain, link.soa, link.proof, checking);
    const Finding finding = co_await check;
    if (!finding.passing) StoreCheckedDenial(link, type, finding, checking);
    if (finding.security == Security::kBogus) {
      MakeBogus(link, finding);
      co_return;
    }
    settle(finding);
    link.soa = finding.soa;
    link.proof = finding.proof;
  } else if (failed && link.rcode != Rcode::kYxDomain) {
    net::Task<Security> task = SecurityOfFailure(link.final_name, checking);
    weakest = co_await task;
  }
  link.security = weakest;
}

// Settings that hold no longer judge nothing.
void Resolver::State::StoreChecked(const dns::RrsetPtr& rrset, const Checking& checking) {
  if (checking.settings == settings_) caches_.rrsets.Put(rrset, scheduler_.Now());
}

// Where an anchor stands between `zone` and `name`, the zone has no say in what is below the
// anchor.
bool Resolver::State::IsBelowAnchor(const Name& name, const Name& zone,
                                    const DnssecSettings& settings) {
  const dnssec::TrustAnchorsPtr anchors = settings.anchors->Get();
  const dns::RrsetPtr* anchor = anchors->FindDeepest(name);
  return anchor != nullptr && (*anchor)->owner().IsBelow(zone);
}

// Bogus whoever says it: perhaps the referral that led there was.
void Resolver::State::DoubtDelegationAbove(const Name& name) {
  const auto delegation = caches_.delegations.FindDeepest(name, scheduler_.Now());
  if (delegation == nullptr || delegation->zone.is_root()) return;
  if (MayDoubt(delegation->zone)) caches_.delegations.Flush(delegation->zone);
}

// What was found goes in place of what was said. A bogus denial stays for those who set CD, and not
// for long.
void Resolver::State::StoreCheckedDenial(const Link& link, RrType type, const Finding& finding,
                                         const Checking& checking) {
  if (checking.settings != settings_) return;
  const TimePoint now = scheduler_.Now();
  const bool bogus = finding.security == Security::kBogus;
  const dns::RrsetPtr& soa = bogus ? link.soa : finding.soa;
  if (soa == nullptr) return;
  const std::uint32_t ttl =
      std::min(bogus ? kBogusTtl : settings_->max_negative_ttl, LeastTtl(finding.proof, now));
  // The SOA tells clients for how long: no longer than what proves it.
  cache::Negative negative = cache::MakeNegative(
      bogus ? soa : Certify(*soa, {soa->security(), soa->reason()}, ttl, now),
      bogus ? link.proof : finding.proof, now, ttl, {finding.security, finding.ede});
  if (link.kind == LookupKind::kNxdomain) {
    caches_.rrsets.PutNxdomain(link.final_name, negative, now);
  } else {
    caches_.rrsets.PutNodata(link.final_name, type, negative, now);
  }
  const bool aggressive = settings_->dnssec.aggressive_nsec && !finding.proof.empty() &&
                          finding.security == Security::kSecure;
  if (aggressive) caches_.denials.Add(soa->owner(), soa, finding.proof, now);
}

net::Task<Finding> Resolver::State::CheckRrset(dns::RrsetPtr rrset, bool above, Checking checking) {
  const Name owner = rrset->owner();
  const auto keep = [&](Finding finding) {
    const bool bogus = finding.security == Security::kBogus;
    finding.rrset = Certify(*rrset, {finding.security, finding.ede}, bogus ? kBogusTtl : kForever,
                            scheduler_.Now(), {rrset->proof().begin(), rrset->proof().end()});
    return finding;
  };
  const bool settled =
      rrset->security() != Security::kUnchecked && rrset->security() != Security::kBogus;
  if (settled && rrset->reason() != Ede::kNegativeTrustAnchor) {
    Finding known;
    known.security = rrset->security();
    known.ede = rrset->reason();
    known.rrset = rrset;
    co_return known;
  }
  if (Excepted(owner, checking) != nullptr) co_return keep(Exception());
  const bool of_parent = (above || rrset->type() == RrType::kDs) && !owner.is_root();
  const Name base = of_parent ? owner.Parent() : owner;
  std::optional<Finding> failed;
  for (const Name& signer : dnssec::Signers(*rrset)) {
    if (!base.IsAtOrBelow(signer) || IsBelowAnchor(base, signer, checking.dnssec())) continue;
    net::Task<ZoneTrustPtr> task = TrustOf(signer, checking);
    const ZoneTrustPtr trust = co_await task;
    if (trust->kind == Kind::kNoCut) continue;
    if (trust->kind != Kind::kSecure) co_return keep(FromTrust(*trust));
    net::Task<Finding> verify = Verify(rrset, trust->keys, checking);
    Finding finding = co_await verify;
    if (finding.security != Security::kBogus) co_return finding;
    if (!failed) failed = std::move(finding);
  }
  if (failed) co_return keep(std::move(*failed));

  // Unsigned, or signed by nobody who could: that is right only in an insecure zone.
  net::Task<ZoneTrustPtr> task = EnclosingTrust(base, checking);
  const ZoneTrustPtr trust = co_await task;
  if (trust->kind != Kind::kSecure) co_return keep(FromTrust(*trust));
  co_return keep(Bogus(Ede::kRrsigsMissing,
                       owner.ToText() + " " + ToText(rrset->type()) + ": no RRSIG, and " +
                           trust->zone.ToText() + " is signed",
                       true));
}

// One RRset under the keys of its zone, the proof of a wildcard's expansion included.
net::Task<Finding> Resolver::State::Verify(dns::RrsetPtr rrset, dnssec::KeySetPtr keys,
                                           Checking checking) {
  dnssec::Verdict verdict;
  net::Task<Finding> one = VerifyOne(rrset, keys, checking, verdict);
  Finding finding = co_await one;
  const Name owner = rrset->owner();
  const std::size_t labels = owner.LabelCount() - (owner.is_wildcard() ? 1 : 0);
  if (finding.security != Security::kSecure || verdict.signed_labels >= labels) co_return finding;

  // RFC 4035 section 5.3.4, RFC 5155 section 8.8.
  std::vector<dns::RrsetPtr> good;
  net::Task<std::optional<Finding>> verify =
      VerifyAll({rrset->proof().begin(), rrset->proof().end()}, keys, checking, good);
  const std::optional<Finding> broken = co_await verify;
  dnssec::Proof proof(keys->zone, good, checking.dnssec().nsec3_max_iterations,
                      checking.request->work);
  const dnssec::Denial denial = proof.NoCloserName(owner, verdict.signed_labels);
  if (denial.kind == dnssec::Denial::Kind::kNotProved) {
    if (broken && broken->passing) co_return *broken;
    co_return NotProved(denial, owner.ToText() + " " + ToText(rrset->type()) +
                                    ": from a wildcard, and no proof that it may be");
  }
  const bool secure = denial.kind == dnssec::Denial::Kind::kProved;
  finding.security = secure ? Security::kSecure : Security::kInsecure;
  if (!secure) {
    finding.ede = denial.ede;
    finding.text = denial.text;
  }
  const TimePoint now = scheduler_.Now();
  const std::uint32_t ttl = std::min(verdict.max_ttl, LeastTtl(denial.used, now));
  finding.rrset = Certify(*rrset, {finding.security, finding.ede}, ttl, now, denial.used);
  if (secure && checking.dnssec().aggressive_nsec) {
    // Its sisters are made from it (RFC 8198 section 5.3).
    const Result<Name> wildcard = owner.Suffix(verdict.signed_labels).Prepend("*");
    if (wildcard) {
      StoreChecked(Certify(*rrset, Security::kSecure, ttl, now, {}, &*wildcard), checking);
    }
  }
  co_return finding;
}

// Each of `proof`: those that verify go into `good`, which lives in the caller's frame; the first
// that does not is returned.
net::Task<std::optional<Finding>> Resolver::State::VerifyAll(std::vector<dns::RrsetPtr> proof,
                                                             dnssec::KeySetPtr keys,
                                                             Checking checking,
                                                             std::vector<dns::RrsetPtr>& good) {
  std::optional<Finding> broken;
  for (const dns::RrsetPtr& rrset : proof) {
    dnssec::Verdict verdict;
    net::Task<Finding> verify = VerifyOne(rrset, keys, checking, verdict);
    Finding found = co_await verify;
    if (found.security == Security::kSecure) {
      good.push_back(found.rrset);
    } else if (!broken) {
      broken = std::move(found);
    }
  }
  co_return broken;
}

// The signatures alone, a public-key operation at a time: others have their turns in between.
net::Task<Finding> Resolver::State::VerifyOne(dns::RrsetPtr rrset, dnssec::KeySetPtr keys,
                                              Checking checking, dnssec::Verdict& verdict) {
  std::unique_ptr<dnssec::Verdict> before = verified_.Find(*rrset, keys, scheduler_.Now());
  if (before == nullptr) {
    dnssec::Verification work(*rrset, *keys, WallSeconds(*checking.settings),
                              checking.request->work);
    for (;;) {
      const int cost = work.NextCost();
      if (cost > 0) {
        net::TurnBudget::Waiter turn = turns_.Spend(cost, checking.request->deadline);
        const bool granted = co_await turn;
        if (!granted) {
          Finding late;
          late.ede = Ede::kOther;
          late.text = "validation limit: no time left for " + rrset->owner().ToText();
          late.passing = true;
          verdict.limited = true;
          co_return late;
        }
        // Somebody who wants the same may have been faster.
        if (turn.waited()) before = verified_.Find(*rrset, keys, scheduler_.Now());
        if (before != nullptr) break;
        stats_.Add(Counter::kVerifications);
      }
      if (work.Step()) break;
    }
    if (before == nullptr) {
      verdict = work.verdict();
      if (verdict.limited) stats_.Add(Counter::kLimitValidation);
      // That there are too many bad signatures is so for everybody; that this request may do no
      // more is not.
      if (!verdict.limited || verdict.too_many_failures) {
        verified_.Put(rrset, keys, verdict, scheduler_.Now());
      }
    }
  }
  if (before != nullptr) verdict = *before;
  Finding finding;
  finding.security = verdict.security;
  if (verdict.security == Security::kSecure) {
    finding.rrset = Certify(*rrset, Security::kSecure, verdict.max_ttl, scheduler_.Now());
    Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] {
      return rrset->owner().ToText() + " " + ToText(rrset->type()) + " is signed by " +
             keys->zone.ToText() + (before != nullptr ? ", as was verified before" : ": verified");
    });
    co_return finding;
  }
  finding.rrset = rrset;
  finding.ede = verdict.ede;
  finding.text = verdict.text;
  finding.elsewhere = !verdict.limited;
  finding.passing = verdict.limited && !verdict.too_many_failures;
  Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] { return "bogus: " + verdict.text; });
  co_return finding;
}

net::Task<Finding> Resolver::State::CheckDenial(Name name, RrType type, bool nxdomain,
                                                dns::RrsetPtr soa, std::vector<dns::RrsetPtr> proof,
                                                Checking checking) {
  // What is insecure needs no proof, and keeps what came.
  const auto keep = [&](Finding finding) {
    if (finding.security == Security::kBogus) return finding;
    finding.soa = soa;
    finding.proof = proof;
    return finding;
  };
  if (Excepted(name, checking) != nullptr) co_return keep(Exception());
  std::optional<Finding> failed;
  const bool of_parent = type == RrType::kDs && !name.is_root();
  const Name base = of_parent ? name.Parent() : name;
  const auto may_deny = [&](const Name& signer) {
    return base.IsAtOrBelow(signer) && !IsBelowAnchor(base, signer, checking.dnssec());
  };
  for (const Name& signer : DeniersOf(soa, proof, may_deny)) {
    net::Task<ZoneTrustPtr> task = TrustOf(signer, checking);
    const ZoneTrustPtr trust = co_await task;
    if (trust->kind == Kind::kNoCut) continue;
    if (trust->kind != Kind::kSecure) co_return keep(FromTrust(*trust));
    net::Task<Finding> verify =
        VerifyDenial(name, type, nxdomain, soa, proof, trust->keys, checking);
    Finding finding = co_await verify;
    if (finding.security != Security::kBogus) co_return finding;
    if (!failed) failed = std::move(finding);
  }
  if (failed) co_return std::move(*failed);

  net::Task<ZoneTrustPtr> task = EnclosingTrust(base, checking);
  const ZoneTrustPtr trust = co_await task;
  if (trust->kind != Kind::kSecure) co_return keep(FromTrust(*trust));
  co_return Bogus(proof.empty() && soa == nullptr ? Ede::kNsecMissing : Ede::kRrsigsMissing,
                  Claim(name, type, nxdomain) + ": not signed, and " + trust->zone.ToText() + " is",
                  true);
}

net::Task<Finding> Resolver::State::VerifyDenial(Name name, RrType type, bool nxdomain,
                                                 dns::RrsetPtr soa,
                                                 std::vector<dns::RrsetPtr> proof,
                                                 dnssec::KeySetPtr keys, Checking checking) {
  Finding finding;
  std::vector<dns::RrsetPtr> good;
  net::Task<std::optional<Finding>> verify_all = VerifyAll(proof, keys, checking, good);
  std::optional<Finding> broken = co_await verify_all;
  if (soa != nullptr) {
    dnssec::Verdict verdict;
    net::Task<Finding> verify = VerifyOne(soa, keys, checking, verdict);
    Finding found = co_await verify;
    if (found.security != Security::kSecure) co_return found;
    finding.soa = found.rrset;
  }
  dnssec::Proof prover(keys->zone, good, checking.dnssec().nsec3_max_iterations,
                       checking.request->work);
  dnssec::Denial denial;
  if (nxdomain) {
    denial = prover.Nxdomain(name);
  } else if (type == RrType::kDs) {
    dnssec::NoDs no_ds = prover.NoDsAt(name);
    finding.delegation = no_ds.delegation;
    denial = std::move(no_ds.denial);
  } else {
    denial = prover.Nodata(name, type);
  }
  if (denial.limited) stats_.Add(Counter::kLimitValidation);
  if (denial.kind == dnssec::Denial::Kind::kNotProved) {
    if (broken && !denial.limited) co_return std::move(*broken);
    Tell(checking.trace(), scheduler_.clock(), "dnssec",
         [&] { return "bogus: " + Claim(name, type, nxdomain) + ": " + denial.text; });
    co_return NotProved(denial, Claim(name, type, nxdomain));
  }
  const bool secure = denial.kind == dnssec::Denial::Kind::kProved;
  finding.security = secure ? Security::kSecure : Security::kInsecure;
  finding.ede = secure ? std::nullopt : denial.ede;
  finding.text = secure ? std::string() : denial.text;
  finding.proof = secure ? denial.used : good;
  Tell(checking.trace(), scheduler_.clock(), "dnssec", [&] {
    return Claim(name, type, nxdomain) + (secure ? ": proved by " : ": not proved, and may be: ") +
           (secure ? keys->zone.ToText() : denial.text);
  });
  co_return finding;
}

}  // namespace resolve64::resolver
