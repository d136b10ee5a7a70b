#include "stream_transport.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace resolve64::bench {

StreamTransport::StreamTransport(const SocketAddress& server, std::size_t channels,
                                 const Sources& sources, std::size_t longest,
                                 const Settings& settings)
    : server_(server),
      sources_(sources),
      settings_(settings),
      longest_(longest),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      channels_(channels),
      scratch_(longest) {
  if (settings_.tls) context_ = ClientContext(settings_.http ? "h2" : "dot");
  dirty_.reserve(channels);
  const std::uint64_t start = Now();
  for (std::size_t i = 0; i < channels; ++i) {
    channels_[i].in.resize(kBuffer);
    channels_[i].out.reserve(kBuffer);
    OpenChannel(i);
    // In small groups: a server's backlog is not endless.
    while (i + 1 - open_ >= 32 || (i + 1 == channels && open_ < channels)) {
      if (Now() - start > kPatience) Die("cannot open all connections");
      Poll(nullptr, 10'000'000);
    }
  }
}

void StreamTransport::OpenChannel(std::size_t index) {
  Channel& channel = channels_[index];
  channel.fd = OpenSocket(server_, SOCK_STREAM, sources_, index);
  const int yes = 1;
  setsockopt(channel.fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  channel.out.clear();
  channel.sent = channel.held = 0;
  channel.state = Channel::State::kConnecting;
  channel.wants_room = true;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.u64 = index;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel.fd.get(), &event) != 0) DieErrno("epoll_ctl");
  if (connect(channel.fd.get(), server_.get(), server_.length) != 0 && errno != EINPROGRESS) {
    Close(index, nullptr);
  }
}

void StreamTransport::Close(std::size_t index, Receiver* receiver) {
  Channel& channel = channels_[index];
  if (channel.state == Channel::State::kOpen) --open_;
  channel.state = Channel::State::kClosed;
  channel.reopen = Now() + kPause;
  ++closed_;
  channel.http.reset();
  channel.ssl.reset();
  channel.fd.Reset();
  channel.out.clear();
  channel.sent = 0;
  if (receiver != nullptr) receiver->OnClosed(index);
}

std::uint8_t* StreamTransport::Reserve(std::size_t index) noexcept {
  Channel& channel = channels_[index];
  if (channel.state != Channel::State::kOpen) return nullptr;
  return channel.out.size() + 2 + longest_ <= kBuffer ? scratch_.data() : nullptr;
}

void StreamTransport::Commit(std::size_t index, std::size_t length) noexcept {
  Channel& channel = channels_[index];
  MarkDirty(index);
  if (channel.http != nullptr) {
    channel.http->Submit({scratch_.data(), length});
    return;
  }
  channel.out.push_back(static_cast<std::uint8_t>(length >> 8));
  channel.out.push_back(static_cast<std::uint8_t>(length));
  channel.out.insert(channel.out.end(), scratch_.begin(),
                     scratch_.begin() + static_cast<long>(length));
}

void StreamTransport::MarkDirty(std::size_t index) {
  if (channels_[index].dirty) return;
  channels_[index].dirty = true;
  dirty_.push_back(static_cast<std::uint32_t>(index));
}

void StreamTransport::Flush() noexcept {
  for (const std::uint32_t index : dirty_) {
    Channel& channel = channels_[index];
    channel.dirty = false;
    if (channel.state != Channel::State::kOpen || channel.wants_room) continue;
    if (channel.http != nullptr) channel.http->Pull(channel.out);
    // Where it fails reading will tell, too: then the receiver is at hand.
    Write(channel);
    Watch(channel, index, channel.sent < channel.out.size());
  }
  dirty_.clear();
}

bool StreamTransport::Write(Channel& channel) {
  while (channel.sent < channel.out.size()) {
    const std::uint8_t* data = channel.out.data() + channel.sent;
    const std::size_t size = channel.out.size() - channel.sent;
    long done = 0;
    if (channel.ssl) {
      done = SSL_write(channel.ssl.get(), data, static_cast<int>(size));
      if (done <= 0) {
        const int error = SSL_get_error(channel.ssl.get(), static_cast<int>(done));
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
      }
    } else {
      done = send(channel.fd.get(), data, size, MSG_NOSIGNAL);
      if (done <= 0) return errno == EAGAIN || errno == EINTR;
    }
    channel.sent += static_cast<std::size_t>(done);
  }
  channel.out.clear();
  channel.sent = 0;
  return true;
}

