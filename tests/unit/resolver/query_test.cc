#include "resolver/upstream/query.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/fake_network.h"

namespace resolve64::resolver::upstream {
namespace {

using testing::N;

std::vector<std::uint8_t> AsReply(std::vector<std::uint8_t> query) {
  query[2] |= 0x80;
  return query;
}

class QueryTest : public ::testing::Test {
 protected:
  SeededRandom random_{7};
  Question question_{N("www.example.com"), RrType::kAaaa};
};

// Covers: SEC-01, REC-11
TEST_F(QueryTest, AsksWithDoAndTheConfiguredPayloadSize) {
  const auto wire = BuildQuery(question_, QueryOptions{}, random_);
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view.has_value());
  ASSERT_TRUE(view->edns().has_value());
  EXPECT_TRUE(view->edns()->do_bit);
  EXPECT_EQ(view->edns()->udp_payload, 1232);
  EXPECT_FALSE(view->header().Has(Header::kRd));
}

// Covers: REC-02, REC-05
TEST_F(QueryTest, IdAndLetterCaseAreRandom) {
  std::set<std::uint16_t> ids;
  std::set<std::string> spellings;
  for (int i = 0; i < 200; ++i) {
    const auto wire = BuildQuery(question_, QueryOptions{}, random_);
    const Result<MessageView> view = MessageView::Parse(wire);
    ASSERT_TRUE(view.has_value());
    ids.insert(view->header().id);
    spellings.insert(view->question()->name.ToText());
    EXPECT_TRUE(view->question()->name == question_.name);
  }
  EXPECT_GT(ids.size(), 195U);
  EXPECT_GT(spellings.size(), 180U);
}

// Covers: REC-01, REC-06
TEST_F(QueryTest, OnlyAReplyToThisQuestionMatches) {
  QueryOptions options;
  options.random_case = false;
  const auto query = BuildQuery(question_, options, random_);
  EXPECT_EQ(MatchReply(query, AsReply(query)), Match::kReply);
  EXPECT_EQ(MatchReply(query, query), Match::kNonsense) << "QR is clear";

  auto other_id = AsReply(query);
  other_id[0] ^= 1;
  EXPECT_EQ(MatchReply(query, other_id), Match::kForeign);

  auto other_name = AsReply(query);
  other_name[13] = 'x';
  EXPECT_EQ(MatchReply(query, other_name), Match::kNonsense);

  auto other_type = AsReply(query);
  other_type[Header::kSize + question_.name.length() + 1] = 1;
  EXPECT_EQ(MatchReply(query, other_type), Match::kNonsense);

  auto other_opcode = AsReply(query);
  other_opcode[2] |= 0x28;
  EXPECT_EQ(MatchReply(query, other_opcode), Match::kNonsense);

  auto cut = AsReply(query);
  cut.resize(20);
  EXPECT_EQ(MatchReply(query, cut), Match::kNonsense);
  EXPECT_EQ(MatchReply(query, std::vector<std::uint8_t>(5)), Match::kForeign);
}

// Covers: REC-05
TEST_F(QueryTest, TellsAnotherLetterCaseFromAnotherName) {
  QueryOptions options;
  options.random_case = false;
  const auto query = BuildQuery(question_, options, random_);
  auto upper = AsReply(query);
  upper[13] = 'W';
  EXPECT_EQ(MatchReply(query, upper), Match::kCaseDiffers);
  auto not_a_letter = AsReply(query);
  not_a_letter[13] = 'w' ^ 0x40;
  EXPECT_EQ(MatchReply(query, not_a_letter), Match::kNonsense);
}

// Covers: REC-10
TEST_F(QueryTest, AnErrorWithoutAQuestionIsHowOldServersRefuse) {
  const auto query = BuildQuery(question_, QueryOptions{}, random_);
  std::vector<std::uint8_t> bare(12, 0);
  bare[0] = query[0];
  bare[1] = query[1];
  bare[2] = 0x80;
  bare[3] = 1;  // FORMERR
  EXPECT_EQ(MatchReply(query, bare), Match::kBareError);
  bare[3] = 0;
  EXPECT_EQ(MatchReply(query, bare), Match::kNonsense) << "no error, no question: no reply";
  bare[3] = 3;
  EXPECT_EQ(MatchReply(query, bare), Match::kNonsense) << "a denial needs its question";
}

TEST_F(QueryTest, RestoresTheCaseThatWasAskedFor) {
  const auto query = BuildQuery(question_, QueryOptions{}, random_);
  auto reply = AsReply(query);
  RestoreCase(reply, question_.name);
  EXPECT_EQ(MessageView::Parse(reply)->question()->name.ToText(), "www.example.com.");
}

}  // namespace
}  // namespace resolve64::resolver::upstream
