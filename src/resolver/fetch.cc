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
    case ZoneOutcome::Kind::kNoBudget: {
      Link link = Failed(name, LookupKind::kError, Ede::kOther, outcome.why);
      link.ours = true;
      return link;
    }
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

/// One way down the tree. Lives in the frame of Fetch().
class Descent {
 public:
  Descent(Resolver::State& state, const Name& name, RrType type, RequestPtr request,
          SettingsPtr settings, const Path* path, bool checked, std::vector<cache::Server> avoid)
      : state_(state),
        name_(name),
        type_(type),
        request_(std::move(request)),
        settings_(std::move(settings)),
        path_(path),
        checked_(checked),
        avoid_(std::move(avoid)) {
    StartAt(state_.FindZone(name_, type_, *settings_, false));
  }

  net::Task<Link> Run() {
    for (;;) {
      const Path here{zone_.zone, path_};
      if (zone_.addresses.empty()) {
        net::Task<bool> find = state_.FindAddresses(zone_, request_, settings_, &here);
        const bool found = co_await find;
        if (!found) {
          if (failure_ != nullptr) co_return FromOutcome(name_, *failure_);
          DropDelegation();
          co_return Failed(name_, LookupKind::kTimeout, Ede::kNoReachableAuthority,
                           "no server of " + zone_.zone.ToText() + " has a usable address");
        }
      }
      const std::size_t show = NextLabels();
      const bool whole = show >= name_.LabelCount();
      const Question question(name_.Suffix(show), whole ? type_ : RrType::kA);
      net::Task<ZoneOutcomePtr> ask = state_.joined_.Ask(
          upstream::ZoneServers(zone_.zone, zone_.addresses, zone_.recursive), question,
          round_ + kRoundsAZone * static_cast<int>(avoid_.size()), settings_, request_);
      const ZoneOutcomePtr outcome = co_await ask;

      if (outcome->kind != ZoneOutcome::Kind::kReply) {
        failure_ = outcome;
        net::Task<bool> retry = FindAnotherWay(*outcome, whole, &here);
        const bool again = co_await retry;
        if (again) continue;
        co_return FromOutcome(name_, *outcome);
      }
      const Reply& reply = outcome->reply;
      if (reply.kind == ReplyKind::kReferral) {
        if (--request_->left.referrals < 0) {
          co_return Failed(name_, LookupKind::kError, Ede::kOther, "too many referrals");
        }
        StartAt(state_.ViewOf(*reply.delegation, *settings_));
        continue;
      }
      if (whole) co_return Conclude(*outcome);
      if (reply.kind == ReplyKind::kNxdomain && settings_->minimization == Minimization::kStrict) {
        state_.StoreDenial(reply, RrType::kA);
        Link link = FromReply(reply, type_, *settings_, zone_.dns64);
        link.final_name = name_;
        link.server = outcome->server;
        co_return link;
      }
      Step(show, outcome);
    }
  }

 private:
  void StartAt(ZoneView zone) {
    zone_ = std::move(zone);
    if (restarted_ && zone_.zone == failed_zone_) {
      // Those that failed are not asked the same again (RFC 9520 section 3.1).
      std::erase_if(zone_.addresses, [&](const cache::Server& server) {
        return std::find(failed_.begin(), failed_.end(), server) != failed_.end();
      });
      zone_.tried = failed_;
    }
    for (const cache::Server& server : avoid_) {
      std::erase(zone_.addresses, server);
      zone_.tried.push_back(server);
    }
    FetchKeys();
    shown_ = zone_.zone.LabelCount();
    round_ = 0;
    whole_name_ = whole_name_ || zone_.recursive || settings_->minimization == Minimization::kOff;
  }

  // What the validation of the answer will need is asked for at the same moment as the answer. The
  // keys of the zone above are waited for by these by now.
  void FetchKeys() {
    if (checked_ && !zone_.recursive) {
      keys_ = state_.StartTrustOf(zone_.zone, Checking(request_, settings_));
    }
  }

  // How many labels to ask for next. Names between that are known to be in this zone need no
  // question.
  std::size_t NextLabels() {
    const std::size_t labels = name_.LabelCount();
    for (;;) {
      if (whole_name_ || shown_ + 1 >= labels || request_->left.minimized_misses <= 0)
        return labels;
      const std::size_t show = LabelsToShow(name_, shown_, step_);
      if (show >= labels) return labels;
      const cache::Found known =
          state_.caches_.rrsets.Find(name_.Suffix(show), RrType::kA, state_.scheduler_.Now());
      const bool exists =
          known.rrset != nullptr || (known.negative != nullptr && !known.negative->nxdomain);
      if (!exists) return show;
      shown_ = show;
    }
  }

  // A minimized question was answered: there is no zone cut at that name.
  void Step(std::size_t show, const ZoneOutcomePtr& outcome) {
    const Reply& reply = outcome->reply;
    shown_ = show;
    ++step_;
    --request_->left.minimized_misses;
    if (reply.kind == ReplyKind::kNxdomain) {
      // It may be wrong about a name between others (RFC 9156 section 2.3), so it is believed, and
      // kept, only when the whole name is denied as well.
      whole_name_ = true;
      suspect_ = outcome;
    } else if (!reply.chain.empty()) {
      whole_name_ = true;
    } else {
      state_.StoreDenial(reply, RrType::kA);
    }
  }

