#include "server/anchor_keeper.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "config/state_path.h"
#include "dnssec/anchors.h"
#include "dnssec/key.h"
#include "dnssec/records.h"
#include "dnssec/rollover_file.h"

namespace resolve64::server {
namespace {

using dnssec::KeyState;
using dnssec::TrustPoint;

constexpr auto kNull = static_cast<RrType>(10);  // RFC 1035 section 3.3.10

std::vector<std::uint16_t> TagsOf(const dns::Rrset& anchors) {
  std::vector<std::uint16_t> tags;
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    if (const auto ds = dnssec::Ds::Read(anchors.rdata(i))) tags.push_back(ds->key_tag);
  }
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

std::string Hex(std::span<const std::uint8_t> octets) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 0x0FU];
  }
  return text;
}

AnchorReport::Key ReportOf(std::span<const std::uint8_t> ds_rdata) {
  AnchorReport::Key key;
  const auto ds = dnssec::Ds::Read(ds_rdata);
  if (!ds) return key;
  key.tag = ds->key_tag;
  key.algorithm = ds->algorithm;
  key.digest_type = ds->digest_type;
  key.digest = Hex(ds->digest);
  key.state = "configured";
  key.trusted = true;
  return key;
}

bool SameRrset(const dns::RrsetPtr& a, const dns::RrsetPtr& b) {
  if (a == nullptr || b == nullptr) return a == b;
  if (a->size() != b->size()) return false;
  for (std::size_t i = 0; i < a->size(); ++i) {
    bool found = false;
    for (std::size_t j = 0; j < b->size() && !found; ++j) {
      found = std::ranges::equal(a->rdata(i), b->rdata(j));
    }
    if (!found) return false;
  }
  return true;
}

void LogEvents(const Name& zone, const std::vector<dnssec::KeyEvent>& events) {
  for (const dnssec::KeyEvent& event : events) {
    // That a zone loses a key is nobody's mistake here, and yet somebody may have to look.
    const bool unusual = event.to == KeyState::kMissing || event.to == KeyState::kRevoked;
    Log(unusual ? LogLevel::kWarn : LogLevel::kInfo, "dnssec", "a trust anchor changes its state",
        {{"zone", zone.ToText()},
         {"key", std::to_string(event.tag)},
         {"from", std::string(event.from ? dnssec::ToText(*event.from) : "start")},
         {"to", std::string(event.to ? dnssec::ToText(*event.to) : "start")}});
  }
}

// True where something was learned.
bool Feed(TrustPoint& point, const dns::Rrset* dnskeys, std::int64_t now) {
  if (dnskeys == nullptr) {
    point.Fail(now);
    Log(LogLevel::kWarn, "dnssec", "the keys of a trust anchor's zone cannot be had; trying again",
        {{"zone", point.zone().ToText()}});
    return false;
  }
  dnssec::Work work;
  std::vector<dnssec::KeyEvent> events;
  const bool valid = point.Observe(dnssec::LookAt(*dnskeys, now, work), now, events);
  LogEvents(point.zone(), events);
  if (!valid) {
    Log(LogLevel::kWarn, "dnssec", "no trust anchor has signed the keys of its zone",
        {{"zone", point.zone().ToText()}});
  }
  return valid || !events.empty();
}

}  // namespace

std::optional<Name> KeyTagName(const dns::Rrset& anchors) {
  std::string label = "_ta";
  for (const std::uint16_t tag : TagsOf(anchors)) {
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "-%04x", static_cast<unsigned>(tag));
    label += digits.data();
  }
  if (label.size() <= 3 || label.size() > Name::kMaxLabel) return std::nullopt;
  const Result<Name> name = anchors.owner().Prepend(label);
  if (!name) return std::nullopt;
  return *name;
}

std::int64_t AnchorKeeper::WallNow(const resolver::Settings& settings) const {
  return settings.dnssec.override_time.value_or(clock_.WallSeconds());
}

//--- A load of the configuration ---

void AnchorKeeper::Adopt(const SnapshotPtr& snapshot) {
  const config::DnssecConfig& config = snapshot->config->dnssec;
  const auto state = state_.Lock();
  std::map<Name, TrustPoint> before = std::exchange(state->points, {});
  state->settings = snapshot->settings;
  state->follows = config.automatic_update && config.validation;
  state->negative_checked = clock_.Now();
  if (snapshot->settings->dnssec.anchors == nullptr) {
    state->was_read = false;
    return;
  }
  for (const auto& [zone, ds] : snapshot->settings->dnssec.anchors->Get()->zones) {
    state->points.emplace(zone, TrustPoint(ds));
  }
  if (!state->follows) {
    state->was_read = false;  // what was learned is on disk
    return;
  }
  const std::string path = config::StatePath(config.state_file, config::kAnchorState);
  if (!state->was_read || path != state->path) {
    state->path = path;
    state->was_read = true;
    ReadState(*state);
  } else {
    // In memory is what could perhaps not be written.
    for (auto& [zone, point] : state->points) {
      if (const auto old = before.find(zone); old != before.end()) {
        point.Restore(old->second.Save());
      }
    }
  }
  state->settings->dnssec.anchors->Set(Trusted(*state));
}

