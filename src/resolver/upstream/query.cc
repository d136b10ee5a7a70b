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

bool IsLetter(std::uint8_t octet) {
  const auto lower = static_cast<std::uint8_t>(octet | 0x20);
  return lower >= 'a' && lower <= 'z';
}

void RandomizeCase(Name& name, Random& random) {
  std::array<std::uint8_t, (Name::kMaxLength + 7) / 8> bits;
  random.Fill(bits);
  std::uint8_t* octets = name.mutable_data();
  // Length octets are at most 63, below every letter.
  for (std::size_t i = 0; i < name.length(); ++i) {
    if (IsLetter(octets[i]) && ((bits[i / 8] >> (i % 8)) & 1) != 0) octets[i] ^= 0x20;
  }
}

using Options = std::vector<dns::MessageBuilder::Option>;

// Of a query that has `bare` octets with an OPT record without options. The padding is the last.
Options TlsOptions(std::size_t bare) {
  Options options;
  options.push_back({dns::kOptionKeepalive, {}});
  options.push_back({dns::kOptionPadding, {}});
  const std::size_t over = (bare + 2 * kOptionHeader) % kQueryBlock;
  options.back().data.resize(over == 0 ? 0 : kQueryBlock - over);
  return options;
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
  Question sent = question;
  if (options.random_case) RandomizeCase(sent.name, random);
  dns::MessageBuilder builder(kLargestQuery);
  std::uint16_t flags = 0;
  if (options.recursion_desired) flags |= Header::kRd;
  if (options.checking_disabled) flags |= Header::kCd;
  builder.SetHeader(random.U16(), flags);
  builder.AddQuestion(sent);
  if (options.edns) {
    const std::size_t bare = builder.size() + kOptSize;
    builder.AddOpt(options.udp_payload, Rcode::kNoError, true,
                   options.over_tls ? TlsOptions(bare) : Options{});
  }
  return builder.Finish();
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
