// How single servers are dealt with: errors, silence, truncation, old software, forgers.

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
using Deliveries = std::vector<Delivery>;

/// example. is served by two servers, 192.0.2.2 and 192.0.2.20.
class UpstreamTest : public ResolverTest {
 protected:
  UpstreamTest() {
    two_.Zone(".",
              ". 86400 SOA 900\n"
              "example. 86400 NS ns1.example.\n"
              "example. 86400 NS ns2.example.\n"
              "ns1.example. 86400 A 192.0.2.2\n"
              "ns2.example. 86400 A 192.0.2.20\n");
    network_.Serve("192.0.2.1", two_.Behave());
    network_.Serve("192.0.2.20", example_.Behave());
  }
  std::size_t AskedOf(std::string_view server) const {
    const auto lines = network_.Lines();
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(),
        [&](const std::string& line) { return line.starts_with(std::string(server) + " "); }));
  }
  testing::Authority two_;
};

// Covers: REC-20, F3
TEST_F(UpstreamTest, AnyErrorOfOneServerLeadsToTheNext) {
  for (const Rcode rcode : {Rcode::kServFail, Rcode::kRefused, Rcode::kNotImp, Rcode::kFormErr,
                            static_cast<Rcode>(9), static_cast<Rcode>(11)}) {
    network_.Serve("192.0.2.2", [&](const SeenQuery& query) {
      return Deliveries{{testing::ErrorReply(query, rcode)}};
    });
    caches_.rrsets.Clear();
    caches_.servers.Clear();
    EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1") << ToText(rcode);
  }
}

// Covers: T35
TEST_F(UpstreamTest, LameServersAreNoUse) {
  const std::vector<std::pair<const char*, std::uint16_t>> lame = {
      {"", 0},                                      // empty, without AA
      {"authority . 60 NS a.root.", 0},             // upwards
      {"authority example. 60 NS ns.example.", 0},  // sideways
      {"authority example. 60 SOA 60", 0},          // a denial without AA
      {"authority test. 60 NS ns.test.", 0},        // to somebody else's zone
  };
  for (const auto& [lines, flags] : lame) {
    network_.Serve("192.0.2.2", [&, l = lines, f = flags](const SeenQuery& query) {
      return Deliveries{{testing::ReplyWith(query, l, f)}};
    });
    caches_.rrsets.Clear();
    caches_.servers.Clear();
    EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1") << lines;
  }
}

// Covers: F2
TEST_F(UpstreamTest, ADeadServerHardlyDelaysTheAnswer) {
  network_.Serve("192.0.2.2", [](const SeenQuery&) { return Deliveries{}; });
  Ask("ns.example.");
  for (int i = 0; i < 50; ++i) {
    caches_.rrsets.Clear();
    const TimePoint start = clock_.Now();
    EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
    EXPECT_LE(clock_.Now() - start, milliseconds(50));
  }
}

// Covers: F1
TEST_F(UpstreamTest, SurvivesTheLossOfFourPacketsOutOfTen) {
  SeededRandom dice(5);
  for (const char* server : {"192.0.2.2", "192.0.2.20"}) {
    network_.Serve(server, [&](const SeenQuery& query) {
      if (!query.tcp && dice.Below(10) < 4) return Deliveries{};
      return Deliveries{{example_.Reply(query), milliseconds(5)}};
    });
  }
  for (int i = 0; i < 500; ++i) {
    caches_.rrsets.Clear();
    ASSERT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1") << i;
  }
}

// Covers: REC-29
TEST_F(UpstreamTest, ASilentZoneCostsThreeSendsToEachServerAndOneConnection) {
  for (const char* server : {"192.0.2.2", "192.0.2.20"}) {
    network_.Serve(server, [](const SeenQuery&) { return Deliveries{}; });
  }
  EXPECT_EQ(Ask("www.example.").kind, LookupKind::kTimeout);
  for (const char* server : {"192.0.2.2", "192.0.2.20"}) {
    EXPECT_EQ(AskedOf(server), 3U) << server;
    EXPECT_EQ(AskedOf(std::string(server) + "/tcp"), 1U) << server;
  }
}

// Covers: CAC-06, F7
TEST_F(UpstreamTest, AZoneThatIsKnownDeadIsLeftInPeaceAndTriedAgainSoon) {
  for (const char* server : {"192.0.2.2", "192.0.2.20"}) {
    network_.Serve(server, [](const SeenQuery&) { return Deliveries{}; });
  }
  Ask("a.example.");
  Ask("b.example.");
  Log();
  for (int i = 0; i < 100; ++i) Ask("x" + std::to_string(i) + ".example.");
  EXPECT_LE(Log().size(), 10U);

  network_.Serve("192.0.2.2", example_.Behave());
  network_.Serve("192.0.2.20", example_.Behave());
  clock_.Advance(seconds(20));
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
}

