// The command `explain`: one question, answered as for a client, with every step of the way.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "server/service.h"

namespace resolve64::admin {

/// Members of `request`: name, type, client, view, cd, do. `done` gets the reply, maybe later. Main
/// thread.
void Explain(server::Service& service, const nlohmann::json& request,
             const std::function<void(std::string)>& done);

}  // namespace resolve64::admin
