// The query we send, and whether a message is the reply to it (RFC 5452 section 9.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "resolve64/message.h"

namespace resolve64::resolver::upstream {

/// What a query carries beside its question.
struct QueryOptions {
  bool recursion_desired = false;
  bool checking_disabled = false;  ///< CD: we validate ourselves (RFC 6840 section 5.9)
  bool edns = true;                ///< with DO (RFC 4035 section 3.2.1)
  std::uint16_t udp_payload = 1232;
  bool random_case = true;  ///< 0x20: the letters of QNAME are a further secret
  /// With EDNS: padded to a multiple of kQueryBlock (RFC 8467 section 4.1), and asking how long a
  /// connection may be idle (RFC 7828).
  bool over_tls = false;
};

inline constexpr std::size_t kQueryBlock = 128;

/// A query in wire form: random id, and random letter case where asked for.
std::vector<std::uint8_t> BuildQuery(const Question& question, const QueryOptions& options,
                                     Random& random);

enum class Match : std::uint8_t {
  kReply,      ///< it answers the query
  kBareError,  ///< the id is right, an error RCODE, and no question at all: how old servers refuse
               ///< EDNS
  kCaseDiffers,  ///< it answers the query, but the letters of QNAME came back in another case
  kNonsense,     ///< the id is right and nothing else is: the server talks nonsense, or somebody
                 ///< guesses
  kForeign,      ///< anything else: not a reply to this query, and to be ignored
};

/// Whether `message` is the reply to `query`. Transport and address are the channel's business.
Match MatchReply(std::span<const std::uint8_t> query, std::span<const std::uint8_t> message);

/// Puts the letter case of `name` into the question of `message`. Names that are compressed against
/// the question then come out as they were asked for, not in the random case. REQUIRES:
/// MatchReply() said kReply or kCaseDiffers.
void RestoreCase(std::span<std::uint8_t> message, const Name& name);

}  // namespace resolve64::resolver::upstream
