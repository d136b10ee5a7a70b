// Randomness as a parameter: message ids, ports and letter case from the operating system's
// generator, and the same sequence again and again in a test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace resolve64 {

/// Not for use by two threads at once: each worker has its own.
class Random {
 public:
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  virtual ~Random() = default;

  virtual void Fill(std::span<std::uint8_t> octets) = 0;

  std::uint16_t U16();
  std::uint32_t U32();
  std::uint64_t U64();
  /// One of 0 to n - 1, each as likely as the others. REQUIRES: n > 0.
  std::uint32_t Below(std::uint32_t n);
};

/// Unpredictable to others (OpenSSL's generator), drawn ahead in blocks so that a message id costs
/// a copy. Ends the process where the system has no randomness: a resolver that can be guessed
/// (RFC 5452 section 9.2) is worse than none.
class SystemRandom final : public Random {
 public:
  void Fill(std::span<std::uint8_t> octets) override;

 private:
  std::array<std::uint8_t, 512> block_{};
  std::size_t left_ = 0;  // octets at the end of block_ that nobody has had
};

/// The same octets for the same seed, on every machine. For tests alone: anybody can guess it.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) noexcept;
  void Fill(std::span<std::uint8_t> octets) override;

 private:
  std::uint64_t Next() noexcept;

  std::array<std::uint64_t, 4> state_;
};

}  // namespace resolve64
