#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/build.h"
#include "config/take.h"

namespace resolve64::config {
namespace {

using DnssecMode = Dns64Policy::DnssecMode;
using Reverse = Dns64Policy::Reverse;
using Selection = Dns64Policy::Selection;
using SynthesizeOn = Dns64Policy::SynthesizeOn;

constexpr std::string_view kLists[] = {"exempt_names", "always_synthesize_names", "append_names"};

Network NetworkOf(const Prefix& prefix) { return *Network::Make(prefix.base(), prefix.bits()); }

// Both are for all addresses, or for one same network.
bool SameRange(const Dns64Prefix& a, const Dns64Prefix& b) {
  if (a.for_a.empty() || b.for_a.empty()) return a.for_a.empty() && b.for_a.empty();
  const std::set<Network> networks(a.for_a.begin(), a.for_a.end());
  return std::any_of(b.for_a.begin(), b.for_a.end(),
                     [&](const Network& network) { return networks.contains(network); });
}

bool IsNonGlobalNetwork(const Network& network) {
  // The registry's networks are aligned: one that is non-global at both ends and no wider than the
  // widest of them (240.0.0.0/4) lies inside one.
  auto last = network.base().v4();
  for (int bit = network.bits(); bit < 32; ++bit) {
    auto& octet = last.octets[static_cast<std::size_t>(bit / 8)];
    octet = static_cast<std::uint8_t>(octet | (0x80 >> (bit % 8)));
  }
  return network.bits() >= 4 && IsNonGlobal(network.base().v4()) && IsNonGlobal(last);
}

class Dns64Builder {
 public:
  Dns64Builder(const Node& object, const Dns64Policy& base, Report& report)
      : object_(object), policy_(base), report_(report) {}

  Dns64Policy Build() {
    Take(object_, "enabled", policy_.enabled);
    TakeWord(object_, "selection", {{"first", Selection::kFirst}, {"all", Selection::kAll}},
             policy_.selection);
    TakeCount(object_, "max_records", policy_.max_records);
    Take(object_, "clients_over_ipv4", policy_.clients_over_ipv4);
    TakeWord(object_, "synthesize_on",
             {{"nodata", SynthesizeOn::kNodata},
              {"error", SynthesizeOn::kError},
              {"timeout", SynthesizeOn::kTimeout}},
             policy_.synthesize_on);
    Take(object_, "exclude_aaaa", policy_.exclude_aaaa);
    Take(object_, "exclude_a", policy_.exclude_a);
    Take(object_, "allow_nonglobal_with_well_known_prefix",
         policy_.allow_nonglobal_with_well_known_prefix);
    Take(object_, "exempt_names", policy_.exempt_names);
    Take(object_, "always_synthesize_names", policy_.always_synthesize_names);
    Take(object_, "append_names", policy_.append_names);
    TakeWord(
        object_, "dnssec_mode",
        {{"rfc", DnssecMode::kRfc}, {"strict", DnssecMode::kStrict}, {"break", DnssecMode::kBreak}},
        policy_.dnssec_mode);
    Take(object_, "foreign_prefixes", policy_.foreign_prefixes);
    Take(object_, "https_additional", policy_.https_additional);
    Take(object_, "mark_synthesized", policy_.mark_synthesized);
    Take(object_, "hide_a", policy_.hide_a);
    TakeWord(
        object_, "reverse",
        {{"cname", Reverse::kCname}, {"synthesize", Reverse::kSynthesize}, {"off", Reverse::kOff}},
        policy_.reverse);
    if (const Node* prefixes = object_.Find("prefixes")) Prefixes(*prefixes);
    CheckNonGlobal();
    CheckForeign();
    CheckNames();
    return std::move(policy_);
  }

 private:
  struct Written {
    Dns64Prefix value;
    const Node* node;
  };

  void Prefixes(const Node& list) {
    std::vector<Written> written;
    for (const Node& item : list.items) {
      if (!item.ok) continue;
      if (auto prefix = ReadPrefix(item)) written.push_back({std::move(*prefix), &item});
    }
    policy_.prefixes.clear();
    for (const Written& prefix : written) policy_.prefixes.push_back(prefix.value);
    for (std::size_t i = 0; i < written.size(); ++i) {
      CheckAlone(written[i]);
      CheckAgainstThoseBefore(written, i);
    }
    CheckTogether(list, written);
  }

  std::optional<Dns64Prefix> ReadPrefix(const Node& item) {
    Dns64Prefix out;
    const bool is_object = item.kind == Node::Kind::kObject;
    const Node* text = is_object ? item.Find("prefix") : &item;
    if (text == nullptr) return std::nullopt;
    out.prefix = *Prefix::Parse(text->text);
    if (!is_object) return out;
    Take(item, "for_a", out.for_a);
    if (const Node* state = item.Find("state")) out.draining = state->text == "draining";
    if (const Node* suffix = item.Find("suffix")) {
      auto with = out.prefix.WithSuffix(*ParseIpv6(suffix->text));
      if (!with) {
        report_.Conflict(*suffix, with.error().text);
        return std::nullopt;
      }
      out.prefix = *with;
    }
    return out;
  }

  // The node of the prefix itself, whether it stands alone or in an object.
  static const Node& PrefixNode(const Written& written) {
    const Node* inner = written.node->Find("prefix");
    return inner != nullptr ? *inner : *written.node;
  }

