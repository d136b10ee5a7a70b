// One connection and the queries on it, over a socket pair. What is tested is everything above TLS:
// the stream is one in clear.

#include "resolver/upstream/tls_connection.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dns/message_builder.h"
#include "support/fake_network.h"

namespace resolve64::resolver::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Message = std::vector<std::uint8_t>;
using testing::N;

/// A handshake that never ends.
class Unshaken final : public net::Stream {
 public:
  net::Io Handshake() noexcept override { return {net::Io::State::kWait, 0}; }
  net::Io Read(std::span<std::uint8_t> /*into*/) noexcept override { return {}; }
  net::Io Write(std::span<const std::uint8_t> /*octets*/) noexcept override { return {}; }
  [[nodiscard]] std::uint32_t waits_for() const noexcept override { return EPOLLIN; }
  [[nodiscard]] bool pending() const noexcept override { return false; }
  void End() noexcept override {}
  [[nodiscard]] std::string_view protocol() const noexcept override { return {}; }
  [[nodiscard]] std::string_view error() const noexcept override { return {}; }
  [[nodiscard]] bool resumed() const noexcept override { return false; }
};

class TlsConnectionTest : public ::testing::Test, public TlsConnection::Owner {
 protected:
  TlsConnectionTest() { Connect(nullptr); }
  ~TlsConnectionTest() override {
    if (connection_ != nullptr) connection_->Abandon();
    connection_.reset();
    if (server_ >= 0) ::close(server_);
  }

  void Connect(std::unique_ptr<net::Stream> stream) {
    std::array<int, 2> ends{};
    ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()));
    if (server_ >= 0) ::close(server_);
    server_ = ends[0];
    if (stream == nullptr) stream = std::make_unique<net::PlainStream>(ends[1]);
    if (connection_ != nullptr) connection_->Abandon();
    connection_ =
        std::make_shared<TlsConnection>(loop_, random_, *this, ends[1], std::move(stream));
    ASSERT_TRUE(connection_->Start());
    Spin();
  }

  void OnEnd(TlsConnection& /*connection*/, TlsEnd end, const std::string& reason,
             const std::vector<TlsQuery*>& unanswered) noexcept override {
    end_ = end;
    reason_ = reason;
    unanswered_ = unanswered;
  }

  // What is ready, and what that makes ready.
  void Spin() {
    for (int round = 0; round < 5; ++round) {
      loop_.Stop();
      loop_.Run();
    }
  }
  void Wait(Duration time) {
    clock_.Advance(time);
    Spin();
  }

  TlsQuery& Ask(std::uint16_t id, std::string_view name = "www.example") {
    dns::MessageBuilder builder(512);
    builder.SetHeader(id, 0);
    builder.AddQuestion(Question(N(name), RrType::kA));
    builder.AddOpt(1232, Rcode::kNoError, true, {});
    queries_.push_back(std::make_unique<TlsQuery>(loop_.scheduler()));
    queries_.back()->message = builder.Finish();
    connection_->Add(*queries_.back());
    return *queries_.back();
  }

  // What the server got since the last call.
  std::vector<Message> Received() {
    Spin();
    std::array<std::uint8_t, 65536> buffer{};
    const ssize_t got = ::recv(server_, buffer.data(), buffer.size(), 0);
    std::vector<Message> messages;
    for (ssize_t at = 0; at + 2 <= got;) {
      const ssize_t size =
          buffer[static_cast<std::size_t>(at)] << 8 | buffer[static_cast<std::size_t>(at + 1)];
      messages.emplace_back(buffer.begin() + at + 2, buffer.begin() + at + 2 + size);
      at += 2 + size;
    }
    return messages;
  }

  static Message ReplyTo(const Message& query, std::optional<int> keepalive = {}) {
    const Result<MessageView> view = MessageView::Parse(query);
    dns::MessageBuilder builder(512);
    builder.SetHeader(view->header().id, Header::kQr);
    builder.AddQuestion(*view->question());
    std::vector<dns::MessageBuilder::Option> options;
    if (keepalive) {
      options.push_back({dns::kOptionKeepalive,
                         {static_cast<std::uint8_t>(*keepalive >> 8),
                          static_cast<std::uint8_t>(*keepalive & 0xFF)}});
    }
    builder.AddOpt(1232, Rcode::kNoError, true, options);
    return builder.Finish();
  }
  void Serve(const Message& message) {
    Message framed = {static_cast<std::uint8_t>(message.size() >> 8),
                      static_cast<std::uint8_t>(message.size() & 0xFF)};
    framed.insert(framed.end(), message.begin(), message.end());
    ASSERT_EQ(::send(server_, framed.data(), framed.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(framed.size()));
    Spin();
  }
  static std::uint16_t IdOf(const Message& message) { return Header::Read(message)->id; }

  ManualClock clock_;
  net::Loop loop_{clock_};
  SeededRandom random_{1};
  int server_ = -1;
  std::shared_ptr<TlsConnection> connection_;
  std::vector<std::unique_ptr<TlsQuery>> queries_;
  std::optional<TlsEnd> end_;
  std::string reason_;
  std::vector<TlsQuery*> unanswered_;
};

