#include "dns/rrset.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/slab.h"
#include "unit/dns/wire.h"

namespace resolve64::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::N;
using test::Octets;
using test::ToOctets;
using test::Wire;

const TimePoint kNow{std::chrono::hours(10)};
const Octets kOne{192, 0, 2, 1};
const Octets kTwo{192, 0, 2, 2};

RrsetPtr Soa(std::uint32_t ttl, std::uint32_t minimum) {
  const Wire rdata =
      Wire().NameOf("ns.example").NameOf("admin.example").U32(1).U32(2).U32(3).U32(4).U32(minimum);
  return MakeRrset(N("example"), RrType::kSoa, ttl, rdata, kNow, Trust::kAuthAuthority);
}

TEST(Rrset, GivesBackWhatWasPutIn) {
  RrsetBuilder builder(N("WwW.example.com"), RrType::kA);
  const Octets signature(70, 9);
  EXPECT_TRUE(builder.Add(kOne, 300));
  EXPECT_TRUE(builder.AddSignature(signature, 300));
  EXPECT_TRUE(builder.Add(kTwo, 300));
  const RrsetPtr rrset = builder.Build(kNow, Trust::kAuthAnswer);
  EXPECT_EQ(rrset->owner().ToText(), "WwW.example.com.");
  EXPECT_EQ(rrset->type(), RrType::kA);
  EXPECT_EQ(rrset->ttl(), 300U);
  EXPECT_EQ(rrset->trust(), Trust::kAuthAnswer);
  EXPECT_EQ(rrset->security(), Security::kUnchecked);
  ASSERT_EQ(rrset->size(), 2U);
  EXPECT_EQ(ToOctets(rrset->rdata(0)), kOne);
  EXPECT_EQ(ToOctets(rrset->rdata(1)), kTwo);
  ASSERT_EQ(rrset->signature_count(), 1U);
  EXPECT_EQ(ToOctets(rrset->signature(0)), signature);
}

TEST(Rrset, KeepsEmptyRdata) {
  const RrsetPtr rrset = MakeRrset(N("."), RrType::kTxt, 1, {}, kNow, Trust::kAuthAnswer);
  ASSERT_EQ(rrset->size(), 1U);
  EXPECT_TRUE(rrset->rdata(0).empty());
  EXPECT_TRUE(rrset->owner().is_root());
}

// Covers: CAC-01
TEST(RrsetBuilder, TheLowestTtlHoldsForAll) {
  RrsetBuilder builder(N("a.example"), RrType::kA);
  builder.Add(kOne, 300);
  builder.Add(kTwo, 60);
  EXPECT_EQ(builder.Build(kNow, Trust::kAuthAnswer)->ttl(), 60U);
  builder.AddSignature(Octets(20, 1), 30);
  EXPECT_EQ(builder.Build(kNow, Trust::kAuthAnswer)->ttl(), 30U);
}

TEST(RrsetBuilder, DuplicatesCountOnceAndTheirTtlCounts) {
  RrsetBuilder builder(N("a.example"), RrType::kA);
  builder.Add(kOne, 300);
  builder.Add(kOne, 100);
  EXPECT_EQ(builder.size(), 1U);
  EXPECT_EQ(builder.Build(kNow, Trust::kAuthAnswer)->ttl(), 100U);
}

TEST(RrsetBuilder, FindsDuplicatesAmongMany) {
  RrsetBuilder builder(N("a.example"), RrType::kA);
  for (int round = 0; round < 2; ++round) {
    for (std::uint8_t i = 0; i < 200; ++i) builder.Add(Octets{192, 0, 2, i}, 300);
  }
  EXPECT_EQ(builder.size(), 200U);
}

// Covers: CAC-02
TEST(RrsetBuilder, ATtlWithTheTopBitCountsAsTheMaximum) {
  RrsetBuilder builder(N("a.example"), RrType::kA);
  builder.Add(kOne, 0x80000000);
  EXPECT_EQ(builder.Build(kNow, Trust::kAuthAnswer, 0, 86400)->ttl(), 86400U);
  builder.Add(kOne, 0xFFFFFFFF);
  EXPECT_EQ(builder.Build(kNow, Trust::kAuthAnswer, 0, 604800)->ttl(), 604800U);
}

