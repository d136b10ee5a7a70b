// Local zones and caches: what is known without asking.

#include <algorithm>
#include <chrono>
#include <utility>

#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

bool IsUsable(Security security, Accept accept) {
  return accept == Accept::kAnything || security != Security::kBogus;
}

// What an exception made insecure is judged again: it may have ended (RFC 7646).
void Mark(Link& link, Security security, std::optional<Ede> reason) {
  link.security = reason == Ede::kNegativeTrustAnchor ? Security::kUnchecked : security;
  if (link.security != Security::kUnchecked) link.ede = reason;
}

Link Denied(const Name& name, const cache::Negative& negative, bool nxdomain) {
  Link link;
  link.final_name = name;
  link.kind = nxdomain ? LookupKind::kNxdomain : LookupKind::kNodata;
  link.rcode = nxdomain ? Rcode::kNxDomain : Rcode::kNoError;
  link.soa = negative.soa;
  link.proof = negative.proof;
  Mark(link, negative.security, negative.reason);
  return link;
}

Link Data(dns::RrsetPtr rrset) {
  Link link;
  link.kind = LookupKind::kData;
  link.rcode = Rcode::kNoError;
  link.final_name = rrset->owner();
  Mark(link, rrset->security(), rrset->reason());
  link.data = std::move(rrset);
  return link;
}

Link Alias(dns::RrsetPtr cname) {
  Link link;
  link.alias = true;
  link.final_name = dns::TargetOf(cname->rdata(0));
  Mark(link, cname->security(), cname->reason());
  link.chain.push_back(std::move(cname));
  return link;
}

// The CNAME that a DNAME makes for `name`, or YXDOMAIN where that is too long (RFC 6672
// section 2.2).
Link Redirected(const Name& name, const dns::RrsetPtr& dname, TimePoint now) {
  Link link;
  link.final_name = name;
  Mark(link, dname->security(), dname->reason());
  link.chain.push_back(dname);
  const Result<Name> target = name.Rebase(dname->owner(), dns::TargetOf(dname->rdata(0)));
  if (!target) {
    link.kind = LookupKind::kError;
    link.rcode = Rcode::kYxDomain;
    return link;
  }
  link.chain.push_back(
      dns::MakeRrset(name, RrType::kCname, dname->TtlAt(now), target->wire(), now, dname->trust()));
  link.alias = true;
  link.final_name = *target;
  return link;
}

}  // namespace

std::optional<Link> Resolver::State::Known(const Name& name, RrType type, const Settings& settings,
                                           Accept accept, Trace* trace) {
  if (std::optional<Link> local = KnownLocally(name, type, settings, trace)) return local;

  const TimePoint now = scheduler_.Now();
  cache::Found found = caches_.rrsets.Find(name, type, now);
  const Security security = found.rrset != nullptr      ? found.rrset->security()
                            : found.negative != nullptr ? found.negative->security
                                                        : Security::kUnchecked;
  const bool settled = security != Security::kUnchecked && security != Security::kBogus;
  const auto failure = settled ? nullptr : caches_.failures.Find(name, type, now);
  // A failed validation comes before the data that failed it (RFC 9520 section 3.4).
  if (accept != Accept::kAnything && failure != nullptr && failure->bogus) {
    return FailedBefore(name, *failure, trace);
  }
  if (found.rrset != nullptr && IsUsable(found.rrset->security(), accept)) {
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(type) + " is in the cache, " +
             std::to_string(found.rrset->TtlAt(now)) + " s left";
    });
    return Data(std::move(found.rrset));
  }
  if (type != RrType::kCname) {
    cache::Found alias = caches_.rrsets.Find(name, RrType::kCname, now);
    if (alias.rrset != nullptr && IsUsable(alias.rrset->security(), accept)) {
      Tell(trace, scheduler_.clock(), "cache",
           [&] { return name.ToText() + " is an alias, in the cache"; });
      return Alias(std::move(alias.rrset));
    }
  }
  if (found.negative != nullptr && IsUsable(found.negative->security, accept)) {
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(type) +
             " is known not to exist: " + (found.negative->nxdomain ? "NXDOMAIN" : "NODATA") +
             " is in the cache";
    });
    return Denied(name, *found.negative, found.negative->nxdomain);
  }
  if (std::optional<Link> above = KnownAbove(name, now, settings, accept, trace)) return above;
  if (failure != nullptr && !failure->bogus) return FailedBefore(name, *failure, trace);
  return std::nullopt;
}

