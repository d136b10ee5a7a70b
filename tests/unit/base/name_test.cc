#include "resolve64/name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/hash.h"

namespace resolve64 {
namespace {

using Octets = std::vector<std::uint8_t>;

Name N(std::string_view text) { return Name::Parse(text).value(); }

Octets Wire(const Name& name) { return {name.wire().begin(), name.wire().end()}; }

// A name of exactly `length` octets, 4 to 255.
Name OfLength(std::size_t length) {
  std::string text;
  std::size_t left = length - 1;
  while (left > 0) {
    std::size_t label = std::min<std::size_t>(left, 64);
    if (left - label == 1) --label;  // what is left has to hold a label too
    text += std::string(label - 1, 'a') + ".";
    left -= label;
  }
  return N(text);
}

TEST(NameParse, WritesWireForm) {
  EXPECT_EQ(Wire(N("www.Example.")),
            (Octets{3, 'w', 'w', 'w', 7, 'E', 'x', 'a', 'm', 'p', 'l', 'e', 0}));
  EXPECT_EQ(Wire(N(".")), Octets{0});
  EXPECT_EQ(N("."), Name());
}

TEST(NameParse, DoesNotNeedTheFinalDot) { EXPECT_EQ(N("www.example"), N("www.example.")); }

TEST(NameParse, UnderstandsEscapes) {
  EXPECT_EQ(Wire(N("a\\.b")), (Octets{3, 'a', '.', 'b', 0}));
  EXPECT_EQ(Wire(N("a\\.")), (Octets{2, 'a', '.', 0}));
  EXPECT_EQ(Wire(N("\\000\\255\\046")), (Octets{3, 0, 255, '.', 0}));
  EXPECT_EQ(Wire(N("\\\\\\\"\\ ")), (Octets{3, '\\', '"', ' ', 0}));
  EXPECT_EQ(N("\\101xample"), N("example"));
}

TEST(NameParse, RefusesWhatIsNoName) {
  for (const std::string text :
       {"", "..", ".a", "a..b", "a..", "\\", "a\\", "\\1", "\\12", "\\256", "\\999", "\\12a", "a b",
        "a\tb", "a\nb", "caf\xc3\xa9.example", "a\x7f"}) {
    const auto name = Name::Parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, Errc::kBadName);
  }
  EXPECT_FALSE(Name::Parse(std::string_view("a\0b", 3)));
}

// Covers: REC-08
TEST(NameParse, HoldsLabelsTo63Octets) {
  EXPECT_EQ(N(std::string(63, 'a')).length(), 65U);
  EXPECT_FALSE(Name::Parse(std::string(64, 'a')));
  EXPECT_FALSE(Name::Parse("a." + std::string(64, 'a') + ".b."));
  EXPECT_FALSE(Name::Parse(std::string(5000, 'a')));
}

// Covers: REC-08
TEST(NameParse, HoldsNamesTo255Octets) {
  const std::string label(63, 'a');
  const std::string three = label + "." + label + "." + label + ".";
  EXPECT_EQ(N(three + std::string(61, 'b') + ".").length(), 255U);
  EXPECT_EQ(N(three + std::string(61, 'b')).length(), 255U);
  EXPECT_FALSE(Name::Parse(three + std::string(62, 'b') + "."));
  EXPECT_FALSE(Name::Parse(three + std::string(62, 'b')));
  EXPECT_FALSE(Name::Parse(three + std::string(60, 'b') + ".c."));
}

TEST(NameParse, TakesAsManyLabelsAsFit) {
  std::string text;
  for (int i = 0; i < 127; ++i) text += "a.";
  const Name name = N(text);
  EXPECT_EQ(name.length(), 255U);
  EXPECT_EQ(name.LabelCount(), 127U);
  EXPECT_EQ(name.ToText(), text);
  EXPECT_FALSE(Name::Parse(text + "a."));
}

TEST(NameToText, EscapesWhatZoneFilesAndTerminalsTakeForThemselves) {
  EXPECT_EQ(N(".").ToText(), ".");
  EXPECT_EQ(N("WWW.example").ToText(), "WWW.example.");
  const std::uint8_t label[] = {14,  '.', '\\', '"',  ';',  '@',  '$',  '(',
                                ')', ' ', 0,    '\n', 0x1b, 0x7f, 0xff, 0};
  EXPECT_EQ(Name::FromWire(label).value().ToText(),
            "\\.\\\\\\\"\\;\\@\\$\\(\\)\\032\\000\\010\\027\\127\\255.");
  EXPECT_EQ(N("*._tcp.a-b.example").ToText(), "*._tcp.a-b.example.");
}

// Covers: REC-08
TEST(NameToText, ComesBackForEveryOctetValue) {
  for (int value = 0; value < 256; ++value) {
    const std::uint8_t wire[] = {1, static_cast<std::uint8_t>(value), 0};
    const Name name = Name::FromWire(wire).value();
    EXPECT_EQ(Wire(N(name.ToText())), Wire(name)) << value;
  }
}

TEST(NameLabels, CountAndCut) {
  const Name name = N("a.b.example.com");
  EXPECT_EQ(name.LabelCount(), 4U);
  EXPECT_EQ(N(".").LabelCount(), 0U);
  EXPECT_EQ(name.FirstLabel(), "a");
  EXPECT_EQ(N(".").FirstLabel(), "");
  EXPECT_EQ(name.Parent(), N("b.example.com"));
  EXPECT_EQ(name.Parent(0), name);
  EXPECT_EQ(name.Parent(4), N("."));
  EXPECT_EQ(name.Suffix(2), N("example.com"));
  EXPECT_EQ(name.Suffix(0), N("."));
  EXPECT_EQ(name.Suffix(4), name);
}

TEST(NameIsWildcard, MeansALabelThatIsOneAsterisk) {
  EXPECT_TRUE(N("*.example").is_wildcard());
  EXPECT_TRUE(N("*").is_wildcard());
  EXPECT_FALSE(N("**.example").is_wildcard());
  EXPECT_FALSE(N("*a.example").is_wildcard());
  EXPECT_FALSE(N("a.*.example").is_wildcard());
  EXPECT_FALSE(N(".").is_wildcard());
}

// Covers: LOC-06
TEST(NameIsAtOrBelow, GoesByWholeLabels) {
  EXPECT_TRUE(N("www.example.com").IsAtOrBelow(N("example.com")));
  EXPECT_TRUE(N("WWW.EXAMPLE.com").IsAtOrBelow(N("example.COM")));
  EXPECT_TRUE(N("example.com").IsAtOrBelow(N("example.com")));
  EXPECT_TRUE(N("example.com").IsAtOrBelow(N(".")));
  EXPECT_TRUE(N(".").IsAtOrBelow(N(".")));
  EXPECT_FALSE(N("badexample.com").IsAtOrBelow(N("example.com")));
  EXPECT_FALSE(N("example.com").IsAtOrBelow(N("www.example.com")));
  EXPECT_FALSE(N("www.example.net").IsAtOrBelow(N("example.com")));
  EXPECT_FALSE(N("notlocalhost").IsAtOrBelow(N("localhost")));
  // The octets of "b." end this label, and it is one label all the same.
  const std::uint8_t tricky[] = {3, 'a', 1, 'b', 0};
  EXPECT_FALSE(Name::FromWire(tricky)->IsAtOrBelow(N("b")));
}

TEST(NameIsBelow, LeavesTheNameItselfOut) {
  EXPECT_TRUE(N("www.example").IsBelow(N("example")));
  EXPECT_FALSE(N("example").IsBelow(N("EXAMPLE")));
}

TEST(NamePrepend, AddsALabel) {
  EXPECT_EQ(N("example").Prepend("www").value(), N("www.example"));
  EXPECT_EQ(N(".").Prepend("a.b").value(), N("a\\.b"));
}

// Covers: REC-08
TEST(NamePrepend, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(N("example").Prepend(""));
  EXPECT_FALSE(N("example").Prepend(std::string(64, 'a')));
  EXPECT_TRUE(OfLength(253).Prepend("a"));
  EXPECT_FALSE(OfLength(254).Prepend("a"));
  EXPECT_FALSE(OfLength(255).Prepend("a"));
}

TEST(NameRebase, ReplacesTheEnd) {
  EXPECT_EQ(N("a.b.example.com").Rebase(N("example.com"), N("example.net")).value(),
            N("a.b.example.net"));
  EXPECT_EQ(N("a.Example.com").Rebase(N("eXample.com"), N(".")).value(), N("a"));
  EXPECT_EQ(N("a.b").Rebase(N("."), N("example")).value(), N("a.b.example"));
}

TEST(NameRebase, SaysWhereTheResultIsTooLong) {
  const Name long_target = OfLength(253);
  EXPECT_EQ(N("a.example").Rebase(N("example"), long_target)->length(), 255U);
  const auto refused = N("aa.example").Rebase(N("example"), long_target);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kTooLong);
}

