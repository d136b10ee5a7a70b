#include "resolver/resolver.h"

#include <gtest/gtest.h>

#include <chrono>

#include "unit/resolver/resolver_fixture.h"

namespace resolve64::resolver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Delivery;
using testing::N;
using testing::SeenQuery;

// Covers: REC-20, REC-26
TEST_F(ResolverTest, WalksFromTheRootAndShowsEachServerAsLittleAsItCan) {
  const Answer answer = Ask("www.sub.test.");
  EXPECT_EQ(answer.kind, LookupKind::kData);
  EXPECT_EQ(FirstAddress(answer), "198.51.100.4");
  EXPECT_EQ(Log(),
            (Lines{"192.0.2.1 test. A", "192.0.2.3 sub.test. A", "192.0.2.4 www.sub.test. A"}));
}

// Covers: REC-20
TEST_F(ResolverTest, AnswersAgainFromTheCacheUntilTheTtlEnds) {
  Ask("www.example.");
  Log();
  clock_.Advance(seconds(20));
  const Answer again = Ask("www.example.");
  EXPECT_TRUE(again.from_cache);
  EXPECT_EQ(again.data->TtlAt(clock_.Now()), 40U);
  EXPECT_EQ(Log(), Lines{});
  clock_.Advance(seconds(41));
  EXPECT_FALSE(Ask("www.example.").from_cache);
  EXPECT_EQ(Log(), (Lines{"192.0.2.2 www.example. A"})) << "the delegation is still known";
}

// Covers: REC-21
TEST_F(ResolverTest, PrimesTheRootBesideTheFirstQuestion) {
  Ask("www.example.");
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(1));
  const auto lines = network_.Lines();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "192.0.2.1 . NS"), 1);
  EXPECT_NE(caches_.delegations.Find(Name(), clock_.Now()), nullptr);
}

// Covers: REC-20
TEST_F(ResolverTest, FollowsAnAliasIntoAnotherZone) {
  const Answer answer = Ask("away.example.");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.4");
  ASSERT_EQ(answer.chain.size(), 1U);
  EXPECT_EQ(answer.final_name, N("www.sub.test."));
}

// Covers: REC-24
TEST_F(ResolverTest, AnAliasInsideTheZoneCostsNoSecondQuestion) {
  const Answer answer = Ask("alias.example.");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.1");
  EXPECT_EQ(Log(), (Lines{"192.0.2.1 example. A", "192.0.2.2 alias.example. A"}));
}

// Covers: REC-25
TEST_F(ResolverTest, ADnameIsFollowedAndReusedForSisterNames) {
  const Answer answer = Ask("www.old.example.");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.4");
  ASSERT_EQ(answer.chain.size(), 2U);
  EXPECT_EQ(answer.chain[0]->type(), RrType::kDname);
  EXPECT_EQ(answer.chain[1]->type(), RrType::kCname);
  EXPECT_EQ(answer.chain[1]->ttl(), 60U);
  Log();
  Ask("other.old.example.");
  EXPECT_EQ(Log(), (Lines{"192.0.2.4 other.sub.test. A"})) << "the DNAME came from the cache";
}

// Covers: LIM-01, REC-24
TEST_F(ResolverTest, AnAliasLoopIsAFailureThatIsRemembered) {
  const Answer answer = Ask("loop1.example.");
  EXPECT_EQ(answer.kind, LookupKind::kError);
  EXPECT_EQ(answer.rcode, Rcode::kServFail);
  Log();
  EXPECT_EQ(Ask("loop1.example.").rcode, Rcode::kServFail);
  EXPECT_EQ(Log(), Lines{});
}

// Covers: LIM-01
TEST_F(ResolverTest, TheTwelfthAliasIsRefused) {
  for (const int length : {11, 12}) {
    testing::Authority chain;
    std::string lines = "example. 60 SOA 60\n";
    for (int i = 0; i < length; ++i) {
      lines +=
          "c" + std::to_string(i) + ".example. 60 CNAME c" + std::to_string(i + 1) + ".example.\n";
    }
    lines += "c" + std::to_string(length) + ".example. 60 A 198.51.100.9\n";
    chain.Zone("example.", lines);
    network_.Serve("192.0.2.2", chain.Behave());
    caches_.rrsets.Clear();
    caches_.failures.Clear();
    const Answer answer = Ask("c0.example.");
    EXPECT_EQ(answer.rcode, length == 11 ? Rcode::kNoError : Rcode::kServFail) << length;
  }
  EXPECT_EQ(stats_.Get(Counter::kLimitAliases), 1U);
}

