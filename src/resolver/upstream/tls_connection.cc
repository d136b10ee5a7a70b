#include "resolver/upstream/tls_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "dns/message_builder.h"
#include "resolve64/message.h"

namespace resolve64::resolver::upstream {
namespace {

constexpr std::size_t kLengthPrefix = 2;
constexpr int kReadsInARow = 32;                                     // then others get their turn
constexpr Duration kKeepaliveUnit = std::chrono::milliseconds(100);  // RFC 7828 section 3.1

std::uint16_t IdOf(const std::vector<std::uint8_t>& message) {
  return static_cast<std::uint16_t>(message[0] << 8 | message[1]);
}

void SetId(std::uint8_t* message, std::uint16_t id) {
  message[0] = static_cast<std::uint8_t>(id >> 8);
  message[1] = static_cast<std::uint8_t>(id & 0xFF);
}

}  // namespace

TlsConnection::TlsConnection(net::Loop& loop, Random& random, Owner& owner, int fd,
                             std::unique_ptr<net::Stream> stream)
    : loop_(loop),
      random_(random),
      owner_(&owner),
      fd_(fd),
      stream_(std::move(stream)),
      started_(loop.scheduler().Now()),
      last_activity_(started_),
      timer_(*this),
      sender_(*this) {}

TlsConnection::~TlsConnection() { Abandon(); }

bool TlsConnection::Start() {
  events_ = EPOLLOUT;
  watched_ = loop_.poller().Add(fd_, events_, *this);
  SetTimer();
  return watched_;
}

//--- Queries --------------------------------------------------------------------------------

void TlsConnection::Add(TlsQuery& query) {
  const TimePoint now = loop_.scheduler().Now();
  std::uint16_t id = IdOf(query.message);
  while (waiting_.contains(id)) id = random_.U16();  // kMaxQueries are a small part of all ids
  waiting_.emplace(id, &query);
  query.on = this;
  query.id_there = id;
  if (open()) query.left_at = now;

  // Length prefix and message leave in one write (RFC 7766 section 8).
  unsent_.push_back(static_cast<std::uint8_t>(query.message.size() >> 8));
  unsent_.push_back(static_cast<std::uint8_t>(query.message.size() & 0xFF));
  unsent_.insert(unsent_.end(), query.message.begin(), query.message.end());
  SetId(unsent_.data() + unsent_.size() - query.message.size(), id);

  if (live_++ == 0) silent_since_ = now;
  last_activity_ = now;
  SetTimer();
  loop_.scheduler().Post(sender_);
}

void TlsConnection::Remove(TlsQuery& query) noexcept {
  waiting_[query.id_there] = nullptr;
  query.on = nullptr;
  --live_;
  if (waiting_.size() - live_ >= kMaxGivenUp) last_queries_ = true;
  SetTimer();
}

//--- Octets ---------------------------------------------------------------------------------

void TlsConnection::OnReady(std::uint32_t /*events*/) noexcept {
  const std::shared_ptr<TlsConnection> self = shared_from_this();
  if (phase_ == Phase::kConnecting) Connect();
  Work();
}

void TlsConnection::Work() noexcept {
  const std::shared_ptr<TlsConnection> self = shared_from_this();
  if (phase_ == Phase::kHandshake) Shake();
  if (phase_ == Phase::kOpen) Flush();
  if (phase_ == Phase::kOpen) Fill();
  if (phase_ == Phase::kOpen || phase_ == Phase::kHandshake) Watch();
}

void TlsConnection::Connect() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return End(TlsEnd::kNeverOpened, std::strerror(error));
  phase_ = Phase::kHandshake;
}

void TlsConnection::Shake() noexcept {
  const net::Io io = stream_->Handshake();
  if (io.state == net::Io::State::kWait) {
    read_waits_ = stream_->waits_for();
    return;
  }
  if (io.state != net::Io::State::kDone) {
    return End(TlsEnd::kNeverOpened, "TLS: " + std::string(stream_->error()));
  }
  phase_ = Phase::kOpen;
  const TimePoint now = loop_.scheduler().Now();
  silent_since_ = now;
  last_activity_ = now;
  for (const auto& [id, query] : waiting_) {
    if (query != nullptr) query->left_at = now;
  }
  SetTimer();
}

void TlsConnection::Flush() noexcept {
  write_waits_ = 0;
  while (!unsent_.empty()) {
    const net::Io io = stream_->Write(unsent_);
    if (io.state == net::Io::State::kWait) {
      write_waits_ = stream_->waits_for();
      return;
    }
    if (io.state != net::Io::State::kDone) {
      return End(TlsEnd::kBroke, "the connection broke: " + std::string(stream_->error()));
    }
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(io.octets));
  }
}

