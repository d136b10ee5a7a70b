// Key rollovers, years in milliseconds: the clock is a number that the tests move.
#include "dnssec/rollover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dnssec/anchors.h"
#include "dnssec/key.h"
#include "unit/dnssec/signer.h"

namespace resolve64::dnssec {
namespace {

using test::Signer;

constexpr std::int64_t kDay = TrustPoint::kDay;
constexpr std::int64_t kHour = TrustPoint::kHour;
constexpr std::uint32_t kTtl = 2 * 86400;

using Strings = std::vector<std::string>;

// Keys named by a letter, with the SEP flag.
const Signer& Key(char name) {
  static std::map<char, std::unique_ptr<Signer>> keys;
  auto& key = keys[name];
  if (!key) key = std::make_unique<Signer>(".", 13, 257);
  return *key;
}

KeyOctets Revoked(KeyOctets rdata) {
  rdata[1] = static_cast<std::uint8_t>(rdata[1] | Dnskey::kRevoke);
  return rdata;
}

dns::RrsetPtr DsOf(const std::string& names) {
  dns::RrsetBuilder builder(Name(), RrType::kDs);
  for (const char name : names) builder.Add(MakeDs(Name(), Key(name).dnskey()), kTtl);
  return builder.BuildLocal();
}

// "Ab-C*": keys A and C; B is revoked (a small letter), C signs (an asterisk).
Sighting See(const std::string& text, std::int64_t now, std::uint32_t ttl = kTtl,
             std::int64_t lifetime = 10 * kDay) {
  Sighting sighting;
  for (const char c : text) {
    if (c == '*') {
      sighting.keys.back().signs = true;
    } else if (c >= 'a' && c <= 'z') {
      sighting.keys.push_back({Revoked(Key(static_cast<char>(c - 'a' + 'A')).dnskey()), false});
    } else {
      sighting.keys.push_back({Key(c).dnskey(), false});
    }
  }
  sighting.original_ttl = ttl;
  sighting.expiration = now + lifetime;
  return sighting;
}

class RolloverTest : public ::testing::Test {
 protected:
  explicit RolloverTest(const std::string& configured = "A") : point_(DsOf(configured)) {}

  bool Observe(const std::string& text) { return point_.Observe(See(text, now_), now_, events_); }
  // Sees `text` at every time that the machine asks for, for so many days.
  void Live(const std::string& text, int days) {
    for (const std::int64_t end = now_ + days * kDay; now_ < end;) {
      ASSERT_TRUE(Observe(text));
      now_ = std::min(end, point_.next_query());
    }
  }
  // "A valid, B add-pending"; of keys A to G.
  std::string States(const TrustPoint& point) const {
    std::string text;
    for (char name = 'A'; name <= 'G'; ++name) {
      for (const TrackedKey& key : point.keys()) {
        if (key.rdata != Key(name).dnskey()) continue;
        text += (text.empty() ? "" : ", ") + std::string(1, name) + " ";
        text += ToText(key.state);
      }
    }
    return text;
  }
  std::string States() const { return States(point_); }
  // "AB": whose DS is trusted.
  static std::string Trusted(const TrustPoint& point) {
    const dns::RrsetPtr anchors = point.Anchors();
    if (anchors == nullptr) return "none";
    std::string text;
    for (char name = 'A'; name <= 'G'; ++name) {
      const KeyOctets ds = MakeDs(Name(), Key(name).dnskey());
      for (std::size_t i = 0; i < anchors->size(); ++i) {
        if (std::ranges::equal(anchors->rdata(i), ds)) text += name;
      }
    }
    EXPECT_EQ(text.size(), anchors->size());
    return text;
  }
  std::string Trusted() const { return Trusted(point_); }

