// Requirements D64-18 to D64-21: AAAA records that count as absent (RFC 6147 section 5.1.4).
#include "support.h"

namespace resolve64::dns64 {
namespace {

using Kept = std::vector<std::uint16_t>;

// Covers: D64-18, T14, T55, B7
TEST(Exclude, MappedAddressesAreExcludedAndOnlyThose) {
  const auto decision = DecideBoth(DefaultPolicy(), Query(),
                                   WithAaaa({"::ffff:192.0.2.1", "2001:db8::1", "::", "::1",
                                             "::fffe:192.0.2.1", "0:0:0:0:1:ffff:c000:201"}));
  EXPECT_EQ(decision.act, Act::kFilterAaaa);
  EXPECT_EQ(decision.kept, (Kept{1, 2, 3, 4, 5}));
  EXPECT_TRUE(
      HasNote(decision, "AAAA ::ffff:192.0.2.1 excluded: in " + Net("::ffff:0:0/96").ToText()))
      << testing::PrintToString(decision.notes);
}

// Covers: D64-20, T12, B11
TEST(Exclude, OneExcludedRecordDoesNotTakeTheOthersWithIt) {
  Dns64Policy policy = DefaultPolicy();
  policy.exclude_aaaa.push_back(Net("2001:db8:bad::/48"));
  const auto decision =
      DecideBoth(policy, Query(), WithAaaa({"2001:db8::1", "2001:db8:bad::1", "2001:db8::2"}));
  EXPECT_EQ(decision.act, Act::kFilterAaaa);
  EXPECT_EQ(decision.kept, (Kept{0, 2}));
  EXPECT_EQ(decision.ttl, 3600U);
  EXPECT_TRUE(decision.synthesized.empty());
}

// Covers: B12
TEST(Exclude, AnAddressInOnlyOneOfTwoRangesIsExcludedAndTheOthersAreKeptOnce) {
  Dns64Policy policy = DefaultPolicy();
  policy.exclude_aaaa = {Net("2001:db8:1::/48"), Net("2001:db8:2::/48")};
  const auto decision =
      DecideBoth(policy, Query(), WithAaaa({"2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"}));
  EXPECT_EQ(decision.kept, Kept{2});
}

// Covers: T57
TEST(Exclude, AnEmptyListExcludesNothingAndStopsNothing) {
  Dns64Policy policy = DefaultPolicy();
  policy.exclude_aaaa.clear();
  EXPECT_EQ(DecideBoth(policy, Query(), WithAaaa({"::ffff:192.0.2.1"})).act, Act::kPassAaaa);
  EXPECT_EQ(DecideBoth(policy, Query(), Lookups{}).act, Act::kSynthesize);
}

// Covers: D64-19
TEST(Exclude, WhereAllAreExcludedTheAnswerIsMadeFromA) {
  const auto decision =
      DecideBoth(DefaultPolicy(), Query(), WithAaaa({"::ffff:192.0.2.1", "::ffff:192.0.2.2"}));
  EXPECT_EQ(decision.act, Act::kSynthesize);
  EXPECT_EQ(Texts(decision.synthesized), std::vector<std::string>{"2001:db8:64::c000:221"});
  EXPECT_TRUE(decision.kept.empty());
}

// Covers: T13
TEST(Exclude, EverythingCanBeExcluded) {
  Dns64Policy policy = DefaultPolicy();
  policy.exclude_aaaa = {Net("::/0")};
  EXPECT_EQ(DecideBoth(policy, Query(), WithAaaa({"2001:db8::1"})).act, Act::kSynthesize);
}

// Covers: T21
TEST(Exclude, TheWellKnownPrefixIsForeignWhereItIsNotOurs) {
  const auto aaaa = WithAaaa({"64:ff9b::c633:6401"});
  const auto decision = DecideBoth(DefaultPolicy(), Query(), aaaa);
  EXPECT_EQ(decision.act, Act::kSynthesize);
  EXPECT_TRUE(
      HasNote(decision, "AAAA 64:ff9b::c633:6401 excluded: under 64:ff9b::/96, a foreign prefix"))
      << testing::PrintToString(decision.notes);

  EXPECT_EQ(DecideBoth(PolicyOf({Plain("64:ff9b::/96")}), Query(), aaaa).act, Act::kPassAaaa);
  EXPECT_EQ(
      DecideBoth(PolicyOf({Plain("2001:db8:64::/96"), Draining("64:ff9b::/96")}), Query(), aaaa)
          .act,
      Act::kPassAaaa);
}

// 64:ff9b:1::/48 is another matter: networks may use it natively (RFC 8215).
// Covers: ADR-09
TEST(Exclude, TheLocalUsePrefixIsNotForeignByItself) {
  EXPECT_EQ(DecideBoth(DefaultPolicy(), Query(), WithAaaa({"64:ff9b:1::1"})).act, Act::kPassAaaa);
}

// Covers: T21
TEST(Exclude, ConfiguredForeignPrefixesAreExcludedWhateverTheirOtherOctets) {
  Dns64Policy policy = DefaultPolicy();
  policy.foreign_prefixes.push_back(Net("2001:db8:f000::/48"));
  const auto decision = DecideBoth(
      policy, Query(),
      WithAaaa({"2001:db8:f000:c000:2:2100::", "2001:db8:f000:1:ff00::1", "2001:db8:f001::1"}));
  EXPECT_EQ(decision.act, Act::kFilterAaaa);
  EXPECT_EQ(decision.kept, Kept{2});
}

// Covers: T21
TEST(Exclude, AForeignPrefixMayHaveALengthThatRfc6052DoesNotKnow) {
  Dns64Policy policy = DefaultPolicy();
  policy.foreign_prefixes = {Net("2001:db8:f000::/50"), Net("2001:db8:f001::1/128")};
  const auto decision = DecideBoth(policy, Query(),
                                   WithAaaa({"2001:db8:f000:3fff::1", "2001:db8:f000:4000::1",
                                             "2001:db8:f001::1", "2001:db8:f001::2"}));
  EXPECT_EQ(decision.act, Act::kFilterAaaa);
  EXPECT_EQ(decision.kept, (Kept{1, 3}));
  EXPECT_TRUE(HasNote(
      decision, "AAAA 2001:db8:f000:3fff::1 excluded: under 2001:db8:f000::/50, a foreign prefix"))
      << testing::PrintToString(decision.notes);
}

// Covers: D64-21
TEST(Exclude, AFilteredAnswerIsAuthenticOnlyForDoAndSecureData) {
  struct Row {
    bool do_bit;
    Security security;
    bool authentic;
  };
  for (const Row& row : {Row{true, Security::kSecure, true}, Row{false, Security::kSecure, false},
                         Row{true, Security::kInsecure, false}}) {
    Lookups lookups = WithAaaa({"::ffff:192.0.2.1", "2001:db8::1"});
    lookups.aaaa_security = row.security;
    const auto decision = DecideBoth(DefaultPolicy(), Query("a.example.", row.do_bit), lookups);
    EXPECT_EQ(decision.act, Act::kFilterAaaa);
    EXPECT_EQ(decision.authentic, row.authentic);
  }
}

// Covers: D64-21
TEST(Exclude, WithCdNothingIsFiltered) {
  const auto aaaa = WithAaaa({"::ffff:192.0.2.1", "2001:db8::1"});
  for (const bool do_bit : {false, true}) {
    EXPECT_EQ(DecideBoth(DefaultPolicy(), Query("a.example.", do_bit, true), aaaa).act,
              Act::kPassAaaa);
  }
}

}  // namespace
}  // namespace resolve64::dns64
