#include "resolve64/types.h"

#include <gtest/gtest.h>

namespace resolve64 {
namespace {

TEST(RrTypeText, NamesCommonTypes) {
  EXPECT_EQ(ToText(RrType::kA), "A");
  EXPECT_EQ(ToText(RrType::kAaaa), "AAAA");
  EXPECT_EQ(ToText(RrType::kNsec3param), "NSEC3PARAM");
  EXPECT_EQ(ToText(RrType::kHttps), "HTTPS");
  EXPECT_EQ(ToText(static_cast<RrType>(257)), "CAA");
}

TEST(RrTypeText, UnknownTypesAreNumbers) {
  EXPECT_EQ(ToText(static_cast<RrType>(1234)), "TYPE1234");
  EXPECT_EQ(ToText(static_cast<RrType>(65535)), "TYPE65535");
}

TEST(RrTypeParse, IgnoresLetterCase) {
  EXPECT_EQ(ParseRrType("aaaa"), RrType::kAaaa);
  EXPECT_EQ(ParseRrType("Https"), RrType::kHttps);
  EXPECT_EQ(ParseRrType("type28"), RrType::kAaaa);
}

TEST(RrTypeParse, IsTheInverseOfToTextForEveryNumber) {
  for (unsigned number = 0; number <= 65535; ++number) {
    const auto type = static_cast<RrType>(number);
    ASSERT_EQ(ParseRrType(ToText(type)), type) << number;
  }
}

TEST(RrTypeParse, RefusesWhatIsNoType) {
  for (const char* text : {"", "AAAAA", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "28", "TYP"}) {
    EXPECT_EQ(ParseRrType(text), std::nullopt) << text;
  }
}

TEST(RcodeText, NamesAndNumbers) {
  EXPECT_EQ(ToText(Rcode::kNxDomain), "NXDOMAIN");
  EXPECT_EQ(ToText(Rcode::kBadVers), "BADVERS");
  EXPECT_EQ(ToText(static_cast<Rcode>(17)), "RCODE17");
}

// Covers: EDE-05, EDE-06
TEST(EdeText, HasTheRegisteredNames) {
  EXPECT_EQ(ToText(Ede::kOther), "Other Error");
  EXPECT_EQ(ToText(Ede::kBogus), "DNSSEC Bogus");
  EXPECT_EQ(ToText(Ede::kNoReachableAuthority), "No Reachable Authority");
  EXPECT_EQ(ToText(Ede::kInvalidData), "Invalid Data");
  EXPECT_EQ(ToText(Ede::kSynthesized), "Synthesized");
  EXPECT_EQ(ToText(Ede::kSignatureExpiredBeforeValid), "Signature Expired before Valid");
  EXPECT_EQ(ToText(static_cast<Ede>(26)), "Too Early");
  EXPECT_EQ(ToText(Ede::kUnsupportedNsec3Iterations), "Unsupported NSEC3 Iterations Value");
  EXPECT_EQ(ToText(static_cast<Ede>(28)), "Unable to conform to policy");
  EXPECT_EQ(ToText(static_cast<Ede>(31)), "Rate Limited");
  EXPECT_EQ(ToText(static_cast<Ede>(32)), "Over Quota");
  EXPECT_EQ(ToText(Ede::kNegativeTrustAnchor), "Negative Trust Anchor");
  EXPECT_EQ(ToText(static_cast<Ede>(99)), "EDE 99");
}

}  // namespace
}  // namespace resolve64
