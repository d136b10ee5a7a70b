// A reply as octets: header rules, EDNS, truncation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/question.h"
#include "server/response.h"

namespace resolve64::server {

/// Octets that a reply over UDP may have (RFC 6891 section 6.2.5): what the client takes, 512 where
/// it has no EDNS, and never more than `own_limit`.
std::size_t UdpLimit(const ClientQuery& query, std::uint16_t own_limit) noexcept;

inline constexpr std::size_t kTcpLimit = 65535;

/// The reply to `query`, at most `limit` octets. `own_payload` is what we take over UDP, told in
/// the OPT record, which is there exactly where the query had one (RFC 6891 section 6.1.1).
///
/// Where it does not fit: the texts of Extended DNS Errors go first, then additional RRsets, then
/// the errors themselves with TC (RFC 8914 section 3), then whole RRsets from the end, with TC (RFC
/// 2181 section 9). Any thread.
std::vector<std::uint8_t> RenderReply(const ClientQuery& query, const Response& response,
                                      std::size_t limit, std::uint16_t own_payload);

}  // namespace resolve64::server
