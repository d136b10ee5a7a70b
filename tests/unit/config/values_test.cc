#include "config/values.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "resolve64/ip.h"

namespace resolve64::config {
namespace {

TEST(Sizes, AreNumbersWithABinaryUnit) {
  EXPECT_EQ(ParseSize("64MiB"), 64LL << 20U);
  EXPECT_EQ(ParseSize("1KiB"), 1024);
  EXPECT_EQ(ParseSize("2GiB"), 2LL << 30U);
  for (const char* text : {"", "64", "64MB", "64 MiB", "MiB", "-1MiB", "+1MiB", "1.5GiB", "0x1MiB",
                           "1MiB ", "99999999999GiB", "99999999999999999999KiB", "64mib"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(Times, AreNumbersWithAUnit) {
  EXPECT_EQ(ParseTime("300ms"), 300);
  EXPECT_EQ(ParseTime("10s"), 10'000);
  EXPECT_EQ(ParseTime("1m"), 60'000);
  EXPECT_EQ(ParseTime("1h"), 3'600'000);
  EXPECT_EQ(ParseTime("7d"), 604'800'000);
  EXPECT_EQ(ParseTime("0s"), 0);
  for (const char* text :
       {"", "10", "s", "-1s", "1w", "1 s", "1.5s", "1S", "999999999999999999d"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

TEST(Moments, AreADayOrATimeInUtc) {
  EXPECT_EQ(ParseMoment("1970-01-01"), 0);
  EXPECT_EQ(ParseMoment("2026-12-31"), 1798675200);
  EXPECT_EQ(ParseMoment("2026-12-31T12:00:00Z"), 1798675200 + 12 * 3600);
  EXPECT_EQ(ParseMoment("20261231235959"), 1798675200 + 86399);
  EXPECT_EQ(ParseMoment("2024-02-29"), 1709164800) << "a leap year";
  EXPECT_EQ(ParseMoment("9999-12-31T23:59:59Z"), 253402300799) << "the last second there is";
  for (const char* text : {"",
                           "2026",
                           "2026-02-29",
                           "2026-13-01",
                           "2026-00-10",
                           "2026-12-32",
                           "1969-12-31",
                           "2026-12-31T24:00:00Z",
                           "2026-12-31T12:60:00Z",
                           "2026-12-31T12:00:60Z",
                           "2026-12-31T12:00:00",
                           "2026-12-31T12:00:00+01:00",
                           "2026-12-31 12:00:00",
                           "2026/12/31",
                           "20261231",
                           "202612311200",
                           "202612311200000",
                           "tomorrow",
                           "2026-12-31 ",
                           "-026-12-31"}) {
    EXPECT_FALSE(ParseMoment(text)) << text;
  }
}

TEST(Texts, AreWrittenWithTheLargestUnitThatDivides) {
  EXPECT_EQ(SizeToText(256LL << 20U), "256MiB");
  EXPECT_EQ(SizeToText(1LL << 40U), "1TiB");
  EXPECT_EQ(SizeToText(1025), "1025");
  EXPECT_EQ(TimeToText(0), "0s");
  EXPECT_EQ(TimeToText(1500), "1500ms");
  EXPECT_EQ(TimeToText(60'000), "1m");
  EXPECT_EQ(TimeToText(7LL * 86'400'000), "7d");
}

TEST(ViewNames, CanBeLabels) {
  EXPECT_TRUE(IsViewName("jool"));
  EXPECT_TRUE(IsViewName("A-1_b"));
  EXPECT_TRUE(IsViewName(std::string(63, 'a')));
  EXPECT_FALSE(IsViewName(std::string(64, 'a')));
  EXPECT_FALSE(IsViewName(""));
  EXPECT_FALSE(IsViewName("a.b"));
  EXPECT_FALSE(IsViewName("\xC3\xA9"));
}

TEST(NearestWord, IsTheOneMeantOrNone) {
  const std::vector<std::string_view> known = {"prefixes", "max_records", "hide_a", "enabled"};
  EXPECT_EQ(Nearest("prefix", known), "prefixes");
  EXPECT_EQ(Nearest("maxRecords", known), "max_records");
  EXPECT_EQ(Nearest("hide-a", known), "hide_a");
  EXPECT_EQ(Nearest("enalbed", known), "enabled");
  EXPECT_EQ(Nearest("something", known), "");
  EXPECT_EQ(Nearest("", known), "");
}

TEST(NetworksThatCover, AreOfOneFamilyAndNoLonger) {
  const auto covers = [](const char* outer, const char* inner) {
    return Covers(*Network::Parse(outer), *Network::Parse(inner));
  };
  EXPECT_TRUE(covers("2001:db8::/32", "2001:db8:64::/96"));
  EXPECT_TRUE(covers("192.0.2.0/24", "192.0.2.0/24"));
  EXPECT_FALSE(covers("2001:db8:64::/96", "2001:db8::/32"));
  EXPECT_FALSE(covers("0.0.0.0/0", "::/0"));
}

}  // namespace
}  // namespace resolve64::config
