// The inside of Resolver: what its source files share.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "dnssec/trust_cache.h"
#include "net/turn_budget.h"
#include "resolver/flights.h"
#include "resolver/join.h"
#include "resolver/resolver.h"
#include "resolver/verified.h"

namespace resolve64::resolver {

/// What validation found of an RRset or of a denial.
struct Finding {
  Security security = Security::kBogus;
  std::optional<Ede> ede;  ///< why it is not secure
  std::string text;
  bool elsewhere = false;  ///< see Link
  bool passing = false;    ///< by a limit of the request, or by a setting: says nothing of the zone
  /// Of an RRset: as it was certified; of a bogus one as it was.
  dns::RrsetPtr rrset;
  /// Of a denial: what it needs, as it was certified.
  dns::RrsetPtr soa;
  std::vector<dns::RrsetPtr> proof;
  bool delegation = false;  ///< of a denial of DS: there is an insecure delegation at the name
};

/// Seconds for which bogus data serves those who set CD.
inline constexpr std::uint32_t kBogusTtl = 60;

/// What two parts are worth together. kUnchecked and kIndeterminate weigh as insecure: they are no
/// reason to set AD, nor to refuse.
Security Weaker(Security a, Security b);

/// Seconds that all of `rrsets` live at least; 2^32 - 1 where there are none.
std::uint32_t LeastTtl(const std::vector<dns::RrsetPtr>& rrsets, TimePoint now);

/// Whose word is enough. A recursive lookup for DS or DNSKEY wants what was not found bogus before;
/// a client that sets CD takes anything.
enum class Accept : std::uint8_t { kNotBogus, kAnything };

/// What validation works with: the request that pays and the settings of the moment.
struct Checking {
  RequestPtr request;
  SettingsPtr settings;

  Checking(RequestPtr r, SettingsPtr s) : request(std::move(r)), settings(std::move(s)) {}
  [[nodiscard]] const DnssecSettings& dnssec() const noexcept { return settings->dnssec; }
  [[nodiscard]] Trace* trace() const noexcept { return request->trace.get(); }
};

/// Who follows which chain of trust, under which settings.
struct ChainKey {
  ChainKey(const Name& z, const Checking& checking)
      : zone(z),
        settings(checking.settings),
        bare(checking.request->ignore_negative_anchors),
        hash(z.Hash() + (bare ? 1 : 0)) {}
  Name zone;
  SettingsPtr settings;
  bool bare;  ///< negative trust anchors are ignored
  std::size_t hash;
  friend bool operator==(const ChainKey& a, const ChainKey& b) noexcept {
    return a.bare == b.bare && a.settings == b.settings && a.zone == b.zone;
  }
};
using Chains = Flights<ChainKey, dnssec::ZoneTrustPtr>;

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
  bool local = false;  ///< answered here: validation has nothing to say
  /// Of the whole link: the weakest of what is in it. kUnchecked: not validated yet.
  Security security = Security::kUnchecked;
  cache::Server server;    ///< who said it; unspecified where it was known
  bool elsewhere = false;  ///< bogus by its own signatures: another server may have better
  bool ours = false;       ///< it failed by a limit of the request: others may do better
  /// The keys of its zone, on their way: they are needed once it is there.
  std::shared_ptr<Chains::Seat> keys;
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
  std::vector<cache::Server> addresses;  ///< that may be asked, each once
  std::vector<cache::Server> tried;      ///< that were of no use: not added again
  std::vector<Name> unresolved;          ///< names of servers without a usable address so far
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
  std::optional<Answer> ResolveFromCache(const Name& name, RrType type, bool checking_disabled,
                                         Trace* trace);

  //--- known.cc: local zones and caches -------------------------------------------------------

  std::optional<Link> Known(const Name& name, RrType type, const Settings& settings, Accept accept,
                            Trace* trace);
  /// What validated denials say of names that nobody asked for yet (RFC 8198).
  std::optional<Link> KnownByDenial(const Name& name, RrType type, const Settings& settings,
                                    dnssec::Work& work, Trace* trace);
  void Store(const upstream::ZoneOutcome& outcome);
  void StoreDenial(const Reply& reply, RrType type);
  void StoreFailure(const Name& name, RrType type, const Link& link);

  //--- fetch.cc: down the tree ----------------------------------------------------------------

  /// Nothing is validated, but the keys of zones on the way are fetched beside the questions where
  /// `checked` says that they will be needed. `avoid`: servers whose word was not good enough.
  net::Task<Link> Fetch(Name name, RrType type, RequestPtr request, SettingsPtr settings,
                        const Path* path, bool checked, std::vector<cache::Server> avoid);

  //--- check.cc: is it authentic? ---------------------------------------------------------------

