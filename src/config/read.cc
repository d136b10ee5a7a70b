#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/build.h"
#include "config/check.h"
#include "config/config.h"
#include "config/json_tree.h"
#include "config/report.h"

namespace resolve64::config {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20U;  // octets

ReadResult Failed(const std::string& file, std::string message) {
  ReadResult result;
  result.errors.push_back({file, 0, 0, {}, {}, std::move(message)});
  return result;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

ReadResult ReadConfigFile(const std::string& path) {
  errno = 0;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return Failed(path, std::string("cannot be read: ") + std::strerror(errno));
  std::string text;
  std::array<char, 65536> block;
  while (text.size() <= kMaxFile) {
    const std::size_t octets = std::fread(block.data(), 1, block.size(), file.get());
    if (octets == 0) break;
    text.append(block.data(), octets);
  }
  if (std::ferror(file.get()) != 0) {
    return Failed(path, std::string("cannot be read: ") + std::strerror(errno));
  }
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error) return Failed(path, "cannot tell its directory: " + error.message());
  return ReadConfigText(text, path, absolute.parent_path().string());
}

ReadResult ReadConfigText(std::string_view text, const std::string& file_name,
                          const std::string& base_dir) {
  if (text.size() > kMaxFile) return Failed(file_name, "a configuration is 1MiB at most");
  Report report(file_name);
  const Tree tree = ParseTree(text);
  ReadResult result;
  if (!tree.root) {
    report.Syntax(tree.error_at, tree.error);
    result.errors = report.TakeErrors();
    return result;
  }
  CheckTree(*tree.root, report);
  Config config = BuildConfig(*tree.root, base_dir, report);
  result.errors = report.TakeErrors();
  result.warnings = report.TakeWarnings();
  if (result.errors.empty()) result.config = std::make_shared<const Config>(std::move(config));
  return result;
}

}  // namespace resolve64::config
