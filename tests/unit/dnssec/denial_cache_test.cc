#include "dnssec/denial_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "dnssec/denial_store.h"
#include "unit/dnssec/denial_support.h"

namespace resolve64::dnssec {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): these are the words of the tests
using std::chrono::seconds;

const RrType kA = RrType::kA;
const RrType kAaaa = RrType::kAaaa;
const RrType kNs = RrType::kNs;
const RrType kSoa = RrType::kSoa;
const RrType kSig = RrType::kRrsig;

RrsetPtr SoaOf(std::string_view zone, std::uint32_t ttl = 3600, std::uint32_t minimum = 3600,
               Security security = Security::kSecure) {
  Wire rdata;
  rdata.NameOf("ns.example").NameOf("admin.example").U32(1).U32(2).U32(3).U32(4).U32(minimum);
  return Make(N(zone), kSoa, rdata.octets(), {.zone = N(zone), .security = security, .ttl = ttl});
}

class DenialCacheTest : public ::testing::Test {
 protected:
  void Add(const Records& records, std::string_view zone = "example.com", TimePoint now = kNow) {
    cache.Add(N(zone), SoaOf(zone), records, now);
  }
  std::optional<KnownDenial> Find(std::string_view name, RrType type = kA, TimePoint now = kNow) {
    return cache.Find(N(name), type, kMaxIterations, work, now);
  }
  std::optional<Name> FindWildcard(std::string_view name) {
    const auto found = cache.FindWildcard(N(name), kMaxIterations, work, kNow);
    return found ? std::optional(found->wildcard) : std::nullopt;
  }
  static RrsetPtr Nsec(std::string_view owner, std::string_view next, const Types& types = {kA},
                       Making making = {}) {
    making.zone = N("example.com");
    return NsecOf(owner, next, types, making);
  }

  DenialCache cache{1 << 20};
  Work work;
  // The zone of RFC 8198 section 3: albatross and elephant, and no wildcard.
  RrsetPtr apex = Nsec("example.com", "albatross.example.com", {kNs, kSoa});
  RrsetPtr albatross = Nsec("albatross.example.com", "elephant.example.com");
  RrsetPtr elephant = Nsec("elephant.example.com", "example.com");
};

// Covers: CAC-08
TEST_F(DenialCacheTest, Rfc8198CatIsDeniedByWhatWasSaidOfDog) {
  EXPECT_FALSE(Find("cat.example.com"));
  Add({apex, albatross});
  const auto found = Find("cat.example.com");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->nxdomain);
  EXPECT_EQ(found->proof, (Records{albatross, apex}));
  EXPECT_EQ(found->soa->owner(), N("example.com"));
  EXPECT_TRUE(Find("x.y.DOG.Example.com"));
  EXPECT_FALSE(Find("zebra.example.com"));
  Add({elephant});
  EXPECT_TRUE(Find("zebra.example.com"));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, WithoutTheWildcardDeniedNothingIsSaid) {
  Add({albatross});
  EXPECT_FALSE(Find("cat.example.com"));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, NodataIsKnownFromTheTypesOfTheName) {
  Add({albatross});
  const auto found = Find("Albatross.example.com", kAaaa);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->nxdomain);
  EXPECT_EQ(found->proof, Records{albatross});
  EXPECT_FALSE(Find("albatross.example.com", kA));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, AnEmptyNonTerminalIsNodata) {
  Add({Nsec("a.example.com", "x.b.example.com")});
  const auto found = Find("b.example.com", kAaaa);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->nxdomain);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, Rfc8198LeekTellsOfBanana) {
  // Section 3: avocado, *, zucchini.
  const RrsetPtr avocado = Nsec("avocado.example.com", "zucchini.example.com");
  Add({avocado});
  EXPECT_FALSE(Find("banana.example.com"));
  const auto found = cache.FindWildcard(N("banana.example.com"), kMaxIterations, work, kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->wildcard, N("*.example.com"));
  EXPECT_EQ(found->proof, Records{avocado});
  EXPECT_FALSE(FindWildcard("avocado.example.com"));
  EXPECT_FALSE(FindWildcard("zucchini.example.com"));
  EXPECT_FALSE(FindWildcard("apple.example.com"));
  EXPECT_EQ(FindWildcard("a.banana.example.com"), N("*.example.com"));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, AWildcardThatIsDeniedMakesNothing) {
  Add({apex, albatross});
  EXPECT_FALSE(FindWildcard("cat.example.com"));
}

