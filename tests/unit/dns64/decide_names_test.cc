// The lists of names: exempt, always synthesized, appended.
#include "support.h"

namespace resolve64::dns64 {
namespace {

using Kept = std::vector<std::uint16_t>;

Dns64Policy Always(std::initializer_list<std::string_view> names) {
  Dns64Policy policy = DefaultPolicy();
  for (const auto name : names) policy.always_synthesize_names.push_back(N(name));
  return policy;
}

Dns64Policy Append(std::initializer_list<std::string_view> names) {
  Dns64Policy policy = DefaultPolicy();
  for (const auto name : names) policy.append_names.push_back(N(name));
  return policy;
}

// Covers: D64-09, T9
TEST(ExemptNames, AndTheirSubtreesAreNeverSynthesized) {
  Dns64Policy policy = DefaultPolicy();
  policy.exempt_names = {N("example.com."), N("Printer.Example.")};
  for (const char* name :
       {"example.com.", "www.example.com.", "a.b.EXAMPLE.com.", "printer.example."}) {
    SCOPED_TRACE(name);
    const auto decision = DecideFirst(policy, Query(name), Lookups{});
    EXPECT_EQ(decision.act, Act::kPassAaaa);
    EXPECT_TRUE(HasNote(decision, "the name is in exempt_names"))
        << testing::PrintToString(decision.notes);
    EXPECT_FALSE(MayNeedA(policy, Query(name)));
  }
  for (const char* name : {"com.", "notexample.com.", "example.org.", "example."}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(DecideBoth(policy, Query(name), Lookups{}).act, Act::kSynthesize);
    EXPECT_TRUE(MayNeedA(policy, Query(name)));
  }
}

TEST(ExemptNames, StillGetNoExcludedRecord) {
  Dns64Policy policy = DefaultPolicy();
  policy.exempt_names = {N("example.com.")};
  const auto decision = DecideFirst(policy, Query(), WithAaaa({"::ffff:192.0.2.1", "2001:db8::1"}));
  EXPECT_EQ(decision.act, Act::kFilterAaaa);
  EXPECT_EQ(decision.kept, Kept{1});
}

TEST(ExemptNames, WinOverTheOtherLists) {
  Dns64Policy policy = Always({"www.example.com."});
  policy.append_names = {N("www.example.com.")};
  policy.exempt_names = {N("example.com.")};
  EXPECT_EQ(DecideBoth(policy, Query(), WithAaaa({"2001:db8::1"})).act, Act::kPassAaaa);
}

// Covers: T10, T11
TEST(AlwaysNames, IgnoreNativeRecordsWhereThereIsAUsableA) {
  const Dns64Policy policy = Always({"example.com."});
  const Lookups lookups = WithAaaa({"2001:db8::1"});
  EXPECT_EQ(DecideFirst(policy, Query(), lookups).act, Act::kAskA);
  const auto decision = DecideBoth(policy, Query(), lookups);
  EXPECT_EQ(decision.act, Act::kSynthesize);
  EXPECT_EQ(Texts(decision.synthesized), std::vector<std::string>{"2001:db8:64::c000:221"});
  EXPECT_EQ(decision.ttl, 600U);
  EXPECT_EQ(DecideBoth(policy, Query("www.example.org."), lookups).act, Act::kPassAaaa);
}

// Covers: T10
TEST(AlwaysNames, FallBackToNativeRecordsWithoutAUsableA) {
  const Dns64Policy policy = Always({"example.com."});
  for (const auto a : {LookupKind::kNodata, LookupKind::kNxdomain, LookupKind::kError,
                       LookupKind::kTimeout, LookupKind::kBogus}) {
    Lookups lookups = WithAaaa({"2001:db8::1"});
    lookups.a = a;
    EXPECT_EQ(DecideBoth(policy, Query(), lookups).act, Act::kPassAaaa);
    lookups = WithAaaa({"2001:db8::1", "::ffff:192.0.2.1"});
    lookups.a = a;
    const auto filtered = DecideBoth(policy, Query(), lookups);
    EXPECT_EQ(filtered.act, Act::kFilterAaaa);
    EXPECT_EQ(filtered.kept, Kept{0});
  }

  Dns64Policy well_known = Always({"example.com."});
  well_known.prefixes = {Plain("64:ff9b::/96")};
  Lookups lookups = WithAaaa({"2001:db8::1"});
  lookups.a_addresses = {V4("10.0.0.1")};
  EXPECT_EQ(DecideBoth(well_known, Query(), lookups).act, Act::kPassAaaa);
}

TEST(AlwaysNames, DoNotMakeANameExist) {
  Lookups lookups;
  lookups.aaaa = LookupKind::kNxdomain;
  EXPECT_EQ(DecideBoth(Always({"example.com."}), Query(), lookups).act, Act::kPassAaaa);
}

TEST(AlwaysNames, WithStrictModeLeaveSignedZonesToDo) {
  Dns64Policy policy = Always({"example.com."});
  policy.dnssec_mode = Mode::kStrict;
  Lookups lookups = WithAaaa({"2001:db8::1"});
  lookups.aaaa_security = Security::kSecure;
  EXPECT_EQ(DecideBoth(policy, Query("www.example.com.", true), lookups).act, Act::kPassAaaa);
  EXPECT_EQ(DecideBoth(policy, Query("www.example.com.", false), lookups).act, Act::kSynthesize);
}

// Covers: T13
TEST(AppendNames, GetNativeRecordsFirstAndSynthesizedAfter) {
  const Dns64Policy policy = Append({"example.com."});
  const Lookups lookups = WithAaaa({"2001:db8::2", "::ffff:192.0.2.1", "2001:db8::1"});
  EXPECT_EQ(DecideFirst(policy, Query(), lookups).act, Act::kAskA);
  const auto decision = DecideBoth(policy, Query(), lookups);
  EXPECT_EQ(decision.act, Act::kAppend);
  EXPECT_EQ(decision.kept, (Kept{0, 2}));
  EXPECT_EQ(Texts(decision.synthesized), std::vector<std::string>{"2001:db8:64::c000:221"});
}

TEST(AppendNames, AreAnsweredAsUsualWithoutNativeRecordsOrWithoutA) {
  const Dns64Policy policy = Append({"example.com."});
  EXPECT_EQ(DecideBoth(policy, Query(), Lookups{}).act, Act::kSynthesize);
  for (const auto a : {LookupKind::kNodata, LookupKind::kError, LookupKind::kBogus}) {
    Lookups lookups = WithAaaa({"2001:db8::1"});
    lookups.a = a;
    EXPECT_EQ(DecideBoth(policy, Query(), lookups).act, Act::kPassAaaa);
  }
}

TEST(AppendNames, GetNoRecordTwice) {
  Lookups lookups = WithAaaa({"2001:db8:64::c000:221"});
  lookups.a_addresses = {V4("192.0.2.33"), V4("192.0.2.34")};
  const auto decision = DecideBoth(Append({"example.com."}), Query(), lookups);
  EXPECT_EQ(decision.act, Act::kAppend);
  EXPECT_EQ(Texts(decision.synthesized), std::vector<std::string>{"2001:db8:64::c000:222"});

  lookups.a_addresses = {V4("192.0.2.33")};
  EXPECT_EQ(DecideBoth(Append({"example.com."}), Query(), lookups).act, Act::kPassAaaa);
}

TEST(NameLists, TheClosestNameDecidesAndAppendWhereBothAreAsClose) {
  const Lookups lookups = WithAaaa({"2001:db8::1"});
  Dns64Policy policy = Always({"example.com."});
  policy.append_names = {N("www.example.com.")};
  EXPECT_EQ(DecideBoth(policy, Query("www.example.com."), lookups).act, Act::kAppend);
  EXPECT_EQ(DecideBoth(policy, Query("ftp.example.com."), lookups).act, Act::kSynthesize);

  policy = Always({"www.example.com.", "."});
  policy.append_names = {N("example.com.")};
  EXPECT_EQ(DecideBoth(policy, Query("www.example.com."), lookups).act, Act::kSynthesize);
  EXPECT_EQ(DecideBoth(policy, Query("ftp.example.com."), lookups).act, Act::kAppend);

  policy = Always({"example.com."});
  policy.append_names = {N("example.com.")};
  EXPECT_EQ(DecideBoth(policy, Query(), lookups).act, Act::kAppend);
}

TEST(NameLists, TheRootStandsForEveryName) {
  Dns64Policy policy = DefaultPolicy();
  policy.exempt_names = {N(".")};
  EXPECT_FALSE(MayNeedA(policy, Query("anything.example.")));
  EXPECT_FALSE(MayNeedA(policy, Query(".")));
}

}  // namespace
}  // namespace resolve64::dns64
