#include "config/state_path.h"

#include <cstdlib>

namespace resolve64::config {

std::string StatePath(const std::string& configured, std::string_view file_name) {
  if (!configured.empty()) return configured;
  const char* given = std::getenv("STATE_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  std::string directory = given == nullptr ? "" : given;
  directory = directory.substr(0, directory.find(':'));
  if (directory.empty()) directory = "/var/lib/resolve64";
  return directory + "/" + std::string(file_name);
}

}  // namespace resolve64::config
