// Small files, whole: read with a bound, and written so that nobody ever sees half of one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "resolve64/result.h"

namespace resolve64 {

/// What is in the file, at most `most` octets; empty where there is no such file. kBadFile, with
/// the path and the reason, where it cannot be read or is longer. Blocks; never on a pipe.
Result<std::optional<std::string>> ReadSmallFile(const std::string& path, std::size_t most);

/// Replaces the file in one step and waits until it is on the disk; only its owner can read it.
/// kBadFile, with path and reason, where that is impossible: the old one is then as it was. Blocks.
Result<bool> WriteSmallFile(const std::string& path, std::string_view text);

}  // namespace resolve64
