// The chain of trust: delegations, anchors, and what they may cost.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "unit/resolver/validation_fixture.h"

namespace resolve64::resolver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Delivery;
using testing::N;
using testing::SeenQuery;

class TrustTest : public ValidationTest {
 protected:
  /// Referrals of example. come without DS; who asks for the DS gets it.
  void StripReferralsOfDs() {
    network_.Serve("192.0.2.2", [this](const SeenQuery& query) {
      const bool asked = query.question.type == RrType::kDs;
      example_server_.spoil =
          asked ? nullptr : decltype(example_server_.spoil)(Spoil(RrType::kDs, Fate::kMissing));
      return std::vector<Delivery>{{example_server_.Reply(query), milliseconds(1)}};
    });
  }

  /// Servers that do not hear questions for AAAA.
  static testing::Behaviour DeafToAaaa(const Server& server) {
    return [&server](const SeenQuery& query) {
      if (query.question.type == RrType::kAaaa) return std::vector<Delivery>{};
      return std::vector<Delivery>{{server.Reply(query), milliseconds(1)}};
    };
  }

  /// A hundred clients, each with a name of its own in example.
  std::vector<std::unique_ptr<net::Started<Answer>>> AskForManyHosts() {
    constexpr std::size_t kHosts = 100;
    std::vector<std::unique_ptr<net::Started<Answer>>> clients;
    clients.reserve(kHosts);
    while (clients.size() < kHosts) {
      const std::string name = "host" + std::to_string(clients.size()) + ".example.";
      example_zone_.Add(name + " 60 IN A 198.51.100.66");
      clients.push_back(std::make_unique<net::Started<Answer>>(
          scheduler_, resolver().Resolve(N(name), RrType::kA, resolver().NewRequest())));
    }
    return clients;
  }

  void SuspendBelow(std::string_view name, std::optional<std::int64_t> until = std::nullopt) {
    settings_.dnssec.insecure.push_back({N(name), until});
  }

  Answer AskIgnoringNegativeAnchors(std::string_view name) {
    request_ = resolver().NewRequest();
    request_->ignore_negative_anchors = true;
    return testing::RunToEnd(clock_, scheduler_, resolver().Resolve(N(name), RrType::kA, request_));
  }
};

//--- Delegations ------------------------------------------------------------------------------

// Covers: SEC-05
TEST_F(TrustTest, AnUnsignedZoneCostsNothingWhereTheReferralProvesIt) {
  EXPECT_EQ(Told(Ask("www.test.")), "insecure data");
  EXPECT_EQ(Log(), (Lines{"192.0.2.1 . DNSKEY", "192.0.2.1 test. A", "192.0.2.3 www.test. A"}));
  Ask("www.example.");
  Log();
  EXPECT_EQ(Told(Ask("www.plain.example.")), "insecure data");
  EXPECT_EQ(Log(), (Lines{"192.0.2.2 plain.example. A", "192.0.2.7 www.plain.example. A"}));
}

// Covers: SEC-05
TEST_F(TrustTest, AReferralStrippedOfItsDsLeadsToTheQuestionForIt) {
  StripReferralsOfDs();
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
  const Lines lines = Log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "192.0.2.2 sub.example. DS"), 1);
}

// Covers: SEC-05
TEST_F(TrustTest, StrippingTheDsAndTheSignaturesMakesNoZoneInsecure) {
  StripReferralsOfDs();
  sub_server_.spoil = [](const dns::Rrset&) { return Fate::kNoSignature; };
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_EQ(answer.security, Security::kBogus);
}

// Covers: SEC-05
TEST_F(TrustTest, ADenialOfDsThatDoesNotVerifyMakesNoZoneInsecure) {
  example_server_.spoil = Spoil(RrType::kNsec, Fate::kBadSignature);
  const Answer answer = Ask("www.plain.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  example_server_.spoil = nullptr;
  clock_.Advance(seconds(41));
  EXPECT_EQ(Told(Ask("www.plain.example.")), "insecure data") << "well again";
}

// Covers: SEC-05, SEC-16
TEST_F(TrustTest, AnUnsignedChildOnTheServerOfItsParentIsFoundWithoutAReferral) {
  const Answer answer = Ask("www.inside.example.");
  EXPECT_EQ(Told(answer), "insecure data");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.9");
  const Lines lines = Log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "192.0.2.2 inside.example. DS"), 1);
}

