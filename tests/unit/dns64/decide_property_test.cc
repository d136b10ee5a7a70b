// What holds for every policy and every pair of lookups. The inputs come from a fixed seed.
#include <algorithm>
#include <set>

#include "base/random.h"
#include "support.h"

namespace resolve64::dns64 {
namespace {

constexpr int kRounds = 20000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint32_t Below(std::uint32_t n) { return random_.Below(n); }
  bool OneIn(std::uint32_t n) { return Below(n) == 0; }
  template <class T>
  T Pick(std::initializer_list<T> values) {
    return *(values.begin() + Below(static_cast<std::uint32_t>(values.size())));
  }

 private:
  SeededRandom random_;
};

Ipv4 AnyV4(Dice& dice) {
  static const std::vector<Ipv4> addresses = {V4("78.0.96.91"),   V4("78.0.96.92"), V4("10.0.0.1"),
                                              V4("192.0.2.33"),   V4("127.0.0.1"),  V4("8.8.4.4"),
                                              V4("198.51.100.9"), V4("172.16.0.1")};
  return addresses[dice.Below(static_cast<std::uint32_t>(addresses.size()))];
}

Ipv6 AnyV6(Dice& dice) {
  static const std::vector<Ipv6> addresses =
      V6s({"2001:db8::1", "2001:db8::2", "::ffff:78.0.96.91", "64:ff9b::4e00:605b",
           "2001:db8:bad::1", "2001:db8:64::4e00:605b", "::1"});
  return addresses[dice.Below(static_cast<std::uint32_t>(addresses.size()))];
}

Name AnyName(Dice& dice) {
  return N(dice.Pick({"example.com.", "www.example.com.", "example.", ".", "lab.test."}));
}

Dns64Policy AnyPolicy(Dice& dice) {
  Dns64Policy policy;
  policy.prefixes.clear();
  for (std::uint32_t i = dice.OneIn(8) ? 0 : 1 + dice.Below(3); i > 0; --i) {
    Dns64Prefix prefix = Plain(dice.Pick({"64:ff9b::/96", "2001:db8:64::/96", "2607:7700::/32",
                                          "2001:db8:122:344::/64", "2001:db8:100::/40"}));
    if (dice.OneIn(3)) prefix.for_a.push_back(Net(dice.Pick({"78.0.0.0/8", "10.0.0.0/8"})));
    prefix.draining = dice.OneIn(4);
    policy.prefixes.push_back(prefix);
  }
  policy.enabled = !dice.OneIn(20);
  policy.selection = dice.Pick({Selection::kFirst, Selection::kAll});
  policy.max_records = dice.OneIn(10) ? 0 : 1 + dice.Below(5);
  policy.clients_over_ipv4 = !dice.OneIn(4);
  policy.synthesize_on = dice.Pick({On::kNodata, On::kError, On::kTimeout});
  policy.exclude_aaaa.clear();
  if (!dice.OneIn(3)) policy.exclude_aaaa = {Net("::ffff:0:0/96"), Net("2001:db8:bad::/48")};
  if (dice.OneIn(3)) policy.exclude_a = {Net("78.0.96.92/32"), Net("10.0.0.0/8")};
  policy.allow_nonglobal_with_well_known_prefix = dice.OneIn(4);
  if (dice.OneIn(4)) policy.exempt_names = {AnyName(dice)};
  if (dice.OneIn(3)) policy.always_synthesize_names = {AnyName(dice)};
  if (dice.OneIn(3)) policy.append_names = {AnyName(dice)};
  policy.dnssec_mode = dice.Pick({Mode::kRfc, Mode::kStrict, Mode::kBreak});
  return policy;
}

LookupKind AnyKind(Dice& dice) {
  return dice.Pick({LookupKind::kData, LookupKind::kData, LookupKind::kData, LookupKind::kNodata,
                    LookupKind::kNodata, LookupKind::kNxdomain, LookupKind::kError,
                    LookupKind::kTimeout, LookupKind::kBogus});
}

Security AnySecurity(Dice& dice) {
  if (dice.OneIn(2)) return Security::kInsecure;
  return dice.Pick({Security::kUnchecked, Security::kInsecure, Security::kSecure, Security::kSecure,
                    Security::kBogus, Security::kIndeterminate});
}

Lookups AnyLookups(Dice& dice) {
  Lookups lookups;
  lookups.aaaa = AnyKind(dice);
  if (lookups.aaaa == LookupKind::kData) {
    for (std::uint32_t i = dice.Below(4); i > 0; --i) {
      lookups.aaaa_addresses.push_back(AnyV6(dice));
    }
  }
  lookups.aaaa_ttl = dice.Below(2000);
  lookups.soa_ttl = dice.OneIn(4) ? std::nullopt : std::optional(dice.Below(2000));
  lookups.aaaa_security = AnySecurity(dice);
  lookups.a = AnyKind(dice);
  lookups.a_addresses.clear();
  for (std::uint32_t i = dice.Below(6); i > 0; --i) lookups.a_addresses.push_back(AnyV4(dice));
  lookups.a_ttl = dice.Below(2000);
  lookups.a_security = AnySecurity(dice);
  return lookups;
}

Dns64Query AnyQuery(Dice& dice) {
  Dns64Query query;
  query.name = AnyName(dice);
  query.do_bit = dice.OneIn(2);
  query.cd_bit = dice.OneIn(6);
  query.over_ipv4 = dice.OneIn(3);
  return query;
}

bool Same(const Dns64Decision& a, const Dns64Decision& b) {
  return a.act == b.act && a.kept == b.kept && a.synthesized == b.synthesized && a.used == b.used &&
         a.ttl == b.ttl && a.authentic == b.authentic && a.notes == b.notes;
}

// Every synthesized address comes from an A record that may be used, under a prefix that may be.
void ExpectLegal(const Dns64Policy& policy, const Lookups& lookups, const Dns64Decision& decision) {
  std::set<Ipv6> seen;
  for (const Ipv6& address : decision.synthesized) {
    EXPECT_TRUE(seen.insert(address).second) << "twice: " << ToText(address);
    bool legal = false;
    for (const Prefix& prefix : decision.used) {
      const auto embedded = prefix.Extract(address);
      if (!embedded ||
          std::ranges::find(lookups.a_addresses, *embedded) == lookups.a_addresses.end()) {
        continue;
      }
      const auto allowed = PrefixesFor(policy, *embedded);
      legal = legal || std::ranges::find(allowed, prefix) != allowed.end();
    }
    EXPECT_TRUE(legal) << ToText(address);
  }
  for (const Prefix& prefix : decision.used) {
    EXPECT_TRUE(std::ranges::any_of(
        policy.prefixes, [&](const Dns64Prefix& p) { return p.prefix == prefix && !p.draining; }));
    EXPECT_TRUE(std::ranges::any_of(decision.synthesized,
                                    [&](const Ipv6& v6) { return prefix.Contains(v6); }));
  }
  for (const std::uint16_t i : decision.kept) {
    ASSERT_LT(i, lookups.aaaa_addresses.size());
    for (const Network& network : policy.exclude_aaaa) {
      EXPECT_FALSE(network.Contains(lookups.aaaa_addresses[i]));
    }
    EXPECT_FALSE(seen.contains(lookups.aaaa_addresses[i]));
  }
}

// Covers: D64-05, D64-28, D64-30, D64-50, D64-53
TEST(DecideProperty, HoldsForEveryPolicyAndOutcome) {
  Dice dice(64);
  int made = 0;
  for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE(round);
    const Dns64Policy policy = AnyPolicy(dice);
    const Dns64Query query = AnyQuery(dice);
    const Lookups lookups = AnyLookups(dice);
    const auto first = DecideFirst(policy, query, lookups);
    const auto decision = DecideBoth(policy, query, lookups);
    EXPECT_TRUE(Same(decision, DecideBoth(policy, query, lookups))) << "not deterministic";

    // Whether A is known at once or asked for afterwards, the outcome is the same.
    EXPECT_NE(decision.act, Act::kAskA);
    if (first.act == Act::kAskA) {
      EXPECT_TRUE(MayNeedA(policy, query));
    } else {
      EXPECT_TRUE(Same(first, decision));
    }

    const bool synthesis = decision.act == Act::kSynthesize || decision.act == Act::kAppend;
    EXPECT_EQ(decision.synthesized.empty(), !synthesis);
    EXPECT_LE(decision.synthesized.size(), policy.max_records);
    ExpectLegal(policy, lookups, decision);
    if (!synthesis) continue;
    ++made;
    EXPECT_LE(decision.ttl, lookups.a_ttl);
    EXPECT_EQ(lookups.a, LookupKind::kData);
    EXPECT_NE(lookups.a_security, Security::kBogus);
    EXPECT_NE(lookups.aaaa_security, Security::kBogus);
    EXPECT_NE(lookups.aaaa, LookupKind::kBogus);
    EXPECT_NE(lookups.aaaa, LookupKind::kNxdomain);
    EXPECT_TRUE(query.do_bit || !decision.authentic);
    EXPECT_TRUE(!query.cd_bit || policy.dnssec_mode == Mode::kBreak);
    EXPECT_TRUE(!query.over_ipv4 || policy.clients_over_ipv4);
  }
  EXPECT_GT(made, kRounds / 40) << "the inputs hardly ever lead to synthesis";
}

}  // namespace
}  // namespace resolve64::dns64
