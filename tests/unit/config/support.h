// What the tests of the configuration share.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace resolve64::config {

inline ReadResult Read(std::string_view text) {
  return ReadConfigText(text, "test.json", R64_SOURCE_DIR "/tests/config/good");
}

inline std::vector<std::string> Texts(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> texts;
  for (const Diagnostic& diagnostic : diagnostics) texts.push_back(diagnostic.ToText());
  return texts;
}

/// The errors of a text, and its warnings, one a line as they are shown.
inline std::vector<std::string> Errors(std::string_view text) { return Texts(Read(text).errors); }
inline std::vector<std::string> Warnings(std::string_view text) {
  return Texts(Read(text).warnings);
}

inline std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

using Lines = std::vector<std::string>;

}  // namespace resolve64::config