// Covers: CAC-02
TEST(RrsetBuilder, HoldsTheTtlBetweenItsBounds) {
  const auto ttl = [](std::uint32_t given, std::uint32_t least, std::uint32_t most) {
    RrsetBuilder builder(N("a.example"), RrType::kA);
    builder.Add(kOne, given);
    return builder.Build(kNow, Trust::kAuthAnswer, least, most)->ttl();
  };
  EXPECT_EQ(ttl(100000, 0, 86400), 86400U);
  EXPECT_EQ(ttl(5, 60, 86400), 60U);
  EXPECT_EQ(ttl(0, 0, 86400), 0U);
}

TEST(RrsetBuilder, RefusesMoreThanAMessageCanHold) {
  RrsetBuilder builder(N("a.example"), RrType::kTxt);
  EXPECT_TRUE(builder.Add(Octets(40000, 1), 1));
  EXPECT_FALSE(builder.Add(Octets(30000, 2), 1));
  EXPECT_TRUE(builder.Add(Octets(20000, 3), 1));
  EXPECT_FALSE(builder.AddSignature(Octets(6000, 4), 1));
  const RrsetPtr rrset = builder.Build(kNow, Trust::kAuthAnswer);
  ASSERT_EQ(rrset->size(), 2U);
  EXPECT_EQ(rrset->rdata(0).size(), 40000U);
  EXPECT_EQ(rrset->rdata(1).size(), 20000U);
}

TEST(RrsetTtl, CountsDownInWholeSecondsAndNeverShowsZeroWhileAlive) {
  const RrsetPtr rrset = MakeRrset(N("a.example"), RrType::kA, 10, kOne, kNow, Trust::kAuthAnswer);
  EXPECT_EQ(rrset->TtlAt(kNow), 10U);
  EXPECT_EQ(rrset->TtlAt(kNow + seconds(1)), 9U);
  EXPECT_EQ(rrset->TtlAt(kNow + milliseconds(9999)), 1U);
  EXPECT_FALSE(rrset->ExpiredAt(kNow + milliseconds(9999)));
  EXPECT_TRUE(rrset->ExpiredAt(kNow + seconds(10)));
  EXPECT_EQ(rrset->TtlAt(kNow + seconds(10)), 0U);
  EXPECT_EQ(rrset->TtlAt(kNow - seconds(5)), 10U);
}

TEST(RrsetTtl, OfLocalDataStandsStill) {
  const RrsetPtr rrset = MakeRrset(N("a.example"), RrType::kA, 10, kOne, kNow, Trust::kLocal);
  EXPECT_EQ(rrset->trust(), Trust::kLocal);
  EXPECT_EQ(rrset->TtlAt(kNow + std::chrono::hours(100)), 10U);
  EXPECT_FALSE(rrset->ExpiredAt(kNow + std::chrono::hours(100)));
}

TEST(RrsetCost, GrowsByTheOctetsThatItHolds) {
  const auto cost = [](std::string_view owner, std::size_t rdata) {
    return MakeRrset(N(owner), RrType::kTxt, 1, Octets(rdata, 1), kNow, Trust::kAuthAnswer)->cost();
  };
  const auto grows = [](std::size_t by, std::size_t octets) {
    return by >= octets - 8 && by <= octets + 8;
  };
  EXPECT_TRUE(grows(cost("a.example", 148) - cost("a.example", 100), 48));
  EXPECT_TRUE(grows(cost("abcdefghi.example", 100) - cost("a.example", 100), 8));
  EXPECT_TRUE(grows(cost("a.example", 6000) - cost("a.example", 2000), 4000));
  EXPECT_GT(cost("a.example", 4), sizeof(Rrset));
}

TEST(RrsetCost, OfAnAddressIsLittleMoreThanItsNameAndItself) {
  const Name owner = N("h123456.z7.example");
  EXPECT_LE(MakeRrset(owner, RrType::kA, 60, kOne, kNow, Trust::kAuthAnswer)->cost(),
            owner.length() + kOne.size() + 20);
}

//--- Owners ---

TEST(RrsetPtr, SharesAndLetsGo) {
  const std::size_t before = slab::GetStats().used;
  {
    RrsetPtr rrset = Soa(60, 60);
    EXPECT_GE(slab::GetStats().used, before);
    RrsetPtr other = rrset;
    EXPECT_EQ(other, rrset);
    RrsetPtr moved = std::move(rrset);
    EXPECT_EQ(rrset, nullptr);  // NOLINT(bugprone-use-after-move): that it is empty is the point
    EXPECT_TRUE(moved);
    moved = other;
    other.reset();
    EXPECT_EQ(moved->type(), RrType::kSoa);
    const RrsetPtr& same = moved;
    moved = same;
    EXPECT_EQ(moved->ttl(), 60U);
  }
  EXPECT_EQ(slab::GetStats().used, before);
}

