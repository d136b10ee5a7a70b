#include "server/http_preface.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace resolve64::server {
namespace {

constexpr std::string_view kHttp2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr std::array<std::string_view, 9> kHttp1Methods = {
    "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "};

// A client that agreed on HTTP/2 (ALPN) does not get here, and one that offers HTTP/1 alone is
// refused there: this is for those that ask for nothing.
constexpr std::string_view kHttp1Reply =
    "HTTP/1.1 505 HTTP Version Not Supported\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 36\r\n"
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n\r\n"
    "Ask with HTTP/2 (RFC 8484 sec. 5.2)\n";

std::span<const std::uint8_t> OctetsOf(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::size_t HttpPreface::Take(std::span<const std::uint8_t> octets) {
  const std::size_t taken = std::min(octets.size(), kHttp2.size() - received_.size());
  received_.append(reinterpret_cast<const char*>(octets.data()), taken);
  const auto begins = [this](std::string_view method) { return received_.starts_with(method); };
  const auto may_begin = [this](std::string_view method) { return method.starts_with(received_); };
  if (received_ == kHttp2) {
    kind_ = Kind::kHttp2;
  } else if (std::ranges::any_of(kHttp1Methods, begins)) {
    kind_ = Kind::kHttp1;
  } else if (!kHttp2.starts_with(received_) && !std::ranges::any_of(kHttp1Methods, may_begin)) {
    kind_ = Kind::kOther;
  }
  if (kind_ != Kind::kOpen) decltype(received_)().swap(received_);
  return taken;
}

std::span<const std::uint8_t> HttpPreface::Http2() noexcept { return OctetsOf(kHttp2); }

std::span<const std::uint8_t> HttpPreface::Http1Reply() noexcept { return OctetsOf(kHttp1Reply); }

}  // namespace resolve64::server
