// Requirements A.7: ipv4only.arpa (RFC 7050, RFC 8880).
#include "dns64/ipv4only.h"

#include <algorithm>

#include "dns64/reverse.h"
#include "support.h"

namespace resolve64::dns64 {
namespace {

using Strings = std::vector<std::string>;

std::vector<Ipv6> V6Of(const zone::LocalAnswer& answer) {
  std::vector<Ipv6> out;
  for (std::size_t i = 0; i < answer.answer.at(0)->size(); ++i) {
    Ipv6 address;
    const auto rdata = answer.answer[0]->rdata(i);
    EXPECT_EQ(rdata.size(), 16U);
    std::ranges::copy(rdata, address.octets.begin());
    out.push_back(address);
  }
  return out;
}

std::optional<zone::LocalAnswer> Ask(const Dns64Policy& policy, std::string_view name, RrType type,
                                     bool over_ipv4 = false) {
  return AnswerIpv4Only(policy, N(name), type, over_ipv4);
}

void ExpectNegative(const std::optional<zone::LocalAnswer>& answer, Rcode rcode) {
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rcode, rcode);
  EXPECT_TRUE(answer->answer.empty());
  EXPECT_TRUE(answer->authoritative);
  ASSERT_TRUE(answer->soa);
  EXPECT_EQ(answer->soa->owner(), N("ipv4only.arpa."));
  EXPECT_EQ(answer->soa->type(), RrType::kSoa);
  EXPECT_EQ(answer->soa->ttl(), 600U);
  EXPECT_EQ(dns::SoaMinimum(answer->soa->rdata(0)), 600U);
}

// Covers: DSC-01, DSC-02, DSC-07, DSC-10, T18, T20
TEST(Ipv4Only, AIsTheTwoWellKnownAddresses) {
  const auto answer = Ask(DefaultPolicy(), "IPv4only.arpa.", RrType::kA);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rcode, Rcode::kNoError);
  EXPECT_TRUE(answer->authoritative);
  ASSERT_EQ(answer->answer.size(), 1U);
  const dns::Rrset& rrset = *answer->answer[0];
  ASSERT_EQ(rrset.size(), 2U);
  EXPECT_TRUE(std::ranges::equal(rrset.rdata(0), V4("192.0.0.170").octets));
  EXPECT_TRUE(std::ranges::equal(rrset.rdata(1), V4("192.0.0.171").octets));
  EXPECT_EQ(rrset.ttl(), 600U);
  EXPECT_EQ(rrset.signature_count(), 0U);
  EXPECT_EQ(rrset.security(), Security::kUnchecked);
  EXPECT_FALSE(answer->soa);
  EXPECT_FALSE(answer->follow);
}

// Covers: DSC-03, D64-07, ADR-07
TEST(Ipv4Only, AaaaIsBothAddressesUnderEachPrefixInOrder) {
  const Dns64Policy policy =
      PolicyOf({Plain("2001:db8:122:344::/64"), Plain("64:ff9b::/96"), Plain("2607:7700::/32")});
  const auto answer = Ask(policy, "ipv4only.arpa.", RrType::kAaaa);
  ASSERT_TRUE(answer);
  EXPECT_EQ(
      Texts(V6Of(*answer)),
      (Strings{"2001:db8:122:344:c0:0:aa00:0", "2001:db8:122:344:c0:0:ab00:0", "64:ff9b::c000:aa",
               "64:ff9b::c000:ab", "2607:7700:c000:aa::", "2607:7700:c000:ab::"}));
  EXPECT_EQ(answer->answer[0]->ttl(), 600U);
}

