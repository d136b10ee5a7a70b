#include "net/frame_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace resolve64::net {
namespace {

TEST(FramePool, BlocksInUseAreDistinctAndWhole) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (const std::size_t size : {1, 63, 64, 65, 640, 4096, 8192, 8193, 100'000}) {
    for (unsigned i = 0; i < 3; ++i) {
      auto* block = static_cast<unsigned char*>(FramePool::Take(size));
      std::memset(block, static_cast<int>(blocks.size()), size);
      blocks.emplace_back(block, size);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& [block, size] = blocks[i];
    for (std::size_t at = 0; at < size; ++at) ASSERT_EQ(block[at], i);
    FramePool::Give(block, size);
  }
}

TEST(FramePool, AThreadLeavesNothingBehind) {
  void* survivor = nullptr;
  std::thread thread([&] {
    survivor = FramePool::Take(500);
    for (int i = 0; i < 100; ++i) FramePool::Give(FramePool::Take(500), 500);
  });
  thread.join();
  FramePool::Give(survivor, 500);  // of another thread: kept here
}

TEST(FramePool, ServesSharedPointersAndNodes) {
  const auto number = std::allocate_shared<int>(FrameAllocator<int>(), 7);
  std::list<int, FrameAllocator<int>> list(100, 3);
  list.remove(3);
  EXPECT_EQ(*number, 7);
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace resolve64::net
