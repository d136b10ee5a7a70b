#include "server/fast_path.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>

#include "base/random.h"
#include "config/config.h"
#include "dns/message_builder.h"
#include "server/handler.h"
#include "unit/server/scripted_lookups.h"

namespace resolve64::server {
namespace {

using resolver::Counter;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Octets8 = std::vector<std::uint8_t>;

class Replies final : public ReplyPath {
 public:
  void Reply(const Peer& /*peer*/, std::vector<std::uint8_t> message) noexcept override {
    last = std::move(message);
  }
  std::vector<std::uint8_t> last;
};

// One worker that keeps finished answers, and one that renders each, over the same lookups: what
// they say must not differ in a single octet.
class FastPathTest : public PipelineTest {
 protected:
  struct Worker {
    Worker(FastPathTest& test, std::size_t octets)
        : handler(test.scheduler_, test.lookups_, stats, test.epoch_, octets) {}
    resolver::Stats stats;
    Handler handler;
    std::shared_ptr<Replies> replies = std::make_shared<Replies>();
  };
  struct Asked {
    std::string name = "www.example.com";
    RrType type = RrType::kA;
    std::uint16_t flags = Header::kRd;
    bool opt = true;
    std::uint16_t payload = 1232;
    bool do_bit = false;
    std::vector<dns::MessageBuilder::Option> options;
    Transport transport = Transport::kUdp;
    const char* from = "::1";
    ViewPtr view;

    Asked() = default;
  };

  FastPathTest() { Configure("{}"); }

  void Configure(const std::string& text) {
    const config::ReadResult read = config::ReadConfigText(text, "test.json", "/");
    ASSERT_NE(read.config, nullptr) << read.errors.at(0).ToText();
    snapshot_ = BuildSnapshot(read.config).snapshot;
    SeededRandom random(1);
    const CookieSecretsPtr secrets = CookieSecrets::Random(random);
    for (Worker* worker : {&fast_, &slow_}) {
      worker->handler.SetSnapshot(snapshot_, 100);
      worker->handler.SetCookies(secrets);
    }
  }
  static Octets8 Message(const Asked& asked) {
    dns::MessageBuilder builder(4096);
    builder.SetHeader(0x1234, asked.flags);
    builder.AddQuestion(resolve64::Question(N(asked.name), asked.type));
    if (asked.opt) builder.AddOpt(asked.payload, Rcode::kNoError, asked.do_bit, asked.options);
    return builder.Finish();
  }
  static Client From(const Asked& asked) {
    Client client;
    client.address = *IpAddress::Parse(asked.from);
    client.peer.v6 = sockaddr_in6{};
    client.peer.v6.sin6_family = AF_INET6;
    client.peer.v6.sin6_port = htons(12345);
    client.transport = asked.transport;
    client.listener_view = asked.view;
    client.idle = seconds(10);
    return client;
  }
  Octets8 Ask(Worker& worker, const Asked& asked) {
    const Octets8 message = Message(asked);
    const Client client = From(asked);
    const FastPath::Reply reply = worker.handler.Finished(
        message, {client.address, client.listener_view, client.transport, client.idle},
        clock_.Now());
    if (reply) {
      Octets8 octets(reply.size());
      reply.Write(octets.data());
      return octets;
    }
    worker.replies->last.clear();
    worker.handler.Handle(message, client, worker.replies);
    return worker.replies->last;
  }
  [[nodiscard]] std::uint64_t Hits() const { return fast_.stats.Get(Counter::kAnswerHits); }
  // Asked often enough it is finished, and says what is rendered.
  void ExpectTheSame(const Asked& asked) {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(Ask(fast_, asked), Ask(slow_, asked));
    const std::uint64_t before = Hits();
    EXPECT_EQ(Ask(fast_, asked), Ask(slow_, asked));
    EXPECT_EQ(Hits(), before + 1) << "it was rendered once more";
  }
  void Known(const std::string& name, RrType type, resolver::Answer answer) {
    lookups_.On(name, type, std::move(answer)).cached = true;
  }

