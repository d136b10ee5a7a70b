#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace resolve64 {
namespace {

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

Error SystemError(const std::string& path) {
  return Error{Errc::kBadFile, path + ": " + std::strerror(errno)};
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<std::optional<std::string>> ReadSmallFile(const std::string& path, std::size_t most) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0 && errno == ENOENT) return std::optional<std::string>();
  if (file.fd() < 0) return SystemError(path);
  std::string text;
  std::array<char, 16384> block;
  while (true) {
    const ssize_t got = ::read(file.fd(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path);
    if (got == 0) return std::optional(std::move(text));
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > most) return Error{Errc::kBadFile, path + ": too large"};
  }
}

Result<bool> WriteSmallFile(const std::string& path, std::string_view text) {
  // In the same directory: a rename is atomic within one file system.
  std::string temporary = path + ".XXXXXX";
  const File file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.fd() < 0) return SystemError(path);
  if (!WriteAll(file.fd(), text) || ::fsync(file.fd()) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = SystemError(path);
    ::unlink(temporary.c_str());
    return error;
  }
  // The name is in the directory, which has to reach the disk as well.
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (parent.empty()) parent = ".";
  const File directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0 || ::fsync(directory.fd()) != 0) return SystemError(parent.string());
  return true;
}

}  // namespace resolve64
