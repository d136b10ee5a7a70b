#include "resolve64/name.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hash.h"

namespace resolve64 {
namespace {

constexpr std::size_t kMaxLabels = 127;  // (255 - 1) / 2: one octet each
constexpr int kMaxJumps = 127;           // more pointers than a name has labels lead nowhere
constexpr std::uint8_t kPointer = 0xc0;  // RFC 1035 section 4.1.4

Error BadName(std::string text) { return Error{Errc::kBadName, std::move(text)}; }

// Letter case aside. REQUIRES: both have `size` octets.
bool EqualFolded(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) noexcept {
  if (std::memcmp(a, b, size) == 0) return true;
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    if (FoldCase(LoadWord(a + at)) != FoldCase(LoadWord(b + at))) return false;
  }
  return FoldCase(LoadWord(a + at, size - at)) == FoldCase(LoadWord(b + at, size - at));
}

// Where each label starts, and how many there are, without the root.
struct Labels {
  explicit Labels(const std::uint8_t* wire) noexcept {
    for (std::size_t at = 0; wire[at] != 0; at += wire[at] + std::size_t{1}) {
      starts[count++] = static_cast<std::uint8_t>(at);
    }
  }
  std::array<std::uint8_t, kMaxLabels> starts;  // only the first `count` are set
  std::size_t count = 0;
};

std::strong_ordering CompareLabels(const std::uint8_t* a, const std::uint8_t* b) noexcept {
  const std::size_t both = std::min(*a, *b);
  for (std::size_t i = 1; i <= both; ++i) {
    const auto order = FoldCase(a[i]) <=> FoldCase(b[i]);
    if (std::is_neq(order)) return order;
  }
  return *a <=> *b;
}

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsGraphic(std::uint8_t octet) { return octet > 0x20 && octet < 0x7f; }

// What \DDD or \X at the start of `text` stands for; it is taken away. Empty where it is neither.
std::optional<std::uint8_t> TakeEscape(std::string_view& text) {
  if (text.size() < 2) return std::nullopt;
  if (!IsDigit(text[1])) {
    const auto octet = static_cast<std::uint8_t>(text[1]);
    if (!IsGraphic(octet) && octet != ' ') return std::nullopt;
    text.remove_prefix(2);
    return octet;
  }
  if (text.size() < 4 || !IsDigit(text[2]) || !IsDigit(text[3])) return std::nullopt;
  const int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
  if (value > 255) return std::nullopt;
  text.remove_prefix(4);
  return static_cast<std::uint8_t>(value);
}

// Octets that mean something in a zone file (RFC 1035 section 5.1).
constexpr bool IsSpecial(std::uint8_t octet) {
  return octet == '.' || octet == '\\' || octet == '"' || octet == ';' || octet == '@' ||
         octet == '$' || octet == '(' || octet == ')';
}

void AppendEscaped(std::uint8_t octet, std::string& text) {
  if (!IsGraphic(octet)) {
    text += '\\';
    text += static_cast<char>('0' + octet / 100);
    text += static_cast<char>('0' + octet / 10 % 10);
    text += static_cast<char>('0' + octet % 10);
    return;
  }
  if (IsSpecial(octet)) text += '\\';
  text += static_cast<char>(octet);
}

}  // namespace

Result<Name> Name::Parse(std::string_view text) {
  Name name;
  if (text == ".") return name;
  if (text.empty()) return BadName("a domain name is not empty; the root is \".\"");

  std::size_t label = 0;  // where the length octet of the open label goes
  std::size_t end = 1;
  const auto close = [&]() -> const char* {
    const std::size_t size = end - label - 1;
    if (size == 0) return "a domain name has no empty label";
    if (size > kMaxLabel) return "a label has at most 63 octets (RFC 1035 section 3.1)";
    name.octets_[label] = static_cast<std::uint8_t>(size);
    label = end;
    if (++end > kMaxLength) return "a domain name has at most 255 octets (RFC 1035 section 3.1)";
    return nullptr;
  };

  while (!text.empty()) {
    if (text.front() == '.') {
      text.remove_prefix(1);
      if (const char* wrong = close()) return BadName(wrong);
      continue;
    }
    auto octet = static_cast<std::uint8_t>(text.front());
    if (octet == '\\') {
      const auto escaped = TakeEscape(text);
      if (!escaped) return BadName("after a backslash comes a character or 000 to 255");
      octet = *escaped;
    } else {
      if (!IsGraphic(octet)) {
        return BadName("a domain name is written in ASCII: other octets as \\DDD, IDNs as xn--");
      }
      text.remove_prefix(1);
    }
    if (end >= kMaxLength) {
      return BadName("a domain name has at most 255 octets (RFC 1035 section 3.1)");
    }
    name.octets_[end++] = octet;
  }
  // Without the final dot the last label is still open.
  if (end - label > 1) {
    if (const char* wrong = close()) return BadName(wrong);
  }
  name.octets_[label] = 0;
  name.length_ = static_cast<std::uint8_t>(label + 1);
  return name;
}

Result<Name> Name::FromWire(std::span<const std::uint8_t> octets) {
  std::size_t at = 0;
  while (true) {
    if (at >= octets.size()) return BadName("the octets end inside a domain name");
    const std::uint8_t size = octets[at];
    if (size > kMaxLabel) return BadName("a label has at most 63 octets (RFC 1035 section 3.1)");
    at += std::size_t{1} + size;
    if (at > kMaxLength) {
      return BadName("a domain name has at most 255 octets (RFC 1035 section 3.1)");
    }
    if (size == 0) break;
  }
  Name name;
  std::memcpy(name.octets_.data(), octets.data(), at);
  name.length_ = static_cast<std::uint8_t>(at);
  return name;
}

