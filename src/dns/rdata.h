// Where names stand in the RDATA of each type: all that compression has to know (RFC 3597 section
// 4).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "resolve64/types.h"

namespace resolve64::dns {

/// A field of RDATA, as a letter of RdataShape::fields.
///
///     'n'  a name, compressed on the wire by everybody: the types of RFC 1035
///     'u'  a name that is never compressed when sent and may be found so (RFC 3597 section 4)
///     'w'  a name that is not compressed by its definition
///     's'  a <character-string> (RFC 1035 section 3.3)
///     '1' to '9'  so many octets
///     'x'  sixteen octets
///     'r'  whatever is left, nothing included
struct RdataShape {
  std::string_view fields;
};

/// The shape of `type`. Types that hold no name, and those unknown, are opaque: "r".
RdataShape ShapeOf(RrType type) noexcept;

/// Octets of a field that holds no name, of which `rest` is what is left of the RDATA. More than
/// rest.size() where it is cut short. REQUIRES: not one of the name fields.
std::size_t FieldSize(char field, std::span<const std::uint8_t> rest) noexcept;

constexpr bool IsNameField(char field) noexcept {
  return field == 'n' || field == 'u' || field == 'w';
}

}  // namespace resolve64::dns