  SnapshotPtr snapshot_;
  std::atomic<std::uint64_t> epoch_{0};
  Worker fast_{*this, std::size_t{1} << 20};
  Worker slow_{*this, 0};
};

TEST_F(FastPathTest, AFinishedAnswerIsOctetForOctetWhatWouldBeRendered) {
  Known("www.example.com", RrType::kA,
        Behind({"www.example.com", "Web.example.com"}, A("web.example.com", 60, {"192.0.2.1"})));
  Known("www.example.com", RrType::kAaaa, Nodata("web.example.com", 120));
  Known("none.example.com", RrType::kA, Nxdomain("none.example.com"));
  resolver::Answer judged = A("secure.example.com", 300, {"192.0.2.7", "192.0.2.8"});
  judged.security = Security::kSecure;
  Known("secure.example.com", RrType::kA, judged);
  resolver::Answer noted = A("noted.example.com", 300, {"192.0.2.9"});
  noted.ede = Ede::kUnsupportedAlgorithm;
  noted.ede_text = "algorithm 99";
  Known("noted.example.com", RrType::kA, noted);

  const std::vector<dns::MessageBuilder::Option> client_cookie = {
      {dns::kOptionCookie, Octets8(8, 7)}};
  const std::vector<dns::MessageBuilder::Option> padding = {{dns::kOptionPadding, Octets8(16)},
                                                            {dns::kOptionKeepalive, {}}};
  std::size_t asked_in_all = 0;
  for (const char* name : {"www.example.com", "wWW.eXample.com", "none.example.com",
                           "secure.example.com", "noted.example.com"}) {
    for (const RrType type : {RrType::kA, RrType::kAaaa}) {
      if (type == RrType::kAaaa && std::strncmp(name, "www", 3) != 0) continue;
      for (const std::uint16_t flags :
           {Header::kRd, static_cast<std::uint16_t>(0x0120), static_cast<std::uint16_t>(0x0130)}) {
        Asked asked;
        asked.name = name;
        asked.type = type;
        asked.flags = flags;
        for (const Transport transport :
             {Transport::kUdp, Transport::kTcp, Transport::kTls, Transport::kHttps}) {
          asked.transport = transport;
          asked.opt = false;
          asked.do_bit = false;
          asked.options.clear();
          ExpectTheSame(asked);
          asked.opt = true;
          for (const bool do_bit : {false, true}) {
            asked.do_bit = do_bit;
            for (const auto& options : {{}, client_cookie, padding}) {
              asked.options = options;
              ExpectTheSame(asked);
              ++asked_in_all;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(asked_in_all, 5U * 3 * 4 * 6 + 3 * 4 * 6);
}

TEST_F(FastPathTest, TtlsAgeAsThoseOfARenderedReplyDo) {
  Known("www.example.com", RrType::kAaaa, Nodata("www.example.com", 4));
  Known("www.example.com", RrType::kA, A("www.example.com", 9, {"203.0.114.1"}));
  clock_.Advance(milliseconds(300));
  Asked asked;
  Asked aaaa;
  aaaa.type = RrType::kAaaa;
  // Each twice in a row: in some runs the two share a place where it is remembered who asked.
  ExpectTheSame(asked);
  ExpectTheSame(aaaa);
  for (int step = 0; step < 35; ++step) {
    EXPECT_EQ(Ask(fast_, asked), Ask(slow_, asked)) << step;
    EXPECT_EQ(Ask(fast_, aaaa), Ask(slow_, aaaa)) << step;
    clock_.Advance(milliseconds(100));
  }
  EXPECT_GE(Hits(), 60U);
}

// Covers: B3
TEST_F(FastPathTest, ASynthesizedAnswerEndsWithTheDenialThatItRestsOn) {
  Known("www.example.com", RrType::kAaaa, Nodata("www.example.com", 4));
  Known("www.example.com", RrType::kA, A("www.example.com", 3600, {"203.0.114.1"}));
  Asked asked;
  asked.type = RrType::kAaaa;
  ExpectTheSame(asked);
  clock_.Advance(seconds(4));
  Known("www.example.com", RrType::kAaaa, Aaaa("www.example.com", 60, {"2001:db8::1"}));
  const std::uint64_t before = Hits();
  EXPECT_EQ(Ask(fast_, asked), Ask(slow_, asked));
  EXPECT_EQ(Hits(), before) << "the zone has IPv6 now";
}

TEST_F(FastPathTest, IsKeptFromItsSecondQuestionOn) {
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}));
  Ask(fast_, {});
  EXPECT_EQ(fast_.handler.answers().size(), 0U);
  Ask(fast_, {});
  EXPECT_EQ(fast_.handler.answers().size(), 1U);
  EXPECT_EQ(Hits(), 0U);
  Ask(fast_, {});
  EXPECT_EQ(Hits(), 1U);
  EXPECT_EQ(fast_.stats.Get(Counter::kQueries), 3U);
  EXPECT_EQ(fast_.stats.Get(Counter::kQueriesUdp), 3U);
  EXPECT_EQ(fast_.stats.Get(Counter::kRcodeNoError), 3U);
}

// Covers: T1, U1
TEST_F(FastPathTest, EachViewHasItsOwnAnswers) {
  Known("www.example.com", RrType::kAaaa, Nodata("www.example.com"));
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"203.0.114.1"}));
  Asked asked;
  asked.type = RrType::kAaaa;
  const auto other = std::make_shared<View>();
  other->policy.prefixes[0].prefix = *Prefix::Parse("2001:db8:777::/96");
  ExpectTheSame(asked);
  asked.view = other;
  ExpectTheSame(asked);
  const Octets8 of_other = Ask(fast_, asked);
  asked.view = nullptr;
  EXPECT_NE(Ask(fast_, asked), of_other);
}

TEST_F(FastPathTest, AClientOverIpv4IsAnotherOne) {
  Known("www.example.com", RrType::kAaaa, Nodata("www.example.com"));
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"203.0.114.1"}));
  Configure(R"({"dns64": {"clients_over_ipv4": false}})");
  Asked asked;
  asked.type = RrType::kAaaa;
  ExpectTheSame(asked);
  asked.from = "127.0.0.1";
  ExpectTheSame(asked);
}