Link Resolver::State::FailedBefore(const Name& name, const cache::Failure& failure,
                                   Trace* trace) const {
  Tell(trace, scheduler_.clock(), "cache",
       [&] { return name.ToText() + " failed a moment ago: " + failure.text; });
  Link link;
  const bool silent = failure.ede == Ede::kNoReachableAuthority;
  link.kind = failure.bogus ? LookupKind::kBogus
              : silent      ? LookupKind::kTimeout
                            : LookupKind::kError;
  if (failure.bogus) link.security = Security::kBogus;
  link.rcode = failure.rcode;
  link.final_name = name;
  link.ede = failure.ede;
  link.ede_text = failure.text;
  link.from_failure_cache = true;
  return link;
}

std::optional<Link> Resolver::State::KnownLocally(const Name& name, RrType type,
                                                  const Settings& settings, Trace* trace) const {
  if (settings.local == nullptr) return std::nullopt;
  std::optional<zone::LocalAnswer> local = settings.local->Find(name, type);
  if (!local) return std::nullopt;
  Tell(trace, scheduler_.clock(), "local",
       [&] { return name.ToText() + " " + ToText(type) + " is answered from a local zone"; });
  Link link;
  link.local = true;
  link.authoritative = local->authoritative;
  link.rcode = local->rcode;
  link.soa = std::move(local->soa);
  for (dns::RrsetPtr& rrset : local->answer) {
    const bool alias = rrset->type() == RrType::kCname || rrset->type() == RrType::kDname;
    if (alias && rrset->type() != type) {
      link.chain.push_back(std::move(rrset));
    } else {
      link.data = std::move(rrset);
    }
  }
  link.final_name = link.chain.empty() ? name : dns::TargetOf(link.chain.back()->rdata(0));
  link.alias = local->follow.has_value();
  if (link.alias) return link;
  if (link.rcode == Rcode::kNxDomain) {
    link.kind = LookupKind::kNxdomain;
  } else if (link.rcode != Rcode::kNoError) {
    link.kind = LookupKind::kError;
  } else {
    link.kind = link.data != nullptr ? LookupKind::kData : LookupKind::kNodata;
  }
  return link;
}

// What an ancestor says: a DNAME, or that nothing exists below it (RFC 8020). Neither crosses into
// a zone that is configured here (REC-27).
std::optional<Link> Resolver::State::KnownAbove(const Name& name, TimePoint now,
                                                const Settings& settings, Accept accept,
                                                Trace* trace) {
  std::size_t floor = 0;
  for (const ConfiguredZone& zone : settings.zones) {
    if (name.IsAtOrBelow(zone.zone)) floor = std::max(floor, zone.zone.LabelCount());
  }
  // Nor does what is not secure cross a trust anchor.
  const auto usable = [&](const Name& above, Security security) {
    const bool any = accept == Accept::kAnything || !settings.dnssec.validation;
    if (any || security == Security::kSecure) return true;
    return security != Security::kBogus && !IsBelowAnchor(name, above, settings.dnssec);
  };
  const std::size_t labels = name.LabelCount();
  for (std::size_t up = 1; up <= labels && labels - up >= std::max<std::size_t>(floor, 1); ++up) {
    const Name ancestor = name.Parent(up);
    const auto dname = caches_.rrsets.Find(ancestor, RrType::kDname, now).rrset;
    if (dname != nullptr && usable(ancestor, dname->security())) {
      Tell(trace, scheduler_.clock(), "cache",
           [&] { return "a DNAME at " + ancestor.ToText() + " is in the cache"; });
      return Redirected(name, dname, now);
    }
  }
  const cache::NegativePtr nxdomain = caches_.rrsets.FindNxdomainAbove(name, now);
  if (nxdomain == nullptr || nxdomain->name.LabelCount() < floor ||
      !usable(nxdomain->name, nxdomain->security)) {
    return std::nullopt;
  }
  Tell(trace, scheduler_.clock(), "cache",
       [&] { return "nothing exists below " + nxdomain->name.ToText() + " (RFC 8020)"; });
  return Denied(name, *nxdomain, true);
}