// Covers: SEC-10
TEST_F(TrustTest, TrustEndsWithTheTtlOfTheDsAndIsBuiltAnew) {
  example_zone_.Vouch(sub_zone_, 100);
  sub_zone_.Add("mail.sub.example. 600 IN A 198.51.100.14");
  ASSERT_EQ(Told(Ask("www.sub.example.")), "secure data");
  Log();
  clock_.Advance(seconds(50));
  ASSERT_EQ(Told(Ask("mail.sub.example.")), "secure data");
  EXPECT_EQ(Log(), Lines{"192.0.2.4 mail.sub.example. A"}) << "still trusted";

  sub_zone_.ChangeKey();
  example_zone_.Vouch(sub_zone_, 100);
  sub_zone_.Add("news.sub.example. 600 IN A 198.51.100.15");
  clock_.Advance(seconds(51));
  EXPECT_EQ(Told(Ask("news.sub.example.")), "secure data") << "by the new key";
}

// Covers: SEC-07
TEST_F(TrustTest, ADsThatNamesAnotherKeyMakesTheZoneBogusUntilItIsMended) {
  sub_zone_.ChangeKey();
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_EQ(answer.ede, Ede::kDnskeyMissing);
  EXPECT_EQ(Told(Ask("www.example.")), "secure data") << "its parent is well";
}

// Covers: SEC-04, SEC-45
TEST_F(TrustTest, SpoiledKeysAreAskedForAgainOnceTheFailureIsOver) {
  sub_server_.spoil = Spoil(RrType::kDnskey, Fate::kBadSignature);
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);
  sub_server_.spoil = nullptr;
  clock_.Advance(seconds(41));
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

// Covers: SEC-03, SEC-04
TEST_F(TrustTest, SpoiledKeysThatAnotherClientFetchedUncheckedDoNoHarm) {
  sub_server_.spoil = Spoil(RrType::kDnskey, Fate::kBadSignature);
  EXPECT_EQ(AskUnchecked("sub.example.", RrType::kDnskey).kind, LookupKind::kData);
  sub_server_.spoil = nullptr;
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

// Covers: SEC-03, SEC-05
TEST_F(TrustTest, AForgedDenialOfDsThatAnotherClientFetchedUncheckedDoesNoHarm) {
  StripReferralsOfDs();
  const testing::Behaviour honest = example_server_.Behave();
  Zone forged("example.", "sub.example. 3600 IN NS ns.sub.example.\n", false);
  const Server forger{&forged};
  ASSERT_EQ(Told(Ask("www.example.")), "secure data");
  network_.Serve("192.0.2.2", forger.Behave());
  EXPECT_EQ(AskUnchecked("sub.example.", RrType::kDs).kind, LookupKind::kNodata);
  StripReferralsOfDs();
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

// Covers: SEC-04, SEC-45
TEST_F(TrustTest, AForgedReferralIsForgottenOnceItLedToSomethingBogus) {
  Zone parent("example.",
              "sub.example. 3600 IN NS ns.sub.example.\n"
              "ns.sub.example. 3600 IN A 192.0.2.66\n",
              false);
  Zone child("sub.example.", "www.sub.example. 600 IN A 203.0.113.66\n", false);
  const Server forger{&parent};
  const Server liar{&child};
  network_.Serve("192.0.2.66", liar.Behave());
  ASSERT_EQ(Told(Ask("www.example.")), "secure data");
  network_.Serve("192.0.2.2", forger.Behave());
  EXPECT_EQ(Told(Ask("www.sub.example.")), "bogus failure");
  network_.Serve("192.0.2.2", example_server_.Behave());
  clock_.Advance(seconds(41));
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(Told(answer), "secure data");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.4");
}

// Covers: SEC-04
TEST_F(TrustTest, ADsWithABadSignatureInTheReferralIsAskedForAgain) {
  network_.Serve("192.0.2.2", [this](const SeenQuery& query) {
    const bool asked = query.question.type == RrType::kDs;
    example_server_.spoil = nullptr;
    if (!asked) example_server_.spoil = Spoil(RrType::kDs, Fate::kBadSignature);
    return std::vector<Delivery>{{example_server_.Reply(query), milliseconds(1)}};
  });
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

// Covers: SEC-04
TEST_F(TrustTest, KeysThatAreSlowerThanTheAnswerAreNotAskedForTwice) {
  network_.Serve("192.0.2.2", [this](const SeenQuery& query) {
    const bool keys = query.question.type == RrType::kDnskey;
    return std::vector<Delivery>{{example_server_.Reply(query), milliseconds(keys ? 30 : 1)}};
  });
  const TimePoint start = clock_.Now();
  EXPECT_EQ(Told(Ask("www.example.")), "secure data");
  EXPECT_EQ(clock_.Now() - start, milliseconds(31)) << "the root, and then both at once";
  const Lines lines = Log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "192.0.2.2 example. DNSKEY"), 1);
}

// Covers: SEC-04
TEST_F(TrustTest, AZoneWhoseKeysNobodyGivesIsBogusAndNotInsecure) {
  network_.Serve("192.0.2.4", [this](const SeenQuery& query) {
    if (query.question.type == RrType::kDnskey) return std::vector<Delivery>{};
    return std::vector<Delivery>{{sub_server_.Reply(query), milliseconds(1)}};
  });
  const TimePoint start = clock_.Now();
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);
  EXPECT_LE(clock_.Now() - start, settings_.timeout);
  Log();
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);
  EXPECT_EQ(Log(), Lines{});
}

