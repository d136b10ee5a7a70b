// Down the tree: from the closest known zone to the servers that answer (RFC 1034 section 5.3.3,
// RFC 9156).

#include <algorithm>
#include <utility>

#include "resolver/minimize.h"
#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

using upstream::ZoneOutcome;
using upstream::ZoneOutcomePtr;

Link Failed(const Name& name, LookupKind kind, Ede ede, std::string why) {
  Link link;
  link.final_name = name;
  link.kind = kind;
  link.rcode = Rcode::kServFail;
  link.ede = ede;
  link.ede_text = std::move(why);
  return link;
}

Link FromOutcome(const Name& name, const ZoneOutcome& outcome) {
  switch (outcome.kind) {
    case ZoneOutcome::Kind::kSilent:
      return Failed(name, LookupKind::kTimeout, Ede::kNoReachableAuthority, outcome.why);
    case ZoneOutcome::Kind::kNoBudget:
      return Failed(name, LookupKind::kError, Ede::kOther, outcome.why);
    case ZoneOutcome::Kind::kUseless:
    case ZoneOutcome::Kind::kReply:
      break;
  }
  return Failed(name, LookupKind::kError, Ede::kNetworkError, outcome.why);
}

// The link that a reply to the whole question makes. Where its chain passes through a name that is
// answered here, it is cut there: local data wins.
Link FromReply(const Reply& reply, RrType type, const Settings& settings, bool dns64) {
  Link link;
  link.dns64_off = !dns64;
  for (const dns::RrsetPtr& rrset : reply.chain) {
    link.chain.push_back(rrset);
    if (rrset->type() != RrType::kCname || settings.local == nullptr) continue;
    const Name target = dns::TargetOf(rrset->rdata(0));
    if (settings.local->Find(target, type)) {
      link.alias = true;
      link.final_name = target;
      return link;
    }
  }
  link.final_name = reply.final_name;
  link.rcode = Rcode::kNoError;
  switch (reply.kind) {
    case ReplyKind::kAnswer:
      link.kind = LookupKind::kData;
      link.data = reply.data;
      break;
    case ReplyKind::kAlias:
      if (reply.chain.back()->type() == RrType::kDname) {
        // The name that it makes is too long (RFC 6672 section 2.2).
        link.kind = LookupKind::kError;
        link.rcode = Rcode::kYxDomain;
      } else {
        link.alias = true;
      }
      break;
    case ReplyKind::kNxdomain:
      link.kind = LookupKind::kNxdomain;
      link.rcode = Rcode::kNxDomain;
      link.soa = reply.soa;
      link.proof = reply.proof;
      break;
    case ReplyKind::kNodata:
    case ReplyKind::kReferral:
    case ReplyKind::kUseless:
      link.kind = LookupKind::kNodata;
      link.soa = reply.soa;
      link.proof = reply.proof;
      break;
  }
  return link;
}

}  // namespace

net::Task<Link> Resolver::State::Fetch(Name name, RrType type, RequestPtr request,
                                       SettingsPtr settings, const Path* path) {
  int depth = 0;
  for (const Path* up = path; up != nullptr; up = up->up) ++depth;
  if (depth > request->left.depth) {
    co_return Failed(name, LookupKind::kError, Ede::kOther,
                     "lookups inside lookups, too many of them");
  }

  ZoneView zone = FindZone(name, type, *settings, false);
  bool whole_name = zone.recursive || settings->minimization == Minimization::kOff;
  bool forwarders_failed = false;
  std::size_t shown = zone.zone.LabelCount();
  int step = 0;
  int round = 0;
  for (;;) {
    const Path here{zone.zone, path};
    if (zone.addresses.empty()) {
      net::Task<bool> find = FindAddresses(zone, request, settings, &here);
      const bool found = co_await find;
      if (!found) {
        co_return Failed(name, LookupKind::kTimeout, Ede::kNoReachableAuthority,
                         "no server of " + zone.zone.ToText() + " has a usable address");
      }
    }

    const std::size_t labels = name.LabelCount();
    const bool last = whole_name || shown + 1 >= labels;
    const std::size_t show = last ? labels : LabelsToShow(name, shown, step);
    const bool whole = show >= labels;
    const Question question(name.Suffix(show), whole ? type : RrType::kA);

    net::Task<ZoneOutcomePtr> ask =
        joined_.Ask(upstream::ZoneServers(zone.zone, zone.addresses, zone.recursive), question,
                    round, settings, request);
    const ZoneOutcomePtr outcome = co_await ask;

    if (outcome->kind != ZoneOutcome::Kind::kReply) {
      const bool out_of_means =
          outcome->kind == ZoneOutcome::Kind::kNoBudget || scheduler_.Now() >= request->deadline;
      auto& others = zone.unresolved;
      others.insert(others.end(), zone.half_resolved.begin(), zone.half_resolved.end());
      zone.half_resolved.clear();
      if (!out_of_means && !others.empty() && round == 0) {
        // The addresses at hand were no good: those of the other servers, and of the other family
        // (lessons T59).
        zone.tried = std::exchange(zone.addresses, {});
        net::Task<bool> find = FindAddresses(zone, request, settings, &here);
        const bool found = co_await find;
        if (found) {
          ++round;
          continue;
        }
      }
      if (!out_of_means && !whole && settings->minimization == Minimization::kRelaxed &&
          outcome->by_rcode) {
        whole_name =
            true;  // a server that chokes on names it should know of (RFC 9156 section 2.3)
        continue;
      }
      if (!out_of_means && zone.fall_back && !forwarders_failed) {
        forwarders_failed = true;
        zone = FindZone(name, type, *settings, true);
        whole_name = settings->minimization == Minimization::kOff;
        shown = zone.zone.LabelCount();
        step = round = 0;
        continue;
      }
      co_return FromOutcome(name, *outcome);
    }

    const Reply& reply = outcome->reply;
    if (reply.kind == ReplyKind::kReferral) {
      if (--request->left.referrals < 0) {
        co_return Failed(name, LookupKind::kError, Ede::kOther, "too many referrals");
      }
      zone = ViewOf(*reply.delegation, *settings);
      shown = zone.zone.LabelCount();
      round = 0;
      continue;
    }
    if (whole) co_return FromReply(reply, type, *settings, zone.dns64);

    // A minimized question was answered: there is no zone cut at that name.
    shown = show;
    ++step;
    if (reply.kind == ReplyKind::kNxdomain) {
      if (settings->minimization == Minimization::kStrict) {
        Link link = FromReply(reply, type, *settings, zone.dns64);
        link.final_name = name;
        co_return link;
      }
      whole_name = true;  // it may be wrong about names above others (RFC 9156 section 2.3)
    } else if (!reply.chain.empty() || --request->left.minimized_misses < 0) {
      whole_name = true;
    }
  }
}

}  // namespace resolve64::resolver
