// Finished answers: replies as octets, ready to be copied and patched. One worker's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/zeroed_array.h"
#include "cache/s3_fifo_map.h"
#include "resolve64/types.h"

namespace resolve64::cache {

/// What of a question decides its answer, but for its name. `policy` stands for the view; it is
/// compared, and never looked into.
struct AnswerKey {
  const void* policy = nullptr;
  RrType type = RrType::kNone;
  bool do_bit = false;
  bool cd_bit = false;
  bool over_ipv4 = false;

  friend bool operator==(const AnswerKey&, const AnswerKey&) = default;
};

/// A reply without OPT record. Its id is zero, and RD, CD and AD are clear.
struct AnswerParts {
  AnswerKey key;
  std::span<const std::uint8_t> body;    ///< a whole message with one question, uncompressed
  std::span<const std::uint8_t> errors;  ///< EDNS options of Extended DNS Errors (RFC 8914)
  std::span<const std::uint16_t> ttls;   ///< offsets into `body` of the TTLs that age
  TimePoint since{};                     ///< when the TTLs were what `body` says
  TimePoint expires{};
  Rcode rcode = Rcode::kNoError;  ///< with the bits that go into the OPT record
  bool secure = false;            ///< AD, where the client may be told
  bool synthesized = false;
  /// 0: nothing was left out. Otherwise `body` and `errors` are what fits into so many octets, and
  /// `with_opt` tells whether errors had to fit too.
  std::uint16_t room = 0;
  bool with_opt = false;
};

/// One kept answer; immutable, in one block of memory.
class FinishedAnswer {
 public:
  struct Deleter {
    void operator()(FinishedAnswer* answer) const noexcept;
  };
  using Ptr = std::unique_ptr<FinishedAnswer, Deleter>;

  /// REQUIRES: `parts.body` holds a header and a question; sizes are those of a message.
  static Ptr Make(const AnswerParts& parts);

  FinishedAnswer(const FinishedAnswer&) = delete;
  FinishedAnswer& operator=(const FinishedAnswer&) = delete;

  [[nodiscard]] std::span<const std::uint8_t> body() const noexcept {
    return {octets(), body_size_};
  }
  [[nodiscard]] std::span<const std::uint8_t> errors() const noexcept {
    return {octets() + body_size_, errors_size_};
  }
  /// The name of the question in lower case; it is a part of body().
  [[nodiscard]] std::span<const std::uint8_t> name() const noexcept;
  [[nodiscard]] Rcode rcode() const noexcept { return rcode_; }
  [[nodiscard]] bool secure() const noexcept { return secure_; }
  [[nodiscard]] bool synthesized() const noexcept { return synthesized_; }

  /// Copies body() to `to`, with each TTL as it is at `now`. REQUIRES: it has not expired.
  void CopyBody(std::uint8_t* to, TimePoint now) const noexcept;

 private:
  friend class AnswerCache;
  FinishedAnswer() = default;

  [[nodiscard]] const std::uint16_t* ttls() const noexcept {
    return reinterpret_cast<const std::uint16_t*>(this + 1);
  }
  [[nodiscard]] const std::uint8_t* octets() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(ttls() + ttl_count_);
  }

  // Behind the object, in the same block: the offsets of the TTLs, body, errors.
  AnswerKey key_;
  TimePoint since_{};
  TimePoint expires_{};
  Rcode rcode_ = Rcode::kNoError;
  std::uint16_t body_size_ = 0;
  std::uint16_t errors_size_ = 0;
  std::uint16_t ttl_count_ = 0;
  std::uint16_t room_ = 0;
  std::uint8_t name_length_ = 0;
  bool secure_ = false;
  bool synthesized_ = false;
  bool with_opt_ = false;
};

/// Bounded by octets, as the allocator counts them. Nothing is shared: no lock, and no line of the
/// processor's cache that another worker writes. Not thread-safe, but for the numbers.
///
/// An answer is kept from its second question on, so that names that are asked once cost their
/// memory once, as RRsets. Who asked before is remembered by a hash of 16 bits; that two of them
/// are equal now and then only means that a name is kept from its first question on.
class AnswerCache {
 public:
  explicit AnswerCache(std::size_t octets);

  /// Lower-cases and hashes a name in wire form, as Find() and Keep() want it.
  static std::uint64_t HashOf(std::span<const std::uint8_t> name) noexcept;

  /// The answer to `name`, in any letter case, that fits into `room` octets with the errors where
  /// there is an OPT record. Null where there is none, or none that has not expired. Valid until
  /// the next Keep() or Clear().
  const FinishedAnswer* Find(std::span<const std::uint8_t> name, std::uint64_t hash,
                             const AnswerKey& key, std::size_t room, bool with_opt,
                             TimePoint now) noexcept;

  /// Whether the answer that was just made is worth keeping: the question came before. Remembers
  /// that it came.
  bool WorthKeeping(std::uint64_t hash, const AnswerKey& key) noexcept;
  /// Keeps an answer in place of the one there was. Without effect where it has expired.
  void Keep(const AnswerParts& parts, TimePoint now);
  void Clear();

  /// The number of times that Clear() was called: an answer whose making began before belongs to
  /// what was forgotten.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

  /// Octets and answers; any thread.
  [[nodiscard]] std::size_t cost() const noexcept { return cost_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  struct Octets : CountEntries {
    static constexpr bool kOctets = true;
    [[nodiscard]] std::size_t Cost(const FinishedAnswer::Ptr& answer) const noexcept;
  };
  using Map = S3FifoMap<FinishedAnswer::Ptr, Octets>;

  void Publish() noexcept;

  std::size_t capacity_;
  Map map_;
  // By the lower bits of a hash, the upper ones of the last two that were asked there.
  ZeroedArray<std::uint16_t> asked_;
  std::uint64_t generation_ = 0;
  std::atomic<std::size_t> cost_{0};
  std::atomic<std::size_t> size_{0};
};

}  // namespace resolve64::cache
