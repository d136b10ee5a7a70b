#include "server/fast_path.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "dns/message_builder.h"
#include "resolve64/message.h"
#include "server/counting.h"

namespace resolve64::server {
namespace {

using resolver::Counter;
using CookieState = CookieJudgement::State;

constexpr std::size_t kOptSize = 11;  // an OPT record without options
constexpr std::size_t kOptionHeader = 4;
constexpr std::size_t kKeepaliveSize = kOptionHeader + 2;
constexpr std::size_t kFlagsAt = 2;
constexpr std::size_t kAdditionalCountAt = 10;

std::uint8_t* Put16(std::uint8_t* at, std::size_t value) noexcept {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value & 0xFF);
  return at + 2;
}

std::uint8_t* Put(std::uint8_t* at, std::span<const std::uint8_t> octets) noexcept {
  std::memcpy(at, octets.data(), octets.size());
  return at + octets.size();
}

std::size_t SizeOf(const CookieOption& cookie) noexcept {
  return cookie.present() ? kOptionHeader + cookie.size : 0;
}

// How what a reply shows ages.
struct Ageing {
  TimePoint since = TimePoint::max();  // when the TTLs were as they are
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();  // of the TTLs
};

// Of several RRsets the moment that came first, so that no TTL is ever too high.
void Take(const std::vector<ResponseRrset>& items, TimePoint now, Ageing& ageing) {
  for (const ResponseRrset& item : items) {
    ageing.since = std::min(ageing.since, LastTick(*item.rrset, now));
    ageing.least = std::min(ageing.least, item.ttl);
  }
}

// Also where nothing of it found room in the message.
Ageing AgeingOf(const Response& response, TimePoint now) {
  Ageing ageing;
  Take(response.answer, now, ageing);
  Take(response.authority, now, ageing);
  Take(response.additional, now, ageing);
  return ageing;
}

std::size_t EndOfRecords(const MessageView& message) {
  if (!message.records().empty()) {
    return std::size_t{message.records().back().rdata} + message.records().back().length;
  }
  constexpr std::size_t kTypeAndClass = 4;
  return Header::kSize + message.question()->name.length() + kTypeAndClass;
}

std::vector<std::uint16_t> TtlsOf(const MessageView& message) {
  constexpr std::size_t kTtlBeforeRdata = 6;
  std::vector<std::uint16_t> offsets;
  offsets.reserve(message.records().size());
  for (const RecordView& record : message.records()) {
    offsets.push_back(static_cast<std::uint16_t>(record.rdata - kTtlBeforeRdata));
  }
  return offsets;
}

// When what is judged now may be judged otherwise, because a negative trust anchor ends.
TimePoint EndOfJudgement(const resolver::DnssecSettings& dnssec, const Clock& clock) {
  TimePoint end = TimePoint::max();
  if (dnssec.override_time) return end;  // time stands still
  constexpr std::int64_t kLong = 86'400;
  const std::int64_t wall = clock.WallSeconds();
  for (const dnssec::NegativeAnchor& anchor : dnssec.insecure) {
    // The second that has begun counts as passed.
    if (!anchor.until || !anchor.HoldsAt(wall)) continue;
    const std::int64_t left = std::min(*anchor.until - wall - 1, kLong);
    end = std::min(end, clock.Now() + std::chrono::seconds(left));
  }
  return end;
}

void AppendOption(std::uint16_t code, std::span<const std::uint8_t> data,
                  std::vector<std::uint8_t>& out) {
  const std::size_t at = out.size();
  out.resize(at + kOptionHeader);
  Put16(Put16(&out[at], code), data.size());
  out.insert(out.end(), data.begin(), data.end());
}

// All of them, or those that found room.
std::vector<std::uint8_t> ErrorsOf(const Response& response, const MessageView& message,
                                   bool whole) {
  std::vector<std::uint8_t> errors;
  if (whole) {
    for (const ResponseEde& ede : response.ede) {
      const dns::MessageBuilder::Option option = dns::EdeOption(ede.code, ede.text);
      AppendOption(option.code, option.data, errors);
    }
  } else if (message.edns()) {
    for (const EdnsOption& option : message.edns()->options) {
      if (option.code == dns::kOptionEde) AppendOption(option.code, option.data, errors);
    }
  }
  return errors;
}

// Without a TTL nobody knows how long it holds.
bool IsOfUse(const Response& response) noexcept {
  const bool dated =
      !response.answer.empty() || !response.authority.empty() || !response.additional.empty();
  return dated && response.lasting && !response.missed && response.rclass == RrClass::kIn &&
         (response.rcode == Rcode::kNoError || response.rcode == Rcode::kNxDomain);
}

}  // namespace

