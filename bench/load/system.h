// The operating system as the programs of bench/ use it: time, processors, addresses, sockets.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace resolve64::bench {

std::uint64_t Now() noexcept;           ///< ns of the monotonic clock
std::uint64_t CpuTime() noexcept;       ///< ns of user and system time of this process
void Sleep(std::uint64_t ns) noexcept;  ///< ns; as exact as the kernel can
void Pin(std::uint64_t cpu);            ///< to one processor; ends the program where it cannot
void AllowManyFiles() noexcept;         ///< as many descriptors as we may have
void NoSlack() noexcept;                ///< waits end when they should, not 50 us later
[[noreturn]] void Die(const std::string& what);       ///< exit code 1
[[noreturn]] void DieErrno(const std::string& what);  ///< with the text of errno

/// Closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~Fd() { Reset(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int Release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  /// Empty where `address` is neither an IPv4 nor an IPv6 address.
  static std::optional<SocketAddress> Make(const std::string& address, std::uint64_t port);
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// Which local addresses sockets have.
struct Sources {
  std::string bind;        ///< empty: the kernel's choice
  std::uint64_t many = 0;  ///< so many addresses from 127.64.0.1 on, in turn; 0: off

  /// Of the `n`-th socket; empty: any. Ends the program where `bind` is no address.
  [[nodiscard]] std::optional<SocketAddress> Of(std::size_t n) const;
};

/// A socket that does not block, bound as `sources` says for socket `n`. `type`: SOCK_DGRAM or
/// SOCK_STREAM. Ends the program where there is none to be had.
Fd OpenSocket(const SocketAddress& towards, int type, const Sources& sources, std::size_t n);

/// Packets for recvmmsg(2) and sendmmsg(2): `count` buffers of `size` octets.
struct Batch {
  Batch(std::size_t count, std::size_t size);
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  [[nodiscard]] std::uint8_t* At(std::size_t i) noexcept { return octets.data() + i * size; }

  std::size_t size;
  std::vector<std::uint8_t> octets;
  std::vector<iovec> pieces;
  std::vector<mmsghdr> headers;
};

}  // namespace resolve64::bench
