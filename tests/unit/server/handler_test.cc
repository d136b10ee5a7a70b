#include "server/handler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <stdexcept>

#include "base/random.h"
#include "config/config.h"
#include "dns/message_builder.h"
#include "unit/server/scripted_lookups.h"

namespace resolve64::server {
namespace {

using resolver::Counter;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Replies final : public ReplyPath {
 public:
  void Reply(const Peer& /*peer*/, std::vector<std::uint8_t> message) noexcept override {
    all.push_back(std::move(message));
  }
  std::vector<std::vector<std::uint8_t>> all;  // empty ones are silences
};

class HandlerTest : public PipelineTest {
 protected:
  HandlerTest() { Configure("{}"); }

  void Configure(const std::string& text, std::size_t max_inflight = 100) {
    const config::ReadResult read = config::ReadConfigText(text, "test.json", "/");
    ASSERT_NE(read.config, nullptr) << read.errors.at(0).ToText();
    const SnapshotResult built = BuildSnapshot(read.config);
    ASSERT_NE(built.snapshot, nullptr);
    handler_.SetSnapshot(built.snapshot, max_inflight);
  }
  static Client From(const char* address, bool tcp = false, std::uint16_t port = 12345) {
    Client client;
    const IpAddress from = *IpAddress::Parse(address);
    if (from.is_v4()) {
      client.peer.v4 = sockaddr_in{};
      client.peer.v4.sin_family = AF_INET;
      client.peer.v4.sin_port = htons(port);
      std::memcpy(&client.peer.v4.sin_addr, from.data(), from.size());
    } else {
      client.peer.v6 = sockaddr_in6{};
      client.peer.v6.sin6_family = AF_INET6;
      client.peer.v6.sin6_port = htons(port);
      std::memcpy(&client.peer.v6.sin6_addr, from.data(), from.size());
    }
    client.address = from;
    client.transport = tcp ? Transport::kTcp : Transport::kUdp;
    return client;
  }
  static std::vector<std::uint8_t> Query(const std::string& name, RrType type = RrType::kA,
                                         std::uint16_t flags = Header::kRd) {
    dns::MessageBuilder builder(512);
    builder.SetHeader(7, flags);
    builder.AddQuestion(resolve64::Question(N(name), type));
    builder.AddOpt(1232, Rcode::kNoError, false, {});
    return builder.Finish();
  }
  void Send(const std::vector<std::uint8_t>& message, const Client& client) {
    handler_.Handle(message, client, replies_);
  }
  void Send(const std::string& name) { Send(Query(name), From("::1")); }
  void Wait(Duration duration) { testing::RunUntil(clock_, scheduler_, clock_.Now() + duration); }
  [[nodiscard]] Rcode Last() const { return MessageView::Parse(replies_->all.back())->rcode(); }
  // The code of the first Extended DNS Error of the last reply, or -1.
  [[nodiscard]] int LastEde() const {
    const Result<MessageView> view = MessageView::Parse(replies_->all.back());
    const EdnsOption* option = view->edns() ? view->edns()->Find(dns::kOptionEde) : nullptr;
    return option == nullptr ? -1 : option->data[0] << 8 | option->data[1];
  }

  static constexpr std::size_t kAnswerOctets = std::size_t{1} << 20;

  resolver::Stats stats_;
  std::atomic<std::uint64_t> epoch_{0};
  std::shared_ptr<Replies> replies_ = std::make_shared<Replies>();
  Handler handler_{scheduler_, lookups_, stats_, epoch_, kAnswerOctets};
};

TEST_F(HandlerTest, AnswersAQuestion) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}),
              milliseconds(10));
  Send("www.example.com");
  EXPECT_TRUE(replies_->all.empty());
  EXPECT_EQ(handler_.inflight(), 1U);
  Wait(milliseconds(20));
  ASSERT_EQ(replies_->all.size(), 1U);
  EXPECT_EQ(Last(), Rcode::kNoError);
  EXPECT_EQ(handler_.inflight(), 0U);
  EXPECT_EQ(stats_.Get(Counter::kQueriesUdp), 1U);
  EXPECT_EQ(stats_.Get(Counter::kRcodeNoError), 1U);
}