void TlsConnection::Fill() noexcept {
  std::array<std::uint8_t, 16384> buffer;
  for (int reads = 0; reads < kReadsInARow; ++reads) {
    const net::Io io = stream_->Read(buffer);
    switch (io.state) {
      case net::Io::State::kDone:
        received_.insert(received_.end(), buffer.begin(),
                         buffer.begin() + static_cast<std::ptrdiff_t>(io.octets));
        TakeMessages();
        if (phase_ != Phase::kOpen) return;
        break;
      case net::Io::State::kWait:
        read_waits_ = stream_->waits_for();
        return;
      case net::Io::State::kEnd:
        return End(TlsEnd::kClosed, "the server closed the connection");
      case net::Io::State::kFailed:
        return End(TlsEnd::kBroke, "the connection broke: " + std::string(stream_->error()));
    }
  }
  read_waits_ = EPOLLIN;
  loop_.scheduler().PostNext(sender_);
}

bool TlsConnection::HasMessage(std::size_t at) const noexcept {
  if (received_.size() < at + kLengthPrefix) return false;
  const std::size_t length = static_cast<std::size_t>(received_[at]) << 8 | received_[at + 1];
  return received_.size() >= at + kLengthPrefix + length;
}

void TlsConnection::TakeMessages() noexcept {
  std::size_t at = 0;
  while (phase_ == Phase::kOpen && HasMessage(at)) {
    const auto begin = received_.begin() + static_cast<std::ptrdiff_t>(at + kLengthPrefix);
    const std::ptrdiff_t length = received_[at] << 8 | received_[at + 1];
    at += kLengthPrefix + static_cast<std::size_t>(length);
    TakeMessage(std::vector<std::uint8_t>(begin, begin + length));
  }
  if (phase_ != Phase::kOpen) return;
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
  SetTimer();
}

void TlsConnection::TakeMessage(std::vector<std::uint8_t> message) noexcept {
  const auto at = message.size() < Header::kSize ? waiting_.end() : waiting_.find(IdOf(message));
  if (at == waiting_.end()) {
    if (++foreign_ > kMaxForeign) End(TlsEnd::kBroke, "only messages that nobody asked for");
    return;
  }
  foreign_ = 0;
  TlsQuery* query = at->second;
  waiting_.erase(at);
  silent_since_ = last_activity_ = loop_.scheduler().Now();
  HeedKeepalive(message);
  if (query == nullptr) return;
  --live_;
  query->on = nullptr;
  SetId(message.data(), IdOf(query->message));
  query->reply = std::move(message);
  query->changed.Set();
}

// RFC 7828 section 3.4. Zero: nothing more is to be sent, and what is under way is waited for.
void TlsConnection::HeedKeepalive(const std::vector<std::uint8_t>& message) noexcept {
  const Result<MessageView> view = MessageView::Parse(message);
  if (!view || !view->edns()) return;
  const EdnsOption* option = view->edns()->Find(dns::kOptionKeepalive);
  if (option == nullptr || option->data.size() != 2) return;
  const int units = option->data[0] << 8 | option->data[1];
  idle_time_ = std::min<Duration>(units * kKeepaliveUnit, kLongestIdle);
  if (units == 0) last_queries_ = true;
}

void TlsConnection::Watch() noexcept {
  const std::uint32_t events = read_waits_ | write_waits_;
  if (events == events_) return;
  events_ = events;
  loop_.poller().Modify(fd_, events_, *this);
}

//--- Deadlines and ends ---------------------------------------------------------------------

void TlsConnection::SetTimer() noexcept {
  if (phase_ == Phase::kOver) return;
  TimePoint at = started_ + kHandshakeTime;
  if (open() && live_ > 0) {
    at = silent_since_ + kSilence;
  } else if (open()) {
    at = last_activity_ + (last_queries_ ? Duration::zero() : idle_time_);
  }
  loop_.scheduler().Arm(timer_, at);
}

void TlsConnection::OnTimer() noexcept {
  const std::shared_ptr<TlsConnection> self = shared_from_this();
  if (!open()) return End(TlsEnd::kNeverOpened, "no TLS connection in time");
  if (live_ > 0) return End(TlsEnd::kBroke, "the server fell silent");
  End(TlsEnd::kClosed, "idle");
}

void TlsConnection::End(TlsEnd end, const std::string& reason) noexcept {
  std::vector<TlsQuery*> unanswered;
  for (const auto& [id, query] : waiting_) {
    if (query == nullptr) continue;
    query->on = nullptr;
    unanswered.push_back(query);
  }
  Owner* owner = owner_;
  Close();
  if (owner != nullptr) owner->OnEnd(*this, end, reason, unanswered);
}

void TlsConnection::Abandon() noexcept {
  for (const auto& [id, query] : waiting_) {
    if (query != nullptr) query->on = nullptr;
  }
  Close();
}

void TlsConnection::Close() noexcept {
  if (phase_ == Phase::kOver) return;
  phase_ = Phase::kOver;
  owner_ = nullptr;
  waiting_.clear();
  live_ = 0;
  timer_.Disarm();
  if (watched_) loop_.poller().Remove(fd_, *this);
  stream_->End();
  stream_.reset();
  ::close(fd_);
}

}  // namespace resolve64::resolver::upstream