void AnchorKeeper::ReadState(State& state) {
  const auto states = dnssec::ReadStateFile(state.path);
  state.trouble = states ? "" : states.error().text;
  if (!states) {
    Log(LogLevel::kWarn, "dnssec",
        "the state of the trust anchors cannot be read: starting from those configured",
        {{"reason", states.error().text}});
    return;
  }
  for (const dnssec::TrustPointState& one : *states) {
    const auto point = state.points.find(one.zone);
    if (point == state.points.end()) continue;
    if (!point->second.Restore(one)) {
      Log(LogLevel::kInfo, "dnssec", "other trust anchors are configured: what was learned is void",
          {{"zone", one.zone.ToText()}});
    }
  }
}

dnssec::TrustAnchorsPtr AnchorKeeper::Trusted(const State& state) {
  auto anchors = std::make_shared<dnssec::TrustAnchors>();
  for (const auto& [zone, point] : state.points) {
    dns::RrsetPtr trusted = point.Anchors();
    if (trusted != nullptr) {
      anchors->zones.emplace(zone, std::move(trusted));
      continue;
    }
    // RFC 5011 section 5: as if the trust point had never been configured.
    Log(LogLevel::kError, "dnssec",
        "every trust anchor of the zone was revoked: what is below it is not validated any more; "
        "configure dnssec.trust_anchors",
        {{"zone", zone.ToText()}});
  }
  return anchors;
}

//--- Looking after them ---

net::Task<void> AnchorKeeper::Run(net::Scheduler& scheduler, Lookups& lookups) {
  net::Event never(scheduler);
  TimePoint next = scheduler.Now() + kFirst;
  for (;;) {
    net::Event::Waiter waiter = never.WaitUntil(next);
    co_await waiter;
    const std::vector<Name> zones = DuePoints();
    for (const Name& zone : zones) {
      net::Task<void> signalled = Signal(lookups, zone);
      co_await signalled;
      net::Task<void> refreshed = Refresh(lookups, zone);
      co_await refreshed;
    }
    const std::vector<dnssec::NegativeAnchor> anchors = DueNegatives();
    for (const dnssec::NegativeAnchor& anchor : anchors) {
      net::Task<void> checked = Recheck(lookups, anchor);
      co_await checked;
    }
    next = scheduler.Now() + kTick;
  }
}

std::vector<Name> AnchorKeeper::DuePoints() const {
  const auto state = state_.Lock();
  std::vector<Name> due;
  if (!state->follows) return due;
  const std::int64_t now = WallNow(*state->settings);
  for (const auto& [zone, point] : state->points) {
    if (point.IsDueAt(now) && point.Anchors() != nullptr) due.push_back(zone);
  }
  return due;
}

std::vector<dnssec::NegativeAnchor> AnchorKeeper::DueNegatives() {
  const auto state = state_.Lock();
  std::vector<dnssec::NegativeAnchor> due;
  if (state->settings == nullptr || !state->settings->dnssec.validation) return due;
  if (clock_.Now() - state->negative_checked < kRecheck) return due;
  state->negative_checked = clock_.Now();
  const std::int64_t now = WallNow(*state->settings);
  for (const dnssec::NegativeAnchor& anchor : state->settings->dnssec.insecure) {
    if (anchor.HoldsAt(now) && anchor.lifted != nullptr) due.push_back(anchor);
  }
  return due;
}

net::Task<void> AnchorKeeper::Signal(Lookups& lookups, Name zone) {
  std::optional<Name> name;
  {
    const auto state = state_.Lock();
    const auto point = state->points.find(zone);
    const dns::RrsetPtr anchors = point == state->points.end() ? nullptr : point->second.Anchors();
    if (anchors != nullptr) name = KeyTagName(*anchors);
  }
  if (!name) co_return;
  resolver::RequestPtr request = lookups.NewRequest(nullptr);
  request->checking_disabled = true;
  net::Task<resolver::Answer> task = lookups.Resolve(*name, kNull, request);
  co_await task;  // whatever it says: that it was asked is the message
}

