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
std::size_t UdpLimit(bool has_opt, std::uint16_t udp_payload, std::uint16_t own_limit) noexcept;

inline constexpr std::size_t kTcpLimit = 65535;

/// What a reply of `size` octets becomes where the client may be padded for: a multiple of 468 (RFC
/// 8467 section 4.1), or as long as `limit` lets it be.
std::size_t PaddedSize(std::size_t size, std::size_t limit) noexcept;

/// An idle time as RFC 7828 section 3.1 has it, units of 100 ms. Rounded down, so that the client
/// is never too late.
std::uint16_t KeepaliveUnits(Duration idle) noexcept;

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

struct RenderedReply {
  std::vector<std::uint8_t> message;
  bool whole = false;  ///< nothing was left out for want of room
};

/// The reply to `query`. The OPT record is there exactly where the query had one (RFC 6891
/// section 6.1.1), and without it no option is. Padding: see PaddedSize().
///
/// Where it does not fit: the texts of Extended DNS Errors go first, then additional RRsets, then
/// the errors themselves with TC (RFC 8914 section 3), then whole RRsets from the end, with TC (RFC
/// 2181 section 9). Cookie and keepalive stay. Any thread.
RenderedReply RenderReply(const ClientQuery& query, const Response& response,
                          const ReplyTerms& terms);

}  // namespace resolve64::server
