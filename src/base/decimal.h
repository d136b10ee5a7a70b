// Unsigned decimal numbers inside text that someone else wrote.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace resolve64 {

/// The number that `text` is, digits and nothing else. Empty where it is not one, has a leading
/// zero (some read that as octal), or is above `max`.
inline std::optional<std::uint32_t> ParseDecimal(std::string_view text,
                                                 std::uint32_t max) noexcept {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end || number > max) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return number;
}

}  // namespace resolve64