TEST(RrsetPtr, LetsTheProofGoToo) {
  const std::size_t before = slab::GetStats().used;
  {
    RrsetBuilder builder(N("a.example"), RrType::kA);
    builder.Add(kOne, 60);
    const RrsetPtr plain = builder.Build(kNow, Trust::kAuthAnswer);
    const RrsetPtr certified =
        Certify(*plain, Judgement(Security::kBogus, Ede::kBogus), 60, kNow, {Soa(1, 1)});
    EXPECT_EQ(certified->reason(), Ede::kBogus);
    ASSERT_EQ(certified->proof().size(), 1U);
    const RrsetPtr copy = WithExpiry(certified, Expiry(kNow + seconds(5)));
    EXPECT_EQ(copy->expires(), kNow + seconds(5));
    EXPECT_EQ(copy->reason(), Ede::kBogus);
    EXPECT_EQ(copy->security(), Security::kBogus);
    ASSERT_EQ(copy->proof().size(), 1U);
    EXPECT_EQ(copy->proof()[0], certified->proof()[0]);
    EXPECT_EQ(ToOctets(copy->rdata(0)), kOne);
    EXPECT_EQ(copy->owner(), N("a.example"));
  }
  EXPECT_EQ(slab::GetStats().used, before);
}

TEST(RrsetLayout, KeepsARecordOfAnUnusualLengthAsItIs) {
  for (const std::size_t size : {0U, 3U, 4U, 5U, 16U, 300U, 3000U}) {
    const Octets rdata(size, 7);
    for (const RrType type : {RrType::kA, RrType::kAaaa, RrType::kTxt}) {
      const RrsetPtr rrset = MakeRrset(N("a.example"), type, 60, rdata, kNow, Trust::kAuthAnswer);
      EXPECT_EQ(rrset->size(), 1U);
      EXPECT_EQ(rrset->signature_count(), 0U);
      EXPECT_EQ(ToOctets(rrset->rdata(0)), rdata);
      EXPECT_EQ(rrset->owner(), N("a.example"));
    }
  }
}

TEST(RrsetExpiry, IsRoundedDownToAnEighthOfASecondAndTheTtlIsNot) {
  const TimePoint now = kNow + milliseconds(124);
  const RrsetPtr rrset = MakeRrset(N("a.example"), RrType::kA, 60, kOne, now, Trust::kAuthAnswer);
  EXPECT_EQ(rrset->expires(), kNow + seconds(60));
  EXPECT_EQ(rrset->TtlAt(now), 60U);
  EXPECT_EQ(rrset->TtlAt(now + seconds(59)), 1U);
  EXPECT_TRUE(rrset->ExpiredAt(now + seconds(60)));
  EXPECT_EQ(Expiry(TimePoint::max()).ToTime(), TimePoint::max());
  EXPECT_EQ(Expiry(kNow).Later(8).ToTime(), kNow + seconds(1));
}

TEST(TargetOf, IsTheNameInTheRdata) {
  EXPECT_EQ(TargetOf(Wire().NameOf("Ns.Example")), N("ns.example"));
  EXPECT_EQ(TargetOf(Octets{5}), Name());
}

TEST(SoaMinimum, IsTheLastNumber) {
  EXPECT_EQ(SoaMinimum(Soa(1, 900)->rdata(0)), 900U);
  EXPECT_EQ(SoaMinimum(Octets{0, 0}), 0U);
  EXPECT_EQ(SoaMinimum(Wire().NameOf("a").NameOf("b").U32(1).U32(2).U32(3).U32(4)), 0U);
}

// Covers: CAC-03
TEST(NegativeTtl, IsWhatIsLeftOfTheLesserOfTtlAndMinimum) {
  EXPECT_EQ(NegativeTtl(*Soa(3600, 300), kNow), 300U);
  EXPECT_EQ(NegativeTtl(*Soa(120, 300), kNow), 120U);
  EXPECT_EQ(NegativeTtl(*Soa(3600, 300), kNow + seconds(100)), 200U);
  EXPECT_EQ(NegativeTtl(*Soa(3600, 300), kNow + seconds(301)), 0U);
  EXPECT_EQ(NegativeTtl(*Soa(3600, 0), kNow), 0U);
}

}  // namespace
}  // namespace resolve64::dns
