#include "server/question.h"

#include <algorithm>

#include "dns/message_builder.h"

namespace resolve64::server {
namespace {

constexpr std::uint16_t kLeastPayload = 512;  // RFC 6891 section 6.2.3

Reading Refuse(Reading reading, Rcode rcode, std::optional<Ede> ede = std::nullopt) {
  reading.verdict = Reading::Verdict::kReply;
  reading.rcode = rcode;
  reading.ede = ede;
  return reading;
}

// False where it has no legal length (RFC 7873 section 5.2.2).
bool TakeCookie(std::span<const std::uint8_t> data, CookieOption& cookie) {
  constexpr std::size_t kClient = CookieOption::kClientSize;
  if (data.size() != kClient && data.size() < kClient + CookieOption::kLeastServerSize) {
    return false;
  }
  if (data.size() > cookie.octets.size()) return false;
  cookie.Set(data);
  return true;
}

// False where an option is not as it has to be.
bool TakeOptions(const Edns& edns, Transport transport, bool cookies, ClientQuery& query) {
  // Over UDP the option is ignored, whatever it holds (RFC 7828 section 3.3.1); HTTP/2 has its own
  // ways.
  const bool framed = transport == Transport::kTcp || transport == Transport::kTls;
  bool cookie_seen = !cookies;
  bool good = true;
  for (const EdnsOption& option : edns.options) {
    switch (option.code) {
      case dns::kOptionCookie:
        if (!cookie_seen) good = TakeCookie(option.data, query.cookie) && good;
        cookie_seen = true;
        break;
      case dns::kOptionKeepalive:
        query.keepalive = true;
        if (framed && !option.data.empty()) good = false;  // RFC 7828 section 3.2.1
        break;
      case dns::kOptionPadding:
        query.padding = true;
        break;
      default:
        break;
    }
  }
  return good;
}

// False where an option is not as it has to be. What options of other versions mean is not known.
bool TakeEdns(const MessageView& message, Transport transport, bool cookies, ClientQuery& query) {
  if (!message.edns()) return true;
  query.has_opt = true;
  query.do_bit = message.edns()->do_bit;
  query.udp_payload = std::max(message.edns()->udp_payload, kLeastPayload);
  return message.edns()->version > 0 || TakeOptions(*message.edns(), transport, cookies, query);
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

Reading ReadQuestion(std::span<const std::uint8_t> octets, Transport transport, bool cookies) {
  Reading reading;
  const std::optional<Header> header = Header::Read(octets);
  // A reply to a response starts a loop between two servers (CVE-2024-2169).
  if (!header || header->Has(Header::kQr)) return reading;
  reading.query.id = header->id;
  reading.query.flags = header->flags;

  const Result<MessageView> message = MessageView::Parse(octets);
  if (header->opcode() != Opcode::kQuery) {
    // Sections are left empty, whatever the other opcode means by them (RFC 8906 section 8.1.4).
    if (message) TakeEdns(*message, transport, cookies, reading.query);
    return Refuse(std::move(reading), Rcode::kNotImp, Ede::kNotSupported);
  }
  if (!message) return Refuse(std::move(reading), Rcode::kFormErr);
  const bool good_options = TakeEdns(*message, transport, cookies, reading.query);
  reading.query.question = message->question();
  const bool wants_cookie = !message->question() && reading.query.cookie.present();
  if (!good_options || header->ancount != 0 || header->nscount != 0 ||
      (!message->question() && !wants_cookie)) {
    return Refuse(std::move(reading), Rcode::kFormErr);
  }
  if (message->edns() && message->edns()->version > 0) {
    return Refuse(std::move(reading), Rcode::kBadVers);
  }
  if (wants_cookie) return Refuse(std::move(reading), Rcode::kNoError);
  const RrClass rclass = message->question()->rclass;
  if (rclass != RrClass::kIn && rclass != RrClass::kCh) {
    return Refuse(std::move(reading), Rcode::kRefused);
  }
  return ReadType(std::move(reading), message->question()->type);
}

}  // namespace resolve64::server
