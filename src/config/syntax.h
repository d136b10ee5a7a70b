// The tokens of a JSON text with comments: where they stand, and what is wrong with their order.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/json_tree.h"

namespace resolve64::config {

/// One token: a text with its quotes, a word (number, true, anything unquoted), one character of
/// punctuation, or nothing at the end.
struct Token {
  enum class Kind : unsigned char { kText, kWord, kPunctuation, kBadComment, kEnd };
  Kind kind = Kind::kEnd;
  std::size_t offset = 0;
  std::string_view text;
  Position at;
};

/// Walks over a text. It never fails: what is no JSON comes out as words.
class Scanner {
 public:
  explicit Scanner(std::string_view text);
  Token Next();

 private:
  void Skip(std::size_t octets);  // moves on, counting lines and characters
  bool SkipBlanks();              // false at a comment that does not end

  std::string_view text_;
  std::size_t offset_ = 0;
  Position at_{1, 1};
};

/// Where the octet `offset` of `text` stands.
Position PositionOf(std::string_view text, std::size_t offset);

/// What is wrong with a text that the parser gave up on at the octet `offset`, in words for people.
struct SyntaxError {
  Position at;
  std::string message;
};
SyntaxError ExplainSyntax(std::string_view text, std::size_t offset);

}  // namespace resolve64::config