// Covers: F12, CAC-05
TEST_F(UpstreamTest, TheSameFailingQuestionIsNotAskedAgain) {
  for (const char* server : {"192.0.2.2", "192.0.2.20"}) {
    network_.Serve(server, [](const SeenQuery& query) {
      return Deliveries{{testing::ErrorReply(query, Rcode::kServFail)}};
    });
  }
  const Answer first = Ask("www.example.");
  EXPECT_EQ(first.kind, LookupKind::kError);
  EXPECT_EQ(first.ede, Ede::kNetworkError);
  Log();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Ask("www.example.").failed_before);
  EXPECT_EQ(Log(), Lines{});
}

// Covers: REC-06, REC-11
TEST_F(UpstreamTest, TruncationLeadsToTcpAndWhatWasTruncatedIsForgotten) {
  network_.Serve("192.0.2.2", [this](const SeenQuery& query) {
    if (query.tcp) return Deliveries{{example_.Reply(query)}};
    return Deliveries{{testing::ReplyWith(query, "answer www.example. 60 A 203.0.113.9",
                                          Header::kAa | Header::kTc)}};
  });
  network_.Serve("192.0.2.20", [](const SeenQuery&) { return Deliveries{}; });
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  EXPECT_EQ(AskedOf("192.0.2.2/tcp"), 1U);
}

// Covers: REC-10
TEST_F(UpstreamTest, AServerWithoutEdnsIsAskedOnceMoreWithoutAndRemembered) {
  const auto old = [this](const SeenQuery& query) {
    if (query.edns) return Deliveries{{testing::ErrorReply(query, Rcode::kFormErr)}};
    return Deliveries{{example_.Reply(query)}};
  };
  network_.Serve("192.0.2.2", old);
  network_.Serve("192.0.2.20", old);
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  const Endpoint server = network_.log().back().server;
  EXPECT_EQ(caches_.servers.Get(server, clock_.Now()).edns, cache::EdnsSupport::kNo);
}

// Covers: REC-10
TEST_F(UpstreamTest, SilenceDoesNotMeanThatEdnsIsNotUnderstood) {
  network_.Serve("192.0.2.2", [](const SeenQuery&) { return Deliveries{}; });
  network_.Serve("192.0.2.20", [](const SeenQuery&) { return Deliveries{}; });
  Ask("www.example.");
  for (const SeenQuery& query : network_.log()) EXPECT_TRUE(query.edns);
}

// Covers: REC-05
TEST_F(UpstreamTest, AServerThatLosesTheLetterCaseIsCheckedOverTcp) {
  const auto lower = [this](const SeenQuery& query) {
    SeenQuery lowered = query;
    lowered.question.name = query.question.name.Lower();
    return Deliveries{{example_.Reply(lowered)}};
  };
  network_.Serve("192.0.2.2", lower);
  network_.Serve("192.0.2.20", lower);
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  const Endpoint server = network_.log().back().server;
  EXPECT_TRUE(network_.log().back().tcp);
  EXPECT_TRUE(caches_.servers.Get(server, clock_.Now()).case_broken);
}

// Covers: REC-05, D64-36
TEST_F(UpstreamTest, TheRandomCaseDoesNotReachTheData) {
  for (int i = 0; i < 20; ++i) {
    caches_.rrsets.Clear();
    const Answer answer = Ask("alias.example.");
    ASSERT_EQ(answer.chain.size(), 1U);
    EXPECT_EQ(answer.chain[0]->owner().ToText(), "alias.example.");
    EXPECT_EQ(answer.data->owner().ToText(), "www.example.");
  }
}

// Covers: REC-01, REC-04, ATK-02
TEST_F(UpstreamTest, ForeignMessagesAreCountedAndAFloodOfThemLeadsToTcp) {
  const auto forger = [this](const SeenQuery& query) {
    Deliveries all;
    if (query.tcp) return Deliveries{{example_.Reply(query)}};
    for (int i = 0; i < 30; ++i) {
      auto forged = testing::ReplyWith(query, "answer www.example. 60 A 203.0.113.66");
      forged[0] = static_cast<std::uint8_t>(forged[0] ^ (i + 1));
      all.push_back({std::move(forged)});
    }
    return all;
  };
  network_.Serve("192.0.2.2", forger);
  network_.Serve("192.0.2.20", forger);
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  EXPECT_EQ(stats_.Get(Counter::kUpstreamMismatched), 21U);
}

