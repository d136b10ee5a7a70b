// Holds a tree against the table of keys.
#pragma once

#include "config/json_tree.h"
#include "config/report.h"

namespace resolve64::config {

/// Reports every key that is unknown, given twice or missing, every value of a wrong form or out of
/// range, and what this build does not have. A node that is still `ok` afterwards can be taken for
/// what its key says; one that is not must be left alone.
void CheckTree(Node& root, Report& report);

}  // namespace resolve64::config