TEST_F(TlsConnectionTest, NoTwoQueriesHaveOneIdAndEachAskerSeesItsOwn) {
  const TlsQuery& one = Ask(7, "one.example");
  const TlsQuery& two = Ask(7, "two.example");
  const std::vector<Message> received = Received();
  ASSERT_EQ(received.size(), 2U);
  EXPECT_EQ(IdOf(received[0]), 7);
  EXPECT_NE(IdOf(received[1]), 7);
  Serve(ReplyTo(received[1]));
  EXPECT_TRUE(one.reply.empty());
  ASSERT_FALSE(two.reply.empty());
  EXPECT_EQ(IdOf(two.reply), 7);
  EXPECT_EQ(MessageView::Parse(two.reply)->question()->name, N("two.example"));
  Serve(ReplyTo(received[0]));
  EXPECT_EQ(IdOf(one.reply), 7);
}

TEST_F(TlsConnectionTest, TheIdOfAQueryThatWasGivenUpStaysTakenUntilItsReplyComes) {
  TlsQuery& gone = Ask(7);
  connection_->Remove(gone);
  Ask(7);
  const std::vector<Message> received = Received();
  ASSERT_EQ(received.size(), 2U);
  EXPECT_NE(IdOf(received[0]), IdOf(received[1]));
  Serve(ReplyTo(received[0]));
  EXPECT_TRUE(gone.reply.empty());
  EXPECT_FALSE(end_.has_value());
  EXPECT_EQ(connection_->load(), 1U);
}

TEST_F(TlsConnectionTest, AThousandAndMoreAreRefused) {
  for (std::size_t i = 0; i < TlsConnection::kMaxQueries; ++i) {
    ASSERT_TRUE(connection_->takes_more());
    Ask(static_cast<std::uint16_t>(i % 10));
  }
  EXPECT_FALSE(connection_->takes_more());
  std::set<std::uint16_t> ids;
  for (const auto& query : queries_) ids.insert(query->id_there);
  EXPECT_EQ(ids.size(), TlsConnection::kMaxQueries);
}

TEST_F(TlsConnectionTest, ServersThatLeaveQueriesUnansweredGetANewConnection) {
  for (std::size_t i = 0; i < TlsConnection::kMaxGivenUp; ++i) {
    EXPECT_TRUE(connection_->takes_more());
    connection_->Remove(Ask(1));
  }
  EXPECT_FALSE(connection_->takes_more());
  Wait(milliseconds(1));
  EXPECT_EQ(end_, TlsEnd::kClosed) << "nobody waits for it any more";
}

TEST_F(TlsConnectionTest, IsClosedAfterTenSecondsWithoutQueries) {
  const TlsQuery& query = Ask(1);
  Serve(ReplyTo(Received().front()));
  ASSERT_FALSE(query.reply.empty());
  Wait(milliseconds(9900));
  EXPECT_FALSE(end_.has_value());
  Wait(milliseconds(200));
  EXPECT_EQ(end_, TlsEnd::kClosed);
  EXPECT_TRUE(unanswered_.empty());
}

TEST_F(TlsConnectionTest, AServerMaySayHowLongItKeepsAnIdleConnection) {
  Ask(1);
  Serve(ReplyTo(Received().front(), 300));  // 30 s
  Wait(seconds(29));
  EXPECT_FALSE(end_.has_value());
  Ask(2);
  Serve(ReplyTo(Received().front(), 20));  // 2 s
  Wait(milliseconds(2100));
  EXPECT_EQ(end_, TlsEnd::kClosed);
}

TEST_F(TlsConnectionTest, AServerThatKeepsThemForEverIsLeftAfterAMinute) {
  Ask(1);
  Serve(ReplyTo(Received().front(), 0xFFFF));
  Wait(seconds(59));
  EXPECT_FALSE(end_.has_value());
  Wait(seconds(2));
  EXPECT_EQ(end_, TlsEnd::kClosed);
}

