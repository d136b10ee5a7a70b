// Two readers of one message: what the fast one takes, the thorough one reads the same.

#include <algorithm>
#include <cstdint>
#include <span>

#include "fuzz/check.h"
#include "server/fast_question.h"
#include "server/question.h"

namespace {

using resolve64::Header;
using resolve64::fuzz::Check;
using resolve64::server::ClientQuery;
using resolve64::server::FastQuestion;
using resolve64::server::ReadFast;
using resolve64::server::Reading;
using resolve64::server::ReadQuestion;
using resolve64::server::Transport;

void Compare(const FastQuestion& fast, const Reading& reading) {
  Check(reading.verdict != Reading::Verdict::kDrop, "a question gets a reply");
  const ClientQuery& query = reading.query;
  Check(query.question.has_value(), "there is a question");
  Check(reading.ede || reading.verdict == Reading::Verdict::kAsk ||
            reading.rcode != resolve64::Rcode::kFormErr || fast.type == resolve64::RrType::kNone ||
            fast.type == resolve64::RrType::kOpt,
        "only its type can be wrong");
  Check(query.id == fast.id, "the same id");
  Check(query.Has(Header::kRd), "recursion is desired");
  Check(query.Has(Header::kCd) == fast.cd_bit && query.Has(Header::kAd) == fast.ad_bit,
        "the same flags");
  Check(query.question->type == fast.type, "the same type");
  Check(query.question->rclass == resolve64::RrClass::kIn, "class IN");
  const auto name = query.question->name.wire();
  Check(std::equal(name.begin(), name.end(), fast.name.begin(), fast.name.end()),
        "the same name, letter case included");
  Check(query.has_opt == fast.has_opt && query.do_bit == fast.do_bit, "the same OPT record");
  Check(query.padding == fast.padding && query.keepalive == fast.keepalive, "the same options");
  Check(query.udp_payload == std::max<std::uint16_t>(fast.udp_payload, 512), "the same payload");
  const auto cookie = std::span(query.cookie.octets).first(query.cookie.size);
  Check(std::equal(cookie.begin(), cookie.end(), fast.cookie.begin(), fast.cookie.end()),
        "the same cookie");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> message(data, size);
  for (const Transport transport : {Transport::kUdp, Transport::kTls, Transport::kHttps}) {
    for (const bool cookies : {false, true}) {
      FastQuestion fast;
      if (!ReadFast(message, transport, cookies, fast)) continue;
      Compare(fast, ReadQuestion(message, transport, cookies));
    }
  }
  return 0;
}
