#include "resolver/verified.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/fake_network.h"

namespace resolve64::resolver {
namespace {

using dns::RrsetPtr;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::N;
using Octets = std::vector<std::uint8_t>;

const TimePoint kNow{std::chrono::hours(10)};

// Verified does not look into signatures: any octets will do.
RrsetPtr Signed(std::string_view owner, const Octets& address, const std::string& signature,
                std::uint32_t ttl = 600) {
  dns::RrsetBuilder builder(N(owner), RrType::kA);
  builder.Add(address, ttl);
  builder.AddSignature(Octets(signature.begin(), signature.end()), ttl);
  return builder.Build(kNow, dns::Trust::kAuthAnswer);
}

RrsetPtr Usual(std::uint32_t ttl = 600) {
  return Signed("www.example.", {192, 0, 2, 1}, "signature", ttl);
}

dnssec::KeySetPtr Keys() { return std::make_shared<dnssec::KeySet>(); }

dnssec::Verdict Good(std::int64_t expires_in = 86'400) {
  dnssec::Verdict verdict;
  verdict.security = Security::kSecure;
  verdict.max_ttl = 600;
  verdict.original_ttl = 600;
  verdict.expires_in = expires_in;
  return verdict;
}

class VerifiedTest : public ::testing::Test {
 protected:
  Verified verified_;
  dnssec::KeySetPtr keys_ = Keys();
};

TEST_F(VerifiedTest, KnowsTheSameRecordsAndSignaturesUnderTheSameKeys) {
  verified_.Put(Usual(), keys_, Good(), kNow);
  const auto verdict = verified_.Find(*Usual(), keys_, kNow);
  ASSERT_NE(verdict, nullptr);
  EXPECT_EQ(verdict->security, Security::kSecure);
  EXPECT_EQ(verdict->max_ttl, 600U);
}

// Covers: SEC-09
TEST_F(VerifiedTest, AnyDifferenceIsANewQuestion) {
  verified_.Put(Usual(), keys_, Good(), kNow);
  EXPECT_EQ(verified_.Find(*Signed("www.example.", {192, 0, 2, 2}, "signature"), keys_, kNow),
            nullptr)
      << "other records";
  EXPECT_EQ(verified_.Find(*Signed("www.example.", {192, 0, 2, 1}, "signaturf"), keys_, kNow),
            nullptr)
      << "another signature";
  EXPECT_EQ(verified_.Find(*Signed("xxx.example.", {192, 0, 2, 1}, "signature"), keys_, kNow),
            nullptr)
      << "another owner";
  EXPECT_EQ(verified_.Find(*Usual(), Keys(), kNow), nullptr) << "other keys";
}

// Covers: SEC-10
TEST_F(VerifiedTest, TheTtlIsThatOfTheRecordsAtHandAndNeverMoreThanWasSigned) {
  verified_.Put(Usual(), keys_, Good(), kNow);
  EXPECT_EQ(verified_.Find(*Usual(60), keys_, kNow)->max_ttl, 60U);
  EXPECT_EQ(verified_.Find(*Usual(86'400), keys_, kNow)->max_ttl, 600U);
}

// Covers: SEC-10
TEST_F(VerifiedTest, TheTtlEndsWithTheSignature) {
  verified_.Put(Usual(), keys_, Good(30), kNow);
  EXPECT_EQ(verified_.Find(*Usual(), keys_, kNow + seconds(10))->max_ttl, 20U);
  EXPECT_EQ(verified_.Find(*Usual(), keys_, kNow + seconds(30)), nullptr);
}

TEST_F(VerifiedTest, AGoodVerdictIsForgottenAfterAMinute) {
  verified_.Put(Usual(), keys_, Good(), kNow);
  EXPECT_NE(verified_.Find(*Usual(), keys_, kNow + Verified::kGoodFor), nullptr);
  EXPECT_EQ(verified_.Find(*Usual(), keys_, kNow + Verified::kGoodFor + milliseconds(1)), nullptr);
}

TEST_F(VerifiedTest, ABadVerdictIsForgottenAfterASecond) {
  dnssec::Verdict bad;
  bad.ede = Ede::kSignatureExpired;
  verified_.Put(Usual(), keys_, bad, kNow);
  const auto verdict = verified_.Find(*Usual(), keys_, kNow + Verified::kBadFor);
  ASSERT_NE(verdict, nullptr);
  EXPECT_EQ(verdict->security, Security::kBogus);
  EXPECT_EQ(verdict->ede, Ede::kSignatureExpired);
  EXPECT_EQ(verified_.Find(*Usual(), keys_, kNow + Verified::kBadFor + milliseconds(1)), nullptr);
}

}  // namespace
}  // namespace resolve64::resolver