// Covers: CAC-10, F20
TEST_F(DenialCacheTest, AWildcardWithoutAaaaIsNodataForAaaaAndStillMakesA) {
  const RrsetPtr star = Nsec("*.example.com", "avocado.example.com", {kA});
  const RrsetPtr avocado = Nsec("avocado.example.com", "zucchini.example.com");
  Add({star, avocado});
  const auto aaaa = Find("banana.example.com", kAaaa);
  ASSERT_TRUE(aaaa);
  EXPECT_FALSE(aaaa->nxdomain);
  EXPECT_EQ(aaaa->proof, (Records{avocado, star}));
  EXPECT_FALSE(Find("banana.example.com", kA));
  EXPECT_EQ(FindWildcard("banana.example.com"), N("*.example.com"));
}

// Covers: CAC-10
TEST_F(DenialCacheTest, NodataOfAaaaSaysNothingOfA) {
  Add({albatross});
  EXPECT_TRUE(Find("albatross.example.com", kAaaa));
  EXPECT_FALSE(Find("albatross.example.com", kA));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, OnlySecureRecordsAreKept) {
  for (const Security security :
       {Security::kUnchecked, Security::kInsecure, Security::kBogus, Security::kIndeterminate}) {
    Add({Nsec("a.example.com", "b.example.com", {kA}, {.security = security})});
    cache.Add(N("example.com"), SoaOf("example.com", 3600, 3600, security), {albatross}, kNow);
  }
  cache.Add(N("example.com"), nullptr, {albatross}, kNow);
  cache.Add(N("example.com"), SoaOf("example"), {albatross}, kNow);
  cache.Add(N("example.com"), SoaOf("example.com"), {nullptr}, kNow);
  EXPECT_EQ(cache.stats().entries, 0U);
  EXPECT_EQ(cache.stats().cost, 0U);
}

// Covers: CAC-09, ATK-21
TEST_F(DenialCacheTest, RecordsThatReachOutOfTheirZoneAreNotKept) {
  Add({Nsec("a.example.com", "zzz.example"), Nsec("a.example", "b.example.com"),
       Nsec("x.example.com", "y.example.com", {kA}, {.fewer_labels = 1})});
  EXPECT_EQ(cache.stats().entries, 0U);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, WhatIsBelowADelegationIsNotDenied) {
  Add({apex, Nsec("cut.example.com", "elephant.example.com", {kNs})});
  EXPECT_FALSE(Find("www.cut.example.com"));
  EXPECT_FALSE(Find("cut.example.com", kA));
  EXPECT_FALSE(FindWildcard("www.cut.example.com"));
  EXPECT_TRUE(Find("dog.example.com"));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, TheDeepestZoneDecides) {
  Add({apex, albatross});
  Add({NsecOf("dog.example.com", "z.dog.example.com", {kNs, kSoa}, {.zone = N("dog.example.com")})},
      "dog.example.com");
  EXPECT_TRUE(Find("cat.example.com"));
  EXPECT_FALSE(Find("zz.dog.example.com"));
  EXPECT_TRUE(Find("a.dog.example.com"));
}

TEST_F(DenialCacheTest, TheRootZoneIsAZone) {
  Add({NsecOf(".", "aaa", {kNs, kSoa}, {.zone = N(".")}),
       NsecOf("com", "de", {kNs, RrType::kDs}, {.zone = N(".")})},
      ".");
  EXPECT_TRUE(Find("corp"));
  EXPECT_TRUE(Find("a.b.corp"));
  EXPECT_FALSE(Find("example.com"));
  EXPECT_FALSE(Find("example"));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, DsAndAnyAreAsked) {
  Add({apex, albatross});
  EXPECT_FALSE(Find("albatross.example.com", RrType::kDs));
  EXPECT_FALSE(Find("cat.example.com", RrType::kDs));
  EXPECT_FALSE(Find("cat.example.com", RrType::kAny));
}

