// Requirements A.4: DO, CD and validation (RFC 6147 section 5.5).
#include "support.h"

namespace resolve64::dns64 {
namespace {

constexpr auto kSecure = Security::kSecure;
constexpr auto kInsecure = Security::kInsecure;
constexpr auto kBogus = Security::kBogus;
constexpr auto kUnchecked = Security::kUnchecked;

struct SecurityRow {
  int row;  // of the table of requirements A.4
  bool do_bit;
  bool cd_bit;
  Security aaaa;
  Security a;
  Act first;
  Act both;
  bool authentic;
};

// Covers: A4-1, A4-2, A4-3, A4-4, A4-5, A4-6, A4-7, A4-8, A4-9, D64-50, D64-51, D64-52, D64-53
// Covers: D64-54, D64-55, D64-57, VEC-05, T24, T25, T56, B5, B16
TEST(DecideDnssec, FollowsTheTableOfDoAndCd) {
  constexpr auto kAsk = Act::kAskA;
  constexpr auto kMake = Act::kSynthesize;
  constexpr auto kFail = Act::kServfail;
  constexpr auto kPass = Act::kPassAaaa;
  const SecurityRow rows[] = {
      {1, false, false, kSecure, kSecure, kAsk, kMake, false},
      {1, false, false, kInsecure, kInsecure, kAsk, kMake, false},
      {1, false, false, kSecure, kInsecure, kAsk, kMake, false},
      {2, false, false, kBogus, kSecure, kFail, kFail, false},
      {2, false, false, kBogus, kInsecure, kFail, kFail, false},
      {2, false, false, kBogus, kBogus, kFail, kFail, false},
      {3, false, false, kSecure, kBogus, kAsk, kFail, false},
      {3, false, false, kInsecure, kBogus, kAsk, kFail, false},
      {4, true, false, kSecure, kSecure, kAsk, kMake, true},
      {5, true, false, kInsecure, kInsecure, kAsk, kMake, false},
      {6, true, false, kSecure, kInsecure, kAsk, kMake, false},
      {6, true, false, kInsecure, kSecure, kAsk, kMake, false},
      {7, true, false, kBogus, kSecure, kFail, kFail, false},
      {7, true, false, kSecure, kBogus, kAsk, kFail, false},
      {7, true, false, kBogus, kBogus, kFail, kFail, false},
      {8, true, true, kSecure, kSecure, kPass, kPass, false},
      {8, true, true, kInsecure, kInsecure, kPass, kPass, false},
      {8, true, true, kBogus, kBogus, kPass, kPass, false},
      {9, false, true, kSecure, kSecure, kPass, kPass, false},
      {9, false, true, kInsecure, kInsecure, kPass, kPass, false},
      {9, false, true, kBogus, kBogus, kPass, kPass, false},
      // Without validation nothing is authentic; CD still gets the data as it is.
      {0, true, false, kUnchecked, kUnchecked, kAsk, kMake, false},
      {0, true, true, kUnchecked, kUnchecked, kPass, kPass, false},
      {0, true, false, Security::kIndeterminate, kSecure, kAsk, kMake, false},
  };
  for (const SecurityRow& row : rows) {
    SCOPED_TRACE("row " + std::to_string(row.row) + ": AAAA " +
                 std::to_string(static_cast<int>(row.aaaa)) + ", A " +
                 std::to_string(static_cast<int>(row.a)));
    Lookups lookups;
    lookups.aaaa_security = row.aaaa;
    lookups.a_security = row.a;
    const auto query = Query("www.example.com.", row.do_bit, row.cd_bit);
    EXPECT_EQ(DecideFirst(DefaultPolicy(), query, lookups).act, row.first);
    const auto both = DecideBoth(DefaultPolicy(), query, lookups);
    EXPECT_EQ(both.act, row.both) << testing::PrintToString(both.notes);
    EXPECT_EQ(both.authentic, row.authentic);
    EXPECT_EQ(both.synthesized.empty(), row.both != kMake);
    EXPECT_EQ(MayNeedA(DefaultPolicy(), query), !row.cd_bit);
  }
}

// Covers: A4-10
TEST(DecideDnssec, RealAaaaStayRealWithEveryCombinationOfBits) {
  for (const bool do_bit : {false, true}) {
    for (const Security security : {kSecure, kInsecure, kUnchecked}) {
      Lookups lookups = WithAaaa({"2001:db8::1"});
      lookups.aaaa_security = security;
      EXPECT_EQ(DecideBoth(DefaultPolicy(), Query("a.example.", do_bit), lookups).act,
                Act::kPassAaaa);
    }
  }
}

// Covers: A4-2, A4-3, D64-16, T24, ATK-23
TEST(DecideDnssec, BogusIsServfailAndNoOtherRcode) {
  for (const auto kind : {LookupKind::kBogus, LookupKind::kNodata, LookupKind::kNxdomain,
                          LookupKind::kData, LookupKind::kError}) {
    Lookups lookups = WithAaaa({"2001:db8::1"});
    lookups.aaaa = kind;
    lookups.aaaa_security = kBogus;
    EXPECT_EQ(DecideFirst(DefaultPolicy(), Query(), lookups).act, Act::kServfail);
    EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), lookups).act, Act::kServfail);
  }
  Lookups lookups;
  lookups.a = LookupKind::kBogus;
  EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), lookups).act, Act::kServfail);
}

