#include "handshakes.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "tls.h"

namespace resolve64::bench {
namespace {

struct Attempt {
  enum class State : std::uint8_t { kIdle, kConnecting, kHandshaking, kAsked };
  State state = State::kIdle;
  Fd fd;
  Ssl ssl;
  std::size_t line = 0;
  std::uint16_t id = 0;
  std::uint64_t started = 0;
  std::vector<std::uint8_t> in = std::vector<std::uint8_t>(65536 + 2);
  std::size_t got = 0;
};

class Handshaker {
 public:
  Handshaker(const SocketAddress& server, const Questions& questions, const Sources& sources,
             const HandshakeRun& run)
      : server_(server),
        questions_(questions),
        sources_(sources),
        run_(run),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        message_(questions.longest() + 2) {
    if (run.tls) context_ = ClientContext("dot");
  }

  Tally Run(std::uint64_t count, std::uint64_t parallel);

 private:
  enum class Step : std::uint8_t { kWait, kAnswered, kFailed };

  void Start(Attempt& attempt, std::size_t index);
  Step Go(Attempt& attempt, std::size_t index);
  bool Ask(Attempt& attempt);
  Step ReadAnswer(Attempt& attempt);
  void End(Attempt& attempt, Step how);
  void Watch(const Attempt& attempt, std::size_t index, int operation, unsigned events) const;

  SocketAddress server_;
  const Questions& questions_;
  Sources sources_;
  HandshakeRun run_;
  Fd epoll_;
  SslContext context_;
  SslSession session_;
  std::vector<std::uint8_t> message_;
  std::uint64_t sequence_ = 0;
  std::uint64_t resumed_ = 0;
  Tally tally_;
};

Tally Handshaker::Run(std::uint64_t count, std::uint64_t parallel) {
  tally_ = Tally();
  resumed_ = 0;
  std::vector<Attempt> attempts(parallel);
  const std::uint64_t cpu = CpuTime();
  for (std::size_t busy = 1; busy > 0;) {
    busy = 0;
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      Attempt& attempt = attempts[i];
      if (attempt.state != Attempt::State::kIdle && Now() - attempt.started > run_.timeout) {
        End(attempt, Step::kFailed);
      }
      if (attempt.state == Attempt::State::kIdle && tally_.sent < count) Start(attempt, i);
      if (attempt.state != Attempt::State::kIdle) ++busy;
    }
    if (busy == 0) break;
    std::array<epoll_event, 64> events;
    const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 10);
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(ready, 0)); ++i) {
      const std::size_t index = events[i].data.u64;
      Attempt& attempt = attempts[index];
      if (attempt.state == Attempt::State::kIdle) continue;
      const Step step = Go(attempt, index);
      if (step != Step::kWait) End(attempt, step);
    }
  }
  tally_.cpu = CpuTime() - cpu;
  tally_.more["resumed"] = std::to_string(resumed_);
  return tally_;
}

