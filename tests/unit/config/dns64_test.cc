// "dns64" and views: what they come to, and what a NAT64 operator is warned of.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "support.h"

namespace resolve64::config {
namespace {

std::string InDns64(std::string_view keys) { return "{\"dns64\": {" + std::string(keys) + "}}"; }

Dns64Policy Dns64(std::string_view keys) {
  const ReadResult result = Read(InDns64(keys));
  EXPECT_EQ(Texts(result.errors), Lines()) << keys;
  return result.config ? result.config->dns64 : Dns64Policy();
}

std::vector<std::string> PrefixTexts(const Dns64Policy& policy) {
  std::vector<std::string> texts;
  texts.reserve(policy.prefixes.size());
  for (const Dns64Prefix& prefix : policy.prefixes) texts.push_back(prefix.prefix.ToText());
  return texts;
}

std::vector<std::string> NetworkTexts(const std::vector<Network>& networks) {
  std::vector<std::string> texts;
  texts.reserve(networks.size());
  for (const Network& network : networks) texts.push_back(network.ToText());
  return texts;
}

// The pointers of the warnings of "dns64" with these keys, each with the start of its text.
bool Warns(std::string_view keys, std::string_view pointer, std::string_view words) {
  const ReadResult result = Read(InDns64(keys));
  EXPECT_TRUE(result.config) << keys;
  for (const Diagnostic& warning : result.warnings) {
    if (warning.pointer == pointer && warning.message.find(words) != std::string::npos) return true;
  }
  return false;
}

// Covers: D64-04
TEST(ReadDns64, WellKnownPrefixIsTheDefaultAndOnlyThat) {
  EXPECT_EQ(PrefixTexts(Dns64("")), Lines{"64:ff9b::/96"});
  EXPECT_EQ(PrefixTexts(Dns64(R"("prefixes": ["2001:db8:64::/96"])")), Lines{"2001:db8:64::/96"});
  EXPECT_EQ(PrefixTexts(Dns64(R"("prefixes": ["2001:db8:64::/96", "64:ff9b::/96"])")),
            (Lines{"2001:db8:64::/96", "64:ff9b::/96"}));
}

// Covers: D64-04
TEST(ReadDns64, EmptyListOfPrefixesIsRefused) {
  const auto errors = Errors(InDns64(R"("prefixes": [])"));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].find("remove the key for 64:ff9b::/96"), std::string::npos) << errors[0];
}

// Covers: D64-03, VEC-04, T45, B14
TEST(ReadDns64, TakesTheSixLengthsAndNoOther) {
  for (int bits = 0; bits <= 129; ++bits) {
    const bool good =
        bits == 32 || bits == 40 || bits == 48 || bits == 56 || bits == 64 || bits == 96;
    const std::string text = InDns64("\"prefixes\": [\"2001:db8::/" + std::to_string(bits) + "\"]");
    EXPECT_EQ(Errors(text).empty(), good) << bits;
  }
}

// Covers: ADR-01, ADR-04, VEC-04
TEST(ReadDns64, RefusesReservedBitsAndOtherLengthsOfTheWellKnownPrefix) {
  for (const char* prefix : {"2001:db8:0:0:100::/96", "64:ff9b::/64", "64:ff9b::/32",
                             "2001:db8::1/96", "::ffff:0:0/96"}) {
    EXPECT_EQ(Errors(InDns64("\"prefixes\": [\"" + std::string(prefix) + "\"]")).size(), 1U)
        << prefix;
    EXPECT_EQ(
        Errors(InDns64("\"prefixes\": [{\"prefix\": \"" + std::string(prefix) + "\"}]")).size(), 1U)
        << prefix;
  }
}

