// Reverse names of synthesized addresses (RFC 6147 section 5.3.1).
#pragma once

#include <optional>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/prefix.h"

namespace resolve64::dns64 {

/// The address of a name of exactly 32 nibbles below ip6.arpa (RFC 3596 section 2.5), in any letter
/// case; empty for every other name. One pass over the wire form; never allocates.
std::optional<Ipv6> ParseIp6Arpa(const Name& name) noexcept;

/// The IPv4 address inside a reverse name, and the prefix it stands under.
struct ReverseMatch {
  Ipv4 address;
  Prefix prefix;
};

/// For a PTR question: what is to be resolved in its place. The longest of the policy's prefixes,
/// draining ones included, and of the well-known prefix (RFC 6147 section 5.3.1). The suffix is
/// ignored (RFC 6052 section 2.2). Empty, and the question is like any other, where no prefix
/// matches, octet 8 is not zero, the policy is disabled or its `reverse` is kOff. Any thread.
std::optional<ReverseMatch> MatchReverse(const Dns64Policy& policy, const Name& name) noexcept;

/// "33.2.0.192.in-addr.arpa." (RFC 1035 section 3.5).
Name InAddrArpa(Ipv4 address) noexcept;

/// The 32 nibbles below ip6.arpa (RFC 3596 section 2.5), in lower case.
Name Ip6Arpa(const Ipv6& address) noexcept;

}  // namespace resolve64::dns64
