// QNAME minimization: how much of a name to show to a server (RFC 9156 section 2).
#pragma once

#include <cstddef>

#include "resolve64/name.h"

namespace resolve64::resolver {

inline constexpr int kMaxMinimized = 10;  // MAX_MINIMISE_COUNT, RFC 9156 section 2.3
inline constexpr int kOneLabelSteps = 4;  // MINIMISE_ONE_LAB

/// How many labels of `name` to ask for next, where `shown` of them are known to the servers of the
/// zone already and `step` minimized questions were asked for this name. The first steps add one
/// label each, the rest of the labels is spread over the steps that are left. Labels that start
/// with an underscore (RFC 8552) are no zone cuts in practice and do not cost a step. REQUIRES:
/// shown < name.LabelCount(). The result is above `shown`.
std::size_t LabelsToShow(const Name& name, std::size_t shown, int step);

}  // namespace resolve64::resolver
