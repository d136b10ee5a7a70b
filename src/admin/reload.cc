#include "admin/reload.h"

#include <filesystem>
#include <utility>

#include "base/log.h"

namespace resolve64::admin {
namespace {

LogLevel ToLevel(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kError:
      return LogLevel::kError;
    case config::LogLevel::kWarn:
      return LogLevel::kWarn;
    case config::LogLevel::kInfo:
      return LogLevel::kInfo;
    case config::LogLevel::kDebug:
      return LogLevel::kDebug;
  }
  return LogLevel::kInfo;
}

void LogAll(LogLevel level, std::string_view message, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) Log(level, "admin", message, {{"reason", line}});
}

}  // namespace

void ApplyLogLevel(const config::LogConfig& log) { SetLogLevel(ToLevel(log.level)); }

Loaded Load(const std::string& config_path) {
  Loaded loaded;
  config::ReadResult read = config::ReadConfigFile(config_path);
  for (const config::Diagnostic& error : read.errors) loaded.errors.push_back(error.ToText());
  for (const config::Diagnostic& one : read.warnings) loaded.warnings.push_back(one.ToText());
  if (read.config == nullptr) return loaded;
  server::SnapshotResult built = server::BuildSnapshot(std::move(read.config));
  loaded.errors.insert(loaded.errors.end(), built.errors.begin(), built.errors.end());
  loaded.warnings.insert(loaded.warnings.end(), built.warnings.begin(), built.warnings.end());
  loaded.snapshot = std::move(built.snapshot);
  return loaded;
}

Reloader::Reloader(server::Service& service, const std::string& config_path)
    : service_(service), config_path_(std::filesystem::absolute(config_path).string()) {}

void Reloader::Run(const std::function<void(ReloadOutcome)>& done) {
  Loaded loaded = Load(config_path_);
  if (loaded.snapshot != nullptr) {
    const config::LogConfig log = loaded.snapshot->config->log;
    const Result<bool> begun = service_.Reload(
        std::move(loaded.snapshot),
        [log, warnings = loaded.warnings, done](std::vector<std::string> notes) {
          ApplyLogLevel(log);
          ReloadOutcome outcome;
          outcome.done = true;
          for (const std::string& warning : warnings)
            outcome.lines.push_back("warning: " + warning);
          outcome.lines.insert(outcome.lines.end(), notes.begin(), notes.end());
          LogAll(LogLevel::kWarn, "the configuration was reloaded, but", outcome.lines);
          Log(LogLevel::kInfo, "admin", "the configuration was reloaded");
          done(std::move(outcome));
        });
    if (begun) return;
    loaded.errors.push_back(begun.error().text);
  }
  LogAll(LogLevel::kError, "the new configuration does not load, the old one stays", loaded.errors);
  ReloadOutcome outcome;
  outcome.lines = std::move(loaded.errors);
  done(std::move(outcome));
}

}  // namespace resolve64::admin