TEST_F(HandlerTest, WhatIsCachedIsAnsweredBeforeHandleReturns) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"})).cached = true;
  Send("www.example.com");
  EXPECT_EQ(replies_->all.size(), 1U);
}

// Covers: ATK-16
TEST_F(HandlerTest, IsSilentToPortZeroAndToResponses) {
  Send(Query("www.example.com"), From("127.0.0.1", false, 0));
  Send(Query("www.example.com", RrType::kA, Header::kQr), From("::1"));
  ASSERT_EQ(replies_->all.size(), 2U);
  EXPECT_TRUE(replies_->all[0].empty());
  EXPECT_TRUE(replies_->all[1].empty());
  EXPECT_EQ(stats_.Get(Counter::kDropped), 2U);
}

// Covers: T48
TEST_F(HandlerTest, WhoMayNotAskIsRefusedBeforeAnythingIsLookedAt) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"})).cached = true;
  Send(Query("www.example.com"), From("8.8.8.8"));
  EXPECT_EQ(Last(), Rcode::kRefused);
  EXPECT_EQ(LastEde(), 18);
  EXPECT_EQ(stats_.Get(Counter::kRefused), 1U);
}

// Covers: REC-33
TEST_F(HandlerTest, WithoutRdACachedNameIsRefusedAndALocalOneAnswered) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"})).cached = true;
  Send(Query("www.example.com", RrType::kA, 0), From("::1"));
  EXPECT_EQ(Last(), Rcode::kRefused);
  EXPECT_EQ(LastEde(), 20);
  Send(Query("ipv4only.arpa", RrType::kA, 0), From("::1"));
  EXPECT_EQ(Last(), Rcode::kNoError);
}

// Covers: LIM-09
TEST_F(HandlerTest, AtTheLimitCachedNamesAreAnsweredAndOthersYield) {
  Configure("{}", 2);
  lookups_.On("hot.example.com", RrType::kA, A("hot.example.com", 60, {"192.0.2.1"})).cached = true;
  Send("one.example.com");
  Send("two.example.com");
  Send("three.example.com");
  ASSERT_EQ(replies_->all.size(), 1U);
  EXPECT_TRUE(replies_->all[0].empty()) << "over UDP the client asks again";
  Send(Query("four.example.com"), From("::1", true));
  EXPECT_EQ(Last(), Rcode::kServFail) << "over TCP it waits for an answer";
  Send("hot.example.com");
  EXPECT_EQ(Last(), Rcode::kNoError);
  EXPECT_EQ(handler_.inflight(), 2U);
  EXPECT_EQ(stats_.Get(Counter::kLimitInflight), 2U);
  EXPECT_EQ(lookups_.asked(), (Strings{"one.example.com. A", "two.example.com. A"}));
}