// Covers: D64-05
TEST(ReadDns64, SuffixIsPutAfterTheAddress) {
  const Dns64Policy policy =
      Dns64(R"("prefixes": [{"prefix": "2001:db8:100::/40", "suffix": "::12:3456"}])");
  ASSERT_EQ(policy.prefixes.size(), 1U);
  EXPECT_EQ(ToText(policy.prefixes[0].prefix.Embed(*ParseIpv4("192.0.2.33"))),
            "2001:db8:1c0:2:21:0:12:3456");
}

// Covers: D64-02
TEST(ReadDns64, PrefixesForRangesOfIpv4AreKeptInOrder) {
  const Dns64Policy policy = Dns64(R"("prefixes": [
      {"prefix": "2001:db8:64::/96", "for_a": ["198.51.100.0/24", "192.0.2.1"]},
      {"prefix": "2001:db8:65::/96", "state": "draining"},
      "64:ff9b::/96"])");
  ASSERT_EQ(policy.prefixes.size(), 3U);
  EXPECT_EQ(NetworkTexts(policy.prefixes[0].for_a), (Lines{"198.51.100.0/24", "192.0.2.1/32"}));
  EXPECT_FALSE(policy.prefixes[0].draining);
  EXPECT_TRUE(policy.prefixes[1].draining);
  EXPECT_TRUE(policy.prefixes[2].for_a.empty());
}

// Covers: T57, D64-18
TEST(ReadDns64, EmptyListOfExclusionsExcludesNothing) {
  EXPECT_EQ(NetworkTexts(Dns64("").exclude_aaaa), Lines{"::ffff:0.0.0.0/96"});
  EXPECT_TRUE(Dns64(R"("exclude_aaaa": [])").exclude_aaaa.empty());
  EXPECT_EQ(NetworkTexts(Dns64(R"("exclude_aaaa": ["::/0"])").exclude_aaaa), Lines{"::/0"});
}

TEST(ReadDns64, WordsBecomeWhatTheyStandFor) {
  const Dns64Policy policy = Dns64(
      R"("selection": "all", "synthesize_on": "error", "dnssec_mode": "break", "reverse": "off")");
  EXPECT_EQ(policy.selection, Dns64Policy::Selection::kAll);
  EXPECT_EQ(policy.synthesize_on, Dns64Policy::SynthesizeOn::kError);
  EXPECT_EQ(policy.dnssec_mode, Dns64Policy::DnssecMode::kBreak);
  EXPECT_EQ(policy.reverse, Dns64Policy::Reverse::kOff);
}

TEST(ReadViews, KeepTheOrderOfTheFileAndInheritWhatTheyDoNotName) {
  const ReadResult result = Read(R"({
    "listen": [{"address": "::1", "view": "a"}],
    "views": {
      "z": {"clients": ["2001:db8:1::/48", "192.0.2.0/24"], "dns64": {"prefixes": ["2001:db8:64::/96"]}},
      "a": {"dns64": {"hide_a": false, "exclude_aaaa": []}}
    },
    "dns64": {"hide_a": true, "max_records": 3, "exempt_names": ["example"]}
  })");
  ASSERT_EQ(Texts(result.errors), Lines());
  EXPECT_EQ(Texts(result.warnings), Lines());
  const auto& views = result.config->views;
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].name, "z");
  EXPECT_EQ(NetworkTexts(views[0].clients), (Lines{"2001:db8:1::/48", "192.0.2.0/24"}));
  EXPECT_EQ(PrefixTexts(views[0].dns64), Lines{"2001:db8:64::/96"});
  EXPECT_TRUE(views[0].dns64.hide_a);
  EXPECT_EQ(views[0].dns64.max_records, 3U);
  EXPECT_EQ(views[1].name, "a");
  EXPECT_EQ(PrefixTexts(views[1].dns64), Lines{"64:ff9b::/96"});
  EXPECT_FALSE(views[1].dns64.hide_a);
  EXPECT_TRUE(views[1].dns64.exclude_aaaa.empty());
  EXPECT_EQ(views[1].dns64.exempt_names, std::vector<Name>{*Name::Parse("example")});
  EXPECT_EQ(result.config->listen[0].view, "a");
}