  Link Conclude(const ZoneOutcome& outcome) {
    const Reply& reply = outcome.reply;
    state_.StoreDenial(reply, type_);
    if (reply.kind == ReplyKind::kNxdomain && reply.chain.empty() && suspect_ != nullptr) {
      state_.StoreDenial(suspect_->reply, RrType::kA);
    }
    Link link = FromReply(reply, type_, *settings_, zone_.dns64);
    link.server = outcome.server;
    link.keys = keys_;
    return link;
  }

  // After servers failed: true where there is something else to try.
  net::Task<bool> FindAnotherWay(const ZoneOutcome& outcome, bool whole, const Path* here) {
    if (outcome.kind == ZoneOutcome::Kind::kNoBudget) co_return false;
    auto& others = zone_.unresolved;
    others.insert(others.end(), zone_.half_resolved.begin(), zone_.half_resolved.end());
    zone_.half_resolved.clear();
    if (!others.empty() && round_ == 0) {
      // The addresses at hand were no good: those of other servers, and of the other family
      // (lessons T59).
      zone_.tried = std::exchange(zone_.addresses, {});
      net::Task<bool> find = state_.FindAddresses(zone_, request_, settings_, here);
      const bool found = co_await find;
      if (found) {
        ++round_;
        co_return true;
      }
      zone_.addresses = std::exchange(zone_.tried, {});
    }
    if (!whole && settings_->minimization == Minimization::kRelaxed && outcome.by_rcode) {
      whole_name_ = true;  // a server that chokes on names it should know of (RFC 9156 section 2.3)
      co_return true;
    }
    if (zone_.fall_back) {
      whole_name_ = false;
      StartAt(state_.FindZone(name_, type_, *settings_, true));
      co_return true;
    }
    co_return !outcome.too_much && DoubtDelegation();
  }

  // The parent may know better than what it said before the servers failed. True where there is
  // time to ask it again.
  bool DoubtDelegation() {
    if (!zone_.delegated || !avoid_.empty()) return false;
    DropDelegation();
    // All who waited for the same failure ask the parent together, whoever dropped the delegation.
    const TimePoint now = state_.scheduler_.Now();
    const bool dropped = state_.caches_.delegations.Find(zone_.zone, now) == nullptr;
    if (!dropped || restarted_ || now >= request_->deadline) return false;
    restarted_ = true;
    failed_zone_ = zone_.zone;
    failed_.insert(failed_.end(), zone_.addresses.begin(), zone_.addresses.end());
    failed_.insert(failed_.end(), zone_.tried.begin(), zone_.tried.end());
    Tell(request_->trace.get(), state_.scheduler_.clock(), "resolver",
         [&] { return "asks the parent of " + zone_.zone.ToText() + " again"; });
    StartAt(state_.FindZone(name_, type_, *settings_, false));
    return true;
  }

  // The next question asks the parent, unless that would be too often.
  void DropDelegation() {
    if (zone_.delegated && avoid_.empty() && state_.MayDoubt(zone_.zone)) {
      state_.caches_.delegations.Flush(zone_.zone);
    }
  }

  static constexpr int kRoundsAZone = 2;

  Resolver::State& state_;
  const Name name_;
  const RrType type_;
  const RequestPtr request_;
  const SettingsPtr settings_;
  const Path* path_;
  const bool checked_;  // the answer will be validated
  const std::vector<cache::Server> avoid_;
  ZoneView zone_;
  bool whole_name_ = false;            // no minimization any more
  std::size_t shown_ = 0;              // labels of the name that the servers of the zone know of
  int step_ = 0;                       // minimized questions so far
  int round_ = 0;                      // attempts with other addresses of the same zone
  std::vector<cache::Server> failed_;  // servers of failed_zone_, before its parent was asked again
  Name failed_zone_;
  bool restarted_ = false;              // a parent was asked again
  ZoneOutcomePtr failure_;              // the last one
  ZoneOutcomePtr suspect_;              // a denied minimized question
  std::shared_ptr<Chains::Seat> keys_;  // of the zone that is asked
};

}  // namespace

net::Task<Link> Resolver::State::Fetch(Name name, RrType type, RequestPtr request,
                                       SettingsPtr settings, const Path* path, bool checked,
                                       std::vector<cache::Server> avoid) {
  int depth = 0;
  for (const Path* up = path; up != nullptr; up = up->up) ++depth;
  if (depth > request->left.depth) {
    co_return Failed(name, LookupKind::kError, Ede::kOther,
                     "lookups inside lookups, too many of them");
  }
  Descent descent(*this, name, type, request, settings, path, checked, std::move(avoid));
  net::Task<Link> run = descent.Run();
  Link link = co_await run;
  co_return link;
}

}  // namespace resolve64::resolver
