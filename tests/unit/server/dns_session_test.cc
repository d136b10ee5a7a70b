// Framing, pipelining and back-pressure, without any socket.
#include "server/dns_session.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <numeric>

#include "base/clock.h"

namespace resolve64::server {
namespace {

using Octets = std::vector<std::uint8_t>;

// A connection that keeps the questions until the test answers them.
class FakeLink final : public Link, public std::enable_shared_from_this<FakeLink> {
 public:
  bool Answer(std::span<const std::uint8_t> /*message*/,
              std::vector<std::uint8_t>& /*out*/) override {
    return false;
  }
  void Ask(std::span<const std::uint8_t> message, const std::shared_ptr<ReplyPath>& path) override {
    if (at_once) {
      path->Reply(Peer(), Octets(message.begin(), message.end()));
      return;
    }
    asked.push_back({Octets(message.begin(), message.end()), path});
  }
  std::shared_ptr<void> Keep() override { return shared_from_this(); }
  void Wake() noexcept override { ++wakes; }
  net::Scheduler& scheduler() noexcept override { return scheduler_; }

  // Answers the question at `index` with itself.
  void Answer(std::size_t index) {
    const Asked one = asked.at(index);
    asked.erase(asked.begin() + static_cast<std::ptrdiff_t>(index));
    one.path->Reply(Peer(), one.message);
  }

  struct Asked {
    Octets message;
    std::shared_ptr<ReplyPath> path;
  };
  std::deque<Asked> asked;
  int wakes = 0;
  bool at_once = false;

 private:
  ManualClock clock_;
  net::Scheduler scheduler_{clock_};
};

Octets Framed(std::size_t size, std::uint8_t fill) {
  Octets octets = {static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size & 0xFF)};
  octets.resize(size + 2, fill);
  return octets;
}
Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class DnsSessionTest : public ::testing::Test {
 protected:
  // A question that was never answered keeps its connection, which keeps the question.
  ~DnsSessionTest() override { link_->asked.clear(); }

  Octets Sent() {
    Octets out;
    session_.Output(out, 1 << 20);
    return out;
  }

  std::shared_ptr<FakeLink> link_ = std::make_shared<FakeLink>();
  DnsSession session_{*link_};
};

// Covers: TRA-03, TRA-21
TEST_F(DnsSessionTest, ReadsMessagesWhereverTheyAreCut) {
  const Octets both = Framed(5, 1) + Framed(300, 2);
  for (const std::uint8_t octet : both) ASSERT_TRUE(session_.Take({&octet, 1}));
  ASSERT_EQ(link_->asked.size(), 2U);
  EXPECT_EQ(link_->asked[0].message, Octets(5, 1));
  EXPECT_EQ(link_->asked[1].message, Octets(300, 2));
  EXPECT_EQ(session_.questions(), 2U);
}

// Covers: TRA-02
TEST_F(DnsSessionTest, RepliesLeaveInTheOrderInWhichTheyAreReady) {
  session_.Take(Framed(3, 1) + Framed(3, 2));
  link_->Answer(1);
  EXPECT_EQ(link_->wakes, 1);
  EXPECT_EQ(Sent(), Framed(3, 2));
  link_->Answer(0);
  EXPECT_EQ(Sent(), Framed(3, 1));
  EXPECT_TRUE(session_.idle());
}

TEST_F(DnsSessionTest, AnswersThatAreReadyTogetherLeaveInOneWrite) {
  link_->at_once = true;
  session_.Take(Framed(3, 1) + Framed(4, 2) + Framed(5, 3));
  EXPECT_EQ(Sent(), Framed(3, 1) + Framed(4, 2) + Framed(5, 3));
  EXPECT_EQ(link_->wakes, 0) << "the turn of the connection is not over";
}

TEST_F(DnsSessionTest, SilenceIsNoReplyAndNothingIsInProgressAfterIt) {
  session_.Take(Framed(3, 1));
  const std::shared_ptr<ReplyPath> path = link_->asked.at(0).path;
  path->Reply(Peer(), {});
  EXPECT_TRUE(session_.idle());
  EXPECT_EQ(Sent(), Octets());
}

// Covers: TRA-06
TEST_F(DnsSessionTest, QuestionsBeyondTheLimitWaitForAnAnswerAndAreAskedThen) {
  Octets many;
  for (std::size_t i = 0; i < Session::kMaxInflight + 2; ++i) {
    many = many + Framed(2, static_cast<std::uint8_t>(i));
  }
  session_.Take(many);
  EXPECT_EQ(link_->asked.size(), Session::kMaxInflight);
  EXPECT_FALSE(session_.has_room());
  link_->Answer(0);
  EXPECT_EQ(link_->asked.size(), Session::kMaxInflight) << "the next one took its place";
  link_->Answer(0);
  link_->Answer(0);
  EXPECT_EQ(link_->asked.size(), Session::kMaxInflight - 1);
  EXPECT_TRUE(session_.has_room());
  EXPECT_EQ(session_.questions(), Session::kMaxInflight + 2);
}

// Covers: TRA-08
TEST_F(DnsSessionTest, RepliesThatNobodyTakesStopTheReadingOfQuestions) {
  link_->at_once = true;
  const Octets one = Framed(60'000, 7);
  for (int i = 0; i < 20; ++i) session_.Take(one);
  EXPECT_FALSE(session_.has_room());
  EXPECT_LT(session_.questions(), 10U);
  std::size_t all = 0;
  for (Octets sent = Sent(); !sent.empty(); sent = Sent()) all += sent.size();
  EXPECT_EQ(all, 20 * one.size()) << "what waited is answered once there is room";
}

// Covers: TRA-08
TEST_F(DnsSessionTest, LateAnswersToManyQuestionsThatNobodyReadsEndTheConnection) {
  for (std::size_t i = 0; i < Session::kMaxInflight; ++i) session_.Take(Framed(60'000, 7));
  while (!link_->asked.empty()) link_->Answer(0);
  EXPECT_TRUE(session_.ended());
  EXPECT_FALSE(session_.has_room());
  EXPECT_EQ(Sent(), Octets()) << "none of them is kept";
}

TEST_F(DnsSessionTest, AHalfClosedConnectionEndsWhenEverythingIsAnswered) {
  session_.Take(Framed(3, 1) + Octets{0, 9, 1});
  session_.InputEnded();
  EXPECT_FALSE(session_.ended());
  link_->Answer(0);
  EXPECT_FALSE(session_.ended()) << "the reply is not out";
  Sent();
  EXPECT_TRUE(session_.ended()) << "a part of a message is no reason to wait";
}

TEST_F(DnsSessionTest, AfterFinishNothingMoreIsAsked) {
  Octets many;
  for (std::size_t i = 0; i < Session::kMaxInflight + 5; ++i) many = many + Framed(2, 1);
  session_.Take(many);
  session_.Finish();
  while (!link_->asked.empty()) link_->Answer(0);
  EXPECT_EQ(session_.questions(), Session::kMaxInflight);
  Sent();
  EXPECT_TRUE(session_.ended());
}

TEST_F(DnsSessionTest, AnEmptyMessageIsAskedAsItIs) {
  session_.Take(Framed(0, 0));
  ASSERT_EQ(link_->asked.size(), 1U);
  EXPECT_TRUE(link_->asked[0].message.empty());
}

}  // namespace
}  // namespace resolve64::server
