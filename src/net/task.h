// Coroutines of one thread: a Task is owned, and dropping it cancels it.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <list>
#include <optional>
#include <utility>

#include "net/frame_pool.h"
#include "net/scheduler.h"

namespace resolve64::net {

template <class T>
class Task;

namespace internal {

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr exception;

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      const auto next = self.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  static void* operator new(std::size_t size) { return FramePool::Take(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    FramePool::Give(frame, size);
  }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  void return_value(T result) { value.emplace(std::move(result)); }
  T Take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void Take() const {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace internal

/// A computation that starts when it is awaited and ends before its owner does. Destroying it
/// destroys its frame and with it everything that the frame waits for. An exception means a bug or
/// no memory, and travels to the awaiter.
template <class T>
class [[nodiscard("a Task does nothing until it is awaited")]] Task {
 public:
  using promise_type = internal::Promise<T>;

  Task(Task && other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    std::coroutine_handle<promise_type> handle;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) const noexcept {
      handle.promise().continuation = caller;
      return handle;
    }
    T await_resume() const { return handle.promise().Take(); }
  };
  /// The Task must live until the co_await is over: a temporary of the same expression does.
  Awaiter operator co_await() const noexcept { return Awaiter{handle_}; }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

namespace internal {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace internal

/// A flag that tasks wait for. Waiters are resumed from Scheduler::Turn(), never from inside Set().
/// Destroying the event leaves its waiters asleep: they belong to someone who is about to destroy
/// them.
class Event {
 public:
  explicit Event(Scheduler& scheduler) : scheduler_(scheduler) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    while (first_ != nullptr) Unlink(*first_);
  }

  /// An awaitable: true when the event is set, false when its deadline came first.
  class Waiter : private ReadyNode, private TimerNode {
   public:
    Waiter(Event& event, std::optional<TimePoint> deadline) : event_(&event), deadline_(deadline) {}
    ~Waiter() override {
      if (linked_) event_->Unlink(*this);
    }
    bool await_ready() const noexcept { return event_->set_; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      event_->Link(*this);
      if (deadline_) event_->scheduler_.Arm(*this, *deadline_);
    }
    bool await_resume() const noexcept { return happened_ || event_->set_; }

   private:
    friend class Event;
    void Run() noexcept override { handle_.resume(); }
    void Fire() noexcept override {
      event_->Unlink(*this);
      event_->scheduler_.Post(*this);
    }

    Event* event_;
    std::optional<TimePoint> deadline_;
    std::coroutine_handle<> handle_;
    Waiter* previous_ = nullptr;
    Waiter* next_ = nullptr;
    bool linked_ = false;
    bool happened_ = false;
  };

  void Set() noexcept {
    set_ = true;
    while (first_ != nullptr) {
      Waiter& waiter = *first_;
      Unlink(waiter);
      waiter.Disarm();
      waiter.happened_ = true;
      scheduler_.Post(waiter);
    }
  }
  void Reset() noexcept { set_ = false; }
  [[nodiscard]] bool is_set() const noexcept { return set_; }
  [[nodiscard]] bool has_waiters() const noexcept { return first_ != nullptr; }
  Scheduler& scheduler() noexcept { return scheduler_; }

  Waiter Wait() { return Waiter(*this, std::nullopt); }
  Waiter WaitUntil(TimePoint deadline) { return Waiter(*this, deadline); }

 private:
  void Link(Waiter& waiter) noexcept {
    waiter.previous_ = last_;
    waiter.next_ = nullptr;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
    waiter.linked_ = true;
  }
  void Unlink(Waiter& waiter) noexcept {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
    waiter.linked_ = false;
  }

  Scheduler& scheduler_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  bool set_ = false;
};

/// Tasks that run by themselves, each until it ends or the scope does. A task that ends is
/// destroyed in a later step of the turn. An exception that leaves a task ends the program: tasks
/// catch their own.
class TaskScope {
 public:
  explicit TaskScope(Scheduler& scheduler) : reaper_(*this), scheduler_(scheduler) {}
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope() { Clear(); }

  /// Starts `task` at once; it runs until it first waits before Spawn() returns.
  void Spawn(Task<void> task) {
    Root& root = roots_.emplace_back();
    root.self = std::prev(roots_.end());
    root.handle = Run(*this, root, std::move(task)).handle;
    root.handle.resume();
  }
  /// Cancels every task.
  void Clear() {
    finished_.clear();
    while (!roots_.empty()) {
      Roots doomed;
      doomed.splice(doomed.end(), roots_, roots_.begin());
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return roots_.size(); }
  [[nodiscard]] bool empty() const noexcept { return roots_.empty(); }

 private:
  struct Root;
  using Roots = std::list<Root, FrameAllocator<Root>>;
  struct Root {
    Root() = default;
    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;
    ~Root() {
      if (handle) handle.destroy();
    }
    std::coroutine_handle<> handle;
    Roots::iterator self;
  };
  struct Frame {
    struct promise_type {
      TaskScope& scope;
      Root& root;
      promise_type(TaskScope& s, Root& r, Task<void>&) : scope(s), root(r) {}
      static void* operator new(std::size_t size) { return FramePool::Take(size); }
      static void operator delete(void* frame, std::size_t size) noexcept {
        FramePool::Give(frame, size);
      }
      Frame get_return_object() noexcept {
        return Frame{std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() const noexcept { return {}; }
      struct Final {
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
          promise_type& promise = self.promise();
          promise.scope.Finish(promise.root);
        }
        void await_resume() const noexcept {}
      };
      Final final_suspend() const noexcept { return {}; }
      void return_void() const noexcept {}
      [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }
    };
    std::coroutine_handle<> handle;
  };
  struct Reaper : ReadyNode {
    explicit Reaper(TaskScope& s) : scope(s) {}
    void Run() noexcept override { scope.finished_.clear(); }
    TaskScope& scope;
  };

  static Frame Run(TaskScope& /*scope*/, Root& /*root*/, Task<void> task) { co_await task; }
  void Finish(Root& root) noexcept {
    finished_.splice(finished_.end(), roots_, root.self);
    scheduler_.Post(reaper_);
  }

  Roots roots_;
  Roots finished_;
  Reaper reaper_;
  Scheduler& scheduler_;
};

/// A Task that was set going beside its owner, and whose result can be waited for. Destroying it
/// cancels.
template <class T>
class Started {
 public:
  Started(Scheduler& scheduler, Task<T> task) : done_(scheduler), scope_(scheduler) {
    scope_.Spawn(Drive(*this, std::move(task)));
  }

  [[nodiscard]] bool done() const noexcept { return done_.is_set(); }
  /// Awaitables. True when the result is there.
  Event::Waiter Wait() { return done_.Wait(); }
  Event::Waiter WaitUntil(TimePoint deadline) { return done_.WaitUntil(deadline); }
  /// REQUIRES: done().
  T& result() noexcept { return *result_; }

 private:
  static Task<void> Drive(Started& self, Task<T> task) {
    T result = co_await task;
    self.result_.emplace(std::move(result));
    self.done_.Set();
  }

  std::optional<T> result_;
  Event done_;
  TaskScope scope_;
};

/// Values that arrive one by one for one reader.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(Scheduler& scheduler) : arrived_(scheduler) {}

  void Push(T value) {
    values_.push_back(std::move(value));
    arrived_.Set();
  }
  /// The next value; empty when `deadline` came first.
  Task<std::optional<T>> Pop(TimePoint deadline) {
    while (values_.empty()) {
      arrived_.Reset();
      Event::Waiter waiter = arrived_.WaitUntil(deadline);
      const bool happened = co_await waiter;
      if (!happened) co_return std::nullopt;
    }
    T value = std::move(values_.front());
    values_.pop_front();
    co_return std::optional<T>(std::move(value));
  }

 private:
  std::list<T, FrameAllocator<T>> values_;
  Event arrived_;
};

}  // namespace resolve64::net