// Covers: CAC-08, SEC-27
TEST_F(DenialCacheTest, CompactDenialStaysNoerror) {
  Add({Nsec("cat.example.com", "\\000.cat.example.com", {RrType::kNxname})});
  const auto found = Find("cat.example.com", kAaaa);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->nxdomain);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, ADenialLivesNoLongerThanTheSoaAllows) {
  cache.Add(N("example.com"), SoaOf("example.com", 3600, 100), {albatross}, kNow);
  EXPECT_TRUE(Find("albatross.example.com", kAaaa, kNow + seconds(99)));
  EXPECT_FALSE(Find("albatross.example.com", kAaaa, kNow + seconds(100)));
  cache.Add(N("example.com"), SoaOf("example.com", 60, 3600), {albatross}, kNow);
  EXPECT_TRUE(Find("albatross.example.com", kAaaa, kNow + seconds(59)));
  EXPECT_FALSE(Find("albatross.example.com", kAaaa, kNow + seconds(60)));
  cache.Clear();
  cache.Add(N("example.com"), SoaOf("example.com", 3600, 0), {albatross}, kNow);
  EXPECT_FALSE(Find("albatross.example.com", kAaaa));
}

// Covers: CAC-08
TEST_F(DenialCacheTest, ADenialLivesNoLongerThanItsTtl) {
  Add({Nsec("a.example.com", "b.example.com", {kA}, {.ttl = 30})});
  EXPECT_TRUE(Find("a.example.com", kAaaa, kNow + seconds(29)));
  EXPECT_FALSE(Find("a.example.com", kAaaa, kNow + seconds(30)));
  EXPECT_EQ(cache.stats().entries, 0U);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, WhatIsFoundHasTheTtlThatItLives) {
  cache.Add(N("example.com"), SoaOf("example.com", 3600, 100), {albatross}, kNow);
  const auto found = Find("albatross.example.com", kAaaa, kNow + seconds(40));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->proof.size(), 1U);
  EXPECT_EQ(found->proof[0]->TtlAt(kNow + seconds(40)), 60U);
  EXPECT_EQ(found->proof[0]->signature_count(), 1U);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, ADenialLivesThreeHoursAtMost) {
  const std::uint32_t day = 86400;
  cache.Add(N("example.com"), SoaOf("example.com", day, day),
            {Nsec("a.example.com", "b.example.com", {kA}, {.ttl = day})}, kNow);
  EXPECT_TRUE(Find("a.example.com", kAaaa, kNow + seconds(DenialCache::kLongest - 1)));
  EXPECT_FALSE(Find("a.example.com", kAaaa, kNow + seconds(DenialCache::kLongest)));
}

TEST_F(DenialCacheTest, WhatIsNewerHolds) {
  Add({albatross});
  EXPECT_FALSE(Find("albatross.example.com", kA));
  Add({Nsec("albatross.example.com", "cat.example.com", {kAaaa})});
  EXPECT_TRUE(Find("albatross.example.com", kA));
  EXPECT_FALSE(Find("albatross.example.com", kAaaa));
  EXPECT_EQ(cache.stats().entries, 1U);
}

TEST_F(DenialCacheTest, FlushTakesTheZonesBelowAndTheOneThatHoldsTheName) {
  Add({apex, albatross});
  Add({NsecOf("a.test", "test", {kA}, {.zone = N("test")})}, "test");
  EXPECT_EQ(cache.FlushBelow(N("www.example.com")), 2U);
  EXPECT_FALSE(Find("cat.example.com"));
  EXPECT_TRUE(Find("a.test", kAaaa));
  Add({apex, albatross});
  EXPECT_EQ(cache.FlushBelow(N("com")), 2U);
  EXPECT_EQ(cache.FlushBelow(N(".")), 1U);
  EXPECT_EQ(cache.stats().entries, 0U);
  EXPECT_EQ(cache.stats().cost, 0U);
}

TEST_F(DenialCacheTest, ClearForgetsEverything) {
  Add({apex, albatross, elephant});
  cache.Clear();
  EXPECT_FALSE(Find("cat.example.com"));
  EXPECT_EQ(cache.stats().cost, 0U);
}

TEST_F(DenialCacheTest, CountsHitsAndMisses) {
  Add({apex, albatross});
  Find("cat.example.com");
  Find("zebra.example.com");
  Find("cat.test");
  EXPECT_EQ(cache.stats().hits, 1U);
  EXPECT_EQ(cache.stats().misses, 2U);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, IsBoundedAndTheOldestGoFirst) {
  DenialCache small{64 * 1024};
  const auto add = [&](int i) {
    const std::string zone = "z" + std::to_string(i) + ".test";
    small.Add(N(zone), SoaOf(zone), {NsecOf("a." + zone, zone, {kA}, {.zone = N(zone)})}, kNow);
    return N("a." + zone);
  };
  std::vector<Name> names;
  for (int i = 0; i < 500; ++i) {
    names.push_back(add(i));
    ASSERT_LE(small.stats().cost, small.stats().capacity);
  }
  std::size_t kept = 0;
  bool gap = false;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const bool here = small.Find(*name, kAaaa, kMaxIterations, work, kNow).has_value();
    gap = gap || !here;
    EXPECT_FALSE(here && gap) << name->ToText();
    if (here) ++kept;
  }
  EXPECT_GT(kept, 10U);
  EXPECT_EQ(small.stats().entries, kept);
  EXPECT_EQ(small.stats().evictions, 500 - kept);
}

