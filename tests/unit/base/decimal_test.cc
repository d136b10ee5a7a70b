#include "base/decimal.h"

#include <gtest/gtest.h>

namespace resolve64 {
namespace {

TEST(ParseDecimal, TakesDigitsUpToTheMost) {
  EXPECT_EQ(ParseDecimal("0", 10), 0U);
  EXPECT_EQ(ParseDecimal("10", 10), 10U);
  EXPECT_EQ(ParseDecimal("4294967295", 0xffffffff), 0xffffffffU);
}

TEST(ParseDecimal, RefusesEverythingElse) {
  for (const char* text : {"", "11", "4294967296", "99999999999999999999", "-1", "+1", " 1", "1 ",
                           "01", "00", "0x1", "1.0", "a"}) {
    EXPECT_EQ(ParseDecimal(text, 10), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace resolve64
