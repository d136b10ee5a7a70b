#include "config/check.h"

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/keys.h"
#include "config/values.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/prefix.h"

namespace resolve64::config {
namespace {

constexpr std::uint32_t kTextForms = kSize | kTime | kSeconds | kWord | kText | kPath | kAddress |
                                     kIpv6 | kEndpoint | kNetwork4 | kNetwork6 | kClients | kName |
                                     kPrefix | kViewName | kMoment | kHost;

std::string QuotedList(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 < words.size() ? ", " : " and ";
    text += words[i];
  }
  return text;
}

// Empty where `text` is a network; `want_v6` says of which family.
std::string WrongNetwork(std::string_view text, std::optional<bool> want_v6) {
  const auto network = Network::Parse(text);
  if (!network) return network.error().text;
  if (want_v6 && network->base().is_v6() != *want_v6) {
    return *want_v6 ? "expected an IPv6 network" : "expected an IPv4 network";
  }
  return {};
}

std::string WrongEndpoint(std::string_view text) {
  if (!IpAddress::Parse(text.substr(0, text.find('@')))) {
    return "expected an address or address@port";
  }
  const auto endpoint = Endpoint::Parse(text, 53);
  return endpoint && endpoint->port != 0 ? "" : "a port is a number from 1 to 65535";
}

// What is wrong with a text in one of the forms that are written as text; empty where nothing is.
std::string WrongText(const Key& key, std::uint32_t form, std::string_view text) {
  switch (form) {
    case kAddress:
      return IpAddress::Parse(text) ? "" : "expected " + Expectation(key);
    case kIpv6:
      return ParseIpv6(text) ? "" : "expected " + Expectation(key);
    case kEndpoint:
      return WrongEndpoint(text);
    case kNetwork4:
      return WrongNetwork(text, false);
    case kNetwork6:
      return WrongNetwork(text, true);
    case kNetwork4 | kNetwork6:
      return WrongNetwork(text, std::nullopt);
    case kClients: {
      if (ParseClients(text)) return {};
      const bool word = text.find_first_of("0123456789:./") == std::string_view::npos;
      return word ? "expected " + Expectation(key) : WrongNetwork(text, std::nullopt);
    }
    case kName: {
      const auto name = Name::Parse(text);
      return name ? "" : name.error().text;
    }
    case kPrefix: {
      const auto prefix = Prefix::Parse(text);
      return prefix ? "" : prefix.error().text;
    }
    case kViewName:
      return IsViewName(text) ? "" : "a view's name is letters, digits, - and _, 63 at most";
    case kMoment:
      return ParseMoment(text) ? "" : "expected " + Expectation(key);
    case kHost:
      return IpAddress::Parse(text) || HostName(text) ? "" : "expected " + Expectation(key);
    case kPath:
    case kText:
      return text.empty() ? "expected " + Expectation(key) : "";
    default:
      return "expected " + Expectation(key);
  }
}

class Checker {
 public:
  explicit Checker(Report& report) : report_(report) {}

  void Root(Node& root) {
    if (root.kind != Node::Kind::kObject) {
      report_.Error(root, "expected an object: the configuration is { \"key\": value, ... }");
      return;
    }
    Object(root, "");
  }

 private:
  void Value(Node& node, const Key& key, const std::string& pattern) {
    if (report_.full()) return;
    if (!Available(node, key)) {
      report_.Error(node, NotAvailable(key));
      // What is inside is still held against the table: a slip there is one in every build.
      Inside(node, key, pattern);
      return;
    }
    if (std::string wrong = Wrong(node, key); !wrong.empty()) {
      report_.Error(node, std::move(wrong));
    }
    if (node.ok) Inside(node, key, pattern);
  }

  void Inside(Node& node, const Key& key, const std::string& pattern) {
    if (node.kind == Node::Kind::kObject && (key.forms & kObject) != 0) {
      Object(node, pattern);
    } else if (node.kind == Node::Kind::kObject && (key.forms & kMap) != 0) {
      Map(node, pattern);
    } else if (node.kind == Node::Kind::kList && (key.forms & kList) != 0) {
      const std::string items = pattern + "/*";
      if (const Key* item = FindKey(items)) {
        for (Node& child : node.items) Value(child, *item, items);
      }
    }
  }

  void Object(Node& node, const std::string& pattern) {
    const std::vector<const Key*> known = KeysIn(pattern);
    std::unordered_map<std::string_view, const Member*> seen;
    for (Member& member : node.members) {
      if (report_.full()) return;
      if (Twice(member, seen)) continue;
      const std::string inner = pattern + "/" + member.key;
      const Key* key =
          member.key == "*" || member.key.find('/') != std::string::npos ? nullptr : FindKey(inner);
      if (key == nullptr) {
        report_.KeyError(member, Unknown(member.key, known));
      } else {
        Value(member.value, *key, inner);
      }
    }
    for (const Key* key : known) {
      if (!key->required) continue;
      const std::string_view name = key->pattern.substr(key->pattern.rfind('/') + 1);
      if (!seen.contains(name)) {
        report_.Error(node,
                      "\"" + std::string(name) + "\" is missing; expected " + Expectation(*key));
      }
    }
  }

