#include "reference.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys.h"

namespace resolve64::config {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSizePattern = "^[0-9]+(KiB|MiB|GiB|TiB)$";
constexpr std::string_view kTimePattern = "^[0-9]+(ms|s|m|h|d)$";
constexpr std::string_view kPrefixPattern = "^[0-9A-Fa-f:.]+/(32|40|48|56|64|96)$";
constexpr std::string_view kMomentPattern =
    "^([0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?|[0-9]{14})$";
constexpr std::string_view kViewPattern = "^[A-Za-z0-9_-]{1,63}$";

std::string_view LastPart(std::string_view pattern) {
  return pattern.substr(pattern.rfind('/') + 1);
}

std::string Limits(const Key& key) {
  if (key.available.empty()) return {};
  if (key.available == kNothing) return "Not available in this build.";
  std::string values;
  for (const std::string_view value : Parts(key.available)) {
    values += (values.empty() ? "" : " or ") + std::string("`") + std::string(value) + "`";
  }
  return "This build has " + values + " only.";
}

Json Schema(const Key& key);

Json Object(std::string_view pattern) {
  Json object = {{"type", "object"}, {"additionalProperties", false}};
  Json required = Json::array();
  for (const Key* key : KeysIn(pattern)) {
    const std::string name(LastPart(key->pattern));
    object["properties"][name] = key->pattern == "/dns64" || key->pattern == "/views/*/dns64"
                                     ? Json{{"$ref", "#/definitions/dns64"}}
                                     : Schema(*key);
    if (key->required) required.push_back(name);
  }
  if (!required.empty()) object["required"] = required;
  return object;
}

Json Form1(const Key& key, std::uint32_t form) {
  switch (form) {
    case kNull:
      return {{"type", "null"}};
    case kBool:
      return {{"type", "boolean"}};
    case kObject:
      return Object(key.pattern);
    case kMap:
      return {{"type", "object"},
              {"propertyNames", {{"pattern", kViewPattern}}},
              {"additionalProperties", Schema(*FindKey(std::string(key.pattern) + "/*"))}};
    case kList: {
      Json list = {{"type", "array"}, {"minItems", key.min}, {"maxItems", key.max}};
      list["items"] = Schema(*FindKey(std::string(key.pattern) + "/*"));
      return list;
    }
    case kCount:
      return {{"type", "integer"}, {"minimum", key.min}, {"maximum", key.max}};
    case kSize:
      return {{"type", {"integer", "string"}},
              {"minimum", key.min},
              {"maximum", key.max},
              {"pattern", kSizePattern}};
    case kTime:
    case kSeconds:
      return {{"type", {form == kTime ? "number" : "integer", "string"}},
              {"minimum", static_cast<double>(key.min) / 1000},
              {"maximum", static_cast<double>(key.max) / 1000},
              {"pattern", kTimePattern}};
    case kWord: {
      Json words = Json::array();
      for (const std::string_view word : Parts(key.words)) words.push_back(word);
      return {{"enum", words}};
    }
    case kPrefix:
      return {{"type", "string"}, {"pattern", kPrefixPattern}};
    case kViewName:
      return {{"type", "string"}, {"pattern", kViewPattern}};
    case kMoment:
      return {{"type", "string"}, {"pattern", kMomentPattern}};
    default:
      return {{"type", "string"}, {"minLength", 1}};
  }
}

Json Schema(const Key& key) {
  std::vector<Json> forms;
  for (std::uint32_t form = 1; form <= kLastForm; form <<= 1U) {
    if ((key.forms & form) != 0) forms.push_back(Form1(key, form));
  }
  Json schema = Json::object();
  std::string meaning(key.meaning);
  if (const std::string limits = Limits(key); !limits.empty()) meaning += " " + limits;
  schema["description"] = meaning;
  if (!key.fallback.empty()) schema["default"] = Json::parse(key.fallback);
  if (forms.size() == 1) {
    schema.update(forms[0]);
  } else {
    schema["anyOf"] = forms;
  }
  return schema;
}

std::string Takes(const Key& key) {
  if ((key.forms & kList) == 0) return Expectation(key);
  const Key& item = *FindKey(std::string(key.pattern) + "/*");
  return Expectation(key) + " (each: " + Expectation(item) + ")";
}

bool IsInside(std::string_view pattern, std::string_view parent) {
  return pattern == parent ||
         (pattern.starts_with(parent) && pattern.substr(parent.size()).starts_with('/'));
}

std::string Row(const Key& key) {
  std::string row = "| `" + Dotted(key.pattern) + "` | " + Takes(key) + " | ";
  if (key.required) {
    row += "required";
  } else {
    row += key.fallback.empty() ? "none" : "`" + std::string(key.fallback) + "`";
  }
  row += " | " + std::string(key.meaning);
  if (const std::string limits = Limits(key); !limits.empty()) row += " *" + limits + "*";
  return row + " |\n";
}

std::string TableOf(std::string_view parent) {
  std::string table = "| key | takes | default | what it does |\n|---|---|---|---|\n";
  for (const Key& key : Keys()) {
    // The items of a list stand with the list.
    if (IsInside(key.pattern, parent) && LastPart(key.pattern) != "*") table += Row(key);
  }
  return table;
}

}  // namespace

std::string Dotted(std::string_view pattern) {
  std::string dotted;
  for (std::string_view rest = pattern.substr(1); !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part != "*") {
      dotted += (dotted.empty() ? "" : ".") + std::string(part);
    } else {
      dotted += dotted == "views" ? ".NAME" : "[]";
    }
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  }
  return dotted;
}

std::string SchemaText() {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "resolve64: the configuration"}};
  schema.update(Object(""));
  schema["definitions"]["dns64"] = Schema(*FindKey("/dns64"));
  return schema.dump(2) + "\n";
}

std::string WithTables(std::string_view document) {
  constexpr std::string_view kBegin = "<!-- keys: ";
  constexpr std::string_view kEnd = "<!-- end of keys -->";
  std::string out;
  while (true) {
    const std::size_t begin = document.find(kBegin);
    const std::size_t line_end = document.find('\n', begin);
    const std::size_t end = document.find(kEnd, begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) break;
    const std::string_view marker = document.substr(begin, line_end - begin);
    const std::string_view parent =
        marker.substr(kBegin.size(), marker.find(" -->") - kBegin.size());
    out += document.substr(0, line_end + 1);
    out += TableOf(parent);
    document = document.substr(end);
    out += document.substr(0, kEnd.size());
    document = document.substr(kEnd.size());
  }
  return out + std::string(document);
}

}  // namespace resolve64::config
