#include "cache/sieve_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <memory>
#include <random>
#include <vector>

namespace resolve64::cache {
namespace {

struct Item {
  int key = -1;
  std::shared_ptr<int> held;
};

// Keys are their own hashes, unless a test wants them to collide.
class SieveMapTest : public ::testing::Test {
 protected:
  bool Put(int key, std::size_t cost = 1) {
    map.Erase(HashOf(key), [key](const Item& item) { return item.key == key; });
    return map.Insert(HashOf(key), Item{key, nullptr}, cost);
  }
  bool Hit(int key) {
    return map.Find(HashOf(key), [key](const Item& item) { return item.key == key; }) != nullptr;
  }
  bool Has(int key) {
    return map.Peek(HashOf(key), [key](const Item& item) { return item.key == key; }) != nullptr;
  }
  [[nodiscard]] std::uint32_t HashOf(int key) const {
    return collide ? 0xFFFFFFFE : static_cast<std::uint32_t>(key);
  }

  SieveMap<Item> map{4};
  bool collide = false;
};

TEST_F(SieveMapTest, FindsWhatWasPutIn) {
  EXPECT_FALSE(Hit(1));
  EXPECT_TRUE(Put(1));
  EXPECT_TRUE(Hit(1));
  EXPECT_FALSE(Hit(2));
  EXPECT_EQ(map.size(), 1U);
}

TEST_F(SieveMapTest, EvictsTheOldestThatWasNotAskedFor) {
  for (const int key : {1, 2, 3, 4}) Put(key);
  Hit(1);
  Put(5);  // the hand steps over 1 and takes 2
  EXPECT_TRUE(Has(1));
  EXPECT_FALSE(Has(2));
  EXPECT_TRUE(Has(5));
  EXPECT_EQ(map.evictions(), 1U);
}

TEST_F(SieveMapTest, AHitSavesFromOnePassOfTheHandOnly) {
  for (const int key : {1, 2, 3, 4}) Put(key);
  for (const int key : {1, 2, 3, 4}) Hit(key);
  Put(5);  // all have been asked for: the hand goes round and takes the first
  EXPECT_FALSE(Has(1));
  Put(6);  // and goes on from there
  EXPECT_FALSE(Has(2));
  EXPECT_TRUE(Has(3));
}

TEST_F(SieveMapTest, NewOnesLeaveBeforeOldOnesThatAreInUse) {
  for (const int key : {1, 2}) Put(key);
  for (int key = 100; key < 200; ++key) {
    Put(key);
    Hit(1);
    Hit(2);
  }
  EXPECT_TRUE(Has(1));
  EXPECT_TRUE(Has(2));
}

TEST_F(SieveMapTest, PeekIsNoHit) {
  for (const int key : {1, 2, 3, 4}) Put(key);
  Has(1);
  Put(5);
  EXPECT_FALSE(Has(1));
}

TEST_F(SieveMapTest, EvictsUntilTheNewOneFits) {
  for (const int key : {1, 2, 3, 4}) Put(key);
  EXPECT_TRUE(Put(5, 3));
  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(map.cost(), 4U);
  EXPECT_TRUE(Has(4));
}

TEST_F(SieveMapTest, RefusesWhatCannotFitAndKeepsTheRest) {
  Put(1);
  EXPECT_FALSE(Put(2, 5));
  EXPECT_TRUE(Has(1));
  EXPECT_EQ(map.cost(), 1U);
}

TEST_F(SieveMapTest, ValuesOfOneHashAreToldApart) {
  collide = true;
  for (const int key : {1, 2, 3, 4}) Put(key);
  for (const int key : {1, 2, 3, 4}) EXPECT_TRUE(Hit(key));
  EXPECT_EQ(map.Count(HashOf(1), [](const Item&) { return true; }), 4U);
  EXPECT_EQ(map.Erase(HashOf(1), [](const Item& item) { return item.key >= 3; }), 2U);
  EXPECT_TRUE(Has(1));
  EXPECT_FALSE(Has(3));
}

TEST_F(SieveMapTest, ErasesNoMoreThanAskedFor) {
  collide = true;
  for (const int key : {1, 2, 3, 4}) Put(key);
  EXPECT_EQ(map.Erase(
                HashOf(1), [](const Item&) { return true; }, 1),
            1U);
  EXPECT_EQ(map.size(), 3U);
}

TEST_F(SieveMapTest, AnErasedValueIsLetGoAtOnce) {
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = held;
  map.Insert(9, Item{9, std::move(held)}, 1);
  map.Erase(9, [](const Item&) { return true; });
  EXPECT_TRUE(watch.expired());
}

TEST_F(SieveMapTest, ErasingTheEntryUnderTheHandIsSafe) {
  for (const int key : {1, 2, 3, 4}) Put(key);
  Hit(1);
  Put(5);  // the hand is at 3 now
  map.Erase(3, [](const Item&) { return true; });
  Put(6);
  Put(7);
  EXPECT_FALSE(Has(4));
  EXPECT_EQ(map.size(), 4U);
}

TEST_F(SieveMapTest, ClearLeavesNothing) {
  for (const int key : {1, 2, 3, 4, 5}) Put(key);
  map.Clear();
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.cost(), 0U);
  EXPECT_EQ(map.evictions(), 1U);
  EXPECT_FALSE(Has(5));
  EXPECT_TRUE(Put(6));
  EXPECT_TRUE(Has(6));
}

TEST(SieveMapWalk, MeetsEachOnceInBatchesAndErasesWhatIsSaid) {
  SieveMap<Item> map(1000);
  for (int key = 0; key < 500; ++key) map.Insert(static_cast<std::uint32_t>(key), Item{key, {}}, 1);
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
}

// SIEVE as the paper has it, on a list: slow and plain.
class Model {
 public:
  explicit Model(std::size_t capacity) : capacity_(capacity), hand_(queue_.end()) {}

