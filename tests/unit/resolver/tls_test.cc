// Servers that are asked over TLS: forwarders, and authoritative servers that are tried (RFC 9539).

#include <gtest/gtest.h>

#include <chrono>

#include "resolver/upstream/query.h"
#include "unit/resolver/resolver_fixture.h"

namespace resolve64::resolver {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Delivery;
using testing::N;
using testing::SeenQuery;
using Deliveries = std::vector<Delivery>;

Deliveries Silence(const SeenQuery& /*query*/) { return {}; }

class TlsTest : public ResolverTest {
 protected:
  std::string Account(std::string_view name) {
    auto trace = std::make_shared<Trace>();
    request_ = resolver().NewRequest(trace);
    testing::RunToEnd(clock_, scheduler_, resolver().Resolve(N(name), RrType::kA, request_));
    std::string all;
    for (const TraceEvent& event : trace->events()) all += event.message + "\n";
    return all;
  }
  std::size_t Asked(std::string_view start) {
    const auto lines = network_.Lines();
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(),
                      [&](const std::string& line) { return line.starts_with(start); }));
  }
  /// Lets what runs in the background come to its end.
  void Settle(Duration time = seconds(5)) {
    testing::RunUntil(clock_, scheduler_, clock_.Now() + time);
  }
};

// Covers: TRA-28
TEST(TlsQuery, IsPaddedToAMultipleOf128WithThePaddingLast) {
  SeededRandom random(3);
  for (std::size_t length = 1; length <= 60; ++length) {
    for (int labels = 1; labels <= 4; ++labels) {
      std::string name;
      for (int i = 0; i < labels; ++i) name += std::string(length, 'a') + ".";
      upstream::QueryOptions options;
      options.over_tls = true;
      const auto wire = upstream::BuildQuery(Question(N(name), RrType::kAaaa), options, random);
      EXPECT_EQ(wire.size() % 128, 0U) << name;
      const Result<MessageView> view = MessageView::Parse(wire);
      ASSERT_TRUE(view.has_value());
      ASSERT_EQ(view->edns()->options.size(), 2U);
      EXPECT_EQ(view->edns()->options.back().code, 12);
    }
  }
}

TEST(TlsQuery, OfNoEdnsIsNotPadded) {
  SeededRandom random(3);
  upstream::QueryOptions options;
  options.over_tls = true;
  options.edns = false;
  const auto wire = upstream::BuildQuery(Question(N("www.example"), RrType::kA), options, random);
  EXPECT_EQ(wire.size(), 12U + 13 + 4);
}

//--- Forwarders -----------------------------------------------------------------------------

class TlsForwardTest : public TlsTest {
 protected:
  void Forward(std::initializer_list<std::pair<const char*, const char*>> servers) {
    ConfiguredZone zone;
    zone.zone = N("example.");
    zone.forward = true;
    for (const auto& [address, name] : servers) {
      zone.servers.emplace_back(Endpoint::Parse(address, 853).value(), true, name);
    }
    settings_.zones = {zone};
  }
};

TEST_F(TlsForwardTest, AreAskedOverTlsAloneAndByTheirNames) {
  Forward({{"192.0.2.50", "dns.example"}});
  network_.ServeTls("192.0.2.50", example_.Behave());
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  ASSERT_EQ(network_.log().size(), 1U);
  const SeenQuery& query = network_.log().front();
  EXPECT_TRUE(query.tls && query.authenticated && query.recursion_desired);
  EXPECT_EQ(query.tls_name, "dns.example");
  EXPECT_EQ(query.question.name.ToText(), "www.example.") << "no 0x20";
  EXPECT_EQ(stats_.Get(Counter::kUpstreamTls), 1U);
}

TEST_F(TlsForwardTest, AreNeverAskedInClearWhateverHappens) {
  network_.Serve("192.0.2.50@853", example_.Behave());
  network_.Serve("192.0.2.50", example_.Behave());
  const std::vector<std::function<void()>> worlds = {
      [&] { network_.ServeTls("192.0.2.50", Silence); },
      [&] { network_.ServeTls("192.0.2.50", Silence, milliseconds(5), "hostname mismatch"); },
      [&] {
        network_.ServeTls("192.0.2.50", [](const SeenQuery& query) {
          return Deliveries{{testing::ErrorReply(query, Rcode::kServFail, Header::kTc)}};
        });
      },
      [&] {
        network_.ServeTls("192.0.2.50", [](const SeenQuery& query) {
          return Deliveries{{testing::ErrorReply(query, Rcode::kFormErr)}};
        });
      },
  };
  Forward({{"192.0.2.50", "dns.example"}});
  for (const auto& world : worlds) {
    world();
    caches_.Clear();
    caches_.servers.Clear();
    EXPECT_NE(Ask("www.example.").kind, LookupKind::kData);
    for (const SeenQuery& query : network_.log()) EXPECT_TRUE(query.tls);
    EXPECT_LE(network_.log().size(), 2U);
    network_.ClearLog();
  }
}

