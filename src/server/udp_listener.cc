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
  peer.has_local = false;
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
  // A line of the processor's cache more than a page: otherwise all slots would begin in the same
  // set of its first level, which holds eight of them.
  struct alignas(64) Slot {
    std::array<std::uint8_t, kLargestQuestion + 64> octets;
  };
  static_assert(kLargestFinished <= kLargestQuestion);

  std::array<Slot, kBatch> messages;
  std::array<Slot, kBatch> replies;
  std::array<Peer, kBatch> peers;
  std::array<ControlBuffer, kBatch> controls;
  std::array<ProxyHeader, kBatch> proxies;  // what each begins with, where there are proxies
  std::array<iovec, kBatch> vectors;
  std::array<mmsghdr, kBatch> headers;
  // Finished replies, and which of peers[] gets each.
  std::array<std::size_t, kBatch> reply_peers;
  std::array<ControlBuffer, kBatch> reply_controls;
  std::array<iovec, kBatch> reply_vectors;
  std::array<mmsghdr, kBatch> reply_headers{};
  unsigned finished = 0;
};

UdpListener::UdpListener(net::Loop& loop, Handler& handler, OwnedFd fd)
    : loop_(loop),
      handler_(handler),
      fd_(std::move(fd)),
      buffers_(std::make_unique_for_overwrite<Buffers>()),
      local_(LocalAddressOf(fd_.get())),
      wildcard_(!local_ || IsWildcard(*local_)) {}

UdpListener::~UdpListener() {
  // The last question of a listener that was taken away may have been answered in this very turn.
  Flush();
  if (added_) loop_.poller().Remove(fd_.get(), *this);
}

bool UdpListener::Start() {
  watched_ = EPOLLIN;
  added_ = loop_.poller().Add(fd_.get(), watched_, *this);
  if (added_) loop_.poller().Prefer(*this);
  return added_;
}

void UdpListener::Stop() {
  Read();
  WorkOff(TimePoint::max());
  Watch(watched_ & ~static_cast<std::uint32_t>(EPOLLIN));
}

void UdpListener::Watch(std::uint32_t events) noexcept {
  if (events == watched_ || !added_) return;
  watched_ = events;
  loop_.poller().Modify(fd_.get(), events, *this);
}

void UdpListener::OnReady(std::uint32_t events) noexcept {
  if (events == EPOLLIN && (watched_ & EPOLLIN) == 0) return;  // it is preferred, and stopped
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    Flush();
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) Read();
}

void UdpListener::Read() noexcept {
  // A handler may answer the last question of a listener that is being taken away.
  const std::shared_ptr<UdpListener> self = shared_from_this();
  const TimePoint until = loop_.scheduler().Now() + kSlowTime;
  for (int round = 0; round < kRounds; ++round) {
    const int count = Receive();
    if (count <= 0) return;
    if (!proxies_.empty()) ReadProxyHeaders(static_cast<std::size_t>(count));
    const TimePoint now = loop_.scheduler().Now();
    std::array<bool, kBatch> finished;
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      finished[at] = Finish(at, now);
    }
    // What is finished does not wait for what is not.
    SendFinished();
    reading_ = true;
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (!finished[at]) HandleOrKeep(at, until);
    }
    reading_ = false;
    Flush();
    if (count < static_cast<int>(kBatch)) return;
  }
}

// How many datagrams came.
int UdpListener::Receive() noexcept {
  Buffers& buffers = *buffers_;
  for (unsigned i = 0; i < kBatch; ++i) {
    buffers.vectors[i] = {buffers.messages[i].octets.data(), kLargestQuestion};
    msghdr& header = buffers.headers[i].msg_hdr;
    header.msg_name = &buffers.peers[i].any;
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_iov = &buffers.vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = wildcard_ ? buffers.controls[i].octets : nullptr;
    header.msg_controllen = wildcard_ ? sizeof buffers.controls[i].octets : 0;
  }
  return ::recvmmsg(fd_.get(), buffers.headers.data(), kBatch, MSG_DONTWAIT, nullptr);
}

void UdpListener::ReadProxyHeaders(std::size_t count) noexcept {
  Buffers& buffers = *buffers_;
  for (std::size_t i = 0; i < count; ++i) {
    ProxyHeader& header = buffers.proxies[i];
    header = ProxyHeader();
    if (AnyContains(proxies_, buffers.peers[i].address())) {
      header =
          ReadProxyHeader(std::span(buffers.messages[i].octets).first(buffers.headers[i].msg_len));
    } else {
      header.kind = ProxyHeader::Kind::kDone;  // an empty one: the client speaks for itself
    }
  }
}

