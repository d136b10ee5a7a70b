#include "config/syntax.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace resolve64::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsPunctuation(char c) { return std::string_view("{}[]:,").find(c) != std::string_view::npos; }

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t Digits(std::string_view word, std::size_t from) {
  while (from < word.size() && IsDigit(word[from])) ++from;
  return from;
}

// RFC 8259 section 6.
bool IsNumber(std::string_view word) {
  std::size_t at = word.substr(0, 1) == "-" ? 1 : 0;
  std::size_t end = Digits(word, at);
  if (end == at || (word[at] == '0' && end > at + 1)) return false;
  at = end;
  if (at < word.size() && word[at] == '.') {
    end = Digits(word, at + 1);
    if (end == at + 1) return false;
    at = end;
  }
  if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
    ++at;
    if (at < word.size() && (word[at] == '+' || word[at] == '-')) ++at;
    end = Digits(word, at);
    if (end == at) return false;
    at = end;
  }
  return at == word.size();
}

std::string WhatIsWrongWithWord(std::string_view word) {
  if (word[0] == '\'') return "texts and keys stand in double quotes";
  if (word == "True" || word == "TRUE" || word == "yes" || word == "on") return "write true";
  if (word == "False" || word == "FALSE" || word == "no" || word == "off") return "write false";
  if (word == "None" || word == "NULL" || word == "Null" || word == "nil") return "write null";
  if (word[0] == '#') return "a comment begins with // or stands between /* and */";
  if (IsDigit(word[0]) || word[0] == '-' || word[0] == '+' || word[0] == '.') {
    return "no JSON number; sizes and times with a unit stand in double quotes";
  }
  return "expected a value; texts stand in double quotes";
}

bool IsWholeText(std::string_view text) {
  if (text.size() < 2 || text.back() != '"') return false;
  std::size_t at = 1;
  while (at + 1 < text.size()) at += text[at] == '\\' ? 2 : 1;
  return at + 1 == text.size();
}

void Count(std::string_view text, Position& at) {
  for (const char c : text) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80) {  // not inside a UTF-8 character
      ++at.column;
    }
  }
}

// The grammar of RFC 8259 over tokens, only as far as it takes to say what was expected.
class Grammar {
 public:
  // Empty while the tokens so far can be the start of a JSON text.
  std::string Take(const Token& token) {
    switch (token.kind) {
      case Token::Kind::kEnd:
        return AtEnd();
      case Token::Kind::kBadComment:
        return token.text.substr(0, 2) == "/*" ? "a comment that is not closed: expected */"
                                               : "expected // or /* for a comment";
      case Token::Kind::kText:
        return TakeText(token.text);
      case Token::Kind::kWord:
        return TakeWord(token.text);
      case Token::Kind::kPunctuation:
        break;
    }
    return TakePunctuation(token.text[0]);
  }

 private:
  enum class Expect : unsigned char {
    kValue,
    kFirstItem,
    kKey,
    kFirstKey,
    kColon,
    kMore,
    kNothing
  };

  [[nodiscard]] std::string Wanted() const {
    switch (expect_) {
      case Expect::kValue:
        return "expected a value";
      case Expect::kFirstItem:
        return "expected a value or ]";
      case Expect::kKey:
        return "expected a key in double quotes";
      case Expect::kFirstKey:
        return "expected a key in double quotes or }";
      case Expect::kColon:
        return "expected a colon after the key";
      case Expect::kMore:
        return open_.back() == '{' ? "expected a comma or }" : "expected a comma or ]";
      case Expect::kNothing:
        break;
    }
    return "expected nothing after the end of the configuration";
  }

  [[nodiscard]] bool WantsValue() const {
    return expect_ == Expect::kValue || expect_ == Expect::kFirstItem;
  }
  [[nodiscard]] bool WantsKey() const {
    return expect_ == Expect::kKey || expect_ == Expect::kFirstKey;
  }

  std::string AtEnd() const {
    if (expect_ == Expect::kNothing) return {};
    if (open_.empty()) return "the file holds nothing: {} is the least";
    return std::string("the file ends too early: ") + Wanted();
  }

  void AfterValue() { expect_ = open_.empty() ? Expect::kNothing : Expect::kMore; }

  std::string TakeText(std::string_view text) {
    if (!WantsKey() && !WantsValue()) return Wanted();
    if (!IsWholeText(text))
      return "a text that is not closed: expected a double quote on this line";
    if (WantsKey()) {
      expect_ = Expect::kColon;
    } else {
      AfterValue();
    }
    return {};
  }

