#include "resolver/classify.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/fake_network.h"

namespace resolve64::resolver {
namespace {

using testing::N;

class ClassifyTest : public ::testing::Test {
 protected:
  /// The judgement of a reply with `lines` to `name` and `type`, said by a server of `zone`.
  Reply Judge(std::string_view name, RrType type, std::string_view zone, std::string_view lines,
              std::uint16_t flags = Header::kAa, Rcode rcode = Rcode::kNoError) {
    testing::SeenQuery query;
    query.question = Question(N(name), type);
    query.tcp = true;
    message_ = testing::ReplyWith(query, lines, flags, rcode);
    const Result<MessageView> view = MessageView::Parse(message_);
    EXPECT_TRUE(view.has_value());
    return Classify(*view, Asked{query.question, N(zone), recursive_}, clock_.Now(), bounds_);
  }

  ManualClock clock_;
  TtlBounds bounds_;
  bool recursive_ = false;
  std::vector<std::uint8_t> message_;
};

// Covers: ATK-01, REC-23
TEST_F(ClassifyTest, KeepsNothingButWhatIsOnTheWayFromTheQuestionToItsAnswer) {
  const Reply reply = Judge("x.evil.example.", RrType::kA, "evil.example.",
                            "answer x.evil.example. 60 A 192.0.2.1\n"
                            "answer www.bank.example. 60 A 192.0.2.66\n"
                            "answer other.evil.example. 60 A 192.0.2.67\n"
                            "authority bank.example. 60 NS ns.evil.example.\n"
                            "additional www.bank.example. 60 A 192.0.2.66\n");
  EXPECT_EQ(reply.kind, ReplyKind::kAnswer);
  EXPECT_EQ(reply.data->size(), 1U);
  EXPECT_TRUE(reply.chain.empty());
  EXPECT_EQ(reply.delegation, nullptr);
}

// Covers: ATK-06, REC-23
TEST_F(ClassifyTest, IgnoresAnNsSetBesideAnAnswer) {
  const Reply reply = Judge("www.example.", RrType::kA, "example.",
                            "answer www.example. 60 A 192.0.2.1\n"
                            "authority example. 60 NS ns.attacker.test.\n");
  EXPECT_EQ(reply.kind, ReplyKind::kAnswer);
  EXPECT_EQ(reply.delegation, nullptr);
}

// Covers: REC-23, ATK-07
TEST_F(ClassifyTest, FollowsAnAliasOnlyAsFarAsTheZoneReaches) {
  const std::string lines =
      "answer www.example. 60 CNAME www.test.\n"
      "answer www.test. 60 A 192.0.2.66\n";
  const Reply reply = Judge("www.example.", RrType::kA, "example.", lines);
  EXPECT_EQ(reply.kind, ReplyKind::kAlias);
  EXPECT_EQ(reply.final_name, N("www.test."));
  EXPECT_EQ(reply.data, nullptr);
  recursive_ = true;
  EXPECT_EQ(Judge("www.example.", RrType::kA, ".", lines, 0).kind, ReplyKind::kAnswer)
      << "a forwarder of everything speaks for everything";
  EXPECT_EQ(Judge("www.example.", RrType::kA, "example.", lines, 0).kind, ReplyKind::kAlias)
      << "a forwarder of one zone speaks for that zone";
}

// Covers: REC-22
TEST_F(ClassifyTest, OnlyTheFirstLinkOfAChainIsVouchedFor) {
  const Reply reply = Judge("a.example.", RrType::kA, "example.",
                            "answer a.example. 60 CNAME b.example.\n"
                            "answer b.example. 60 A 192.0.2.1\n");
  ASSERT_EQ(reply.kind, ReplyKind::kAnswer);
  EXPECT_EQ(reply.chain[0]->trust(), dns::Trust::kAuthAnswer);
  EXPECT_EQ(reply.data->trust(), dns::Trust::kNonAuthAnswer);
  const Reply direct =
      Judge("b.example.", RrType::kA, "example.", "answer b.example. 60 A 192.0.2.1\n");
  EXPECT_EQ(direct.data->trust(), dns::Trust::kAuthAnswer);
}

// Covers: REC-24
TEST_F(ClassifyTest, AnAliasBesideOtherDataIsWhatCounts) {
  const Reply reply = Judge("a.example.", RrType::kA, "example.",
                            "answer a.example. 60 A 192.0.2.66\n"
                            "answer a.example. 60 CNAME b.test.\n");
  EXPECT_EQ(reply.kind, ReplyKind::kAlias);
  EXPECT_EQ(reply.final_name, N("b.test."));
}

// Covers: REC-25
TEST_F(ClassifyTest, MakesTheCnameOfADnameItself) {
  const Reply reply = Judge("www.old.example.", RrType::kA, "example.",
                            "answer old.example. 300 DNAME new.test.\n"
                            "answer www.old.example. 0 CNAME www.attacker.test.\n");
  ASSERT_EQ(reply.kind, ReplyKind::kAlias);
  EXPECT_EQ(reply.final_name, N("www.new.test."));
  ASSERT_EQ(reply.chain.size(), 2U);
  EXPECT_EQ(reply.chain[1]->ttl(), 300U);
}

// Covers: REC-25
TEST_F(ClassifyTest, ADnameThatMakesANameTooLongEndsThere) {
  const std::string label(60, 'x');
  const std::string name = label + "." + label + ".old.example.";
  const std::string target = label + "." + label + "." + label + ".example.";
  const Reply reply =
      Judge(name, RrType::kA, "example.", "answer old.example. 300 DNAME " + target + "\n",
            Header::kAa, Rcode::kYxDomain);
  EXPECT_EQ(reply.kind, ReplyKind::kAlias);
  EXPECT_EQ(reply.chain.back()->type(), RrType::kDname);
}

// Covers: REC-25
TEST_F(ClassifyTest, AQuestionForTheDnameItselfIsNotRedirected) {
  const Reply reply = Judge("old.example.", RrType::kDname, "example.",
                            "answer old.example. 300 DNAME new.test.\n");
  EXPECT_EQ(reply.kind, ReplyKind::kAnswer);
}

// Covers: CAC-03, CAC-04
TEST_F(ClassifyTest, ADenialAfterAnAliasBelongsToTheLastName) {
  const Reply reply = Judge("a.example.", RrType::kAaaa, "example.",
                            "answer a.example. 60 CNAME b.example.\n"
                            "authority example. 60 SOA 30\n");
  EXPECT_EQ(reply.kind, ReplyKind::kNodata);
  EXPECT_EQ(reply.final_name, N("b.example."));
  EXPECT_EQ(Judge("a.example.", RrType::kAaaa, "example.",
                  "answer a.example. 60 CNAME b.example.\n"
                  "authority example. 60 SOA 30\n",
                  Header::kAa, Rcode::kNxDomain)
                .kind,
            ReplyKind::kNxdomain);
}

// Covers: CAC-04, ATK-07
TEST_F(ClassifyTest, AZoneCannotDenyATargetOutsideOfIt) {
  const Reply reply = Judge("a.example.", RrType::kAaaa, "example.",
                            "answer a.example. 60 CNAME b.test.\n"
                            "authority test. 60 SOA 30\n",
                            Header::kAa, Rcode::kNxDomain);
  EXPECT_EQ(reply.kind, ReplyKind::kAlias);
}

// Covers: REC-23
TEST_F(ClassifyTest, ReferralsGoStrictlyDownwardsTowardsTheName) {
  const auto kind = [&](std::string_view ns_owner) {
    return Judge("www.sub.example.", RrType::kA, "example.",
                 "authority " + std::string(ns_owner) + " 60 NS ns.x.test.\n", 0)
        .kind;
  };
  EXPECT_EQ(kind("sub.example."), ReplyKind::kReferral);
  EXPECT_EQ(kind("www.sub.example."), ReplyKind::kReferral);
  EXPECT_EQ(kind("example."), ReplyKind::kUseless);
  EXPECT_EQ(kind("."), ReplyKind::kUseless);
  EXPECT_EQ(kind("other.example."), ReplyKind::kUseless);
  EXPECT_EQ(kind("test."), ReplyKind::kUseless);
}

// Covers: REC-23
TEST_F(ClassifyTest, GlueCountsOnlyForNamedServersBelowTheZoneAsked) {
  const Reply reply = Judge("www.sub.example.", RrType::kA, "example.",
                            "authority sub.example. 600 NS ns.sub.example.\n"
                            "authority sub.example. 600 NS ns.other.test.\n"
                            "additional ns.sub.example. 300 A 192.0.2.1\n"
                            "additional ns.sub.example. 300 AAAA 2001:db8::1\n"
                            "additional ns.other.test. 300 A 192.0.2.66\n"
                            "additional www.bank.example. 300 A 192.0.2.67\n",
                            0);
  ASSERT_EQ(reply.kind, ReplyKind::kReferral);
  EXPECT_EQ(reply.delegation->ns.size(), 2U);
  ASSERT_EQ(reply.delegation->glue.size(), 2U);
  EXPECT_EQ(reply.delegation->glue[0].address.ToText(), "192.0.2.1");
  EXPECT_EQ(reply.delegation->glue[1].address.ToText(), "2001:db8::1");
  EXPECT_EQ(reply.delegation->expires, clock_.Now() + std::chrono::seconds(300))
      << "glue that is gone takes the delegation with it";
}

// Covers: LIM-07
TEST_F(ClassifyTest, AnRrsetOfMoreThanAThousandRecordsIsRefused) {
  for (const int count : {1000, 1001}) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += "answer www.example. 60 A 198.51." + std::to_string(i / 250) + "." +
               std::to_string(i % 250) + "\n";
    }
    EXPECT_EQ(Judge("www.example.", RrType::kA, "example.", lines).kind,
              count == 1000 ? ReplyKind::kAnswer : ReplyKind::kUseless);
  }
}

