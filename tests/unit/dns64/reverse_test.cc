// Requirements A.3: reverse names of synthesized addresses.
#include "dns64/reverse.h"

#include "support.h"

namespace resolve64::dns64 {
namespace {

struct Vector {
  const char* prefix;
  const char* v4;
  const char* v6;
  const char* reverse;  // without ".ip6.arpa."
};

// Requirements section F.
constexpr Vector kVectors[] = {
    {"2607:7700::/32", "192.0.2.33",
     "2607:7700:c000:221::", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.c.0.0.7.7.7.0.6.2"},
    {"2001:db8::/32", "192.0.2.33",
     "2001:db8:c000:221::", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.c.8.b.d.0.1.0.0.2"},
    {"2001:db8:100::/40", "192.0.2.33",
     "2001:db8:1c0:2:21::", "0.0.0.0.0.0.0.0.0.0.0.0.1.2.0.0.2.0.0.0.0.c.1.0.8.b.d.0.1.0.0.2"},
    {"2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::",
     "0.0.0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.0.0.c.2.2.1.0.8.b.d.0.1.0.0.2"},
    {"2001:db8:122:300::/56", "192.0.2.33",
     "2001:db8:122:3c0:0:221::", "0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.0.0.c.3.0.2.2.1.0.8.b.d.0.1.0.0.2"},
    {"2001:db8:122:344::/64", "192.0.2.33", "2001:db8:122:344:c0:2:2100:0",
     "0.0.0.0.0.0.1.2.2.0.0.0.0.c.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2"},
    {"2001:db8:122:344::/96", "192.0.2.33", "2001:db8:122:344::c000:221",
     "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2"},
    {"64:ff9b::/96", "192.0.2.33", "64:ff9b::c000:221",
     "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0"},
    {"2607:7700::/32", "78.0.96.91",
     "2607:7700:4e00:605b::", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.5.0.6.0.0.e.4.0.0.7.7.7.0.6.2"},
    {"2001:db8:100::/40", "78.0.96.91",
     "2001:db8:14e:60:5b::", "0.0.0.0.0.0.0.0.0.0.0.0.b.5.0.0.0.6.0.0.e.4.1.0.8.b.d.0.1.0.0.2"},
    {"2001:db8:122:344::/64", "78.0.96.91", "2001:db8:122:344:4e:60:5b00:0",
     "0.0.0.0.0.0.b.5.0.6.0.0.e.4.0.0.4.4.3.0.2.2.1.0.8.b.d.0.1.0.0.2"},
    {"64:ff9b::/96", "192.0.0.170", "64:ff9b::c000:aa",
     "a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0"},
};

Name Reverse(std::string_view nibbles) { return N(std::string(nibbles) + ".ip6.arpa."); }

// Covers: D64-40, VEC-02, T44
TEST(Reverse, TheVectorsMatchBothWays) {
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.v6);
    const Name name = Reverse(vector.reverse);
    EXPECT_EQ(Ip6Arpa(V6(vector.v6)), name);
    EXPECT_EQ(Ip6Arpa(V6(vector.v6)).ToText(), name.ToText());
    ASSERT_TRUE(ParseIp6Arpa(name));
    EXPECT_EQ(*ParseIp6Arpa(name), V6(vector.v6));
    const auto match = MatchReverse(PolicyOf({Plain(vector.prefix)}), name);
    ASSERT_TRUE(match);
    EXPECT_EQ(match->address, V4(vector.v4));
    EXPECT_EQ(match->prefix, Pref64(vector.prefix));
  }
}

// Covers: VEC-01
TEST(Reverse, InAddrArpaIsDecimalAndReversed) {
  EXPECT_EQ(InAddrArpa(V4("192.0.2.33")).ToText(), "33.2.0.192.in-addr.arpa.");
  EXPECT_EQ(InAddrArpa(V4("78.0.96.91")).ToText(), "91.96.0.78.in-addr.arpa.");
  EXPECT_EQ(InAddrArpa(V4("0.9.10.100")).ToText(), "100.10.9.0.in-addr.arpa.");
  EXPECT_EQ(InAddrArpa(V4("255.255.255.255")).ToText(), "255.255.255.255.in-addr.arpa.");
}

TEST(ParseIp6Arpa, IgnoresLetterCase) {
  EXPECT_EQ(ParseIp6Arpa(N("1.2.2.0.0.0.0.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.B.9.F.f.4.6.0.0."
                           "IP6.Arpa.")),
            V6("64:ff9b::c000:221"));
}

// Covers: D64-40, B8, T52
TEST(ParseIp6Arpa, TakesExactly32Nibbles) {
  const std::string full = "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0";
  for (std::size_t less = 1; less <= 32; ++less) {
    const std::string nibbles = less == 32 ? "" : full.substr(2 * less) + ".";
    EXPECT_FALSE(ParseIp6Arpa(N(nibbles + "ip6.arpa."))) << less;
  }
  EXPECT_FALSE(ParseIp6Arpa(Reverse("0." + full)));
  EXPECT_FALSE(ParseIp6Arpa(Reverse("www." + full)));
  EXPECT_FALSE(ParseIp6Arpa(N(".")));
  EXPECT_TRUE(ParseIp6Arpa(Reverse(full)));
}

TEST(ParseIp6Arpa, RefusesWhatIsNoNibbleOfOneDigit) {
  const std::string rest = ".2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0";
  for (const char* first : {"g", "-", "*", "\\000", "\\046", "/", ":", "`", "@", "\\255"}) {
    EXPECT_FALSE(ParseIp6Arpa(Reverse(first + rest))) << first;
  }
  // As long as a reverse name, with labels of another length.
  EXPECT_FALSE(ParseIp6Arpa(Reverse("123" + rest.substr(2))));
  EXPECT_FALSE(ParseIp6Arpa(N("1" + rest + ".ip6.arpb.")));
  EXPECT_FALSE(ParseIp6Arpa(N("1" + rest + ".ip7.arpa.")));
  EXPECT_FALSE(ParseIp6Arpa(N("1" + rest + ".ip6arpa.")));
}

// Covers: D64-46
TEST(MatchReverse, AnAddressOutsideEveryPrefixIsNotOurs) {
  EXPECT_FALSE(
      MatchReverse(PolicyOf({Plain("2001:db8:64::/96")}), Ip6Arpa(V6("2001:db8:65::c000:221"))));
  EXPECT_FALSE(
      MatchReverse(PolicyOf({Plain("2001:db8:64::/96")}), Ip6Arpa(V6("64:ff9b:1::c000:221"))));
}

// Covers: D64-40
TEST(MatchReverse, TheWellKnownPrefixAlwaysMatches) {
  const auto match =
      MatchReverse(PolicyOf({Plain("2001:db8:64::/96")}), Ip6Arpa(V6("64:ff9b::4e00:605b")));
  ASSERT_TRUE(match);
  EXPECT_EQ(match->address, V4("78.0.96.91"));
  EXPECT_EQ(match->prefix, Prefix::WellKnown());
}

// Covers: T53
TEST(MatchReverse, DrainingPrefixesMatch) {
  const auto match =
      MatchReverse(PolicyOf({Draining("2001:db8:64::/96")}), Ip6Arpa(V6("2001:db8:64::4e00:605b")));
  ASSERT_TRUE(match);
  EXPECT_EQ(match->address, V4("78.0.96.91"));
}

// Covers: D64-46, VEC-03
TEST(MatchReverse, IgnoresTheSuffixButNotOctet8) {
  for (const char* text : {"2607:7700::/32", "2001:db8:100::/40", "2001:db8:122::/48",
                           "2001:db8:122:300::/56", "2001:db8:122:344::/64"}) {
    SCOPED_TRACE(text);
    const Dns64Policy policy = PolicyOf({Plain(text)});
    Ipv6 address = Pref64(text).Embed(V4("192.0.2.33"));
    address.octets[15] = 0xFF;
    const auto match = MatchReverse(policy, Ip6Arpa(address));
    ASSERT_TRUE(match);
    EXPECT_EQ(match->address, V4("192.0.2.33"));
    address.octets[8] = 0x01;
    EXPECT_FALSE(MatchReverse(policy, Ip6Arpa(address)));
  }
}

TEST(MatchReverse, TheLongestPrefixWins) {
  const Name name = Ip6Arpa(V6("2001:db8:122:344::c000:221"));
  for (const auto& prefixes :
       {std::vector{Plain("2001:db8::/32"), Plain("2001:db8:122:344::/96")},
        std::vector{Plain("2001:db8:122:344::/96"), Plain("2001:db8::/32")}}) {
    const auto match = MatchReverse(PolicyOf(prefixes), name);
    ASSERT_TRUE(match);
    EXPECT_EQ(match->prefix, Pref64("2001:db8:122:344::/96"));
    EXPECT_EQ(match->address, V4("192.0.2.33"));
  }
}

TEST(MatchReverse, IsOffWhereThePolicySaysSo) {
  const Name name = Ip6Arpa(V6("2001:db8:64::c000:221"));
  Dns64Policy policy = DefaultPolicy();
  policy.reverse = Dns64Policy::Reverse::kSynthesize;
  EXPECT_TRUE(MatchReverse(policy, name));
  policy.reverse = Dns64Policy::Reverse::kOff;
  EXPECT_FALSE(MatchReverse(policy, name));
  policy = DefaultPolicy();
  policy.enabled = false;
  EXPECT_FALSE(MatchReverse(policy, name));
}

}  // namespace
}  // namespace resolve64::dns64
