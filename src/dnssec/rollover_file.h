// What is known of rollovers, kept over a restart (RFC 5011 section 2: the state of a key outlives
// the resolver).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dnssec/rollover.h"
#include "resolve64/result.h"

namespace resolve64::dnssec {

/// As JSON, for people too.
std::string ToJson(const std::vector<TrustPointState>& states);
/// The inverse of ToJson(). kBadFile where anything in it is not as it is written there: half of a
/// state is none.
Result<std::vector<TrustPointState>> ParseState(std::string_view text);

/// Reads what was written there; nothing where there is no such file. kBadFile, with the path,
/// where it cannot be read or understood. Blocks.
Result<std::vector<TrustPointState>> ReadStateFile(const std::string& path);

}  // namespace resolve64::dnssec
