#include "server/reply.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <span>

#include "dns/message_builder.h"
#include "resolve64/message.h"

namespace resolve64::server {
namespace {

constexpr std::size_t kOptOctets = 11;          // an OPT record without options
constexpr std::size_t kOptionHeaderOctets = 4;  // code and length
constexpr std::size_t kPaddingBlock = 468;      // RFC 8467 section 4.1
constexpr std::uint16_t kOpcodeBits = 0x7800;

enum class Errors : std::uint8_t { kWithText, kCodeOnly, kNone };

std::uint16_t HeaderFlags(const ClientQuery& query, const Response& response) {
  // RFC 8906 section 8.1: opcode, RD and CD are copied, Z never is.
  std::uint16_t flags = Header::kQr | Header::kRa;
  flags |= static_cast<std::uint16_t>(query.flags & (kOpcodeBits | Header::kRd | Header::kCd));
  flags |= static_cast<std::uint16_t>(static_cast<std::uint16_t>(response.rcode) & 0xF);
  if (response.authoritative) flags |= Header::kAa;
  // RFC 6840 section 5.8: who asks for nothing of DNSSEC is told nothing of it. Who sets CD wants
  // no judgement, and gets none, whatever the cache knows.
  const bool wants_ad = query.do_bit || query.Has(Header::kAd);
  if (response.secure && wants_ad && !query.Has(Header::kCd)) flags |= Header::kAd;
  return flags;
}

using Option = dns::MessageBuilder::Option;

// All but padding.
std::vector<Option> Options(const Response& response, const ReplyTerms& terms, Errors errors) {
  std::vector<Option> options;
  if (terms.cookie.present()) {
    const auto data = std::span(terms.cookie.octets).first(terms.cookie.size);
    options.push_back({dns::kOptionCookie, {data.begin(), data.end()}});
  }
  if (terms.keepalive) {
    options.push_back({dns::kOptionKeepalive,
                       {static_cast<std::uint8_t>(*terms.keepalive >> 8),
                        static_cast<std::uint8_t>(*terms.keepalive & 0xFF)}});
  }
  if (errors == Errors::kNone) return options;
  for (const ResponseEde& ede : response.ede) {
    options.push_back(dns::EdeOption(ede.code, errors == Errors::kWithText ? ede.text : ""));
  }
  return options;
}

class Renderer {
 public:
  Renderer(const ClientQuery& query, const Response& response, const ReplyTerms& terms)
      : query_(query), response_(response), terms_(terms) {}

  // No message where answer, authority and errors do not fit whole and `truncate` is false.
  RenderedReply Render(Errors errors, bool truncate) const {
    dns::MessageBuilder builder(terms_.limit);
    builder.SetHeader(query_.id, HeaderFlags(query_, response_));
    if (query_.question) builder.AddQuestion(*query_.question);
    if (terms_.come_over_tcp) builder.SetFlag(Header::kTc);
    std::vector<Option> options;
    if (query_.has_opt) {
      options = Options(response_, terms_, errors);
      builder.Reserve(OptSize(options));
    }

    RenderedReply reply;
    reply.whole = errors == Errors::kWithText && !truncate;
    bool fits = AddAll(builder, Section::kAnswer, response_.answer);
    fits = fits && AddAll(builder, Section::kAuthority, response_.authority);
    if (!fits && !truncate) return {};
    if (truncate) {
      builder.SetFlag(Header::kTc);
    } else {
      // Nobody is misled by an additional RRset that is not there (RFC 2181 section 9).
      for (const ResponseRrset& item : response_.additional) {
        if (!Add(builder, Section::kAdditional, item)) reply.whole = false;
      }
    }
    builder.Reserve(0);
    if (query_.has_opt) {
      const std::size_t size = builder.size() + OptSize(options);
      if (size > terms_.limit && !truncate) return {};
      // The last one: its size depends on all the others.
      if (terms_.pad) options.push_back(Padding(size));
      builder.AddOpt(terms_.own_payload, response_.rcode, query_.do_bit, options);
    }
    reply.message = builder.Finish();
    return reply;
  }

 private:
  // Of the OPT record, a Padding option without its data included.
  [[nodiscard]] std::size_t OptSize(std::span<const Option> options) const {
    std::size_t octets = kOptOctets + (terms_.pad ? kOptionHeaderOctets : 0);
    for (const auto& option : options) octets += kOptionHeaderOctets + option.data.size();
    return octets;
  }

  // `size`: of the message with an empty one.
  [[nodiscard]] Option Padding(std::size_t size) const {
    return {dns::kOptionPadding, std::vector<std::uint8_t>(PaddedSize(size, terms_.limit) - size)};
  }

  bool Add(dns::MessageBuilder& builder, Section section, const ResponseRrset& item) const {
    const bool signatures = query_.do_bit && item.signatures;
    // The client sees its own letter case where the owner is what it asked for.
    const Name owner = item.rrset->owner();
    const Name* as_asked =
        query_.question && query_.question->name == owner ? &query_.question->name : nullptr;
    if (response_.rclass == RrClass::kIn) {
      return builder.AddRrset(section, *item.rrset, item.ttl, signatures, as_asked);
    }
    for (std::size_t i = 0; i < item.rrset->size(); ++i) {
      if (!builder.AddRecord(section, as_asked != nullptr ? *as_asked : owner, item.rrset->type(),
                             item.ttl, item.rrset->rdata(i), response_.rclass)) {
        return false;
      }
    }
    return true;
  }

  bool AddAll(dns::MessageBuilder& builder, Section section,
              const std::vector<ResponseRrset>& items) const {
    return std::all_of(items.begin(), items.end(),
                       [&](const ResponseRrset& item) { return Add(builder, section, item); });
  }

  const ClientQuery& query_;
  const Response& response_;
  const ReplyTerms& terms_;
};

}  // namespace

std::size_t UdpLimit(bool has_opt, std::uint16_t udp_payload, std::uint16_t own_limit) noexcept {
  constexpr std::size_t kWithoutEdns = 512;  // RFC 1035 section 4.2.1
  if (!has_opt) return kWithoutEdns;
  return std::max<std::size_t>(kWithoutEdns, std::min(udp_payload, own_limit));
}

std::size_t PaddedSize(std::size_t size, std::size_t limit) noexcept {
  const std::size_t blocks = (size + kPaddingBlock - 1) / kPaddingBlock;
  return std::max(size, std::min(blocks * kPaddingBlock, limit));
}

std::uint16_t KeepaliveUnits(Duration idle) noexcept {
  constexpr Duration kUnit = std::chrono::milliseconds(100);
  return static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(idle / kUnit, 0, std::numeric_limits<std::uint16_t>::max()));
}

RenderedReply RenderReply(const ClientQuery& query, const Response& response,
                          const ReplyTerms& terms) {
  const Renderer renderer(query, response, terms);
  RenderedReply reply = renderer.Render(Errors::kWithText, false);
  if (reply.message.empty()) reply = renderer.Render(Errors::kCodeOnly, false);
  if (reply.message.empty()) reply = renderer.Render(Errors::kNone, true);
  return reply;
}

}  // namespace resolve64::server
