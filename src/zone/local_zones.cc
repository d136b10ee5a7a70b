#include "zone/local_zones.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "zone/zone_file.h"

namespace resolve64::zone {
namespace {

using Kind = Zone::Step::Kind;

dns::RrsetPtr LocalRrset(const Name& owner, RrType type, std::span<const std::uint8_t> rdata) {
  dns::RrsetBuilder builder(owner, type);
  builder.Add(rdata, kSpecialTtl);
  return builder.BuildLocal();
}

// RFC 6761 section 6.3: the loopback addresses for the name and every name below it.
Zone::Step AskLocalhost(const Name& name, RrType type) {
  constexpr std::array<std::uint8_t, 4> kV4 = {127, 0, 0, 1};
  constexpr std::array<std::uint8_t, 16> kV6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Zone::Step step;
  if (type == RrType::kA || type == RrType::kAny) {
    step.rrsets.push_back(LocalRrset(name, RrType::kA, kV4));
  }
  if (type == RrType::kAaaa || type == RrType::kAny) {
    step.rrsets.push_back(LocalRrset(name, RrType::kAaaa, kV6));
  }
  step.kind = step.rrsets.empty() ? Kind::kNodata : Kind::kData;
  return step;
}

bool IsOneOf(const Name& name, std::initializer_list<std::string_view> texts) {
  return std::ranges::any_of(texts, [&](std::string_view text) {
    const auto known = Name::Parse(text);
    return known && *known == name;
  });
}

}  // namespace

LocalZones::Loaded LocalZones::Load(const LocalZonesOptions& options) {
  Loaded loaded;
  auto zones = std::shared_ptr<LocalZones>(new LocalZones());
  for (const ZoneFile& file : options.files) {
    ZoneFileText text = ReadZoneFile(file.path, file.zone);
    std::vector<Problem> problems = std::move(text.problems);
    if (problems.empty()) {
      Zone::Made made = Zone::Make(file.zone, text.records);
      problems = std::move(made.problems);
      if (made.zone) {
        const bool added = zones->Insert(file.zone, Entry{made.zone});
        if (!added) problems.push_back({0, "the zone " + file.zone.ToText() + " is given twice"});
      }
    }
    for (const Problem& problem : problems) loaded.errors.push_back(ToText(file.path, problem));
    zones->Occupy(file.zone);
  }
  if (!loaded.errors.empty()) return loaded;

  for (const Name& name : options.routed) {
    zones->Insert(name, Entry{});
    zones->Occupy(name);
  }
  if (options.builtin) zones->AddBuiltin(options);
  zones->version_ = options.version;
  zones->id_ = options.id;
  loaded.zones = std::move(zones);
  return loaded;
}

// False where there is an entry already, which then stays.
bool LocalZones::Insert(const Name& name, const Entry& entry) {
  if (!name.is_root()) {
    std::size_t& deepest = deepest_[name.Suffix(1)];
    deepest = std::max(deepest, name.LabelCount());
  }
  return entries_.try_emplace(name, entry).second;
}

void LocalZones::Occupy(const Name& name) {
  for (Name above = name; occupied_.insert(above).second && !above.is_root();) {
    above = above.Parent();
  }
}

void LocalZones::AddBuiltin(const LocalZonesOptions& options) {
  for (const SpecialName& special : SpecialNames()) {
    const bool excepted = std::ranges::any_of(
        options.except, [&](const Name& name) { return special.name.IsAtOrBelow(name); });
    if (excepted) continue;
    // The operator's own zone above it may have data there: that is what is meant then.
    const Entry* above = Closest(special.name, RrType::kSoa);
    if (above != nullptr && above->zone) {
      const Kind kind = above->zone->Find(special.name, RrType::kSoa).kind;
      if (kind != Kind::kNxdomain && kind != Kind::kDelegated) continue;
    }
    Insert(special.name, Entry{special.zone, special.use, special.ds_is_local});
    for (const Name& name : options.except) {
      if (name.IsBelow(special.name)) Insert(name, Entry{});
    }
  }
}

// The entry that `name` belongs to. The DS of an apex belongs to the zone above.
const LocalZones::Entry* LocalZones::Closest(const Name& name, RrType type) const {
  const std::size_t labels = name.LabelCount();
  const auto below = labels == 0 ? deepest_.end() : deepest_.find(name.Suffix(1));
  const std::size_t deepest = below == deepest_.end() ? 0 : below->second;
  for (std::size_t n = std::min(labels, deepest) + 1; n-- > 0;) {
    const auto found = entries_.find(name.Suffix(n));
    if (found == entries_.end()) continue;
    const bool of_parent = type == RrType::kDs && n == labels && !found->second.ds_is_local;
    if (!of_parent) return &found->second;
  }
  return nullptr;
}

Zone::Step LocalZones::Ask(const Entry& entry, const Name& name, RrType type) {
  Zone::Step step;
  switch (entry.use) {
    case SpecialUse::kEmptyZone:
      return entry.zone->Find(name, type);
    case SpecialUse::kLocalhost:
      return AskLocalhost(name, type);
    case SpecialUse::kNxdomain:
      step.kind = Kind::kNxdomain;
      return step;
    case SpecialUse::kNodata:
      step.kind = Kind::kNodata;
      return step;
  }
  return step;
}

std::optional<LocalAnswer> LocalZones::Find(const Name& name, RrType type) const {
  LocalAnswer out;
  Name at = name;
  for (std::size_t aliases = 0;; ++aliases) {
    if (aliases > kMaxAliases) {
      LocalAnswer failed;
      failed.rcode = Rcode::kServFail;
      failed.authoritative = false;
      return failed;
    }
    const Entry* entry = Closest(at, type);
    Zone::Step step;
    step.kind = Kind::kDelegated;
    if (entry != nullptr && entry->zone) step = Ask(*entry, at, type);
    if (step.kind == Kind::kNxdomain && occupied_.contains(at)) step.kind = Kind::kNodata;

    for (auto& rrset : step.rrsets) out.answer.push_back(std::move(rrset));
    switch (step.kind) {
      case Kind::kAlias:
        at = step.target;
        continue;
      case Kind::kDelegated:
        if (aliases == 0) return std::nullopt;
        out.follow = at;
        return out;
      case Kind::kTooLong:
        out.rcode = Rcode::kYxDomain;
        return out;
      case Kind::kNxdomain:
        out.rcode = Rcode::kNxDomain;
        out.soa = entry->zone->negative_soa();
        return out;
      case Kind::kNodata:
        out.soa = entry->zone->negative_soa();
        return out;
      case Kind::kData:
        return out;
    }
  }
}

LocalAnswer LocalZones::FindChaos(const Name& name, RrType type) const {
  std::optional<std::string> text;
  if (IsOneOf(name, {"version.bind.", "version.server."})) text = version_;
  if (IsOneOf(name, {"id.server.", "hostname.bind."})) text = id_;
  LocalAnswer answer;
  if (!text) {
    answer.rcode = Rcode::kRefused;
    answer.authoritative = false;
    return answer;
  }
  if (type != RrType::kTxt && type != RrType::kAny) return answer;

  const std::string_view cut = std::string_view(*text).substr(0, 255);  // RFC 1035 section 3.3
  std::vector<std::uint8_t> rdata = {static_cast<std::uint8_t>(cut.size())};
  rdata.insert(rdata.end(), cut.begin(), cut.end());
  dns::RrsetBuilder builder(name, RrType::kTxt);
  builder.Add(rdata, 0);
  answer.answer.push_back(builder.BuildLocal());
  return answer;
}

}  // namespace resolve64::zone