// Covers: CAC-02
TEST_F(ClassifyTest, HoldsTtlsBetweenTheBounds) {
  bounds_ = {10, 1000, 1000};
  const auto ttl = [&](const char* sent) {
    return Judge("www.example.", RrType::kA, "example.",
                 "answer www.example. " + std::string(sent) + " A 192.0.2.1\n")
        .data->ttl();
  };
  EXPECT_EQ(ttl("1"), 10U);
  EXPECT_EQ(ttl("500"), 500U);
  EXPECT_EQ(ttl("86400"), 1000U);
  EXPECT_EQ(ttl("4294967295"), 1000U) << "the top bit set: RFC 8767 section 4";
}

// Covers: CAC-03
TEST_F(ClassifyTest, TheSoaOfADenialLivesAsLongAsTheDenial) {
  bounds_.max_negative = 100;
  const auto ttl = [&](const char* sent, const char* minimum) {
    return Judge("www.example.", RrType::kA, "example.",
                 "authority example. " + std::string(sent) + " SOA " + minimum + "\n")
        .soa->ttl();
  };
  EXPECT_EQ(ttl("50", "80"), 50U);
  EXPECT_EQ(ttl("80", "50"), 50U);
  EXPECT_EQ(ttl("3600", "900"), 100U);
}