// Covers: DSC-03, T19
TEST(Ipv4Only, NoListAndNoFilterHasASay) {
  Dns64Policy policy = DefaultPolicy();
  policy.prefixes.push_back(For("2001:db8:65::/96", {"198.51.100.0/24"}));
  policy.max_records = 1;
  policy.exclude_a = {Net("0.0.0.0/0")};
  policy.exclude_aaaa = {Net("::/0")};
  policy.exempt_names = {N(".")};
  policy.hide_a = true;
  policy.synthesize_on = On::kNodata;
  const auto aaaa = Ask(policy, "ipv4only.arpa.", RrType::kAaaa);
  ASSERT_TRUE(aaaa);
  EXPECT_EQ(Texts(V6Of(*aaaa)), (Strings{"2001:db8:64::c000:aa", "2001:db8:64::c000:ab",
                                         "2001:db8:65::c000:aa", "2001:db8:65::c000:ab"}));
  const auto a = Ask(policy, "ipv4only.arpa.", RrType::kA);
  ASSERT_TRUE(a);
  EXPECT_EQ(a->answer.size(), 1U);
}

// Covers: T53
TEST(Ipv4Only, DrainingPrefixesAreNotAnnounced) {
  const auto answer = Ask(PolicyOf({Draining("2001:db8:1::/96"), Plain("2001:db8:2::/96")}),
                          "ipv4only.arpa.", RrType::kAaaa);
  ASSERT_TRUE(answer);
  EXPECT_EQ(Texts(V6Of(*answer)), (Strings{"2001:db8:2::c000:aa", "2001:db8:2::c000:ab"}));
  ExpectNegative(Ask(PolicyOf({Draining("2001:db8:1::/96")}), "ipv4only.arpa.", RrType::kAaaa),
                 Rcode::kNoError);
}

// Covers: T4
TEST(Ipv4Only, AClientThatGetsNoSynthesisIsToldNoPrefix) {
  Dns64Policy policy = DefaultPolicy();
  EXPECT_EQ(Ask(policy, "ipv4only.arpa.", RrType::kAaaa, true)->answer.size(), 1U);
  policy.clients_over_ipv4 = false;
  ExpectNegative(Ask(policy, "ipv4only.arpa.", RrType::kAaaa, true), Rcode::kNoError);
  EXPECT_EQ(Ask(policy, "ipv4only.arpa.", RrType::kAaaa, false)->answer.size(), 1U);
  EXPECT_EQ(Ask(policy, "ipv4only.arpa.", RrType::kA, true)->answer.size(), 1U);
}

// Covers: DSC-04
TEST(Ipv4Only, EveryOtherTypeIsNodata) {
  for (const RrType type :
       {RrType::kSoa, RrType::kNs, RrType::kTxt, RrType::kHttps, RrType::kCname, RrType::kMx,
        RrType::kAny, RrType::kDnskey, static_cast<RrType>(1000)}) {
    ExpectNegative(Ask(DefaultPolicy(), "ipv4only.arpa.", type), Rcode::kNoError);
  }
}

// Covers: DSC-01, DSC-05
TEST(Ipv4Only, TheDsIsResolvedNormally) {
  EXPECT_FALSE(Ask(DefaultPolicy(), "ipv4only.arpa.", RrType::kDs));
}

// Covers: DSC-06
TEST(Ipv4Only, NoNameBelowExists) {
  for (const RrType type : {RrType::kA, RrType::kAaaa, RrType::kDs, RrType::kTxt}) {
    ExpectNegative(Ask(DefaultPolicy(), "www.IPV4ONLY.arpa.", type), Rcode::kNxDomain);
    ExpectNegative(Ask(DefaultPolicy(), "a.b.ipv4only.arpa.", type), Rcode::kNxDomain);
  }
}

TEST(Ipv4Only, OtherNamesAreNotItsBusiness) {
  for (const char* name : {"arpa.", "notipv4only.arpa.", "ipv4only.arpa.example.", "."}) {
    EXPECT_FALSE(Ask(DefaultPolicy(), name, RrType::kAaaa)) << name;
  }
}

