#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "unit/resolver/validation_fixture.h"

namespace resolve64::resolver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::N;

//--- The keys ---------------------------------------------------------------------------------

// Covers: SEC-04
TEST_F(ValidationTest, KeysAreAskedForBesideTheQuestionAndNotAfterIt) {
  const Answer answer = Ask("www.example.");
  EXPECT_EQ(Told(answer), "secure data");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.1");
  std::vector<TimePoint> sent;
  for (const testing::SeenQuery& query : network_.log()) {
    if (query.server.address.ToText() == "192.0.2.2") sent.push_back(query.at);
  }
  ASSERT_EQ(sent.size(), 2U) << "the DNSKEY and the question";
  EXPECT_EQ(sent[0], sent[1]);
  EXPECT_EQ(Log(), (Lines{"192.0.2.1 . DNSKEY", "192.0.2.1 example. A", "192.0.2.2 example. DNSKEY",
                          "192.0.2.2 www.example. A"}));
}

// Covers: SEC-04
TEST_F(ValidationTest, ValidationCostsNoRoundTripBeyondTheOneOfEachZone) {
  const TimePoint start = clock_.Now();  // a round trip is a millisecond
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data");
  EXPECT_EQ(clock_.Now() - start, milliseconds(3)) << "the root, example. and sub.example.";
  EXPECT_EQ(request_->upstream_queries, 6);
}

// Covers: SEC-04, D64-30
TEST_F(ValidationTest, TheTwoFamiliesOfANameFetchTheKeysTogether) {
  net::Started<Answer> aaaa(scheduler_, resolver().Resolve(N("www.sub.example."), RrType::kAaaa,
                                                           resolver().NewRequest()));
  net::Started<Answer> a(
      scheduler_, resolver().Resolve(N("www.sub.example."), RrType::kA, resolver().NewRequest()));
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  ASSERT_TRUE(aaaa.done() && a.done());
  EXPECT_EQ(Told(aaaa.result()), "secure nodata");
  EXPECT_EQ(Told(a.result()), "secure data");
  EXPECT_EQ(Log().size(), 7U) << "three sets of keys, two referrals, two answers";
}

// Covers: SEC-04, REC-04
TEST_F(ValidationTest, ManyClientsAtOnceFetchTheKeysOnceAndVerifyEachRrsetOnce) {
  constexpr std::size_t kClients = 20;
  std::vector<std::unique_ptr<net::Started<Answer>>> clients;
  clients.reserve(kClients);
  while (clients.size() < kClients) {
    clients.push_back(std::make_unique<net::Started<Answer>>(
        scheduler_, resolver().Resolve(N("www.example."), RrType::kA, resolver().NewRequest())));
  }
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  for (const auto& client : clients) {
    ASSERT_TRUE(client->done());
    EXPECT_EQ(Told(client->result()), "secure data");
  }
  EXPECT_EQ(Log(), (Lines{"192.0.2.1 . DNSKEY", "192.0.2.1 example. A", "192.0.2.2 example. DNSKEY",
                          "192.0.2.2 www.example. A"}));
  EXPECT_EQ(Count(Counter::kVerifications), 4U)
      << "the root's keys, the DS, the keys of example., the answer";
}

// Covers: SEC-04, ATK-17
TEST_F(ValidationTest, ManyClientsAtOnceVerifyABadSignatureOnce) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  constexpr std::size_t kClients = 20;
  std::vector<std::unique_ptr<net::Started<Answer>>> clients;
  clients.reserve(kClients);
  while (clients.size() < kClients) {
    clients.push_back(std::make_unique<net::Started<Answer>>(
        scheduler_,
        resolver().Resolve(N("www.sub.example."), RrType::kA, resolver().NewRequest())));
  }
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  for (const auto& client : clients) {
    ASSERT_TRUE(client->done());
    EXPECT_EQ(Told(client->result()), "bogus failure");
  }
  EXPECT_EQ(Count(Counter::kVerifications), 6U) << "two DS, three sets of keys, and the answer";
}