// Covers: CAC-08
TEST_F(DenialCacheTest, AZoneOfWhiteLiesDoesNotDriveOutTheOthers) {
  DenialCache small{256 * 1024};
  small.Add(N("example.com"), SoaOf("example.com"), {apex, albatross}, kNow);
  for (int i = 0; i < 2000; ++i) {
    const std::string name = "x" + std::to_string(i) + ".test";
    small.Add(N("test"), SoaOf("test"),
              {NsecOf(name, "\\000." + name, {RrType::kNxname}, {.zone = N("test")})}, kNow);
  }
  EXPECT_TRUE(small.Find(N("cat.example.com"), kA, kMaxIterations, work, kNow));
  EXPECT_TRUE(small.Find(N("x1999.test"), kA, kMaxIterations, work, kNow));
  EXPECT_FALSE(small.Find(N("x0.test"), kA, kMaxIterations, work, kNow));
  EXPECT_LE(small.stats().cost, 256 * 1024 / 3);
}

TEST_F(DenialCacheTest, ThreadsMayUseItAtOnce) {
  DenialCache small{128 * 1024};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&small, t] {
      Work own{0, 1'000'000};
      for (int i = 0; i < 400; ++i) {
        const std::string zone = "z" + std::to_string(i % 40) + ".test";
        small.Add(N(zone), SoaOf(zone),
                  {NsecOf("a." + zone, "b." + zone, {kA}, {.zone = N(zone)}),
                   Matching("c." + zone, {kA}, {}, {.zone = N(zone)})},
                  kNow);
        small.Find(N("a." + zone), kAaaa, kMaxIterations, own, kNow);
        small.FindWildcard(N("c.d." + zone), kMaxIterations, own, kNow);
        if (i % 50 == t) small.FlushBelow(N(zone));
        if (i == 200 && t == 0) small.Clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(small.stats().cost, small.stats().capacity);
}

//--- NSEC3 ---

class HashedDenialCacheTest : public DenialCacheTest {
 protected:
  Records Nxdomain(const Parameters& parameters) {
    const Making making{.zone = N("example.com")};
    return {Matching("example.com", {kNs, kSoa, kSig}, parameters, making),
            Covering("cat.example.com", parameters, making),
            Covering("*.example.com", parameters, making)};
  }
  static RrsetPtr At(std::string_view name, const Types& types, const Parameters& parameters) {
    return Matching(name, types, parameters, {.zone = N("example.com")});
  }

  Parameters plain{.iterations = 3, .salt = {1, 2}};
};

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, NxdomainIsKnownFromHashes) {
  const Records records = Nxdomain(plain);
  Add(records);
  for (const char* name : {"cat.example.com", "big.Cat.example.com", "a.b.c.d.cat.example.com"}) {
    const auto found = Find(name, kAaaa);
    ASSERT_TRUE(found) << name;
    EXPECT_TRUE(found->nxdomain);
    EXPECT_EQ(Records(found->proof).size(), 3U);
  }
  EXPECT_FALSE(Find("dog.example.com"));
}

// Covers: CAC-08, CAC-10
TEST_F(HashedDenialCacheTest, NodataIsKnownFromHashes) {
  const RrsetPtr cat = At("cat.example.com", {kA, kSig}, plain);
  Add({cat});
  const auto found = Find("cat.example.com", kAaaa);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->nxdomain);
  EXPECT_EQ(found->proof, Records{cat});
  EXPECT_FALSE(Find("cat.example.com", kA));
}

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, ApexNodataIsKnownFromItsHash) {
  Add({At("example.com", {kNs, kSoa, kSig}, plain)});
  EXPECT_TRUE(Find("example.com", kAaaa));
  EXPECT_FALSE(Find("example.com", kNs));
}

