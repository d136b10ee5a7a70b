// The control socket of a running resolver, from the other side.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "resolve64/result.h"

namespace resolve64::ctl {

/// Sends one request and waits for its reply: a JSON object with "ok". kNetwork, with the path and
/// the reason, where nobody is there or we may not.
Result<nlohmann::json> Ask(const std::string& socket_path, const nlohmann::json& request);

}  // namespace resolve64::ctl