  std::string TakeWord(std::string_view word) {
    if (!WantsValue()) {
      return WantsKey() && word[0] == '\'' ? WhatIsWrongWithWord(word) : Wanted();
    }
    if (word != "true" && word != "false" && word != "null" && !IsNumber(word)) {
      return WhatIsWrongWithWord(word);
    }
    AfterValue();
    return {};
  }

  std::string TakePunctuation(char c) {
    switch (c) {
      case '{':
      case '[':
        if (!WantsValue()) return Wanted();
        open_.push_back(c);
        expect_ = c == '{' ? Expect::kFirstKey : Expect::kFirstItem;
        return {};
      case '}':
      case ']':
        return Close(c);
      case ':':
        if (expect_ != Expect::kColon) return Wanted();
        expect_ = Expect::kValue;
        return {};
      default:
        if (expect_ != Expect::kMore) return Wanted();
        expect_ = open_.back() == '{' ? Expect::kKey : Expect::kValue;
        return {};
    }
  }

  std::string Close(char c) {
    const char opened = c == '}' ? '{' : '[';
    if (open_.empty() || open_.back() != opened) return Wanted();
    const bool may =
        expect_ == Expect::kMore || expect_ == (c == '}' ? Expect::kFirstKey : Expect::kFirstItem);
    if (!may) {
      const bool comma = expect_ == Expect::kKey || (expect_ == Expect::kValue && c == ']');
      return comma ? Wanted() + " after the comma, or no comma" : Wanted();
    }
    open_.pop_back();
    AfterValue();
    return {};
  }

  std::vector<char> open_;
  Expect expect_ = Expect::kValue;
};

std::string WhatIsWrongWithText(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      return "a control character in a text: write it as an escape such as \\t";
    }
  }
  return "a text with a bad escape or with octets that are not UTF-8";
}

}  // namespace

Scanner::Scanner(std::string_view text) : text_(text) {
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) offset_ = kByteOrderMark.size();
}

void Scanner::Skip(std::size_t octets) {
  Count(text_.substr(offset_, octets), at_);
  offset_ += octets;
}

bool Scanner::SkipBlanks() {
  while (offset_ < text_.size()) {
    if (IsBlank(text_[offset_])) {
      Skip(1);
      continue;
    }
    const std::string_view rest = text_.substr(offset_);
    if (rest[0] != '/') return true;
    if (rest.substr(0, 2) == "//") {
      Skip(std::min(rest.find_first_of("\r\n"), rest.size()));
    } else if (rest.substr(0, 2) == "/*") {
      const std::size_t end = rest.find("*/", 2);
      if (end == std::string_view::npos) return false;
      Skip(end + 2);
    } else {
      return false;
    }
  }
  return true;
}

Token Scanner::Next() {
  Token token;
  const bool whole = SkipBlanks();
  token.offset = offset_;
  token.at = at_;
  const std::string_view rest = text_.substr(offset_);
  if (rest.empty()) return token;
  std::size_t size = 1;
  if (!whole) {
    token.kind = Token::Kind::kBadComment;
    size = rest.size();
  } else if (IsPunctuation(rest[0])) {
    token.kind = Token::Kind::kPunctuation;
  } else if (rest[0] == '"') {
    token.kind = Token::Kind::kText;
    while (size < rest.size() && rest[size] != '"' && rest[size] != '\n') {
      size += rest[size] == '\\' && size + 1 < rest.size() && rest[size + 1] != '\n' ? 2 : 1;
    }
    if (size < rest.size() && rest[size] == '"') ++size;
  } else {
    token.kind = Token::Kind::kWord;
    while (size < rest.size() && !IsBlank(rest[size]) && !IsPunctuation(rest[size]) &&
           rest[size] != '"' && rest[size] != '/') {
      ++size;
    }
  }
  token.text = rest.substr(0, size);
  Skip(size);
  return token;
}

Position PositionOf(std::string_view text, std::size_t offset) {
  Position at{1, 1};
  Count(text.substr(0, offset), at);
  return at;
}

SyntaxError ExplainSyntax(std::string_view text, std::size_t offset) {
  Scanner scanner(text);
  Grammar grammar;
  while (true) {
    const Token token = scanner.Next();
    if (std::string message = grammar.Take(token); !message.empty()) {
      return {token.at, std::move(message)};
    }
    // The grammar has no quarrel with this token, but the parser stopped inside it.
    if (token.kind == Token::Kind::kEnd || token.offset + token.text.size() >= offset) {
      return {token.at, token.kind == Token::Kind::kText ? WhatIsWrongWithText(token.text)
                                                         : "a number out of range"};
    }
  }
}

}  // namespace resolve64::config
