#include "dns64/select.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_set>

#include "resolve64/dns64.h"

namespace resolve64 {
namespace {

constexpr int kNoMatch = -2;
constexpr int kForAny = -1;  // below every match in `for_a`, /0 included

// How well a prefix fits `address`: the bits of the longest match in its `for_a`.
int Fit(const Dns64Prefix& prefix, Ipv4 address) {
  if (prefix.for_a.empty()) return kForAny;
  int best = kNoMatch;
  for (const Network& network : prefix.for_a) {
    if (network.Contains(address)) best = std::max(best, network.bits());
  }
  return best;
}

std::vector<Prefix> Applicable(const Dns64Policy& policy, Ipv4 address, Dns64Notes* notes) {
  const auto excluded = std::ranges::find_if(
      policy.exclude_a, [&](const Network& network) { return network.Contains(address); });
  if (excluded != policy.exclude_a.end()) {
    if (notes != nullptr) {
      notes->push_back("A " + ToText(address) + " excluded: in " + excluded->ToText());
    }
    return {};
  }

  const bool barred = !policy.allow_nonglobal_with_well_known_prefix && IsNonGlobal(address);
  int best = kNoMatch;
  std::vector<Prefix> fitting;
  for (const Dns64Prefix& candidate : policy.prefixes) {
    if (candidate.draining) continue;
    const int fit = Fit(candidate, address);
    if (fit == kNoMatch) continue;
    if (barred && candidate.prefix.is_well_known()) {
      if (notes != nullptr) {
        notes->push_back(ToText(address) + " is not global, not under " +
                         candidate.prefix.ToText() + " (RFC 6052 section 3.1)");
      }
      continue;
    }
    if (fit < best) continue;
    if (fit > best) fitting.clear();
    best = fit;
    fitting.push_back(candidate.prefix);
  }
  if (policy.selection == Dns64Policy::Selection::kFirst && fitting.size() > 1) {
    fitting.erase(fitting.begin() + 1, fitting.end());
  }
  if (fitting.empty() && notes != nullptr) {
    notes->push_back("no prefix is for A " + ToText(address));
  }
  return fitting;
}

}  // namespace

std::vector<Prefix> PrefixesFor(const Dns64Policy& policy, Ipv4 address) {
  return Applicable(policy, address, nullptr);
}

namespace dns64 {
namespace {

struct Candidate {
  Ipv6 address;
  Ipv4 from;
  Prefix prefix;
  std::size_t rank;  // 0: under the first prefix of its A record
};

// The candidates that fit into `limit`, lower ranks first, in their old order.
void Shorten(std::vector<Candidate>& candidates, std::size_t limit) {
  std::vector<std::size_t> order(candidates.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return candidates[i].rank; });
  order.resize(limit);
  std::ranges::sort(order);
  std::vector<Candidate> shortened;
  shortened.reserve(limit);
  for (const std::size_t i : order) shortened.push_back(candidates[i]);
  candidates = std::move(shortened);
}

struct AddressHash {
  std::size_t operator()(const Ipv6& address) const noexcept { return IpAddress(address).Hash(); }
};

}  // namespace

bool HasActivePrefix(const Dns64Policy& policy) {
  return std::ranges::any_of(policy.prefixes,
                             [](const Dns64Prefix& prefix) { return !prefix.draining; });
}

Synthesized Synthesize(const Dns64Policy& policy, std::span<const Ipv4> addresses,
                       std::span<const Ipv6> native, Dns64Notes* notes) {
  std::unordered_set<Ipv6, AddressHash> seen(native.begin(), native.end());
  std::vector<Candidate> candidates;
  for (const Ipv4 address : addresses) {
    std::size_t rank = 0;
    for (const Prefix& prefix : Applicable(policy, address, notes)) {
      const Ipv6 embedded = prefix.Embed(address);
      if (seen.insert(embedded).second) candidates.push_back({embedded, address, prefix, rank});
      ++rank;
    }
  }
  if (candidates.size() > policy.max_records) {
    if (notes != nullptr) {
      notes->push_back(std::to_string(candidates.size()) + " synthesized records, max_records is " +
                       std::to_string(policy.max_records));
    }
    Shorten(candidates, policy.max_records);
  }

  Synthesized made;
  made.addresses.reserve(candidates.size());
  for (const Candidate& candidate : candidates) {
    made.addresses.push_back(candidate.address);
    if (std::ranges::find(made.used, candidate.prefix) == made.used.end()) {
      made.used.push_back(candidate.prefix);
    }
    if (notes != nullptr) {
      notes->push_back("A " + ToText(candidate.from) + " becomes " + ToText(candidate.address) +
                       " under " + candidate.prefix.ToText());
    }
  }
  return made;
}

}  // namespace dns64
}  // namespace resolve64
