#include "config/report.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace resolve64::config {
namespace {

std::vector<Diagnostic> InOrder(std::vector<Diagnostic> list) {
  std::stable_sort(list.begin(), list.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return list;
}

}  // namespace

void Report::Error(Node& node, std::string message) {
  node.ok = false;
  Conflict(node, std::move(message));
}

void Report::KeyError(Member& member, std::string message) {
  member.value.ok = false;
  Add(errors_, member.at, member.value.Pointer(), {}, std::move(message));
}

void Report::Conflict(const Node& node, std::string message) {
  Add(errors_, node.at, node.Pointer(), node.Found(), std::move(message));
}

void Report::Warning(const Node& node, std::string message) {
  Add(warnings_, node.at, node.Pointer(), node.Found(), std::move(message));
}

void Report::Syntax(Position at, std::string message) {
  Add(errors_, at, {}, {}, std::move(message));
}

void Report::Add(std::vector<Diagnostic>& list, Position at, std::string pointer, std::string found,
                 std::string message) {
  if (list.size() >= kMost) return;
  list.push_back(
      {file_, at.line, at.column, std::move(pointer), std::move(found), std::move(message)});
}

std::vector<Diagnostic> Report::TakeErrors() { return InOrder(std::move(errors_)); }
std::vector<Diagnostic> Report::TakeWarnings() { return InOrder(std::move(warnings_)); }

}  // namespace resolve64::config
