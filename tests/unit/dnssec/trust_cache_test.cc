#include "dnssec/trust_cache.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/dns/wire.h"

namespace resolve64::dnssec {
namespace {

using test::N;
using Kind = ZoneTrust::Kind;

constexpr std::size_t kRoomy = std::size_t{16} << 20;
const TimePoint kNow{std::chrono::hours(10)};

ZoneTrustPtr Trust(std::string_view zone, Kind kind = Kind::kSecure,
                   Duration life = std::chrono::hours(1)) {
  auto trust = std::make_shared<ZoneTrust>();
  trust->zone = N(zone);
  trust->kind = kind;
  trust->expires = kNow + life;
  return trust;
}

TEST(TrustCache, FindsWhatWasPutInAnyLetterCaseUntilItExpires) {
  TrustCache cache(kRoomy);
  const auto trust = Trust("example.");
  cache.Put(trust, kNow);
  EXPECT_EQ(cache.Find(N("EXAMPLE."), kNow), trust);
  EXPECT_EQ(cache.Find(N("a.example."), kNow), nullptr);
  EXPECT_EQ(cache.Find(N("example."), kNow + std::chrono::hours(1) - Duration(1)), trust);
  EXPECT_EQ(cache.Find(N("example."), kNow + std::chrono::hours(1)), nullptr);
}

TEST(TrustCache, PutTakesThePlaceOfWhatWasKnown) {
  TrustCache cache(kRoomy);
  cache.Put(Trust("example."), kNow);
  const auto bogus = Trust("Example.", Kind::kBogus);
  cache.Put(bogus, kNow);
  EXPECT_EQ(cache.Find(N("example."), kNow), bogus);
  EXPECT_EQ(cache.stats().entries, 1U);
  cache.Put(Trust("example.", Kind::kSecure, Duration(0)), kNow);
  EXPECT_EQ(cache.Find(N("example."), kNow), nullptr);
  EXPECT_EQ(cache.stats().entries, 0U);
}

TEST(TrustCache, DeepestIsTheClosestLiveZoneAboveAndNotWhatIsNoCut) {
  TrustCache cache(kRoomy);
  const auto root = Trust(".");
  const auto zone = Trust("b.example.");
  cache.Put(root, kNow);
  cache.Put(zone, kNow);
  cache.Put(Trust("a.b.example.", Kind::kNoCut), kNow);
  cache.Put(Trust("c.example.", Kind::kSecure, std::chrono::seconds(1)), kNow);
  EXPECT_EQ(cache.FindDeepest(N("x.a.b.example."), kNow), zone);
  EXPECT_EQ(cache.FindDeepest(N("a.b.example."), kNow), zone);
  EXPECT_EQ(cache.FindDeepest(N("b.example."), kNow), zone);
  EXPECT_EQ(cache.FindDeepest(N("example."), kNow), root);
  EXPECT_EQ(cache.FindDeepest(N("c.example."), kNow + std::chrono::seconds(1)), root);
  EXPECT_EQ(cache.FindDeepest(Name(), kNow), root);
}

TEST(TrustCache, DeepestOfAnEmptyCacheIsNothing) {
  TrustCache cache(kRoomy);
  EXPECT_EQ(cache.FindDeepest(N("a.example."), kNow), nullptr);
  cache.Put(Trust(".", Kind::kNoCut), kNow);
  EXPECT_EQ(cache.FindDeepest(N("a.example."), kNow), nullptr);
}

TEST(TrustCache, FlushBelowTakesTheZoneAndAllBelowIt) {
  TrustCache cache(kRoomy);
  for (const char* zone : {".", "example.", "a.example.", "b.a.example.", "example.net."}) {
    cache.Put(Trust(zone), kNow);
  }
  EXPECT_EQ(cache.FlushBelow(N("EXAMPLE.")), 3U);
  EXPECT_EQ(cache.FindDeepest(N("b.a.example."), kNow)->zone, Name());
  EXPECT_TRUE(cache.Find(N("example.net."), kNow));
  cache.Clear();
  EXPECT_EQ(cache.stats().entries, 0U);
}

TEST(TrustCache, IsBoundedByOctetsAndKeysCount) {
  constexpr std::uint8_t kEd25519 = 15;
  const std::vector<std::uint8_t> octets(32, 1);
  const auto key = PublicKey::Make(kEd25519, octets);
  ASSERT_TRUE(key);
  const auto fill = [&key](bool with_key) {
    TrustCache cache(std::size_t{100} << 10);
    for (int i = 0; i < 3000; ++i) {
      auto trust = std::make_shared<ZoneTrust>(*Trust("z" + std::to_string(i) + ".example."));
      auto keys = std::make_shared<KeySet>();
      if (with_key) keys->keys.assign(3, ZoneKey{1, kEd25519, key, 1});
      trust->keys = std::move(keys);
      cache.Put(trust, kNow);
    }
    EXPECT_LE(cache.stats().cost, std::size_t{100} << 10);
    return cache.stats().entries;
  };
  EXPECT_GT(fill(false), 100U);
  EXPECT_GT(fill(true), 10U);
  EXPECT_GT(fill(false), 4 * fill(true));
}

TEST(TrustCache, CountsHitsAndMisses) {
  TrustCache cache(kRoomy);
  cache.Put(Trust("example."), kNow);
  static_cast<void>(cache.Find(N("example."), kNow));
  static_cast<void>(cache.Find(N("example.net."), kNow));
  static_cast<void>(cache.FindDeepest(N("a.b.c.example."), kNow));
  EXPECT_EQ(cache.stats().hits, 2U);
  EXPECT_EQ(cache.stats().misses, 1U);
}

TEST(TrustCache, ServesManyThreads) {
  TrustCache cache(kRoomy);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string zone = "z" + std::to_string(i) + ".example.";
        cache.Put(Trust(zone), kNow);
        static_cast<void>(cache.FindDeepest(N("a." + zone), kNow));
        if (t == 0 && i % 100 == 0) cache.FlushBelow(N(zone));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(cache.stats().entries, 500U);
}

}  // namespace
}  // namespace resolve64::dnssec
