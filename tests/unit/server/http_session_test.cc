#include "server/http_session.h"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "unit/server/http2_client.h"

namespace resolve64::server {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);

std::string Text(std::span<const std::uint8_t> octets) { return {octets.begin(), octets.end()}; }
Octets Raw(std::string_view text) { return {text.begin(), text.end()}; }

// Covers: TRA-40
TEST_F(HttpSessionTest, AGetIsAskedAndAnswered) {
  const std::int32_t stream = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  ASSERT_EQ(link_.asked.size(), 1U);
  EXPECT_EQ(link_.asked[0].message.size(), 33U);
  EXPECT_FALSE(session_.idle());
  EXPECT_EQ(session_.questions(), 1U);

  const Octets reply = Reply();
  link_.asked[0].Reply(reply);
  EXPECT_EQ(link_.wakes, 1U);
  EXPECT_FALSE(session_.idle());
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_EQ(client_[stream].Field("content-type"), "application/dns-message");
  EXPECT_EQ(client_[stream].Field("content-length"), "100");
  EXPECT_EQ(client_[stream].Field("cache-control"), "max-age=300");
  EXPECT_EQ(client_[stream].fields.size(), 4U) << "nothing tells who the server is";
  EXPECT_EQ(client_[stream].content, Text(reply));
  EXPECT_TRUE(client_[stream].closed);
  EXPECT_EQ(client_[stream].code, NGHTTP2_NO_ERROR);
  EXPECT_TRUE(session_.idle());
  EXPECT_FALSE(session_.ended());
}

// Covers: TRA-40
TEST_F(HttpSessionTest, APostIsAskedAndAnswered) {
  AnswerAll(65000);
  const std::int32_t stream = client_.Post("0123456789ab");
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_EQ(client_[stream].content.size(), 65000U);
  EXPECT_EQ(link_.count, 1U);
  EXPECT_EQ(link_.wakes, 0U) << "the connection sends after it gave octets";
}

TEST_F(HttpSessionTest, TheLargestQuestionIsAsked) {
  client_.Post(std::string(65535, 'q'));
  ASSERT_TRUE(client_.Pump(session_));
  ASSERT_EQ(link_.asked.size(), 1U);
  EXPECT_EQ(link_.asked[0].message.size(), 65535U);
}

TEST_F(HttpSessionTest, AHeadGetsTheHeaderOfTheReply) {
  AnswerAll();
  const std::int32_t stream = client_.Get(kTarget, "HEAD");
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_EQ(client_[stream].Field("content-length"), "100");
  EXPECT_EQ(client_[stream].content, "");
  EXPECT_TRUE(client_[stream].closed);
  EXPECT_TRUE(session_.idle());
}

TEST_F(HttpSessionTest, OctetByOctetIsTheSame) {
  AnswerAll();
  const std::int32_t get = client_.Get(kTarget);
  const std::int32_t post = client_.Post("0123456789ab");
  ASSERT_TRUE(client_.Pump(session_, 1));
  EXPECT_EQ(client_[get].status(), "200");
  EXPECT_EQ(client_[post].status(), "200");
}

TEST_F(HttpSessionTest, RepliesComeInTheOrderInWhichTheyAreReady) {
  const std::int32_t slow = client_.Get(kTarget);
  const std::int32_t quick = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  ASSERT_EQ(link_.asked.size(), 2U);
  link_.asked[1].Reply(Reply(200));
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[quick].content.size(), 200U);
  EXPECT_FALSE(client_[slow].closed);
  link_.asked[0].Reply(Reply(300));
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[slow].content.size(), 300U);
}

// Covers: TRA-42
TEST_F(HttpSessionTest, WhatIsNoQuestionGetsAStatus) {
  const std::int32_t path = client_.Get("/");
  const std::int32_t method = client_.Get(kTarget, "PUT");
  const std::int32_t variable = client_.Get("/dns-query");
  const std::int32_t target = client_.Get("/dns-query?dns=" + std::string(9000, 'A'));
  const std::int32_t type = client_.Post("q", {{"content-type", "text/plain"}});
  const std::int32_t length = client_.Post(std::string(65536, 'q'));
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[path].status(), "404");
  EXPECT_EQ(client_[method].status(), "405");
  EXPECT_EQ(client_[method].Field("allow"), "GET, HEAD, POST");
  EXPECT_EQ(client_[variable].status(), "400");
  EXPECT_EQ(client_[target].status(), "414");
  EXPECT_EQ(client_[type].status(), "415");
  EXPECT_EQ(client_[length].status(), "413");
  for (const std::int32_t stream : {path, method, variable, target, type, length}) {
    const Heard& heard = client_[stream];
    EXPECT_EQ(heard.Field("content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(heard.Field("cache-control"), "no-store");
    EXPECT_EQ(heard.Field("content-length"), std::to_string(heard.content.size()));
    EXPECT_TRUE(heard.closed);
    EXPECT_EQ(heard.code, NGHTTP2_NO_ERROR);
  }
  EXPECT_EQ(link_.count, 0U);
  EXPECT_EQ(session_.questions(), 6U);
  EXPECT_TRUE(session_.idle());
}

// Covers: TRA-42
TEST_F(HttpSessionTest, AMessageThatDnsDoesNotReplyToIsABadRequest) {
  link_.answer = [](std::span<const std::uint8_t>) { return Octets(); };
  const std::int32_t stream = client_.Post("short");
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[stream].status(), "400");
}