TEST(NameLower, LowersLettersAlone) {
  EXPECT_EQ(Wire(N("AZ[@`az.{\\200\\219").Lower()), Wire(N("az[@`az.{\\200\\219")));
}

// Covers: REC-05
TEST(NameEquality, IgnoresTheCaseOfEveryLetterAndOfNothingElse) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      // The octet in the middle of a label long enough for the eight-octet steps, and near its end.
      std::uint8_t left[] = {14,  'w', 'w', 'w', 0,   'w', 'w', 'w',
                             'w', 'w', 'w', 'w', 'w', 0,   'w', 0};
      std::uint8_t right[16];
      std::copy(std::begin(left), std::end(left), right);
      left[4] = left[13] = static_cast<std::uint8_t>(a);
      right[4] = right[13] = static_cast<std::uint8_t>(b);
      const bool letters = (a ^ b) == 0x20 && (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
      const Name first = Name::FromWire(left).value();
      const Name second = Name::FromWire(right).value();
      ASSERT_EQ(first == second, a == b || letters) << a << " " << b;
      ASSERT_EQ(std::is_eq(first <=> second), first == second) << a << " " << b;
      ASSERT_EQ(first.Hash() == second.Hash(), first == second) << a << " " << b;
    }
  }
}

TEST(NameEquality, SeesLabelBoundaries) {
  EXPECT_NE(N("a.b"), N("a\\.b"));
  EXPECT_NE(N("a"), N("a.a"));
  const std::uint8_t one[] = {3, 'a', 1, 'b', 0};
  EXPECT_NE(Name::FromWire(one).value(), N("a.b"));
}

