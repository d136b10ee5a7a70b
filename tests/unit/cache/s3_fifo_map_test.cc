#include "cache/s3_fifo_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "support/zipf.h"

namespace resolve64::cache {
namespace {

struct Item {
  int key = -1;
  std::size_t cost = 1;
  std::shared_ptr<int> held;
};

// By what the items say; counts what enters and leaves.
struct ByCost : CountEntries {
  [[nodiscard]] static std::size_t Cost(const Item& item) { return item.cost; }
  void Leave(const Item& /*item*/) { ++left; }
  void Stay(Item& /*item*/) { ++stayed; }
  int left = 0;
  int stayed = 0;
};

struct ByOctets : ByCost {
  static constexpr bool kOctets = true;
};

// Keys are their own hashes, spread, unless a test wants them to collide.
class S3FifoMapTest : public ::testing::Test {
 protected:
  static auto Is(int key) {
    return [key](const Item& item) { return item.key == key; };
  }
  bool Put(int key, std::size_t cost = 1) {
    return map.Put(HashOf(key), Is(key), Item{key, cost, nullptr});
  }
  bool Hit(int key) { return map.Find(HashOf(key), Is(key)) != nullptr; }
  bool Has(int key) { return map.Peek(HashOf(key), Is(key)) != nullptr; }
  [[nodiscard]] std::uint32_t HashOf(int key) const {
    return collide ? 0xFFFFFFFE : static_cast<std::uint32_t>(key) * 2654435761U;
  }