// Covers: TRA-42
TEST_F(HttpSessionTest, AFailureOfDnsIsASuccessOfHttpThatIsNotKept) {
  link_.answer = [](std::span<const std::uint8_t>) { return Reply(100, 300, Rcode::kServFail); };
  const std::int32_t stream = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_EQ(client_[stream].Field("cache-control"), "no-store");
}

TEST_F(HttpSessionTest, ALengthThatIsTooLongIsRefusedBeforeTheContentComes) {
  Start();
  client_.Post(std::string(70000, 'q'), {{"content-length", "70000"}});
  const Octets all = client_.Output();
  const std::size_t header =
      9 + (static_cast<std::size_t>(all[0]) << 16 | static_cast<std::size_t>(all[1]) << 8 | all[2]);
  ASSERT_TRUE(Send({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(header)}));
  Hear();
  EXPECT_EQ(client_[1].status(), "413");
  EXPECT_TRUE(client_[1].closed);
  EXPECT_EQ(client_[1].code, NGHTTP2_NO_ERROR);
}

TEST_F(HttpSessionTest, AHeaderThatIsTooLargeIsRefused) {
  AnswerAll();
  Http2Client::Fields many = {
      {":method", "GET"}, {":scheme", "https"}, {":authority", "dns.example"}, {":path", kTarget}};
  for (int i = 0; i < 600; ++i) many.emplace_back("x", "");
  const std::int32_t fields = client_.Request(many);
  const std::int32_t large =
      client_.Post("q", {{"cookie", std::string(HttpSession::kMaxHeaderList, 'c')}});
  many[0].second = "HEAD";
  const std::int32_t head = client_.Request(many);
  const std::int32_t polite = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[fields].status(), "431");
  EXPECT_EQ(client_[head].status(), "431");
  EXPECT_EQ(client_[head].content, "");
  EXPECT_EQ(client_[large].status(), "431");
  EXPECT_EQ(client_[polite].status(), "200");
  EXPECT_EQ(client_.Remote(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), HttpSession::kMaxHeaderList);
}

TEST_F(HttpSessionTest, TrailersAreNoHeader) {
  Start();
  client_.Post("q");
  Octets all = client_.Output();
  all[all.size() - 1 - 9 + 4] = 0;  // the last frame, DATA of one octet: not the end of its stream
  const Octets trailer = {0x00, 5, ':', 'p', 'a', 't', 'h', 1, '/'};
  const Octets honest = {0x00, 1, 'x', 1, 'y'};
  ASSERT_TRUE(Send(all));
  ASSERT_TRUE(
      Send(Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, honest)));
  ASSERT_EQ(link_.asked.size(), 1U);
  EXPECT_EQ(link_.asked[0].message, Octets{'q'});
}

// --- the end ---

TEST_F(HttpSessionTest, FinishAnswersWhatIsInProgressAndTakesNoMore) {
  const std::int32_t stream = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  session_.Finish();
  EXPECT_GE(link_.wakes, 1U);
  Octets out;
  session_.Output(out, 1 << 20);
  EXPECT_FALSE(session_.ended());
  client_.Get(kTarget);
  ASSERT_TRUE(Send(client_.Output()));
  client_.Take(out);
  EXPECT_EQ(client_.goaway, NGHTTP2_NO_ERROR);
  EXPECT_EQ(client_.goaway_last, stream);
  EXPECT_EQ(link_.asked.size(), 1U);
  link_.asked[0].Reply(Reply());
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_TRUE(session_.ended());
}

TEST_F(HttpSessionTest, FinishEndsAtOnceWhereNothingIsInProgress) {
  AnswerAll();
  client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_FALSE(session_.ended());
  session_.Finish();
  Hear();
  EXPECT_EQ(client_.goaway, NGHTTP2_NO_ERROR);
  EXPECT_TRUE(session_.ended());
}

