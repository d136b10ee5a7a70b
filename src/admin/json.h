// What the commands have in common: how requests are read, and how replies are written.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "resolve64/name.h"
#include "resolve64/result.h"

namespace resolve64::admin {

using nlohmann::json;

/// One line without its end.
std::string Dump(const json& reply);
/// The reply to what is not done, and why.
std::string Refuse(const std::string& text);

/// A member of a request; `otherwise` where it is missing or null. kRefused where it is no text.
Result<std::string> TextOf(const json& request, const char* key, const std::string& otherwise);
/// The member "name". kRefused where it is no domain name.
Result<Name> NameOf(const json& request);
/// False where the member is missing.
bool FlagOf(const json& request, const char* key);

/// With their fractions.
double Milliseconds(Duration duration);

template <class T>
json OrNull(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace resolve64::admin