TEST(ReadViews, HaveTheirOwnPrefixesLinted) {
  const auto warnings = Warnings(
      R"({"views": {"v": {"clients": ["any"], "dns64": {"prefixes": ["2001:db8::/32"]}}}})");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].find("test.json:1:61: /views/v/dns64/prefixes/0: "), 0U) << warnings[0];
}

TEST(LintDns64, WarnsOfPrefixesThatAreNo96) {
  for (const char* prefix :
       {"2001:db8::/32", "2001:db8::/40", "2001:db8::/48", "2001:db8::/56", "2001:db8::/64"}) {
    EXPECT_TRUE(
        Warns("\"prefixes\": [\"" + std::string(prefix) + "\"]", "/dns64/prefixes/0", "/96"))
        << prefix;
  }
  EXPECT_EQ(Warnings(InDns64(R"("prefixes": ["2001:db8::/96"])")), Lines());
}

// Covers: T23
TEST(LintDns64, WarnsOfLocalUsePrefixAndTakesIt) {
  EXPECT_TRUE(Warns(R"("prefixes": ["64:ff9b:1::/96"])", "/dns64/prefixes/0", "private"));
  EXPECT_TRUE(Warns(R"("prefixes": ["64:ff9b:1:fffe::/96"])", "/dns64/prefixes/0", "private"));
  EXPECT_TRUE(Warns(R"("prefixes": [{"prefix": "64:ff9b:1::/48"}])", "/dns64/prefixes/0/prefix",
                    "private"));
  EXPECT_FALSE(Warns(R"("prefixes": ["64:ff9b:2::/96"])", "/dns64/prefixes/0", "private"));
}

// Covers: DSC-18
TEST(LintDns64, WarnsThatPrefixesByRangeCannotBeAdvertised) {
  EXPECT_TRUE(Warns(R"("prefixes": [{"prefix": "2001:db8:64::/96", "for_a": ["192.0.2.0/24"]},
                                    "64:ff9b::/96"])",
                    "/dns64/prefixes", "RFC 8781"));
  EXPECT_FALSE(Warns(R"("prefixes": [{"prefix": "2001:db8:64::/96", "for_a": ["192.0.2.0/24"]}])",
                     "/dns64/prefixes", "RFC 8781"));
}

// Covers: ADR-05
TEST(LintDns64, WarnsOfPrivateAddressesUnderTheWellKnownPrefix) {
  const auto with = [](const std::string& network) {
    return R"("prefixes": [{"prefix": "64:ff9b::/96", "for_a": [")" + network + "\"]}]";
  };
  for (const char* network : {"10.0.0.0/8", "192.168.7.0/24", "100.64.0.0/10", "192.0.2.1"}) {
    EXPECT_TRUE(Warns(with(network), "/dns64/prefixes/0/for_a", "RFC 6052 section 3.1")) << network;
  }
  for (const char* network : {"0.0.0.0/0", "8.0.0.0/8", "10.0.0.0/7", "192.0.0.9"}) {
    EXPECT_EQ(Warnings(InDns64(with(network))), Lines()) << network;
  }
  EXPECT_TRUE(Warns(R"("allow_nonglobal_with_well_known_prefix": true)",
                    "/dns64/allow_nonglobal_with_well_known_prefix", "forbids"));
  EXPECT_TRUE(Warns(R"("allow_nonglobal_with_well_known_prefix": true,
                       "prefixes": ["2001:db8:64::/96"])",
                    "/dns64/allow_nonglobal_with_well_known_prefix", "does nothing"));
}