TEST_F(HttpSessionTest, FinishBeforeTheFirstOctetEndsAtOnce) {
  session_.Finish();
  EXPECT_TRUE(Drain().empty());
  EXPECT_TRUE(session_.ended());
}

TEST_F(HttpSessionTest, AClientThatSaysGoodbyeIsAnsweredFirst) {
  const std::int32_t stream = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  client_.GoAway();
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_FALSE(session_.ended());
  link_.asked[0].Reply(Reply());
  Hear();
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_TRUE(session_.ended());
}

TEST_F(HttpSessionTest, AClientThatSendsNoMoreIsAnsweredFirst) {
  const std::int32_t stream = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  session_.InputEnded();
  EXPECT_FALSE(session_.ended());
  link_.asked[0].Reply(Reply());
  EXPECT_FALSE(session_.ended());
  Hear();
  EXPECT_EQ(client_[stream].status(), "200");
  EXPECT_TRUE(session_.ended());
}

TEST_F(HttpSessionTest, ARequestThatWillNeverBeCompleteDoesNotKeepTheConnection) {
  Start();
  client_.Post("q");
  Octets all = client_.Output();
  all.resize(all.size() - 1);
  ASSERT_TRUE(Send(all));
  EXPECT_FALSE(session_.ended());
  EXPECT_TRUE(session_.idle());
  EXPECT_EQ(session_.questions(), 0U);
  session_.InputEnded();
  EXPECT_TRUE(session_.ended());
}

TEST_F(HttpSessionTest, RepliesThatComeAfterTheConnectionEndedAreTaken) {
  auto session = std::make_unique<HttpSession>(link_, "/dns-query");
  for (int i = 0; i < 10; ++i) client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(*session));
  session->InputEnded();
  const auto held = link_.keep.use_count();
  EXPECT_EQ(held, 11) << "each question keeps the connection";
  for (FakeLink::Asked& asked : link_.asked) asked.Reply(Reply());
  EXPECT_EQ(link_.keep.use_count(), 1);
  session.reset();
}

TEST_F(HttpSessionTest, ABreachOfTheProtocolIsToldAndEndsTheConnection) {
  Start();
  Send(Frame(NGHTTP2_DATA, 0, 0, {1}));
  Hear();
  EXPECT_EQ(client_.goaway, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_TRUE(session_.ended());
}

// --- what is no HTTP/2 ---

TEST_F(HttpSessionTest, NothingIsSentBeforeThePreface) {
  EXPECT_TRUE(Drain().empty());
  EXPECT_TRUE(session_.idle());
  EXPECT_TRUE(Send(Raw(kMagic.substr(0, 10))));
  EXPECT_TRUE(Drain().empty());
  EXPECT_TRUE(Send(Raw(kMagic.substr(10))));
  EXPECT_FALSE(Drain().empty());
}

TEST_F(HttpSessionTest, Http1IsToldWhatIsSpokenHere) {
  for (const std::string method : {"GET", "POST", "PUT", "HEAD", "PATCH", "OPTIONS"}) {
    for (const bool whole : {true, false}) {
      HttpSession session(link_, "/dns-query");
      const std::string request = method + " /dns-query HTTP/1.1\r\nHost: dns.example\r\n\r\n";
      bool alive = true;
      if (whole) {
        alive = session.Take(Raw(request));
      } else {
        for (std::size_t i = 0; i < request.size() && alive; ++i) {
          alive = session.Take(Raw(request.substr(i, 1)));
        }
      }
      EXPECT_FALSE(alive) << method;
      Octets out;
      session.Output(out, 1 << 20);
      const std::string reply = Text(out);
      EXPECT_TRUE(reply.starts_with("HTTP/1.1 505 ")) << reply;
      const std::size_t header = reply.find("\r\n\r\n") + 4;
      EXPECT_NE(reply.find("Content-Length: " + std::to_string(reply.size() - header) + "\r\n"),
                std::string::npos);
      EXPECT_TRUE(session.ended());
    }
  }
}

TEST_F(HttpSessionTest, OtherThingsGetNothing) {
  for (const std::string_view other :
       {"\x16\x03\x01\x02\x00"sv, "PRI * HTTP/1.1\r\n"sv, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"sv,
        "\0\x1d\0\0"sv, "SSH-2.0-x"sv, "get / HTTP/1.1"sv, "GETX"sv}) {
    HttpSession session(link_, "/dns-query");
    EXPECT_FALSE(session.Take(Raw(other))) << other;
    Octets out;
    session.Output(out, 1 << 20);
    EXPECT_TRUE(out.empty());
    EXPECT_TRUE(session.ended());
  }
}

}  // namespace
}  // namespace resolve64::server
