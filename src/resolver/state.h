// The inside of Resolver: what its source files share.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "resolver/join.h"
#include "resolver/resolver.h"

namespace resolve64::resolver {

/// What is known of one name and type: the end of the question, or an alias to the next name.
struct Link {
  std::vector<dns::RrsetPtr> chain;  ///< CNAMEs, each after the DNAME it was made from
  Name final_name;                   ///< where the chain ends; the owner of what was found
  bool alias = false;  ///< nothing is known of final_name yet; what follows means nothing
  LookupKind kind = LookupKind::kTimeout;
  Rcode rcode = Rcode::kServFail;
  dns::RrsetPtr data;
  dns::RrsetPtr soa;
  std::vector<dns::RrsetPtr> proof;
  bool authoritative = false;
  bool dns64_off = false;
  bool from_failure_cache = false;
  std::optional<Ede> ede;
  std::string ede_text;
};

/// The lookups that wait for one another, innermost first: a zone whose servers are being looked
/// for.
struct Path {
  Name zone;
  const Path* up = nullptr;  ///< lives in the frame of the lookup that waits
};

/// The servers of a zone, as far as they are known.
struct ZoneView {
  Name zone;
  std::vector<Endpoint> addresses;  ///< that may be asked, each once
  std::vector<Endpoint> tried;      ///< that were of no use: not added again
  std::vector<Name> unresolved;     ///< names of servers without a usable address so far
  std::vector<Name> half_resolved;  ///< names with addresses of one family, where both may be used
  bool recursive = false;
  bool dns64 = true;
  bool delegated = false;  ///< the addresses rest on a delegation from the cache or a referral
  bool fall_back = false;  ///< a forwarder that is not the only way
};

/// When the parent of a zone was asked again, and for how long it is then left in peace.
struct Doubt {
  TimePoint last{};
  Duration pause{};
};

class Resolver::State {
 public:
  State(net::Scheduler& scheduler, Random& random, Caches& caches, upstream::Transport& transport,
        Stats& stats);

  //--- resolver.cc: aliases -----------------------------------------------------------------

  net::Task<Answer> Resolve(Name name, RrType type, RequestPtr request, const Path* path);
  std::optional<Answer> ResolveFromCache(const Name& name, RrType type, Trace* trace);

  //--- known.cc: local zones and caches -------------------------------------------------------

  std::optional<Link> Known(const Name& name, RrType type, const Settings& settings, Trace* trace);
  void Store(const Question& question, const upstream::ZoneOutcome& outcome);
  void StoreDenial(const Reply& reply, RrType type);
  void StoreFailure(const Name& name, RrType type, const Link& link);

  //--- fetch.cc: down the tree ----------------------------------------------------------------

  net::Task<Link> Fetch(Name name, RrType type, RequestPtr request, SettingsPtr settings,
                        const Path* path);

  //--- servers.cc: whom to ask ----------------------------------------------------------------

  ZoneView FindZone(const Name& name, RrType type, const Settings& settings, bool skip_forwarders);
  ZoneView ViewOf(const cache::Delegation& delegation, const Settings& settings);
  /// Looks up addresses of `view.unresolved`, a few names at a time, until there is one to ask.
  /// Moves what it learns into `view.addresses`. False where nothing was learned.
  net::Task<bool> FindAddresses(ZoneView& view, RequestPtr request, SettingsPtr settings,
                                const Path* path);
  /// True where the parent of `zone` may be asked again: soon at first, and then ever more rarely,
  /// so that a zone whose servers are dead costs its parent nothing.
  bool MayDoubt(const Name& zone);
  net::Task<bool> Prime(SettingsPtr settings);

  net::Scheduler& scheduler_;
  Random& random_;
  Caches& caches_;
  Stats& stats_;
  upstream::ExchangeContext context_;
  SettingsPtr settings_ = std::make_shared<Settings>();
  JoinTable joined_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<Name, Doubt, MemberHash> doubted_;  ///< zones whose parents were asked again
  bool priming_ = false;
  net::TaskScope background_;  // last: its tasks use everything above

 private:
  std::optional<Link> KnownLocally(const Name& name, RrType type, const Settings& settings,
                                   Trace* trace) const;
  std::optional<Link> KnownAbove(const Name& name, TimePoint now, const Settings& settings,
                                 Trace* trace);
  ZoneView RootView(const Settings& settings);
  ZoneView ConfiguredView(const ConfiguredZone& zone, const Settings& settings);
  bool MayAsk(const Endpoint& server, const Settings& settings, bool configured) const;
  void AddAddress(ZoneView& view, const Endpoint& server, const Settings& settings,
                  bool configured) const;
  void AddAddresses(ZoneView& view, const dns::Rrset& rrset, const Settings& settings) const;
  net::Task<void> FindAddress(Name ns, RrType type, RequestPtr request, const Path* path,
                              net::Mailbox<dns::RrsetPtr>& ended);
  net::Task<void> PrimeInBackground(SettingsPtr settings);
};

}  // namespace resolve64::resolver
