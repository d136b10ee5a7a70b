// One thread's event loop: a Scheduler, a Poller, and a libuv loop for signals and for waking from
// other threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/scheduler.h"

struct uv_loop_s;

namespace resolve64::net {

/// Told when a descriptor is ready.
class FdWatcher {
 public:
  virtual ~FdWatcher() = default;
  /// `events` are EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. May remove any descriptor, its own
  /// included.
  virtual void OnReady(std::uint32_t events) noexcept = 0;
};

/// Readiness of descriptors that come and go by the thousand, and can be closed at once, where a
/// uv_poll_t has to wait for its close callback. Level-triggered. Not thread-safe.
class Poller {
 public:
  static constexpr Duration kPreferredEvery = std::chrono::milliseconds(1);

  virtual ~Poller() = default;
  /// Watches `fd` for `events`. False where the system refuses. `watcher` is borrowed until
  /// Remove().
  virtual bool Add(int fd, std::uint32_t events, FdWatcher& watcher) noexcept = 0;
  /// `watcher`, which is Add()ed, is told of EPOLLIN also without being asked for, about every
  /// kPreferredEvery, while others keep the loop busy. Until Remove().
  virtual void Prefer(FdWatcher& watcher) = 0;
  virtual bool Modify(int fd, std::uint32_t events, FdWatcher& watcher) noexcept = 0;
  /// No call to the watcher after this, not even for readiness that was already seen. Before
  /// close(fd).
  virtual void Remove(int fd, FdWatcher& watcher) noexcept = 0;
  /// Remove() of a descriptor that is closed next, which the system then forgets by itself.
  /// REQUIRES: no other descriptor stands for the same socket.
  virtual void Forget(int fd, FdWatcher& watcher) noexcept = 0;
};

/// Sleeps in one epoll descriptor; that of libuv is inside it, and libuv runs only when one of its
/// handles has something: a question costs no call into it. Made, run and destroyed by one thread.
class Loop {
 public:
  /// `clock` is borrowed. Throws std::runtime_error where the system has no descriptors left.
  explicit Loop(const Clock& clock);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  /// Closes what is left and runs the close callbacks.
  ~Loop();

  [[nodiscard]] Scheduler& scheduler() noexcept;
  [[nodiscard]] Poller& poller() noexcept;
  /// For handles with descriptors (no timers, no idle handles) that are opened before Run().
  [[nodiscard]] uv_loop_s* uv() noexcept;

  /// Runs until Stop(). After each round of I/O it takes turns of the scheduler.
  void Run();
  /// Any thread.
  void Stop();
  /// Runs `work` on the loop's thread, in the order of the calls. Any thread.
  void Post(std::function<void()> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace resolve64::net