std::optional<Link> Resolver::State::KnownByDenial(const Name& name, RrType type,
                                                   const Settings& settings, dnssec::Work& work,
                                                   Trace* trace) {
  if (!settings.dnssec.aggressive_nsec || type == RrType::kDs) return std::nullopt;
  const TimePoint now = scheduler_.Now();
  const std::uint16_t iterations = settings.dnssec.nsec3_max_iterations;
  // A zone that is configured here is none of the business of the one above it.
  const auto crosses = [&](const Name& zone) {
    return std::any_of(settings.zones.begin(), settings.zones.end(),
                       [&](const ConfiguredZone& configured) {
                         return name.IsAtOrBelow(configured.zone) && configured.zone.IsBelow(zone);
                       });
  };
  if (auto denial = caches_.denials.Find(name, type, iterations, work, now)) {
    if (crosses(denial->soa->owner())) return std::nullopt;
    stats_.Add(Counter::kAggressive);
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(type) +
             " does not exist: a validated denial covers it (RFC 8198), " +
             (denial->nxdomain ? "NXDOMAIN" : "NODATA");
    });
    Link link;
    link.final_name = name;
    link.kind = denial->nxdomain ? LookupKind::kNxdomain : LookupKind::kNodata;
    link.rcode = denial->nxdomain ? Rcode::kNxDomain : Rcode::kNoError;
    link.soa = Certify(*denial->soa, Security::kSecure, LeastTtl(denial->proof, now), now);
    link.proof = std::move(denial->proof);
    link.security = Security::kSecure;
    return link;
  }
  const auto wildcard = caches_.denials.FindWildcard(name, iterations, work, now);
  if (!wildcard || crosses(wildcard->wildcard.Parent())) return std::nullopt;
  for (const RrType wanted : {type, RrType::kCname}) {
    const dns::RrsetPtr source = caches_.rrsets.Find(wildcard->wildcard, wanted, now).rrset;
    if (source == nullptr || source->security() != Security::kSecure) continue;
    stats_.Add(Counter::kAggressive);
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(wanted) + " comes from the validated wildcard " +
             wildcard->wildcard.ToText() + " (RFC 8198 section 5.3)";
    });
    dns::RrsetPtr expanded = dns::Certify(
        *source, Security::kSecure, LeastTtl(wildcard->proof, now), now, wildcard->proof, &name);
    return wanted == type ? Data(std::move(expanded)) : Alias(std::move(expanded));
  }
  return std::nullopt;
}

void Resolver::State::Store(const upstream::ZoneOutcome& outcome) {
  const Reply& reply = outcome.reply;
  const TimePoint now = scheduler_.Now();
  bool after_dname = false;
  for (const dns::RrsetPtr& rrset : reply.chain) {
    // The CNAME that a DNAME made is made again when it is needed.
    if (!after_dname) caches_.rrsets.Put(rrset, now);
    after_dname = rrset->type() == RrType::kDname;
  }
  if (reply.kind == ReplyKind::kReferral) {
    caches_.delegations.Put(*reply.delegation, now);
    return;
  }
  if (reply.data != nullptr) caches_.rrsets.Put(reply.data, now);
}

void Resolver::State::StoreDenial(const Reply& reply, RrType type) {
  if (reply.soa == nullptr) return;  // nothing says for how long (RFC 2308 section 5)
  const TimePoint now = scheduler_.Now();
  cache::Negative negative =
      cache::MakeNegative(reply.soa, reply.proof, now, settings_->max_negative_ttl);
  if (reply.kind == ReplyKind::kNxdomain) {
    caches_.rrsets.PutNxdomain(reply.final_name, negative, now);
  } else {
    caches_.rrsets.PutNodata(reply.final_name, type, negative, now);
  }
}

void Resolver::State::StoreFailure(const Name& name, RrType type, const Link& link) {
  if (link.rcode == Rcode::kYxDomain) return;  // said by a DNAME, which is in the cache
  cache::Failure failure;
  failure.rcode = link.rcode;
  failure.ede = link.ede;
  failure.text = link.ede_text;
  failure.bogus = link.kind == LookupKind::kBogus;
  caches_.failures.Put(name, type, std::move(failure), scheduler_.Now());
}

}  // namespace resolve64::resolver