struct FailureRow {
  Security zone;
  Act both;
};

// Covers: D64-17
TEST(DecideDnssec, AFailureInASignedZoneIsNotADenial) {
  for (const auto kind : {LookupKind::kError, LookupKind::kTimeout}) {
    for (const auto mode : {Mode::kRfc, Mode::kStrict, Mode::kBreak}) {
      for (const FailureRow& row :
           {FailureRow{kSecure, Act::kServfail}, FailureRow{kInsecure, Act::kSynthesize},
            FailureRow{kUnchecked, Act::kSynthesize}}) {
        Dns64Policy policy = DefaultPolicy();
        policy.dnssec_mode = mode;
        Lookups lookups;
        lookups.aaaa = kind;
        lookups.aaaa_security = row.zone;
        lookups.a_security = row.zone;
        EXPECT_EQ(DecideBoth(policy, Query(), lookups).act, row.both);
        EXPECT_EQ(DecideFirst(policy, Query(), lookups).act,
                  row.zone == kSecure ? Act::kServfail : Act::kAskA);
      }
    }
  }
}

// Covers: D64-54, T56
TEST(DecideDnssec, StrictGivesNothingSynthesizedFromASignedZoneToDo) {
  Dns64Policy policy = DefaultPolicy();
  policy.dnssec_mode = Mode::kStrict;
  const auto with = [&](bool do_bit, Security aaaa, Security a) {
    Lookups lookups;
    lookups.aaaa_security = aaaa;
    lookups.a_security = a;
    return DecideBoth(policy, Query("a.example.", do_bit), lookups).act;
  };
  EXPECT_EQ(with(true, kSecure, kSecure), Act::kPassAaaa);
  EXPECT_EQ(with(true, kSecure, kInsecure), Act::kPassAaaa);
  EXPECT_EQ(with(true, kInsecure, kSecure), Act::kPassAaaa);
  EXPECT_EQ(with(true, kInsecure, kInsecure), Act::kSynthesize);
  EXPECT_EQ(with(false, kSecure, kSecure), Act::kSynthesize);

  Lookups lookups;
  lookups.aaaa_security = kSecure;
  EXPECT_EQ(DecideFirst(policy, Query("a.example.", true), lookups).act, Act::kPassAaaa);
}

// Covers: A4-8, A4-9, D64-52
TEST(DecideDnssec, CdStopsSynthesisInEveryModeButBreak) {
  for (const auto mode : {Mode::kRfc, Mode::kStrict, Mode::kBreak}) {
    Dns64Policy policy = DefaultPolicy();
    policy.dnssec_mode = mode;
    for (const bool do_bit : {false, true}) {
      const auto query = Query("a.example.", do_bit, true);
      const bool breaks = mode == Mode::kBreak;
      const auto decision = DecideBoth(policy, query, Lookups{});
      EXPECT_EQ(decision.act, breaks ? Act::kSynthesize : Act::kPassAaaa);
      EXPECT_FALSE(decision.authentic);
      EXPECT_EQ(MayNeedA(policy, query), breaks);
    }
  }
}

TEST(DecideDnssec, BreakSynthesizesForDoButNeverFromBogusData) {
  Dns64Policy policy = DefaultPolicy();
  policy.dnssec_mode = Mode::kBreak;
  Lookups lookups;
  lookups.aaaa_security = kSecure;
  lookups.a_security = kSecure;
  EXPECT_EQ(DecideBoth(policy, Query("a.example.", true), lookups).act, Act::kSynthesize);
  for (const bool cd_bit : {false, true}) {
    for (const auto& [aaaa, a] : {std::pair{kBogus, kSecure}, std::pair{kSecure, kBogus}}) {
      lookups.aaaa_security = aaaa;
      lookups.a_security = a;
      const auto decision = DecideBoth(policy, Query("a.example.", true, cd_bit), lookups);
      EXPECT_TRUE(decision.synthesized.empty());
      EXPECT_EQ(decision.act, cd_bit ? Act::kPassAaaa : Act::kServfail);
    }
  }
}

// Covers: A4-1, D64-53
TEST(DecideDnssec, WithoutDoNothingIsAuthentic) {
  Lookups lookups;
  lookups.aaaa_security = kSecure;
  lookups.a_security = kSecure;
  EXPECT_FALSE(DecideBoth(DefaultPolicy(), Query("a.example.", false), lookups).authentic);
}

}  // namespace
}  // namespace resolve64::dns64
