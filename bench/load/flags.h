// The command line of the programs of bench/: CLI11 behind functions, so that it is compiled once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace resolve64::bench {

/// Options as `--name value`. What they are bound to must live until Parse() has returned, and
/// holds the default before.
class Flags {
 public:
  explicit Flags(const std::string& what);
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;
  ~Flags();

  void Text(const char* name, std::string& value, const char* help, bool required = false);
  void Number(const char* name, std::uint64_t& value, const char* help);
  void Real(const char* name, double& value, const char* help);
  void Switch(const char* name, bool& value, const char* help);
  /// One of `choices`, nothing else.
  void Choice(const char* name, std::string& value, const std::vector<std::string>& choices,
              const char* help);

  /// True where the program shall go on; otherwise it ends with `exit_code`, all said.
  bool Parse(int argc, char** argv, int& exit_code);

 private:
  struct App;
  std::unique_ptr<App> app_;
};

}  // namespace resolve64::bench