TEST_F(TlsForwardTest, AFailedCheckIsInTheAccountAndInTheAnswersText) {
  Forward({{"192.0.2.50", "dns.example"}});
  network_.ServeTls("192.0.2.50", Silence, milliseconds(5), "TLS: hostname mismatch");
  EXPECT_NE(Account("www.example.").find("is of no use: TLS: hostname mismatch"),
            std::string::npos);
  EXPECT_NE(Ask("both.example.").ede_text.find("hostname mismatch"), std::string::npos);
}

TEST_F(TlsForwardTest, WhyThereIsNoWayToAServerIsToldWhileNothingIsSentToIt) {
  Forward({{"192.0.2.50", "dns.example"}});
  network_.ServeTls("192.0.2.50", Silence, milliseconds(5), "TLS: hostname mismatch");
  for (int i = 0; i < 5; ++i) Ask("n" + std::to_string(i) + ".example.");
  network_.ClearLog();
  const std::string account = Account("www.example.");
  EXPECT_TRUE(network_.log().empty()) << "it counts as dead";
  EXPECT_NE(account.find("192.0.2.50@853 (dns.example): TLS: hostname mismatch"), std::string::npos)
      << account;
}

TEST_F(TlsForwardTest, AReplyThatIsTruncatedOverTlsIsNoReply) {
  Forward({{"192.0.2.50", "dns.example"}, {"192.0.2.51", "dns.example"}});
  network_.ServeTls("192.0.2.50", [](const SeenQuery& query) {
    return Deliveries{
        {testing::ReplyWith(query, "answer www.example. 60 A 192.0.2.1", Header::kTc)}};
  });
  network_.ServeTls("192.0.2.51", example_.Behave(milliseconds(5)));
  for (int i = 0; i < 5; ++i) {
    caches_.rrsets.Clear();
    EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  }
}

TEST_F(TlsForwardTest, TheOtherIsAskedAtOnceWhereOneFailsAndSoonWhereOneIsSilent) {
  Forward({{"192.0.2.50", "dns.example"}, {"192.0.2.51", "dns.example"}});
  network_.ServeTls("192.0.2.51", example_.Behave(milliseconds(5)));
  network_.ServeTls("192.0.2.50", Silence, milliseconds(1), "TLS: hostname mismatch");
  for (int i = 0; i < 10; ++i) {
    caches_.rrsets.Clear();
    const TimePoint start = clock_.Now();
    EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
    EXPECT_LE(clock_.Now() - start, milliseconds(10));
  }
  network_.ServeTls("192.0.2.50", Silence);
  for (int i = 0; i < 10; ++i) {
    caches_.rrsets.Clear();
    caches_.servers.Clear();
    const TimePoint start = clock_.Now();
    EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
    EXPECT_LE(clock_.Now() - start, milliseconds(300));
  }
}

TEST_F(TlsForwardTest, TwoNamesAtOneAddressAreTwoServers) {
  const Endpoint at = Endpoint::Parse("192.0.2.50", 853).value();
  const cache::Server right(at, true, "dns.example");
  const cache::Server wrong(at, true, "other.example");
  for (int i = 0; i < 5; ++i) caches_.servers.TimedOut(wrong, {}, clock_.Now());
  EXPECT_TRUE(caches_.servers.Get(wrong, clock_.Now()).dead);
  EXPECT_FALSE(caches_.servers.Get(right, clock_.Now()).dead);
  EXPECT_FALSE(caches_.servers.Get(at, clock_.Now()).known);
  EXPECT_EQ(right.ToText(), "192.0.2.50@853 (dns.example)");
}

TEST_F(TlsForwardTest, ASlowOneIsAskedOnceAndWaitedFor) {
  Forward({{"192.0.2.50", "dns.example"}});
  network_.ServeTls("192.0.2.50", example_.Behave(milliseconds(4000)));
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  EXPECT_EQ(network_.log().size(), 1U);
}

