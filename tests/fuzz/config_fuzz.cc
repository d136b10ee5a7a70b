// The configuration reader: any text gives a configuration or says, inside the text, what is wrong.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "fuzz/check.h"

namespace {

using resolve64::config::Diagnostic;
using resolve64::config::ReadConfigText;
using resolve64::config::ReadResult;
using resolve64::fuzz::Check;

constexpr const char* kFile = "fuzz.json";
constexpr const char* kDirectory = "/nonexistent";

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

bool IsControl(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7f;
}

void CheckDiagnostic(const Diagnostic& diagnostic, const std::vector<std::string_view>& lines) {
  Check(diagnostic.file == kFile, "a diagnostic names the file");
  Check(!diagnostic.message.empty(), "a diagnostic says something");
  Check(diagnostic.pointer.empty() || diagnostic.pointer[0] == '/', "a JSON pointer starts with /");
  if (diagnostic.line == 0) {
    Check(diagnostic.column == 0, "what is about the whole file has no column");
  } else {
    Check(diagnostic.line > 0 && static_cast<std::size_t>(diagnostic.line) <= lines.size(),
          "a line is one of the text");
    // A character has one octet at least; one past the end is where something is missing.
    const std::string_view line = lines[static_cast<std::size_t>(diagnostic.line) - 1];
    Check(diagnostic.column >= 1 && static_cast<std::size_t>(diagnostic.column) <= line.size() + 1,
          "a column is inside its line");
  }
  const std::string text = diagnostic.ToText();
  Check(text.starts_with(kFile), "the text of a diagnostic starts with the file");
  Check(std::ranges::none_of(text, IsControl), "a diagnostic is one line that is safe to print");
  constexpr std::size_t kLongest = 4096;
  Check(text.size() <= kLongest, "a diagnostic quotes no more than somebody would read");
}

void CheckOrder(const std::vector<Diagnostic>& diagnostics) {
  for (std::size_t i = 1; i < diagnostics.size(); ++i) {
    const Diagnostic& a = diagnostics[i - 1];
    const Diagnostic& b = diagnostics[i];
    if (a.line == 0 || b.line == 0) continue;
    Check(a.line < b.line || (a.line == b.line && a.column <= b.column),
          "diagnostics come in the order of the file");
  }
}

std::string ToText(const ReadResult& result) {
  std::string text;
  for (const auto& diagnostic : result.errors) text += diagnostic.ToText() + '\n';
  for (const auto& diagnostic : result.warnings) text += diagnostic.ToText() + '\n';
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const ReadResult result = ReadConfigText(text, kFile, kDirectory);
  Check((result.config == nullptr) == !result.errors.empty(),
        "there is a configuration exactly where there is no error");

  const auto lines = Lines(text);
  for (const auto& diagnostic : result.errors) CheckDiagnostic(diagnostic, lines);
  for (const auto& diagnostic : result.warnings) CheckDiagnostic(diagnostic, lines);
  CheckOrder(result.errors);
  CheckOrder(result.warnings);
  if (result.config) {
    Check(!result.config->dns64.prefixes.empty(), "there is always a prefix");
    for (const auto& view : result.config->views) {
      Check(!view.name.empty() && !view.dns64.prefixes.empty(), "every view is complete");
    }
  }

  const ReadResult again = ReadConfigText(text, kFile, kDirectory);
  Check(ToText(again) == ToText(result), "the same text gives the same diagnostics");
  return 0;
}