// Covers: SEC-04
TEST_F(TrustTest, AServerThatKnowsNoKeysIsNotTheLastWord) {
  // A secondary that was left behind when the zone was signed.
  Zone old("two.example.", "www.two.example. 60 IN A 198.51.100.5\n", false);
  const Server left_behind{&old};
  network_.Serve("192.0.2.5", left_behind.Behave());
  for (int i = 0; i < 8; ++i) {
    caches_.Clear();
    EXPECT_EQ(Told(Ask("www.two.example.")), "secure data") << i;
  }
}

// Covers: SEC-16
TEST_F(TrustTest, DsIsAskedOfTheParentAndValidatedByItsKeys) {
  ASSERT_EQ(Told(Ask("www.sub.example.")), "secure data");
  Log();
  const Answer ds = Ask("sub.example.", RrType::kDs);
  EXPECT_EQ(ds.kind, LookupKind::kData);
  EXPECT_EQ(ds.security, Security::kSecure);
  EXPECT_EQ(Log(), Lines{"192.0.2.2 sub.example. DS"});
  for (const char* name : {"plain.example.", "www.example.", "inside.example.", "."}) {
    const Answer none = Ask(name, RrType::kDs);
    EXPECT_EQ(none.kind, LookupKind::kNodata) << name;
    EXPECT_EQ(none.security, Security::kSecure) << name;
  }
  EXPECT_EQ(Ask("no.example.", RrType::kDs).kind, LookupKind::kNxdomain);
}

TEST_F(TrustTest, TheRecordsOfDnssecItselfAreValidated) {
  EXPECT_EQ(Told(Ask("sub.example.", RrType::kDnskey)), "secure data");
  EXPECT_EQ(Told(Ask("sub.example.", RrType::kSoa)), "secure data");
  EXPECT_EQ(Told(Ask("sub.example.", RrType::kNs)), "secure data");
  EXPECT_EQ(Told(Ask(".", RrType::kDnskey)), "secure data");
  EXPECT_EQ(Told(Ask(".", RrType::kSoa)), "secure data");
}

// Covers: SEC-04
TEST_F(TrustTest, WhatAForwarderSaysIsValidatedAlike) {
  const Server everything{&root_zone_, &example_zone_, &sub_zone_, &plain_zone_, &test_zone_};
  network_.Serve("192.0.2.40", everything.Behave());
  ConfiguredZone forward;
  forward.servers = {Endpoint::Parse("192.0.2.40", 53).value()};
  forward.forward = true;
  settings_.zones = {forward};
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
  EXPECT_EQ(Told(Ask("www.plain.example.")), "insecure data");
  EXPECT_EQ(Told(Ask("www.test.")), "insecure data");
  EXPECT_EQ(Told(Ask("no.example.")), "secure nxdomain");
  for (const std::string& line : Log()) EXPECT_EQ(line.substr(0, 11), "192.0.2.40 ") << line;
}

//--- Anchors ----------------------------------------------------------------------------------

TEST_F(TrustTest, WithoutAnAnchorAboveThemAnswersAreIndeterminate) {
  Trust({&sub_zone_});
  const Answer answer = Ask("www.example.");
  EXPECT_EQ(answer.kind, LookupKind::kData);
  EXPECT_EQ(Told(answer), "indeterminate data");
  const Lines lines = Log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "192.0.2.2 example. DNSKEY"), 0);
}

TEST_F(TrustTest, AnAnchorMakesAnIslandSecure) {
  Trust({&sub_zone_});
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  sub_zone_.Add("mail.sub.example. 60 IN A 198.51.100.14");
  EXPECT_EQ(Ask("mail.sub.example.").kind, LookupKind::kBogus);
}