void Handshaker::Start(Attempt& attempt, std::size_t index) {
  attempt.fd = OpenSocket(server_, SOCK_STREAM, sources_, sequence_);
  const int yes = 1;
  setsockopt(attempt.fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  attempt.line = sequence_ % questions_.size();
  attempt.id = static_cast<std::uint16_t>(sequence_++);
  attempt.got = 0;
  attempt.started = Now();
  attempt.state = Attempt::State::kConnecting;
  if (tally_.sent++ == 0) tally_.first_sent = attempt.started;
  if (connect(attempt.fd.get(), server_.get(), server_.length) != 0 && errno != EINPROGRESS) {
    End(attempt, Step::kFailed);
    return;
  }
  Watch(attempt, index, EPOLL_CTL_ADD, EPOLLOUT);
}

void Handshaker::Watch(const Attempt& attempt, std::size_t index, int operation,
                       unsigned events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = index;
  if (epoll_ctl(epoll_.get(), operation, attempt.fd.get(), &event) != 0) DieErrno("epoll_ctl");
}

Handshaker::Step Handshaker::Go(Attempt& attempt, std::size_t index) {
  if (attempt.state == Attempt::State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(attempt.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return Step::kFailed;
    Watch(attempt, index, EPOLL_CTL_MOD, EPOLLIN);
    attempt.state = Attempt::State::kHandshaking;
    if (run_.tls) {
      attempt.ssl = NewClient(context_.get(), attempt.fd.get(), run_.name);
      if (run_.resume && session_) SSL_set_session(attempt.ssl.get(), session_.get());
    }
  }
  if (attempt.state == Attempt::State::kHandshaking) {
    if (attempt.ssl) {
      const int done = SSL_do_handshake(attempt.ssl.get());
      if (done != 1) {
        return SSL_get_error(attempt.ssl.get(), done) == SSL_ERROR_WANT_READ ? Step::kWait
                                                                             : Step::kFailed;
      }
      if (SSL_session_reused(attempt.ssl.get()) != 0) ++resumed_;
    }
    if (!Ask(attempt)) return Step::kFailed;
    attempt.state = Attempt::State::kAsked;
  }
  return ReadAnswer(attempt);
}

// One small message fits an empty send buffer: there is nothing to wait for.
bool Handshaker::Ask(Attempt& attempt) {
  const std::size_t length =
      questions_.Write(attempt.line, attempt.id, attempt.id, message_.data() + 2);
  message_[0] = static_cast<std::uint8_t>(length >> 8);
  message_[1] = static_cast<std::uint8_t>(length);
  const std::size_t all = length + 2;
  if (attempt.ssl) {
    return SSL_write(attempt.ssl.get(), message_.data(), static_cast<int>(all)) ==
           static_cast<int>(all);
  }
  return send(attempt.fd.get(), message_.data(), all, MSG_NOSIGNAL) == static_cast<long>(all);
}

Handshaker::Step Handshaker::ReadAnswer(Attempt& attempt) {
  for (;;) {
    std::uint8_t* room = attempt.in.data() + attempt.got;
    const std::size_t size = attempt.in.size() - attempt.got;
    long got = 0;
    if (attempt.ssl) {
      got = SSL_read(attempt.ssl.get(), room, static_cast<int>(size));
      if (got <= 0) {
        return SSL_get_error(attempt.ssl.get(), static_cast<int>(got)) == SSL_ERROR_WANT_READ
                   ? Step::kWait
                   : Step::kFailed;
      }
    } else {
      got = recv(attempt.fd.get(), room, size, 0);
      if (got <= 0) return got < 0 && errno == EAGAIN ? Step::kWait : Step::kFailed;
    }
    attempt.got += static_cast<std::size_t>(got);
    const std::vector<std::uint8_t>& in = attempt.in;
    if (attempt.got < 2) continue;
    const std::size_t length = static_cast<std::size_t>(in[0]) << 8 | in[1];
    if (attempt.got - 2 >= length) return length >= 12 ? Step::kAnswered : Step::kFailed;
  }
}

void Handshaker::End(Attempt& attempt, Step how) {
  if (how == Step::kAnswered) {
    const std::span<const std::uint8_t> message(attempt.in.data() + 2, attempt.got - 2);
    const bool ours = (message[0] << 8 | message[1]) == attempt.id &&
                      questions_.IsOf(attempt.line, attempt.id, message);
    if (ours) {
      tally_.last_answer = Now();
      tally_.Count(message, message.size(), tally_.last_answer - attempt.started);
    } else {
      ++tally_.strange;
      ++tally_.lost;
    }
    if (attempt.ssl) {
      if (run_.resume) session_.reset(SSL_get1_session(attempt.ssl.get()));
      SSL_shutdown(attempt.ssl.get());
    }
  } else {
    ++tally_.lost;
  }
  attempt.ssl.reset();
  attempt.fd.Reset();
  attempt.state = Attempt::State::kIdle;
}

}  // namespace

Tally RunHandshakes(const SocketAddress& server, const Questions& questions, const Sources& sources,
                    const HandshakeRun& run) {
  Handshaker handshaker(server, questions, sources, run);
  if (run.resume) handshaker.Run(1, 1);
  return handshaker.Run(run.count, run.parallel);
}

}  // namespace resolve64::bench