// Covers: D64-14
TEST_F(ClassifyTest, EveryOtherRcodeIsUselessAndKept) {
  for (const int rcode : {1, 2, 4, 5, 9, 11, 15}) {
    const Reply reply =
        Judge("www.example.", RrType::kA, "example.", "", Header::kAa, static_cast<Rcode>(rcode));
    EXPECT_EQ(reply.kind, ReplyKind::kUseless);
    EXPECT_EQ(static_cast<int>(reply.rcode), rcode);
    EXPECT_EQ(reply.useless, Useless::kRcode);
  }
}

// Covers: REC-21
TEST_F(ClassifyTest, TheRootDescribesItselfWhenPrimed) {
  const Reply reply = Judge(".", RrType::kNs, ".",
                            "answer . 600 NS a.root.\n"
                            "additional a.root. 600 A 192.0.2.1\n");
  ASSERT_EQ(reply.kind, ReplyKind::kAnswer);
  ASSERT_NE(reply.delegation, nullptr);
  EXPECT_EQ(reply.delegation->glue.size(), 1U);
  const Reply child = Judge("example.", RrType::kNs, "example.",
                            "answer example. 600 NS ns.example.\n"
                            "additional ns.example. 600 A 192.0.2.1\n");
  EXPECT_EQ(child.delegation, nullptr) << "a child does not delegate to itself (REC-31)";
}

}  // namespace
}  // namespace resolve64::resolver
