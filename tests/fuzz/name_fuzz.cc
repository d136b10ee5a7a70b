// Names: presentation format, wire form and compression pointers, and what holds between them.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fuzz/check.h"
#include "resolve64/name.h"

namespace {

using resolve64::Name;
using resolve64::fuzz::Check;

bool SameOctets(const Name& a, const Name& b) { return std::ranges::equal(a.wire(), b.wire()); }

// What holds of every name, wherever it came from.
void CheckName(const Name& name) {
  Check(name.length() >= 1 && name.length() <= Name::kMaxLength, "a name has 1 to 255 octets");
  Check(name.wire().back() == 0, "a name ends with the root");
  Check(name.is_root() == (name.LabelCount() == 0), "only the root has no labels");

  const auto again = Name::FromWire(name.wire());
  Check(again.has_value() && SameOctets(*again, name), "the wire form is read back as it was");
  const auto parsed = Name::Parse(name.ToText());
  Check(parsed.has_value() && SameOctets(*parsed, name), "the text is read back as it was");

  const Name lower = name.Lower();
  Check(lower == name && lower.Hash() == name.Hash(), "letter case makes no difference");
  Check((lower <=> name) == std::strong_ordering::equal,
        "letter case makes no difference in order");

  Name at = name;
  std::size_t labels = 0;
  while (!at.is_root()) {
    const Name parent = at.Parent();
    Check(at.IsBelow(parent) && !parent.IsAtOrBelow(at), "a name is below its parent");
    Check(parent < at, "a name sorts after its parent (RFC 4034 section 6.1)");
    Check(name.IsAtOrBelow(parent), "a name is below all that it is made from");
    const auto made = parent.Prepend(at.FirstLabel());
    Check(made.has_value() && SameOctets(*made, at), "a parent and a label make the name again");
    at = parent;
    ++labels;
  }
  Check(labels == name.LabelCount(), "labels are counted right");
  Check(SameOctets(name.Suffix(labels), name), "all labels are the name");
}

void CheckPair(const Name& a, const Name& b) {
  Check((a == b) == ((a <=> b) == std::strong_ordering::equal), "order agrees with equality");
  Check((a < b) == (b > a), "order is antisymmetric");
  if (a == b) Check(a.Hash() == b.Hash(), "equal names hash alike");
  Check((a.IsAtOrBelow(b) && b.IsAtOrBelow(a)) == (a == b), "two names below each other are equal");

  // A DNAME at the parent of `a` that points to `b` (RFC 6672 section 2.2).
  if (a.is_root()) return;
  const Name owner = a.Parent();
  const auto rebased = a.Rebase(owner, b);
  const std::size_t length = a.length() - owner.length() + b.length();
  Check(rebased.has_value() == (length <= Name::kMaxLength), "a name is rebased if it fits");
  if (!rebased) return;
  CheckName(*rebased);
  Check(rebased->IsBelow(b) && rebased->FirstLabel() == a.FirstLabel(),
        "rebasing keeps the labels");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> octets(data, size);
  std::vector<Name> names;

  const std::vector<char> text(octets.begin(), octets.end());
  if (const auto parsed = Name::Parse(std::string_view(text.data(), text.size()))) {
    names.push_back(*parsed);
  }

  // As a message: one name after another, from the start.
  std::size_t offset = 0;
  constexpr std::size_t kNames = 64;  // enough, and the work stays small
  while (offset < size && names.size() < kNames) {
    const std::size_t before = offset;
    Name name;
    if (!Name::Decompress(octets, offset, name)) {
      CheckName(name);
      break;
    }
    Check(offset > before && offset <= size, "reading a name moves on, and stays inside");
    names.push_back(name);

    const auto plain = Name::FromWire(octets.subspan(before));
    if (plain) Check(SameOctets(*plain, name), "without pointers both readers agree");
  }

  for (const Name& name : names) CheckName(name);
  for (std::size_t i = 1; i < names.size(); ++i) CheckPair(names[i - 1], names[i]);
  return 0;
}
