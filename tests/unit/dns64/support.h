// The vocabulary of the DNS64 tests.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/prefix.h"

namespace resolve64::dns64 {

using Act = Dns64Decision::Act;
using Mode = Dns64Policy::DnssecMode;
using On = Dns64Policy::SynthesizeOn;
using Selection = Dns64Policy::Selection;

inline Ipv4 V4(std::string_view text) { return ParseIpv4(text).value(); }
inline Ipv6 V6(std::string_view text) { return ParseIpv6(text).value(); }
inline Name N(std::string_view text) { return Name::Parse(text).value(); }
inline Network Net(std::string_view text) { return Network::Parse(text).value(); }
inline Prefix Pref64(std::string_view text) { return Prefix::Parse(text).value(); }

inline std::vector<Ipv6> V6s(std::initializer_list<std::string_view> texts) {
  std::vector<Ipv6> out;
  for (const auto text : texts) out.push_back(V6(text));
  return out;
}

inline std::vector<std::string> Texts(const std::vector<Ipv6>& addresses) {
  std::vector<std::string> out;
  for (const Ipv6& address : addresses) out.push_back(ToText(address));
  return out;
}

inline std::vector<std::string> Texts(const std::vector<Prefix>& prefixes) {
  std::vector<std::string> out;
  for (const Prefix& prefix : prefixes) out.push_back(prefix.ToText());
  return out;
}

inline Dns64Prefix Plain(std::string_view prefix) {
  Dns64Prefix out;
  out.prefix = Pref64(prefix);
  return out;
}

inline Dns64Prefix For(std::string_view prefix, std::initializer_list<std::string_view> networks) {
  Dns64Prefix out = Plain(prefix);
  for (const auto network : networks) out.for_a.push_back(Net(network));
  return out;
}

inline Dns64Prefix Draining(std::string_view prefix) {
  Dns64Prefix out = Plain(prefix);
  out.draining = true;
  return out;
}

/// The configuration's defaults, with these prefixes.
inline Dns64Policy PolicyOf(std::vector<Dns64Prefix> prefixes) {
  Dns64Policy policy;
  policy.prefixes = std::move(prefixes);
  return policy;
}

/// A policy whose prefix may carry the documentation addresses of RFC 5737.
inline Dns64Policy DefaultPolicy() { return PolicyOf({Plain("2001:db8:64::/96")}); }

/// The two lookups, owning their addresses.
struct Lookups {
  LookupKind aaaa = LookupKind::kNodata;
  std::vector<Ipv6> aaaa_addresses;
  std::uint32_t aaaa_ttl = 3600;
  std::optional<std::uint32_t> soa_ttl = 300;
  Security aaaa_security = Security::kUnchecked;

  LookupKind a = LookupKind::kData;
  std::vector<Ipv4> a_addresses{V4("192.0.2.33")};
  std::uint32_t a_ttl = 3600;
  Security a_security = Security::kUnchecked;

  [[nodiscard]] AaaaLookup Aaaa() const {
    AaaaLookup lookup;
    lookup.kind = aaaa;
    lookup.addresses = aaaa_addresses;
    lookup.ttl = aaaa_ttl;
    if (aaaa == LookupKind::kNodata || aaaa == LookupKind::kNxdomain) lookup.soa_ttl = soa_ttl;
    lookup.security = aaaa_security;
    return lookup;
  }
  [[nodiscard]] ALookup A() const {
    ALookup lookup;
    lookup.kind = a;
    if (a == LookupKind::kData) lookup.addresses = a_addresses;
    lookup.ttl = a_ttl;
    lookup.security = a_security;
    return lookup;
  }
};

inline Lookups WithAaaa(std::initializer_list<std::string_view> addresses) {
  Lookups lookups;
  lookups.aaaa = LookupKind::kData;
  lookups.aaaa_addresses = V6s(addresses);
  return lookups;
}

inline Dns64Query Query(std::string_view name = "www.example.com.", bool do_bit = false,
                        bool cd_bit = false) {
  Dns64Query query;
  query.name = N(name);
  query.do_bit = do_bit;
  query.cd_bit = cd_bit;
  return query;
}

/// What is decided when both lookups are known.
inline Dns64Decision DecideBoth(const Dns64Policy& policy, const Dns64Query& query,
                                const Lookups& lookups) {
  const AaaaLookup aaaa = lookups.Aaaa();
  const ALookup a = lookups.A();
  return Decide(policy, query, aaaa, &a, true);
}

/// What is decided before A is known.
inline Dns64Decision DecideFirst(const Dns64Policy& policy, const Dns64Query& query,
                                 const Lookups& lookups) {
  const AaaaLookup aaaa = lookups.Aaaa();
  return Decide(policy, query, aaaa, nullptr, true);
}

inline bool HasNote(const Dns64Decision& decision, std::string_view note) {
  for (const auto& text : decision.notes) {
    if (text == note) return true;
  }
  return false;
}

}  // namespace resolve64::dns64
