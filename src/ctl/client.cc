#include "ctl/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace resolve64::ctl {
namespace {

Error SystemError(const std::string& path, int error) {
  std::string text = path + ": " + std::strerror(error);
  if (error == ENOENT || error == ECONNREFUSED)
    text += " (is resolve64 running? -s names its socket)";
  if (error == EACCES) text += " (its user and group, and root, may)";
  return Error{Errc::kNetwork, std::move(text)};
}

class Connection {
 public:
  Connection() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool Open(const std::string& path) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
      errno = ENAMETOOLONG;
      return false;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return fd_ >= 0 &&
           ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool Send(const std::string& line) const {
    for (std::size_t at = 0; at < line.size();) {
      const ssize_t sent = ::send(fd_, line.data() + at, line.size() - at, MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) return false;
      if (sent > 0) at += static_cast<std::size_t>(sent);
    }
    return true;
  }
  // Up to the end of the line.
  bool Receive(std::string& line) const {
    std::array<char, 65536> buffer;
    while (line.empty() || line.back() != '\n') {
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got == 0) errno = ECONNRESET;
      if (got <= 0) return false;
      line.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return true;
  }

 private:
  int fd_;
};

}  // namespace

Result<nlohmann::json> Ask(const std::string& socket_path, const nlohmann::json& request) {
  const Connection connection;
  std::string line;
  if (!connection.Open(socket_path) || !connection.Send(request.dump() + "\n") ||
      !connection.Receive(line)) {
    return SystemError(socket_path, errno);
  }
  nlohmann::json reply = nlohmann::json::parse(line, nullptr, false);
  if (!reply.is_object() || !reply.contains("ok")) {
    return Error{Errc::kNetwork, socket_path + ": something that is not resolve64 answers there"};
  }
  return reply;
}

}  // namespace resolve64::ctl
