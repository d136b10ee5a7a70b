// Which prefixes an IPv4 address gets, and the synthesized records (RFC 6147 section 5.1.7).
#pragma once

#include <span>
#include <vector>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"
#include "resolve64/prefix.h"

namespace resolve64::dns64 {

struct Synthesized {
  std::vector<Ipv6> addresses;  ///< A records outer, prefixes inner; no duplicates
  std::vector<Prefix> used;     ///< each once, in the order of its first address
};

/// True where the policy has a prefix that may get AAAA records at all.
bool HasActivePrefix(const Dns64Policy& policy);

/// What the policy makes of `addresses`, without those in `native`. Where that is more than
/// `max_records`, no address loses its first prefix for the sake of another's second: every A
/// record's first prefix is taken in turn, then every second one, until the answer is full; the
/// order of what remains is the usual one. `notes` may be null.
Synthesized Synthesize(const Dns64Policy& policy, std::span<const Ipv4> addresses,
                       std::span<const Ipv6> native, Dns64Notes* notes);

}  // namespace resolve64::dns64
