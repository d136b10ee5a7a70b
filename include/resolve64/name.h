// Domain names in wire form (RFC 1035 section 3.1).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "resolve64/result.h"

namespace resolve64 {

/// An absolute domain name: labels of 1 to 63 octets and the root, 255 octets at most. Letters keep
/// their case; comparing and hashing ignore it (RFC 4343). A value that never allocates.
class Name {
 public:
  static constexpr std::size_t kMaxLength = 255;  // octets, RFC 1035 section 2.3.4
  static constexpr std::size_t kMaxLabel = 63;

  Name() noexcept { octets_[0] = 0; }  ///< the root
  Name(const Name& other) noexcept : length_(other.length_) {
    std::memcpy(octets_.data(), other.octets_.data(), length_);
  }
  Name& operator=(const Name& other) noexcept {
    length_ = other.length_;
    std::memmove(octets_.data(), other.octets_.data(), length_);
    return *this;
  }
  ~Name() = default;

  /// Presentation format with \DDD and \X escapes (RFC 1035 section 5.1); the final dot may be
  /// missing. kBadName otherwise, also for octets outside printing ASCII that are not escaped.
  static Result<Name> Parse(std::string_view text);

  /// An uncompressed name that fills the start of `octets`. kBadName where it runs past the end,
  /// is too long, or holds a pointer.
  static Result<Name> FromWire(std::span<const std::uint8_t> octets);

  /// A name inside `message` at `offset`, pointers followed, strictly backwards and a bounded
  /// number of times (RFC 1035 section 4.1.4). `offset` moves past the name where it stands. False
  /// where it is malformed: `offset` stays then, and `out` is the root. For parsers, so without a
  /// text.
  static bool Decompress(std::span<const std::uint8_t> message, std::size_t& offset, Name& out);

  [[nodiscard]] std::span<const std::uint8_t> wire() const noexcept {
    return {octets_.data(), length_};
  }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }  ///< octets, root included
  [[nodiscard]] bool is_root() const noexcept { return length_ == 1; }
  [[nodiscard]] std::size_t LabelCount() const noexcept;  ///< without the root: "a.b." has 2
  /// The first label without its length octet. Empty for the root.
  [[nodiscard]] std::string_view FirstLabel() const noexcept;
  [[nodiscard]] bool is_wildcard() const noexcept {
    return length_ > 2 && octets_[0] == 1 && octets_[1] == '*';
  }

  /// Equal to `ancestor`, or below it.
  [[nodiscard]] bool IsAtOrBelow(const Name& ancestor) const noexcept;
  [[nodiscard]] bool IsBelow(const Name& ancestor) const noexcept {
    return length_ > ancestor.length_ && IsAtOrBelow(ancestor);
  }

  /// Without its first `labels` labels. REQUIRES: labels <= LabelCount().
  [[nodiscard]] Name Parent(std::size_t labels = 1) const noexcept;
  /// Its last `labels` labels. REQUIRES: labels <= LabelCount().
  [[nodiscard]] Name Suffix(std::size_t labels) const noexcept {
    return Parent(LabelCount() - labels);
  }
  /// `label` put before this name. kBadName where it gets too long.
  [[nodiscard]] Result<Name> Prepend(std::string_view label) const;
  /// `owner` at the end of this name replaced by `target` (RFC 6672 section 2.2). kTooLong past 255
  /// octets. REQUIRES: IsAtOrBelow(owner).
  [[nodiscard]] Result<Name> Rebase(const Name& owner, const Name& target) const;
  [[nodiscard]] Name Lower() const noexcept;

  /// With the final dot, special octets escaped: safe to print and to log.
  [[nodiscard]] std::string ToText() const;
  [[nodiscard]] std::size_t Hash() const noexcept;  ///< the same for names that are equal

  /// Letter case does not matter (RFC 4343).
  friend bool operator==(const Name& a, const Name& b) noexcept;
  /// The canonical order of RFC 4034 section 6.1.
  friend std::strong_ordering operator<=>(const Name& a, const Name& b) noexcept;

  /// The octets, for writing letter case in place (0x20). Length octets must stay as they are.
  [[nodiscard]] std::uint8_t* mutable_data() noexcept { return octets_.data(); }

 private:
  // Before the octets: a short name is then in one line of the processor's cache.
  std::uint8_t length_ = 1;
  std::array<std::uint8_t, kMaxLength> octets_;  // only the first length_ are set
};

}  // namespace resolve64