// Covers: SEC-56
TEST_F(ValidationTest, AClockThatStandsAt1970MakesSignedAnswersBogusAndNotInsecure) {
  clock_.SetWallSeconds(0);
  const Answer answer = Ask("www.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_EQ(answer.rcode, Rcode::kServFail);
  EXPECT_EQ(answer.ede, Ede::kSignatureNotYetValid);
  EXPECT_EQ(Ask("www.plain.example.").kind, LookupKind::kBogus)
      << "that it is unsigned cannot be proved either";

  clock_.SetWallSeconds(ManualClock::kStartWallSeconds);
  clock_.Advance(seconds(41));
  EXPECT_EQ(Told(Ask("www.example.")), "secure data") << "well once the date is set";
}

// Covers: SEC-56
TEST_F(ValidationTest, AConfiguredTimeTakesThePlaceOfTheClock) {
  clock_.SetWallSeconds(0);
  settings_.dnssec.override_time = ManualClock::kStartWallSeconds;
  EXPECT_EQ(Told(Ask("www.example.")), "secure data");
}

//--- Bogus answers ----------------------------------------------------------------------------

// Covers: SEC-04, SEC-08
TEST_F(ValidationTest, AnotherServerIsAskedWhereTheSignatureOfTheFirstIsBad) {
  two_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  network_.Serve("192.0.2.6", other_server_.Behave(milliseconds(30)));  // asked second, if at all
  for (int i = 0; i < 8; ++i) {
    caches_.rrsets.Clear();
    const Answer answer = Ask("www.two.example.");
    EXPECT_EQ(Told(answer), "secure data");
    EXPECT_EQ(FirstAddress(answer), "198.51.100.5");
  }
  const Lines lines = Log();
  EXPECT_GT(std::count(lines.begin(), lines.end(), "192.0.2.5 www.two.example. A"), 0);
  EXPECT_GT(std::count(lines.begin(), lines.end(), "192.0.2.6 www.two.example. A"), 0);
}

// Covers: SEC-04
TEST_F(ValidationTest, AnotherServerIsAskedWhereTheKeysOfTheFirstAreSpoiled) {
  two_server_.spoil = Spoil(RrType::kDnskey, Fate::kBadSignature);
  for (int i = 0; i < 8; ++i) {
    caches_.rrsets.Clear();
    caches_.trust.Clear();
    EXPECT_EQ(Told(Ask("www.two.example.")), "secure data");
  }
  const Lines lines = Log();
  EXPECT_GT(std::count(lines.begin(), lines.end(), "192.0.2.5 two.example. DNSKEY"), 0);
  EXPECT_GT(std::count(lines.begin(), lines.end(), "192.0.2.6 two.example. DNSKEY"), 0);
}

// Covers: SEC-04, SEC-45
TEST_F(ValidationTest, ABogusAnswerIsRememberedAndAskedForAgainAfterTheFailureTime) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_EQ(answer.security, Security::kBogus);
  EXPECT_EQ(answer.rcode, Rcode::kServFail);
  EXPECT_EQ(answer.ede, Ede::kBogus);
  EXPECT_EQ(answer.data, nullptr);
  Log();

  clock_.Advance(seconds(4));
  const Answer again = Ask("www.sub.example.");
  EXPECT_EQ(again.kind, LookupKind::kBogus);
  EXPECT_EQ(again.ede, Ede::kBogus) << "the reason of the first time";
  EXPECT_TRUE(again.failed_before);
  EXPECT_EQ(Log(), Lines{});

  clock_.Advance(seconds(2));
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);
  EXPECT_EQ(Times("192.0.2.4 www.sub.example. A"), 1);

  sub_server_.spoil = nullptr;
  clock_.Advance(seconds(11));
  EXPECT_EQ(Told(Ask("www.sub.example.")), "secure data") << "good once the server is";
  EXPECT_EQ(Times("192.0.2.4 www.sub.example. A"), 1);
}

// Covers: SEC-04
TEST_F(ValidationTest, UnsignedDataInASignedZoneIsBogus) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kNoSignature);
  const Answer answer = Ask("www.sub.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_EQ(answer.ede, Ede::kRrsigsMissing);
}

