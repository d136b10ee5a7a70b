// The control socket: a Unix stream, JSON lines in both directions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "resolve64/result.h"

namespace resolve64::admin {

/// Main thread, that of the loop.
class Control {
 public:
  /// Octets of a request.
  static constexpr std::size_t kMaxRequest = 64 << 10;
  static constexpr std::size_t kMaxConnections = 32;

  /// Carries out a request and calls back, at once or later, with the reply.
  using Executor = std::function<void(std::string_view, std::function<void(std::string)>)>;

  /// `loop` is borrowed.
  explicit Control(net::Loop& loop);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  /// Takes the socket out of the file system.
  ~Control();

  /// Opens the socket with mode 0660, its directory with 0755 where there is none. What a dead
  /// process left is replaced. kNetwork, with the reason, where somebody answers there or the
  /// system refuses.
  Result<bool> Open(const std::string& path);
  /// Gives socket and directory, where that was made here, to another user, who runs the process
  /// later.
  void GiveTo(unsigned user, unsigned group);
  /// Begins to answer.
  Result<bool> Start(Executor executor);

 private:
  class Connection;
  class Acceptor;

  void Accept() noexcept;

  net::Loop& loop_;
  std::string path_;
  std::string made_directory_;
  int fd_ = -1;
  Executor executor_;
  std::unique_ptr<Acceptor> acceptor_;
  std::list<std::shared_ptr<Connection>> connections_;
};

}  // namespace resolve64::admin