  S3FifoMap<Item, ByCost> map{20};
  bool collide = false;
};

TEST_F(S3FifoMapTest, FindsWhatWasPutIn) {
  EXPECT_FALSE(Hit(1));
  EXPECT_TRUE(Put(1));
  EXPECT_TRUE(Hit(1));
  EXPECT_FALSE(Hit(2));
  EXPECT_EQ(map.size(), 1U);
}

// The queue of the new ones holds two of the twenty.
TEST_F(S3FifoMapTest, EvictsANewOneThatNobodyAskedFor) {
  for (int key = 0; key < 20; ++key) Put(key);
  Put(20);
  EXPECT_FALSE(Has(18));
  EXPECT_TRUE(Has(20));
  EXPECT_EQ(map.size(), 20U);
  EXPECT_EQ(map.evictions(), 1U);
}

TEST_F(S3FifoMapTest, EvictsTheOldestWithoutAHitWhereTheNewOnesWereAskedFor) {
  for (int key = 0; key < 20; ++key) Put(key);
  for (const int key : {0, 18, 19}) Hit(key);
  Put(20);
  EXPECT_TRUE(Has(0));
  EXPECT_FALSE(Has(1));
  EXPECT_TRUE(Has(18));
  EXPECT_TRUE(Has(20));
}

TEST_F(S3FifoMapTest, AFloodOfNamesThatNobodyAsksForAgainDrivesOutATenth) {
  for (int key = 0; key < 20; ++key) Put(key);
  for (int key = 0; key < 20; ++key) Hit(key);
  for (int key = 1000; key < 3000; ++key) Put(key);
  int left = 0;
  for (int key = 0; key < 20; ++key) left += Has(key) ? 1 : 0;
  EXPECT_GE(left, 17);
}

TEST_F(S3FifoMapTest, WhatComesBackSoonAfterItLeftStays) {
  for (int key = 0; key < 40; ++key) Put(key);
  for (int key = 0; key < 40; ++key) Hit(key);
  Put(100);
  for (int key = 101; Has(100); ++key) Put(key);
  Put(100);
  for (int key = 200; key < 210; ++key) Put(key);
  EXPECT_TRUE(Has(100));
}

TEST_F(S3FifoMapTest, PeekIsNoHit) {
  for (int key = 0; key < 20; ++key) Put(key);
  Has(18);
  Put(20);
  EXPECT_FALSE(Has(18));
}

TEST_F(S3FifoMapTest, PutInPlaceKeepsTheHits) {
  for (int key = 0; key < 20; ++key) Put(key);
  Hit(18);
  Put(18);
  EXPECT_EQ(map.size(), 20U);
  Put(20);
  EXPECT_TRUE(Has(18));
}

TEST_F(S3FifoMapTest, PutInPlaceEvictsWhatDoesNotFitAnyMore) {
  for (int key = 0; key < 20; ++key) Put(key);
  EXPECT_TRUE(Put(0, 11));
  EXPECT_LE(map.cost(), 20U);
  EXPECT_FALSE(Put(1, 21));
  EXPECT_FALSE(Has(1)) << "what it was is not true any more";
}

TEST_F(S3FifoMapTest, EvictsUntilTheNewOneFits) {
  for (int key = 0; key < 20; ++key) Put(key);
  EXPECT_TRUE(Put(100, 15));
  EXPECT_EQ(map.size(), 6U);
  EXPECT_EQ(map.cost(), 20U);
}

TEST_F(S3FifoMapTest, RefusesWhatCannotFitAndKeepsTheRest) {
  Put(1);
  EXPECT_FALSE(Put(2, 21));
  EXPECT_TRUE(Has(1));
  EXPECT_EQ(map.cost(), 1U);
  EXPECT_EQ(map.policy().left, 1);
}

TEST_F(S3FifoMapTest, ValuesOfOneHashAreToldApart) {
  collide = true;
  for (const int key : {1, 2, 3, 4}) Put(key);
  for (const int key : {1, 2, 3, 4}) EXPECT_TRUE(Hit(key));
  EXPECT_EQ(map.Count(HashOf(1), [](const Item&) { return true; }), 4U);
  EXPECT_EQ(map.Erase(HashOf(1), [](const Item& item) { return item.key >= 3; }), 2U);
  EXPECT_TRUE(Has(1));
  EXPECT_FALSE(Has(3));
}

TEST_F(S3FifoMapTest, ErasesNoMoreThanAskedFor) {
  collide = true;
  for (const int key : {1, 2, 3, 4}) Put(key);
  const auto any = [](const Item&) { return true; };
  EXPECT_EQ(map.Erase(HashOf(1), any, 1), 1U);
  EXPECT_EQ(map.size(), 3U);
}

TEST_F(S3FifoMapTest, AnErasedValueIsLetGoAtOnce) {
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = held;
  map.Insert(9, Item{9, 1, std::move(held)});
  map.Erase(9, [](const Item&) { return true; });
  EXPECT_TRUE(watch.expired());
}

TEST(S3FifoMapQueue, DoesNotGrowByWhatComesAndIsErased) {
  S3FifoMap<Item, ByOctets> map(100'000);
  const auto same = [](int key) { return [key](const Item& item) { return item.key == key; }; };
  for (int key = 0; key < 50; ++key)
    map.Insert(static_cast<std::uint32_t>(key), Item{key, 100, {}});
  const std::size_t before = map.cost();
  for (int i = 0; i < 20'000; ++i) {
    map.Insert(1000, Item{1000, 1, {}});
    ASSERT_EQ(map.Erase(1000, same(1000)), 1U);
  }
  EXPECT_LE(map.cost(), before + 2048);
  for (int key = 0; key < 50; ++key)
    EXPECT_TRUE(map.Peek(static_cast<std::uint32_t>(key), same(key)));
}

TEST_F(S3FifoMapTest, ClearLeavesNothing) {
  for (int key = 0; key < 30; ++key) Put(key);
  map.Clear();
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.cost(), 0U);
  EXPECT_EQ(map.evictions(), 10U);
  EXPECT_FALSE(Has(29));
  EXPECT_TRUE(Put(6));
  EXPECT_TRUE(Has(6));
}

TEST(S3FifoMapWalk, MeetsEachOnceInBatchesAndErasesWhatIsSaid) {
  S3FifoMap<Item> map(1000);
  for (int key = 0; key < 500; ++key) map.Insert(static_cast<std::uint32_t>(key), Item{key, 1, {}});
  std::vector<int> met;
  std::size_t place = 0;
  std::size_t batches = 0;
  do {
    place = map.Walk(place, 64, [&](Item& item) {
      met.push_back(item.key);
      return item.key % 2 == 0;
    });
    ++batches;
  } while (place != 0);
  std::sort(met.begin(), met.end());
  ASSERT_EQ(met.size(), 500U);
  EXPECT_TRUE(std::adjacent_find(met.begin(), met.end()) == met.end());
  EXPECT_EQ(batches, 8U);
  EXPECT_EQ(map.size(), 250U);
  EXPECT_EQ(map.Walk(0, 1000, [](Item&) { return true; }), 0U);
  EXPECT_EQ(map.size(), 0U);
}

TEST(S3FifoMapOctets, CountItsTablesAndNeverPassTheBound) {
  S3FifoMap<Item, ByOctets> map(200'000);
  std::mt19937 random(1);
  std::size_t most = 0;
  for (int step = 0; step < 60'000; ++step) {
    const int key = static_cast<int>(random() % 5000);
    // Small ones first, so that the tables grow; then ones that leave them little.
    const std::size_t cost = step < 20'000 ? 20 : 200 + random() % 3000;
    const auto same = [key](const Item& item) { return item.key == key; };
    if (map.Find(static_cast<std::uint32_t>(key) * 2654435761U, same) == nullptr) {
      map.Insert(static_cast<std::uint32_t>(key) * 2654435761U, Item{key, cost, {}});
    }
    ASSERT_LE(map.cost(), map.capacity()) << step;
    most = std::max(most, map.cost());
  }
  EXPECT_GT(most, map.capacity() * 95 / 100);
  EXPECT_GT(map.evictions(), 1000U);
  EXPECT_FALSE(map.Insert(1, Item{1, 200'000, {}}));
  while (map.size() > 0) map.Walk(0, 1'000'000, [](Item&) { return true; });
  EXPECT_EQ(map.cost(), 0U);
}

// What the map says it holds is what it holds, whatever is done to it.
TEST(S3FifoMapModel, DoesAsAPlainMapDoesInARandomRun) {
  for (const std::uint32_t hashes : {1U, 7U, 1000U}) {
    std::mt19937 random(hashes);
    S3FifoMap<Item, ByCost> map(60);
    std::map<int, std::size_t> model;  // what was put in and not erased; some are evicted
    int put = 0;
    for (int step = 0; step < 30'000; ++step) {
      const int key = static_cast<int>(random() % 100);
      const std::uint32_t hash = static_cast<std::uint32_t>(key) % hashes * 2654435761U;
      const auto same = [key](const Item& item) { return item.key == key; };
      switch (random() % 4) {
        case 0:
        case 1:
          if (const Item* item = map.Find(hash, same)) {
            ASSERT_EQ(item->cost, model.at(key));
          }
          break;
        case 2: {
          const std::size_t cost = 1 + random() % 5;
          ASSERT_TRUE(map.Put(hash, same, Item{key, cost, {}}));
          ++put;
          model[key] = cost;
          break;
        }
        default:
          if (random() % 8 == 0) {
            map.Erase(hash, same);
            model.erase(key);
            ASSERT_EQ(map.Peek(hash, same), nullptr);
          }
      }
      std::size_t cost = 0;
      std::size_t size = 0;
      map.Walk(0, 1000, [&](const Item& item) {
        cost += item.cost;
        ++size;
        EXPECT_EQ(item.cost, model.at(item.key));
        return false;
      });
      ASSERT_EQ(map.cost(), cost) << step;
      ASSERT_EQ(map.size(), size) << step;
      ASSERT_LE(map.cost(), map.capacity());
      ASSERT_EQ(map.policy().left + static_cast<int>(size), put) << step;
    }
    EXPECT_GT(map.evictions(), 100U);
    EXPECT_GT(map.policy().stayed, 100);
  }
}

//--- How often it has what is asked for ---

class Ours {
 public:
  explicit Ours(std::size_t capacity) : map_(capacity) {}
  bool Ask(std::uint32_t key) {
    const std::uint32_t hash = (key + 1) * 2654435761U;
    if (map_.Find(hash, [key](std::uint32_t other) { return other == key; }) != nullptr)
      return true;
    map_.Insert(hash, key);
    return false;
  }

 private:
  S3FifoMap<std::uint32_t> map_;
};

// Names by Zipf's law, and, of `once` in a hundred questions, a name that is asked for once.
std::vector<std::uint32_t> Questions(double skew, unsigned once) {
  constexpr std::uint32_t kNames = 20'000;
  std::mt19937_64 random(7);
  std::vector<std::uint32_t> questions = testing::ZipfTrace(kNames, 200'000, skew, random);
  std::uint32_t fresh = kNames;
  for (std::uint32_t& name : questions) {
    if (random() % 100 < once) name = fresh++;
  }
  return questions;
}

TEST(S3FifoMapHitRate, IsAboveThatOfLruOnZipfTraces) {
  for (const double skew : {0.8, 1.0, 1.2}) {
    for (const unsigned once : {0U, 50U}) {
      const std::vector<std::uint32_t> questions = Questions(skew, once);
      for (const std::size_t capacity : {200U, 1000U, 4000U}) {
        testing::Lru lru(capacity);
        Ours ours(capacity);
        int lru_hits = 0;
        int hits = 0;
        for (const std::uint32_t name : questions) {
          lru_hits += lru.Ask(name) ? 1 : 0;
          hits += ours.Ask(name) ? 1 : 0;
        }
        EXPECT_GT(hits, lru_hits) << skew << ' ' << once << ' ' << capacity;
      }
    }
  }
}

}  // namespace
}  // namespace resolve64::cache