TEST_F(TrustTest, AnAnchorBelowAnotherTakesThePlaceOfTheDs) {
  sub_zone_.ChangeKey();  // the DS of example. names the old one
  Trust({&root_zone_, &sub_zone_});
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
  EXPECT_EQ(Told(Ask("www.example.")), "secure data");
}

// Covers: SEC-55
TEST_F(TrustTest, ANegativeAnchorMakesABrokenZoneInsecureAndNothingElse) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  SuspendBelow("sub.example.");
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(Told(answer), "insecure data");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.4");
  EXPECT_EQ(answer.ede, Ede::kNegativeTrustAnchor);
  EXPECT_EQ(Told(Ask("www.example.")), "secure data");
}

// Covers: SEC-55
TEST_F(TrustTest, ANegativeAnchorEndsByItsDateForWhatIsCachedToo) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  SuspendBelow("sub.example.", clock_.WallSeconds() + 100);
  sub_zone_.Add("mail.sub.example. 60 IN A 198.51.100.14");
  EXPECT_EQ(Told(Ask("www.sub.example.")), "insecure data");
  clock_.Advance(seconds(101));
  EXPECT_EQ(Ask("mail.sub.example.").kind, LookupKind::kBogus);
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus) << "its TTL is 600";
}

// Covers: SEC-55
TEST_F(TrustTest, ARequestThatIgnoresNegativeAnchorsSeesThatTheZoneIsWell) {
  SuspendBelow("sub.example.");
  EXPECT_EQ(Told(Ask("www.sub.example.")), "insecure data");
  EXPECT_EQ(Told(AskIgnoringNegativeAnchors("www.sub.example.")), "secure data");
}

// Covers: SEC-55
TEST_F(TrustTest, ARequestThatIgnoresNegativeAnchorsHarmsNobodyWhereTheZoneIsBroken) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  SuspendBelow("sub.example.");
  EXPECT_EQ(AskIgnoringNegativeAnchors("www.sub.example.").kind, LookupKind::kBogus);
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(Told(answer), "insecure data");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.4");
}