// Covers: SEC-20, D64-50
TEST_F(ValidationTest, AnUnprovedDenialInASignedZoneIsBogus) {
  for (const Fate fate : {Fate::kMissing, Fate::kNoSignature, Fate::kBadSignature}) {
    caches_.Clear();
    sub_server_.spoil = Spoil(RrType::kNsec, fate);
    for (const char* name : {"no.sub.example.", "www.sub.example."}) {
      const Answer answer = Ask(name, RrType::kAaaa);
      EXPECT_EQ(answer.kind, LookupKind::kBogus) << name << static_cast<int>(fate);
      EXPECT_TRUE(answer.ede.has_value());
      EXPECT_EQ(answer.soa, nullptr) << "nothing of what was said is shown";
    }
  }
}

TEST_F(ValidationTest, DenialsOfASignedZoneAreSecureWithTheirProof) {
  const Answer nxdomain = Ask("no.example.");
  EXPECT_EQ(nxdomain.kind, LookupKind::kNxdomain);
  EXPECT_EQ(nxdomain.security, Security::kSecure);
  EXPECT_FALSE(nxdomain.proof.empty());
  const Answer nodata = Ask("www.example.", RrType::kAaaa);
  EXPECT_EQ(nodata.kind, LookupKind::kNodata);
  EXPECT_EQ(nodata.security, Security::kSecure);
  ASSERT_NE(nodata.soa, nullptr);
  EXPECT_EQ(nodata.soa->owner(), N("example."));
}

// Covers: SEC-04
TEST_F(ValidationTest, AnAnswerIsAsSecureAsItsWeakestLink) {
  EXPECT_EQ(Told(Ask("alias.example.")), "secure data");
  const Answer away = Ask("away.example.");
  EXPECT_EQ(away.security, Security::kInsecure) << "the alias is signed, its target is not";
  EXPECT_EQ(away.chain.at(0)->security(), Security::kSecure);

  example_server_.spoil = Spoil(RrType::kCname, Fate::kBadSignature);
  caches_.Clear();
  EXPECT_EQ(Ask("away.example.").kind, LookupKind::kBogus);
}

// Covers: SEC-04
TEST_F(ValidationTest, AnAliasToSomethingBogusIsBogusFromTheCacheToo) {
  example_zone_.Add("far.example. 60 IN CNAME www.sub.example.");
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  EXPECT_EQ(Ask("far.example.").kind, LookupKind::kBogus);
  Log();
  EXPECT_EQ(Ask("far.example.").kind, LookupKind::kBogus);
  EXPECT_EQ(Log(), Lines{});
  const Answer unchecked = AskUnchecked("far.example.");
  EXPECT_EQ(FirstAddress(unchecked), "198.51.100.4");
  EXPECT_EQ(unchecked.chain.size(), 1U);
}

//--- CD ---------------------------------------------------------------------------------------

// Covers: SEC-03
TEST_F(ValidationTest, CheckingDisabledGetsTheBogusDataAndMakesItGoodForNobody) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);
  Log();
  const Answer unchecked = AskUnchecked("www.sub.example.");
  EXPECT_EQ(unchecked.kind, LookupKind::kData);
  EXPECT_EQ(FirstAddress(unchecked), "198.51.100.4");
  EXPECT_NE(unchecked.security, Security::kSecure);
  EXPECT_EQ(Log(), Lines{}) << "from the cache";
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);
  EXPECT_EQ(Log(), Lines{});
}

// Covers: SEC-03
TEST_F(ValidationTest, WhatCheckingDisabledFetchedIsValidatedForTheNextClient) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  const Answer unchecked = AskUnchecked("www.sub.example.");
  EXPECT_EQ(FirstAddress(unchecked), "198.51.100.4");
  const Lines lines = Log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "192.0.2.4 sub.example. DNSKEY"), 0)
      << "nobody needs keys";
  EXPECT_EQ(Ask("www.sub.example.").kind, LookupKind::kBogus);

  EXPECT_EQ(FirstAddress(AskUnchecked("www.example.")), "198.51.100.1");
  Log();
  const Answer checked = Ask("www.example.");
  EXPECT_EQ(Told(checked), "secure data");
  const Lines then = Log();
  EXPECT_EQ(std::count(then.begin(), then.end(), "192.0.2.2 www.example. A"), 0)
      << "it was in the cache";
}

