#include "udp_transport.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace resolve64::bench {

UdpTransport::UdpTransport(const SocketAddress& server, std::size_t channels,
                           const Sources& sources, std::size_t longest)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      out_(kBatch, longest),
      in_(kBatch, kEnough),
      groups_(kBatch),
      segments_(kBatch) {
  for (std::size_t i = 0; i < channels; ++i) {
    Fd fd = OpenSocket(server, SOCK_DGRAM, sources, i);
    if (connect(fd.get(), server.get(), server.length) != 0) DieErrno("cannot connect");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) DieErrno("epoll_ctl");
    sockets_.push_back(std::move(fd));
  }
}

std::uint8_t* UdpTransport::Reserve(std::size_t channel) noexcept {
  if (pending_ == kBatch || (pending_ > 0 && pending_channel_ != channel)) Flush();
  return out_.At(pending_);
}

void UdpTransport::Commit(std::size_t channel, std::size_t length) noexcept {
  out_.pieces[pending_] = {out_.At(pending_), length};
  ++pending_;
  pending_channel_ = channel;
}

std::size_t UdpTransport::Group() noexcept {
  const auto end = out_.pieces.begin() + static_cast<long>(pending_);
  std::sort(out_.pieces.begin(), end,
            [](const iovec& a, const iovec& b) { return a.iov_len < b.iov_len; });
  std::size_t count = 0;
  for (std::size_t at = 0; at < pending_; ++count) {
    const std::size_t length = out_.pieces[at].iov_len;
    std::size_t same = 1;
    while (at + same < pending_ && same < kMostSegments &&
           out_.pieces[at + same].iov_len == length) {
      ++same;
    }
    msghdr& header = groups_[count].msg_hdr;
    header = {};
    header.msg_iov = &out_.pieces[at];
    header.msg_iovlen = same;
    if (same > 1) {
      header.msg_control = segments_[count].octets.data();
      header.msg_controllen = segments_[count].octets.size();
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = IPPROTO_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto size = static_cast<std::uint16_t>(length);
      std::memcpy(CMSG_DATA(control), &size, sizeof size);
    }
    at += same;
  }
  return count;
}

void UdpTransport::Flush() noexcept {
  if (pending_ == 0) return;
  const int fd = sockets_[pending_channel_].get();
  const std::size_t groups = Group();
  for (std::size_t done = 0; done < groups;) {
    const int sent =
        sendmmsg(fd, &groups_[done], static_cast<unsigned>(groups - done), MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      pollfd room{fd, POLLOUT, 0};
      poll(&room, 1, 1);
    } else if (errno != EINTR && errno != ECONNREFUSED) {
      ++done;  // these are lost; the error of what went before (ECONNREFUSED) is not theirs
    }
  }
  pending_ = 0;
}

std::size_t UdpTransport::ReadFrom(std::size_t channel, Receiver& receiver) noexcept {
  std::size_t all = 0;
  for (int round = 0; round < kRounds; ++round) {
    // MSG_TRUNC: the length is the packet's, though no more is copied than we look at.
    const int got = recvmmsg(sockets_[channel].get(), in_.headers.data(), kBatch,
                             MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (got <= 0) break;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      const std::size_t length = in_.headers[i].msg_len;
      if (length < 12) continue;
      receiver.OnMessage(channel, {in_.At(i), length < kEnough ? length : kEnough}, length);
    }
    all += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < kBatch) break;
  }
  return all;
}

void UdpTransport::Wait(std::uint64_t ns) noexcept {
  const timespec time{static_cast<time_t>(ns / 1'000'000'000),
                      static_cast<long>(ns % 1'000'000'000)};
  pollfd any{sockets_.size() == 1 ? sockets_[0].get() : epoll_.get(), POLLIN, 0};
  ppoll(&any, 1, &time, nullptr);
}

void UdpTransport::Receive(Receiver& receiver, std::uint64_t wait) noexcept {
  if (sockets_.size() == 1) {
    if (ReadFrom(0, receiver) > 0 || wait == 0) return;
    Wait(wait);
    ReadFrom(0, receiver);
    return;
  }
  if (wait > 0) Wait(wait);
  std::array<epoll_event, 256> events;
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(ready < 0 ? 0 : ready); ++i) {
    ReadFrom(events[i].data.u64, receiver);
  }
}

}  // namespace resolve64::bench
