// Requirements A.2: what each outcome of the AAAA lookup and of the A lookup leads to.
#include "support.h"

namespace resolve64::dns64 {
namespace {

using enum LookupKind;

struct OutcomeRow {
  const char* what;
  LookupKind aaaa;
  std::initializer_list<std::string_view> addresses;
  LookupKind a;
  Act first;  // before A is known
  Act both;   // with it
};

// Covers: D64-11, D64-12, D64-13, D64-14, D64-15, D64-19, D64-24, D64-25, T33, T35, B1, B2, B13
TEST(DecideOutcomes, FollowRfc6147Section51) {
  const OutcomeRow rows[] = {
      {"AAAA there", kData, {"2001:db8::1"}, kData, Act::kPassAaaa, Act::kPassAaaa},
      {"NXDOMAIN wins over an A", kNxdomain, {}, kData, Act::kPassAaaa, Act::kPassAaaa},
      {"NODATA and A", kNodata, {}, kData, Act::kAskA, Act::kSynthesize},
      {"NODATA, no A", kNodata, {}, kNodata, Act::kAskA, Act::kPassAaaa},
      {"NODATA, A says NXDOMAIN", kNodata, {}, kNxdomain, Act::kAskA, Act::kPassAaaa},
      {"NODATA, A fails", kNodata, {}, kError, Act::kAskA, Act::kPassA},
      {"NODATA, A silent", kNodata, {}, kTimeout, Act::kAskA, Act::kPassA},
      {"error and A", kError, {}, kData, Act::kAskA, Act::kSynthesize},
      {"error, no A: not known to have no AAAA", kError, {}, kNodata, Act::kAskA, Act::kPassAaaa},
      {"error, A says NXDOMAIN", kError, {}, kNxdomain, Act::kAskA, Act::kPassA},
      {"error twice", kError, {}, kError, Act::kAskA, Act::kPassA},
      {"error, A silent", kError, {}, kTimeout, Act::kAskA, Act::kPassA},
      {"silence and A", kTimeout, {}, kData, Act::kAskA, Act::kSynthesize},
      {"silence, no A", kTimeout, {}, kNodata, Act::kAskA, Act::kPassAaaa},
      {"silence, A says NXDOMAIN", kTimeout, {}, kNxdomain, Act::kAskA, Act::kPassA},
      {"silence, A fails", kTimeout, {}, kError, Act::kAskA, Act::kPassA},
      {"silence twice", kTimeout, {}, kTimeout, Act::kAskA, Act::kPassA},
      {"all excluded and A", kData, {"::ffff:1.2.3.4"}, kData, Act::kAskA, Act::kSynthesize},
      {"all excluded, no A", kData, {"::ffff:1.2.3.4"}, kNodata, Act::kAskA, Act::kFilterAaaa},
      {"all excluded, A NXDOMAIN",
       kData,
       {"::ffff:1.2.3.4"},
       kNxdomain,
       Act::kAskA,
       Act::kFilterAaaa},
      {"all excluded, A fails", kData, {"::ffff:1.2.3.4"}, kError, Act::kAskA, Act::kPassA},
      {"some excluded",
       kData,
       {"::ffff:1.2.3.4", "2001:db8::1"},
       kData,
       Act::kFilterAaaa,
       Act::kFilterAaaa},
  };
  for (const OutcomeRow& row : rows) {
    SCOPED_TRACE(row.what);
    Lookups lookups = WithAaaa(row.addresses);
    lookups.aaaa = row.aaaa;
    lookups.a = row.a;
    EXPECT_EQ(DecideFirst(DefaultPolicy(), Query(), lookups).act, row.first);
    const auto both = DecideBoth(DefaultPolicy(), Query(), lookups);
    EXPECT_EQ(both.act, row.both) << testing::PrintToString(both.notes);
    EXPECT_EQ(both.synthesized.empty(), row.both != Act::kSynthesize);
  }
}

// Covers: D64-24, D64-26, T26
TEST(DecideOutcomes, SynthesisGivesTheAddressUnderThePrefixAndNothingElse) {
  const auto decision = DecideBoth(DefaultPolicy(), Query(), Lookups{});
  EXPECT_EQ(Texts(decision.synthesized), std::vector<std::string>{"2001:db8:64::c000:221"});
  EXPECT_EQ(Texts(decision.used), std::vector<std::string>{"2001:db8:64::/96"});
  EXPECT_TRUE(decision.kept.empty());
}

// Covers: D64-23, T32
TEST(DecideOutcomes, AliasesWithoutAddressAtTheEndAreNoData) {
  Lookups lookups;
  lookups.aaaa = LookupKind::kData;  // a chain was found, but no AAAA where it ends
  lookups.aaaa_addresses.clear();
  EXPECT_EQ(DecideFirst(DefaultPolicy(), Query(), lookups).act, Act::kAskA);
  EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), lookups).act, Act::kSynthesize);
}

TEST(DecideOutcomes, AnAliasToNothingIsAnEmptyA) {
  Lookups lookups;
  lookups.a_addresses.clear();
  EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), lookups).act, Act::kPassAaaa);
}

struct SynthesizeOnRow {
  On on;
  LookupKind aaaa;
  Act first;
};

