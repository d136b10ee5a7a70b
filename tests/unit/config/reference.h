// The JSON Schema and the tables of the reference, as the table of keys has them.
#pragma once

#include <string>
#include <string_view>

namespace resolve64::config {

/// etc/resolve64.schema.json.
std::string SchemaText();

/// `document` with what stands between `<!-- keys: /listen -->` and `<!-- end of keys -->` replaced
/// by the table of that key and all inside it.
std::string WithTables(std::string_view document);

/// "/listen/*/port" as the reference writes it: "listen[].port".
std::string Dotted(std::string_view pattern);

}  // namespace resolve64::config