TEST_F(TlsConnectionTest, AKeepaliveOfZeroLetsWhatIsUnderWayEnd) {
  Ask(1);
  const TlsQuery& second = Ask(2);
  const std::vector<Message> received = Received();
  Serve(ReplyTo(received[0], 0));
  EXPECT_FALSE(connection_->takes_more());
  EXPECT_FALSE(end_.has_value());
  Serve(ReplyTo(received[1]));
  Wait(milliseconds(1));
  EXPECT_FALSE(second.reply.empty());
  EXPECT_EQ(end_, TlsEnd::kClosed);
}

TEST_F(TlsConnectionTest, AServerThatFallsSilentIsLeftAfterFiveSeconds) {
  const TlsQuery& one = Ask(1);
  TlsQuery& two = Ask(2);
  const std::vector<Message> received = Received();
  Wait(seconds(4));
  Serve(ReplyTo(received[0]));  // a sign of life
  EXPECT_FALSE(one.reply.empty());
  Wait(seconds(4));
  EXPECT_FALSE(end_.has_value());
  Wait(seconds(1));
  EXPECT_EQ(end_, TlsEnd::kBroke);
  EXPECT_EQ(unanswered_, std::vector<TlsQuery*>{&two});
  EXPECT_EQ(two.on, nullptr);
}

TEST_F(TlsConnectionTest, AHandshakeHasFourSeconds) {
  Connect(std::make_unique<Unshaken>());
  TlsQuery& query = Ask(1);
  EXPECT_EQ(query.left_at, TimePoint{});
  Wait(milliseconds(3900));
  EXPECT_FALSE(end_.has_value());
  Wait(milliseconds(100));
  EXPECT_EQ(end_, TlsEnd::kNeverOpened);
  EXPECT_EQ(unanswered_, std::vector<TlsQuery*>{&query});
}

TEST_F(TlsConnectionTest, TheEndInTheMiddleOfAReplyLeavesTheQueryUnanswered) {
  TlsQuery& query = Ask(1);
  const Message reply = ReplyTo(Received().front());
  const std::array<std::uint8_t, 3> half = {0, static_cast<std::uint8_t>(reply.size()), reply[0]};
  ASSERT_EQ(::send(server_, half.data(), half.size(), 0), 3);
  Spin();
  EXPECT_FALSE(end_.has_value());
  ::close(server_);
  server_ = -1;
  Spin();
  EXPECT_EQ(end_, TlsEnd::kClosed);
  EXPECT_EQ(unanswered_, std::vector<TlsQuery*>{&query});
}

TEST_F(TlsConnectionTest, ServersThatSayWhatNobodyAskedForAreLeft) {
  const TlsQuery& query = Ask(1);
  Message foreign = ReplyTo(Received().front());
  for (int i = 0; i < TlsConnection::kMaxForeign; ++i) {
    foreign[0] = 0x77;
    Serve(i % 2 == 0 ? foreign : Message{});
  }
  EXPECT_FALSE(end_.has_value());
  Serve(foreign);
  EXPECT_EQ(end_, TlsEnd::kBroke);
  EXPECT_TRUE(query.reply.empty());
}

TEST_F(TlsConnectionTest, ManyRepliesInOneWriteAndOneInManyAreTheSame) {
  std::vector<const TlsQuery*> asked;
  for (std::uint16_t i = 0; i < 50; ++i) asked.push_back(&Ask(i));
  Message all;
  for (const Message& query : Received()) {
    const Message reply = ReplyTo(query);
    all.push_back(0);
    all.push_back(static_cast<std::uint8_t>(reply.size()));
    all.insert(all.end(), reply.begin(), reply.end());
  }
  std::size_t at = 0;
  for (const std::size_t piece : {1UL, 1UL, 5UL, 700UL, 3UL}) {
    ASSERT_EQ(::send(server_, all.data() + at, piece, 0), static_cast<ssize_t>(piece));
    at += piece;
    Spin();
  }
  ASSERT_EQ(::send(server_, all.data() + at, all.size() - at, 0),
            static_cast<ssize_t>(all.size() - at));
  Spin();
  for (const TlsQuery* query : asked) EXPECT_FALSE(query->reply.empty());
}

}  // namespace
}  // namespace resolve64::resolver::upstream
