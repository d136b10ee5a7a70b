// Records and messages as people read them (RFC 1035 section 5.1, RFC 3597 section 5).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "resolve64/message.h"
#include "resolve64/types.h"

namespace resolve64::dns {

/// RDATA in presentation format; `\# 4 c0000221` for types without one here, and for RDATA that
/// does not have the shape of its type. `rdata` is uncompressed. Safe to print, whatever it holds.
std::string RdataToText(RrType type, std::span<const std::uint8_t> rdata);

/// "IN", "CH", "CLASS17".
std::string ToText(RrClass rclass);

/// "qr rd ra": the flags of a header that are set.
std::string FlagsToText(const Header& header);

/// One record of a message.
struct RecordText {
  Section section = Section::kAnswer;
  std::string owner;
  std::uint32_t ttl = 0;
  std::string rclass;
  std::string type;
  std::string rdata;
};

/// Every record of `message`, in order.
std::vector<RecordText> RecordsToText(const MessageView& message);

}  // namespace resolve64::dns