TEST_F(TlsForwardTest, TheRoundTripIsMeasuredWithoutTheHandshake) {
  Forward({{"192.0.2.50", "dns.example"}});
  network_.ServeTls("192.0.2.50", example_.Behave(milliseconds(10)), milliseconds(400));
  Ask("www.example.");
  const cache::Server server(Endpoint::Parse("192.0.2.50", 853).value(), true, "dns.example");
  EXPECT_EQ(caches_.servers.Get(server, clock_.Now()).srtt, milliseconds(10));
}

TEST_F(TlsForwardTest, AThousandQuestionsMayWaitForOneThatWasNotHeardOfYet) {
  Forward({{"192.0.2.50", "dns.example"}});
  network_.ServeTls("192.0.2.50", example_.Behave(milliseconds(100)), milliseconds(300));
  net::TaskScope scope(scheduler_);
  int answered = 0;
  const auto ask = [](Resolver& asked, Name name, int& count) -> net::Task<void> {
    net::Task<Answer> resolve = asked.Resolve(name, RrType::kA, asked.NewRequest());
    const Answer answer = co_await resolve;
    if (answer.kind == LookupKind::kNxdomain) ++count;
  };
  for (int i = 0; i < 1000; ++i) {
    scope.Spawn(ask(resolver(), N("n" + std::to_string(i) + ".example."), answered));
  }
  Settle();
  EXPECT_EQ(answered, 1000);
}

//--- Authoritative servers ------------------------------------------------------------------

class OpportunisticTest : public TlsTest {
 protected:
  OpportunisticTest() {
    settings_.opportunistic_tls = true;
    // One server that everybody knows; the others are silent on port 853, and tried beside that.
    network_.ServeTls("192.0.2.2", example_.Behave(milliseconds(10)), milliseconds(20));
    network_.Serve("192.0.2.2", example_.Behave(milliseconds(10)));
  }
  void LearnTls() {
    Ask("ns.example.");
    Settle();
    network_.ClearLog();
    ASSERT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kWorks);
  }
  bool AskAgain(std::string_view name = "www.example.") {
    caches_.rrsets.Clear();
    caches_.failures.Clear();
    return FirstAddress(Ask(name)) == "198.51.100.1";
  }
  const cache::Server kServer{Endpoint::Parse("192.0.2.2", 53).value()};
};

TEST_F(OpportunisticTest, AnUnknownServerIsAskedInClearAndTriedBesideIt) {
  const TimePoint start = clock_.Now();
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  EXPECT_LE(clock_.Now() - start, milliseconds(12));
  EXPECT_EQ(request_->upstream_queries, 2) << "the attempts are not paid for by the question";
  Settle();
  EXPECT_EQ(Asked("192.0.2.2 www.example."), 1U);
  EXPECT_EQ(Asked("192.0.2.2/tls www.example."), 1U);
  EXPECT_EQ(stats_.Get(Counter::kUpstreamTlsProbes), 2U) << "the root's server as well";
}

TEST_F(OpportunisticTest, OneThatAnsweredOverTlsIsAskedOverTlsAloneAndByNoName) {
  LearnTls();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(AskAgain());
  EXPECT_EQ(Asked("192.0.2.2/tls www.example."), 20U);
  EXPECT_EQ(Asked("192.0.2.2 "), 0U);
  EXPECT_FALSE(network_.log().back().authenticated);
  EXPECT_EQ(network_.log().back().tls_name, "");
  EXPECT_EQ(network_.log().back().server.port, 853);
  EXPECT_NE(Account("both.example.").find("over TLS, unauthenticated"), std::string::npos);
}

TEST_F(OpportunisticTest, ASuccessIsForgottenAfterThreeDaysAndTriedAnew) {
  LearnTls();
  clock_.Advance(hours(71));
  caches_.servers.TlsAnswered(kServer, clock_.Now());
  clock_.Advance(hours(71));
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kWorks);
  clock_.Advance(hours(2));
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kUnknown);
  EXPECT_TRUE(AskAgain());
  EXPECT_EQ(Asked("192.0.2.2 www.example."), 1U);
  Settle();
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kWorks);
}

TEST_F(OpportunisticTest, AFailureIsRememberedForADay) {
  network_.ServeTls("192.0.2.2", Silence, milliseconds(1), "connection refused");
  EXPECT_TRUE(AskAgain());
  Settle();
  network_.ClearLog();
  clock_.Advance(hours(23));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(AskAgain());
  Settle();
  EXPECT_EQ(Asked("192.0.2.2/tls"), 0U);
  clock_.Advance(hours(2));
  EXPECT_TRUE(AskAgain());
  Settle();
  EXPECT_EQ(Asked("192.0.2.2/tls"), 1U);
}

