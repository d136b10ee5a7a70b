// Requirements D64-27 and D64-28: how long a synthesized record may be believed.
#include "support.h"

namespace resolve64::dns64 {
namespace {

struct TtlRow {
  const char* what;
  LookupKind aaaa;
  std::optional<std::uint32_t> soa;
  std::uint32_t a;
  std::uint32_t expected;
};

// Covers: D64-27, D64-28, VEC-05, T34, T43, B3
TEST(DecideTtl, IsTheLeastOfWhatTheRecordRestsOn) {
  using enum LookupKind;
  const TtlRow rows[] = {
      {"the SOA is shorter", kNodata, 300, 3600, 300},
      {"the A is shorter", kNodata, 300, 60, 60},
      {"no SOA", kNodata, std::nullopt, 3600, 600},
      {"no SOA, a short A", kNodata, std::nullopt, 30, 30},
      {"an SOA longer than 600 s counts in full", kNodata, 7200, 3600, 3600},
      {"an SOA that has run out", kNodata, 0, 3600, 0},
      {"an A that has run out", kNodata, 300, 0, 0},
      {"after an error", kError, std::nullopt, 3600, 30},
      {"after an error, a short A", kError, std::nullopt, 5, 5},
      {"after silence", kTimeout, std::nullopt, 3600, 30},
  };
  for (const TtlRow& row : rows) {
    SCOPED_TRACE(row.what);
    Lookups lookups;
    lookups.aaaa = row.aaaa;
    lookups.soa_ttl = row.soa;
    lookups.a_ttl = row.a;
    EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), lookups).ttl, row.expected);
  }
}

struct ExcludedTtlRow {
  std::uint32_t aaaa;
  std::uint32_t a;
  std::uint32_t expected;
};

// Covers: D64-28
TEST(DecideTtl, AfterExcludedRecordsIsCappedAndNeverLongerThanTheirs) {
  for (const ExcludedTtlRow& row : {ExcludedTtlRow{3600, 3600, 600}, ExcludedTtlRow{100, 3600, 100},
                                    ExcludedTtlRow{3600, 50, 50}, ExcludedTtlRow{0, 3600, 0}}) {
    Lookups lookups = WithAaaa({"::ffff:192.0.2.1"});
    lookups.aaaa_ttl = row.aaaa;
    lookups.a_ttl = row.a;
    const auto decision = DecideBoth(DefaultPolicy(), Query(), lookups);
    EXPECT_EQ(decision.act, Act::kSynthesize);
    EXPECT_EQ(decision.ttl, row.expected);
  }
}

// Covers: D64-28
TEST(DecideTtl, OfAFilteredAnswerIsThatOfItsRecords) {
  Lookups lookups = WithAaaa({"::ffff:192.0.2.1", "2001:db8::1"});
  lookups.aaaa_ttl = 7200;
  EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), lookups).ttl, 7200U);
}

TEST(DecideTtl, OfAppendedRecordsIsTheShorterOfBoth) {
  Dns64Policy policy = DefaultPolicy();
  policy.append_names = {N("example.com.")};
  for (const auto& [aaaa, a, expected] :
       {std::tuple{3600U, 7200U, 3600U}, std::tuple{3600U, 60U, 60U}}) {
    Lookups lookups = WithAaaa({"2001:db8::1"});
    lookups.aaaa_ttl = aaaa;
    lookups.a_ttl = a;
    const auto decision = DecideBoth(policy, Query(), lookups);
    EXPECT_EQ(decision.act, Act::kAppend);
    EXPECT_EQ(decision.ttl, expected);
  }
}

}  // namespace
}  // namespace resolve64::dns64
