// Memory of coroutine frames and of what lives as long as one: taken and given back by the
// thousand, always in the same few sizes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace resolve64::net {

/// Free blocks of the thread that calls, in classes of kStep octets. A block that is given back
/// stays for the next frame of its class, up to kKeep octets of each class; larger blocks and what
/// is over go to the heap. Under the sanitizers everything does, so that they see each use after
/// the end.
class FramePool {
 public:
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kLargest = 8192;  ///< octets of a block that is kept
  static constexpr std::size_t kKeep = std::size_t{256} * 1024;

  /// Aligned as operator new does it. Throws std::bad_alloc.
  [[nodiscard]] static void* Take(std::size_t size) {
    if constexpr (kPooled) {
      const std::size_t at = ClassOf(size);
      if (at < kClasses && lists_[at].first != nullptr) {
        List& list = lists_[at];
        Block* block = list.first;
        list.first = block->next;
        --list.length;
        return block;
      }
      return at < kClasses ? Make((at + 1) * kStep) : ::operator new(size);
    }
    return ::operator new(size);
  }

  /// `size` as it was taken. By the thread that took it, or by another one that then keeps it.
  static void Give(void* memory, std::size_t size) noexcept {
    if constexpr (kPooled) {
      const std::size_t at = ClassOf(size);
      if (at < kClasses && lists_[at].length < kKeep / ((at + 1) * kStep) && open_) {
        List& list = lists_[at];
        list.first = new (memory) Block{list.first};
        ++list.length;
        return;
      }
    }
    ::operator delete(memory);
  }

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr bool kPooled = false;
#elif defined(__has_feature)  // Clang
  static constexpr bool kPooled =
      !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
  static constexpr bool kPooled = true;
#endif
  static constexpr std::size_t kClasses = kLargest / kStep;

  struct Block {
    Block* next;
  };
  struct List {
    Block* first = nullptr;
    std::size_t length = 0;
  };
  struct Owner;  // frees the lists when the thread ends

  static std::size_t ClassOf(std::size_t size) noexcept { return (size - 1) / kStep; }
  static void* Make(std::size_t size);

  static constinit thread_local std::array<List, kClasses> lists_;
  static constinit thread_local bool open_;  // false before the first block and after the thread
};

/// The pool as an allocator, for std::allocate_shared and node containers.
template <class T>
struct FrameAllocator {
  using value_type = T;

  FrameAllocator() = default;
  template <class U>
  FrameAllocator(const FrameAllocator<U>& /*other*/) noexcept {}  // NOLINT(*-explicit-*): rebinding

  [[nodiscard]] T* allocate(std::size_t count) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<T*>(FramePool::Take(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    FramePool::Give(memory, count * sizeof(T));
  }
  friend bool operator==(const FrameAllocator&, const FrameAllocator&) = default;
};

}  // namespace resolve64::net