// Covers: REC-05
TEST(NameHash, ServesTablesThatIgnoreCase) {
  std::unordered_set<Name, MemberHash> names;
  names.insert(N("www.example.com"));
  EXPECT_TRUE(names.contains(N("wWw.ExAmPlE.cOm")));
  EXPECT_FALSE(names.contains(N("www.example.net")));
}

// The list of RFC 4034 section 6.1.
TEST(NameOrder, IsTheCanonicalOneOfRfc4034) {
  const std::vector<Name> sorted = {
      N("."),           N("example"),        N("a.example"), N("yljkjljk.a.example"),
      N("Z.a.example"), N("zABC.a.EXAMPLE"), N("z.example"), N("\\001.z.example"),
      N("*.z.example"), N("\\200.z.example")};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      EXPECT_EQ(sorted[i] <=> sorted[j], i <=> j) << sorted[i].ToText() << sorted[j].ToText();
    }
  }
}

TEST(NameOrder, PutsTheShorterLabelFirst) {
  EXPECT_LT(N("a.example"), N("aa.example"));
  EXPECT_LT(N("b.example"), N("a.examplf"));
  EXPECT_LT(N("a.example"), N("a\\000.example"));
  EXPECT_EQ(N("A.example") <=> N("a.EXAMPLE"), std::strong_ordering::equal);
}

TEST(NameCopy, IsIndependent) {
  Name name = N("www.example");
  const Name copy = name;
  name.mutable_data()[1] = 'W';
  EXPECT_EQ(copy.ToText(), "www.example.");
  EXPECT_EQ(name.ToText(), "Www.example.");
  name = N("a");
  EXPECT_EQ(name.ToText(), "a.");
  const Name& self = name;
  name = self;
  EXPECT_EQ(name.ToText(), "a.");
}

}  // namespace
}  // namespace resolve64