// Covers: T34
TEST(DecideOutcomes, SynthesizeOnSaysWhichFailuresCountAsAbsence) {
  const SynthesizeOnRow rows[] = {
      {On::kNodata, kNodata, Act::kAskA},      {On::kNodata, kError, Act::kPassAaaa},
      {On::kNodata, kTimeout, Act::kPassAaaa}, {On::kError, kNodata, Act::kAskA},
      {On::kError, kError, Act::kAskA},        {On::kError, kTimeout, Act::kPassAaaa},
      {On::kTimeout, kNodata, Act::kAskA},     {On::kTimeout, kError, Act::kAskA},
      {On::kTimeout, kTimeout, Act::kAskA},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(static_cast<int>(row.on));
    SCOPED_TRACE(static_cast<int>(row.aaaa));
    Dns64Policy policy = DefaultPolicy();
    policy.synthesize_on = row.on;
    Lookups lookups;
    lookups.aaaa = row.aaaa;
    EXPECT_EQ(DecideFirst(policy, Query(), lookups).act, row.first);
    EXPECT_EQ(DecideBoth(policy, Query(), lookups).act,
              row.first == Act::kAskA ? Act::kSynthesize : Act::kPassAaaa);
  }
}

// Covers: D64-01
TEST(DecideOutcomes, ADisabledPolicyPassesEverythingOn) {
  Dns64Policy policy = DefaultPolicy();
  policy.enabled = false;
  EXPECT_EQ(DecideBoth(policy, Query(), Lookups{}).act, Act::kPassAaaa);
  EXPECT_EQ(DecideBoth(policy, Query(), WithAaaa({"::ffff:1.2.3.4"})).act, Act::kPassAaaa);
  EXPECT_FALSE(MayNeedA(policy, Query()));
}

// Covers: D64-08, T4, T5
TEST(DecideOutcomes, ClientsOverIpv4AreServedUnlessThePolicySaysOtherwise) {
  Dns64Query query = Query();
  query.over_ipv4 = true;
  Dns64Policy policy = DefaultPolicy();
  EXPECT_EQ(DecideBoth(policy, query, Lookups{}).act, Act::kSynthesize);
  EXPECT_TRUE(MayNeedA(policy, query));

  policy.clients_over_ipv4 = false;
  const auto decision = DecideFirst(policy, query, Lookups{});
  EXPECT_EQ(decision.act, Act::kPassAaaa);
  EXPECT_TRUE(HasNote(decision, "client asks over IPv4 and clients_over_ipv4 is false"))
      << testing::PrintToString(decision.notes);
  EXPECT_FALSE(MayNeedA(policy, query));

  query.over_ipv4 = false;
  EXPECT_EQ(DecideBoth(policy, query, Lookups{}).act, Act::kSynthesize);
}

// An excluded record is not sent to anybody (RFC 6147 section 5.1.4), synthesis or not.
TEST(DecideOutcomes, AClientWithoutSynthesisGetsNoExcludedRecord) {
  Dns64Query query = Query();
  query.over_ipv4 = true;
  Dns64Policy policy = DefaultPolicy();
  policy.clients_over_ipv4 = false;
  const auto none = DecideFirst(policy, query, WithAaaa({"::ffff:1.2.3.4"}));
  EXPECT_EQ(none.act, Act::kFilterAaaa);
  EXPECT_TRUE(none.kept.empty());
}

// Covers: T62
TEST(DecideOutcomes, WithoutAnActivePrefixNothingIsSynthesized) {
  for (auto& prefixes :
       {std::vector<Dns64Prefix>{}, std::vector<Dns64Prefix>{Draining("2001:db8:64::/96")}}) {
    const Dns64Policy policy = PolicyOf(prefixes);
    EXPECT_FALSE(MayNeedA(policy, Query()));
    EXPECT_EQ(DecideFirst(policy, Query(), Lookups{}).act, Act::kPassAaaa);
    EXPECT_EQ(DecideBoth(policy, Query(), Lookups{}).act, Act::kPassAaaa);
  }
}

// Covers: ADR-05
TEST(DecideOutcomes, WhereNoAIsUsableTheAaaaOutcomeIsTheAnswer) {
  Dns64Policy policy = PolicyOf({Plain("64:ff9b::/96")});
  Lookups lookups;
  lookups.a_addresses = {V4("10.0.0.1"), V4("192.168.1.1")};
  const auto decision = DecideBoth(policy, Query(), lookups);
  EXPECT_EQ(decision.act, Act::kPassAaaa);
  EXPECT_TRUE(
      HasNote(decision, "10.0.0.1 is not global, not under 64:ff9b::/96 (RFC 6052 section 3.1)"))
      << testing::PrintToString(decision.notes);

  lookups.aaaa = LookupKind::kTimeout;
  EXPECT_EQ(DecideBoth(policy, Query(), lookups).act, Act::kPassAaaa);
}

// Covers: T16
TEST(DecideOutcomes, LocalDataIsJudgedLikeAnyOther) {
  Lookups lookups;  // local data has neither validation nor, where it is A alone, a failing AAAA
  lookups.soa_ttl = 10800;
  lookups.a_ttl = 60;
  const auto decision = DecideBoth(DefaultPolicy(), Query("printer.home.arpa."), lookups);
  EXPECT_EQ(decision.act, Act::kSynthesize);
  EXPECT_EQ(decision.ttl, 60U);
  EXPECT_EQ(DecideBoth(DefaultPolicy(), Query("localhost."), WithAaaa({"::1"})).act,
            Act::kPassAaaa);
}

TEST(DecideOutcomes, NotesAreMadeOnlyWhereTheyAreWanted) {
  const Lookups lookups;
  const AaaaLookup aaaa = lookups.Aaaa();
  const ALookup a = lookups.A();
  EXPECT_TRUE(Decide(DefaultPolicy(), Query(), aaaa, &a).notes.empty());
  const auto decision = DecideBoth(DefaultPolicy(), Query(), lookups);
  EXPECT_TRUE(
      HasNote(decision, "A 192.0.2.33 becomes 2001:db8:64::c000:221 under 2001:db8:64::/96"))
      << testing::PrintToString(decision.notes);
}

}  // namespace
}  // namespace resolve64::dns64
