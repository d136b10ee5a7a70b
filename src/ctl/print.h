// Replies of the resolver as people read them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace resolve64::ctl {

// Each is given a reply that has "ok": true; a value of another type than the resolver sends throws
// nlohmann::json::exception.

std::string StatusText(const nlohmann::json& reply);
std::string StatsText(const nlohmann::json& reply);
std::string ServersText(const nlohmann::json& reply);
std::string InflightText(const nlohmann::json& reply);
std::string AnchorsText(const nlohmann::json& reply);
/// The account, step by step, and the answer as dig shows it.
std::string ExplainText(const nlohmann::json& reply);

}  // namespace resolve64::ctl
