// From a checked tree to the configuration.
#pragma once

#include <string>

#include "config/config.h"
#include "config/json_tree.h"
#include "config/report.h"
#include "resolve64/dns64.h"

namespace resolve64::config {

/// Makes the Config of a tree that CheckTree() has seen, and reports what does not fit together.
/// With an error in `report` the Config has holes: it is then not to be used.
Config BuildConfig(const Node& root, const std::string& base_dir, Report& report);

/// "dns64" or a view's "dns64": the keys that it names, put over `base`. Reports what is wrong, or
/// probably is, in what this object itself names.
Dns64Policy BuildDns64(const Node& object, const Dns64Policy& base, Report& report);

/// What holds for the configuration as a whole: reports two of a kind, names that lead nowhere, and
/// what would shut everybody out or let everybody in.
void CheckWhole(const Node& root, const Config& config, Report& report);

}  // namespace resolve64::config