//--- A reply ---

void FastPath::Reply::Write(std::uint8_t* to) const noexcept {
  answer_->CopyBody(to, now_);
  Put16(to, question_.id);
  std::size_t flags = std::size_t{to[kFlagsAt]} << 8 | to[kFlagsAt + 1];
  flags |= Header::kRd;
  if (question_.cd_bit) flags |= Header::kCd;
  // RFC 6840 section 5.8, as HeaderFlags() of a rendered reply has it.
  if (answer_->secure() && (question_.do_bit || question_.ad_bit) && !question_.cd_bit) {
    flags |= Header::kAd;
  }
  Put16(to + kFlagsAt, flags);
  // The letters as the client wrote them; names in the answer point here.
  Put(to + Header::kSize, question_.name);
  if (!question_.has_opt) return;
  const std::size_t others = std::size_t{to[kAdditionalCountAt]} << 8 | to[kAdditionalCountAt + 1];
  Put16(to + kAdditionalCountAt, others + 1);
  WriteOpt(to + answer_->body().size(), to + size_);
}

// Options in the order of a rendered reply.
std::uint8_t* FastPath::Reply::WriteOpt(std::uint8_t* at, const std::uint8_t* end) const noexcept {
  *at++ = 0;
  at = Put16(at, static_cast<std::size_t>(RrType::kOpt));
  at = Put16(at, own_payload_);
  at = Put16(at, static_cast<std::size_t>(answer_->rcode()) >> 4 << 8);
  at = Put16(at, question_.do_bit ? 0x8000 : 0);
  at = Put16(at, static_cast<std::size_t>(end - at) - 2);
  if (cookie_.present()) {
    at = Put16(Put16(at, dns::kOptionCookie), cookie_.size);
    at = Put(at, std::span(cookie_.octets).first(cookie_.size));
  }
  if (tells_keepalive_) at = Put16(Put16(Put16(at, dns::kOptionKeepalive), 2), keepalive_);
  at = Put(at, answer_->errors());
  if (pads_) {
    const auto padding = static_cast<std::size_t>(end - at) - kOptionHeader;
    at = Put16(Put16(at, dns::kOptionPadding), padding);
    std::memset(at, 0, padding);
  }
  return at;
}

//--- The path ---

FastPath::FastPath(resolver::Stats& stats, const std::atomic<std::uint64_t>& epoch,
                   std::size_t octets)
    : stats_(stats),
      epoch_(epoch),
      seen_epoch_(epoch.load(std::memory_order_acquire)),
      answers_(octets) {}

void FastPath::SetSnapshot(SnapshotPtr snapshot) {
  snapshot_ = std::move(snapshot);
  clients_.Clear();
  answers_.Clear();
}

std::uint64_t FastPath::Generation() noexcept {
  Refresh();
  return answers_.generation();
}

void FastPath::Refresh() noexcept {
  const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
  if (epoch != seen_epoch_) {
    seen_epoch_ = epoch;
    answers_.Clear();
  }
}