// Covers: CAC-03
TEST_F(ResolverTest, KeepsADenialForTheMinimumOfItsSoa) {
  EXPECT_EQ(Ask("www.example.", RrType::kAaaa).kind, LookupKind::kNodata);
  EXPECT_EQ(Ask("nothing.example.").kind, LookupKind::kNxdomain);
  Log();
  clock_.Advance(seconds(299));
  const Answer nodata = Ask("www.example.", RrType::kAaaa);
  EXPECT_EQ(nodata.kind, LookupKind::kNodata);
  ASSERT_NE(nodata.soa, nullptr);
  EXPECT_EQ(dns::NegativeTtl(*nodata.soa, clock_.Now()), 1U);
  EXPECT_EQ(Ask("nothing.example.").rcode, Rcode::kNxDomain);
  EXPECT_EQ(Log(), Lines{});
  clock_.Advance(seconds(2));
  Ask("nothing.example.");
  EXPECT_EQ(Log().size(), 1U);
}

// Covers: REC-27
TEST_F(ResolverTest, NothingExistsBelowANameThatDoesNot) {
  Ask("nothing.example.");
  Log();
  const Answer below = Ask("a.b.nothing.example.");
  EXPECT_EQ(below.rcode, Rcode::kNxDomain);
  EXPECT_NE(below.soa, nullptr);
  EXPECT_EQ(Log(), Lines{});
}

// Covers: REC-28
TEST_F(ResolverTest, AnEmptyNonTerminalIsNodataAndCutsNothingOff) {
  EXPECT_EQ(Ask("ent.example.").kind, LookupKind::kNodata);
  EXPECT_EQ(FirstAddress(Ask("a.ent.example.")), "198.51.100.3");
}

// Covers: REC-23
TEST_F(ResolverTest, LooksUpServersThatCameWithoutGlue) {
  const Answer answer = Ask("www.glueless.test.");
  EXPECT_EQ(FirstAddress(answer), "198.51.100.5");
}

// Covers: ATK-11, LIM-04
TEST_F(ResolverTest, ZonesWhoseServersAreInEachOtherFailAndStaySilentOnARepeat) {
  testing::Authority circular;
  circular.Zone("example.",
                "example. 3600 SOA 300\n"
                "one.example. 3600 NS ns.two.example.\n"
                "two.example. 3600 NS ns.one.example.\n");
  network_.Serve("192.0.2.2", circular.Behave());
  const Answer answer = Ask("www.one.example.");
  EXPECT_EQ(answer.rcode, Rcode::kServFail);
  EXPECT_EQ(answer.ede, Ede::kNoReachableAuthority);
  Log();
  EXPECT_TRUE(Ask("www.one.example.").failed_before);
  EXPECT_EQ(Log(), Lines{});
}

// Covers: REC-26
TEST_F(ResolverTest, ByStrictMinimizationADenialOfAnAncestorIsTheAnswer) {
  settings_.minimization = Minimization::kStrict;
  EXPECT_EQ(Ask("a.b.nothing.example.").rcode, Rcode::kNxDomain);
  EXPECT_EQ(Log(), (Lines{"192.0.2.1 example. A", "192.0.2.2 nothing.example. A"}));
}

// Covers: REC-26
TEST_F(ResolverTest, ByRelaxedMinimizationABrokenServerIsAskedForTheWholeName) {
  network_.Serve("192.0.2.2", [this](const SeenQuery& query) {
    // Denies empty non-terminals, as broken servers do.
    if (query.question.name == N("ent.example.")) {
      return std::vector<Delivery>{{testing::ReplyWith(query, "authority example. 60 SOA 60",
                                                       Header::kAa, Rcode::kNxDomain)}};
    }
    return std::vector<Delivery>{{example_.Reply(query)}};
  });
  EXPECT_EQ(FirstAddress(Ask("a.ent.example.")), "198.51.100.3");
}

// Covers: REC-26
TEST_F(ResolverTest, WithoutMinimizationEveryServerSeesTheWholeQuestion) {
  settings_.minimization = Minimization::kOff;
  Ask("www.sub.test.", RrType::kTxt);
  EXPECT_EQ(Log(), (Lines{"192.0.2.1 www.sub.test. TXT", "192.0.2.3 www.sub.test. TXT",
                          "192.0.2.4 www.sub.test. TXT"}));
}

// Covers: SEC-16
TEST_F(ResolverTest, AsksTheParentForDs) {
  Ask("www.sub.test.");
  Log();
  EXPECT_EQ(Ask("sub.test.", RrType::kDs).kind, LookupKind::kNodata);
  EXPECT_EQ(Log(), (Lines{"192.0.2.3 sub.test. DS"}));
}

// Covers: F14, REC-04, ATK-05
TEST_F(ResolverTest, AHundredEqualQuestionsAreAskedOnce) {
  std::vector<std::unique_ptr<net::Started<Answer>>> askers;
  for (int i = 0; i < 100; ++i) {
    askers.push_back(std::make_unique<net::Started<Answer>>(
        scheduler_, resolver().Resolve(N("www.sub.test."), RrType::kA, resolver().NewRequest())));
  }
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(2));
  for (auto& asker : askers) {
    ASSERT_TRUE(asker->done());
    EXPECT_EQ(FirstAddress(asker->result()), "198.51.100.4");
  }
  EXPECT_EQ(Log().size(), 3U);
  EXPECT_EQ(stats_.Get(Counter::kJoined), 297U);
}