// Covers: CLI-04
TEST_F(HandlerTest, ErrorsThatAnybodyCanCauseAreRateLimitedOverUdp) {
  const std::vector<std::uint8_t> bad(20, 0);
  for (int i = 0; i < 10'000; ++i) Send(bad, From("::1"));
  const auto answered = static_cast<std::size_t>(
      std::count_if(replies_->all.begin(), replies_->all.end(),
                    [](const std::vector<std::uint8_t>& reply) { return !reply.empty(); }));
  EXPECT_GT(answered, 0U);
  EXPECT_LT(answered, 5'000U);
  EXPECT_EQ(stats_.Get(Counter::kMalformed), 10'000U);
  Wait(seconds(1));
  Send(bad, From("::1"));
  EXPECT_FALSE(replies_->all.back().empty());
}

TEST_F(HandlerTest, TheListenersViewDecides) {
  Configure(R"({"views": {"jool": {"dns64": {"prefixes": ["2001:db8:777::/96"]}}}})");
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com")).cached = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"203.0.114.1"})).cached =
      true;
  Client client = From("::1");
  auto view = std::make_shared<View>();
  view->policy.prefixes[0].prefix = *Prefix::Parse("2001:db8:777::/96");
  const std::vector<std::uint8_t> query = Query("www.example.com", RrType::kAaaa);
  const auto address = [&] {
    const Result<MessageView> message = MessageView::Parse(replies_->all.back());
    return dns::RecordsToText(*message).at(0).rdata;
  };
  // Covers: T1, U1
  for (int i = 0; i < 2; ++i) {
    client.listener_view = view;
    Send(query, client);
    EXPECT_EQ(address(), "2001:db8:777::cb00:7201");
    client.listener_view = nullptr;
    Send(query, client);
    EXPECT_EQ(address(), "64:ff9b::cb00:7201");
  }
  EXPECT_EQ(stats_.Get(Counter::kSynthesized), 4U);
  EXPECT_TRUE(lookups_.asked().empty()) << "one cache serves both";
}

TEST_F(HandlerTest, ShowsWhatIsInProgressOldestFirst) {
  Send("one.example.com");
  Wait(seconds(1));
  Send(Query("two.example.com"), From("127.0.0.1", true));
  const std::vector<InflightQuestion> shown = handler_.Inflight(10);
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0].name, "one.example.com.");
  EXPECT_EQ(shown[0].age, Duration(seconds(1)));
  EXPECT_EQ(shown[1].client.ToText(), "127.0.0.1");
  EXPECT_EQ(shown[1].transport, Transport::kTcp);
  EXPECT_EQ(handler_.Inflight(1).size(), 1U);
}

TEST_F(HandlerTest, TellsWhenNothingIsInProgressAnyMore) {
  int told = 0;
  handler_.OnIdle([&] { ++told; });
  lookups_.On("one.example.com", RrType::kA, Nodata("one.example.com"), seconds(1));
  lookups_.On("two.example.com", RrType::kA, Nodata("two.example.com"), seconds(2));
  Send("one.example.com");
  Send("two.example.com");
  Wait(milliseconds(1500));
  EXPECT_EQ(told, 0);
  Wait(seconds(1));
  EXPECT_EQ(told, 1);
}

TEST_F(HandlerTest, AQuestionThatIsDroppedGetsNoReply) {
  Send("one.example.com");
  handler_.Clear();
  EXPECT_EQ(handler_.inflight(), 0U);
  EXPECT_TRUE(replies_->all.empty());
  EXPECT_EQ(lookups_.dropped(), Strings{"one.example.com. A"});
}

// --- cookies, rate, keepalive, padding ---

using Octets = std::vector<std::uint8_t>;
using MoreOption = dns::MessageBuilder::Option;

class CookieTest : public HandlerTest {
 protected:
  CookieTest() {
    handler_.SetCookies(secrets_);
    lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"})).cached =
        true;
  }
  static Octets Ask(const std::vector<MoreOption>& options, const char* name = "www.example.com") {
    dns::MessageBuilder builder(4096);
    builder.SetHeader(7, Header::kRd);
    if (name != nullptr) builder.AddQuestion(resolve64::Question(N(name), RrType::kA));
    builder.AddOpt(1232, Rcode::kNoError, false, options);
    return builder.Finish();
  }
  static MoreOption Cookie(const Octets& server = {}) {
    MoreOption option{dns::kOptionCookie, {1, 2, 3, 4, 5, 6, 7, 8}};
    option.data.insert(option.data.end(), server.begin(), server.end());
    return option;
  }
  // The data of an option of the last reply; empty without one.
  [[nodiscard]] Octets Last(std::uint16_t code) const {
    const Result<MessageView> view = MessageView::Parse(replies_->all.back());
    const EdnsOption* option = view->edns() ? view->edns()->Find(code) : nullptr;
    return option == nullptr ? Octets{} : Octets(option->data.begin(), option->data.end());
  }
  [[nodiscard]] Rcode Last() const { return HandlerTest::Last(); }
  // The server's part of the last cookie.
  [[nodiscard]] Octets LastServer() const {
    const Octets cookie = Last(dns::kOptionCookie);
    EXPECT_EQ(cookie.size(), 24U);
    EXPECT_EQ(Octets(cookie.begin(), cookie.begin() + 8), (Octets{1, 2, 3, 4, 5, 6, 7, 8}));
    return {cookie.begin() + 8, cookie.end()};
  }
  [[nodiscard]] bool LastHas(std::uint16_t flag) const {
    return Header::Read(replies_->all.back())->Has(flag);
  }
  [[nodiscard]] std::size_t LastRecords() const {
    return MessageView::Parse(replies_->all.back())->records().size();
  }
  static Client Over(Transport transport) {
    Client client = From("::1");
    client.transport = transport;
    return client;
  }

  SeededRandom random_{7};
  CookieSecretsPtr secrets_ = CookieSecrets::Random(random_);
};
constexpr Transport kAllTransports[] = {Transport::kUdp, Transport::kTcp, Transport::kTls,
                                        Transport::kHttps};

// Covers: TRA-12
TEST_F(CookieTest, AClientGetsACookieThatIsGoodFromItsAddressOnEveryTransport) {
  for (const Transport transport : kAllTransports) {
    Send(Ask({Cookie()}), Over(transport));
    EXPECT_EQ(Last(), Rcode::kNoError);
    EXPECT_EQ(LastRecords(), 1U);
    const Octets server = LastServer();
    Send(Ask({Cookie(server)}), Over(transport));
    EXPECT_EQ(LastServer(), server) << "as long as it is young it stays";
  }
  EXPECT_EQ(stats_.Get(Counter::kCookiesGood), 4U);
  EXPECT_EQ(stats_.Get(Counter::kCookiesBad), 0U);
}

// Covers: TRA-12, TRA-13
TEST_F(CookieTest, AnOldOrForeignCookieIsAnsweredWithAFreshOne) {
  Send(Ask({Cookie()}), From("::1"));
  const Octets server = LastServer();
  Wait(std::chrono::minutes(31));
  Send(Ask({Cookie(server)}), From("::1"));
  EXPECT_NE(LastServer(), server);
  EXPECT_EQ(stats_.Get(Counter::kCookiesGood), 1U);

  const Octets fresh = LastServer();
  Send(Ask({Cookie(fresh)}), From("127.0.0.1"));
  EXPECT_EQ(Last(), Rcode::kNoError);
  EXPECT_EQ(LastRecords(), 1U);
  EXPECT_NE(LastServer(), fresh);
  EXPECT_EQ(stats_.Get(Counter::kCookiesBad), 1U);

  handler_.SetCookies(secrets_->Rotated(random_));
  Send(Ask({Cookie(fresh)}), From("::1"));
  EXPECT_NE(LastServer(), fresh);
  EXPECT_EQ(stats_.Get(Counter::kCookiesGood), 2U);
}

// Covers: ATK-24, CLI-21
TEST_F(CookieTest, ACookieBelongsToTheClientNotToTheProxyThatSpeaksForIt) {
  const auto named = [](const char* address) {
    Client client = From("127.0.0.1");
    client.address = *IpAddress::Parse(address);
    return client;
  };
  Send(Ask({Cookie()}), named("10.0.0.1"));
  const Octets server = LastServer();
  Send(Ask({Cookie(server)}), named("10.0.0.2"));
  EXPECT_EQ(stats_.Get(Counter::kCookiesBad), 1U);
  Send(Ask({Cookie(server)}), From("127.0.0.1"));
  EXPECT_EQ(stats_.Get(Counter::kCookiesBad), 2U);
  Send(Ask({Cookie(server)}), named("10.0.0.1"));
  EXPECT_EQ(stats_.Get(Counter::kCookiesGood), 1U);
}

// Covers: CLI-21
TEST_F(CookieTest, WhoAProxyNamesMayAskOrNot) {
  Client client = From("127.0.0.1");
  client.address = *IpAddress::Parse("192.0.2.1");
  Send(Ask({}), client);
  EXPECT_EQ(Last(), Rcode::kRefused);
}

// Covers: TRA-12
TEST_F(CookieTest, WithoutAQuestionTheCookieIsGivenOrJudged) {
  for (const Transport transport : kAllTransports) {
    Send(Ask({Cookie()}, nullptr), Over(transport));
    EXPECT_EQ(Last(), Rcode::kNoError);
    EXPECT_EQ(LastRecords(), 0U);
    const Octets server = LastServer();
    Send(Ask({Cookie(server)}, nullptr), Over(transport));
    EXPECT_EQ(Last(), Rcode::kNoError);
    EXPECT_EQ(LastServer(), server);
    Octets changed = server;
    changed.back() ^= 1;
    Send(Ask({Cookie(changed)}, nullptr), Over(transport));
    EXPECT_EQ(Last(), Rcode::kBadCookie);
    EXPECT_EQ(LastServer(), server);
  }
  EXPECT_EQ(stats_.Get(Counter::kMalformed), 0U);
}

// Covers: TRA-12
TEST_F(CookieTest, ACookieOfAnIllegalLengthIsAFormatError) {
  Send(Ask({MoreOption{dns::kOptionCookie, {1, 2, 3}}}), From("::1"));
  EXPECT_EQ(Last(), Rcode::kFormErr);
  EXPECT_TRUE(Last(dns::kOptionCookie).empty());
  EXPECT_EQ(stats_.Get(Counter::kMalformed), 1U);
}

TEST_F(CookieTest, WhoAsksForNoCookieGetsNoneAndNobodyWhereTheyAreOff) {
  Send(Ask({}), From("::1"));
  EXPECT_TRUE(Last(dns::kOptionCookie).empty());
  handler_.SetCookies(nullptr);
  Send(Ask({Cookie()}), From("::1"));
  EXPECT_EQ(Last(), Rcode::kNoError);
  EXPECT_TRUE(Last(dns::kOptionCookie).empty());
  Send(Ask({Cookie()}, nullptr), From("::1"));
  EXPECT_EQ(Last(), Rcode::kFormErr);
}

TEST_F(CookieTest, AQuestionThatTakesTimeKeepsItsCookie) {
  lookups_.On("slow.example.com", RrType::kA, A("slow.example.com", 60, {"192.0.2.2"}), seconds(2));
  Send(Ask({Cookie()}, "slow.example.com"), From("::1"));
  Wait(seconds(3));
  ASSERT_EQ(replies_->all.size(), 1U);
  EXPECT_EQ(LastServer().size(), 16U);
}

class RateTest : public CookieTest {
 protected:
  RateTest() { handler_.SetClientRate(std::make_shared<ClientRate>(3)); }
  void UseUp() {
    for (int i = 0; i < 3; ++i) {
      Send(Ask({}), From("::1"));
      EXPECT_EQ(LastRecords(), 1U);
    }
  }
};

TEST_F(RateTest, WhoIsTooFastWithoutACookieIsSentToTcp) {
  UseUp();
  Send(Ask({}), From("::1"));
  EXPECT_EQ(Last(), Rcode::kNoError);
  EXPECT_TRUE(LastHas(Header::kTc));
  EXPECT_EQ(LastRecords(), 0U);
  EXPECT_EQ(stats_.Get(Counter::kLimitClientQps), 1U);
  Send(Ask({}), From("127.0.0.1"));
  EXPECT_EQ(LastRecords(), 1U) << "others are not concerned";
  Wait(seconds(1));
  Send(Ask({}), From("::1"));
  EXPECT_EQ(LastRecords(), 1U);
}

// Covers: TRA-12
TEST_F(RateTest, WhoIsTooFastAndKnowsCookiesGetsBadcookieUntilItShowsAGoodOne) {
  UseUp();
  Send(Ask({Cookie()}), From("::1"));
  EXPECT_EQ(Last(), Rcode::kBadCookie);
  EXPECT_EQ(LastRecords(), 0U);
  EXPECT_FALSE(LastHas(Header::kTc));
  const Octets server = LastServer();
  Octets changed = server;
  changed.back() ^= 1;
  Send(Ask({Cookie(changed)}), From("::1"));
  EXPECT_EQ(Last(), Rcode::kBadCookie);
  EXPECT_EQ(LastServer(), server);
  for (int i = 0; i < 10; ++i) {
    Send(Ask({Cookie(server)}), From("::1"));
    EXPECT_EQ(Last(), Rcode::kNoError);
    EXPECT_EQ(LastRecords(), 1U);
  }
  EXPECT_EQ(stats_.Get(Counter::kLimitClientQps), 2U);
}

TEST_F(RateTest, WhatIsOverTheLimitIsNotLookedUp) {
  UseUp();
  Send(Ask({}, "cold.example.com"), From("::1"));
  Send(Ask({Cookie()}, "cold.example.com"), From("::1"));
  EXPECT_TRUE(lookups_.asked().empty());
  EXPECT_EQ(handler_.inflight(), 0U);
}

// Covers: TRA-12
TEST_F(RateTest, StreamsAreNeverTooFast) {
  UseUp();
  for (const Transport transport : {Transport::kTcp, Transport::kTls, Transport::kHttps}) {
    for (int i = 0; i < 10; ++i) {
      Send(Ask({}), Over(transport));
      EXPECT_EQ(LastRecords(), 1U) << ToText(transport);
    }
  }
}

// Covers: CLI-21
TEST_F(RateTest, TheClientThatAProxyNamesIsCountedNotTheProxy) {
  Client client = From("127.0.0.1");
  for (int i = 0; i < 20; ++i) {
    client.address = Ipv4{{10, 0, 0, static_cast<std::uint8_t>(i)}};
    Send(Ask({}), client);
    EXPECT_EQ(LastRecords(), 1U);
  }
  for (int i = 0; i < 3; ++i) Send(Ask({}), client);
  EXPECT_TRUE(LastHas(Header::kTc));
}

// Covers: TRA-07
TEST_F(CookieTest, TheIdleTimeIsToldOverTcpAndTlsToWhoAsks) {
  const MoreOption keepalive{dns::kOptionKeepalive, {}};
  for (const Transport transport : kAllTransports) {
    Client client = Over(transport);
    client.idle = milliseconds(12'345);
    Send(Ask({keepalive}), client);
    const bool framed = transport == Transport::kTcp || transport == Transport::kTls;
    EXPECT_EQ(Last(dns::kOptionKeepalive), framed ? (Octets{0, 123}) : Octets{})
        << ToText(transport);
    Send(Ask({}), client);
    EXPECT_TRUE(Last(dns::kOptionKeepalive).empty()) << ToText(transport);
  }
  Client client = From("::1", true);
  client.idle = std::chrono::hours(10);
  Send(Ask({keepalive}), client);
  EXPECT_EQ(Last(dns::kOptionKeepalive), (Octets{0xFF, 0xFF}));
}

// Covers: TRA-27, TRA-28
TEST_F(CookieTest, RepliesArePaddedWhereTheQueryWasAndNobodyCanRead) {
  const MoreOption padding{dns::kOptionPadding, Octets(50, 1)};
  for (const Transport transport : kAllTransports) {
    Send(Ask({padding, Cookie()}), Over(transport));
    if (IsEncrypted(transport)) {
      EXPECT_EQ(replies_->all.back().size(), 468U) << ToText(transport);
    } else {
      EXPECT_TRUE(Last(dns::kOptionPadding).empty()) << ToText(transport);
      EXPECT_LT(replies_->all.back().size(), 150U) << ToText(transport);
    }
    Send(Ask({}), Over(transport));
    EXPECT_LT(replies_->all.back().size(), 150U) << ToText(transport);
  }
}

// --- explain ---

Explanation ExplainWith(Handler& handler, ManualClock& clock, net::Scheduler& scheduler,
                        const ExplainRequest& request) {
  Explanation told;
  bool done = false;
  handler.Explain(request, [&](Explanation explanation) {
    told = std::move(explanation);
    done = true;
  });
  testing::RunUntil(clock, scheduler, clock.Now() + seconds(10));
  EXPECT_TRUE(done);
  return told;
}

// Covers: U9, T5
TEST_F(HandlerTest, AnExplanationTellsAccessViewPrefixAndAnswer) {
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com"), milliseconds(5));
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"203.0.114.1"}),
              milliseconds(5));
  ExplainRequest request;
  request.question = resolve64::Question(N("www.example.com"), RrType::kAaaa);
  request.client = *IpAddress::Parse("::1");
  const Explanation told = ExplainWith(handler_, clock_, scheduler_, request);
  EXPECT_TRUE(told.error.empty());
  EXPECT_EQ(told.view, "default");
  std::string account;
  for (const resolver::TraceEvent& event : told.events) {
    account += event.area + ": " + event.message + "\n";
  }
  for (const char* word : {"access: ::1 may ask", "view: the global policy", "64:ff9b::/96"}) {
    EXPECT_NE(account.find(word), std::string::npos) << word << " is not in\n" << account;
  }
  const Result<MessageView> message = MessageView::Parse(told.message);
  ASSERT_TRUE(message);
  EXPECT_EQ(dns::RecordsToText(*message).at(0).rdata, "64:ff9b::cb00:7201");
}