void StreamTransport::Watch(Channel& channel, std::size_t index, bool room) noexcept {
  if (channel.wants_room == room) return;
  channel.wants_room = room;
  epoll_event event{};
  event.events = EPOLLIN | (room ? EPOLLOUT : 0U);
  event.data.u64 = index;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, channel.fd.get(), &event);
}

bool StreamTransport::Advance(std::size_t index) {
  Channel& channel = channels_[index];
  if (channel.state == Channel::State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(channel.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return false;
    channel.state = Channel::State::kHandshaking;
    if (settings_.tls) {
      channel.ssl = NewClient(context_.get(), channel.fd.get(), settings_.name);
    }
  }
  if (channel.ssl) {
    const int done = SSL_do_handshake(channel.ssl.get());
    if (done != 1) {
      const int error = SSL_get_error(channel.ssl.get(), done);
      Watch(channel, index, error == SSL_ERROR_WANT_WRITE);
      return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
    }
  }
  if (settings_.http) {
    channel.http = std::make_unique<HttpFraming>(settings_.authority, settings_.path);
  }
  channel.state = Channel::State::kOpen;
  ++open_;
  Watch(channel, index, false);
  return true;
}

bool StreamTransport::Read(std::size_t index, Receiver& receiver) {
  Channel& channel = channels_[index];
  for (;;) {
    std::uint8_t* room = channel.in.data() + channel.held;
    const std::size_t size = channel.in.size() - channel.held;
    long got = 0;
    if (channel.ssl) {
      got = SSL_read(channel.ssl.get(), room, static_cast<int>(size));
      if (got <= 0) {
        const int error = SSL_get_error(channel.ssl.get(), static_cast<int>(got));
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
      }
    } else {
      got = recv(channel.fd.get(), room, size, 0);
      if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    if (!Take(index, static_cast<std::size_t>(got), receiver)) return false;
    if (!channel.ssl || SSL_has_pending(channel.ssl.get()) == 0) return true;
  }
}

bool StreamTransport::Take(std::size_t index, std::size_t got, Receiver& receiver) {
  Channel& channel = channels_[index];
  if (channel.http != nullptr) {
    MarkDirty(index);  // acknowledgements and window updates want to leave
    return channel.http->Take({channel.in.data(), got}, index, receiver);
  }
  const std::size_t end = channel.held + got;
  std::size_t at = 0;
  while (end - at >= 2) {
    const std::size_t length = static_cast<std::size_t>(channel.in[at]) << 8 | channel.in[at + 1];
    if (end - at - 2 < length) break;
    if (length < 12) return false;
    receiver.OnMessage(index, {&channel.in[at + 2], length}, length);
    at += 2 + length;
  }
  std::copy(channel.in.begin() + static_cast<long>(at), channel.in.begin() + static_cast<long>(end),
            channel.in.begin());
  channel.held = end - at;
  return true;
}

bool StreamTransport::Poll(Receiver* receiver, std::uint64_t wait) {
  if (closed_ > 0) {
    const std::uint64_t now = Now();
    for (std::size_t i = 0; i < channels_.size(); ++i) {
      if (channels_[i].state != Channel::State::kClosed || channels_[i].reopen == 0) continue;
      if (channels_[i].reopen > now) continue;
      channels_[i].reopen = 0;
      --closed_;
      OpenChannel(i);
    }
  }
  if (wait > 0) {
    const timespec time{static_cast<time_t>(wait / 1'000'000'000),
                        static_cast<long>(wait % 1'000'000'000)};
    pollfd any{epoll_.get(), POLLIN, 0};
    ppoll(&any, 1, &time, nullptr);
  }
  std::array<epoll_event, 256> events;
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(ready, 0)); ++i) {
    const std::size_t index = events[i].data.u64;
    Channel& channel = channels_[index];
    bool alive = true;
    if (channel.state == Channel::State::kConnecting ||
        channel.state == Channel::State::kHandshaking) {
      alive = Advance(index);
    } else if (channel.state == Channel::State::kOpen) {
      if ((events[i].events & EPOLLOUT) != 0) {
        alive = Write(channel);
        if (alive) Watch(channel, index, channel.sent < channel.out.size());
        if (alive && channel.http != nullptr) MarkDirty(index);
      }
      if (alive && receiver != nullptr && (events[i].events & ~EPOLLOUT) != 0) {
        alive = Read(index, *receiver);
      }
    }
    if (!alive) Close(index, receiver);
  }
  return ready > 0;
}

void StreamTransport::Receive(Receiver& receiver, std::uint64_t wait) noexcept {
  Poll(&receiver, wait);
}

}  // namespace resolve64::bench