// Covers: F3, REC-01
TEST_F(UpstreamTest, GarbageWithTheRightIdIsIgnoredAndWaitedForByNobody) {
  SeededRandom dice(3);
  for (const char* server : {"192.0.2.2", "192.0.2.20"}) {
    network_.Serve(server, [&](const SeenQuery& query) {
      if (dice.Below(2) == 0) return Deliveries{{example_.Reply(query), milliseconds(1)}};
      std::vector<std::uint8_t> garbage(2 + dice.Below(60));
      dice.Fill(garbage);
      garbage[0] = query.wire[0];
      garbage[1] = query.wire[1];
      return Deliveries{{std::move(garbage), milliseconds(1)}};
    });
  }
  for (int i = 0; i < 1000; ++i) {
    caches_.rrsets.Clear();
    const TimePoint start = clock_.Now();
    ASSERT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1") << i;
    ASSERT_LE(clock_.Now() - start, milliseconds(100)) << i;
  }
}

// Covers: F3, F4
TEST_F(UpstreamTest, OneWellBehavedServerIsEnough) {
  SeededRandom dice(9);
  network_.Serve("192.0.2.2", [&](const SeenQuery& query) {
    auto reply = example_.Reply(query);
    for (int i = 0; i < 3; ++i) {
      const auto at = 2 + dice.Below(static_cast<std::uint32_t>(reply.size() - 2));
      reply[at] = static_cast<std::uint8_t>(dice.U32());
    }
    if (dice.Below(4) == 0) reply.resize(dice.Below(static_cast<std::uint32_t>(reply.size())));
    return Deliveries{{std::move(reply)}};
  });
  int wrong = 0;
  for (int i = 0; i < 300; ++i) {
    caches_.rrsets.Clear();
    const Answer answer = Ask("both.example.", RrType::kAaaa);
    // A mutation that makes a well-formed lie cannot be told from the truth without DNSSEC; a
    // failure can.
    ASSERT_NE(answer.kind, LookupKind::kTimeout) << i;
    ASSERT_NE(answer.kind, LookupKind::kError) << i << answer.ede_text;
    if (answer.kind != LookupKind::kData) ++wrong;
  }
  EXPECT_LT(wrong, 60);
}

// Covers: ATK-09, F10, LIM-02
TEST_F(ResolverTest, AReferralWithAHundredGluelessServersCostsTenQueries) {
  std::string lines = "example. 3600 SOA 300\n";
  for (int i = 0; i < 100; ++i) {
    lines += "attack.example. 3600 NS ns" + std::to_string(i) + ".victim.test.\n";
  }
  testing::Authority attacker;
  attacker.Zone("example.", lines);
  // Over UDP it does not fit; the attacker has TCP.
  network_.Serve("192.0.2.2", attacker.Behave());
  settings_.ipv6 = true;
  EXPECT_EQ(Ask("www.attack.example.").rcode, Rcode::kServFail);
  const auto log = Log();
  EXPECT_LE(log.size(), 10U) << ::testing::PrintToString(log);
}

// Covers: ATK-10, F10, LIM-07
TEST_F(ResolverTest, AnEndlessReferralIsRefusedWhole) {
  std::string lines = "example. 3600 SOA 300\n";
  for (int i = 0; i < 1500; ++i) {
    lines += "attack.example. 3600 NS n" + std::to_string(i) + ".test.\n";
  }
  testing::Authority attacker;
  attacker.Zone("example.", lines);
  network_.Serve("192.0.2.2", attacker.Behave());
  Ask("ns.example.");
  Log();
  EXPECT_EQ(Ask("www.attack.example.").rcode, Rcode::kServFail);
  const auto log = Log();
  EXPECT_LE(log.size(), 2U) << ::testing::PrintToString(log);
}

// Covers: T59
TEST_F(ResolverTest, WhereOneFamilyIsDeadTheOtherIsLookedUp) {
  settings_.ipv6 = true;
  testing::Authority parent;
  parent.Zone("example.",
              "example. 3600 SOA 300\n"
              "child.example. 3600 NS ns.sub.test.\n");
  network_.Serve("192.0.2.2", parent.Behave());
  testing::Authority child;
  child.Zone("sub.test.",
             "sub.test. 3600 SOA 300\n"
             "ns.sub.test. 3600 AAAA 2001:db8::53\n"
             "ns.sub.test. 3600 A 192.0.2.4\n");
  child.Zone("child.example.", "child.example. 60 SOA 60\nwww.child.example. 60 A 198.51.100.7\n");
  network_.Serve("192.0.2.4", child.Behave());
  Ask("ns.sub.test.", RrType::kAaaa);  // only the AAAA is in the cache, and nobody answers there
  EXPECT_EQ(FirstAddress(Ask("www.child.example.")), "198.51.100.7");
}

