#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "echo.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kBatch = 32;
constexpr std::size_t kMost = 512;  // octets of a question

}  // namespace

void EchoUdp(const SocketAddress& address, std::size_t size) {
  const Fd fd = OpenSocket(address, SOCK_DGRAM, {}, 0);
  if (bind(fd.get(), address.get(), address.length) != 0) DieErrno("cannot bind");
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) DieErrno("epoll_ctl");

  Batch in(kBatch, kMost);
  Batch out(kBatch, size);
  std::vector<sockaddr_storage> peers(kBatch);
  for (std::size_t i = 0; i < kBatch; ++i) in.headers[i].msg_hdr.msg_name = &peers[i];
  SayReady();
  for (;;) {
    epoll_wait(epoll.get(), &event, 1, -1);
    for (auto& header : in.headers) header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    const int got = recvmmsg(fd.get(), in.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
    std::size_t count = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(got, 0)); ++i) {
      if (in.headers[i].msg_len < kLeastMessage) continue;
      WriteEcho({in.At(i), in.headers[i].msg_len}, out.At(count), size);
      out.headers[count].msg_hdr.msg_name = in.headers[i].msg_hdr.msg_name;
      out.headers[count].msg_hdr.msg_namelen = in.headers[i].msg_hdr.msg_namelen;
      ++count;
    }
    for (std::size_t sent = 0; sent < count;) {
      const int done =
          sendmmsg(fd.get(), &out.headers[sent], static_cast<unsigned>(count - sent), MSG_DONTWAIT);
      sent += static_cast<std::size_t>(std::max(done, 1));  // what cannot be sent is lost
    }
  }
}

}  // namespace resolve64::bench
