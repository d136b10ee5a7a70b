// Clients of HTTP/2 that cost more than they ask.

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/http_session.h"
#include "unit/server/http2_client.h"

namespace resolve64::server {
namespace {

using std::chrono::seconds;

// --- who asks too much ---

TEST_F(HttpSessionTest, NoMoreThanItsShareIsAskedAtOnce) {
  Start();
  EXPECT_EQ(client_.Remote(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), Session::kMaxInflight);
  for (std::size_t i = 0; i < 3 * Session::kMaxInflight; ++i) client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(link_.asked.size(), Session::kMaxInflight);
  std::size_t answered = 0;
  while (answered < link_.asked.size()) {
    link_.asked[answered++].Reply(Reply());
    ASSERT_TRUE(client_.Pump(session_));
  }
  EXPECT_EQ(link_.asked.size(), 3 * Session::kMaxInflight);
  for (const auto& [stream, heard] : client_.heard) EXPECT_EQ(heard.status(), "200") << stream;
  EXPECT_TRUE(session_.idle());
}

TEST_F(HttpSessionTest, StreamsBeyondTheirNumberAreRefusedBeforeTheClientKnowsIt) {
  for (std::size_t i = 0; i < Session::kMaxInflight + 20; ++i) client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(link_.asked.size(), Session::kMaxInflight);
  std::size_t refused = 0;
  for (const auto& [stream, heard] : client_.heard) {
    refused += heard.closed && heard.code == NGHTTP2_REFUSED_STREAM ? 1U : 0U;
  }
  EXPECT_EQ(refused, 20U);
}

TEST_F(HttpSessionTest, TheReplyOfAStreamThatWasResetIsDropped) {
  const std::int32_t gone = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  client_.Reset(gone);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_FALSE(session_.idle()) << "the question is still worked on";
  const std::int32_t next = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  link_.asked[0].Reply(Reply());
  link_.asked[1].Reply(Reply(200));
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[gone].content, "");
  EXPECT_EQ(client_[next].content.size(), 200U);
  EXPECT_TRUE(session_.idle());
}

TEST_F(HttpSessionTest, QuestionsOfStreamsThatWereResetTakeTheirShare) {
  Start();
  for (std::size_t i = 0; i < Session::kMaxInflight; ++i) {
    const std::int32_t stream = client_.Get(kTarget);
    ASSERT_TRUE(client_.Pump(session_));
    if (i % 2 == 0) client_.Reset(stream);
  }
  const std::int32_t waiting = client_.Get(kTarget);
  const std::int32_t given_up = client_.Get(kTarget);
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(link_.asked.size(), Session::kMaxInflight);
  client_.Reset(given_up);
  ASSERT_TRUE(client_.Pump(session_));
  for (std::size_t i = 0; i < Session::kMaxInflight; ++i) link_.asked[i].Reply(Reply());
  ASSERT_TRUE(client_.Pump(session_));
  ASSERT_EQ(link_.asked.size(), Session::kMaxInflight + 1) << "what was given up is not asked";
  link_.asked.back().Reply(Reply());
  ASSERT_TRUE(client_.Pump(session_));
  EXPECT_EQ(client_[waiting].status(), "200");
  EXPECT_TRUE(session_.idle());
}

TEST_F(HttpSessionTest, RapidResetsEndTheConnection) {
  Start();
  std::size_t sent = 0;
  while (client_.alive && sent < 1000) {
    const std::int32_t stream = client_.Get(kTarget);
    client_.Pump(session_);
    client_.Reset(stream);
    client_.Pump(session_);
    ++sent;
  }
  EXPECT_EQ(sent, HttpSession::kResetBurst + 1);
  EXPECT_EQ(client_.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(session_.ended());
  EXPECT_LE(link_.asked.size(), Session::kMaxInflight);
  for (FakeLink::Asked& asked : link_.asked) asked.Reply(Reply());
  EXPECT_TRUE(Drain().empty());
}

TEST_F(HttpSessionTest, NoQuestionIsAskedBehindRapidResets) {
  Start();
  Octets burst;
  for (int i = 0; i < 500; ++i) {
    const std::int32_t stream = client_.Get(kTarget);
    const Octets request = client_.Output();
    burst.insert(burst.end(), request.begin(), request.end());
    client_.Reset(stream);
    const Octets reset = client_.Output();
    burst.insert(burst.end(), reset.begin(), reset.end());
  }
  EXPECT_FALSE(Send(burst));
  EXPECT_LE(link_.asked.size(), Session::kMaxInflight);
}

TEST_F(HttpSessionTest, ResetsAtTheirLeisureAreNoAbuse) {
  Start();
  for (int i = 0; i < 400; ++i) {
    const std::int32_t stream = client_.Get(kTarget);
    ASSERT_TRUE(client_.Pump(session_)) << i;
    client_.Reset(stream);
    ASSERT_TRUE(client_.Pump(session_)) << i;
    link_.asked.back().Reply(Reply());
    link_.clock.Advance(HttpSession::kResetInterval);
  }
  EXPECT_TRUE(session_.idle());
}

TEST_F(HttpSessionTest, ResetsThatTheClientProvokesCountToo) {
  Start();
  // A window update of zero is an error of the stream (RFC 9113 section 6.9).
  std::size_t sent = 0;
  while (client_.alive && sent < 1000) {
    const std::int32_t stream = client_.Get(kTarget);
    client_.Pump(session_);
    client_.alive =
        Send(Frame(NGHTTP2_WINDOW_UPDATE, 0, static_cast<std::uint32_t>(stream), {0, 0, 0, 0})) &&
        client_.alive;
    client_.Pump(session_);
    if (session_.ended()) client_.alive = false;
    ++sent;
  }
  EXPECT_LE(sent, HttpSession::kResetBurst + 1);
}

TEST_F(HttpSessionTest, FramesThatAskNothingEndTheConnection) {
  const Octets eight(8, 0);
  const Octets settings = Frame(NGHTTP2_SETTINGS, 0, 0, {});
  for (const Octets& frame :
       {Frame(NGHTTP2_PING, 0, 0, eight), settings, Frame(NGHTTP2_PRIORITY, 0, 3, {0, 0, 0, 0, 1}),
        Frame(NGHTTP2_WINDOW_UPDATE, 0, 0, {0, 0, 0, 1})}) {
    FakeLink link;
    HttpSession session(link, "/dns-query");
    Http2Client client;
    ASSERT_TRUE(client.Pump(session));
    std::size_t sent = 0;
    Octets out;
    while (sent < 10'000 && session.Take(frame)) {
      ++sent;
      out.clear();
      session.Output(out, 1 << 20);
    }
    EXPECT_LE(sent, HttpSession::kMaxIdleFrames) << int{frame[3]};
    EXPECT_GE(sent, HttpSession::kMaxIdleFrames - 10) << int{frame[3]};
    out.clear();
    session.Output(out, 1 << 20);
    client.Take(out);
    EXPECT_EQ(client.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_TRUE(session.ended());
  }
}

TEST_F(HttpSessionTest, FramesOfUnknownTypesEndTheConnectionToo) {
  Start();
  const Octets frame = Frame(0xEE, 0, 0, {});
  std::size_t sent = 0;
  while (sent < 200'000 && Send(frame)) ++sent;
  EXPECT_LE(sent, HttpSession::kMaxIdleOctets / frame.size());
  Hear();
  EXPECT_EQ(client_.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(HttpSessionTest, AQuestionInTooManyPiecesEndsTheConnection) {
  Start();
  client_.Post("q");
  Octets all = client_.Output();
  all.resize(all.size() - 10);  // without its content
  ASSERT_TRUE(Send(all));
  std::size_t sent = 0;
  while (sent < 10'000 && Send(Frame(NGHTTP2_DATA, 0, 1, {}))) ++sent;
  EXPECT_LE(sent, HttpSession::kMaxIdleFrames);
}

TEST_F(HttpSessionTest, FramesBetweenQuestionsAreNoAbuse) {
  Start();
  AnswerAll();
  for (int i = 0; i < 5000; ++i) {
    client_.Ping();
    if (i % 100 == 0) client_.Get(kTarget);
    ASSERT_TRUE(client_.Pump(session_)) << i;
  }
  EXPECT_EQ(client_.pongs, 5000U);
}

TEST_F(HttpSessionTest, AHeaderInEndlessPiecesEndsTheConnection) {
  Start();
  bool alive = Send(Frame(NGHTTP2_HEADERS, 0, 1, {0x82, 0x87}));
  const Octets piece = Frame(NGHTTP2_CONTINUATION, 0, 1, {0x00, 1, 'x', 1, 'y'});
  for (int i = 0; i < 5000 && alive; ++i) {
    alive = Send(piece);
    Drain();
    alive = alive && !session_.ended();
  }
  EXPECT_FALSE(alive);
  EXPECT_EQ(link_.count, 0U);
}

TEST_F(HttpSessionTest, AHeaderThatUnfoldsIsBounded) {
  // One long field put into the table, then named by one octet each time (RFC 7541 section 6.1).
  Start();
  AnswerAll();
  Octets block = {0x82, 0x87, 0x40, 1, 'x', 0x7F, 0xA0, 0x1E};  // a value of 127 + 3872 octets
  block.insert(block.end(), 3999, 'v');
  block.insert(block.end(), 10'000, 0xBE);
  ASSERT_TRUE(
      Send(Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block)));
  EXPECT_EQ(link_.count, 0U);
}

TEST_F(HttpSessionTest, QuestionsOnTheirWayAreBounded) {
  Start();
  // Each is given to 65,000 octets and left unfinished.
  std::string content(65000, 'q');
  std::size_t refused = 0;
  for (std::uint32_t stream = 1; stream < 41; stream += 2) {
    client_.Post(content, {{"content-length", "65001"}});
    Octets all = client_.Output();
    client_.heard.clear();
    // The client library ends the stream, and has to be kept from it.
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t length = static_cast<std::size_t>(all[at]) << 16 |
                                 static_cast<std::size_t>(all[at + 1]) << 8 | all[at + 2];
      if (all[at + 3] == NGHTTP2_DATA) all[at + 4] = 0;
      at += 9 + length;
    }
    ASSERT_TRUE(Send(all));
    const Octets out = Drain();
    for (std::size_t at = 0; at + 9 <= out.size();) {
      const std::size_t length = static_cast<std::size_t>(out[at]) << 16 |
                                 static_cast<std::size_t>(out[at + 1]) << 8 | out[at + 2];
      refused += out[at + 3] == NGHTTP2_RST_STREAM ? 1U : 0U;
      at += 9 + length;
    }
    client_.Take(out);
  }
  EXPECT_GE(refused, 1U);
  EXPECT_EQ(link_.count, 0U);
}

// --- a client that does not take its replies ---

class SlowClientTest : public HttpSessionTest {
 protected:
  SlowClientTest() { AnswerAll(60'000); }
  Http2Client slow_{false, 1000};
};

TEST_F(SlowClientTest, NothingIsAskedWhileTooMuchWaits) {
  ASSERT_TRUE(slow_.Pump(session_));
  for (std::size_t i = 0; i < Session::kMaxInflight; ++i) slow_.Get(kTarget);
  ASSERT_TRUE(slow_.Pump(session_));
  EXPECT_LE(link_.count, HttpSession::kMaxReplyOctets / 60'000 + 1);
  EXPECT_LT(slow_.received, 10'000U);
  EXPECT_TRUE(session_.has_room()) << "or the client could not say that it takes more";
  EXPECT_TRUE(session_.idle()) << "or no deadline would end it";
}

TEST_F(SlowClientTest, NothingIsAskedWhileTooMuchWaitsWithoutAnyWindow) {
  AnswerAll(6434);
  Http2Client closed(false, 0);
  ASSERT_TRUE(closed.Pump(session_));
  for (std::size_t i = 0; i < Session::kMaxInflight; ++i) {
    closed.Get(kTarget);
    ASSERT_TRUE(closed.Pump(session_));
  }
  EXPECT_EQ(link_.count, HttpSession::kMaxReplyOctets / 6434 + 1);
  EXPECT_TRUE(session_.idle());
}

TEST_F(SlowClientTest, WhatWasAskedBeforeIsKeptUpToABoundToo) {
  link_.answer = nullptr;
  ASSERT_TRUE(slow_.Pump(session_));
  for (std::size_t i = 0; i < Session::kMaxInflight; ++i) slow_.Get(kTarget);
  ASSERT_TRUE(slow_.Pump(session_));
  ASSERT_EQ(link_.asked.size(), Session::kMaxInflight);
  for (FakeLink::Asked& asked : link_.asked) asked.Reply(Reply(60'000));
  ASSERT_TRUE(slow_.Pump(session_));
  std::size_t kept = 0;
  for (const auto& [stream, heard] : slow_.heard) {
    if (stream == 0) continue;
    kept += heard.status() == "200" ? 1U : 0U;
    EXPECT_TRUE(heard.status() == "200" || heard.code == NGHTTP2_REFUSED_STREAM);
  }
  EXPECT_EQ(kept, HttpSession::kMostReplyOctets / 60'000);
  EXPECT_TRUE(session_.idle());
}

TEST_F(SlowClientTest, EverythingComesOnceTheClientTakesIt) {
  ASSERT_TRUE(slow_.Pump(session_));
  std::vector<std::int32_t> streams;
  streams.reserve(20);
  for (int i = 0; i < 20; ++i) streams.push_back(slow_.Get(kTarget));
  ASSERT_TRUE(slow_.Pump(session_));
  slow_.OpenWindow(0, 20 * 60'000);
  for (const std::int32_t stream : streams) slow_.OpenWindow(stream, 60'000);
  ASSERT_TRUE(slow_.Pump(session_));
  for (const std::int32_t stream : streams) {
    EXPECT_EQ(slow_[stream].content.size(), 60'000U) << stream;
  }
  EXPECT_EQ(link_.count, 20U);
  EXPECT_TRUE(session_.idle());
}

TEST_F(SlowClientTest, RepliesThatStandStillWhileTheClientAsksEndTheConnection) {
  ASSERT_TRUE(slow_.Pump(session_));
  slow_.Get(kTarget);
  ASSERT_TRUE(slow_.Pump(session_));
  bool alive = true;
  for (int i = 0; i < 60 && alive; ++i) {
    slow_.Get("/", "HEAD");  // needs no window for its answer
    alive = slow_.Pump(session_);
    link_.clock.Advance(seconds(1));
  }
  EXPECT_FALSE(alive);
  EXPECT_EQ(slow_.goaway, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(SlowClientTest, AReplyThatTheClientGaveUpOnIsForgotten) {
  ASSERT_TRUE(slow_.Pump(session_));
  for (int round = 0; round < 20; ++round) {
    std::vector<std::int32_t> streams;
    streams.reserve(5);
    for (int i = 0; i < 5; ++i) streams.push_back(slow_.Get(kTarget));
    ASSERT_TRUE(slow_.Pump(session_)) << round;
    for (const std::int32_t stream : streams) slow_.Reset(stream);
    ASSERT_TRUE(slow_.Pump(session_)) << round;
    slow_.OpenWindow(0, 10'000);
    link_.clock.Advance(seconds(1));
  }
  EXPECT_EQ(link_.count, 100U) << "their octets are not counted any more";
}

TEST_F(HttpSessionTest, NothingIsReadWhileTheClientTakesNoFrames) {
  Start();
  const Octets ping = Frame(NGHTTP2_PING, 0, 0, Octets(8, 0));
  std::size_t sent = 0;
  while (session_.has_room() && sent < 5000) {
    ASSERT_TRUE(Send(ping));
    ++sent;
  }
  EXPECT_EQ(sent, HttpSession::kMaxQueuedFrames);
  Drain();
  EXPECT_TRUE(session_.has_room());
}

TEST_F(HttpSessionTest, OutputKeepsToWhatItIsAskedFor) {
  AnswerAll(60'000);
  ASSERT_TRUE(client_.Pump(session_));
  client_.Get(kTarget);
  ASSERT_TRUE(Send(client_.Output()));
  Octets out;
  session_.Output(out, 10'000);
  EXPECT_GE(out.size(), 10'000U);
  EXPECT_LE(out.size(), 10'000U + 17'000U);
  EXPECT_FALSE(session_.idle());
  session_.Output(out, 1 << 20);
  client_.Take(out);
  EXPECT_EQ(client_[1].content.size(), 60'000U);
  EXPECT_TRUE(session_.idle());
}

}  // namespace
}  // namespace resolve64::server
