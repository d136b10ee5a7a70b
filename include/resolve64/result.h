// A value, or the reason why there is none.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace resolve64 {

/// Why something could not be done. What DNS itself can say (NXDOMAIN, NODATA, an RCODE of a
/// server) is a value and never one of these.
enum class Errc : std::uint8_t {
  kBadAddress,   ///< text that is no IP address, network or endpoint
  kBadPrefix,    ///< not a NAT64 prefix (RFC 6052 section 2.2)
  kBadName,      ///< text or octets that are no domain name (RFC 1035 section 3.1)
  kMalformed,    ///< a message that breaks RFC 1035 section 4 or RFC 6891 section 6
  kTooLong,      ///< does not fit where it should go
  kTimedOut,     ///< the deadline came first
  kNoServers,    ///< nobody is left to ask
  kBudgetSpent,  ///< a limit on work was reached
  kLoop,         ///< it depends on itself
  kNetwork,      ///< the operating system said no
  kRefused,      ///< not allowed
  kBadFile,      ///< a file that cannot be read, or not understood
};

/// An error as a value: a code to act on, a text for people.
struct Error {
  Errc code;
  std::string text;
};

/// Either a T or an Error. The names are those of std::expected (C++23).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. REQUIRES: has_value().
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// The error. REQUIRES: !has_value().
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace resolve64