FastPath::Reply FastPath::Find(std::span<const std::uint8_t> message, const Asker& asker,
                               const Clock& clock, TimePoint now) noexcept {
  Reply reply;
  FastQuestion& question = reply.question_;
  if (!ReadFast(message, asker.transport, cookies_ != nullptr, question)) return reply;
  const KnownClients::Standing& standing =
      clients_.Of(asker.address, asker.listener_view, *snapshot_);
  if (!standing.may_ask) return reply;
  Refresh();

  CookieJudgement cookie;
  if (!question.cookie.empty()) {
    CookieOption asked;
    asked.Set(question.cookie);
    cookie = CookieJudgement::Of(asked, *cookies_, asker.address, clock.WallSeconds());
    reply.cookie_ = cookie.reply;
  }
  const bool udp = asker.transport == Transport::kUdp;
  reply.own_payload_ = snapshot_->config->limits.udp_payload;
  std::size_t fixed = 0;  // of the OPT record, but for errors and padding
  if (question.has_opt) {
    if (question.keepalive && IsFramed(asker.transport)) {
      reply.tells_keepalive_ = true;
      reply.keepalive_ = KeepaliveUnits(asker.idle);
    }
    reply.pads_ = question.padding && IsEncrypted(asker.transport);
    fixed = kOptSize + SizeOf(reply.cookie_) + (reply.tells_keepalive_ ? kKeepaliveSize : 0) +
            (reply.pads_ ? kOptionHeader : 0);
  }
  const std::size_t limit =
      udp ? UdpLimit(question.has_opt, question.udp_payload, reply.own_payload_) : kTcpLimit;
  const cache::AnswerKey key = {standing.view, question.type, question.do_bit, question.cd_bit,
                                asker.address.is_v4()};
  const cache::FinishedAnswer* answer =
      answers_.Find(question.name, cache::AnswerCache::HashOf(question.name), key, limit - fixed,
                    question.has_opt, now);
  if (answer == nullptr) return reply;
  // A cookie says that the address is not forged: see Handler::IsTooFast().
  const bool protects = udp && client_rate_ != nullptr && cookie.state != CookieState::kGood;
  if (protects && !client_rate_->Take(asker.address, now)) return reply;
  reply.answer_ = answer;
  reply.now_ = now;
  reply.size_ = answer->body().size();
  if (question.has_opt) reply.size_ += fixed + answer->errors().size();
  if (reply.pads_) reply.size_ = PaddedSize(reply.size_, limit);
  Count(*answer, asker.transport);
  CountCookie(cookie.state, stats_);
  return reply;
}

void FastPath::Count(const cache::FinishedAnswer& answer, Transport transport) noexcept {
  stats_.Add(Counter::kQueries);
  stats_.Add(CounterOf(transport));
  stats_.Add(CounterOf(answer.rcode()));
  stats_.Add(Counter::kCacheHits);
  stats_.Add(Counter::kAnswerHits);
  if (answer.synthesized()) stats_.Add(Counter::kSynthesized);
  if ((answer.body()[kFlagsAt] & (Header::kTc >> 8)) != 0) stats_.Add(Counter::kTruncated);
}

void FastPath::Keep(const ClientQuery& query, const Client& client, const View& view,
                    const Response& response, const ReplyTerms& terms, const RenderedReply& reply,
                    std::uint64_t generation, const Clock& clock) {
  if (!IsOfUse(response) || !query.Has(Header::kRd) || generation != Generation()) return;
  const bool udp = client.transport == Transport::kUdp;
  // What was cut for a stream is nothing that comes twice.
  if (!reply.whole && !udp) return;
  cache::AnswerParts parts;
  parts.key = {&view, query.question->type, query.do_bit, query.Has(Header::kCd),
               client.address.is_v4()};
  const std::span<const std::uint8_t> name = query.question->name.wire();
  if (!answers_.WorthKeeping(cache::AnswerCache::HashOf(name), parts.key)) return;

  const Result<MessageView> message = MessageView::Parse(reply.message);
  if (!message) return;
  const auto end = static_cast<std::ptrdiff_t>(EndOfRecords(*message));
  std::vector<std::uint8_t> body(reply.message.begin(), reply.message.begin() + end);
  Put16(body.data(), 0);
  constexpr std::uint16_t kOfTheQuery = Header::kRd | Header::kCd | Header::kAd;
  Put16(&body[kFlagsAt], message->header().flags & ~kOfTheQuery);
  if (query.has_opt) Put16(&body[kAdditionalCountAt], message->header().arcount - 1U);
  const std::vector<std::uint8_t> errors = ErrorsOf(response, *message, reply.whole);
  parts.body = body;
  parts.errors = errors;
  const TimePoint now = clock.Now();
  const Ageing ageing = AgeingOf(response, now);
  std::vector<std::uint16_t> ttls;
  parts.expires = TimePoint::max();
  if (ageing.since != TimePoint::max()) {  // local data does not age
    ttls = TtlsOf(*message);
    parts.since = ageing.since;
    parts.expires = ageing.since + std::chrono::seconds(ageing.least);
  }
  parts.expires = std::min(parts.expires, EndOfJudgement(snapshot_->settings->dnssec, clock));
  parts.ttls = ttls;
  parts.rcode = response.rcode;
  parts.secure = response.secure;
  parts.synthesized = response.synthesized;
  if (!reply.whole) {
    const std::size_t fixed = query.has_opt ? kOptSize + SizeOf(terms.cookie) : 0;
    parts.room = static_cast<std::uint16_t>(terms.limit - fixed);
    parts.with_opt = query.has_opt;
  }
  answers_.Keep(parts, now);
}

}  // namespace resolve64::server
