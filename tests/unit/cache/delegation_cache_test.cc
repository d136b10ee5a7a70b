#include "cache/delegation_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "unit/cache/support.h"

namespace resolve64::cache {
namespace {

using std::chrono::seconds;
using test::kNow;
using test::N;

IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

Delegation Of(std::string_view zone, int ttl = 300, std::string_view ns = "ns.example") {
  Delegation delegation;
  delegation.zone = N(zone);
  delegation.ns = {N(ns)};
  delegation.expires = kNow + seconds(ttl);
  return delegation;
}

std::vector<Name> Names(const Delegation& delegation) {
  return {delegation.ns.begin(), delegation.ns.end()};
}

class DelegationCacheTest : public ::testing::Test {
 protected:
  Name Deepest(std::string_view name, TimePoint now = kNow) {
    const DelegationPtr found = cache.FindDeepest(N(name), now);
    return found == nullptr ? N("none.invalid") : found->zone;
  }

  DelegationCache cache{std::size_t{1} << 20};
};

TEST_F(DelegationCacheTest, FindsTheDeepestAtOrAboveAName) {
  EXPECT_FALSE(cache.FindDeepest(N("www.a.example"), kNow));
  for (const char* zone : {".", "example", "a.example"}) cache.Put(Of(zone), kNow);
  EXPECT_EQ(Deepest("www.deep.A.example"), N("a.example"));
  EXPECT_EQ(Deepest("a.example"), N("a.example"));
  EXPECT_EQ(Deepest("b.example"), N("example"));
  EXPECT_EQ(Deepest("xa.example"), N("example"));
  EXPECT_EQ(Deepest("test"), Name());
  EXPECT_EQ(Deepest("."), Name());
}

// Covers: REC-31
TEST_F(DelegationCacheTest, EndsWithTheParentsTtlAndTheNextOneAboveHolds) {
  cache.Put(Of("example", 600), kNow);
  cache.Put(Of("a.example", 60), kNow);
  EXPECT_EQ(Deepest("www.a.example", kNow + seconds(59)), N("a.example"));
  EXPECT_EQ(Deepest("www.a.example", kNow + seconds(60)), N("example"));
  EXPECT_FALSE(cache.Find(N("a.example"), kNow + seconds(60)));
}

TEST_F(DelegationCacheTest, ReplacesWhatTheParentSaidBefore) {
  cache.Put(Of("a.example", 300, "old.example"), kNow);
  const DelegationPtr kept = cache.Put(Of("A.example", 300, "new.example"), kNow);
  EXPECT_EQ(cache.Find(N("a.example"), kNow), kept);
  EXPECT_EQ(Names(*kept), std::vector<Name>{N("new.example")});
  EXPECT_EQ(cache.stats().entries, 1U);
}

TEST_F(DelegationCacheTest, RefusesWhatLeadsNowhere) {
  Delegation none = Of("a.example");
  none.ns.clear();
  EXPECT_FALSE(cache.Put(none, kNow));
  EXPECT_FALSE(cache.Put(Of("a.example", 0), kNow));
  EXPECT_EQ(cache.stats().entries, 0U);
}

// Covers: REC-30
TEST_F(DelegationCacheTest, NamesAndAddressesAreKeptOnce) {
  Delegation delegation = Of("a.example", 300, "ns1.example");
  delegation.ns.push_back(N("NS1.example"));
  delegation.ns.push_back(N("ns2.example"));
  delegation.glue = {{N("ns1.example"), Ip("192.0.2.1")},
                     {N("ns1.example"), Ip("192.0.2.1")},
                     {N("ns2.example"), Ip("192.0.2.1")},
                     {N("ns2.example"), Ip("2001:db8::1")},
                     {N("stranger.example"), Ip("192.0.2.66")}};
  const DelegationPtr kept = cache.Put(delegation, kNow);
  ASSERT_TRUE(kept);
  EXPECT_EQ(Names(*kept), (std::vector<Name>{N("ns1.example"), N("ns2.example")}));
  ASSERT_EQ(kept->glue.size(), 2U);
  EXPECT_EQ(kept->glue[0].address, Ip("192.0.2.1"));
  EXPECT_EQ(kept->glue[0].ns, N("ns1.example"));
  EXPECT_EQ(kept->glue[1].address, Ip("2001:db8::1"));
}

// Covers: ATK-10
TEST_F(DelegationCacheTest, KeepsABoundedPartOfAHugeReferral) {
  Delegation delegation = Of("a.example");
  for (int i = 0; i < 1500; ++i) {
    const Name ns = N("ns" + std::to_string(i) + ".a.example");
    delegation.ns.push_back(ns);
    Ipv4 address;
    address.octets = {198, 51, static_cast<std::uint8_t>(i / 256),
                      static_cast<std::uint8_t>(i % 256)};
    for (int copy = 0; copy < 3; ++copy) {
      delegation.glue.push_back({ns, address});
      ++address.octets[0];
    }
  }
  const DelegationPtr kept = cache.Put(delegation, kNow);
  EXPECT_EQ(kept->ns.size(), DelegationCache::kMaxNs);
  EXPECT_EQ(kept->glue.size(), DelegationCache::kMaxGlue);
}

TEST_F(DelegationCacheTest, HoldsNoMoreOctetsThanItMay) {
  for (int i = 0; i < 5000; ++i) {
    cache.Put(Of("z" + std::to_string(i) + ".example"), kNow);
    ASSERT_LE(cache.stats().cost, cache.stats().capacity);
  }
  EXPECT_GT(cache.stats().evictions, 0U);
  EXPECT_EQ(Deepest("www.z4999.example"), N("z4999.example"));
  cache.Clear();
  EXPECT_EQ(cache.stats().cost, 0U);
}

// Covers: CAC-12
TEST_F(DelegationCacheTest, IsFlushedByZoneAndBySubtree) {
  for (const char* zone : {"example", "a.example", "b.a.example", "xa.example"}) {
    cache.Put(Of(zone), kNow);
  }
  EXPECT_EQ(cache.Flush(N("A.example")), 1U);
  EXPECT_EQ(Deepest("www.a.example"), N("example"));
  EXPECT_EQ(cache.FlushBelow(N("a.example")), 1U);
  EXPECT_EQ(Deepest("www.b.a.example"), N("example"));
  EXPECT_EQ(Deepest("xa.example"), N("xa.example"));
}

TEST(DelegationCacheThreads, ShareIt) {
  DelegationCache cache(std::size_t{1} << 20);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&cache] {
      for (int i = 0; i < 2000; ++i) {
        const std::string zone = "z" + std::to_string(i % 900) + ".example";
        cache.Put(Of(zone), kNow);
        if (const DelegationPtr found = cache.FindDeepest(N("www." + zone), kNow)) {
          EXPECT_EQ(found->ns.size(), 1U);
        }
        if (i % 10 == 0) cache.Flush(N(zone));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.stats().cost, cache.stats().capacity);
}

}  // namespace
}  // namespace resolve64::cache