// Covers: CAC-08, CAC-10, F20
TEST_F(HashedDenialCacheTest, AWildcardWithoutAaaaIsNodataForAaaaAndStillMakesA) {
  Records records = Nxdomain(plain);
  records[2] = At("*.example.com", {kA, kSig}, plain);
  Add(records);
  const auto found = Find("cat.example.com", kAaaa);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->nxdomain);
  EXPECT_FALSE(Find("cat.example.com", kA));
  EXPECT_EQ(FindWildcard("cat.example.com"), N("*.example.com"));
  EXPECT_EQ(FindWildcard("big.cat.example.com"), N("*.example.com"));
}

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, AWildcardThatIsDeniedMakesNothing) {
  Add(Nxdomain(plain));
  EXPECT_FALSE(FindWildcard("cat.example.com"));
}

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, AChanceHashDoesNotDenyWhatIsBelowADelegation) {
  // The hash of a name below a cut falls somewhere, too.
  const Making making{.zone = N("example.com")};
  Add({At("example.com", {kNs, kSoa, kSig}, plain), Covering("www.cut.example.com", plain, making),
       Covering("*.cut.example.com", plain, making)});
  EXPECT_FALSE(Find("www.cut.example.com"));
  EXPECT_FALSE(FindWildcard("www.cut.example.com"));
  Add({At("cut.example.com", {kNs}, plain)});
  EXPECT_FALSE(Find("www.cut.example.com"));
  EXPECT_FALSE(FindWildcard("www.cut.example.com"));
}

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, OptOutRecordsAreNotKept) {
  Parameters opt_out = plain;
  opt_out.flags = 1;
  Add(Nxdomain(opt_out));
  EXPECT_EQ(cache.stats().entries, 0U);
}

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, OneSetOfParametersAZoneTheNewest) {
  Add(Nxdomain(plain));
  EXPECT_TRUE(Find("cat.example.com"));
  const Parameters newer{.iterations = 0};
  Add({At("dog.example.com", {kA}, newer)});
  EXPECT_FALSE(Find("cat.example.com"));
  EXPECT_TRUE(Find("dog.example.com", kAaaa));
  EXPECT_EQ(cache.stats().entries, 1U);
}

// Covers: SEC-32, ATK-18
TEST_F(HashedDenialCacheTest, TooManyIterationsAreNotHashed) {
  const Parameters many{.iterations = kMaxIterations + 1};
  Add(Nxdomain(many));
  const int before = work.hashes;
  EXPECT_FALSE(Find("cat.example.com"));
  EXPECT_EQ(work.hashes, before);
}

// Covers: SEC-32, ATK-18
TEST_F(HashedDenialCacheTest, ALookCostsFewHashesAndTheyArePaid) {
  Add(Nxdomain(plain));
  int before = work.hashes;
  EXPECT_TRUE(Find("cat.example.com"));
  EXPECT_EQ(before - work.hashes, 3);
  before = work.hashes;
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "a.";
  EXPECT_FALSE(Find(deep + "dog.example.com"));
  EXPECT_LE(before - work.hashes, 8);
  work.hashes = 2;
  EXPECT_FALSE(Find("cat.example.com"));
  EXPECT_EQ(work.hashes, 0);
}

// Covers: CAC-08
TEST_F(HashedDenialCacheTest, TheRingClosesAtItsEnd) {
  const Making making{.zone = N("example.com")};
  const std::string apex_hash = HashOf("example.com", plain);
  Add({Nsec3At(apex_hash, apex_hash, {kNs, kSoa, kSig}, plain, making)});
  EXPECT_TRUE(Find("cat.example.com"));
  EXPECT_TRUE(Find("dog.example.com"));
}

//--- SortKey ---

TEST(SortKey, OrdersAsRfc4034Section61Does) {
  const char* names[] = {"example",
                         "a.example",
                         "yljkjljk.a.example",
                         "Z.a.example",
                         "zABC.a.EXAMPLE",
                         "z.example",
                         "\\001.z.example",
                         "*.z.example",
                         "\\200.z.example",
                         "zz.example",
                         "\\000.zz.example",
                         "\\000\\000.zz.example",
                         "\\000\\001.zz.example",
                         "\\001\\000.zz.example"};
  for (const char* a : names) {
    for (const char* b : names) {
      const bool before = N(a) < N(b);
      EXPECT_EQ(SortKey(N(a)) < SortKey(N(b)), before) << a << " " << b;
      EXPECT_EQ(SortKey(N(a)) == SortKey(N(b)), N(a) == N(b)) << a << " " << b;
    }
  }
  EXPECT_EQ(SortKey(N("ExAmPlE")), SortKey(N("example")));
  EXPECT_TRUE(SortKey(N(".")).empty());
}

}  // namespace
}  // namespace resolve64::dnssec
