// Whom to ask: configured servers, delegations and the root.

#include <algorithm>
#include <span>
#include <utility>

#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

constexpr std::uint16_t kDnsPort = 53;

bool IsLoopback(const IpAddress& address) {
  if (address.is_v4()) return address.data()[0] == 127;
  return address.v6() == Ipv6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

// Nothing that serves DNS to the world lives there (REC-32): unspecified, multicast, broadcast,
// link-local, mapped.
bool IsNoServer(const IpAddress& address) {
  const std::uint8_t* octets = address.data();
  if (address.is_v4()) {
    return octets[0] == 0 || octets[0] >= 224 || (octets[0] == 169 && octets[1] == 254);
  }
  const bool low = std::all_of(octets, octets + 10, [](std::uint8_t octet) { return octet == 0; });
  const bool unspecified =
      low && std::all_of(octets + 10, octets + 16, [](std::uint8_t octet) { return octet == 0; });
  const bool mapped = low && octets[10] == 0xFF && octets[11] == 0xFF;
  const bool link_local = octets[0] == 0xFE && (octets[1] & 0xC0) == 0x80;
  return unspecified || mapped || link_local || octets[0] == 0xFF;
}

std::optional<IpAddress> AddressIn(std::span<const std::uint8_t> rdata) {
  if (rdata.size() == 4) {
    Ipv4 v4;
    std::copy(rdata.begin(), rdata.end(), v4.octets.begin());
    return IpAddress(v4);
  }
  if (rdata.size() == 16) {
    Ipv6 v6;
    std::copy(rdata.begin(), rdata.end(), v6.octets.begin());
    return IpAddress(v6);
  }
  return std::nullopt;
}

}  // namespace

bool Resolver::State::MayAsk(const Endpoint& server, const Settings& settings,
                             bool configured) const {
  if (server.address.is_v4() ? !settings.ipv4 : !settings.ipv6) return false;
  const auto& own = settings.own_addresses;
  if (std::find(own.begin(), own.end(), server) != own.end()) return false;
  if (configured) return true;
  if (IsNoServer(server.address)) return false;
  return settings.allow_loopback || !IsLoopback(server.address);
}

void Resolver::State::AddAddress(ZoneView& view, const cache::Server& server,
                                 const Settings& settings, bool configured) const {
  constexpr std::size_t kEnough = 32;
  if (view.addresses.size() >= kEnough || !MayAsk(server.endpoint, settings, configured)) return;
  const auto holds = [&](const std::vector<cache::Server>& list) {
    return std::find(list.begin(), list.end(), server) != list.end();
  };
  if (!holds(view.addresses) && !holds(view.tried)) view.addresses.push_back(server);
}

void Resolver::State::AddAddresses(ZoneView& view, const dns::Rrset& rrset,
                                   const Settings& settings) const {
  for (std::size_t i = 0; i < rrset.size(); ++i) {
    const std::optional<IpAddress> address = AddressIn(rrset.rdata(i));
    if (address) AddAddress(view, Endpoint{*address, kDnsPort}, settings, false);
  }
}

// RFC 1034 section 5.3.3 step 2: the servers closest to the name. The DS of a name is its parent's
// business.
ZoneView Resolver::State::FindZone(const Name& name, RrType type, const Settings& settings,
                                   bool skip_forwarders) {
  const Name start = type == RrType::kDs && !name.is_root() ? name.Parent() : name;
  const ConfiguredZone* configured = nullptr;
  for (const ConfiguredZone& zone : settings.zones) {
    if ((zone.forward && skip_forwarders) || !start.IsAtOrBelow(zone.zone)) continue;
    if (configured == nullptr || zone.zone.IsBelow(configured->zone)) configured = &zone;
  }
  // A forwarder answers for everything below its zone, whatever was learned of it elsewhere.
  if (configured != nullptr && configured->forward) return ConfiguredView(*configured, settings);

  const cache::DelegationPtr delegation = caches_.delegations.FindDeepest(start, scheduler_.Now());
  if (configured != nullptr &&
      (delegation == nullptr || !delegation->zone.IsBelow(configured->zone))) {
    return ConfiguredView(*configured, settings);
  }
  if (delegation == nullptr || delegation->zone.is_root()) return RootView(settings);
  return ViewOf(*delegation, settings);
}

