// Secrets that an operator shares between servers: hexadecimal digits, one secret a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "resolve64/result.h"

namespace resolve64::server {

using Secret = std::vector<std::uint8_t>;

/// One to `most` secrets of `octets` octets each, in their order; '#' begins a comment. kBadFile,
/// with file, line and what is expected there. Blocks.
Result<std::vector<Secret>> ReadSecretFile(const std::string& path, std::size_t octets,
                                           std::size_t most);

}  // namespace resolve64::server
