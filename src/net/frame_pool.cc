#include "net/frame_pool.h"

namespace resolve64::net {

constinit thread_local std::array<FramePool::List, FramePool::kClasses> FramePool::lists_{};
constinit thread_local bool FramePool::open_ = false;

struct FramePool::Owner {
  Owner() noexcept { open_ = true; }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() {
    open_ = false;
    for (List& list : lists_) {
      while (list.first != nullptr) {
        Block* block = list.first;
        list.first = block->next;
        ::operator delete(block);
      }
      list.length = 0;
    }
  }
};

void* FramePool::Make(std::size_t size) {
  thread_local const Owner owner;
  return ::operator new(size);
}

}  // namespace resolve64::net