  bool Hit(int key) {
    const auto at = Find(key);
    if (at == queue_.end()) return false;
    at->visited = true;
    return true;
  }
  void Put(int key, std::size_t cost) {
    Erase(key);
    if (cost > capacity_) return;
    while (cost_ + cost > capacity_) Evict();
    queue_.push_back({key, cost, false});  // the back is the newest
    cost_ += cost;
  }
  void Erase(int key) {
    const auto at = Find(key);
    if (at == queue_.end()) return;
    cost_ -= at->cost;
    if (hand_ == at) {
      hand_ = queue_.erase(at);
    } else {
      queue_.erase(at);
    }
  }
  [[nodiscard]] std::size_t cost() const { return cost_; }
  [[nodiscard]] std::size_t size() const { return queue_.size(); }

 private:
  struct Entry {
    int key;
    std::size_t cost;
    bool visited;
  };
  std::list<Entry>::iterator Find(int key) {
    return std::find_if(queue_.begin(), queue_.end(),
                        [key](const Entry& entry) { return entry.key == key; });
  }
  void Evict() {
    for (;;) {
      if (hand_ == queue_.end()) hand_ = queue_.begin();
      if (!hand_->visited) break;
      hand_->visited = false;
      ++hand_;
    }
    cost_ -= hand_->cost;
    hand_ = queue_.erase(hand_);
  }

  std::list<Entry> queue_;
  std::size_t capacity_;
  std::size_t cost_ = 0;
  std::list<Entry>::iterator hand_;
};

TEST(SieveMapModel, DoesAsTheModelDoesInARandomRun) {
  for (const std::uint32_t hashes : {1U, 7U, 1000U}) {
    std::mt19937 random(hashes);
    SieveMap<Item> map(60);
    Model model(60);
    for (int step = 0; step < 30'000; ++step) {
      const int key = static_cast<int>(random() % 100);
      const std::uint32_t hash = static_cast<std::uint32_t>(key) % hashes;
      const auto same = [key](const Item& item) { return item.key == key; };
      switch (random() % 4) {
        case 0:
        case 1:
          ASSERT_EQ(map.Find(hash, same) != nullptr, model.Hit(key)) << step;
          break;
        case 2: {
          const std::size_t cost = 1 + random() % 5;
          map.Erase(hash, same);
          map.Insert(hash, Item{key, {}}, cost);
          model.Put(key, cost);
          break;
        }
        default:
          if (random() % 8 == 0) {
            map.Erase(hash, same);
            model.Erase(key);
          }
      }
      ASSERT_EQ(map.cost(), model.cost()) << step;
      ASSERT_EQ(map.size(), model.size()) << step;
      ASSERT_LE(map.cost(), map.capacity());
    }
    EXPECT_GT(map.evictions(), 100U);
  }
}

}  // namespace
}  // namespace resolve64::cache