TEST_F(HandlerTest, AnExplanationForWhoMayNotAskShowsTheRefusal) {
  ExplainRequest request;
  request.question = resolve64::Question(N("www.example.com"), RrType::kAaaa);
  request.client = *IpAddress::Parse("8.8.8.8");
  const Explanation told = ExplainWith(handler_, clock_, scheduler_, request);
  EXPECT_EQ(MessageView::Parse(told.message)->rcode(), Rcode::kRefused);
  EXPECT_TRUE(lookups_.asked().empty());
}

TEST_F(HandlerTest, AnExplanationForAViewThatIsNotThereIsAnError) {
  ExplainRequest request;
  request.question = resolve64::Question(N("www.example.com"), RrType::kAaaa);
  request.view = "nothing";
  EXPECT_NE(ExplainWith(handler_, clock_, scheduler_, request).error.find("nothing"),
            std::string::npos);
}

// --- faults ---

class FaultyLookups final : public Lookups {
 public:
  resolver::RequestPtr NewRequest(std::shared_ptr<resolver::Trace> /*trace*/) override {
    return std::make_shared<resolver::Request>();
  }
  net::Task<resolver::Answer> Resolve(Name /*name*/, RrType /*type*/,
                                      resolver::RequestPtr /*request*/) override {
    throw std::runtime_error("no memory");
  }
  std::optional<resolver::Answer> FromCache(const Name& /*name*/, RrType /*type*/, bool /*cd*/,
                                            resolver::Trace* /*trace*/) override {
    return std::nullopt;
  }
  bool Knows(const Name& /*name*/, RrType /*type*/) override { return false; }
};

TEST_F(HandlerTest, AFaultIsServfailForItsQuestionAlone) {
  FaultyLookups faulty;
  Handler handler(scheduler_, faulty, stats_, epoch_, kAnswerOctets);
  const config::ReadResult read = config::ReadConfigText("{}", "test.json", "/");
  handler.SetSnapshot(BuildSnapshot(read.config).snapshot, 10);
  handler.Handle(Query("www.example.com"), From("::1"), replies_);
  ASSERT_EQ(replies_->all.size(), 1U);
  EXPECT_EQ(Last(), Rcode::kServFail);
  EXPECT_EQ(handler.inflight(), 0U);
}

}  // namespace
}  // namespace resolve64::server
