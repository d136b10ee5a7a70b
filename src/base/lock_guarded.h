// Data that can only be reached through its lock.
#pragma once

#include <mutex>
#include <utility>

namespace resolve64 {

/// A T and its mutex. The T has no other door than Lock(), so that nobody forgets to lock:
///
///     LockGuarded<Table> table;
///     auto locked = table.Lock();
///     locked->Insert(key, value);
///
/// The lock is held as long as what Lock() returned lives: never across a co_await.
template <class T>
class LockGuarded {
 public:
  template <class U>
  class Locked {
   public:
    U& operator*() const noexcept { return *value_; }
    U* operator->() const noexcept { return value_; }

   private:
    friend class LockGuarded;
    Locked(std::mutex& mutex, U& value) : lock_(mutex), value_(&value) {}

    std::unique_lock<std::mutex> lock_;
    U* value_;
  };

  LockGuarded() = default;
  explicit LockGuarded(T value) : value_(std::move(value)) {}
  LockGuarded(const LockGuarded&) = delete;
  LockGuarded& operator=(const LockGuarded&) = delete;

  /// Waits for its turn. Any thread; not twice in one thread at once.
  [[nodiscard]] Locked<T> Lock() { return Locked<T>(mutex_, value_); }
  [[nodiscard]] Locked<const T> Lock() const { return Locked<const T>(mutex_, value_); }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace resolve64