// Covers: D64-30, B17
TEST_F(ResolverTest, AaaaAndAOnAKnownDelegationGoOutAtTheSameMoment) {
  Ask("ns.example.");
  network_.Serve("192.0.2.2", example_.Behave(milliseconds(200)));
  network_.ClearLog();
  const TimePoint start = clock_.Now();
  net::Started<Answer> aaaa(
      scheduler_, resolver().Resolve(N("www.example."), RrType::kAaaa, resolver().NewRequest()));
  net::Started<Answer> a(
      scheduler_, resolver().Resolve(N("www.example."), RrType::kA, resolver().NewRequest()));
  testing::RunUntil(clock_, scheduler_, start + milliseconds(201));
  EXPECT_TRUE(aaaa.done() && a.done());
  EXPECT_EQ(Log(), (Lines{"192.0.2.2 www.example. AAAA", "192.0.2.2 www.example. A"}));
}

// Covers: D64-13
TEST_F(ResolverTest, ADroppedQuestionIsNotAskedOn) {
  network_.Serve("192.0.2.1", root_.Behave(milliseconds(10)));
  {
    net::Started<Answer> asker(
        scheduler_, resolver().Resolve(N("www.sub.test."), RrType::kA, resolver().NewRequest()));
    testing::RunUntil(clock_, scheduler_, clock_.Now() + milliseconds(5));
    EXPECT_EQ(Log().size(), 1U);
  }
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(5));
  EXPECT_EQ(Log(), Lines{}) << "nobody waits for the referral any more";
}

// Covers: DSC-05, REC-31, ATK-08
TEST_F(ResolverTest, TheChildCannotProlongItsDelegation) {
  Ask("www.sub.test.");
  Log();
  clock_.Advance(seconds(1800));
  Ask("sub.test.", RrType::kNs);  // the child's own NS, with a fresh TTL
  EXPECT_EQ(Log(), (Lines{"192.0.2.4 sub.test. NS"}));
  clock_.Advance(seconds(1801));
  Ask("x.sub.test.");
  EXPECT_EQ(Log()[0], "192.0.2.3 sub.test. A") << "the parent's TTL has run out: it is asked again";
}

// Covers: REC-32
TEST_F(ResolverTest, GlueThatLeadsToLoopbackIsAbsentUnlessAllowed) {
  testing::Authority trap;
  trap.Zone("example.",
            "example. 3600 SOA 300\n"
            "in.example. 3600 NS ns.in.example.\n"
            "ns.in.example. 3600 A 127.0.0.1\n"
            "zero.example. 3600 NS ns.zero.example.\n"
            "ns.zero.example. 3600 A 0.0.0.0\n");
  network_.Serve("192.0.2.2", trap.Behave());
  EXPECT_EQ(Ask("www.in.example.").rcode, Rcode::kServFail);
  EXPECT_EQ(Ask("www.zero.example.").rcode, Rcode::kServFail);
  for (const std::string& line : Log()) {
    EXPECT_FALSE(line.starts_with("127.") || line.starts_with("0.")) << line;
  }
}

// Covers: REC-32
TEST_F(ResolverTest, NeverAsksItself) {
  settings_.own_addresses = {Endpoint::Parse("192.0.2.4", 53).value()};
  EXPECT_EQ(Ask("www.sub.test.").rcode, Rcode::kServFail);
  for (const std::string& line : Log()) EXPECT_FALSE(line.starts_with("192.0.2.4")) << line;
}

// Covers: LIM-06
TEST_F(ResolverTest, EndsByTheDeadlineWhateverTheServersDo) {
  network_.Serve("192.0.2.4", [](const SeenQuery&) { return std::vector<Delivery>{}; });
  const TimePoint start = clock_.Now();
  const Answer answer = Ask("www.sub.test.");
  EXPECT_EQ(answer.kind, LookupKind::kTimeout);
  EXPECT_EQ(answer.ede, Ede::kNoReachableAuthority);
  EXPECT_LE(clock_.Now() - start, seconds(8));
}

// Covers: LIM-03
TEST_F(ResolverTest, TheBudgetOfQueriesIsNotExceededAndTheFailureIsRemembered) {
  settings_.limits.queries = 2;
  const Answer answer = Ask("www.sub.test.");
  EXPECT_EQ(answer.rcode, Rcode::kServFail);
  EXPECT_EQ(request_->upstream_queries, 2);
  EXPECT_EQ(stats_.Get(Counter::kLimitQueries), 1U);
  Log();
  Ask("www.sub.test.");
  EXPECT_EQ(Log(), Lines{});
}

}  // namespace
}  // namespace resolve64::resolver