TEST_F(OpportunisticTest, AServerThatNeverShakesHandsIsTriedOnceAndCostsNobodyAnything) {
  network_.ServeTls("192.0.2.2", Silence);
  for (int i = 0; i < 10; ++i) {
    const TimePoint start = clock_.Now();
    EXPECT_TRUE(AskAgain());
    EXPECT_LE(clock_.Now() - start, milliseconds(12));
    Settle(seconds(1));
  }
  EXPECT_EQ(Asked("192.0.2.2/tls"), 1U);
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kFailed);
}

TEST_F(OpportunisticTest, WhereTlsFailsItIsClearTextAtOnceAndSaidSo) {
  LearnTls();
  network_.ServeTls("192.0.2.2", Silence, {}, "connection refused");
  const TimePoint start = clock_.Now();
  const std::string account = Account("www.example.");
  EXPECT_LE(clock_.Now() - start, milliseconds(12));
  EXPECT_NE(account.find("is of no use over TLS (connection refused): it is asked in clear"),
            std::string::npos)
      << account;
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kFailed);
  network_.ClearLog();
  EXPECT_TRUE(AskAgain());
  EXPECT_EQ(Asked("192.0.2.2/tls"), 0U);
}

TEST_F(OpportunisticTest, WhereTlsIsSlowClearTextGoesOutBesideItAndThriceIsEnough) {
  LearnTls();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(AskAgain());
  network_.ServeTls("192.0.2.2", Silence);
  for (int i = 0; i < 3; ++i) {
    const TimePoint start = clock_.Now();
    EXPECT_TRUE(AskAgain());
    EXPECT_LE(clock_.Now() - start, milliseconds(200));
  }
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kFailed);
}

TEST_F(OpportunisticTest, AnErrorOverTlsIsNotTheLastWord) {
  LearnTls();
  network_.ServeTls("192.0.2.2", [](const SeenQuery& query) {
    return Deliveries{{testing::ErrorReply(query, Rcode::kRefused), milliseconds(1)}};
  });
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(AskAgain());
  EXPECT_EQ(Asked("192.0.2.2/tls"), 3U);
  EXPECT_EQ(Asked("192.0.2.2 "), 4U);
}

TEST_F(OpportunisticTest, OurOwnShortageIsNoFailureOfTheServer) {
  LearnTls();
  network_.Exhaust(true);
  caches_.rrsets.Clear();
  Ask("www.example.");
  network_.Exhaust(false);
  EXPECT_EQ(caches_.servers.Get(kServer, clock_.Now()).probed_tls, cache::ProbedTls::kWorks);
}

TEST_F(OpportunisticTest, OtherPortsForwardersAndOurselvesAreNotTried) {
  ConfiguredZone stub;
  stub.zone = N("example.");
  stub.servers = {Endpoint::Parse("192.0.2.2", 5353).value()};
  ConfiguredZone forward;
  forward.zone = N("sub.test.");
  forward.forward = true;
  forward.servers = {Endpoint::Parse("192.0.2.4", 53).value()};
  settings_.zones = {stub, forward};
  settings_.own_addresses = {Endpoint::Parse("192.0.2.3", 853).value()};
  network_.Serve("192.0.2.2@5353", example_.Behave());
  EXPECT_EQ(FirstAddress(Ask("www.example.")), "198.51.100.1");
  EXPECT_EQ(FirstAddress(Ask("www.sub.test.")), "198.51.100.4");
  EXPECT_EQ(Ask("nothing.test.").kind, LookupKind::kNxdomain);
  Settle();
  EXPECT_EQ(Asked("192.0.2.2/tls"), 0U);
  EXPECT_EQ(Asked("192.0.2.3/tls"), 0U);
  EXPECT_EQ(Asked("192.0.2.4/tls"), 0U);
}

TEST_F(OpportunisticTest, OneWorkerTriesAServerThatAllOfThemAsk) {
  EXPECT_TRUE(caches_.servers.ClaimTlsProbe(kServer, clock_.Now()));
  EXPECT_FALSE(caches_.servers.ClaimTlsProbe(kServer, clock_.Now()));
  clock_.Advance(seconds(4));
  EXPECT_TRUE(caches_.servers.ClaimTlsProbe(kServer, clock_.Now()))
      << "whoever tried did not come back";
}

}  // namespace
}  // namespace resolve64::resolver
