#include "flags.h"

#include <CLI/CLI.hpp>

namespace resolve64::bench {

struct Flags::App {
  CLI::App app;
  explicit App(const std::string& what) : app(what) {}
};

Flags::Flags(const std::string& what) : app_(std::make_unique<App>(what)) {}
Flags::~Flags() = default;

void Flags::Text(const char* name, std::string& value, const char* help, bool required) {
  app_->app.add_option(name, value, help)->required(required);
}

void Flags::Number(const char* name, std::uint64_t& value, const char* help) {
  app_->app.add_option(name, value, help)->capture_default_str();
}

void Flags::Real(const char* name, double& value, const char* help) {
  app_->app.add_option(name, value, help)->capture_default_str();
}

void Flags::Switch(const char* name, bool& value, const char* help) {
  app_->app.add_flag(name, value, help);
}

void Flags::Choice(const char* name, std::string& value, const std::vector<std::string>& choices,
                   const char* help) {
  app_->app.add_option(name, value, help)->check(CLI::IsMember(choices))->capture_default_str();
}

bool Flags::Parse(int argc, char** argv, int& exit_code) {
  try {
    app_->app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app_->app.exit(error);
    return false;
  }
  return true;
}

}  // namespace resolve64::bench
