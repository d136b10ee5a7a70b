#include "admin/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace resolve64::admin {
namespace {

constexpr mode_t kSocketMask = 0117;  // leaves 0660
constexpr int kBacklog = 16;

Error SystemError(const std::string& path, int error) {
  return Error{Errc::kNetwork, path + ": " + std::strerror(error)};
}

bool Fill(const std::string& path, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

bool SomebodyAnswers(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool answers =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return answers;
}

}  // namespace

// One client: requests in order, one at a time.
class Control::Connection final : public net::FdWatcher,
                                  public std::enable_shared_from_this<Connection> {
 public:
  Connection(Control& control, int fd) : control_(control), fd_(fd) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override {
    if (fd_ >= 0) ::close(fd_);
  }

  bool Start() { return control_.loop_.poller().Add(fd_, EPOLLIN, *this); }

  void OnReady(std::uint32_t events) noexcept override {
    const std::shared_ptr<Connection> self = shared_from_this();
    bool alive = (events & EPOLLERR) == 0;
    if (alive && (events & (EPOLLIN | EPOLLHUP)) != 0) alive = Read();
    if (alive) alive = Flush();
    if (!alive) {
      Close();
      return;
    }
    Next();
  }

  void Close() {
    if (fd_ < 0) return;
    const std::shared_ptr<Connection> self = shared_from_this();
    control_.loop_.poller().Remove(fd_, *this);
    ::close(std::exchange(fd_, -1));
    control_.connections_.remove(self);
  }

 private:
  bool Read() {
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    received_.append(buffer.data(), static_cast<std::size_t>(got));
    return received_.size() <= kMaxRequest || received_.find('\n') != std::string::npos;
  }

  bool Flush() {
    while (!unsent_.empty()) {
      const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EINTR) continue;
        return errno == EAGAIN;
      }
      unsent_.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The next requests, each when the one before it is answered and the client has taken the answer.
  void Next() {
    running_ = true;
    while (fd_ >= 0 && !busy_ && unsent_.empty()) {
      const std::size_t end = received_.find('\n');
      if (end == std::string::npos) break;
      const std::string request = received_.substr(0, end);
      received_.erase(0, end + 1);
      busy_ = true;
      control_.executor_(request, [weak = weak_from_this()](const std::string& reply) {
        if (const std::shared_ptr<Connection> self = weak.lock()) self->Answer(reply);
      });
    }
    running_ = false;
    if (fd_ >= 0) Watch();
  }

  void Answer(const std::string& reply) {
    busy_ = false;
    if (fd_ < 0) return;
    unsent_ += reply + "\n";
    if (!Flush()) {
      Close();
      return;
    }
    if (!running_) Next();
  }

  void Watch() {
    std::uint32_t events = 0;
    if (!busy_ && unsent_.empty()) events |= EPOLLIN;
    if (!unsent_.empty()) events |= EPOLLOUT;
    control_.loop_.poller().Modify(fd_, events, *this);
  }

  Control& control_;
  int fd_;
  bool busy_ = false;     // a request is being carried out
  bool running_ = false;  // within Next(): it goes on by itself
  std::string received_;
  std::string unsent_;
};

class Control::Acceptor final : public net::FdWatcher {
 public:
  explicit Acceptor(Control& control) : control_(control) {}
  void OnReady(std::uint32_t /*events*/) noexcept override { control_.Accept(); }

 private:
  Control& control_;
};

Control::Control(net::Loop& loop) : loop_(loop) {}

Control::~Control() {
  while (!connections_.empty()) connections_.front()->Close();
  if (fd_ < 0) return;
  if (acceptor_ != nullptr) loop_.poller().Remove(fd_, *acceptor_);
  ::close(fd_);
  ::unlink(path_.c_str());
}

Result<bool> Control::Open(const std::string& path) {
  sockaddr_un address{};
  if (!Fill(path, address)) return SystemError(path, ENAMETOOLONG);
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (!directory.empty() && std::filesystem::create_directory(directory, error)) {
    made_directory_ = directory.string();
  }
  if (SomebodyAnswers(address)) {
    return Error{Errc::kNetwork, path + ": another resolver answers there"};
  }
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());

  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError(path, errno);
  const mode_t mask = ::umask(kSocketMask);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                     ::listen(fd, kBacklog) == 0;
  const int reason = errno;
  ::umask(mask);
  if (!bound) {
    ::close(fd);
    return SystemError(path, reason);
  }
  fd_ = fd;
  path_ = path;
  return true;
}

void Control::GiveTo(unsigned user, unsigned group) {
  if (fd_ < 0) return;
  // What cannot be given stays with root, who can still use it.
  if (::chown(path_.c_str(), user, group) != 0) return;
  if (!made_directory_.empty() && ::chown(made_directory_.c_str(), user, group) != 0) return;
}

Result<bool> Control::Start(Executor executor) {
  if (fd_ < 0) return true;
  executor_ = std::move(executor);
  acceptor_ = std::make_unique<Acceptor>(*this);
  if (loop_.poller().Add(fd_, EPOLLIN, *acceptor_)) return true;
  return SystemError(path_, errno);
}

void Control::Accept() noexcept {
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  auto connection = std::make_shared<Connection>(*this, fd);
  if (connections_.size() >= kMaxConnections || !connection->Start()) return;
  connections_.push_back(std::move(connection));
}

}  // namespace resolve64::admin
