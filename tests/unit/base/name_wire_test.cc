#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "resolve64/name.h"

namespace resolve64 {
namespace {

using Octets = std::vector<std::uint8_t>;

// Text and pointers to octets: At(12) is c0 0c.
Octets At(std::size_t target) {
  return {static_cast<std::uint8_t>(0xc0 | target >> 8), static_cast<std::uint8_t>(target & 0xff)};
}
Octets Label(const std::string& text) {
  Octets octets(text.size() + 1);
  octets[0] = static_cast<std::uint8_t>(text.size());
  std::copy(text.begin(), text.end(), octets.begin() + 1);
  return octets;
}
Octets Join(std::initializer_list<Octets> parts) {
  Octets all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// The text of the name at `offset`, and where it ended; "malformed" and the offset as it was.
std::pair<std::string, std::size_t> Read(const Octets& message, std::size_t offset) {
  Name name = Name::Parse("left.over.example").value();
  if (Name::Decompress(message, offset, name)) return {name.ToText(), offset};
  EXPECT_TRUE(name.is_root());
  EXPECT_EQ(name.wire().front(), 0);
  return {"malformed", offset};
}
using Ok = std::pair<std::string, std::size_t>;

TEST(NameFromWire, TakesTheStartOfTheOctets) {
  const Octets octets = Join({Label("www"), Label("example"), {0}, {1, 2, 3}});
  const auto name = Name::FromWire(octets);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->ToText(), "www.example.");
  EXPECT_EQ(name->length(), 13U);
}

// Covers: REC-08
TEST(NameFromWire, RefusesShortLongAndCompressedNames) {
  Octets longest;
  for (int i = 0; i < 127; ++i) longest = Join({longest, Label("a")});
  const std::vector<Octets> bad = {
      {},
      {1},
      Label("www"),
      {5, 'a', 'b', 0},
      At(0),
      Join({Label("www"), At(0)}),
      Join({{0x40}, Octets(64, 'a'), {0}}),
      Join({{0x80}, Octets(200, 'a'), {0}}),
      Join({longest, Label("a"), {0}}),
      Join({Label(std::string(63, 'a')),
            Label(std::string(63, 'a')),
            Label(std::string(63, 'a')),
            Label(std::string(62, 'a')),
            {0}}),
  };
  for (const auto& octets : bad) {
    const auto name = Name::FromWire(octets);
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().code, Errc::kBadName);
  }
  EXPECT_TRUE(Name::FromWire(Join({longest, {0}})));
}

TEST(NameDecompress, ReadsPlainNamesAndMovesPastThem) {
  const Octets message = Join({{9, 9}, Label("www"), Label("example"), {0}, {7, 7}});
  EXPECT_EQ(Read(message, 2), Ok("www.example.", 15));
  EXPECT_EQ(Read({0}, 0), Ok(".", 1));
}

TEST(NameDecompress, FollowsPointersAndMovesPastTheFirst) {
  // 0: example. 9: www -> 0. 15: a -> 9. 19: -> 15.
  const Octets message =
      Join({Label("example"), {0}, Label("www"), At(0), Label("a"), At(9), At(15), {0xff}});
  EXPECT_EQ(Read(message, 0), Ok("example.", 9));
  EXPECT_EQ(Read(message, 9), Ok("www.example.", 15));
  EXPECT_EQ(Read(message, 15), Ok("a.www.example.", 19));
  EXPECT_EQ(Read(message, 19), Ok("a.www.example.", 21));
}

// Covers: REC-08
TEST(NameDecompress, ReachesAllOfALargeMessageByPointer) {
  Octets message(0x3fff, 0);
  message = Join({message, Label("far"), {0}});
  EXPECT_EQ(Read(Join({message, At(0x3fff)}), message.size()), Ok("far.", message.size() + 2));
}

// Covers: REC-08
TEST(NameDecompress, RefusesPointersThatDoNotGoBack) {
  EXPECT_EQ(Read(At(0), 0), Ok("malformed", 0));                      // to itself
  EXPECT_EQ(Read(Join({At(2), {0}}), 0), Ok("malformed", 0));         // forwards
  EXPECT_EQ(Read(Join({Label("a"), At(0)}), 0), Ok("malformed", 0));  // into its own labels
  EXPECT_EQ(Read(Join({Label("a"), Label("b"), At(2)}), 0), Ok("malformed", 0));
  EXPECT_EQ(Read(Join({At(2), At(0)}), 2), Ok("malformed", 2));  // back, then forwards
  EXPECT_EQ(Read(Join({Label("a"), At(4), At(0)}), 4), Ok("malformed", 4));
  EXPECT_EQ(Read(At(0x3fff), 0), Ok("malformed", 0));  // past the end
}

// Covers: REC-08
TEST(NameDecompress, BoundsTheNumberOfPointers) {
  // The root, then a chain of pointers, each to the one before it.
  Octets message{0};
  for (std::size_t i = 0; i < 200; ++i) {
    message = Join({message, At(i == 0 ? 0 : message.size() - 2)});
  }
  const auto nth = [](std::size_t n) { return 1 + 2 * (n - 1); };
  EXPECT_EQ(Read(message, nth(127)), Ok(".", nth(128)));
  EXPECT_EQ(Read(message, nth(128)), Ok("malformed", nth(128)));
  EXPECT_EQ(Read(message, nth(200)), Ok("malformed", nth(200)));
}

// Covers: REC-08
TEST(NameDecompress, HoldsTheWholeNameTo255Octets) {
  // Two pieces that are each in order: 129 octets with the root, then 126 or 127 before the
  // pointer.
  const Octets first = Join({Label(std::string(63, 'a')), Label(std::string(63, 'b')), {0}});
  const Octets fits =
      Join({first, Label(std::string(63, 'c')), Label(std::string(61, 'd')), At(0)});
  const Octets over =
      Join({first, Label(std::string(63, 'c')), Label(std::string(62, 'd')), At(0)});
  EXPECT_EQ(Read(fits, first.size()).second, fits.size());
  EXPECT_EQ(Read(over, first.size()), Ok("malformed", first.size()));
}

// Covers: REC-08
TEST(NameDecompress, RefusesLabelTypesThatNobodyUses) {
  EXPECT_EQ(Read(Join({{0x41}, Octets(65, 'a'), {0}}), 0), Ok("malformed", 0));
  EXPECT_EQ(Read(Join({{0x81}, Octets(129, 'a'), {0}}), 0), Ok("malformed", 0));
}

TEST(NameDecompress, RefusesEveryCutOfAMessage) {
  const Octets message = Join({Label("example"), {0}, Label("www"), At(0)});
  for (std::size_t size = 0; size < message.size(); ++size) {
    const Octets cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(Read(cut, 9), Ok("malformed", 9)) << size;
  }
  EXPECT_EQ(Read(message, message.size()), Ok("malformed", message.size()));
  EXPECT_EQ(Read(message, 5000), Ok("malformed", 5000));
}

TEST(NameDecompress, GivesAValidNameOrNoneForRandomOctets) {
  SeededRandom random(1035);
  int good = 0;
  for (int i = 0; i < 100000; ++i) {
    Octets message(1 + random.Below(48));
    random.Fill(message);
    // Few values, and small ones, so that labels and pointers meet.
    for (auto& octet : message) {
      octet = octet < 40 ? std::uint8_t{0xc0} : static_cast<std::uint8_t>(octet % 12);
    }
    std::size_t offset = random.Below(static_cast<std::uint32_t>(message.size()));
    const std::size_t before = offset;
    Name name;
    if (!Name::Decompress(message, offset, name)) {
      ASSERT_EQ(offset, before);
      continue;
    }
    ++good;
    ASSERT_GT(offset, before);
    ASSERT_LE(offset, message.size());
    const auto again = Name::FromWire(name.wire());
    ASSERT_TRUE(again);
    ASSERT_EQ(again->length(), name.length());
  }
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace resolve64
