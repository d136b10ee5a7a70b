// Asks: keeps a window of questions full, or sends at a rate, and judges what comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "outstanding.h"
#include "questions.h"
#include "tally.h"
#include "transport.h"

namespace resolve64::bench {

/// How fast, and until when. All times in ns.
struct Pace {
  std::uint64_t window = 64;   ///< closed loop: questions that wait for their answers
  double rate = 0;             ///< open loop where it is not 0: questions a second
  std::uint64_t duration = 0;  ///< no question after it; 0: no end
  std::uint64_t count = 0;     ///< questions; 0: no end
  std::uint64_t timeout = 1'000'000'000;
  /// Closed loop: between looks for answers we sleep, rather than wait for the next one. A server
  /// then pays for no wake-ups of ours, and batches are large; latencies say little.
  bool rest = false;
};

/// One run over a transport. In an open loop latency counts from the moment when a question should
/// have been sent, so that a server that stalls us gains nothing by it (no coordinated omission).
class Driver final : private Receiver {
 public:
  /// Gives the next line; false where there is none.
  using Source = std::function<bool(std::uint32_t& line)>;
  /// Told of each answer.
  using Listener = std::function<void(std::uint32_t line, std::uint8_t rcode)>;

  /// `questions` and `transport` must outlive the driver. `sequence` counts all questions of the
  /// process, so that no two have the same random label.
  Driver(const Questions& questions, Transport& transport, const Pace& pace,
         std::uint64_t& sequence);

  /// Returns when all that was sent is answered or lost. Once for each object.
  Tally Run(const Source& source, const Listener& listener = nullptr);

 private:
  static constexpr std::size_t kBurst = 64;  // questions on a channel before the next has its turn
  static constexpr std::size_t kTimeEvery = 16;  // answers between two looks at the clock
  // Open loop: questions leave in bursts this far apart, or one by one where they are rarer.
  static constexpr double kBurstsASecond = 5000;

  void OnMessage(std::size_t channel, std::span<const std::uint8_t> message,
                 std::size_t length) noexcept override;
  void OnClosed(std::size_t channel) noexcept override;

  bool Ask(std::size_t channel, std::uint64_t due);
  void Refill();
  void Rest();
  void AskWhatIsDue();
  [[nodiscard]] std::uint64_t NextDue() const;  // of the question `scheduled_`
  void Expire();
  [[nodiscard]] std::uint64_t WaitFor() const;

  const Questions& questions_;
  Transport& transport_;
  Pace pace_;
  std::uint64_t& sequence_;
  std::size_t limit_;  // questions that may wait on a channel
  Outstanding outstanding_;
  Tally tally_;
  const Source* source_ = nullptr;
  const Listener* listener_ = nullptr;
  std::size_t channel_ = 0;  // whose turn it is
  std::uint64_t start_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t answer_time_ = 0;
  std::size_t answers_ = 0;      // since the transport was last asked for some
  std::uint64_t rest_ = 50'000;  // ns, as the answers come
  std::uint64_t scheduled_ = 0;  // open loop: questions whose moment came
  bool ended_ = false;           // no more questions
};

}  // namespace resolve64::bench
