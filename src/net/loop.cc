#include "net/loop.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace resolve64::net {
namespace {

// Events taken from the kernel at once. Level-triggered, so that what is left over is told again.
constexpr int kEventBatch = 256;

class EpollPoller final : public Poller {
 public:
  EpollPoller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {}
  EpollPoller(const EpollPoller&) = delete;
  EpollPoller& operator=(const EpollPoller&) = delete;
  ~EpollPoller() override {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int fd() const noexcept { return fd_; }

  bool Add(int fd, std::uint32_t events, FdWatcher& watcher) noexcept override {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= entries_.size()) entries_.resize(at + 64);
    entries_[at].watcher = &watcher;
    if (Control(EPOLL_CTL_ADD, fd, events)) return true;
    Clear(at);
    return false;
  }

  bool Modify(int fd, std::uint32_t events, FdWatcher& watcher) noexcept override {
    entries_[static_cast<std::size_t>(fd)].watcher = &watcher;
    return Control(EPOLL_CTL_MOD, fd, events);
  }

  void Remove(int fd, FdWatcher& watcher) noexcept override {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= entries_.size() || entries_[at].watcher != &watcher) return;
    Clear(at);
    ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr);
  }

  void Forget(int fd, FdWatcher& watcher) noexcept override {
    const auto at = static_cast<std::size_t>(fd);
    if (at < entries_.size() && entries_[at].watcher == &watcher) Clear(at);
  }

  void Dispatch() noexcept {
    const int count = ::epoll_wait(fd_, events_.data(), kEventBatch, 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<std::size_t>(i)];
      const auto at = static_cast<std::size_t>(event.data.u64 & 0xFFFFFFFF);
      const Entry& entry = entries_[at];
      // A watcher called before this one may have removed this descriptor, and its number may
      // already stand for another: the generation tells.
      if (entry.watcher == nullptr || entry.generation != event.data.u64 >> 32) continue;
      entry.watcher->OnReady(event.events);
    }
  }

 private:
  struct Entry {
    FdWatcher* watcher = nullptr;
    std::uint32_t generation = 0;
  };

  void Clear(std::size_t at) noexcept {
    entries_[at].watcher = nullptr;
    ++entries_[at].generation;
  }

  bool Control(int operation, int fd, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = static_cast<std::uint64_t>(fd) |
                     static_cast<std::uint64_t>(entries_[static_cast<std::size_t>(fd)].generation)
                         << 32;
    return ::epoll_ctl(fd_, operation, fd, &event) == 0;
  }

  int fd_;
  std::vector<Entry> entries_;  // by descriptor
  std::array<epoll_event, kEventBatch> events_{};
};

[[noreturn]] void Fail(const char* what, int uv_error) {
  throw std::runtime_error(std::string(what) + ": " + uv_strerror(uv_error));
}

}  // namespace

struct Loop::State {
  explicit State(const Clock& clock) : scheduler(clock) {
    // Each handle that is open when something fails would need its close callback: only what can
    // run out of descriptors can fail, and a process that starts without any ends.
    if (poller.fd() < 0) Fail("epoll_create1", -errno);
    if (const int error = uv_loop_init(&loop); error != 0) Fail("uv_loop_init", error);
    if (const int error = uv_async_init(&loop, &async, &State::OnAsync); error != 0) {
      Fail("uv_async_init", error);
    }
    if (const int error = uv_poll_init(&loop, &poll, poller.fd()); error != 0) {
      Fail("uv_poll_init", error);
    }
    uv_prepare_init(&loop, &prepare);
    uv_timer_init(&loop, &timer);
    uv_idle_init(&loop, &idle);
    loop.data = this;
    uv_poll_start(&poll, UV_READABLE, &State::OnPoll);
    uv_prepare_start(&prepare, &State::OnPrepare);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    uv_walk(
        &loop,
        [](uv_handle_t* handle, void*) {
          if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
        },
        nullptr);
    while (uv_loop_close(&loop) == UV_EBUSY) uv_run(&loop, UV_RUN_DEFAULT);
  }

  static State& Of(const void* loop_of_handle) noexcept {
    return *static_cast<State*>(static_cast<const uv_loop_t*>(loop_of_handle)->data);
  }
  static void OnPoll(uv_poll_t* handle, int /*status*/, int /*events*/) noexcept {
    Of(handle->loop).poller.Dispatch();
  }
  static void OnTimer(uv_timer_t* /*handle*/) noexcept {}  // it only has to end the wait
  static void OnIdle(uv_idle_t* /*handle*/) noexcept {}    // its being active keeps the wait short
  static void OnPrepare(uv_prepare_t* handle) noexcept { Of(handle->loop).Turn(); }
  static void OnAsync(uv_async_t* handle) noexcept { Of(handle->loop).RunPosted(); }

  // Between two waits: what the I/O of the last round made ready, and what is due.
  void Turn() noexcept {
    if (scheduler.Turn()) {
      uv_idle_start(&idle, &State::OnIdle);
      return;
    }
    uv_idle_stop(&idle);
    const std::optional<TimePoint> next = scheduler.NextTimer();
    if (!next) {
      uv_timer_stop(&timer);
      return;
    }
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(&timer)) != 0 && *next == timer_at) return;
    timer_at = *next;
    uv_update_time(&loop);
    const TimePoint now = scheduler.Now();
    const auto wait = *next <= now ? std::chrono::milliseconds(0)
                                   : std::chrono::ceil<std::chrono::milliseconds>(*next - now);
    uv_timer_start(&timer, &State::OnTimer, static_cast<std::uint64_t>(wait.count()), 0);
  }

  void RunPosted() noexcept {
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(mutex);
      work.swap(posted);
    }
    for (const auto& one : work) one();
  }

  Scheduler scheduler;
  EpollPoller poller;
  uv_loop_t loop{};
  uv_async_t async{};
  uv_poll_t poll{};
  uv_prepare_t prepare{};
  uv_timer_t timer{};
  uv_idle_t idle{};
  TimePoint timer_at{};  // what `timer` is set to while it is active
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
};

Loop::Loop(const Clock& clock) : state_(std::make_unique<State>(clock)) {}
Loop::~Loop() = default;

Scheduler& Loop::scheduler() noexcept { return state_->scheduler; }
Poller& Loop::poller() noexcept { return state_->poller; }
uv_loop_s* Loop::uv() noexcept { return &state_->loop; }

void Loop::Run() { uv_run(&state_->loop, UV_RUN_DEFAULT); }

void Loop::Stop() {
  Post([this] { uv_stop(&state_->loop); });
}

void Loop::Post(std::function<void()> work) {
  const std::lock_guard lock(state_->mutex);
  state_->posted.push_back(std::move(work));
  uv_async_send(&state_->async);
}

}  // namespace resolve64::net
