// A JSON text as a tree that knows where each of its parts stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace resolve64::config {

/// A place in a text, both from 1; a column is a character, not an octet.
struct Position {
  int line = 0;
  int column = 0;
};

struct Member;

/// One value. The tree stays where it was made: its nodes point at their parents.
struct Node {
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kReal, kText, kList, kObject };
  Kind kind = Kind::kNull;
  Position at;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  ///< of a text; of a real number as it was written
  std::vector<Node> items;
  std::vector<Member> members;

  bool ok = true;                  ///< false once something was reported about it: do not use it
  const Node* parent = nullptr;    ///< null for the root
  const Member* member = nullptr;  ///< what holds it, where the parent is an object
  std::size_t index = 0;           ///< its place, where the parent is a list

  /// The first member of that name that is ok; null where there is none.
  [[nodiscard]] const Node* Find(std::string_view key) const;
  /// The RFC 6901 pointer; long keys are shortened.
  [[nodiscard]] std::string Pointer() const;
  /// The value as JSON on one line, shortened; lists and objects that hold something are only
  /// hinted at.
  [[nodiscard]] std::string Found() const;
};

/// A key with its value. The same key may come twice: that is for the caller to see.
struct Member {
  std::string key;
  Position at;  ///< of the key
  Node value;
};

/// A text in double quotes, special characters escaped, cut after some 60 characters.
std::string Quoted(std::string_view text);

/// What ParseTree() gives: a tree, or where and why there is none.
struct Tree {
  std::unique_ptr<Node> root;  ///< null where the text is no JSON
  Position error_at;
  std::string error;
};

/// RFC 8259 and `//` and `/* */` comments. Lists and objects nest 32 deep at most.
Tree ParseTree(std::string_view text);

}  // namespace resolve64::config