// Covers: SEC-55
TEST_F(TrustTest, AnAnchorBelowANegativeOneHolds) {
  SuspendBelow("example.");
  Trust({&root_zone_, &sub_zone_});
  EXPECT_EQ(Told(Ask("www.example.")), "insecure data");
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

//--- Failures ---------------------------------------------------------------------------------

// Covers: D64-17
TEST_F(TrustTest, SilenceOfASignedZoneIsNoReasonToCallItInsecure) {
  network_.Serve("192.0.2.4", DeafToAaaa(sub_server_));
  const Answer answer = Ask("www.sub.example.", RrType::kAaaa);
  EXPECT_EQ(answer.kind, LookupKind::kTimeout);
  EXPECT_EQ(Told(answer), "secure failure");
}

// Covers: D64-17
TEST_F(TrustTest, SilenceOfAnUnsignedZoneIsInsecure) {
  network_.Serve("192.0.2.7", DeafToAaaa(plain_server_));
  network_.Serve("192.0.2.3", DeafToAaaa(test_server_));
  for (const char* name : {"www.plain.example.", "www.test."}) {
    const Answer answer = Ask(name, RrType::kAaaa);
    EXPECT_EQ(answer.kind, LookupKind::kTimeout);
    EXPECT_EQ(Told(answer), "insecure failure");
  }
}

//--- Limits -----------------------------------------------------------------------------------

// Covers: LIM-03
TEST_F(TrustTest, TheBudgetOfQueriesHoldsForKeysToo) {
  for (int budget = 1; budget < 6; ++budget) {
    caches_.Clear();
    settings_.limits.queries = budget;
    resolver().SetSettings(std::make_shared<Settings>(settings_));
    network_.ClearLog();
    const Answer answer = Ask("www.sub.example.");
    EXPECT_NE(answer.kind, LookupKind::kData) << budget;
    EXPECT_LE(Log().size(), static_cast<std::size_t>(budget));
  }
  settings_.limits.queries = 6;
  resolver().SetSettings(std::make_shared<Settings>(settings_));
  caches_.Clear();
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

// Covers: LIM-03
TEST_F(TrustTest, ASpentBudgetSaysNothingOfTheZoneToOthers) {
  sub_zone_.Add("mail.sub.example. 60 IN A 198.51.100.14");
  settings_.limits.queries = 5;
  EXPECT_NE(Ask("www.sub.example.").kind, LookupKind::kData);
  settings_.limits.queries = 100;
  resolver().SetSettings(std::make_shared<Settings>(settings_));
  EXPECT_EQ(Told(Ask("mail.sub.example.")), "secure data");
}

// Covers: LIM-03
TEST_F(TrustTest, ABudgetSpentOnTheWayToTheTargetOfAnAliasSaysNothingOfTheTarget) {
  test_zone_.Add("far.test. 60 IN CNAME www.sub.example.");
  settings_.limits.queries = 6;
  EXPECT_NE(Ask("far.test.").kind, LookupKind::kData);
  settings_.limits.queries = 100;
  resolver().SetSettings(std::make_shared<Settings>(settings_));
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
}

// Covers: SEC-43
TEST_F(TrustTest, WhereverVerificationsRunOutOnTheWayFromAnAliasItsTargetIsWellForOthers) {
  test_zone_.Add("far.test. 60 IN CNAME one.wild.example.");
  int cut_short = 0;
  for (int budget = 0; budget < 12; ++budget) {
    resolver_.reset();  // it remembers what it verified
    caches_.Clear();
    const RequestPtr request = resolver().NewRequest();
    request->work.verifications = budget;
    const Answer answer = testing::RunToEnd(
        clock_, scheduler_, resolver().Resolve(testing::N("far.test."), RrType::kA, request));
    if (answer.kind == LookupKind::kBogus) ++cut_short;
    EXPECT_EQ(Told(Ask("one.wild.example.")), "secure data") << budget;
  }
  EXPECT_GT(cut_short, 5);
  EXPECT_LT(cut_short, 12);
}

// Covers: LIM-03
TEST_F(TrustTest, AnUnsignedNameOfManyLabelsCostsABoundedNumberOfQueries) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "a.";
  name += "example.";
  example_zone_.Add(name + " 60 IN A 198.51.100.66");
  example_server_.spoil = Spoil(RrType::kA, Fate::kNoSignature);
  const Answer answer = Ask(name);
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_LE(request_->upstream_queries, 60);
  EXPECT_LE(Log().size(), 60U);
}

// Covers: LIM-06, SEC-44
TEST_F(TrustTest, ARequestWhoseDeadlinePassesWhileItWaitsForItsTurnEnds) {
  ASSERT_EQ(Told(Ask("www.example.")), "secure data");
  const auto clients = AskForManyHosts();
  while (scheduler_.Turn()) {
  }
  clock_.Advance(milliseconds(1));
  scheduler_.Turn();  // the replies are here, and there is more to verify than a turn allows
  clock_.Advance(seconds(9));
  while (scheduler_.Turn()) {
  }
  int secure = 0;
  int late = 0;
  for (const auto& client : clients) {
    ASSERT_TRUE(client->done());
    const Answer& answer = client->result();
    if (answer.security == Security::kSecure) ++secure;
    if (answer.kind == LookupKind::kBogus && answer.ede == Ede::kOther) ++late;
  }
  EXPECT_GT(secure, 0);
  EXPECT_GT(late, 0);
  EXPECT_EQ(secure + late, 100);
}

// Covers: SEC-44
TEST_F(TrustTest, WhatIsCachedIsAnsweredWhileOthersWaitForTheirTurn) {
  ASSERT_EQ(Told(Ask("www.example.")), "secure data");
  const auto clients = AskForManyHosts();
  while (scheduler_.Turn()) {
  }
  clock_.Advance(milliseconds(1));
  scheduler_.Turn();
  EXPECT_LT(std::count_if(clients.begin(), clients.end(), [](const auto& c) { return c->done(); }),
            50)
      << "a turn is not for all of them";
  EXPECT_TRUE(FromCache("www.example.").has_value());
  testing::RunUntil(clock_, scheduler_, clock_.Now() + milliseconds(1));
  for (const auto& client : clients) {
    ASSERT_TRUE(client->done());
    EXPECT_EQ(Told(client->result()), "secure data");
  }
}

// Covers: SEC-04, SEC-44
TEST_F(TrustTest, WhereManyWaitForTheirTurnWhatTheyShareIsVerifiedOnce) {
  ASSERT_EQ(Told(Ask("www.sub.example.")), "secure data");
  sub_zone_.Add("mail.sub.example. 60 IN A 198.51.100.14");
  const std::uint64_t before = Count(Counter::kVerifications);
  // All replies are here after a millisecond, those of the hosts first: more than a turn allows.
  const auto hosts = AskForManyHosts();
  std::vector<std::unique_ptr<net::Started<Answer>>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<net::Started<Answer>>(
        scheduler_,
        resolver().Resolve(N("mail.sub.example."), RrType::kA, resolver().NewRequest())));
  }
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  for (const auto& client : clients) {
    ASSERT_TRUE(client->done());
    EXPECT_EQ(Told(client->result()), "secure data");
  }
  EXPECT_EQ(Count(Counter::kVerifications) - before, hosts.size() + 1);
}