// Covers: T48
TEST_F(FastPathTest, WhoMayNotAskIsRefusedWhateverIsKept) {
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}));
  ExpectTheSame({});
  Asked stranger;
  stranger.from = "2a00::1";
  const std::uint64_t before = Hits();
  const Octets8 reply = Ask(fast_, stranger);
  EXPECT_EQ(MessageView::Parse(reply)->rcode(), Rcode::kRefused);
  EXPECT_EQ(Hits(), before);
}

TEST_F(FastPathTest, WhatIsCutIsKeptForEachSizeAlone) {
  std::vector<std::string> many;
  for (int i = 1; i < 90; ++i) many.push_back("192.0.2." + std::to_string(i));
  Known("www.example.com", RrType::kA, A("www.example.com", 60, many));
  for (const std::uint16_t payload : std::initializer_list<std::uint16_t>{512, 700, 1232, 4096}) {
    for (const bool opt : {true, false}) {
      Asked asked;
      asked.payload = payload;
      asked.opt = opt;
      if (!opt && payload != 512) continue;
      ExpectTheSame(asked);
      EXPECT_TRUE(Header::Read(Ask(fast_, asked))->Has(Header::kTc));
    }
  }
  Asked over_tcp;
  over_tcp.transport = Transport::kTcp;
  ExpectTheSame(over_tcp);
  EXPECT_FALSE(Header::Read(Ask(fast_, over_tcp))->Has(Header::kTc));
  Asked over_udp;
  EXPECT_TRUE(Header::Read(Ask(fast_, over_udp))->Has(Header::kTc)) << "the whole one is too long";
}

TEST_F(FastPathTest, AFlushMakesEveryAnswerAnew) {
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}));
  ExpectTheSame({});
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.2"}));
  epoch_.fetch_add(1);
  const std::uint64_t before = Hits();
  EXPECT_EQ(Ask(fast_, {}), Ask(slow_, {}));
  EXPECT_EQ(Hits(), before);
}

TEST_F(FastPathTest, WhatWasBegunBeforeAFlushIsNotKept) {
  for (int i = 0; i < 2; ++i) {
    lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}),
                milliseconds(10));
    Ask(fast_, {});
    if (i == 1) epoch_.fetch_add(1);
    testing::RunUntil(clock_, scheduler_, clock_.Now() + milliseconds(20));
    ASSERT_FALSE(fast_.replies->last.empty());
  }
  EXPECT_EQ(fast_.handler.answers().size(), 0U);
}

TEST_F(FastPathTest, ANewConfigurationForgetsTheOldAnswers) {
  Known("www.example.com", RrType::kAaaa, Nodata("www.example.com"));
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"203.0.114.1"}));
  Asked asked;
  asked.type = RrType::kAaaa;
  ExpectTheSame(asked);
  Configure(R"({"dns64": {"prefixes": ["2001:db8:64::/96"]}})");
  ExpectTheSame(asked);
}

