// Reading the configuration again, for SIGHUP and for `resolve64ctl reload`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/service.h"

namespace resolve64::admin {

/// What a load of the configuration came to.
struct Loaded {
  server::SnapshotPtr snapshot;       ///< null where there is an error
  std::vector<std::string> errors;    ///< one a line
  std::vector<std::string> warnings;  ///< one a line
};

/// Reads the file and everything that it names. Blocks.
Loaded Load(const std::string& config_path);

struct ReloadOutcome {
  bool done = false;               ///< false: the old configuration stays
  std::vector<std::string> lines;  ///< why, or what is worth knowing
};

/// Main thread.
class Reloader {
 public:
  /// `service` is borrowed.
  Reloader(server::Service& service, const std::string& config_path);

  /// Puts what the file says now in force, or reports why not and leaves everything as it was. It
  /// is logged, too. `done` runs when all workers have it.
  void Run(const std::function<void(ReloadOutcome)>& done);

  /// Absolute.
  [[nodiscard]] const std::string& config_path() const noexcept { return config_path_; }

 private:
  server::Service& service_;
  std::string config_path_;
};

/// The level of the log that the configuration asks for.
void ApplyLogLevel(const config::LogConfig& log);

}  // namespace resolve64::admin
