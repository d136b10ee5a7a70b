// Zone files in the format of RFC 1035 section 5, read with ldns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "resolve64/name.h"
#include "zone/zone.h"

namespace resolve64::zone {

struct ZoneFileText {
  std::vector<Record> records;    ///< in the order of the file
  std::vector<Problem> problems;  ///< empty: everything was understood; at most kMaxProblems
};

inline constexpr std::size_t kMaxZoneFileOctets = 64U << 20U;
inline constexpr std::size_t kMaxProblems = 20;

/// Reads `path`, a regular file. Names that are not absolute, and "@", are relative to `origin`
/// until the file says $ORIGIN; a record without TTL before any $TTL gets an hour. $INCLUDE and
/// classes other than IN are refused. A record is reported with the line where it begins. Blocks.
ZoneFileText ReadZoneFile(const std::string& path, const Name& origin);

/// "path:line: text", or "path: text" where `problem` has no line.
std::string ToText(const std::string& path, const Problem& problem);

}  // namespace resolve64::zone
