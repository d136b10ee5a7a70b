// Takes checked values out of a tree into plain ones.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/json_tree.h"
#include "config/values.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"

namespace resolve64::config {

// Each leaves `out` alone where the object has no such key, or one that was reported.

inline void Take(const Node& object, std::string_view key, bool& out) {
  if (const Node* node = object.Find(key)) out = node->boolean;
}

template <class Unsigned>
void TakeCount(const Node& object, std::string_view key, Unsigned& out) {
  if (const Node* node = object.Find(key)) out = static_cast<Unsigned>(node->integer);
}

inline void Take(const Node& object, std::string_view key, std::string& out) {
  if (const Node* node = object.Find(key)) out = node->text;
}

/// A point in time as seconds since 1970; nothing where it is null.
inline void TakeMoment(const Node& object, std::string_view key, std::optional<std::int64_t>& out) {
  if (const Node* node = object.Find(key)) out = ParseMoment(node->text);
}

/// A time as milliseconds, or as what they convert to.
template <class Duration>
void TakeTime(const Node& object, std::string_view key, Duration& out) {
  const Node* node = object.Find(key);
  if (node == nullptr) return;
  std::int64_t milliseconds = 0;
  if (node->kind == Node::Kind::kText) {
    milliseconds = ParseTime(node->text).value_or(0);
  } else {
    const double seconds =
        node->kind == Node::Kind::kReal ? node->real : static_cast<double>(node->integer);
    milliseconds = static_cast<std::int64_t>(seconds * 1000);
  }
  out = std::chrono::duration_cast<Duration>(std::chrono::milliseconds(milliseconds));
}

/// A word as the enumerator that stands for it in `words`.
template <class Enum, std::size_t N>
void TakeWord(const Node& object, std::string_view key,
              const std::pair<std::string_view, Enum> (&words)[N], Enum& out) {
  const Node* node = object.Find(key);
  if (node == nullptr) return;
  for (const auto& [word, value] : words) {
    if (node->text == word) out = value;
  }
}

/// The items of a list that are ok, each through `read`, which gives a Result or an optional.
template <class Item, class Read>
void TakeList(const Node& object, std::string_view key, std::vector<Item>& out, Read read) {
  const Node* node = object.Find(key);
  if (node == nullptr) return;
  out.clear();
  for (const Node& item : node->items) {
    if (!item.ok) continue;
    if (auto value = read(item)) out.push_back(std::move(*value));
  }
}

inline void Take(const Node& object, std::string_view key, std::vector<Network>& out) {
  TakeList(object, key, out, [](const Node& item) { return Network::Parse(item.text); });
}

inline void Take(const Node& object, std::string_view key, std::vector<Name>& out) {
  TakeList(object, key, out, [](const Node& item) { return Name::Parse(item.text); });
}

/// Networks where "private" and "any" stand for several.
inline void TakeClients(const Node& object, std::string_view key, std::vector<Network>& out) {
  const Node* node = object.Find(key);
  if (node == nullptr) return;
  out.clear();
  for (const Node& item : node->items) {
    if (!item.ok) continue;
    if (const auto networks = ParseClients(item.text)) {
      out.insert(out.end(), networks->begin(), networks->end());
    }
  }
}

}  // namespace resolve64::config