net::Task<void> AnchorKeeper::Refresh(Lookups& lookups, Name zone) {
  {
    // The zone is to be asked, not the cache; what was never seen may as well be there.
    const auto state = state_.Lock();
    const auto point = state->points.find(zone);
    if (point == state->points.end()) co_return;
    if (point->second.seen() != 0) caches_.rrsets.Flush(zone, RrType::kDnskey);
  }
  resolver::RequestPtr request = lookups.NewRequest(nullptr);
  request->checking_disabled = true;
  net::Task<resolver::Answer> task = lookups.Resolve(zone, RrType::kDnskey, request);
  const resolver::Answer answer = co_await task;
  const bool answered =
      answer.kind == LookupKind::kData && answer.data != nullptr && answer.data->owner() == zone;
  Learn(zone, answered ? answer.data.get() : nullptr);
}

void AnchorKeeper::Learn(const Name& zone, const dns::Rrset* dnskeys) {
  std::string path;
  std::vector<dnssec::TrustPointState> states;
  {
    const auto state = state_.Lock();
    // A reload may have come meanwhile.
    const auto at = state->points.find(zone);
    if (at == state->points.end() || !state->follows) return;
    const dns::RrsetPtr before = at->second.Anchors();
    if (!Feed(at->second, dnskeys, WallNow(*state->settings))) return;
    if (!SameRrset(before, at->second.Anchors())) {
      state->settings->dnssec.anchors->Set(Trusted(*state));
      caches_.Forgot();  // root key sentinels may say otherwise now
      caches_.trust.FlushBelow(zone);
      caches_.failures.FlushBelow(zone);
    }
    path = state->path;
    for (const auto& [name, point] : state->points) states.push_back(point.Save());
  }
  elsewhere_([this, path, states = std::move(states)] {
    const Result<bool> written = WriteSmallFile(path, dnssec::ToJson(states));
    Saved(path, written ? "" : written.error().text);
  });
}

net::Task<void> AnchorKeeper::Recheck(Lookups& lookups, dnssec::NegativeAnchor anchor) {
  // What is cached was never validated.
  for (const RrType type : {RrType::kSoa, RrType::kDnskey, RrType::kDs}) {
    caches_.rrsets.Flush(anchor.name, type);
  }
  resolver::RequestPtr request = lookups.NewRequest(nullptr);
  request->ignore_negative_anchors = true;
  net::Task<resolver::Answer> task = lookups.Resolve(anchor.name, RrType::kSoa, request);
  const resolver::Answer answer = co_await task;
  const bool validates = (answer.kind == LookupKind::kData || answer.kind == LookupKind::kNodata ||
                          answer.kind == LookupKind::kNxdomain) &&
                         answer.security == Security::kSecure;
  if (!validates) co_return;
  anchor.lifted->store(true);
  caches_.trust.FlushBelow(anchor.name);
  caches_.rrsets.FlushBelow(anchor.name);
  caches_.Forgot();
  Log(LogLevel::kWarn, "dnssec",
      "a negative trust anchor is not needed any more: the name validates, and is validated again",
      {{"name", anchor.name.ToText()}});
}

//--- The state file ---

void AnchorKeeper::Saved(const std::string& path, const std::string& trouble) {
  const auto state = state_.Lock();
  if (path != state->path || trouble == state->trouble) return;
  state->trouble = trouble;
  if (!trouble.empty()) {
    Log(LogLevel::kWarn, "dnssec",
        "the state of the trust anchors cannot be written: it lives until the next start",
        {{"reason", trouble}});
  }
}

//--- For people ---

AnchorReport AnchorKeeper::Report() const {
  AnchorReport report;
  const auto state = state_.Lock();
  if (state->settings == nullptr) return report;
  const resolver::DnssecSettings& settings = state->settings->dnssec;
  report.now = WallNow(*state->settings);
  report.validation = settings.validation;
  report.automatic_update = state->follows;
  if (state->follows) {
    report.state_file = state->path;
    report.trouble = state->trouble;
  }
  for (const auto& [zone, point] : state->points) {
    AnchorReport::Zone& told = report.zones.emplace_back();
    told.zone = zone;
    if (state->follows) {
      told.next_refresh = std::max(point.next_query(), report.now);
      if (point.seen() != 0) told.seen = point.seen();
    }
    for (const dnssec::TrackedKey& key : point.keys()) {
      AnchorReport::Key one = ReportOf(dnssec::MakeDs(zone, key.rdata));
      one.state = std::string(dnssec::ToText(key.state));
      one.since = key.since;
      if (key.until != 0) one.until = key.until;
      one.trusted = key.trusted();
      told.keys.push_back(std::move(one));
    }
    for (const dnssec::KeyOctets& ds : point.ConfiguredUnseen()) {
      told.keys.push_back(ReportOf(ds));
    }
  }
  for (const dnssec::NegativeAnchor& anchor : settings.insecure) {
    AnchorReport::Negative& told = report.negative.emplace_back();
    told.name = anchor.name;
    told.until = anchor.until;
    told.holds = anchor.HoldsAt(report.now);
    told.lifted = anchor.lifted != nullptr && anchor.lifted->load();
  }
  return report;
}

}  // namespace resolve64::server
