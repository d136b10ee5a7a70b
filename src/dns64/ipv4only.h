// ipv4only.arpa, which tells clients the NAT64 prefixes (RFC 7050, RFC 8880).
#pragma once

#include <cstdint>
#include <optional>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/types.h"
#include "zone/local_answer.h"

namespace resolve64::dns64 {

/// The TTL of every answer made here, seconds. RFC 7050 section 5 leaves it to the operator of the
/// DNS64; clients ask again shortly before it runs out.
inline constexpr std::uint32_t kIpv4OnlyTtl = 600;

/// ipv4only.arpa.
const Name& Ipv4OnlyName() noexcept;

/// 192.0.0.170 or 192.0.0.171 (RFC 7050 section 2).
bool IsIpv4OnlyAddress(Ipv4 address) noexcept;

/// The answer to a question of class IN for ipv4only.arpa or a name below it (RFC 8880
/// section 7.1), whatever its DO and CD bits. Empty: not made here, because of another name, the DS
/// of ipv4only.arpa itself, or a policy that is not enabled (a plain resolver gives the name no
/// special treatment).
///
/// A is always the two addresses. AAAA is the two addresses under each prefix that is not draining,
/// in the order of the policy; prefixes with `for_a` too, because clients have to recognize
/// addresses under them; `selection`, `max_records`, `exclude_a`, `hide_a` and the name lists do
/// not count here. Only with `over_ipv4` under a policy without `clients_over_ipv4` AAAA is NODATA:
/// that client gets no synthesized address at all. Every other type is NODATA, every name below
/// NXDOMAIN. Never signed: AD stays clear, and nothing validates it. Any thread.
std::optional<zone::LocalAnswer> AnswerIpv4Only(const Dns64Policy& policy, const Name& name,
                                                RrType type, bool over_ipv4);

/// The answer to a PTR question for one of the two addresses under a prefix of the policy: PTR
/// ipv4only.arpa (RFC 8880 section 7.2.1). Empty for every other question. Ask before
/// MatchReverse()'s result is resolved. Any thread.
std::optional<zone::LocalAnswer> AnswerIpv4OnlyReverse(const Dns64Policy& policy, const Name& name,
                                                       RrType type);

}  // namespace resolve64::dns64
