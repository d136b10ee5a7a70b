#include "system.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace resolve64::bench {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr int kSocketBuffer = 4 << 20;  // octets: bursts must not be lost on our side

std::uint64_t Ns(const timespec& time) noexcept {
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

std::uint64_t Now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return Ns(time);
}

std::uint64_t CpuTime() noexcept {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return Ns(time);
}

void Sleep(std::uint64_t ns) noexcept {
  const timespec time{static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
  nanosleep(&time, nullptr);
}

void Pin(std::uint64_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) DieErrno("cannot run on that processor");
}

void AllowManyFiles() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void NoSlack() noexcept { prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

void Die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

void DieErrno(const std::string& what) { Die(what + ": " + std::strerror(errno)); }

void Fd::Reset(int fd) noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

std::optional<SocketAddress> SocketAddress::Make(const std::string& address, std::uint64_t port) {
  SocketAddress made;
  const auto number = htons(static_cast<std::uint16_t>(port));
  auto* v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = number;
    made.length = sizeof *v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = number;
    made.length = sizeof *v6;
  } else {
    return std::nullopt;
  }
  return made;
}

std::optional<SocketAddress> Sources::Of(std::size_t n) const {
  std::string address = bind;
  if (many > 0) {
    const std::size_t host = n % many + 1;
    address = "127." + std::to_string(64 + (host >> 16)) + "." + std::to_string(host >> 8 & 255) +
              "." + std::to_string(host & 255);
  }
  if (address.empty()) return std::nullopt;
  std::optional<SocketAddress> made = SocketAddress::Make(address, 0);
  if (!made) Die(address + " is no address");
  return made;
}

Fd OpenSocket(const SocketAddress& towards, int type, const Sources& sources, std::size_t n) {
  Fd fd(socket(towards.storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) DieErrno("cannot open a socket");
  if (type == SOCK_DGRAM) {
    for (const int option : {SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUF, SO_SNDBUFFORCE}) {
      setsockopt(fd.get(), SOL_SOCKET, option, &kSocketBuffer, sizeof kSocketBuffer);
    }
  }
  if (const auto source = sources.Of(n)) {
    // The port is chosen when connecting: then one port serves towards many servers.
    const int yes = 1;
    setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(fd.get(), source->get(), source->length) != 0) DieErrno("cannot bind a socket");
  }
  return fd;
}

Batch::Batch(std::size_t count, std::size_t octets_each)
    : size(octets_each), octets(count * octets_each), pieces(count), headers(count) {
  for (std::size_t i = 0; i < count; ++i) {
    pieces[i] = {At(i), size};
    headers[i].msg_hdr.msg_iov = &pieces[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
}

}  // namespace resolve64::bench
