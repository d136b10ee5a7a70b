#include "config/json_tree.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/syntax.h"

namespace resolve64::config {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxShown = 60;       // octets of a value in a diagnostic
constexpr std::size_t kMaxPointerKey = 80;  // octets of one key in a pointer

// `text` cut to `limit` octets, never inside a UTF-8 character.
std::string_view Cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80) --limit;
  return text.substr(0, limit);
}

bool IsMark(char c) { return c == ':' || c == ',' || c == ']' || c == '}'; }

// Builds the tree. The parser gives no positions; its events come in the order of the tokens, so
// that a scanner of our own, moved on one token with each event, has them.
class Builder {
 public:
  explicit Builder(std::string_view text) : text_(text), scanner_(text) {}

  // The names that nlohmann::json::sax_parse() calls.
  bool null() { return Add(Node::Kind::kNull); }
  bool boolean(bool value) {
    const bool added = Add(Node::Kind::kBool);
    last_->boolean = value;
    return added;
  }
  bool number_integer(std::int64_t value) {
    const bool added = Add(Node::Kind::kInteger);
    last_->integer = value;
    return added;
  }
  bool number_unsigned(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return number_integer(static_cast<std::int64_t>(value));
    }
    return number_float(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(double value, const std::string& text) {
    const bool added = Add(Node::Kind::kReal);
    last_->real = value;
    last_->text = text;
    return added;
  }
  bool string(std::string& value) {
    const bool added = Add(Node::Kind::kText);
    last_->text = std::move(value);
    return added;
  }
  bool binary(const nlohmann::json::binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*size*/) { return Open(Node::Kind::kObject); }
  bool start_array(std::size_t /*size*/) { return Open(Node::Kind::kList); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& value) {
    const Position at = NextToken();
    open_.back()->members.push_back(Member{std::move(value), at, {}});
    return true;
  }
  bool parse_error(std::size_t offset, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) {
    SyntaxError error = ExplainSyntax(text_, offset);
    tree_.error_at = error.at;
    tree_.error = std::move(error.message);
    return false;
  }

  Tree Finish(bool parsed) {
    if (parsed) tree_.root = std::move(root_);
    return std::move(tree_);
  }

 private:
  Position NextToken() {
    Token token = scanner_.Next();
    while (token.kind == Token::Kind::kPunctuation && IsMark(token.text[0])) {
      token = scanner_.Next();
    }
    return token.at;
  }

  bool Add(Node::Kind kind) {
    const Position at = NextToken();
    if (open_.empty()) {
      root_ = std::make_unique<Node>();
      last_ = root_.get();
    } else if (open_.back()->kind == Node::Kind::kObject) {
      last_ = &open_.back()->members.back().value;
    } else {
      last_ = &open_.back()->items.emplace_back();
    }
    last_->kind = kind;
    last_->at = at;
    return true;
  }

  bool Open(Node::Kind kind) {
    Add(kind);
    if (open_.size() == kMaxDepth) {
      tree_.error_at = last_->at;
      tree_.error = "lists and objects nest " + std::to_string(kMaxDepth) + " deep at most";
      return false;
    }
    open_.push_back(last_);
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  Scanner scanner_;
  std::unique_ptr<Node> root_;
  // Stable while it is on the stack: a list or an object grows only at its end, by its last part.
  std::vector<Node*> open_;
  Node* last_ = nullptr;
  Tree tree_;
};

void Link(Node& node) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    node.items[i].parent = &node;
    node.items[i].index = i;
    Link(node.items[i]);
  }
  for (Member& member : node.members) {
    member.value.parent = &node;
    member.value.member = &member;
    Link(member.value);
  }
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (const Member& candidate : members) {
    if (candidate.value.ok && candidate.key == key) return &candidate.value;
  }
  return nullptr;
}

std::string Node::Pointer() const {
  std::vector<const Node*> path;
  for (const Node* node = this; node->parent != nullptr; node = node->parent) path.push_back(node);
  std::reverse(path.begin(), path.end());
  std::string pointer;
  for (const Node* node : path) {
    pointer += '/';
    if (node->member == nullptr) {
      pointer += std::to_string(node->index);
      continue;
    }
    const std::string_view key = node->member->key;
    for (const char c : Cut(key, kMaxPointerKey)) {
      if (c == '~') {
        pointer += "~0";
      } else if (c == '/') {
        pointer += "~1";
      } else {
        pointer += c;
      }
    }
    if (key.size() > kMaxPointerKey) pointer += "...";
  }
  return pointer;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : Cut(text, kMaxShown)) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  quoted += text.size() > kMaxShown ? "...\"" : "\"";
  return quoted;
}

std::string Node::Found() const {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return boolean ? "true" : "false";
    case Kind::kInteger:
      return std::to_string(integer);
    case Kind::kReal:
      return std::string(Cut(text, kMaxShown));
    case Kind::kText:
      return Quoted(text);
    case Kind::kList:
      return items.empty() ? "[]" : "[...]";
    case Kind::kObject:
      break;
  }
  return members.empty() ? "{}" : "{...}";
}

Tree ParseTree(std::string_view text) {
  // The parser takes a NUL for the end of its input.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return Tree{nullptr, PositionOf(text, nul), "a NUL character: this is no JSON text"};
  }
  Builder builder(text);
  const bool parsed =
      nlohmann::json::sax_parse(text, &builder, nlohmann::json::input_format_t::json,
                                /*strict=*/true, /*ignore_comments=*/true);
  Tree tree = builder.Finish(parsed);
  if (tree.root) Link(*tree.root);
  return tree;
}

}  // namespace resolve64::config