// Covers: T59
TEST_F(ResolverTest, ADeadAddressThatWasFoundFirstIsNotTheLastWord) {
  settings_.ipv6 = true;
  testing::Authority parent;
  parent.Zone("example.",
              "example. 3600 SOA 300\n"
              "child.example. 3600 NS ns.sub.test.\n");
  network_.Serve("192.0.2.2", parent.Behave());
  testing::Authority child;
  child.Zone("sub.test.",
             "sub.test. 3600 SOA 300\n"
             "ns.sub.test. 3600 AAAA 2001:db8::53\n"
             "ns.sub.test. 3600 A 192.0.2.4\n");
  child.Zone("child.example.", "child.example. 60 SOA 60\nwww.child.example. 60 A 198.51.100.7\n");
  network_.Serve("192.0.2.4", child.Behave());
  network_.Unreachable("2001:db8::53");
  EXPECT_EQ(FirstAddress(Ask("www.child.example.")), "198.51.100.7");
}

// Covers: F4
TEST_F(ResolverTest, NobodyWaitsForAServerThatWasFoundUseless) {
  int asked = 0;
  network_.Serve("192.0.2.2", [&](const SeenQuery& query) {
    auto reply = example_.Reply(query);
    if (++asked == 1) reply.resize(8);  // nonsense: the exchange goes on listening
    reply.push_back(0);                 // malformed: the server is of no use
    return Deliveries{{std::move(reply)}};
  });
  const TimePoint start = clock_.Now();
  EXPECT_EQ(Ask("www.example.").kind, LookupKind::kError);
  EXPECT_LE(clock_.Now() - start, milliseconds(100));
}

// Covers: F4
TEST_F(ResolverTest, AllWhoWaitedForABadDelegationAskTheParentTogether) {
  testing::Authority lying;
  lying.Zone("test.",
             "test. 3600 SOA 300\n"
             "sub.test. 3600 NS ns.sub.test.\n"
             "ns.sub.test. 3600 A 192.0.2.99\n");
  network_.Serve("192.0.2.99", [](const SeenQuery& query) {
    return Deliveries{{testing::ErrorReply(query, Rcode::kRefused)}};
  });
  int referrals = 0;
  network_.Serve("192.0.2.3", [&](const SeenQuery& query) {
    return Deliveries{{++referrals == 1 ? lying.Reply(query) : test_.Reply(query)}};
  });
  std::vector<std::unique_ptr<net::Started<Answer>>> askers;
  for (int i = 0; i < 20; ++i) {
    askers.push_back(std::make_unique<net::Started<Answer>>(
        scheduler_, resolver().Resolve(N("www.sub.test."), RrType::kA, resolver().NewRequest())));
  }
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(2));
  for (auto& asker : askers) {
    ASSERT_TRUE(asker->done());
    EXPECT_EQ(FirstAddress(asker->result()), "198.51.100.4");
  }
  EXPECT_EQ(referrals, 2);
}

// Covers: F4
TEST_F(ResolverTest, ADelegationWhoseServersFailIsAskedForAgainSoon) {
  testing::Authority lying;
  lying.Zone("test.",
             "test. 3600 SOA 300\n"
             "sub.test. 3600 NS ns.sub.test.\n"
             "ns.sub.test. 3600 A 192.0.2.99\n");
  network_.Serve("192.0.2.3", lying.Behave());
  EXPECT_EQ(Ask("www.sub.test.").kind, LookupKind::kTimeout);
  network_.Serve("192.0.2.3", test_.Behave());
  clock_.Advance(seconds(6));
  Ask("a.sub.test.");
  EXPECT_EQ(FirstAddress(Ask("www.sub.test.")), "198.51.100.4");
}

TEST_F(ResolverTest, ThatWeHaveNoDescriptorsLeftIsNotTheServersFault) {
  Ask("ns.example.");
  network_.Exhaust(true);
  EXPECT_EQ(Ask("www.example.").rcode, Rcode::kServFail);
  network_.Exhaust(false);
  EXPECT_EQ(caches_.servers.Get(Endpoint::Parse("192.0.2.2", 53).value(), clock_.Now()).timeouts,
            0U);
  EXPECT_EQ(FirstAddress(Ask("both.example.")), "198.51.100.2");
}

TEST_F(ResolverTest, AnUnreachableServerIsPassedOverAtOnce) {
  testing::Authority two;
  two.Zone(".",
           ". 86400 SOA 900\n"
           "example. 86400 NS ns1.example.\n"
           "example. 86400 NS ns2.example.\n"
           "ns1.example. 86400 A 192.0.2.2\n"
           "ns2.example. 86400 A 192.0.2.20\n");
  network_.Serve("192.0.2.1", two.Behave());
  network_.Unreachable("192.0.2.20");
  const TimePoint start = clock_.Now();
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  EXPECT_LE(clock_.Now() - start, milliseconds(10));
}

}  // namespace
}  // namespace resolve64::resolver