// Covers: DSC-09
TEST(Ipv4Only, WithoutDns64TheNameIsNotSpecial) {
  Dns64Policy policy = DefaultPolicy();
  policy.enabled = false;
  EXPECT_FALSE(Ask(policy, "ipv4only.arpa.", RrType::kAaaa));
  EXPECT_FALSE(Ask(policy, "ipv4only.arpa.", RrType::kA));
  EXPECT_FALSE(Ask(policy, "www.ipv4only.arpa.", RrType::kA));
}

// A client looks for 192.0.0.170 and .171 at the positions of RFC 6052 section 2.2 and takes what
// is before them as the prefix (RFC 7050 section 3).
// Covers: DSC-11
TEST(Ipv4Only, AClientFindsTheConfiguredPrefixOfEveryLength) {
  for (const char* text : {"2607:7700::/32", "2001:db8:100::/40", "2001:db8:122::/48",
                           "2001:db8:122:300::/56", "2001:db8:122:344::/64", "64:ff9b::/96"}) {
    SCOPED_TRACE(text);
    const auto answer = Ask(PolicyOf({Plain(text)}), "ipv4only.arpa.", RrType::kAaaa);
    ASSERT_TRUE(answer);
    std::vector<Prefix> found;
    for (const Ipv6& address : V6Of(*answer)) {
      for (const int bits : {96, 64, 56, 48, 40, 32}) {
        Ipv6 base = address;
        std::fill(base.octets.begin() + bits / 8, base.octets.end(), std::uint8_t{0});
        const auto guess = Prefix::Make(base, bits);
        const auto embedded = guess ? guess->Extract(address) : std::nullopt;
        if (embedded && IsIpv4OnlyAddress(*embedded)) found.push_back(*guess);
      }
    }
    EXPECT_EQ(found, (std::vector<Prefix>{Pref64(text), Pref64(text)}));
  }
}

// Covers: D64-48
TEST(Ipv4OnlyReverse, TheTwoAddressesUnderAPrefixPointToTheName) {
  const Dns64Policy policy = PolicyOf({Plain("2001:db8:122:344::/64"), Draining("2607:7700::/32")});
  for (const char* address : {"64:ff9b::c000:aa", "64:ff9b::c000:ab", "2607:7700:c000:aa::",
                              "2001:db8:122:344:c0:0:aa00:0", "2001:db8:122:344:c0:0:ab00:0"}) {
    SCOPED_TRACE(address);
    const auto answer = AnswerIpv4OnlyReverse(policy, Ip6Arpa(V6(address)), RrType::kPtr);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->answer.size(), 1U);
    EXPECT_EQ(answer->answer[0]->owner(), Ip6Arpa(V6(address)));
    EXPECT_EQ(answer->answer[0]->type(), RrType::kPtr);
    EXPECT_EQ(dns::TargetOf(answer->answer[0]->rdata(0)), N("ipv4only.arpa."));
    EXPECT_EQ(answer->answer[0]->ttl(), 600U);
    EXPECT_TRUE(answer->authoritative);
  }
}

// Covers: DSC-08, D64-48
TEST(Ipv4OnlyReverse, OtherQuestionsAreNotItsBusiness) {
  const Dns64Policy policy = DefaultPolicy();
  const auto ask = [&](const Name& name, RrType type) {
    return AnswerIpv4OnlyReverse(policy, name, type).has_value();
  };
  EXPECT_FALSE(ask(Ip6Arpa(V6("2001:db8:64::c000:a9")), RrType::kPtr));
  EXPECT_FALSE(ask(Ip6Arpa(V6("2001:db8:65::c000:aa")), RrType::kPtr));
  EXPECT_FALSE(ask(Ip6Arpa(V6("2001:db8:64::c000:aa")), RrType::kTxt));
  EXPECT_FALSE(ask(N("170.0.0.192.in-addr.arpa."), RrType::kPtr));
}

}  // namespace
}  // namespace resolve64::dns64
