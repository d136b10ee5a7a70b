// What a run counts, and how it is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "histogram.h"

namespace resolve64::bench {

struct Tally {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t lost = 0;      ///< no answer in time, or a connection that was closed
  std::uint64_t strange = 0;   ///< messages that answer nothing that was asked
  std::uint64_t reopened = 0;  ///< connections that were closed and opened again
  std::uint64_t octets = 0;    ///< of answers
  std::uint64_t with_answer = 0, ad = 0, tc = 0;
  std::array<std::uint64_t, 16> rcodes{};
  Histogram latency;                              ///< from when a question should have been sent
  std::uint64_t first_sent = 0, last_answer = 0;  ///< ns
  std::uint64_t cpu = 0;                          ///< ns of our own
  /// Further members of the JSON object: name, and value as JSON.
  std::map<std::string, std::string> more;

  /// Counts an answer. `message`: a header at least.
  void Count(std::span<const std::uint8_t> message, std::size_t length, std::uint64_t ns) noexcept;
  /// One JSON object on one line, with its line feed.
  [[nodiscard]] std::string ToJson() const;
};

}  // namespace resolve64::bench
