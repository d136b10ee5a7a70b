#include "server/udp_listener.h"

#include <sys/epoll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/proxy_header.h"

namespace resolve64::server {
namespace {

union ControlBuffer {
  char octets[CMSG_SPACE(sizeof(in6_pktinfo))];
  cmsghdr align;
};
static_assert(CMSG_SPACE(sizeof(in_pktinfo)) <= CMSG_SPACE(sizeof(in6_pktinfo)));

// Which of our addresses the datagram was sent to.
void TakeLocalAddress(msghdr& header, Peer& peer) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      peer.local_v4 = info.ipi_spec_dst;
      peer.has_local = true;
    } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      peer.local_v6 = info.ipi6_addr;
      // Elsewhere the way back need not be the way in.
      peer.interface_index = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
      peer.has_local = true;
    }
  }
}

// So that the reply leaves from there.
void PutLocalAddress(const Peer& peer, msghdr& header, ControlBuffer& control) {
  if (!peer.has_local) return;
  std::memset(&control, 0, sizeof control);
  header.msg_control = control.octets;
  const bool v4 = peer.any.sa_family == AF_INET;
  header.msg_controllen = v4 ? CMSG_SPACE(sizeof(in_pktinfo)) : CMSG_SPACE(sizeof(in6_pktinfo));
  cmsghdr* at = CMSG_FIRSTHDR(&header);
  if (v4) {
    in_pktinfo info{};
    info.ipi_spec_dst = peer.local_v4;
    at->cmsg_level = IPPROTO_IP;
    at->cmsg_type = IP_PKTINFO;
    at->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(at), &info, sizeof info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = peer.local_v6;
    info.ipi6_ifindex = peer.interface_index;
    at->cmsg_level = IPPROTO_IPV6;
    at->cmsg_type = IPV6_PKTINFO;
    at->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(at), &info, sizeof info);
  }
}

}  // namespace

struct UdpListener::Buffers {
  std::array<std::array<std::uint8_t, kLargestQuestion>, kBatch> messages;
  std::array<Peer, kBatch> peers;
  std::array<ControlBuffer, kBatch> controls;
  std::array<iovec, kBatch> vectors;
  std::array<mmsghdr, kBatch> headers;
};

UdpListener::UdpListener(net::Loop& loop, Handler& handler, OwnedFd fd)
    : loop_(loop), handler_(handler), fd_(std::move(fd)), buffers_(std::make_unique<Buffers>()) {}

UdpListener::~UdpListener() {
  if (added_) loop_.poller().Remove(fd_.get(), *this);
}

bool UdpListener::Start() {
  watched_ = EPOLLIN;
  added_ = loop_.poller().Add(fd_.get(), watched_, *this);
  return added_;
}

void UdpListener::Stop() {
  Read();
  Watch(watched_ & ~static_cast<std::uint32_t>(EPOLLIN));
}

void UdpListener::Watch(std::uint32_t events) noexcept {
  if (events == watched_ || !added_) return;
  watched_ = events;
  loop_.poller().Modify(fd_.get(), events, *this);
}

void UdpListener::OnReady(std::uint32_t events) noexcept {
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    Flush();
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) Read();
}

void UdpListener::Read() noexcept {
  // A handler may answer the last question of a listener that is being taken away.
  const std::shared_ptr<UdpListener> self = shared_from_this();
  Buffers& buffers = *buffers_;
  for (int round = 0; round < kRounds; ++round) {
    for (unsigned i = 0; i < kBatch; ++i) {
      buffers.peers[i] = Peer();
      buffers.vectors[i] = {buffers.messages[i].data(), kLargestQuestion};
      mmsghdr& header = buffers.headers[i];
      header = mmsghdr{};
      header.msg_hdr.msg_name = &buffers.peers[i].any;
      header.msg_hdr.msg_namelen = sizeof(sockaddr_in6);
      header.msg_hdr.msg_iov = &buffers.vectors[i];
      header.msg_hdr.msg_iovlen = 1;
      header.msg_hdr.msg_control = buffers.controls[i].octets;
      header.msg_hdr.msg_controllen = sizeof buffers.controls[i].octets;
    }
    const int count = ::recvmmsg(fd_.get(), buffers.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count <= 0) return;
    reading_ = true;
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      Client client;
      client.peer = buffers.peers[at];
      TakeLocalAddress(buffers.headers[at].msg_hdr, client.peer);
      client.address = client.peer.address();
      client.asked = client.peer.local_address();
      client.listener_view = view_;
      std::span<const std::uint8_t> message =
          std::span(buffers.messages[at]).first(buffers.headers[at].msg_len);
      if (Unwrap(message, client)) handler_.Handle(message, client, self);
    }
    reading_ = false;
    Flush();
    if (count < static_cast<int>(kBatch)) return;
  }
}

// Takes a proxy's header off. False where the datagram is to be dropped.
bool UdpListener::Unwrap(std::span<const std::uint8_t>& datagram, Client& client) noexcept {
  const bool proxied = std::any_of(proxies_.begin(), proxies_.end(), [&](const Network& network) {
    return network.Contains(client.address);
  });
  if (!proxied) return true;
  const ProxyHeader header = ReadProxyHeader(datagram);
  if (header.kind != ProxyHeader::Kind::kDone) {
    handler_.stats().Add(resolver::Counter::kProxyRefused);
    return false;
  }
  if (header.source) client.address = header.source->address;
  if (header.destination) client.asked = header.destination->address;
  client.through_proxy = header.destination.has_value();
  datagram = datagram.subspan(header.size);
  return !datagram.empty();  // nothing after it: the proxy looks whether we are there
}

void UdpListener::Reply(const Peer& peer, std::vector<std::uint8_t> message) noexcept {
  if (message.empty() || outgoing_.size() >= kMaxWaiting) return;
  outgoing_.push_back({peer, std::move(message)});
  if (!reading_ && !blocked_) Flush();
}

void UdpListener::Flush() noexcept {
  while (!outgoing_.empty()) {
    std::array<ControlBuffer, kBatch> controls;
    std::array<iovec, kBatch> vectors;
    std::array<mmsghdr, kBatch> headers;
    const auto count = static_cast<unsigned>(std::min<std::size_t>(outgoing_.size(), kBatch));
    for (unsigned i = 0; i < count; ++i) {
      Outgoing& one = outgoing_[i];
      vectors[i] = {one.message.data(), one.message.size()};
      headers[i] = mmsghdr{};
      headers[i].msg_hdr.msg_name = &one.peer.any;
      headers[i].msg_hdr.msg_namelen = one.peer.length();
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      PutLocalAddress(one.peer, headers[i].msg_hdr, controls[i]);
    }
    int sent = ::sendmmsg(fd_.get(), headers.data(), count, MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
        blocked_ = true;
        Watch(watched_ | EPOLLOUT);
        return;
      }
      // The first cannot be sent at all (no route, an address that went away): the client asks
      // again.
      sent = 1;
    }
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + sent);
  }
  Watch(watched_ & ~static_cast<std::uint32_t>(EPOLLOUT));
}

}  // namespace resolve64::server