TEST(LintDns64, WarnsOfPrefixesThatOverlap) {
  EXPECT_TRUE(Warns(R"("prefixes": ["2001:db8::/32", "2001:db8:64::/96"], "selection": "all")",
                    "/dns64/prefixes/1", "overlaps with /dns64/prefixes/0"));
  EXPECT_TRUE(Warns(R"("prefixes": ["2001:db8:64::/96", {"prefix": "2001:db8::/32"}],
                       "selection": "all")",
                    "/dns64/prefixes/1/prefix", "overlaps"));
  EXPECT_FALSE(Warns(R"("prefixes": ["2001:db8:64::/96", "2001:db8:65::/96"], "selection": "all")",
                     "/dns64/prefixes/1", "overlaps"));
}

// Covers: T3
TEST(LintDns64, WarnsOfPrefixesThatAreNeverChosenUnlessTheFileSaysSo) {
  const char* two = R"("prefixes": ["2001:db8:64::/96", "2001:db8:65::/96"])";
  EXPECT_TRUE(Warns(two, "/dns64/prefixes/1", "only /dns64/prefixes/0 is used"));
  EXPECT_EQ(Warnings(InDns64(std::string(two) + R"(, "selection": "first")")), Lines());
  EXPECT_EQ(Warnings(InDns64(std::string(two) + R"(, "selection": "all")")), Lines());
  EXPECT_EQ(Warnings(InDns64(R"("prefixes": [{"prefix": "2001:db8:64::/96", "state": "draining"},
                                             "2001:db8:65::/96"])")),
            Lines());
  EXPECT_FALSE(Warns(R"("prefixes": [{"prefix": "2001:db8:64::/96", "for_a": ["192.0.2.0/24"]},
                                     {"prefix": "2001:db8:65::/96", "for_a": ["198.51.100.0/24"]}])",
                     "/dns64/prefixes/1/prefix", "only"));
}

TEST(LintDns64, WarnsWhereEveryPrefixIsDraining) {
  const char* draining = R"("prefixes": [{"prefix": "2001:db8:64::/96", "state": "draining"}])";
  EXPECT_TRUE(Warns(draining, "/dns64/prefixes", "nothing is synthesized"));
  EXPECT_EQ(Warnings(InDns64(std::string("\"enabled\": false, ") + draining)), Lines());
}

TEST(LintDns64, NameGivenTwiceInOneListIsAWarning) {
  EXPECT_TRUE(Warns(R"("exempt_names": ["a.example", "b.example", "A.EXAMPLE."])",
                    "/dns64/exempt_names/2", "stands at /dns64/exempt_names/0 too"));
  EXPECT_EQ(Warnings(InDns64(R"("exempt_names": ["example", "a.example"])")), Lines());
}

// Covers: T50
TEST(ReadDns64, EveryCombinationOfSwitchesIsRead) {
  const std::vector<std::vector<std::string>> choices = {
      {"\"enabled\": true", "\"enabled\": false"},
      {R"("selection": "first")", R"("selection": "all")"},
      {R"("synthesize_on": "nodata")", R"("synthesize_on": "error")",
       R"("synthesize_on": "timeout")"},
      {R"("reverse": "cname")", R"("reverse": "synthesize")", R"("reverse": "off")"},
      {R"("dnssec_mode": "rfc")", R"("dnssec_mode": "break")"},
      {"\"hide_a\": true", "\"hide_a\": false"},
      {"\"exclude_aaaa\": []", "\"exclude_aaaa\": [\"::/0\"]"},
      {"\"prefixes\": [\"64:ff9b::/96\"]",
       "\"prefixes\": [\"2001:db8:64::/96\", \"64:ff9b::/96\"]"},
  };
  std::vector<std::size_t> at(choices.size(), 0);
  int combinations = 0;
  while (true) {
    std::string keys;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      keys += (i == 0 ? "" : ", ") + choices[i][at[i]];
    }
    EXPECT_TRUE(Read(InDns64(keys)).config) << keys;
    ++combinations;
    std::size_t digit = 0;
    while (digit < at.size() && ++at[digit] == choices[digit].size()) at[digit++] = 0;
    if (digit == at.size()) break;
  }
  EXPECT_EQ(combinations, 576);
}

}  // namespace
}  // namespace resolve64::config
