#include "dnssec/sentinel.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/dns/wire.h"

namespace resolve64::dnssec {
namespace {

using test::N;

Sentinel Judge(const std::string& name, RrType type = RrType::kAaaa) {
  return JudgeSentinel(N(name), type, *BuiltinAnchors());
}

// Covers: SEC-54
TEST(Sentinel, IsTaFailsWhereTheKeyIsNotTrusted) {
  EXPECT_EQ(Judge("root-key-sentinel-is-ta-20326.example"), Sentinel::kNone);
  EXPECT_EQ(Judge("root-key-sentinel-is-ta-38696.example"), Sentinel::kNone);
  EXPECT_EQ(Judge("root-key-sentinel-is-ta-19036.example"), Sentinel::kServfail);
  EXPECT_EQ(Judge("root-key-sentinel-is-ta-00000.example"), Sentinel::kServfail);
}

// Covers: SEC-54
TEST(Sentinel, NotTaFailsWhereTheKeyIsTrusted) {
  EXPECT_EQ(Judge("root-key-sentinel-not-ta-20326.example"), Sentinel::kServfail);
  EXPECT_EQ(Judge("root-key-sentinel-not-ta-38696.example"), Sentinel::kServfail);
  EXPECT_EQ(Judge("root-key-sentinel-not-ta-19036.example"), Sentinel::kNone);
}

// Covers: SEC-54
TEST(Sentinel, LooksAtAAndAaaaAlone) {
  for (const RrType type : {RrType::kA, RrType::kAaaa}) {
    EXPECT_EQ(Judge("root-key-sentinel-not-ta-20326.example", type), Sentinel::kServfail);
  }
  for (const RrType type : {RrType::kTxt, RrType::kMx, RrType::kDs, RrType::kHttps}) {
    EXPECT_EQ(Judge("root-key-sentinel-not-ta-20326.example", type), Sentinel::kNone);
  }
}

// Covers: SEC-54
TEST(Sentinel, LetterCaseDoesNotMatter) {
  EXPECT_EQ(Judge("Root-Key-Sentinel-NOT-TA-20326.EXAMPLE"), Sentinel::kServfail);
}

// Covers: SEC-54
TEST(Sentinel, OnlyTheLeftmostLabelWithFiveDigitsCounts) {
  for (const char* name :
       {"www.root-key-sentinel-not-ta-20326.example", "root-key-sentinel-not-ta-2326.example",
        "root-key-sentinel-not-ta-020326.example", "root-key-sentinel-not-ta-2032a.example",
        "root-key-sentinel-not-ta-.example", "root-key-sentinel-not-ta-+2032.example",
        "root-key-sentinel-is-ta-99999.example", "root-key-sentinel-is-ta-123456.example",
        "root-key-sentinel.example", "example", "."}) {
    EXPECT_EQ(Judge(name), Sentinel::kNone) << name;
  }
  EXPECT_EQ(Judge("root-key-sentinel-not-ta-20326"), Sentinel::kServfail) << "a top-level domain";
}

// Covers: SEC-54
TEST(Sentinel, WithoutAnchorsOfTheRootNothingIsTrusted) {
  const TrustAnchors none;
  EXPECT_EQ(JudgeSentinel(N("root-key-sentinel-is-ta-20326.example"), RrType::kA, none),
            Sentinel::kServfail);
  EXPECT_EQ(JudgeSentinel(N("root-key-sentinel-not-ta-20326.example"), RrType::kA, none),
            Sentinel::kNone);
}

}  // namespace
}  // namespace resolve64::dnssec
