// What the resolver is doing and what it knows, as JSON: no more than a look, nothing changes.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "server/service.h"

namespace resolve64::admin {

/// Listeners, views, certificates, caches. `config_path`: the file that it runs with. This and all
/// below: main thread.
nlohmann::json Status(server::Service& service, const std::string& config_path);
/// Every counter, summed over the workers.
nlohmann::json Stats(server::Service& service);
/// Trust anchors, their keys and states (RFC 5011), and negative ones (RFC 7646).
nlohmann::json Anchors(const server::Service& service);
/// Upstream servers: those that answered most, up to a bound.
nlohmann::json Servers(server::Service& service);
/// The questions in progress, the oldest first, up to a bound. `done` gets the reply later: the
/// workers are asked.
void Inflight(server::Service& service, const std::function<void(std::string)>& done);

}  // namespace resolve64::admin