  void CheckAlone(const Written& written) {
    const Prefix& prefix = written.value.prefix;
    if (prefix.bits() != 96) {
      report_.Warning(PrefixNode(written),
                      "Android's resolver and others take every NAT64 prefix for a /96: where "
                      "clients translate by themselves (464XLAT), use a /96");
    }
    static const Network kLocalUse = *Network::Parse("64:ff9b:1::/48");
    if (Covers(kLocalUse, NetworkOf(prefix))) {
      report_.Warning(PrefixNode(written),
                      "browsers take 64:ff9b:1::/48 (RFC 8215) for private address space: pages on "
                      "public addresses may be kept from loading what lies under it");
    }
    if (!prefix.is_well_known()) return;
    const Node* for_a = written.node->Find("for_a");
    for (const Network& network : written.value.for_a) {
      if (!IsNonGlobalNetwork(network)) continue;
      report_.Warning(
          *for_a, network.ToText() +
                      (policy_.allow_nonglobal_with_well_known_prefix
                           ? " is not global: 64:ff9b::/96 must not stand for it (RFC 6052 section "
                             "3.1); use a prefix of your own"
                           : " is not global: nothing is synthesized from it under 64:ff9b::/96 "
                             "(RFC 6052 section 3.1); use a prefix of your own"));
    }
  }

  void CheckAgainstThoseBefore(const std::vector<Written>& written, std::size_t i) {
    const Network ours = NetworkOf(written[i].value.prefix);
    for (std::size_t j = 0; j < i; ++j) {
      const Network other = NetworkOf(written[j].value.prefix);
      if (ours == other) {
        report_.Conflict(PrefixNode(written[i]),
                         "the same prefix as " + PrefixNode(written[j]).Pointer());
        return;
      }
      if (Covers(ours, other) || Covers(other, ours)) {
        report_.Warning(PrefixNode(written[i]),
                        "overlaps with " + PrefixNode(written[j]).Pointer() + " (" +
                            other.ToText() +
                            "): which prefix an address is under is then ambiguous");
        return;
      }
    }
  }

  void CheckTogether(const Node& list, const std::vector<Written>& written) {
    if (written.empty()) return;
    const auto has_for_a = [](const Written& one) { return !one.value.for_a.empty(); };
    if (written.size() > 1 && std::any_of(written.begin(), written.end(), has_for_a)) {
      report_.Warning(
          list,
          "several prefixes by \"for_a\": a router advertisement carries one prefix for "
          "all IPv4 addresses (RFC 8781 section 5), so clients that translate by "
          "themselves cannot follow");
    }
    const auto draining = [](const Written& one) { return one.value.draining; };
    if (policy_.enabled && std::all_of(written.begin(), written.end(), draining)) {
      report_.Warning(list, "every prefix is draining: nothing is synthesized");
    }
    if (object_.Find("selection") != nullptr || policy_.selection != Selection::kFirst) return;
    for (std::size_t i = 0; i < written.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (draining(written[i]) || draining(written[j])) continue;
        if (!SameRange(written[i].value, written[j].value)) continue;
        report_.Warning(PrefixNode(written[i]),
                        "only " + PrefixNode(written[j]).Pointer() +
                            " is used for new AAAA records of the same IPv4 addresses: write "
                            "\"selection\": \"all\" for both, or \"first\" to say so");
        return;
      }
    }
  }

  void CheckNonGlobal() {
    const Node* allow = object_.Find("allow_nonglobal_with_well_known_prefix");
    if (allow == nullptr || !allow->boolean) return;
    const auto is_well_known = [](const Dns64Prefix& one) { return one.prefix.is_well_known(); };
    const bool has = std::any_of(policy_.prefixes.begin(), policy_.prefixes.end(), is_well_known);
    report_.Warning(*allow,
                    has ? "RFC 6052 section 3.1 forbids it; a prefix of your own, or one of "
                          "64:ff9b:1::/48 (RFC 8215), may hold any IPv4 address"
                        : "64:ff9b::/96 is not among the prefixes: this does nothing");
  }

  void CheckForeign() {
    const Node* foreign = object_.Find("foreign_prefixes");
    if (foreign == nullptr) return;
    for (const Node& item : foreign->items) {
      if (!item.ok) continue;
      const Network network = *Network::Parse(item.text);
      for (const Dns64Prefix& own : policy_.prefixes) {
        if (NetworkOf(own.prefix) == network) {
          report_.Conflict(item, "one of our own prefixes cannot be a foreign one");
        }
      }
    }
  }

  void CheckNames() {
    std::vector<std::pair<Name, const Node*>> seen;
    for (const std::string_view key : kLists) {
      const Node* list = object_.Find(key);
      if (list == nullptr) continue;
      for (const Node& item : list->items) {
        if (item.ok) seen.emplace_back(*Name::Parse(item.text), &item);
      }
    }
    std::stable_sort(seen.begin(), seen.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < seen.size(); ++i) {
      if (seen[i].first != seen[i - 1].first) continue;
      const Node& item = *seen[i].second;
      const Node& first = *seen[i - 1].second;
      const std::string message = "stands at " + first.Pointer() + " too";
      if (item.parent == first.parent) {
        report_.Warning(item, message);
      } else {
        report_.Conflict(item, message + ": a name can be in one of these lists");
      }
    }
  }

  const Node& object_;
  Dns64Policy policy_;
  Report& report_;
};

}  // namespace

Dns64Policy BuildDns64(const Node& object, const Dns64Policy& base, Report& report) {
  return Dns64Builder(object, base, report).Build();
}

}  // namespace resolve64::config
