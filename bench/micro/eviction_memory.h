// What a cached name takes of memory, and whether a full cache keeps to its bound.
#pragma once

#include <string_view>

namespace resolve64::bench {

/// "a": a million names with an A record each; MiB resident, MiB as the cache counts, and octets a
/// name. "aaaa": the same, and a denial of AAAA beside each. "small", "large": RRsets of all sizes
/// through a cache of 16 or 64 MiB; MiB configured, counted, resident at the end and at most, and
/// that as a part of what is configured. One row is printed. One measurement a process: what one
/// leaves behind is not the other's. False where there is no such measurement.
bool MeasureMemory(std::string_view what);

}  // namespace resolve64::bench