  /// Fetches and validates; where what a server said is bogus, asks others.
  net::Task<Link> FetchChecked(Name name, RrType type, Checking checking);
  /// Validates `link`, which lives in the caller's frame, as the answer to (its name, `type`), and
  /// puts what was found into the cache.
  net::Task<void> Check(Link& link, RrType type, Checking checking);
  /// `above`: only zones strictly above its owner may have signed it.
  net::Task<Finding> CheckRrset(dns::RrsetPtr rrset, bool above, Checking checking);
  net::Task<Finding> CheckDenial(Name name, RrType type, bool nxdomain, dns::RrsetPtr soa,
                                 std::vector<dns::RrsetPtr> proof, Checking checking);

  //--- trust.cc: the chain from an anchor down (RFC 4035 section 5) ------------------------------

  /// What is known of the zone that begins at `zone`, if one does. It asks only for zones above it,
  /// so that lookups that wait for each other cannot wait in a circle.
  net::Task<dnssec::ZoneTrustPtr> TrustOf(Name zone, Checking checking);
  /// The same on its way, for whoever will need it soon; null where it is known, or cannot be.
  std::shared_ptr<Chains::Seat> StartTrustOf(const Name& zone, const Checking& checking);
  /// The zone that holds `name`, found cut by cut: for data without signatures.
  net::Task<dnssec::ZoneTrustPtr> EnclosingTrust(Name name, Checking checking);
  /// Whether the zone of `name` is signed, as far as its parent tells: of a lookup that failed.
  net::Task<Security> SecurityOfFailure(Name name, Checking checking);
  /// Tells `trace`, link by link, what is known of the zones above `name`.
  void TellChain(const Name& name, Trace* trace);
  /// The negative trust anchor in force for `name`; null where there is none.
  const dnssec::NegativeAnchor* Excepted(const Name& name, const Checking& checking) const;
  std::int64_t WallSeconds(const Settings& settings) const;

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
  Chains chains_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<Name, Doubt, MemberHash> doubted_;  ///< zones whose parents were asked again
  bool priming_ = false;
  Verified verified_;
  net::TurnBudget turns_;
  net::TaskScope background_;  // last: its tasks use everything above

 private:
  Link FailedBefore(const Name& name, const cache::Failure& failure, Trace* trace) const;
  std::optional<Link> KnownLocally(const Name& name, RrType type, const Settings& settings,
                                   Trace* trace) const;
  std::optional<Link> KnownAbove(const Name& name, TimePoint now, const Settings& settings,
                                 Accept accept, Trace* trace);

  std::optional<Link> FromMemory(const Name& name, RrType type, const Settings& settings,
                                 bool checked, bool for_client, dnssec::Work& work, Trace* trace);
  void StoreChecked(const dns::RrsetPtr& rrset, const Checking& checking);
  void StoreCheckedDenial(const Link& link, RrType type, const Finding& finding,
                          const Checking& checking);
  void DoubtDelegationAbove(const Name& name);
  [[nodiscard]] static bool IsBelowAnchor(const Name& name, const Name& zone,
                                          const DnssecSettings& settings);
  net::Task<Link> Raw(Name name, RrType type, bool fresh, std::vector<cache::Server> avoid,
                      Checking checking);
  net::Task<Finding> Verify(dns::RrsetPtr rrset, dnssec::KeySetPtr keys, Checking checking);
  net::Task<Finding> VerifyOne(dns::RrsetPtr rrset, dnssec::KeySetPtr keys, Checking checking,
                               dnssec::Verdict& verdict);
  net::Task<std::optional<Finding>> VerifyAll(std::vector<dns::RrsetPtr> proof,
                                              dnssec::KeySetPtr keys, Checking checking,
                                              std::vector<dns::RrsetPtr>& good);
  net::Task<Finding> VerifyDenial(Name name, RrType type, bool nxdomain, dns::RrsetPtr soa,
                                  std::vector<dns::RrsetPtr> proof, dnssec::KeySetPtr keys,
                                  Checking checking);
  Chains::Seat Board(const Name& zone, const Checking& checking);
  net::Task<dnssec::ZoneTrustPtr> Follow(Name zone, Checking checking);
  net::Task<Finding> FindDs(Name zone, Checking checking);
  net::Task<Finding> DsFromLink(Name zone, Link link, Checking checking);
  net::Task<dnssec::ZoneTrustPtr> FollowDs(Name zone, dns::RrsetPtr ds, Checking checking);
  dnssec::ZoneTrustPtr Keep(const std::shared_ptr<dnssec::ZoneTrust>& trust, Duration life,
                            const Checking& checking);
  ZoneView RootView(const Settings& settings);
  ZoneView ConfiguredView(const ConfiguredZone& zone, const Settings& settings);
  bool MayAsk(const Endpoint& server, const Settings& settings, bool configured) const;
  void AddAddress(ZoneView& view, const cache::Server& server, const Settings& settings,
                  bool configured) const;
  void AddAddresses(ZoneView& view, const dns::Rrset& rrset, const Settings& settings) const;
  net::Task<void> FindAddress(Name ns, RrType type, RequestPtr request, const Path* path,
                              net::Mailbox<dns::RrsetPtr>& ended);
  net::Task<void> PrimeInBackground(SettingsPtr settings);
};

}  // namespace resolve64::resolver
