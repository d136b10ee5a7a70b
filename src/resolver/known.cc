// Local zones and caches: what is known without asking.

#include <algorithm>
#include <chrono>
#include <utility>

#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

Link Denied(const Name& name, const cache::Negative& negative, bool nxdomain) {
  Link link;
  link.final_name = name;
  link.kind = nxdomain ? LookupKind::kNxdomain : LookupKind::kNodata;
  link.rcode = nxdomain ? Rcode::kNxDomain : Rcode::kNoError;
  link.soa = negative.soa;
  link.proof = negative.proof;
  return link;
}

Link Data(dns::RrsetPtr rrset) {
  Link link;
  link.kind = LookupKind::kData;
  link.rcode = Rcode::kNoError;
  link.final_name = rrset->owner();
  link.data = std::move(rrset);
  return link;
}

Link Alias(dns::RrsetPtr cname) {
  Link link;
  link.alias = true;
  link.final_name = dns::TargetOf(cname->rdata(0));
  link.chain.push_back(std::move(cname));
  return link;
}

// The CNAME that a DNAME makes for `name`, or YXDOMAIN where that is too long (RFC 6672
// section 2.2).
Link Redirected(const Name& name, const dns::RrsetPtr& dname, TimePoint now) {
  Link link;
  link.final_name = name;
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
                                           Trace* trace) {
  if (std::optional<Link> local = KnownLocally(name, type, settings, trace)) return local;

  const TimePoint now = scheduler_.Now();
  cache::Found found = caches_.rrsets.Find(name, type, now);
  if (found.rrset != nullptr) {
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(type) + " is in the cache, " +
             std::to_string(found.rrset->TtlAt(now)) + " s left";
    });
    return Data(std::move(found.rrset));
  }
  if (type != RrType::kCname) {
    cache::Found alias = caches_.rrsets.Find(name, RrType::kCname, now);
    if (alias.rrset != nullptr) {
      Tell(trace, scheduler_.clock(), "cache",
           [&] { return name.ToText() + " is an alias, in the cache"; });
      return Alias(std::move(alias.rrset));
    }
  }
  if (found.negative != nullptr) {
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(type) +
             " is known not to exist: " + (found.negative->nxdomain ? "NXDOMAIN" : "NODATA") +
             " is in the cache";
    });
    return Denied(name, *found.negative, found.negative->nxdomain);
  }
  if (std::optional<Link> above = KnownAbove(name, now, settings, trace)) return above;

  if (const auto failure = caches_.failures.Find(name, type, now)) {
    Tell(trace, scheduler_.clock(), "cache", [&] {
      return name.ToText() + " " + ToText(type) + " failed a moment ago: " + failure->text;
    });
    Link link;
    const bool silent = failure->ede == Ede::kNoReachableAuthority;
    link.kind = silent ? LookupKind::kTimeout : LookupKind::kError;
    link.rcode = failure->rcode;
    link.final_name = name;
    link.ede = Ede::kCachedError;
    link.ede_text = failure->text;
    link.from_failure_cache = true;
    return link;
  }
  return std::nullopt;
}

std::optional<Link> Resolver::State::KnownLocally(const Name& name, RrType type,
                                                  const Settings& settings, Trace* trace) const {
  if (settings.local == nullptr) return std::nullopt;
  std::optional<zone::LocalAnswer> local = settings.local->Find(name, type);
  if (!local) return std::nullopt;
  Tell(trace, scheduler_.clock(), "local",
       [&] { return name.ToText() + " " + ToText(type) + " is answered from a local zone"; });
  Link link;
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
                                                const Settings& settings, Trace* trace) {
  std::size_t floor = 0;
  for (const ConfiguredZone& zone : settings.zones) {
    if (name.IsAtOrBelow(zone.zone)) floor = std::max(floor, zone.zone.LabelCount());
  }
  const std::size_t labels = name.LabelCount();
  for (std::size_t up = 1; up <= labels && labels - up >= std::max<std::size_t>(floor, 1); ++up) {
    const Name ancestor = name.Parent(up);
    if (const auto dname = caches_.rrsets.Find(ancestor, RrType::kDname, now).rrset) {
      Tell(trace, scheduler_.clock(), "cache",
           [&] { return "a DNAME at " + ancestor.ToText() + " is in the cache"; });
      return Redirected(name, dname, now);
    }
  }
  const cache::NegativePtr nxdomain = caches_.rrsets.FindNxdomainAbove(name, now);
  if (nxdomain == nullptr || nxdomain->name.LabelCount() < floor) return std::nullopt;
  Tell(trace, scheduler_.clock(), "cache",
       [&] { return "nothing exists below " + nxdomain->name.ToText() + " (RFC 8020)"; });
  return Denied(name, *nxdomain, true);
}

void Resolver::State::Store(const Question& question, const upstream::ZoneOutcome& outcome) {
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
  caches_.failures.Forget(question.name, question.type);
}

void Resolver::State::StoreDenial(const Reply& reply, RrType type) {
  if (reply.soa == nullptr) return;  // nothing says for how long (RFC 2308 section 5)
  const TimePoint now = scheduler_.Now();
  cache::Negative negative =
      cache::MakeNegative(reply.soa, reply.proof, now, settings_->max_negative_ttl);
  if (reply.kind == ReplyKind::kNxdomain) {
    caches_.rrsets.PutNxdomain(reply.final_name, std::move(negative), now);
  } else {
    caches_.rrsets.PutNodata(reply.final_name, type, std::move(negative), now);
  }
}

void Resolver::State::StoreFailure(const Name& name, RrType type, const Link& link) {
  if (link.rcode == Rcode::kYxDomain) return;  // said by a DNAME, which is in the cache
  caches_.failures.Put(name, type, link.rcode, link.ede, link.ede_text, scheduler_.Now());
}

}  // namespace resolve64::resolver