bool Name::Decompress(std::span<const std::uint8_t> message, std::size_t& offset, Name& out) {
  std::size_t at = offset;
  std::size_t start = offset;  // of the run of labels being read
  std::size_t after = 0;       // past the first pointer, once there was one
  std::size_t length = 0;
  int jumps = 0;
  // Whatever happens below, `out` is a name.
  out.length_ = 1;
  const auto refuse = [&out] {
    out.octets_[0] = 0;
    return false;
  };
  while (at < message.size()) {
    const std::uint8_t size = message[at];
    if (size <= kMaxLabel) {
      const std::size_t whole = std::size_t{1} + size;
      if (whole > message.size() - at || length + whole > kMaxLength) return refuse();
      std::memcpy(out.octets_.data() + length, message.data() + at, whole);
      length += whole;
      at += whole;
      if (size != 0) continue;
      out.length_ = static_cast<std::uint8_t>(length);
      offset = jumps == 0 ? at : after;
      return true;
    }
    if ((size & kPointer) != kPointer || message.size() - at < 2) return refuse();
    const std::size_t target = (size & ~std::size_t{kPointer}) << 8 | message[at + 1];
    if (jumps == 0) after = at + 2;
    // Before the run it ends: a pointer into its own run would come back to itself.
    if (target >= start || ++jumps > kMaxJumps) return refuse();
    at = target;
    start = target;
  }
  return refuse();
}

std::size_t Name::LabelCount() const noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; octets_[at] != 0; at += octets_[at] + std::size_t{1}) ++count;
  return count;
}

std::string_view Name::FirstLabel() const noexcept {
  return {reinterpret_cast<const char*>(octets_.data()) + 1, octets_[0]};
}

bool Name::IsAtOrBelow(const Name& ancestor) const noexcept {
  if (length_ < ancestor.length_) return false;
  const std::size_t cut = std::size_t{length_} - ancestor.length_;
  std::size_t at = 0;
  while (at < cut) at += octets_[at] + std::size_t{1};
  return at == cut && EqualFolded(octets_.data() + cut, ancestor.octets_.data(), ancestor.length_);
}

Name Name::Parent(std::size_t labels) const noexcept {
  std::size_t at = 0;
  for (; labels > 0 && octets_[at] != 0; --labels) at += octets_[at] + std::size_t{1};
  Name parent;
  parent.length_ = static_cast<std::uint8_t>(length_ - at);
  std::memcpy(parent.octets_.data(), octets_.data() + at, parent.length_);
  return parent;
}

Result<Name> Name::Prepend(std::string_view label) const {
  if (label.empty()) return BadName("a domain name has no empty label");
  if (label.size() > kMaxLabel) {
    return BadName("a label has at most 63 octets (RFC 1035 section 3.1)");
  }
  const std::size_t length = length_ + label.size() + 1;
  if (length > kMaxLength) {
    return BadName("a domain name has at most 255 octets (RFC 1035 section 3.1)");
  }
  Name name;
  name.octets_[0] = static_cast<std::uint8_t>(label.size());
  std::memcpy(name.octets_.data() + 1, label.data(), label.size());
  std::memcpy(name.octets_.data() + 1 + label.size(), octets_.data(), length_);
  name.length_ = static_cast<std::uint8_t>(length);
  return name;
}

Result<Name> Name::Rebase(const Name& owner, const Name& target) const {
  const std::size_t kept = std::size_t{length_} - owner.length_;
  if (kept + target.length_ > kMaxLength) {
    return Error{Errc::kTooLong, "the substituted name has more than 255 octets"};
  }
  Name name;
  std::memcpy(name.octets_.data(), octets_.data(), kept);
  std::memcpy(name.octets_.data() + kept, target.octets_.data(), target.length_);
  name.length_ = static_cast<std::uint8_t>(kept + target.length_);
  return name;
}

Name Name::Lower() const noexcept {
  Name name;
  name.length_ = length_;
  std::transform(octets_.begin(), octets_.begin() + length_, name.octets_.begin(),
                 [](std::uint8_t octet) { return FoldCase(octet); });
  return name;
}

std::string Name::ToText() const {
  if (is_root()) return ".";
  std::string text;
  text.reserve(length_);
  for (std::size_t at = 0; octets_[at] != 0;) {
    const std::size_t end = at + 1 + octets_[at];
    for (++at; at < end; ++at) AppendEscaped(octets_[at], text);
    text += '.';
  }
  return text;
}

std::size_t Name::Hash() const noexcept { return HashFolded(wire()); }

bool operator==(const Name& a, const Name& b) noexcept {
  return a.length_ == b.length_ && EqualFolded(a.octets_.data(), b.octets_.data(), a.length_);
}

std::strong_ordering operator<=>(const Name& a, const Name& b) noexcept {
  const Labels of_a(a.octets_.data());
  const Labels of_b(b.octets_.data());
  const std::size_t both = std::min(of_a.count, of_b.count);
  for (std::size_t i = 1; i <= both; ++i) {
    const auto order = CompareLabels(a.octets_.data() + of_a.starts[of_a.count - i],
                                     b.octets_.data() + of_b.starts[of_b.count - i]);
    if (std::is_neq(order)) return order;
  }
  return of_a.count <=> of_b.count;
}

}  // namespace resolve64