// Covers: SEC-55
TEST_F(FastPathTest, WhatANegativeAnchorAllowsEndsWithIt) {
  // Ten seconds after the clock's start.
  Configure(R"({"dnssec": {"insecure": [{"name": "example.com", "until": "20231114221330"}]}})");
  Known("www.example.com", RrType::kA, A("www.example.com", 600, {"192.0.2.1"}));
  clock_.Advance(seconds(8));
  ExpectTheSame({});
  clock_.Advance(seconds(2));
  const std::uint64_t before = Hits();
  Ask(fast_, {});
  EXPECT_EQ(Hits(), before);
}

// The AAAA may be there with the next question: RFC 6147 section 5.1.7 would allow 600 seconds.
TEST_F(FastPathTest, WhatRestsOnAFailureIsNotKept) {
  Known("www.example.com", RrType::kAaaa, Failed(LookupKind::kTimeout, Ede::kNoReachableAuthority));
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"203.0.114.1"}));
  Asked asked;
  asked.type = RrType::kAaaa;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(fast_, asked), Ask(slow_, asked));
  EXPECT_EQ(fast_.stats.Get(Counter::kSynthesized), 3U);
  EXPECT_EQ(Hits(), 0U);
}

// Covers: REC-33
TEST_F(FastPathTest, WithoutRdNothingThatIsKeptIsTold) {
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}));
  ExpectTheSame({});
  Asked asked;
  asked.flags = 0;
  const std::uint64_t before = Hits();
  EXPECT_EQ(MessageView::Parse(Ask(fast_, asked))->rcode(), Rcode::kRefused);
  EXPECT_EQ(Hits(), before);
}

TEST_F(FastPathTest, LocalDataIsKeptAndDoesNotAge) {
  Asked asked;
  asked.name = "ipv4only.arpa";
  asked.type = RrType::kAaaa;
  ExpectTheSame(asked);
  clock_.Advance(std::chrono::hours(100));
  ExpectTheSame(asked);
}

TEST_F(FastPathTest, WhoAsksTooFastIsSentToTcpAlsoForWhatIsFinished) {
  Known("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}));
  ExpectTheSame({});
  fast_.handler.SetClientRate(std::make_shared<ClientRate>(10));
  int cut = 0;
  for (int i = 0; i < 30; ++i) {
    if (Header::Read(Ask(fast_, {}))->Has(Header::kTc)) ++cut;
  }
  EXPECT_EQ(cut, 20);
  EXPECT_EQ(fast_.stats.Get(Counter::kLimitClientQps), 20U);
}

TEST_F(FastPathTest, StaysWithinItsOctets) {
  constexpr std::size_t kOctets = 64 << 10;
  Worker small(*this, kOctets);
  small.handler.SetSnapshot(snapshot_, 100);
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "host" + std::to_string(i) + ".example.com";
    Known(name, RrType::kA, A(name, 60, {"192.0.2.1"}));
    Asked asked;
    asked.name = name;
    for (int times = 0; times < 3; ++times) Ask(small, asked);
    ASSERT_LE(small.handler.answers().cost(), kOctets);
  }
  EXPECT_GT(small.handler.answers().cost(), kOctets * 8 / 10);
  // Kept from the second question on. One in 65536 is taken for one that was asked before, and
  // which ones these are differs from run to run.
  EXPECT_GE(small.stats.Get(Counter::kAnswerHits), 2000U);
  EXPECT_LE(small.stats.Get(Counter::kAnswerHits), 2010U);
}

// In so small a cache some of the pairs share a place in the memory of earlier questions.
TEST_F(FastPathTest, QuestionsThatComeInTurnDoNotKeepEachOtherFromBeingKept) {
  Worker small(*this, 64 << 10);
  small.handler.SetSnapshot(snapshot_, 100);
  constexpr std::uint64_t kPairs = 4000;
  for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
    std::array<Asked, 2> both;
    for (Asked& asked : both) {
      asked.name = (&asked == both.data() ? "a" : "b") + std::to_string(pair) + ".example.com";
      Known(asked.name, RrType::kA, A(asked.name, 60, {"192.0.2.1"}));
    }
    for (int times = 0; times < 3; ++times) {
      for (const Asked& asked : both) Ask(small, asked);
    }
  }
  EXPECT_GE(small.stats.Get(Counter::kAnswerHits), 2 * kPairs);
}

}  // namespace
}  // namespace resolve64::server