// Covers: SEC-03
TEST_F(ValidationTest, CheckingDisabledGetsADenialThatIsBogus) {
  sub_server_.spoil = Spoil(RrType::kNsec, Fate::kBadSignature);
  EXPECT_EQ(Ask("no.sub.example.").kind, LookupKind::kBogus);
  const Answer unchecked = AskUnchecked("no.sub.example.");
  EXPECT_EQ(unchecked.kind, LookupKind::kNxdomain);
  EXPECT_NE(unchecked.security, Security::kSecure);
  EXPECT_EQ(Ask("no.sub.example.").kind, LookupKind::kBogus);
  EXPECT_EQ(Ask("below.no.sub.example.").kind, LookupKind::kBogus)
      << "nor does it deny what is below it";
}

//--- The cache --------------------------------------------------------------------------------

// Covers: SEC-10
TEST_F(ValidationTest, TheTtlOfASecureAnswerEndsWithItsSignature) {
  sub_zone_.expiration = static_cast<std::uint32_t>(clock_.WallSeconds()) + 100;
  sub_zone_.inception = sub_zone_.expiration - 200;
  const Answer answer = Ask("www.sub.example.");
  ASSERT_EQ(Told(answer), "secure data");
  // 600 by its TTL. Up to a tenth of the signature's lifetime may be granted beyond its end.
  EXPECT_LE(answer.data->TtlAt(clock_.Now()), 120U);
  EXPECT_GE(answer.data->TtlAt(clock_.Now()), 90U);
}

// Covers: SEC-10
TEST_F(ValidationTest, AConfiguredLeastTtlDoesNotReachBeyondTheSignature) {
  settings_.min_ttl = 900;
  sub_zone_.expiration = static_cast<std::uint32_t>(clock_.WallSeconds()) + 100;
  sub_zone_.inception = sub_zone_.expiration - 200;
  for (const char* name : {"www.sub.example.", "no.sub.example."}) {
    EXPECT_EQ(Ask(name).security, Security::kSecure);
    clock_.Advance(seconds(1));
  }
  clock_.Advance(seconds(123));
  EXPECT_FALSE(FromCache("www.sub.example.").has_value());
  EXPECT_FALSE(FromCache("no.sub.example.").has_value());
}

// Covers: SEC-10
TEST_F(ValidationTest, WhatIsCachedIsNotServedAfterTheEndOfItsSignature) {
  sub_zone_.expiration = static_cast<std::uint32_t>(clock_.WallSeconds()) + 100;
  sub_zone_.inception = sub_zone_.expiration - 200;
  ASSERT_EQ(Told(Ask("www.sub.example.")), "secure data");
  clock_.Advance(seconds(125));
  EXPECT_FALSE(FromCache("www.sub.example.").has_value());
  const Answer late = Ask("www.sub.example.");
  EXPECT_EQ(late.kind, LookupKind::kBogus);
  EXPECT_EQ(late.ede, Ede::kSignatureExpired);
}

// Covers: SEC-10
TEST_F(ValidationTest, ADenialIsNotServedAfterTheEndOfItsSignatures) {
  sub_zone_.expiration = static_cast<std::uint32_t>(clock_.WallSeconds()) + 100;
  sub_zone_.inception = sub_zone_.expiration - 200;
  ASSERT_EQ(Told(Ask("no.sub.example.")), "secure nxdomain");
  clock_.Advance(seconds(125));
  EXPECT_FALSE(FromCache("no.sub.example.").has_value());
  EXPECT_FALSE(FromCache("nn.sub.example.").has_value());
  EXPECT_EQ(Ask("no.sub.example.").ede, Ede::kSignatureExpired);
}

// Covers: SEC-03
TEST_F(ValidationTest, TheCacheAnswersWithoutWaitingOnlyWhatWasValidated) {
  AskUnchecked("www.example.");
  EXPECT_FALSE(FromCache("www.example.").has_value());
  ASSERT_TRUE(FromCache("www.example.", RrType::kA, true).has_value());
  Ask("www.example.");
  const std::optional<Answer> known = FromCache("www.example.");
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->security, Security::kSecure);
  EXPECT_EQ(FirstAddress(*known), "198.51.100.1");
}

