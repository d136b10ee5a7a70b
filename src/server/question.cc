#include "server/question.h"

#include <algorithm>

namespace resolve64::server {
namespace {

constexpr std::uint16_t kLeastPayload = 512;  // RFC 6891 section 6.2.3

Reading Refuse(Reading reading, Rcode rcode, std::optional<Ede> ede = std::nullopt) {
  reading.verdict = Reading::Verdict::kReply;
  reading.rcode = rcode;
  reading.ede = ede;
  return reading;
}

void TakeEdns(const MessageView& message, ClientQuery& query) {
  if (!message.edns()) return;
  query.has_opt = true;
  query.do_bit = message.edns()->do_bit;
  query.udp_payload = std::max(message.edns()->udp_payload, kLeastPayload);
}

// Types that nobody can be asked for (RFC 6895 section 3.1), or that we do not do.
Reading ReadType(Reading reading, RrType type) {
  switch (type) {
    case RrType::kNone:
    case RrType::kOpt:
      return Refuse(std::move(reading), Rcode::kFormErr);
    case RrType::kNxname:  // RFC 9824 section 3.5
      return Refuse(std::move(reading), Rcode::kFormErr, Ede::kInvalidQueryType);
    case RrType::kTkey:
    case RrType::kTsig:
    case RrType::kMaila:
    case RrType::kMailb:
      return Refuse(std::move(reading), Rcode::kNotImp);
    case RrType::kAxfr:
    case RrType::kIxfr:
      return Refuse(std::move(reading), Rcode::kRefused);
    default:
      reading.verdict = Reading::Verdict::kAsk;
      return reading;
  }
}

}  // namespace

Reading ReadQuestion(std::span<const std::uint8_t> octets) {
  Reading reading;
  const std::optional<Header> header = Header::Read(octets);
  // A reply to a response starts a loop between two servers (CVE-2024-2169).
  if (!header || header->Has(Header::kQr)) return reading;
  reading.query.id = header->id;
  reading.query.flags = header->flags;

  const Result<MessageView> message = MessageView::Parse(octets);
  if (header->opcode() != Opcode::kQuery) {
    // Sections are left empty, whatever the other opcode means by them (RFC 8906 section 8.1.4).
    if (message) TakeEdns(*message, reading.query);
    return Refuse(std::move(reading), Rcode::kNotImp, Ede::kNotSupported);
  }
  if (!message) return Refuse(std::move(reading), Rcode::kFormErr);
  TakeEdns(*message, reading.query);
  reading.query.question = message->question();
  if (!message->question() || header->ancount != 0 || header->nscount != 0) {
    return Refuse(std::move(reading), Rcode::kFormErr);
  }
  if (message->edns() && message->edns()->version > 0) {
    return Refuse(std::move(reading), Rcode::kBadVers);
  }
  const RrClass rclass = message->question()->rclass;
  if (rclass != RrClass::kIn && rclass != RrClass::kCh) {
    return Refuse(std::move(reading), Rcode::kRefused);
  }
  return ReadType(std::move(reading), message->question()->type);
}

}  // namespace resolve64::server