  TrustPoint point_;
  std::int64_t now_ = test::kSignedAt;
  std::vector<KeyEvent> events_;
};

class TwoAnchorsTest : public RolloverTest {
 protected:
  TwoAnchorsTest() : RolloverTest("AB") {}
};

// Covers: SEC-52
TEST_F(RolloverTest, ConfiguredKeyIsValidAtFirstSightAndAnotherIsNot) {
  EXPECT_EQ(Trusted(), "A") << "before anything was seen";
  ASSERT_TRUE(Observe("A*B"));
  EXPECT_EQ(States(), "A valid, B add-pending");
  EXPECT_EQ(Trusted(), "A");
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_FALSE(events_[0].from);
  EXPECT_EQ(events_[0].to, KeyState::kValid);
  EXPECT_EQ(events_[0].tag, Key('A').tag());
  EXPECT_EQ(events_[1].to, KeyState::kAddPend);
}

// Covers: SEC-52
TEST_F(RolloverTest, NewKeyIsTrustedAfterThirtyDaysAndNotBefore) {
  Live("A*B", 30);
  EXPECT_EQ(States(), "A valid, B add-pending");
  ASSERT_TRUE(Observe("A*B"));
  EXPECT_EQ(States(), "A valid, B valid");
  EXPECT_EQ(Trusted(), "AB");
  EXPECT_TRUE(Observe("AB*")) << "it may sign alone now";
}

// Covers: SEC-52
TEST_F(RolloverTest, NewKeyHasToBeSeenAgainAfterItsHoldDown) {
  ASSERT_TRUE(Observe("A*B"));
  now_ += 40 * kDay;
  EXPECT_EQ(Trusted(), "A") << "time alone adds nothing";
  EXPECT_FALSE(Observe("AB*")) << "nor does its own signature";
  EXPECT_EQ(Trusted(), "A");
  ASSERT_TRUE(Observe("A*B"));
  EXPECT_EQ(Trusted(), "AB");
}

// Covers: SEC-52
TEST_F(RolloverTest, HoldDownIsTheTtlWhereThatIsLonger) {
  const std::uint32_t ttl = 45 * 86400;
  point_.Observe(See("A*B", now_, ttl), now_, events_);
  ASSERT_EQ(point_.keys().size(), 2U);
  EXPECT_EQ(point_.keys()[1].until, now_ + 45 * kDay);
}

// Covers: SEC-52
TEST_F(RolloverTest, NewKeyThatGoesAwayStartsAnew) {
  Live("A*B", 29);
  ASSERT_TRUE(Observe("A*"));
  EXPECT_EQ(States(), "A valid");
  EXPECT_EQ(events_.back().from, KeyState::kAddPend);
  EXPECT_FALSE(events_.back().to);
  Live("A*B", 29);
  ASSERT_TRUE(Observe("A*B"));
  EXPECT_EQ(States(), "A valid, B add-pending");
  Live("A*B", 2);
  EXPECT_EQ(Trusted(), "AB");
}

// Covers: SEC-52
TEST_F(RolloverTest, NothingCountsThatNoTrustedKeySigned) {
  ASSERT_TRUE(Observe("A*"));
  EXPECT_FALSE(Observe("AB*"));
  EXPECT_FALSE(Observe("B*"));
  EXPECT_FALSE(Observe("A"));
  EXPECT_FALSE(Observe(""));
  EXPECT_EQ(States(), "A valid") << "neither added nor missing";
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, KeyWithoutSepIsNotAdded) {
  Sighting sighting = See("A*", now_);
  const Signer zone_key(".", 13, 256);
  sighting.keys.push_back({zone_key.dnskey(), true});
  ASSERT_TRUE(point_.Observe(sighting, now_, events_));
  EXPECT_EQ(point_.keys().size(), 1U);
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, KeyThatVanishesStaysTrustedAndIsMissing) {
  ASSERT_TRUE(Observe("A*B"));
  ASSERT_TRUE(Observe("A*"));
  EXPECT_EQ(States(), "A valid, B missing");
  EXPECT_EQ(Trusted(), "AB");
  now_ += 1000 * kDay;
  EXPECT_TRUE(Observe("AB*")) << "its signature still counts";
  EXPECT_EQ(States(), "A valid, B valid");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, ConfiguredAnchorWithoutAKeyInTheZoneStaysTrusted) {
  Live("A*", 400);
  EXPECT_EQ(States(), "A valid");
  EXPECT_EQ(Trusted(), "AB");
  ASSERT_EQ(point_.ConfiguredUnseen().size(), 1U);
  EXPECT_EQ(point_.ConfiguredUnseen()[0], MakeDs(Name(), Key('B').dnskey()));
  EXPECT_TRUE(Observe("B*")) << "whichever signs, now and later";
  EXPECT_EQ(States(), "A missing, B valid");
}

// Covers: SEC-52, SEC-12
TEST_F(TwoAnchorsTest, RevocationIsImmediateAndForEver) {
  ASSERT_TRUE(Observe("A*B"));
  ASSERT_TRUE(Observe("a*B*"));
  EXPECT_EQ(States(), "A revoked, B valid");
  EXPECT_EQ(Trusted(), "B");
  EXPECT_EQ(events_.back().from, KeyState::kValid);
  EXPECT_EQ(events_.back().to, KeyState::kRevoked);
  EXPECT_FALSE(Observe("A*")) << "without the flag it is revoked all the same";
  EXPECT_FALSE(Observe("a*"));
  EXPECT_TRUE(Observe("AB*"));
  EXPECT_EQ(Trusted(), "B");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, RevocationNeedsTheSignatureOfTheKeyItself) {
  ASSERT_TRUE(Observe("A*B"));
  ASSERT_TRUE(Observe("aB*")) << "B cannot revoke A";
  EXPECT_EQ(States(), "A missing, B valid");
  EXPECT_EQ(Trusted(), "AB");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, RevocationNeedsNoOtherSignature) {
  ASSERT_TRUE(Observe("A*B"));
  EXPECT_FALSE(Observe("a*C")) << "and nothing else in it counts";
  EXPECT_EQ(States(), "A revoked, B valid");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, ConfiguredAnchorThatWasNeverSeenCanBeRevoked) {
  ASSERT_TRUE(Observe("a*B*"));
  EXPECT_EQ(States(), "A revoked, B valid");
  EXPECT_EQ(Trusted(), "B");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, StrangersRevokeNothing) {
  ASSERT_TRUE(Observe("A*Bc*"));
  EXPECT_EQ(States(), "A valid, B valid");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, RevokedKeyIsRemovedThirtyDaysAfterTheZoneStopsShowingIt) {
  Live("A*B", 2);
  Live("a*B*", 60);
  EXPECT_EQ(States(), "A revoked, B valid");
  Live("B*", 29);
  EXPECT_EQ(States(), "A revoked, B valid");
  Live("B*", 3);
  EXPECT_EQ(States(), "A removed, B valid");
  Live("B*", 3650);
  EXPECT_EQ(Trusted(), "B") << "what is configured does not bring it back";
  EXPECT_FALSE(Observe("A*"));
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, NewKeyIsHeldDownAnewWhereAllThatVouchedForItAreRevoked) {
  Live("A*BC", 20);
  ASSERT_TRUE(Observe("a*B*C")) << "section 2.2: whoever stole A may have added C";
  EXPECT_EQ(States(), "A revoked, B valid, C add-pending");
  Live("aB*C", 29);
  EXPECT_EQ(Trusted(), "B");
  Live("aB*C", 3);
  EXPECT_EQ(Trusted(), "BC");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, NewKeyIsNotHeldDownAnewWhereSomebodyElseVouchedToo) {
  Live("A*B*C", 20);
  Live("a*B*C", 12);
  EXPECT_EQ(Trusted(), "BC");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, WithoutAnAnchorThereIsNoTrustPoint) {
  ASSERT_TRUE(Observe("A*B"));
  EXPECT_FALSE(Observe("a*b*C*"));
  EXPECT_EQ(States(), "A revoked, B revoked");
  EXPECT_EQ(point_.Anchors(), nullptr);
  EXPECT_FALSE(Observe("C*"));
}

// Covers: SEC-52
TEST_F(RolloverTest, YearsOfRolloversByTheBook) {
  Live("A*", 100);
  Live("A*B", 40);    // section 6.1
  Live("a*B*C", 40);  // section 6.3
  EXPECT_EQ(Trusted(), "BC");
  Live("B*C", 300);
  Live("b*C*D", 40);
  Live("C*D", 300);
  Live("Cd*", 0);
  ASSERT_TRUE(Observe("C*d*E"));  // section 6.5: the stand-by key
  Live("C*dE", 40);
  EXPECT_EQ(Trusted(), "CE");
  EXPECT_EQ(States(), "A removed, B removed, C valid, D revoked, E valid");
}

// Covers: SEC-52
TEST_F(RolloverTest, AsksAgainAtHalfTheTtlOrHalfTheLifeOfTheSignature) {
  struct Row {
    std::uint32_t ttl;
    std::int64_t lifetime;
    std::int64_t next;
    std::int64_t retry;
  };
  for (const Row& row :
       {Row{2 * 86400, 10 * kDay, kDay, 17280}, Row{86400, kDay, kDay / 2, 8640},
        Row{30 * 86400, 4 * kDay, 2 * kDay, 34560}, Row{300, 10 * kDay, kHour, kHour},
        Row{86400, 600, kHour, kHour}, Row{86400, -5, kHour, kHour},
        Row{365 * 86400, 3650 * kDay, 15 * kDay, kDay}}) {
    point_.Observe(See("A*", now_, row.ttl, row.lifetime), now_, events_);
    EXPECT_EQ(point_.next_query() - now_, row.next) << row.ttl << " " << row.lifetime;
    EXPECT_EQ(point_.seen(), now_);
    point_.Fail(now_ + 5);
    EXPECT_EQ(point_.next_query() - now_ - 5, row.retry) << row.ttl << " " << row.lifetime;
    EXPECT_EQ(point_.seen(), now_);
  }
}

// Covers: SEC-52
TEST_F(RolloverTest, IsDueAtOnceAndThenWhenItSays) {
  EXPECT_TRUE(point_.IsDueAt(now_));
  ASSERT_TRUE(Observe("A*"));
  EXPECT_FALSE(point_.IsDueAt(now_));
  EXPECT_FALSE(point_.IsDueAt(point_.next_query() - 1));
  EXPECT_TRUE(point_.IsDueAt(point_.next_query()));
  EXPECT_TRUE(point_.IsDueAt(now_ - 100 * kDay)) << "the clock was wrong, and is set back";
}

TEST_F(RolloverTest, AFailureBeforeAnythingWasSeenIsTriedAgainAfterAnHour) {
  point_.Fail(now_);
  EXPECT_EQ(point_.next_query(), now_ + kHour);
}

TEST_F(RolloverTest, TracksABoundedNumberOfKeys) {
  Sighting sighting = See("A*", now_);
  for (int i = 0; i < 60; ++i) sighting.keys.push_back({Signer(".", 13, 257).dnskey(), false});
  ASSERT_TRUE(point_.Observe(sighting, now_, events_));
  EXPECT_EQ(point_.keys().size(), TrustPoint::kMaxKeys);
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, GoesOnAfterARestartWhereItWas) {
  Live("A*BC", 20);
  ASSERT_TRUE(Observe("A*b*C"));
  TrustPoint after(DsOf("AB"));
  ASSERT_TRUE(after.Restore(point_.Save()));
  EXPECT_EQ(States(after), "A valid, B revoked, C add-pending");
  EXPECT_EQ(Trusted(after), "A") << "what was revoked stays so";
  EXPECT_EQ(after.next_query(), point_.next_query());
  EXPECT_EQ(after.seen(), point_.seen());
  now_ += 11 * kDay;
  ASSERT_TRUE(after.Observe(See("A*C", now_), now_, events_));
  EXPECT_EQ(Trusted(after), "AC");
}

// Covers: SEC-52
TEST_F(TwoAnchorsTest, OtherAnchorsConfiguredVoidWhatWasLearned) {
  Live("A*BC", 40);
  EXPECT_EQ(Trusted(), "ABC");
  TrustPoint one_in_common(DsOf("BD"));
  EXPECT_TRUE(one_in_common.Restore(point_.Save()));
  EXPECT_EQ(Trusted(one_in_common), "BCD") << "A was taken out by hand";
  TrustPoint none_in_common(DsOf("D"));
  EXPECT_FALSE(none_in_common.Restore(point_.Save()));
  EXPECT_EQ(Trusted(none_in_common), "D");
}

// Covers: SEC-52
TEST_F(RolloverTest, KeyThatIsConfiguredMeanwhileNeedsNoHoldDown) {
  ASSERT_TRUE(Observe("A*B"));
  TrustPoint after(DsOf("AB"));
  ASSERT_TRUE(after.Restore(point_.Save()));
  EXPECT_EQ(Trusted(after), "AB");
  EXPECT_TRUE(after.Observe(See("AB*", now_), now_, events_));
  EXPECT_EQ(States(after), "A valid, B valid");
}

TEST(KeyStates, HaveNamesThereAndBack) {
  for (const KeyState state : {KeyState::kAddPend, KeyState::kValid, KeyState::kMissing,
                               KeyState::kRevoked, KeyState::kRemoved}) {
    EXPECT_EQ(ParseKeyState(ToText(state)), state);
  }
  EXPECT_FALSE(ParseKeyState("start"));
}

//--- With real signatures ---

class LookAtTest : public ::testing::Test {
 protected:
  dns::RrsetPtr Keys(const std::vector<KeyOctets>& rdata) {
    dns::RrsetBuilder builder(Name(), RrType::kDnskey);
    for (const KeyOctets& one : rdata) builder.Add(one, kTtl);
    return builder.Build(test::kHere, dns::Trust::kAuthAnswer);
  }
  Sighting Look(const dns::Rrset& keys) { return LookAt(keys, test::kSignedAt, work_); }
  static bool Signs(const Sighting& sighting, const KeyOctets& rdata) {
    for (const Sighting::Key& key : sighting.keys) {
      if (key.rdata == rdata) return key.signs;
    }
    ADD_FAILURE() << "the key is not in it";
    return false;
  }
  // The signature of a key that is revoked: by its tag as it stands in the RRset.
  static KeyOctets SignRevoked(const Signer& key, const dns::Rrset& keys) {
    Rrsig rrsig = key.Template(keys);
    rrsig.key_tag = KeyTag(Revoked(key.dnskey()));
    return key.SignAs(keys, rrsig);
  }

