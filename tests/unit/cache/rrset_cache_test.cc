#include "cache/rrset_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/slab.h"
#include "unit/cache/support.h"

namespace resolve64::cache {
namespace {

using dns::RrsetPtr;
using dns::Trust;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Address;
using test::kNow;
using test::N;
using test::Octets;
using test::Soa;
using test::Wire;

void Find(RrsetCache& cache, std::string_view name) {
  EXPECT_TRUE(cache.Find(N(name), RrType::kTxt, kNow));
}

class RrsetCacheTest : public ::testing::Test {
 protected:
  bool PutNodata(std::string_view name, RrType type, RrsetPtr soa = Soa("example", 3600, 300)) {
    return cache.PutNodata(N(name), type, MakeNegative(std::move(soa), {}, kNow, 3600), kNow);
  }
  bool PutNxdomain(std::string_view name, RrsetPtr soa = Soa("example", 3600, 300)) {
    return cache.PutNxdomain(N(name), MakeNegative(std::move(soa), {}, kNow, 3600), kNow);
  }
  Found Find(std::string_view name, RrType type = RrType::kA, TimePoint now = kNow) {
    return cache.Find(N(name), type, now);
  }

  RrsetCache cache{std::size_t{1} << 20};
};

//--- Data ---

TEST_F(RrsetCacheTest, FindsAnRrsetByNameAndType) {
  const RrsetPtr rrset = Address("www.example");
  EXPECT_TRUE(cache.Put(rrset, kNow));
  EXPECT_EQ(Find("www.example").rrset, rrset);
  EXPECT_FALSE(Find("www.example", RrType::kAaaa));
  EXPECT_FALSE(Find("ww.example"));
  EXPECT_FALSE(Find("example"));
}

// Covers: D64-36
TEST_F(RrsetCacheTest, IgnoresLetterCaseAndKeepsIt) {
  cache.Put(Address("wWw.Example"), kNow);
  ASSERT_TRUE(Find("WWW.EXAMPLE").rrset);
  EXPECT_EQ(Find("www.example").rrset->owner().ToText(), "wWw.Example.");
  cache.Put(Address("www.example"), kNow);
  EXPECT_EQ(cache.stats().entries, 1U);
}

// Covers: CAC-02
TEST_F(RrsetCacheTest, DataLivesAsLongAsItsTtl) {
  cache.Put(Address("www.example", 60), kNow);
  EXPECT_TRUE(Find("www.example", RrType::kA, kNow + milliseconds(59'999)));
  EXPECT_FALSE(Find("www.example", RrType::kA, kNow + seconds(60)));
}

// Covers: CAC-02
TEST_F(RrsetCacheTest, TtlZeroIsNotKept) {
  EXPECT_FALSE(cache.Put(Address("www.example", 0), kNow));
  EXPECT_FALSE(Find("www.example"));
}

// Covers: REC-22
TEST_F(RrsetCacheTest, LowerTrustNeverReplacesLiveHigherTrust) {
  const Trust ranks[] = {Trust::kNonAuthAnswer, Trust::kAuthAuthority, Trust::kAuthAnswer,
                         Trust::kLocal};
  for (const Trust there : ranks) {
    for (const Trust comes : ranks) {
      cache.Clear();
      const RrsetPtr old = Address("www.example", 300, there, 1);
      const RrsetPtr fresh = Address("www.example", 300, comes, 2);
      ASSERT_TRUE(cache.Put(old, kNow));
      EXPECT_EQ(cache.Put(fresh, kNow), comes >= there);
      EXPECT_EQ(Find("www.example").rrset, comes >= there ? fresh : old);
    }
  }
}

// Covers: REC-22
TEST_F(RrsetCacheTest, AnyTrustReplacesWhatHasExpired) {
  cache.Put(Address("www.example", 10, Trust::kAuthAnswer), kNow);
  const TimePoint later = kNow + seconds(10);
  const RrsetPtr fresh = Address("www.example", 10, Trust::kNonAuthAnswer, 2, later);
  EXPECT_TRUE(cache.Put(fresh, later));
  EXPECT_EQ(Find("www.example", RrType::kA, later).rrset, fresh);
}

// Covers: LIM-07
TEST_F(RrsetCacheTest, AnRrsetOfMoreThanAHundredRecordsIsNotKept) {
  dns::RrsetBuilder builder(N("many.example"), RrType::kA);
  for (std::uint8_t i = 0; i < RrsetCache::kMaxRecords; ++i) builder.Add(Octets{192, 0, 2, i}, 60);
  EXPECT_TRUE(cache.Put(builder.Build(kNow, Trust::kAuthAnswer), kNow));
  cache.Clear();
  builder.Add(Octets{198, 51, 100, 1}, 60);
  EXPECT_FALSE(cache.Put(builder.Build(kNow, Trust::kAuthAnswer), kNow));
  EXPECT_FALSE(Find("many.example"));
}

// Covers: LIM-07
TEST_F(RrsetCacheTest, ANameHasAHundredTypesAtMostAndTheNewestStays) {
  const auto type = [](unsigned i) { return static_cast<RrType>(1000 + i); };
  for (unsigned i = 0; i < 300; ++i) {
    cache.Put(dns::MakeRrset(N("www.example"), type(i), 60, {}, kNow, Trust::kAuthAnswer), kNow);
    PutNodata("www.example", type(1000 + i));
    ASSERT_LE(cache.stats().entries, RrsetCache::kMaxTypes);
  }
  EXPECT_EQ(cache.stats().entries, RrsetCache::kMaxTypes);
  EXPECT_TRUE(Find("www.example", type(299)).rrset);
  cache.Put(Address("www.example"), kNow);
  EXPECT_TRUE(Find("www.example").rrset);
  cache.Put(Address("other.example"), kNow);
  EXPECT_TRUE(Find("other.example").rrset);
}

// Covers: CAC-13
TEST_F(RrsetCacheTest, WhatBelongsToOneMessageIsNotKept) {
  for (const RrType type : {RrType::kOpt, RrType::kTsig, RrType::kTkey, RrType::kAny, RrType::kAxfr,
                            RrType::kIxfr, RrType::kMaila, RrType::kMailb, RrType::kNone}) {
    EXPECT_FALSE(
        cache.Put(dns::MakeRrset(N("a.example"), type, 60, {}, kNow, Trust::kAuthAnswer), kNow))
        << ToText(type);
    EXPECT_FALSE(PutNodata("a.example", type)) << ToText(type);
  }
  const auto sig = [](unsigned covered) {
    Wire rdata;
    rdata.U16(covered).Octets({1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).NameOf("example");
    return dns::MakeRrset(N("a.example"), RrType::kSig, 60, rdata, kNow, Trust::kAuthAnswer);
  };
  EXPECT_FALSE(cache.Put(sig(0), kNow));
  EXPECT_TRUE(cache.Put(sig(1), kNow));
}

//--- Denials ---

// Covers: CAC-03
TEST_F(RrsetCacheTest, NodataIsKeptByNameAndType) {
  EXPECT_TRUE(PutNodata("www.example", RrType::kAaaa));
  const Found found = Find("WWW.example", RrType::kAaaa);
  EXPECT_EQ(found.rrset, nullptr);
  ASSERT_TRUE(found.negative);
  EXPECT_FALSE(found.negative->nxdomain);
  EXPECT_EQ(found.negative->name, N("www.example"));
  EXPECT_EQ(found.negative->soa->owner(), N("example"));
  EXPECT_FALSE(Find("www.example", RrType::kA));
}

// Covers: CAC-03
TEST_F(RrsetCacheTest, NxdomainIsKeptByNameForEveryType) {
  EXPECT_TRUE(PutNxdomain("www.example"));
  for (const RrType type : {RrType::kA, RrType::kAaaa, static_cast<RrType>(65280)}) {
    const Found found = Find("www.example", type);
    ASSERT_TRUE(found.negative) << ToText(type);
    EXPECT_TRUE(found.negative->nxdomain);
  }
}

// Covers: CAC-03
TEST_F(RrsetCacheTest, ADenialLivesForTheLesserOfSoaTtlAndMinimum) {
  PutNodata("a.example", RrType::kA, Soa("example", 3600, 300));
  PutNodata("b.example", RrType::kA, Soa("example", 120, 300));
  EXPECT_EQ(Find("a.example").negative->TtlAt(kNow), 300U);
  EXPECT_EQ(Find("a.example").negative->TtlAt(kNow + seconds(100)), 200U);
  EXPECT_TRUE(Find("a.example", RrType::kA, kNow + milliseconds(299'999)));
  EXPECT_FALSE(Find("a.example", RrType::kA, kNow + seconds(300)));
  EXPECT_TRUE(Find("b.example", RrType::kA, kNow + seconds(119)));
  EXPECT_FALSE(Find("b.example", RrType::kA, kNow + seconds(120)));
}

// Covers: CAC-03
TEST_F(RrsetCacheTest, TheCallersCapShortensADenialAndNothingProlongsIt) {
  Negative capped = MakeNegative(Soa("example", 86400, 86400), {}, kNow, 3600);
  EXPECT_TRUE(cache.PutNodata(N("a.example"), RrType::kA, capped, kNow));
  EXPECT_EQ(Find("a.example").negative->TtlAt(kNow), 3600U);

  Negative longer = MakeNegative(Soa("example", 300, 300), {}, kNow, 3600);
  longer.expires = kNow + std::chrono::hours(5);
  EXPECT_TRUE(cache.PutNodata(N("b.example"), RrType::kA, longer, kNow));
  EXPECT_EQ(Find("b.example").negative->TtlAt(kNow), 300U);
}

// Covers: CAC-03
TEST_F(RrsetCacheTest, ADenialWithoutSoaOrWithMinimumZeroIsNotKept) {
  EXPECT_FALSE(PutNodata("a.example", RrType::kA, nullptr));
  EXPECT_FALSE(PutNxdomain("a.example", nullptr));
  EXPECT_FALSE(PutNodata("a.example", RrType::kA, Soa("example", 3600, 0)));
  EXPECT_FALSE(PutNxdomain("a.example", Soa("example", 0, 300)));
  EXPECT_EQ(cache.stats().entries, 0U);
}

TEST_F(RrsetCacheTest, ADenialKeepsItsProof) {
  const RrsetPtr nsec =
      dns::MakeRrset(N("a.example"), RrType::kNsec, 60, Wire().NameOf("c.example").U16(1), kNow,
                     Trust::kAuthAuthority);
  Negative negative = MakeNegative(Soa("example", 60, 60), {nsec}, kNow, 60, Security::kSecure);
  cache.PutNxdomain(N("b.example"), std::move(negative), kNow);
  const Found found = Find("b.example");
  ASSERT_EQ(found.negative->proof.size(), 1U);
  EXPECT_EQ(found.negative->proof[0], nsec);
  EXPECT_EQ(found.negative->security, Security::kSecure);
}

// Covers: D64-13
TEST_F(RrsetCacheTest, DataEndsTheDenialOfItsTypeAndLeavesNxdomainForTheOthers) {
  PutNodata("www.example", RrType::kA);
  PutNodata("www.example", RrType::kAaaa);
  PutNxdomain("www.example");
  const RrsetPtr rrset = Address("www.example");
  EXPECT_TRUE(cache.Put(rrset, kNow));
  EXPECT_EQ(Find("www.example").rrset, rrset);
  EXPECT_TRUE(Find("www.example", RrType::kAaaa).negative);
  ASSERT_TRUE(Find("www.example", RrType::kMx).negative);
  EXPECT_TRUE(Find("www.example", RrType::kMx).negative->nxdomain);
}

TEST_F(RrsetCacheTest, ADenialDoesNotEndLiveAuthoritativeData) {
  const RrsetPtr rrset = Address("www.example");
  cache.Put(rrset, kNow);
  EXPECT_FALSE(PutNodata("www.example", RrType::kA));
  EXPECT_TRUE(PutNxdomain("www.example"));
  EXPECT_EQ(Find("www.example").rrset, rrset);
  EXPECT_TRUE(Find("www.example", RrType::kAaaa).negative);
}

// Covers: REC-22
TEST_F(RrsetCacheTest, ADenialEndsDataOfLowTrust) {
  cache.Put(Address("www.example", 300, Trust::kNonAuthAnswer), kNow);
  EXPECT_TRUE(PutNodata("www.example", RrType::kA));
  EXPECT_TRUE(Find("www.example").negative);
}

TEST_F(RrsetCacheTest, NodataComesBeforeNxdomainOfTheName) {
  PutNxdomain("www.example");
  PutNodata("www.example", RrType::kA);
  EXPECT_FALSE(Find("www.example").negative->nxdomain);
  EXPECT_TRUE(Find("www.example", RrType::kMx).negative->nxdomain);
}

TEST_F(RrsetCacheTest, FindsTheNearestNxdomainAbove) {
  PutNxdomain("b.example");
  const NegativePtr above = cache.FindNxdomainAbove(N("x.y.a.b.Example"), kNow);
  ASSERT_TRUE(above);
  EXPECT_EQ(above->name, N("b.example"));
  PutNxdomain("a.b.example");
  EXPECT_EQ(cache.FindNxdomainAbove(N("x.y.a.b.example"), kNow)->name, N("a.b.example"));
  EXPECT_FALSE(cache.FindNxdomainAbove(N("b.example"), kNow)) << "the name itself";
  EXPECT_FALSE(cache.FindNxdomainAbove(N("c.example"), kNow));
  EXPECT_FALSE(cache.FindNxdomainAbove(N("x.b.example"), kNow + seconds(300)));
  PutNodata("n.example", RrType::kA);
  EXPECT_FALSE(cache.FindNxdomainAbove(N("x.n.example"), kNow)) << "NODATA denies nothing below";
  EXPECT_FALSE(cache.FindNxdomainAbove(Name(), kNow));
}

//--- Flush ---

class RrsetCacheFlushTest : public RrsetCacheTest {
 protected:
  RrsetCacheFlushTest() {
    for (const char* name : {"example", "www.example", "a.www.example", "wwww.example", "test"}) {
      cache.Put(Address(name), kNow);
      PutNodata(name, RrType::kAaaa);
    }
    PutNxdomain("no.www.example");
  }
};

// Covers: CAC-12
TEST_F(RrsetCacheFlushTest, OfANameTakesAllItsTypes) {
  EXPECT_EQ(cache.Flush(N("WWW.example")), 2U);
  EXPECT_FALSE(Find("www.example"));
  EXPECT_FALSE(Find("www.example", RrType::kAaaa));
  EXPECT_TRUE(Find("a.www.example"));
  EXPECT_TRUE(Find("example"));
}

// Covers: CAC-12
TEST_F(RrsetCacheFlushTest, OfATypeTakesThatTypeAndNxdomain) {
  EXPECT_EQ(cache.Flush(N("www.example"), RrType::kAaaa), 1U);
  EXPECT_TRUE(Find("www.example"));
  EXPECT_FALSE(Find("www.example", RrType::kAaaa));
  EXPECT_EQ(cache.Flush(N("no.www.example"), RrType::kA), 1U);
  EXPECT_FALSE(Find("no.www.example"));
}

// Covers: CAC-12
TEST_F(RrsetCacheFlushTest, BelowTakesTheSubtreeAndNoNameThatOnlyEndsAlike) {
  EXPECT_EQ(cache.FlushBelow(N("www.EXAMPLE")), 5U);
  EXPECT_FALSE(Find("www.example"));
  EXPECT_FALSE(Find("a.www.example"));
  EXPECT_FALSE(Find("no.www.example"));
  EXPECT_TRUE(Find("wwww.example"));
  EXPECT_TRUE(Find("example"));
  EXPECT_EQ(cache.FlushBelow(Name()), 6U);
  EXPECT_EQ(cache.stats().entries, 0U);
}

// Covers: CAC-12
TEST_F(RrsetCacheFlushTest, ClearTakesEverything) {
  cache.Clear();
  EXPECT_EQ(cache.stats().entries, 0U);
  EXPECT_EQ(cache.stats().cost, 0U);
  EXPECT_FALSE(Find("test"));
}

//--- Bounds ---

TEST_F(RrsetCacheTest, CountsHitsAndMisses) {
  cache.Put(Address("www.example"), kNow);
  Find("www.example");
  Find("www.example");
  Find("no.example");
  EXPECT_EQ(cache.stats().hits, 2U);
  EXPECT_EQ(cache.stats().misses, 1U);
}

TEST_F(RrsetCacheTest, CountsOctetsExactly) {
  cache.Put(Address("a.example"), kNow);
  const std::size_t tables = cache.stats().cost - Address("a.example")->cost();
  const RrsetPtr second = Address("bb.example", 60);
  // No table grows by a second entry, but for the place in the queue of the new ones.
  const auto others = [&](std::size_t blocks) {
    return cache.stats().cost - blocks >= tables - 16 && cache.stats().cost - blocks <= tables + 16;
  };
  cache.Put(second, kNow);
  EXPECT_TRUE(others(Address("a.example")->cost() + second->cost()));
  cache.Put(second, kNow);
  EXPECT_TRUE(others(Address("a.example")->cost() + second->cost()));
  cache.Flush(N("a.example"));
  EXPECT_TRUE(others(second->cost()));
  PutNodata("bb.example", RrType::kAaaa);
  EXPECT_GT(cache.stats().cost, second->cost() + tables + Soa("example", 1, 1)->cost());
  cache.Flush(N("bb.example"));
  EXPECT_EQ(cache.stats().cost, 0U);
}

TEST_F(RrsetCacheTest, DenialsOfAZoneShareItsSoaAndEachHasItsOwnTime) {
  PutNodata("a.example", RrType::kAaaa);
  const std::size_t one = cache.stats().cost;
  const TimePoint later = kNow + seconds(100);
  Negative negative = MakeNegative(Soa("example", 3600, 300, later), {}, later, 3600);
  EXPECT_TRUE(cache.PutNodata(N("b.example"), RrType::kAaaa, negative, later));
  EXPECT_LT(cache.stats().cost, one + 64) << "no second SOA";

  const RrsetPtr old = Find("a.example", RrType::kAaaa, later).negative->soa;
  const RrsetPtr fresh = Find("b.example", RrType::kAaaa, later).negative->soa;
  EXPECT_EQ(dns::NegativeTtl(*old, later), 200U);
  EXPECT_EQ(dns::NegativeTtl(*fresh, later), 300U);
  EXPECT_EQ(old->expires(), kNow + seconds(3600));
  EXPECT_EQ(fresh->expires(), later + seconds(3600));

  cache.Flush(N("a.example"));
  EXPECT_EQ(dns::NegativeTtl(*Find("b.example", RrType::kAaaa, later).negative->soa, later), 300U);
}

TEST_F(RrsetCacheTest, AnotherSoaOfTheZoneIsNotMistakenForTheFirst) {
  PutNodata("a.example", RrType::kAaaa, Soa("example", 3600, 300));
  PutNodata("b.example", RrType::kAaaa, Soa("example", 3600, 200));
  PutNodata("c.example", RrType::kAaaa, Soa("Example", 3600, 300));
  EXPECT_EQ(dns::SoaMinimum(Find("a.example", RrType::kAaaa).negative->soa->rdata(0)), 300U);
  EXPECT_EQ(dns::SoaMinimum(Find("b.example", RrType::kAaaa).negative->soa->rdata(0)), 200U);
  EXPECT_EQ(Find("c.example", RrType::kAaaa).negative->soa->owner().ToText(), "Example.");
}

TEST_F(RrsetCacheTest, NeverHoldsMoreThanItMay) {
  const std::size_t capacity = cache.stats().capacity;
  EXPECT_EQ(capacity, std::size_t{1} << 20);
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "h" + std::to_string(i) + ".example";
    if (i % 3 == 0) {
      PutNxdomain(name);
    } else {
      cache.Put(Address(name), kNow);
    }
    ASSERT_LE(cache.stats().cost, capacity);
  }
  EXPECT_GT(cache.stats().evictions, 1000U);
  EXPECT_GT(cache.stats().cost, capacity * 9 / 10);
}

TEST_F(RrsetCacheTest, NamesInUseOutliveNamesAskedForOnce) {
  cache.Put(Address("used.example", 86400), kNow);
  for (int i = 0; i < 50'000; ++i) {
    cache.Put(Address("h" + std::to_string(i) + ".example"), kNow);
    if (i % 100 == 0) {
      ASSERT_TRUE(Find("used.example")) << i;
    }
  }
}

// What it counts is what it takes: of the blocks that an allocator of our own gives, exactly.
TEST(RrsetCacheMemory, OfAFullCacheIsWhatWasConfigured) {
  constexpr std::size_t kCapacity = std::size_t{4} << 20;
  const std::size_t before = slab::GetStats().held;
  RrsetCache cache(kCapacity);
  std::mt19937 random(3);
  std::size_t most = 0;
  for (unsigned i = 0; i < 60'000; ++i) {
    const std::string name = std::string(1 + random() % 40, 'x') + std::to_string(i) + ".example";
    // Small ones and large ones by turns: a size leaves holes that the next does not fit.
    const Octets rdata(1 + random() % (i / 10'000 % 2 == 0 ? 30U : 400U));
    cache.Put(dns::MakeRrset(N(name), RrType::kTxt, 300, rdata, kNow, Trust::kAuthAnswer), kNow);
    if (i % 3 != 0) Find(cache, name);
    ASSERT_LE(cache.stats().cost, kCapacity);
    if (i % 64 == 0) most = std::max(most, slab::GetStats().held - before);
  }
  EXPECT_GT(cache.stats().evictions, 5'000U);
  EXPECT_LE(most, kCapacity + slab::kSlack);
  cache.Clear();
  EXPECT_LE(slab::GetStats().held, before + slab::kSlack);
}

//--- Threads ---

TEST(RrsetCacheThreads, ShareItWhileItEvictsAndIsFlushed) {
  RrsetCache cache(std::size_t{1} << 18);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (unsigned worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&cache, worker] {
      for (unsigned i = 0; i < 3000; ++i) {
        const std::string name = "h" + std::to_string((i * 7 + worker) % 2000) + ".example";
        switch ((i + worker) % 6) {
          case 0:
            cache.Put(Address(name, 300, Trust::kAuthAnswer, static_cast<std::uint8_t>(worker)),
                      kNow);
            break;
          case 1:
            cache.PutNxdomain(N(name), MakeNegative(Soa("example", 60, 60), {}, kNow, 60), kNow);
            break;
          case 2:
            cache.Flush(N(name), RrType::kA);
            break;
          case 3:
            EXPECT_EQ(cache.FindNxdomainAbove(N("below." + name), kNow + seconds(61)), nullptr);
            break;
          default: {
            const Found found = cache.Find(N(name), RrType::kA, kNow);
            if (found.rrset) {
              EXPECT_EQ(found.rrset->owner(), N(name));
            }
            if (found.negative) {
              EXPECT_EQ(found.negative->name, N(name));
            }
          }
        }
        if (i % 1000 == 999) cache.FlushBelow(N("example"));
        if (i % 500 == 0) {
          EXPECT_LE(cache.stats().cost, cache.stats().capacity);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace resolve64::cache
