// DNS over HTTPS (RFC 8484): a request as a DNS message or as a status, and how long a reply keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resolve64::server {

/// Octets of a DNS message (RFC 8484 section 6).
inline constexpr std::size_t kMaxHttpMessage = 65535;
/// Octets of a path with its query. RFC 9110 section 4.1 recommends to take at least 8000.
inline constexpr std::size_t kMaxHttpTarget = 8192;

/// Says in HTTP that there is no DNS reply, and what to do about it.
struct HttpRefusal {
  std::uint16_t status = 0;
  std::string_view text;   ///< static, one line
  std::string_view allow;  ///< the methods that there are; of 405
};

/// There is no reply: the message is none that DNS replies to (RFC 8906 section 3).
HttpRefusal NotAQuery() noexcept;
/// The header is longer than SETTINGS_MAX_HEADER_LIST_SIZE.
HttpRefusal HeaderTooLarge() noexcept;
/// What comes is longer than any DNS message.
HttpRefusal MessageTooLarge() noexcept;

/// What counts of a request's header. RFC 8484 section 4.1 lets us reply with
/// application/dns-message whatever `accept` says, so it is not among it.
struct HttpFields {
  std::string method;
  std::string target;  ///< :path
  std::string content_type;
  std::string content_encoding;
  std::optional<std::uint64_t> content_length;

  HttpFields() = default;
  /// Keeps `value` where it counts. `name` is in lower case (RFC 9113 section 8.2.1). No field is
  /// longer than the header may be: that is the caller's business.
  void Set(std::string_view name, std::string_view value);
  void Clear() { *this = HttpFields(); }
};

/// How a request goes on after its header.
struct HttpHead {
  enum class Kind : std::uint8_t {
    kGet,      ///< `message` is the question
    kPost,     ///< the content will be the question
    kRefused,  ///< `refusal` is the reply
  };
  Kind kind = Kind::kRefused;
  bool without_content = false;  ///< HEAD: the header of the reply is all that is sent
  std::vector<std::uint8_t> message;
  HttpRefusal refusal;

  HttpHead() = default;
};

/// Reads a header. `path` is where DNS is, without a query.
HttpHead ReadHead(const HttpFields& fields, std::string_view path);

/// base64url without padding (RFC 4648 sections 3.2 and 5); empty where `text` is anything else.
/// Bits that stand for nothing must be zero (section 3.5), so that a message has one spelling:
/// caches find it, and a URI that was damaged on its way is noticed.
std::optional<std::vector<std::uint8_t>> DecodeBase64Url(std::string_view text);

/// How long, in seconds, a cache may keep `reply` (RFC 8484 section 5.1): the smallest TTL of its
/// answer section, and no longer than its SOA record says of what is not there (RFC 2308 section
/// 5). Empty where it may not be kept at all: without either of them, and for failures, which are
/// of the moment, while a cache would repeat them to every client.
std::optional<std::uint32_t> FreshnessOf(std::span<const std::uint8_t> reply);

}  // namespace resolve64::server