// Covers: SEC-03, SEC-45
TEST_F(ValidationTest, TheCacheAnswersWithoutWaitingWhatWasFoundBogus) {
  sub_server_.spoil = Spoil(RrType::kA, Fate::kBadSignature);
  Ask("www.sub.example.");
  const std::optional<Answer> known = FromCache("www.sub.example.");
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->kind, LookupKind::kBogus);
  const std::optional<Answer> unchecked = FromCache("www.sub.example.", RrType::kA, true);
  ASSERT_TRUE(unchecked.has_value());
  EXPECT_EQ(FirstAddress(*unchecked), "198.51.100.4");
}

//--- Aggressive use of denials (RFC 8198) -----------------------------------------------------

// Covers: CAC-08
TEST_F(ValidationTest, AValidatedDenialAnswersASisterWithoutAQuery) {
  ASSERT_EQ(Ask("no.example.").kind, LookupKind::kNxdomain);
  Log();
  const Answer sister = Ask("nothing.example.");  // between mail.example. and ns.example. as well
  EXPECT_EQ(sister.kind, LookupKind::kNxdomain);
  EXPECT_EQ(sister.security, Security::kSecure);
  EXPECT_FALSE(sister.proof.empty());
  EXPECT_EQ(Log(), Lines{});
  EXPECT_EQ(Count(Counter::kAggressive), 1U);
}

// Covers: CAC-08
TEST_F(ValidationTest, WhatIsNotValidatedDeniesNoSister) {
  AskUnchecked("no.example.");
  Log();
  AskUnchecked("nothing.example.");
  EXPECT_EQ(Log(), Lines{"192.0.2.2 nothing.example. A"});
  EXPECT_EQ(Count(Counter::kAggressive), 0U);
}

// Covers: CAC-08
TEST_F(ValidationTest, AggressiveUseOfDenialsCanBeTurnedOff) {
  settings_.dnssec.aggressive_nsec = false;
  Ask("no.example.");
  Log();
  EXPECT_EQ(Ask("nothing.example.").kind, LookupKind::kNxdomain);
  EXPECT_EQ(Log(), Lines{"192.0.2.2 nothing.example. A"});
}

// Covers: CAC-08, REC-27
TEST_F(ValidationTest, ADenialDoesNotReachIntoAConfiguredZone) {
  ConfiguredZone stub;
  stub.zone = N("nothing.example.");
  stub.servers = {Endpoint::Parse("192.0.2.30", 53).value()};
  settings_.zones = {stub};
  settings_.dnssec.insecure = {{N("nothing.example."), std::nullopt}};
  Zone stub_zone("nothing.example.", "www.nothing.example. 60 IN A 198.51.100.30", false);
  const Server server{&stub_zone};
  network_.Serve("192.0.2.30", server.Behave());
  ASSERT_EQ(Ask("no.example.").kind, LookupKind::kNxdomain);
  const Answer answer = Ask("www.nothing.example.");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.30");
  EXPECT_EQ(Told(answer), "insecure data");
}

// Covers: CAC-08, SEC-13
TEST_F(ValidationTest, AValidatedWildcardAnswersASisterWithTheProof) {
  EXPECT_EQ(Ask("one.wild.example.", RrType::kAaaa).kind, LookupKind::kNodata);
  const Answer first = Ask("one.wild.example.");
  EXPECT_EQ(Told(first), "secure data");
  EXPECT_FALSE(first.data->proof().empty());
  Log();
  const Answer sister = Ask("two.wild.example.");
  EXPECT_EQ(FirstAddress(sister), "198.51.100.3");
  EXPECT_EQ(sister.security, Security::kSecure);
  EXPECT_EQ(sister.data->owner(), N("two.wild.example."));
  EXPECT_FALSE(sister.data->proof().empty());
  EXPECT_EQ(Log(), Lines{});
}

// Covers: SEC-13
TEST_F(ValidationTest, AWildcardWithoutTheProofIsBogus) {
  example_server_.spoil = Spoil(RrType::kNsec, Fate::kMissing);
  const Answer answer = Ask("one.wild.example.");
  EXPECT_EQ(answer.kind, LookupKind::kBogus);
  EXPECT_EQ(answer.ede, Ede::kNsecMissing);
}

}  // namespace
}  // namespace resolve64::resolver