ZoneView Resolver::State::ConfiguredView(const ConfiguredZone& zone, const Settings& settings) {
  ZoneView view;
  view.zone = zone.zone;
  view.recursive = zone.forward;
  view.dns64 = zone.dns64;
  view.fall_back = zone.forward && !zone.only;
  for (const cache::Server& server : zone.servers) AddAddress(view, server, settings, true);
  return view;
}

// The root as it described itself when it was primed (RFC 8109), and the hints until then. Hints
// with ports of their own are a testbed's, which knows nothing else.
ZoneView Resolver::State::RootView(const Settings& settings) {
  bool plain_ports = true;
  for (const zone::RootServer& server : settings.root) {
    for (const Endpoint& address : server.addresses) plain_ports &= address.port == kDnsPort;
  }
  if (plain_ports) {
    const cache::DelegationPtr primed = caches_.delegations.FindDeepest(Name(), scheduler_.Now());
    if (primed != nullptr) {
      ZoneView view = ViewOf(*primed, settings);
      if (!view.addresses.empty()) return view;
    } else if (!priming_) {
      background_.Spawn(PrimeInBackground(settings_));
    }
  }
  ZoneView view;
  for (const zone::RootServer& server : settings.root) {
    for (const Endpoint& address : server.addresses) AddAddress(view, address, settings, true);
  }
  return view;
}

ZoneView Resolver::State::ViewOf(const cache::Delegation& delegation, const Settings& settings) {
  ZoneView view;
  view.zone = delegation.zone;
  view.delegated = !delegation.zone.is_root();
  const TimePoint now = scheduler_.Now();
  for (const Name& ns : delegation.ns) {
    bool v4 = !settings.ipv4;
    bool v6 = !settings.ipv6;
    const std::size_t before = view.addresses.size();
    for (const cache::Glue& glue : delegation.glue) {
      if (!(glue.ns == ns)) continue;
      // The root's servers come from the hints or from the root itself: a testbed's may be
      // anywhere.
      AddAddress(view, Endpoint{glue.address, kDnsPort}, settings, delegation.zone.is_root());
      (glue.address.is_v4() ? v4 : v6) = true;
    }
    for (const RrType type : {RrType::kAaaa, RrType::kA}) {
      if (!(type == RrType::kA ? settings.ipv4 : settings.ipv6)) continue;
      const dns::RrsetPtr cached = caches_.rrsets.Find(ns, type, now).rrset;
      if (cached == nullptr) continue;
      AddAddresses(view, *cached, settings);
      (type == RrType::kA ? v4 : v6) = true;
    }
    // A server inside the zone that it serves cannot be looked up without its glue.
    if (ns.IsAtOrBelow(delegation.zone)) continue;
    const bool usable = view.addresses.size() > before;
    if (!usable) {
      view.unresolved.push_back(ns);
    } else if (!v4 || !v6) {
      view.half_resolved.push_back(ns);
    }
  }
  return view;
}

