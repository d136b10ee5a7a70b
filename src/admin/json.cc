#include "admin/json.h"

#include <chrono>

namespace resolve64::admin {

std::string Dump(const json& reply) {
  // Octets that are no UTF-8 come from outside and must not end the conversation.
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string Refuse(const std::string& text) { return Dump({{"ok", false}, {"error", text}}); }

Result<std::string> TextOf(const json& request, const char* key, const std::string& otherwise) {
  const auto at = request.find(key);
  if (at == request.end() || at->is_null()) return otherwise;
  if (!at->is_string()) {
    return Error{Errc::kRefused, std::string("\"") + key + "\" is a text"};
  }
  return at->get<std::string>();
}

Result<Name> NameOf(const json& request) {
  const Result<std::string> text = TextOf(request, "name", "");
  if (!text) return text.error();
  Result<Name> name = Name::Parse(*text);
  if (!name) {
    return Error{Errc::kRefused, "\"" + *text + "\" is no domain name: " + name.error().text};
  }
  return name;
}

bool FlagOf(const json& request, const char* key) {
  const auto at = request.find(key);
  return at != request.end() && at->is_boolean() && at->get<bool>();
}

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace resolve64::admin
