#include "dns64/exclude.h"

#include <algorithm>
#include <optional>
#include <string>

namespace resolve64::dns64 {
namespace {

bool OwnsWellKnownPrefix(const Dns64Policy& policy) {
  return std::ranges::any_of(policy.prefixes,
                             [](const Dns64Prefix& p) { return p.prefix.is_well_known(); });
}

}  // namespace

std::vector<std::uint16_t> KeepAaaa(const Dns64Policy& policy, std::span<const Ipv6> addresses,
                                    Dns64Notes* notes) {
  const bool foreign_well_known = !OwnsWellKnownPrefix(policy);
  const auto exclude = [&](const Ipv6& address, const std::string& why) {
    if (notes != nullptr) notes->push_back("AAAA " + ToText(address) + " excluded: " + why);
  };

  std::vector<std::uint16_t> kept;
  kept.reserve(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Ipv6& address = addresses[i];
    const auto network = std::ranges::find_if(
        policy.exclude_aaaa, [&](const Network& n) { return n.Contains(address); });
    if (network != policy.exclude_aaaa.end()) {
      exclude(address, "in " + network->ToText());
      continue;
    }
    const auto foreign = std::ranges::find_if(
        policy.foreign_prefixes, [&](const Network& n) { return n.Contains(address); });
    if (foreign != policy.foreign_prefixes.end()) {
      exclude(address, "under " + foreign->ToText() + ", a foreign prefix");
      continue;
    }
    if (foreign_well_known && Prefix::WellKnown().Contains(address)) {
      exclude(address, "under " + Prefix::WellKnown().ToText() + ", a foreign prefix");
      continue;
    }
    kept.push_back(static_cast<std::uint16_t>(i));
  }
  return kept;
}

}  // namespace resolve64::dns64
