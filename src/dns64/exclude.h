// Which AAAA records count as absent (RFC 6147 section 5.1.4).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"

namespace resolve64::dns64 {

/// The indexes of the addresses that are not excluded, judged one by one. Excluded are those in
/// `exclude_aaaa`, and those under a foreign prefix: the policy's `foreign_prefixes`, and the
/// well-known prefix where it is none of the policy's own. `notes` may be null. REQUIRES: at most
/// 65,536 addresses.
std::vector<std::uint16_t> KeepAaaa(const Dns64Policy& policy, std::span<const Ipv6> addresses,
                                    Dns64Notes* notes);

}  // namespace resolve64::dns64
