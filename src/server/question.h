// A client's message read: silence, an error reply, or a question (RFC 8906 section 8, RFC 6891),
// and the EDNS options that concern the reply (RFC 7828, RFC 7830, RFC 7873).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "resolve64/message.h"
#include "resolve64/types.h"
#include "server/client.h"
#include "server/cookies.h"

namespace resolve64::server {

/// What of a client's message the reply depends on.
struct ClientQuery {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;           ///< of the header, as sent
  std::optional<Question> question;  ///< empty where the message could not be read that far
  bool has_opt = false;
  bool do_bit = false;
  std::uint16_t udp_payload = 512;  ///< octets; never below 512 (RFC 6891 section 6.2.3)
  bool padding = false;             ///< there was a Padding option
  bool keepalive = false;           ///< there was an edns-tcp-keepalive option
  CookieOption cookie;              ///< the first one; none where cookies are off

  [[nodiscard]] bool Has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
};

struct Reading {
  enum class Verdict : std::uint8_t {
    kDrop,   ///< silence
    kReply,  ///< `rcode`, and nothing is looked up
    kAsk,    ///< a question of class IN or CH
  };
  Verdict verdict = Verdict::kDrop;
  ClientQuery query;
  Rcode rcode = Rcode::kNoError;
  std::optional<Ede> ede;
};

/// Any thread. Of a message without a question but with a cookie the verdict is kReply with
/// NOERROR: it asks for a cookie (RFC 7873 section 5.4). `cookies`: whether we have any; without
/// them the option is one that we do not know.
///
/// Unknown flags, types and EDNS options are no reason for an error (RFC 8906
/// section 3); unknown options are ignored.
Reading ReadQuestion(std::span<const std::uint8_t> message, Transport transport, bool cookies);

}  // namespace resolve64::server
