// The special-use names and the zones of RFC 6303, as data.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "resolve64/name.h"
#include "zone/zone.h"

namespace resolve64::zone {

/// How a special-use name and the names below it are answered.
enum class SpecialUse : std::uint8_t {
  kEmptyZone,  ///< SOA and NS at the apex, NXDOMAIN below (RFC 6303 section 3)
  kNxdomain,   ///< NXDOMAIN for the name itself too (RFC 6761 section 6.4)
  kNodata,     ///< NODATA for every name and type (RFC 9462 section 6.4)
  kLocalhost,  ///< the loopback addresses, NODATA for other types (RFC 6761 section 6.3)
};

struct SpecialName {
  Name name;
  SpecialUse use = SpecialUse::kEmptyZone;
  bool ds_is_local = false;          ///< the DS of the name is not looked up either
  std::shared_ptr<const Zone> zone;  ///< never null: its data, or at least its SOA
};

/// Every special-use name that is answered here. Made at each call.
std::vector<SpecialName> SpecialNames();

/// TTL of the data and of the SOA (RFC 6303 section 3), seconds.
inline constexpr std::uint32_t kSpecialTtl = 10800;

}  // namespace resolve64::zone