  void Map(Node& node, const std::string& pattern) {
    std::unordered_map<std::string_view, const Member*> seen;
    const std::string items = pattern + "/*";
    for (Member& member : node.members) {
      if (Twice(member, seen)) continue;
      if (!IsViewName(member.key)) {
        report_.KeyError(member, "a view's name is letters, digits, - and _, 63 at most");
      } else {
        Value(member.value, *FindKey(items), items);
      }
    }
  }

  bool Twice(Member& member, std::unordered_map<std::string_view, const Member*>& seen) {
    const auto [first, is_new] = seen.emplace(member.key, &member);
    if (is_new) return false;
    report_.KeyError(member, "given twice; it stands on line " +
                                 std::to_string(first->second->at.line) + " too");
    return true;
  }

  static std::string Unknown(std::string_view name, const std::vector<const Key*>& known) {
    std::vector<std::string_view> siblings;
    siblings.reserve(known.size());
    for (const Key* key : known) {
      siblings.push_back(key->pattern.substr(key->pattern.rfind('/') + 1));
    }
    if (const std::string_view nearest = Nearest(name, siblings); !nearest.empty()) {
      return "unknown key; did you mean " + Quoted(nearest) + "?";
    }
    for (const Key& key : Keys()) {
      const std::size_t slash = key.pattern.rfind('/');
      if (key.pattern.substr(slash + 1) == name && name != "*") {
        const std::string_view place = key.pattern.substr(0, slash);
        return "unknown key here; there is one in " +
               (place.empty() ? "the outermost object" : std::string(place));
      }
    }
    return "unknown key";
  }

  static bool Available(const Node& node, const Key& key) {
    if (key.available.empty()) return true;
    if (key.available == kNothing) return false;
    // A value of a wrong form, or a word that no build knows, is told as such.
    if (!FormFits(node, key)) return true;
    for (const std::string_view value : Parts(key.available)) {
      if (node.Found() == value) return true;
    }
    return !Wrong(node, key).empty();
  }

  static std::string NotAvailable(const Key& key) {
    std::string text = "not available in this build";
    if (key.available != kNothing) {
      const auto values = Parts(key.available);
      text += "; " + QuotedList(values) + (values.size() == 1 ? " is" : " are");
    }
    return text;
  }

  static bool FormFits(const Node& node, const Key& key) {
    switch (node.kind) {
      case Node::Kind::kNull:
        return (key.forms & kNull) != 0;
      case Node::Kind::kBool:
        return (key.forms & kBool) != 0;
      case Node::Kind::kInteger:
        return (key.forms & (kCount | kSize | kTime | kSeconds)) != 0;
      case Node::Kind::kReal:
        return (key.forms & (kTime | kSeconds)) != 0;
      case Node::Kind::kText:
        return (key.forms & kTextForms) != 0;
      case Node::Kind::kList:
        return (key.forms & kList) != 0;
      case Node::Kind::kObject:
        break;
    }
    return (key.forms & (kObject | kMap)) != 0;
  }

  // What is wrong with the value itself, not with what is inside it; empty where nothing is.
  static std::string Wrong(const Node& node, const Key& key) {
    if (!FormFits(node, key)) return "expected " + Expectation(key);
    switch (node.kind) {
      case Node::Kind::kInteger:
      case Node::Kind::kReal:
        return WrongNumber(node, key);
      case Node::Kind::kText:
        return WrongTextOf(node, key);
      case Node::Kind::kList:
        return WrongLength(node, key);
      default:
        return {};
    }
  }

  static std::string WrongNumber(const Node& node, const Key& key) {
    const bool time = (key.forms & (kTime | kSeconds)) != 0;
    const double number =
        node.kind == Node::Kind::kInteger ? static_cast<double>(node.integer) : node.real;
    const double value = time ? number * 1000 : number;
    const bool fine = value >= static_cast<double>(key.min) &&
                      value <= static_cast<double>(key.max) &&
                      ((key.forms & kSeconds) == 0 || number == std::floor(number));
    return fine ? "" : "expected " + Expectation(key);
  }

  static std::string WrongTextOf(const Node& node, const Key& key) {
    for (const std::string_view word : Parts(key.words)) {
      if (node.text == word) return {};
    }
    const std::uint32_t forms = key.forms & kTextForms & ~std::uint32_t{kWord};
    if ((forms & (kSize | kTime | kSeconds)) != 0) {
      const auto value = (forms & kSize) != 0 ? ParseSize(node.text) : ParseTime(node.text);
      const bool fine = value && *value >= key.min && *value <= key.max &&
                        ((forms & kSeconds) == 0 || *value % 1000 == 0);
      return fine ? "" : "expected " + Expectation(key);
    }
    return WrongText(key, forms, node.text);
  }

  static std::string WrongLength(const Node& node, const Key& key) {
    const auto size = static_cast<std::int64_t>(node.items.size());
    if (size == 0 && key.min > 0 && key.pattern == "/dns64/prefixes") {
      return "a DNS64 has a prefix: remove the key for 64:ff9b::/96, or set \"enabled\" to false "
             "(RFC 6147 section 5.2)";
    }
    if (size < key.min) return "expected a list that is not empty";
    if (size > key.max) return "a list of at most " + std::to_string(key.max);
    return {};
  }

  Report& report_;
};

}  // namespace

void CheckTree(Node& root, Report& report) { Checker(report).Root(root); }

}  // namespace resolve64::config
