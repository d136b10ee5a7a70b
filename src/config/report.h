// Where diagnostics are gathered while a configuration is read.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/json_tree.h"

namespace resolve64::config {

/// Gathers diagnostics of one file, and stops taking them at a number that nobody reads to its end.
class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  /// About a value; it is not used after that.
  void Error(Node& node, std::string message);
  /// About a key, such as one that is not known; neither it nor its value is used after that.
  void KeyError(Member& member, std::string message);
  /// About a value that was read and cannot be used as it is.
  void Conflict(const Node& node, std::string message);
  void Warning(const Node& node, std::string message);
  /// About the text as such.
  void Syntax(Position at, std::string message);

  [[nodiscard]] bool full() const { return errors_.size() >= kMost || warnings_.size() >= kMost; }

  /// The diagnostics so far, in the order of the file.
  [[nodiscard]] std::vector<Diagnostic> TakeErrors();
  [[nodiscard]] std::vector<Diagnostic> TakeWarnings();

 private:
  static constexpr std::size_t kMost = 1000;
  void Add(std::vector<Diagnostic>& list, Position at, std::string pointer, std::string found,
           std::string message);

  std::string file_;
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
};

}  // namespace resolve64::config
