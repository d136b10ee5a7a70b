// The root key sentinel: clients find out which root keys are trusted here (RFC 8509).
#pragma once

#include <cstdint>

#include "dnssec/anchors.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

enum class Sentinel : std::uint8_t {
  kNone,      ///< the answer goes out as it is
  kServfail,  ///< SERVFAIL in its place
};

/// What becomes of a Secure answer to a question without CD (RFC 8509 section 2). `qname` is the
/// name that the client sent; keys count as trusted that are in `anchors` for the root.
Sentinel JudgeSentinel(const Name& qname, RrType type, const TrustAnchors& anchors) noexcept;

}  // namespace resolve64::dnssec
