// Memory that begins as zeros, and is the system's until it is written.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace resolve64 {

/// As many values of `T` as it was made for, all of them zero at first. A large one costs nothing
/// until it is used: the system has zeroed pages at hand, and gives each at its first write. A
/// std::vector would write them all at once. Not thread-safe.
template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit ZeroedArray(std::size_t count)
      : values_(static_cast<T*>(std::calloc(count, sizeof(T)))), count_(count) {
    if (values_ == nullptr && count != 0) throw std::bad_alloc();
  }

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  T& operator[](std::size_t at) noexcept { return values_.get()[at]; }
  const T& operator[](std::size_t at) const noexcept { return values_.get()[at]; }
  /// All zeros again.
  void Clear() { *this = ZeroedArray(count_); }

 private:
  struct Free {
    void operator()(T* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<T, Free> values_;
  std::size_t count_;
};

}  // namespace resolve64