net::Task<bool> Resolver::State::FindAddresses(ZoneView& view, RequestPtr request,
                                               SettingsPtr settings, const Path* path) {
  for (const Path* up = path->up; up != nullptr; up = up->up) {
    // Its servers' addresses depend on its servers (ATK-11).
    if (up->zone == view.zone) co_return false;
  }
  int lookups = std::min(request->left.ns_lookups_a_step, request->left.ns_lookups);
  while (view.addresses.empty() && !view.unresolved.empty() && lookups > 0 &&
         scheduler_.Now() < request->deadline) {
    // The lookups of one request choose alike, so that they join.
    const std::size_t pick = request->salt % view.unresolved.size();
    const Name ns = view.unresolved[pick];
    view.unresolved.erase(view.unresolved.begin() + static_cast<std::ptrdiff_t>(pick));
    --lookups;
    --request->left.ns_lookups;
    Tell(request->trace.get(), scheduler_.clock(), "resolver", [&] {
      return "looks for an address of " + ns.ToText() + ", a server of " + view.zone.ToText();
    });
    // Both families at the same moment; the first address is enough to go on.
    net::Mailbox<dns::RrsetPtr> ended(scheduler_);
    net::TaskScope both(scheduler_);
    int under_way = 0;
    for (const RrType type : {RrType::kAaaa, RrType::kA}) {
      if (type == RrType::kA ? !settings->ipv4 : !settings->ipv6) continue;
      ++under_way;
      both.Spawn(FindAddress(ns, type, request, path, ended));
    }
    for (; under_way > 0 && view.addresses.empty(); --under_way) {
      net::Task<std::optional<dns::RrsetPtr>> pop = ended.Pop(request->deadline);
      const std::optional<dns::RrsetPtr> rrset = co_await pop;
      if (!rrset) break;
      if (*rrset != nullptr) AddAddresses(view, **rrset, *settings);
    }
    // The other family stays for the case that these addresses are no good.
    if (under_way > 0) view.half_resolved.push_back(ns);
  }
  co_return !view.addresses.empty();
}

net::Task<void> Resolver::State::FindAddress(Name ns, RrType type, RequestPtr request,
                                             const Path* path, net::Mailbox<dns::RrsetPtr>& ended) {
  net::Task<Answer> resolve = Resolve(ns, type, std::move(request), path);
  Answer answer = co_await resolve;
  ended.Push(std::move(answer.data));
}

bool Resolver::State::MayDoubt(const Name& zone) {
  constexpr Duration kFirstPause = std::chrono::milliseconds(10);
  constexpr Duration kLongestPause = std::chrono::milliseconds(640);
  constexpr Duration kForgotten = std::chrono::seconds(5);
  constexpr std::size_t kMostZones = 4096;
  const TimePoint now = scheduler_.Now();
  if (doubted_.size() >= kMostZones) {
    std::erase_if(doubted_,
                  [&](const auto& entry) { return entry.second.last + kForgotten < now; });
    if (doubted_.size() >= kMostZones) return false;
  }
  Doubt& doubt = doubted_[zone];
  if (now < doubt.last + doubt.pause) return false;
  const bool again = doubt.pause > Duration::zero() && now < doubt.last + kForgotten;
  doubt.pause = again ? std::min<Duration>(doubt.pause * 2, kLongestPause) : kFirstPause;
  doubt.last = now;
  return true;
}

net::Task<bool> Resolver::State::Prime(SettingsPtr settings) {
  const bool forwarded = std::any_of(
      settings->zones.begin(), settings->zones.end(),
      [](const ConfiguredZone& zone) { return zone.zone.is_root() && zone.forward && zone.only; });
  if (priming_ || forwarded) co_return false;
  priming_ = true;
  ZoneView hints;
  for (const zone::RootServer& server : settings->root) {
    for (const Endpoint& address : server.addresses) AddAddress(hints, address, *settings, true);
  }
  bool good = false;
  if (!hints.addresses.empty()) {
    auto request = std::make_shared<Request>();
    request->deadline = scheduler_.Now() + settings->timeout;
    request->left = settings->limits;
    net::Task<upstream::ZoneOutcomePtr> ask =
        joined_.Ask(upstream::ZoneServers(Name(), hints.addresses, false),
                    Question(Name(), RrType::kNs), 0, settings, request);
    const upstream::ZoneOutcomePtr outcome = co_await ask;
    const cache::DelegationPtr& root = outcome->reply.delegation;
    good = root != nullptr;
    if (good) caches_.delegations.Put(*root, scheduler_.Now());
  }
  priming_ = false;
  co_return good;
}

net::Task<void> Resolver::State::PrimeInBackground(SettingsPtr settings) {
  net::Task<bool> prime = Prime(std::move(settings));
  co_await prime;
}

}  // namespace resolve64::resolver
