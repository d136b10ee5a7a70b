// How a client of an HTTPS listener begins: with HTTP/2 (RFC 9113 section 3.4), or something else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace resolve64::server {

/// The first octets of a connection, until it is known what they are.
class HttpPreface {
 public:
  enum class Kind : std::uint8_t {
    kOpen,   ///< more has to come
    kHttp2,  ///< the preface of HTTP/2, all of it
    kHttp1,  ///< a request of HTTP/1
    kOther,
  };

  /// Takes as many octets as belong to it, and says how many. REQUIRES: kind() is kOpen.
  std::size_t Take(std::span<const std::uint8_t> octets);
  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  /// The preface of HTTP/2.
  static std::span<const std::uint8_t> Http2() noexcept;
  /// What a client of HTTP/1 is told.
  static std::span<const std::uint8_t> Http1Reply() noexcept;

 private:
  std::string received_;  // while it is open
  Kind kind_ = Kind::kOpen;
};

}  // namespace resolve64::server
