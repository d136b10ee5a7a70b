// Requirements D64-02, D64-06, ADR-05 to ADR-09: which prefix an IPv4 address gets.
#include "dns64/select.h"

#include <algorithm>

#include "support.h"

namespace resolve64::dns64 {
namespace {

using Strings = std::vector<std::string>;

std::vector<Ipv4> V4s(std::initializer_list<std::string_view> texts) {
  std::vector<Ipv4> out;
  for (const auto text : texts) out.push_back(V4(text));
  return out;
}

Strings PrefixTexts(const Dns64Policy& policy, std::string_view address) {
  return Texts(PrefixesFor(policy, V4(address)));
}

Strings Made(const Dns64Policy& policy, std::initializer_list<std::string_view> addresses) {
  return Texts(Synthesize(policy, V4s(addresses), {}, nullptr).addresses);
}

Dns64Policy All(std::vector<Dns64Prefix> prefixes) {
  Dns64Policy policy = PolicyOf(std::move(prefixes));
  policy.selection = Selection::kAll;
  return policy;
}

// Covers: D64-02, D64-06
TEST(PrefixesFor, TheLongestMatchWins) {
  const Dns64Policy policy =
      All({Plain("2001:db8:1::/96"), For("2001:db8:2::/96", {"198.51.0.0/16"}),
           For("2001:db8:3::/96", {"203.0.113.0/24", "198.51.100.0/24"}),
           For("2001:db8:4::/96", {"0.0.0.0/0"})});
  EXPECT_EQ(PrefixTexts(policy, "198.51.100.7"), Strings{"2001:db8:3::/96"});
  EXPECT_EQ(PrefixTexts(policy, "203.0.113.7"), Strings{"2001:db8:3::/96"});
  EXPECT_EQ(PrefixTexts(policy, "198.51.7.7"), Strings{"2001:db8:2::/96"});
  // 0.0.0.0/0 is a match, if the shortest; no for_a is none.
  EXPECT_EQ(PrefixTexts(policy, "192.0.2.7"), Strings{"2001:db8:4::/96"});
}

// Covers: D64-06
TEST(PrefixesFor, EqualMatchesCountInTheOrderOfThePolicy) {
  const std::vector<Dns64Prefix> prefixes = {Plain("2001:db8:2::/96"), Plain("2001:db8:1::/96"),
                                             For("2001:db8:4::/96", {"192.0.2.0/24"}),
                                             For("2001:db8:3::/96", {"192.0.2.0/24"})};
  EXPECT_EQ(PrefixTexts(All(prefixes), "198.51.100.1"),
            (Strings{"2001:db8:2::/96", "2001:db8:1::/96"}));
  EXPECT_EQ(PrefixTexts(All(prefixes), "192.0.2.1"),
            (Strings{"2001:db8:4::/96", "2001:db8:3::/96"}));
  EXPECT_EQ(PrefixTexts(PolicyOf(prefixes), "198.51.100.1"), Strings{"2001:db8:2::/96"});
  EXPECT_EQ(PrefixTexts(PolicyOf(prefixes), "192.0.2.1"), Strings{"2001:db8:4::/96"});
}

TEST(PrefixesFor, AnAddressThatNoPrefixIsForGetsNone) {
  EXPECT_EQ(PrefixTexts(All({For("2001:db8:1::/96", {"192.0.2.0/24"})}), "198.51.100.1"),
            Strings{});
}

// Covers: T53
TEST(PrefixesFor, DrainingPrefixesDoNotCompete) {
  auto draining = For("2001:db8:2::/96", {"192.0.2.0/24"});
  draining.draining = true;
  EXPECT_EQ(PrefixTexts(PolicyOf({Draining("2001:db8:1::/96"), draining, Plain("2001:db8:3::/96")}),
                        "192.0.2.1"),
            Strings{"2001:db8:3::/96"});
}

// Covers: D64-09, T57
TEST(PrefixesFor, ExcludedAddressesGetNone) {
  Dns64Policy policy = All({Plain("2001:db8:1::/96")});
  policy.exclude_a = {Net("192.0.2.0/24"), Net("10.0.0.0/8")};
  EXPECT_EQ(PrefixTexts(policy, "192.0.2.255"), Strings{});
  EXPECT_EQ(PrefixTexts(policy, "10.255.0.1"), Strings{});
  EXPECT_EQ(PrefixTexts(policy, "192.0.3.0"), Strings{"2001:db8:1::/96"});
  policy.exclude_a.clear();
  EXPECT_EQ(PrefixTexts(policy, "192.0.2.255"), Strings{"2001:db8:1::/96"});
}

// Covers: ADR-05, ADR-06, ADR-08
TEST(PrefixesFor, TheWellKnownPrefixIsForGlobalAddressesOnly) {
  Dns64Policy policy = PolicyOf({Plain("64:ff9b::/96")});
  for (const char* address :
       {"0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.31.255.255",
        "192.0.0.1", "192.0.2.33", "192.88.99.1", "192.168.0.1", "198.19.255.255", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"}) {
    EXPECT_EQ(PrefixTexts(policy, address), Strings{}) << address;
  }
  for (const char* address : {"78.0.96.91", "192.0.0.9", "192.0.0.10", "100.63.255.255",
                              "172.32.0.0", "198.20.0.0", "223.255.255.255"}) {
    EXPECT_EQ(PrefixTexts(policy, address), Strings{"64:ff9b::/96"}) << address;
  }
  policy.allow_nonglobal_with_well_known_prefix = true;
  EXPECT_EQ(PrefixTexts(policy, "10.0.0.1"), Strings{"64:ff9b::/96"});
}

// Covers: ADR-05, ADR-09
TEST(PrefixesFor, OtherPrefixesCarryPrivateAddresses) {
  EXPECT_EQ(PrefixTexts(PolicyOf({Plain("2001:db8:1::/96")}), "10.0.0.1"),
            Strings{"2001:db8:1::/96"});
  EXPECT_EQ(PrefixTexts(PolicyOf({Plain("64:ff9b:1::/96")}), "192.168.0.1"),
            Strings{"64:ff9b:1::/96"});
  EXPECT_EQ(PrefixTexts(PolicyOf({Plain("64:ff9b:1:fffe::/96")}), "192.168.0.1"),
            Strings{"64:ff9b:1:fffe::/96"});
}

// Covers: ADR-05
TEST(PrefixesFor, WhereTheWellKnownPrefixIsBarredTheNextOneIsUsed) {
  const auto prefixes = {Plain("64:ff9b::/96"), Plain("2001:db8:1::/96")};
  EXPECT_EQ(PrefixTexts(PolicyOf(prefixes), "10.0.0.1"), Strings{"2001:db8:1::/96"});
  EXPECT_EQ(PrefixTexts(PolicyOf(prefixes), "78.0.96.91"), Strings{"64:ff9b::/96"});
  EXPECT_EQ(PrefixTexts(All(prefixes), "78.0.96.91"), (Strings{"64:ff9b::/96", "2001:db8:1::/96"}));
}

// Covers: D64-06, T3
TEST(Synthesize, OrdersByARecordThenByPrefix) {
  const auto policy = All({Plain("2001:db8:2::/96"), Plain("2001:db8:1::/96")});
  const auto made = Synthesize(policy, V4s({"192.0.2.2", "192.0.2.1"}), {}, nullptr);
  EXPECT_EQ(Texts(made.addresses), (Strings{"2001:db8:2::c000:202", "2001:db8:1::c000:202",
                                            "2001:db8:2::c000:201", "2001:db8:1::c000:201"}));
  EXPECT_EQ(Texts(made.used), (Strings{"2001:db8:2::/96", "2001:db8:1::/96"}));
}

// Covers: D64-05
TEST(Synthesize, UsesEveryLengthOfRfc6052AndTheSuffixOfThePrefix) {
  Dns64Policy policy = All({Plain("2607:7700::/32"), Plain("2001:db8:100::/40"),
                            Plain("2001:db8:122::/48"), Plain("2001:db8:122:300::/56"),
                            Plain("2001:db8:122:344::/64"), Plain("2001:db8:122:344::/96")});
  EXPECT_EQ(Made(policy, {"192.0.2.33"}),
            (Strings{"2607:7700:c000:221::", "2001:db8:1c0:2:21::", "2001:db8:122:c000:2:2100::",
                     "2001:db8:122:3c0:0:221::", "2001:db8:122:344:c0:2:2100:0",
                     "2001:db8:122:344::c000:221"}));
  Dns64Prefix suffixed;
  suffixed.prefix = Pref64("2001:db8::/32").WithSuffix(V6("::1")).value();
  EXPECT_EQ(Made(PolicyOf({suffixed}), {"192.0.2.33"}), Strings{"2001:db8:c000:221::1"});
}

TEST(Synthesize, MakesNoDuplicates) {
  const auto policy = All({Plain("2001:db8:1::/96"), Plain("2001:db8:1::/96")});
  EXPECT_EQ(Made(policy, {"192.0.2.1", "192.0.2.2", "192.0.2.1"}),
            (Strings{"2001:db8:1::c000:201", "2001:db8:1::c000:202"}));
}

// Covers: T46, B16
TEST(Synthesize, NeverMakesMoreThanMaxRecords) {
  Dns64Policy policy = PolicyOf({Plain("2001:db8:1::/96")});
  policy.max_records = 2;
  EXPECT_EQ(Made(policy, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}),
            (Strings{"2001:db8:1::c000:201", "2001:db8:1::c000:202"}));
}

TEST(Synthesize, NoAddressLosesItsFirstPrefixForAnothersSecond) {
  Dns64Policy policy = All({Plain("2001:db8:1::/96"), Plain("2001:db8:2::/96")});
  policy.max_records = 4;
  EXPECT_EQ(Made(policy, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}),
            (Strings{"2001:db8:1::c000:201", "2001:db8:2::c000:201", "2001:db8:1::c000:202",
                     "2001:db8:1::c000:203"}));
  policy.max_records = 3;
  EXPECT_EQ(Made(policy, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}),
            (Strings{"2001:db8:1::c000:201", "2001:db8:1::c000:202", "2001:db8:1::c000:203"}));
  EXPECT_EQ(
      Synthesize(policy, V4s({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), {}, nullptr).used.size(),
      1U);
}

TEST(Synthesize, MaxRecordsOfNoneMeansNoSynthesis) {
  Dns64Policy policy = DefaultPolicy();
  policy.max_records = 0;
  EXPECT_FALSE(MayNeedA(policy, Query()));
  EXPECT_EQ(DecideBoth(policy, Query(), Lookups{}).act, Act::kPassAaaa);
}

// Covers: D64-09
TEST(Synthesize, LeavesOutOnlyTheARecordsThatAreExcluded) {
  Dns64Policy policy = PolicyOf({Plain("64:ff9b::/96")});
  policy.exclude_a = {Net("78.0.96.0/24")};
  EXPECT_EQ(Made(policy, {"78.0.96.91", "10.0.0.1", "78.0.97.91"}), Strings{"64:ff9b::4e00:615b"});
}

}  // namespace
}  // namespace resolve64::dns64
