#include "resolver/upstream/query.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dns/message_builder.h"

namespace resolve64::resolver::upstream {
namespace {

constexpr std::size_t kLargestQuery = 512;  // 12 + 255 + 4 + 11 octets at most, and the padding
constexpr std::size_t kOptSize = 11;        // RFC 6891 section 6.1.2
constexpr std::size_t kOptionHeader = 4;
constexpr std::uint16_t kDoBit = 0x8000;

bool IsLetter(std::uint8_t octet) {
  const auto lower = static_cast<std::uint8_t>(octet | 0x20);
  return lower >= 'a' && lower <= 'z';
}

void RandomizeCase(std::span<std::uint8_t> name, Random& random) {
  std::array<std::uint8_t, (Name::kMaxLength + 7) / 8> bits;
  random.Fill(std::span(bits).first((name.size() + 7) / 8));
  // Length octets are at most 63, below every letter.
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (IsLetter(name[i]) && ((bits[i / 8] >> (i % 8)) & 1) != 0) name[i] ^= 0x20;
  }
}

/// A query as it is written, into memory of its largest size.
class Writer {
 public:
  void U16(std::size_t value) noexcept {
    octets_[size_++] = static_cast<std::uint8_t>(value >> 8 & 0xFF);
    octets_[size_++] = static_cast<std::uint8_t>(value & 0xFF);
  }
  // Where the name begins.
  std::uint8_t* Add(const Name& name) noexcept {
    std::uint8_t* at = octets_.data() + size_;
    std::memcpy(at, name.wire().data(), name.length());
    size_ += name.length();
    return at;
  }
  void Zeros(std::size_t count) noexcept {
    std::memset(octets_.data() + size_, 0, count);
    size_ += count;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::vector<std::uint8_t> Finish() const {
    return {octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(size_)};
  }

 private:
  std::array<std::uint8_t, kLargestQuery> octets_;  // NOLINT(*-member-init): set as far as size_
  std::size_t size_ = 0;
};

// RFC 6891 section 6.1.2, with DO. Over TLS an empty keepalive option, and the padding last.
void AddOpt(const QueryOptions& options, Writer& out) {
  std::size_t padding = 0;
  if (options.over_tls) {
    const std::size_t over = (out.size() + kOptSize + 2 * kOptionHeader) % kQueryBlock;
    padding = over == 0 ? 0 : kQueryBlock - over;
  }
  out.Zeros(1);  // the root
  out.U16(static_cast<std::uint16_t>(RrType::kOpt));
  out.U16(options.udp_payload);
  out.U16(0);  // extended RCODE, version
  out.U16(kDoBit);
  out.U16(options.over_tls ? 2 * kOptionHeader + padding : 0);
  if (!options.over_tls) return;
  out.U16(dns::kOptionKeepalive);
  out.U16(0);
  out.U16(dns::kOptionPadding);
  out.U16(padding);
  out.Zeros(padding);
}

// Octets from the start of a query's question to its end: QNAME, QTYPE, QCLASS.
std::size_t QuestionLength(std::span<const std::uint8_t> query) {
  std::size_t at = Header::kSize;
  while (query[at] != 0) at += std::size_t{1} + query[at];
  return at + 1 + 4 - Header::kSize;
}

}  // namespace

std::vector<std::uint8_t> BuildQuery(const Question& question, const QueryOptions& options,
                                     Random& random) {
  Writer out;
  std::uint16_t flags = 0;
  if (options.recursion_desired) flags |= Header::kRd;
  if (options.checking_disabled) flags |= Header::kCd;
  out.U16(random.U16());
  out.U16(flags);
  out.U16(1);  // QDCOUNT
  out.U16(0);
  out.U16(0);
  out.U16(options.edns ? 1 : 0);  // ARCOUNT
  std::uint8_t* name = out.Add(question.name);
  if (options.random_case) RandomizeCase({name, question.name.length()}, random);
  out.U16(static_cast<std::uint16_t>(question.type));
  out.U16(static_cast<std::uint16_t>(question.rclass));
  if (options.edns) AddOpt(options, out);
  return out.Finish();
}

Match MatchReply(std::span<const std::uint8_t> query, std::span<const std::uint8_t> message) {
  if (message.size() < 2 || !std::equal(query.begin(), query.begin() + 2, message.begin())) {
    return Match::kForeign;
  }
  const std::optional<Header> header = Header::Read(message);
  if (!header || !header->Has(Header::kQr) || header->opcode() != Opcode::kQuery) {
    return Match::kNonsense;
  }
  if (header->qdcount == 0) {
    const bool error = header->rcode() != Rcode::kNoError && header->rcode() != Rcode::kNxDomain;
    return error && header->ancount == 0 ? Match::kBareError : Match::kNonsense;
  }
  const std::size_t length = QuestionLength(query);
  if (header->qdcount != 1 || message.size() < Header::kSize + length) return Match::kNonsense;
  const auto asked = query.subspan(Header::kSize, length);
  const auto echoed = message.subspan(Header::kSize, length);
  if (std::equal(asked.begin(), asked.end(), echoed.begin())) return Match::kReply;
  const auto same_letter = [](std::uint8_t a, std::uint8_t b) {
    return a == b || (IsLetter(a) && (a ^ b) == 0x20);
  };
  const auto name_end = asked.end() - 4;
  const bool same = std::equal(asked.begin(), name_end, echoed.begin(), same_letter) &&
                    std::equal(name_end, asked.end(), echoed.end() - 4);
  return same ? Match::kCaseDiffers : Match::kNonsense;
}

void RestoreCase(std::span<std::uint8_t> message, const Name& name) {
  std::memcpy(message.data() + Header::kSize, name.wire().data(), name.length());
}

}  // namespace resolve64::resolver::upstream