// Covers: LIM-03, SEC-43
TEST_F(TrustTest, WhoWaitsForAChainThatRanOutOfItsOwnLimitsFollowsItItself) {
  auto poor = resolver().NewRequest();
  poor->work.verifications = 1;
  net::Started<Answer> first(scheduler_,
                             resolver().Resolve(N("www.sub.example."), RrType::kA, poor));
  net::Started<Answer> second(
      scheduler_, resolver().Resolve(N("www.sub.example."), RrType::kA, resolver().NewRequest()));
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  ASSERT_TRUE(first.done() && second.done());
  EXPECT_EQ(Told(first.result()), "bogus failure");
  EXPECT_EQ(Told(second.result()), "secure data");
}

TEST_F(TrustTest, WhoWaitsForAChainGoesOnWhenTheOneWhoFollowedItLeaves) {
  auto first = std::make_unique<net::Started<Answer>>(
      scheduler_, resolver().Resolve(N("www.sub.example."), RrType::kA, resolver().NewRequest()));
  net::Started<Answer> second(scheduler_, resolver().Resolve(N("www.sub.example."), RrType::kAaaa,
                                                             resolver().NewRequest()));
  while (scheduler_.Turn()) {
  }
  first.reset();
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  ASSERT_TRUE(second.done());
  EXPECT_EQ(Told(second.result()), "secure nodata");
}

// Covers: ATK-11
TEST_F(TrustTest, ZonesThatServeEachOtherAreValidatedWithoutACircle) {
  // example. knows an address of the one server, and none of the other.
  example_zone_.Add("ca.example. 3600 IN NS ns.cb.example.");
  example_zone_.Add("cb.example. 3600 IN NS ns.ca.example.");
  example_zone_.Add("ns.ca.example. 3600 IN A 192.0.2.20");
  Zone ca("ca.example.",
          "ca.example. 3600 IN NS ns.cb.example.\n"
          "ns.ca.example. 3600 IN A 192.0.2.20\n"
          "www.ca.example. 60 IN A 198.51.100.20\n");
  Zone cb("cb.example.",
          "cb.example. 3600 IN NS ns.ca.example.\n"
          "ns.cb.example. 3600 IN A 192.0.2.21\n"
          "www.cb.example. 60 IN A 198.51.100.21\n");
  example_zone_.Vouch(ca);
  example_zone_.Vouch(cb);
  const Server of_ca{&ca};
  const Server of_cb{&cb};
  network_.Serve("192.0.2.20", of_cb.Behave());
  network_.Serve("192.0.2.21", of_ca.Behave());
  const TimePoint start = clock_.Now();
  for (const bool ca_first : {true, false}) {
    caches_.Clear();
    for (const char* name : {ca_first ? "www.ca.example." : "www.cb.example.",
                             ca_first ? "www.cb.example." : "www.ca.example."}) {
      EXPECT_EQ(Told(Ask(name)), "secure data") << name;
      EXPECT_LE(request_->upstream_queries, 12);
    }
  }
  EXPECT_LT(clock_.Now() - start, seconds(1)) << "nobody waited for anybody in a circle";
}

// Covers: SEC-04
TEST_F(TrustTest, AnAddressOfANameServerIsNotValidated) {
  // The name of the server lies in a zone whose addresses are bogus.
  example_zone_.Add("far.example. 3600 IN NS ns.two.example.");
  two_zone_.Add("ns.two.example. 3600 IN A 192.0.2.20");
  two_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  other_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  Zone far("far.example.", "www.far.example. 60 IN A 198.51.100.20\n");
  example_zone_.Vouch(far);
  const Server of_far{&far};
  network_.Serve("192.0.2.20", of_far.Behave());
  EXPECT_EQ(Told(Ask("www.far.example.")), "secure data")
      << "what it says is validated, and not where it is";
  EXPECT_EQ(Ask("ns.two.example.").kind, LookupKind::kBogus) << "a client is told the truth";
}

}  // namespace
}  // namespace resolve64::resolver
