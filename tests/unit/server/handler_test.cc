#include "server/handler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <stdexcept>

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

  resolver::Stats stats_;
  std::shared_ptr<Replies> replies_ = std::make_shared<Replies>();
  Handler handler_{scheduler_, lookups_, stats_};
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
};

TEST_F(HandlerTest, AFaultIsServfailForItsQuestionAlone) {
  FaultyLookups faulty;
  Handler handler(scheduler_, faulty, stats_);
  const config::ReadResult read = config::ReadConfigText("{}", "test.json", "/");
  handler.SetSnapshot(BuildSnapshot(read.config).snapshot, 10);
  handler.Handle(Query("www.example.com"), From("::1"), replies_);
  ASSERT_EQ(replies_->all.size(), 1U);
  EXPECT_EQ(Last(), Rcode::kServFail);
  EXPECT_EQ(handler.inflight(), 0U);
}

}  // namespace
}  // namespace resolve64::server