// The fast path. False where datagram `i` is for Handle().
bool UdpListener::Finish(std::size_t i, TimePoint now) noexcept {
  Buffers& buffers = *buffers_;
  Peer& peer = buffers.peers[i];
  if (blocked_ || peer.port() == 0) return false;
  std::span<const std::uint8_t> message =
      std::span(buffers.messages[i].octets).first(buffers.headers[i].msg_len);
  IpAddress address = peer.address();
  if (!proxies_.empty()) {
    const ProxyHeader& header = buffers.proxies[i];
    if (header.kind != ProxyHeader::Kind::kDone) return false;
    if (header.source) address = header.source->address;
    message = message.subspan(header.size);
  }
  const FastPath::Reply reply =
      handler_.Finished(message, {address, view_, Transport::kUdp, Duration{}}, now);
  if (!reply || reply.size() > kLargestFinished) return false;
  const unsigned at = buffers.finished++;
  reply.Write(buffers.replies[at].octets.data());
  buffers.reply_vectors[at] = {buffers.replies[at].octets.data(), reply.size()};
  msghdr& header = buffers.reply_headers[at].msg_hdr;
  header.msg_name = &peer.any;
  header.msg_namelen = peer.length();
  header.msg_iov = &buffers.reply_vectors[at];
  header.msg_iovlen = 1;
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (wildcard_) {
    TakeLocalAddress(buffers.headers[i].msg_hdr, peer);
    PutLocalAddress(peer, header, buffers.reply_controls[at]);
  }
  buffers.reply_peers[at] = i;
  return true;
}

void UdpListener::SendFinished() noexcept {
  Buffers& buffers = *buffers_;
  unsigned done = 0;
  while (done < buffers.finished) {
    const int sent =
        ::sendmmsg(fd_.get(), &buffers.reply_headers[done], buffers.finished - done, MSG_DONTWAIT);
    if (sent >= 0) {
      done += static_cast<unsigned>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      break;
    } else if (errno != EINTR) {
      ++done;  // it cannot be sent at all (no route): the client asks again
    }
  }
  // The socket is full: these wait for it with the others.
  for (; done < buffers.finished; ++done) {
    if (outgoing_.size() >= kMaxWaiting) break;
    const std::uint8_t* octets = buffers.replies[done].octets.data();
    outgoing_.push_back({buffers.peers[buffers.reply_peers[done]],
                         {octets, octets + buffers.reply_vectors[done].iov_len}});
  }
  buffers.finished = 0;
}

// Those that wait come first, but for what is in the cache: it never waits behind what is not. The
// newest is the one to go: it has cost nothing yet.
void UdpListener::HandleOrKeep(std::size_t i, TimePoint until) {
  Buffers& buffers = *buffers_;
  Peer& peer = buffers.peers[i];
  if (wildcard_) TakeLocalAddress(buffers.headers[i].msg_hdr, peer);
  std::span<const std::uint8_t> message =
      std::span(buffers.messages[i].octets).first(buffers.headers[i].msg_len);
  Client client;
  client.peer = peer;
  client.address = peer.address();
  client.asked = wildcard_ ? peer.local_address() : local_;
  if (!proxies_.empty()) {
    const ProxyHeader& header = buffers.proxies[i];
    if (header.kind != ProxyHeader::Kind::kDone) {
      handler_.stats().Add(resolver::Counter::kProxyRefused);
      return;
    }
    if (header.source) client.address = header.source->address;
    if (header.destination) client.asked = header.destination->address;
    client.through_proxy = header.destination.has_value();
    message = message.subspan(header.size);
    if (header.size > 0 && message.empty()) return;  // the proxy looks whether we are there
  }
  const bool has_time = backlog_.empty() && loop_.scheduler().Now() < until;
  if (has_time || handler_.Knows(message)) {
    Handle(message, client);
  } else if (backlog_.size() < kMaxBacklog) {
    backlog_.push_back({client, {message.begin(), message.end()}});
    loop_.scheduler().PostNext(*this);
  } else {
    handler_.stats().Add(resolver::Counter::kLimitBacklog);
  }
}

void UdpListener::Run() noexcept {
  const std::shared_ptr<UdpListener> self = shared_from_this();
  WorkOff(loop_.scheduler().Now() + kSlowTime);
  if (!backlog_.empty()) loop_.scheduler().PostNext(*this);
}

void UdpListener::WorkOff(TimePoint until) {
  reading_ = true;
  do {
    if (backlog_.empty()) break;
    Question question = std::move(backlog_.front());
    backlog_.pop_front();
    Handle(question.message, question.client);
  } while (loop_.scheduler().Now() < until);
  reading_ = false;
  Flush();
}

void UdpListener::Handle(std::span<const std::uint8_t> message, Client& client) {
  client.listener_view = view_;
  handler_.Handle(message, client, shared_from_this());
}

void UdpListener::Reply(const Peer& peer, std::vector<std::uint8_t> message) noexcept {
  if (message.empty() || outgoing_.size() >= kMaxWaiting) return;
  outgoing_.push_back({peer, std::move(message)});
  if (!reading_ && !blocked_) loop_.scheduler().Post(sending_);
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
