#include "server/fast_question.h"

#include "dns/message_builder.h"
#include "resolve64/message.h"
#include "resolve64/name.h"
#include "server/cookies.h"

namespace resolve64::server {
namespace {

constexpr std::size_t kOptSize = 11;
constexpr std::uint32_t kOneQuestion = 0x00010000;  // QDCOUNT and ANCOUNT

std::uint16_t Load16(const std::uint8_t* at) noexcept {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
std::uint32_t Load32(const std::uint8_t* at) noexcept {
  return static_cast<std::uint32_t>(Load16(at)) << 16 | Load16(at + 2);
}

bool IsLegalCookie(std::size_t size) noexcept {
  constexpr std::size_t kClient = CookieOption::kClientSize;
  return size == kClient || (size >= kClient + CookieOption::kLeastServerSize &&
                             size <= kClient + CookieOption::kLargestServerSize);
}

// `options` is the RDATA of the OPT record.
bool ReadOptions(std::span<const std::uint8_t> options, Transport transport, bool cookies,
                 FastQuestion& question) noexcept {
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::uint16_t code = Load16(options.data());
    const std::size_t size = Load16(options.data() + 2);
    if (options.size() < 4 + size) return false;
    const auto data = options.subspan(4, size);
    if (code == dns::kOptionCookie && cookies) {
      if (!IsLegalCookie(size)) return false;
      if (question.cookie.empty()) question.cookie = data;
    } else if (code == dns::kOptionKeepalive) {
      if (size != 0 && transport != Transport::kUdp) return false;
      question.keepalive = true;
    } else if (code == dns::kOptionPadding) {
      question.padding = true;
    }
    options = options.subspan(4 + size);
  }
  return true;
}

// `octets` is an OPT record and nothing more.
bool ReadOpt(std::span<const std::uint8_t> octets, Transport transport, bool cookies,
             FastQuestion& question) noexcept {
  if (octets.size() < kOptSize || octets[0] != 0 ||
      Load16(&octets[1]) != static_cast<std::uint16_t>(RrType::kOpt)) {
    return false;
  }
  constexpr std::size_t kVersion = 6;
  constexpr std::size_t kFlags = 7;
  if (octets[kVersion] != 0 || Load16(&octets[9]) != octets.size() - kOptSize) return false;
  question.has_opt = true;
  question.udp_payload = Load16(&octets[3]);
  question.do_bit = (octets[kFlags] & 0x80) != 0;
  return ReadOptions(octets.subspan(kOptSize), transport, cookies, question);
}

// The length of the name at the start of `octets`, 0 where there is none without pointers.
std::size_t NameLength(std::span<const std::uint8_t> octets) noexcept {
  std::size_t at = 0;
  while (at < octets.size() && at < Name::kMaxLength) {
    const std::uint8_t label = octets[at];
    if (label == 0) return at + 1;
    if (label > Name::kMaxLabel) return 0;
    at += std::size_t{1} + label;
  }
  return 0;
}

}  // namespace

bool ReadFast(std::span<const std::uint8_t> message, Transport transport, bool cookies,
              FastQuestion& question) noexcept {
  if (message.size() < Header::kSize) return false;
  const std::uint8_t* header = message.data();
  const std::uint16_t flags = Load16(header + 2);
  if ((flags & ~(Header::kAd | Header::kCd)) != Header::kRd) return false;
  const std::uint32_t others = Load32(header + 8);  // NSCOUNT and ARCOUNT
  if (Load32(header + 4) != kOneQuestion || others > 1) return false;

  std::span<const std::uint8_t> rest = message.subspan(Header::kSize);
  const std::size_t length = NameLength(rest);
  constexpr std::size_t kTypeAndClass = 4;
  if (length == 0 || rest.size() < length + kTypeAndClass) return false;
  if (Load16(&rest[length + 2]) != static_cast<std::uint16_t>(RrClass::kIn)) return false;
  question.id = Load16(header);
  question.cd_bit = (flags & Header::kCd) != 0;
  question.ad_bit = (flags & Header::kAd) != 0;
  question.name = rest.first(length);
  question.type = static_cast<RrType>(Load16(&rest[length]));
  rest = rest.subspan(length + kTypeAndClass);
  if (others == 0) return rest.empty();
  return ReadOpt(rest, transport, cookies, question);
}

}  // namespace resolve64::server
