// The usual question, read in place: what most messages are, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "resolve64/types.h"
#include "server/client.h"

namespace resolve64::server {

/// A question of class IN with RD, without OPT record or with one of version 0 and well-formed
/// options. Points into the message.
struct FastQuestion {
  std::uint16_t id = 0;
  bool cd_bit = false;
  bool ad_bit = false;
  bool has_opt = false;
  bool do_bit = false;
  bool padding = false;             ///< there was a Padding option
  bool keepalive = false;           ///< there was an edns-tcp-keepalive option
  std::uint16_t udp_payload = 512;  ///< as sent
  RrType type = RrType::kNone;
  std::span<const std::uint8_t> name;    ///< wire form
  std::span<const std::uint8_t> cookie;  ///< data of the first COOKIE option, of a legal length
};

/// False where ReadQuestion() is to look at the message: it is unusual, or malformed. Everything
/// that is read here is read the same there. Any thread.
bool ReadFast(std::span<const std::uint8_t> message, Transport transport, bool cookies,
              FastQuestion& question) noexcept;

}  // namespace resolve64::server
