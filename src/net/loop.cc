#include "net/loop.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
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
  explicit EpollPoller(const Clock& clock) : clock_(clock), fd_(::epoll_create1(EPOLL_CLOEXEC)) {}
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

  void Prefer(FdWatcher& watcher) override { preferred_.push_back(&watcher); }

  bool Modify(int fd, std::uint32_t events, FdWatcher& watcher) noexcept override {
    entries_[static_cast<std::size_t>(fd)].watcher = &watcher;
    return Control(EPOLL_CTL_MOD, fd, events);
  }

  void Remove(int fd, FdWatcher& watcher) noexcept override {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= entries_.size() || entries_[at].watcher != &watcher) return;
    Clear(at);
    std::erase(preferred_, &watcher);
    ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr);
  }

  void Forget(int fd, FdWatcher& watcher) noexcept override {
    const auto at = static_cast<std::size_t>(fd);
    if (at < entries_.size() && entries_[at].watcher == &watcher) Clear(at);
  }

  // Waits up to `milliseconds`, negative: without end, and tells those that are ready.
  void Wait(int milliseconds) noexcept {
    const int count = ::epoll_wait(fd_, events_.data(), kEventBatch, milliseconds);
    if (count > 0) preferred_due_ = clock_.Now() + kPreferredEvery;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<std::size_t>(i)];
      const auto at = static_cast<std::size_t>(event.data.u64 & 0xFFFFFFFF);
      const Entry& entry = entries_[at];
      // A watcher called before this one may have removed this descriptor, and its number may
      // already stand for another: the generation tells.
      if (entry.watcher == nullptr || entry.generation != event.data.u64 >> 32) continue;
      entry.watcher->OnReady(event.events);
      if (!preferred_.empty() && clock_.Now() >= preferred_due_) TellPreferred();
    }
  }

 private:
  struct Entry {
    FdWatcher* watcher = nullptr;
    std::uint32_t generation = 0;
  };

  void TellPreferred() noexcept {
    // NOLINTNEXTLINE(modernize-loop-convert): one that is told may remove one
    for (std::size_t i = 0; i < preferred_.size(); ++i) preferred_[i]->OnReady(EPOLLIN);
    preferred_due_ = clock_.Now() + kPreferredEvery;
  }

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

  const Clock& clock_;
  int fd_;
  std::vector<Entry> entries_;  // by descriptor
  std::vector<FdWatcher*> preferred_;
  TimePoint preferred_due_{};
  std::array<epoll_event, kEventBatch> events_{};
};

[[noreturn]] void Fail(const char* what, int uv_error) {
  throw std::runtime_error(std::string(what) + ": " + uv_strerror(uv_error));
}

}  // namespace

struct Loop::State final : FdWatcher {
  explicit State(const Clock& clock) : scheduler(clock), poller(clock) {
    // Each handle that is open when something fails would need its close callback: only what can
    // run out of descriptors can fail, and a process that starts without any ends.
    if (poller.fd() < 0) Fail("epoll_create1", -errno);
    if (const int error = uv_loop_init(&loop); error != 0) Fail("uv_loop_init", error);
    if (const int error = uv_async_init(&loop, &async, &State::OnAsync); error != 0) {
      Fail("uv_async_init", error);
    }
    if (!poller.Add(uv_backend_fd(&loop), EPOLLIN, *this)) Fail("epoll_ctl", -errno);
    loop.data = this;
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() override {
    uv_walk(
        &loop,
        [](uv_handle_t* handle, void*) {
          if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
        },
        nullptr);
    while (uv_loop_close(&loop) == UV_EBUSY) uv_run(&loop, UV_RUN_DEFAULT);
  }

  static void OnAsync(uv_async_t* handle) noexcept {
    static_cast<State*>(handle->loop->data)->RunPosted();
  }
  // libuv's own descriptor: one of its handles has something.
  void OnReady(std::uint32_t /*events*/) noexcept override { uv_run(&loop, UV_RUN_NOWAIT); }

  void Run() {
    // libuv takes up new handles only when it runs.
    uv_run(&loop, UV_RUN_NOWAIT);
    for (;;) {
      const bool more = scheduler.Turn();
      // Who is told to stop still looks at what is ready.
      poller.Wait(more || stopped ? 0 : MillisecondsToNextTimer());
      if (stopped) break;
    }
    stopped = false;
  }

  [[nodiscard]] int MillisecondsToNextTimer() const noexcept {
    constexpr std::int64_t kLongest = 60'000;  // it only has to fit an int
    const std::optional<TimePoint> next = scheduler.NextTimer();
    if (!next) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*next - scheduler.Now());
    return static_cast<int>(std::clamp<std::int64_t>(wait.count(), 0, kLongest));
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
  bool stopped = false;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
};

Loop::Loop(const Clock& clock) : state_(std::make_unique<State>(clock)) {}
Loop::~Loop() = default;

Scheduler& Loop::scheduler() noexcept { return state_->scheduler; }
Poller& Loop::poller() noexcept { return state_->poller; }
uv_loop_s* Loop::uv() noexcept { return &state_->loop; }

void Loop::Run() { state_->Run(); }

void Loop::Stop() {
  Post([this] { state_->stopped = true; });
}

void Loop::Post(std::function<void()> work) {
  const std::lock_guard lock(state_->mutex);
  state_->posted.push_back(std::move(work));
  uv_async_send(&state_->async);
}

}  // namespace resolve64::net
