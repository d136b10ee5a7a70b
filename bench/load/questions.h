// What is asked: the lines of a file, rendered once, and the order in which they are asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "random.h"
#include "resolve64/result.h"

namespace resolve64::bench {

/// Messages ready to be sent but for the id. Lines are `NAME TYPE [do] [cd] [ad]`; empty ones and
/// those that start with `#` are passed over. Immutable after Read().
class Questions {
 public:
  static constexpr std::size_t kRandomLabel = 12;  // letters and digits

  struct Rendering {
    std::uint16_t edns = 1232;   ///< octets that we take over UDP; 0: no OPT record
    bool random_labels = false;  ///< a label of kRandomLabel octets before each name
    std::uint64_t seed = 1;
  };
  /// kBadFile, naming the line, where something is not understood or nothing is asked. A line with
  /// `do` needs EDNS.
  static Result<Questions> Read(const std::string& path, const Rendering& rendering);

  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  /// Octets of the longest message.
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }

  /// Writes message `line` with `id` to `out`, which has room for longest() octets; its length.
  /// `sequence` decides the random label.
  std::size_t Write(std::size_t line, std::uint16_t id, std::uint64_t sequence,
                    std::uint8_t* out) const noexcept;
  /// Whether the question of `reply` (a header at least) is that of `line` and `sequence`, octet by
  /// octet, or the reply has none and says why with its RCODE.
  [[nodiscard]] bool IsOf(std::size_t line, std::uint64_t sequence,
                          std::span<const std::uint8_t> reply) const noexcept;

 private:
  struct Message {
    std::uint32_t offset;
    std::uint16_t length;
    std::uint16_t question;  // octets of the question section
  };

  Questions() = default;
  void Randomize(std::uint64_t sequence, std::uint8_t* label) const noexcept;

  std::vector<std::uint8_t> octets_;
  std::vector<Message> messages_;
  std::size_t longest_ = 0;
  std::uint64_t seed_ = 0;
  bool random_labels_ = false;
};

/// Which line is next.
class Order {
 public:
  enum class Kind : std::uint8_t { kSequential, kOnce, kRandom, kZipf };

  /// `skew`: the exponent of kZipf, where the first line is the most wanted. REQUIRES: lines > 0.
  Order(Kind kind, std::size_t lines, double skew, std::uint64_t seed);

  /// False where every line was given (kOnce). Never allocates.
  bool Next(std::uint32_t& line) noexcept;

 private:
  struct Slot {  // of an alias table (Vose): a draw is two random numbers and a look
    float keep;
    std::uint32_t alias;
  };

  Kind kind_;
  std::uint32_t lines_;
  std::uint32_t at_ = 0;
  Random random_;
  std::vector<Slot> slots_;
};

}  // namespace resolve64::bench
