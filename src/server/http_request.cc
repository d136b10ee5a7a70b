#include "server/http_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include "dns/rrset.h"
#include "resolve64/message.h"

namespace resolve64::server {
namespace {

constexpr std::string_view kMediaType = "application/dns-message";
constexpr std::string_view kVariable = "dns=";
constexpr std::string_view kHead = "HEAD";

constexpr std::uint8_t kNoDigit = 0xFF;
constexpr std::array<std::uint8_t, 256> kDigits = [] {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}();

constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;

constexpr char Lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

// RFC 9110 section 8.3.1: parameters may follow, and change nothing here.
bool IsDnsMessage(std::string_view content_type) noexcept {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  type = type.substr(0, type.find_last_not_of(" \t") + 1);
  return EqualIgnoringCase(type, kMediaType);
}

HttpHead Refuse(HttpRefusal refusal) {
  HttpHead head;
  head.refusal = refusal;
  return head;
}

// The value of the variable in a query, once; empty where it is not there once.
std::optional<std::string_view> VariableOf(std::string_view query) noexcept {
  std::optional<std::string_view> value;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (!pair.starts_with(kVariable)) continue;
    if (value) return std::nullopt;
    value = pair.substr(kVariable.size());
  }
  return value;
}

HttpHead ReadGet(std::string_view query) {
  const std::optional<std::string_view> value = VariableOf(query);
  if (!value) {
    return Refuse({400, "GET needs the question, once, as ?dns=... (RFC 8484 section 4.1).\n", {}});
  }
  std::optional<std::vector<std::uint8_t>> message = DecodeBase64Url(*value);
  if (!message) {
    return Refuse({400,
                   "The value of dns must be base64url without padding, and canonical (RFC 4648 "
                   "section 5).\n",
                   {}});
  }
  HttpHead head;
  head.kind = HttpHead::Kind::kGet;
  head.message = std::move(*message);
  return head;
}

HttpHead ReadPost(const HttpFields& fields) {
  if (!IsDnsMessage(fields.content_type)) {
    return Refuse(
        {415, "Send the question as content-type application/dns-message (RFC 8484).\n", {}});
  }
  if (!fields.content_encoding.empty() && !EqualIgnoringCase(fields.content_encoding, "identity")) {
    return Refuse({415, "Send the question without a content-encoding.\n", {}});
  }
  HttpHead head;
  head.kind = HttpHead::Kind::kPost;
  return head;
}

HttpHead ReadTarget(const HttpFields& fields, std::string_view path) {
  const std::string_view target = fields.target;
  if (target.size() > kMaxHttpTarget) {
    return Refuse({414, "Send a question as long as this one with POST (RFC 8484).\n", {}});
  }
  const std::size_t query = target.find('?');
  if (target.substr(0, query) != path) {
    return Refuse({404, "DNS over HTTPS is not at this path.\n", {}});
  }
  if (fields.method == "GET" || fields.method == kHead) {
    return ReadGet(query == std::string_view::npos ? "" : target.substr(query + 1));
  }
  if (fields.method == "POST") return ReadPost(fields);
  return Refuse({405, "Ask with GET or POST (RFC 8484 section 4.1).\n", "GET, HEAD, POST"});
}

std::uint32_t TtlOf(const RecordView& record) noexcept {
  // RFC 2181 section 8: a TTL with the top bit set is zero.
  return record.ttl > kMaxTtl ? 0 : record.ttl;
}

}  // namespace

HttpRefusal NotAQuery() noexcept {
  return {400, "The message is not a DNS query (RFC 1035 section 4.1).\n", {}};
}

HttpRefusal HeaderTooLarge() noexcept {
  return {431, "Send fewer or shorter header fields.\n", {}};
}

HttpRefusal MessageTooLarge() noexcept {
  return {413, "Send at most 65535 octets, one DNS message.\n", {}};
}

void HttpFields::Set(std::string_view name, std::string_view value) {
  if (name == ":method") {
    method = value;
  } else if (name == ":path") {
    target = value;
  } else if (name == "content-type") {
    content_type = value;
  } else if (name == "content-encoding") {
    content_encoding = value;
  } else if (name == "content-length") {
    std::uint64_t length = 0;
    const char* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, length);
    if (error == std::errc() && stopped == end) content_length = length;
  }
}

HttpHead ReadHead(const HttpFields& fields, std::string_view path) {
  HttpHead head = ReadTarget(fields, path);
  head.without_content = fields.method == kHead;
  return head;
}

std::optional<std::vector<std::uint8_t>> DecodeBase64Url(std::string_view text) {
  std::vector<std::uint8_t> octets;
  octets.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;  // of bits that are no octet yet
  for (const char c : text) {
    const std::uint8_t digit = kDigits[static_cast<std::uint8_t>(c)];
    if (digit == kNoDigit) return std::nullopt;
    bits = bits << 6 | digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    octets.push_back(static_cast<std::uint8_t>(bits >> count));
    bits &= (1U << count) - 1;
  }
  if (count == 6 || bits != 0) return std::nullopt;
  return octets;
}

std::optional<std::uint32_t> FreshnessOf(std::span<const std::uint8_t> reply) {
  const Result<MessageView> view = MessageView::Parse(reply);
  if (!view) return std::nullopt;
  if (view->rcode() != Rcode::kNoError && view->rcode() != Rcode::kNxDomain) return std::nullopt;
  std::optional<std::uint32_t> least;
  const auto lower = [&least](std::uint32_t ttl) { least = std::min(least.value_or(ttl), ttl); };
  for (const RecordView& record : view->records()) {
    if (record.section == Section::kAnswer) lower(TtlOf(record));
    if (record.section != Section::kAuthority || record.type != RrType::kSoa) continue;
    std::vector<std::uint8_t> rdata;
    if (!view->AppendRdata(record, rdata)) return std::nullopt;
    lower(std::min(TtlOf(record), dns::SoaMinimum(rdata)));
  }
  return least;
}

}  // namespace resolve64::server
