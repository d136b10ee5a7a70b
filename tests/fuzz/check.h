// What the fuzz targets share: a property that does not hold ends the program.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace resolve64::fuzz {

/// Aborts where `holds` is false; libFuzzer and ctest both take that for a finding. `property` says
/// what should have been true.
inline void Check(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

}  // namespace resolve64::fuzz