  Work work_;
};

// Covers: SEC-52
TEST_F(LookAtTest, SaysWhoSigned) {
  const auto keys = Keys({Key('A').dnskey(), Key('B').dnskey()});
  const Sighting sighting = Look(*test::WithSignatures(*keys, {Key('A').Sign(*keys)}));
  ASSERT_EQ(sighting.keys.size(), 2U);
  EXPECT_TRUE(Signs(sighting, Key('A').dnskey()));
  EXPECT_FALSE(Signs(sighting, Key('B').dnskey()));
  EXPECT_EQ(sighting.original_ttl, kTtl);
  EXPECT_EQ(sighting.expiration, test::kExpiration);
  EXPECT_EQ(work_.verifications, Work().verifications - 1) << "one signature, one verification";
}

// Covers: SEC-52, SEC-12
TEST_F(LookAtTest, SeesTheSignatureOfARevokedKey) {
  const auto keys = Keys({Revoked(Key('A').dnskey()), Key('B').dnskey()});
  const Sighting sighting =
      Look(*test::WithSignatures(*keys, {SignRevoked(Key('A'), *keys), Key('B').Sign(*keys)}));
  EXPECT_TRUE(Signs(sighting, Revoked(Key('A').dnskey())));
  EXPECT_TRUE(Signs(sighting, Key('B').dnskey()));
  TrustPoint point(DsOf("AB"));
  std::vector<KeyEvent> events;
  EXPECT_TRUE(point.Observe(sighting, test::kSignedAt, events));
  ASSERT_NE(point.Anchors(), nullptr);
  EXPECT_EQ(point.Anchors()->size(), 1U);
}

// Covers: SEC-52
TEST_F(LookAtTest, TakesNoSignatureOverAnotherSetNorOneThatExpired) {
  const auto keys = Keys({Key('A').dnskey(), Key('B').dnskey()});
  const auto less = Keys({Key('A').dnskey()});
  EXPECT_FALSE(
      Signs(Look(*test::WithSignatures(*keys, {Key('A').Sign(*less)})), Key('A').dnskey()));
  const KeyOctets old =
      Key('A').Sign(*keys, test::kInception - 100 * 86400, test::kInception - 50 * 86400);
  EXPECT_FALSE(Signs(Look(*test::WithSignatures(*keys, {old})), Key('A').dnskey()));
  EXPECT_TRUE(
      Signs(Look(*test::WithSignatures(*keys, {old, Key('A').Sign(*keys)})), Key('A').dnskey()))
      << "one good one is enough";
}

TEST_F(LookAtTest, StopsWhereTheWorkIsSpent) {
  const auto keys = Keys({Key('A').dnskey(), Key('B').dnskey()});
  work_.verifications = 1;
  const Sighting sighting =
      Look(*test::WithSignatures(*keys, {Key('A').Sign(*keys), Key('B').Sign(*keys)}));
  EXPECT_NE(Signs(sighting, Key('A').dnskey()), Signs(sighting, Key('B').dnskey()));
}

TEST_F(LookAtTest, LeavesOutWhatIsNoKeyOfAZone) {
  KeyOctets other_protocol = Key('A').dnskey();
  other_protocol[2] = 4;
  KeyOctets unsupported = Key('A').dnskey();
  unsupported[3] = 200;
  const KeyOctets host_key = Signer(".", 13, 0).dnskey();
  EXPECT_TRUE(Look(*Keys({other_protocol, unsupported, host_key, {1, 0}})).keys.empty());
}

}  // namespace
}  // namespace resolve64::dnssec
