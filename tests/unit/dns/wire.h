// Short ways to write names, octets and messages in tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::test {

using Octets = std::vector<std::uint8_t>;

inline Name N(std::string_view text) { return Name::Parse(text).value(); }

inline Octets ToOctets(std::span<const std::uint8_t> octets) {
  return {octets.begin(), octets.end()};
}

/// A message written octet by octet: nothing that it is told is checked.
class Wire {
 public:
  Wire& U8(unsigned value) {
    octets_.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Wire& U16(unsigned value) { return U8(value >> 8 & 0xFF).U8(value & 0xFF); }
  Wire& U32(std::uint32_t value) { return U16(value >> 16).U16(value & 0xFFFF); }
  Wire& Text(std::string_view text) {
    for (const char c : text) U8(static_cast<std::uint8_t>(c));
    return *this;
  }
  /// A name written out.
  Wire& NameOf(std::string_view text) {
    const Name name = N(text);
    octets_.insert(octets_.end(), name.wire().begin(), name.wire().end());
    return *this;
  }
  Wire& Pointer(unsigned offset) { return U16(0xC000 | offset); }
  Wire& Header(unsigned flags, unsigned questions, unsigned answers, unsigned authority,
               unsigned additional) {
    return U16(0x1234).U16(flags).U16(questions).U16(answers).U16(authority).U16(additional);
  }
  Wire& Question(std::string_view name, RrType type) {
    return NameOf(name).U16(static_cast<unsigned>(type)).U16(1);
  }
  /// What comes between the owner name and the RDATA.
  Wire& Fixed(RrType type, std::uint32_t ttl, std::size_t length) {
    return U16(static_cast<unsigned>(type)).U16(1).U32(ttl).U16(static_cast<unsigned>(length));
  }
  Wire& Octets(std::initializer_list<unsigned> values) {
    for (const unsigned value : values) U8(value);
    return *this;
  }
  [[nodiscard]] const std::vector<std::uint8_t>& octets() const { return octets_; }
  operator std::span<const std::uint8_t>() const { return octets_; }  // NOLINT(*-explicit-*)

 private:
  std::vector<std::uint8_t> octets_;
};

}  // namespace resolve64::test
