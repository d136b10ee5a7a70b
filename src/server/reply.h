// A reply as octets: header rules, EDNS and its options, truncation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "server/cookies.h"
#include "server/question.h"
#include "server/response.h"

namespace resolve64::server {

/// Octets that a reply over UDP may have (RFC 6891 section 6.2.5): what the client takes, 512 where
/// it has no EDNS, and never more than `own_limit`.
std::size_t UdpLimit(const ClientQuery& query, std::uint16_t own_limit) noexcept;

inline constexpr std::size_t kTcpLimit = 65535;

/// What a reply depends on beside the question and the answer.
struct ReplyTerms {
  std::size_t limit = kTcpLimit;  ///< octets
  std::uint16_t own_payload = 0;  ///< what we take over UDP, told in the OPT record
  CookieOption cookie;            ///< the client's part and ours; none: no option
  bool pad = false;               ///< RFC 7830; never in clear
  bool come_over_tcp = false;     ///< TC, whether or not anything was left out
  /// RFC 7828, units of 100 ms.
  std::optional<std::uint16_t> keepalive;

  ReplyTerms(std::size_t most, std::uint16_t payload) : limit(most), own_payload(payload) {}
};

/// The reply to `query`. The OPT record is there exactly where the query had one (RFC 6891
/// section 6.1.1), and without it no option is. A padded reply is a multiple of 468 octets (RFC
/// 8467 section 4.1), or as long as the limit lets it be.
///
/// Where it does not fit: the texts of Extended DNS Errors go first, then additional RRsets, then
/// the errors themselves with TC (RFC 8914 section 3), then whole RRsets from the end, with TC (RFC
/// 2181 section 9). Cookie and keepalive stay. Any thread.
std::vector<std::uint8_t> RenderReply(const ClientQuery& query, const Response& response,
                                      const ReplyTerms& terms);

}  // namespace resolve64::server
