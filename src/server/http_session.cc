#include "server/http_session.h"

#include <nghttp2/nghttp2.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <utility>

namespace resolve64::server {
namespace {

// An assignment of {} would keep the room of the largest reply for as long as the connection lives.
void Free(std::vector<std::uint8_t>& octets) noexcept { std::vector<std::uint8_t>().swap(octets); }

constexpr std::size_t kFieldOverhead = 32;  // RFC 9113 section 6.5.2

std::span<const std::uint8_t> OctetsOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// nghttp2 copies the value, and takes the name, a literal, as it is.
nghttp2_nv Field(std::string_view name, std::string_view value) {
  nghttp2_nv field{};
  field.name = const_cast<std::uint8_t*>(OctetsOf(name).data());
  field.namelen = name.size();
  field.value = const_cast<std::uint8_t*>(OctetsOf(value).data());
  field.valuelen = value.size();
  field.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
  return field;
}

}  // namespace

// A stream and its question, whichever of them lives longer.
class HttpSession::Exchange final : public ReplyPath {
 public:
  explicit Exchange(HttpSession& session) noexcept : session_(session) {}

  void Reply(const Peer& /*peer*/, std::vector<std::uint8_t> message) noexcept override {
    session_.Answered(*this, std::move(message));
  }

  std::int32_t stream = 0;             // zero: the client has it no more
  bool asked = false;                  // a reply will come
  bool waiting = false;                // in waiting_
  bool responding = false;             // there is a response
  bool sent = false;                   // all of it
  bool refused = false;                // we reset it, and it is not the client's fault
  std::uint64_t received = 0;          // octets of the request's content
  HttpHead head;                       // head.message: the question as far as it came
  std::vector<std::uint8_t> reply;     // owns what `left` shows, where that is no literal
  std::span<const std::uint8_t> left;  // of the response's content

 private:
  HttpSession& session_;
};

// What nghttp2 calls. It is C: nothing may throw through it.
struct HttpSession::Callbacks {
  static HttpSession& Of(void* session) noexcept { return *static_cast<HttpSession*>(session); }

  static int OnBeginFrame(nghttp2_session* /*http2*/, const nghttp2_frame_hd* /*header*/,
                          void* session) noexcept {
    return Of(session).CountFrame() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  static int OnBeginHeaders(nghttp2_session* /*http2*/, const nghttp2_frame* frame,
                            void* session) noexcept {
    if (IsRequest(*frame)) Of(session).BeginRequest(frame->hd.stream_id);
    return 0;
  }
  static int OnHeader(nghttp2_session* /*http2*/, const nghttp2_frame* frame,
                      const std::uint8_t* name, std::size_t name_length, const std::uint8_t* value,
                      std::size_t value_length, std::uint8_t /*flags*/, void* session) noexcept {
    if (!IsRequest(*frame)) return 0;  // trailers say nothing about a question
    Of(session).Field({reinterpret_cast<const char*>(name), name_length},
                      {reinterpret_cast<const char*>(value), value_length});
    return 0;
  }
  static int OnFrame(nghttp2_session* /*http2*/, const nghttp2_frame* frame,
                     void* session) noexcept {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Exchange* exchange = Of(session).Find(frame->hd.stream_id);
    if (exchange == nullptr) return 0;
    if (IsRequest(*frame)) Of(session).EndHeader(*exchange);
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) Of(session).EndRequest(*exchange);
    return 0;
  }
  static int OnData(nghttp2_session* /*http2*/, std::uint8_t /*flags*/, std::int32_t stream,
                    const std::uint8_t* octets, std::size_t length, void* session) noexcept {
    Exchange* exchange = Of(session).Find(stream);
    if (exchange != nullptr) Of(session).Content(*exchange, {octets, length});
    return 0;
  }
  static int OnFrameSent(nghttp2_session* http2, const nghttp2_frame* frame,
                         void* session) noexcept {
    const bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!last) return 0;
    const std::int32_t stream = frame->hd.stream_id;
    Exchange* exchange = Of(session).Find(stream);
    if (exchange != nullptr) exchange->sent = true;
    // An answer that is out is progress, however many frames it took to make room for it.
    Of(session).idle_frames_ = Of(session).idle_octets_ = 0;
    // The rest of a request that is answered already is of no use (RFC 9113 section 8.1).
    if (nghttp2_session_get_stream_remote_close(http2, stream) == 0) {
      nghttp2_submit_rst_stream(http2, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
    }
    return 0;
  }
  static int OnStreamClose(nghttp2_session* http2, std::int32_t stream, std::uint32_t code,
                           void* session) noexcept {
    auto* exchange = static_cast<Exchange*>(nghttp2_session_get_stream_user_data(http2, stream));
    if (exchange != nullptr) Of(session).StreamClosed(*exchange, code);
    return 0;
  }
  static ssize_t OnRead(nghttp2_session* /*http2*/, std::int32_t /*stream*/, std::uint8_t* into,
                        std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                        void* session) noexcept {
    auto& exchange = *static_cast<Exchange*>(source->ptr);
    HttpSession& self = Of(session);
    const std::size_t octets = std::min(length, exchange.left.size());
    std::copy_n(exchange.left.begin(), octets, into);
    exchange.left = exchange.left.subspan(octets);
    self.reply_octets_ -= octets;
    self.moved_ = self.link_.scheduler().Now();
    if (exchange.left.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(octets);
  }

  static bool IsRequest(const nghttp2_frame& frame) noexcept {
    return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static nghttp2_session* NewSession(HttpSession& session);
};

nghttp2_session* HttpSession::Callbacks::NewSession(HttpSession& session) {
  struct Table {
    Table() {
      if (nghttp2_session_callbacks_new(&callbacks) != 0) return;
      nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, OnBeginFrame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, OnBeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
      nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
      nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnFrameSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
    }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() { nghttp2_session_callbacks_del(callbacks); }
    nghttp2_session_callbacks* callbacks = nullptr;
  };
  static const Table table;
  nghttp2_session* made = nullptr;
  if (table.callbacks == nullptr ||
      nghttp2_session_server_new(&made, table.callbacks, &session) != 0) {
    throw std::bad_alloc();  // the only reason, and what every other allocation does
  }
  // The old priorities are a tree that clients build for us to keep (RFC 9113 section 5.3.1).
  const std::array<nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxInflight},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderList},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  return made;
}

void HttpSession::Deleter::operator()(nghttp2_session* session) const noexcept {
  nghttp2_session_del(session);
}

HttpSession::HttpSession(Link& link, std::string path)
    : link_(link),
      path_(std::move(path)),
      http2_(Callbacks::NewSession(*this)),
      resets_(link.scheduler().clock(), kResetBurst, kResetInterval) {}

HttpSession::~HttpSession() = default;

bool HttpSession::Take(std::span<const std::uint8_t> octets) {
  busy_ = true;
  if (preface_.kind() == HttpPreface::Kind::kOpen) {
    octets = octets.subspan(preface_.Take(octets));
    if (is_http2()) Feed(HttpPreface::Http2());
  }
  idle_octets_ += octets.size();
  if (is_http2()) Feed(octets);
  busy_ = false;
  return !calm_ && (is_http2() || preface_.kind() == HttpPreface::Kind::kOpen);
}

void HttpSession::Feed(std::span<const std::uint8_t> octets) {
  if (idle_octets_ > kMaxIdleOctets) Calm();
  if (calm_ || octets.empty()) return;
  // Negative: more acknowledgements than nghttp2 keeps, or CountFrame() has enough.
  if (nghttp2_session_mem_recv(http2_.get(), octets.data(), octets.size()) < 0) Calm();
}

void HttpSession::Output(std::vector<std::uint8_t>& unsent, std::size_t most) {
  if (preface_.kind() == HttpPreface::Kind::kHttp1 && !told_) {
    const std::span<const std::uint8_t> reply = HttpPreface::Http1Reply();
    unsent.insert(unsent.end(), reply.begin(), reply.end());
    told_ = true;
  }
  // Nothing before the client's preface: what is no HTTP/2 could not read it.
  if (!is_http2()) return;
  busy_ = true;
  const std::size_t limit = unsent.size() + most;
  do {
    while (unsent.size() < limit) {
      const std::uint8_t* octets = nullptr;
      const ssize_t length = nghttp2_session_mem_send(http2_.get(), &octets);
      if (length <= 0) break;
      unsent.insert(unsent.end(), octets, octets + length);
    }
  } while (unsent.size() < limit && AskWaiting());
  busy_ = false;
}

bool HttpSession::has_room() const noexcept {
  return nghttp2_session_get_outbound_queue_size(http2_.get()) < kMaxQueuedFrames;
}

bool HttpSession::WantsWrite() const noexcept {
  if (preface_.kind() == HttpPreface::Kind::kHttp1) return !told_;
  return is_http2() &&
         (nghttp2_session_want_write(http2_.get()) != 0 || (MayAsk() && !waiting_.empty()));
}

bool HttpSession::idle() const noexcept { return inflight_ == 0 && !WantsWrite(); }

void HttpSession::Finish() noexcept {
  finished_ = true;
  nghttp2_submit_goaway(http2_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(http2_.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  link_.Wake();
}

bool HttpSession::ended() const noexcept {
  if (WantsWrite()) return false;
  const bool other = !is_http2() && preface_.kind() != HttpPreface::Kind::kOpen;
  if (calm_ || other) return true;
  if (is_http2() && nghttp2_session_want_read(http2_.get()) == 0) return true;
  // Who may still open its window gets what it asked for.
  return inflight_ == 0 && (input_ended_ || (finished_ && reply_octets_ == 0));
}

// False where the client had its chance to say something.
bool HttpSession::CountFrame() {
  if (++idle_frames_ > kMaxIdleFrames) Calm();
  return !calm_;
}

void HttpSession::BeginRequest(std::int32_t stream) {
  fields_.Clear();
  header_octets_ = 0;
  nghttp2_session_set_stream_user_data(http2_.get(), stream, &NewExchange(stream));
}

void HttpSession::Field(std::string_view name, std::string_view value) {
  header_octets_ += name.size() + value.size() + kFieldOverhead;
  if (header_octets_ <= kMaxHeaderList) fields_.Set(name, value);
}

void HttpSession::EndHeader(Exchange& exchange) {
  exchange.head = ReadHead(fields_, path_);
  if (header_octets_ > kMaxHeaderList) {
    exchange.head.kind = HttpHead::Kind::kRefused;
    exchange.head.refusal = HeaderTooLarge();
  }
  question_octets_ += exchange.head.message.size();
  if (fields_.content_length.value_or(0) > kMaxHttpMessage) Refuse(exchange, MessageTooLarge());
  fields_.Clear();
}

void HttpSession::Content(Exchange& exchange, std::span<const std::uint8_t> octets) {
  if (exchange.responding) return;
  exchange.received += octets.size();
  if (exchange.received > kMaxHttpMessage) {
    // Of a request that is refused, the end is waited for only as long as it may come soon: some
    // clients take an early response for a broken connection.
    Refuse(exchange, MessageTooLarge());
    return;
  }
  if (exchange.head.kind != HttpHead::Kind::kPost) return;
  if (question_octets_ + octets.size() > kMaxQuestionOctets) {
    Reset(exchange, NGHTTP2_REFUSED_STREAM);
    return;
  }
  exchange.head.message.insert(exchange.head.message.end(), octets.begin(), octets.end());
  question_octets_ += octets.size();
}

void HttpSession::EndRequest(Exchange& exchange) {
  idle_frames_ = idle_octets_ = 0;
  ++questions_;
  if (exchange.responding || calm_) return;
  const bool stuck = reply_octets_ > 0 && moved_ + kMaxStandstill < link_.scheduler().Now();
  if (stuck) {
    Calm();
    return;
  }
  if (exchange.head.kind == HttpHead::Kind::kRefused) {
    Refuse(exchange, exchange.head.refusal);
  } else if (MayAsk() && waiting_.empty()) {
    Ask(exchange);
  } else {
    exchange.waiting = true;
    waiting_.push_back(&exchange);
  }
}

bool HttpSession::MayAsk() const noexcept {
  return inflight_ < kMaxInflight && reply_octets_ < kMaxReplyOctets;
}

void HttpSession::Ask(Exchange& exchange) {
  std::vector<std::uint8_t> message = std::move(exchange.head.message);
  exchange.head.message.clear();
  question_octets_ -= message.size();
  exchange.asked = true;
  ++inflight_;
  std::vector<std::uint8_t> finished;
  if (link_.Answer(message, finished)) {
    Answered(exchange, std::move(finished));
    return;
  }
  // A part of the connection: no allocation for each question.
  const std::shared_ptr<ReplyPath> path(link_.Keep(), &exchange);
  link_.Ask(message, path);
}

// False where nothing was asked.
bool HttpSession::AskWaiting() {
  bool any = false;
  while (MayAsk() && !waiting_.empty()) {
    Exchange& exchange = *waiting_.front();
    waiting_.erase(waiting_.begin());
    exchange.waiting = false;
    Ask(exchange);
    any = true;
  }
  return any;
}

void HttpSession::Answered(Exchange& exchange, std::vector<std::uint8_t> message) noexcept {
  --inflight_;
  exchange.asked = false;
  if (exchange.stream == 0) {
    Release(exchange);
  } else if (message.empty()) {
    Refuse(exchange, NotAQuery());
  } else if (reply_octets_ + message.size() > kMostReplyOctets) {
    Reset(exchange, NGHTTP2_REFUSED_STREAM);
  } else {
    exchange.reply = std::move(message);
    const std::optional<std::uint32_t> seconds = FreshnessOf(exchange.reply);
    const std::string cache_control =
        seconds ? "max-age=" + std::to_string(*seconds) : std::string("no-store");
    Respond(exchange, exchange.reply, "application/dns-message", cache_control, 200, {});
  }
  if (!busy_) link_.Wake();
}

void HttpSession::Refuse(Exchange& exchange, const HttpRefusal& refusal) {
  // Without no-store a cache may keep 404, 405 and 414 (RFC 9110 section 15.1).
  Respond(exchange, OctetsOf(refusal.text), "text/plain; charset=utf-8", "no-store", refusal.status,
          refusal.allow);
}

void HttpSession::Respond(Exchange& exchange, std::span<const std::uint8_t> content,
                          std::string_view content_type, const std::string& cache_control,
                          std::uint16_t status, std::string_view allow) {
  const std::string status_text = std::to_string(status);
  const std::string length = std::to_string(content.size());
  const std::array<nghttp2_nv, 5> fields = {
      server::Field(":status", status_text), server::Field("content-type", content_type),
      server::Field("content-length", length), server::Field("cache-control", cache_control),
      server::Field("allow", allow)};
  const std::size_t count = allow.empty() ? fields.size() - 1 : fields.size();
  exchange.responding = true;
  nghttp2_data_provider provider{};
  provider.source.ptr = &exchange;
  provider.read_callback = Callbacks::OnRead;
  const bool with_content = !exchange.head.without_content;
  if (nghttp2_submit_response(http2_.get(), exchange.stream, fields.data(), count,
                              with_content ? &provider : nullptr) != 0) {
    Reset(exchange, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  if (!with_content) {
    Free(exchange.reply);
    return;
  }
  if (reply_octets_ == 0) moved_ = link_.scheduler().Now();
  exchange.left = content;
  reply_octets_ += content.size();
}

void HttpSession::Reset(Exchange& exchange, std::uint32_t code) {
  exchange.responding = exchange.refused = true;
  nghttp2_submit_rst_stream(http2_.get(), NGHTTP2_FLAG_NONE, exchange.stream, code);
}

void HttpSession::StreamClosed(Exchange& exchange, std::uint32_t code) {
  exchange.stream = 0;
  if (exchange.waiting) std::erase(waiting_, &exchange);
  exchange.waiting = false;
  // The client's RST_STREAM, and ours for what it broke.
  const bool early = !exchange.refused && (code != NGHTTP2_NO_ERROR || !exchange.sent);
  if (!exchange.asked) Release(exchange);
  if (early && !resets_.Take()) Calm();
}

void HttpSession::Calm() {
  if (calm_) return;
  calm_ = true;
  nghttp2_session_terminate_session(http2_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

HttpSession::Exchange* HttpSession::Find(std::int32_t stream) const noexcept {
  return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(http2_.get(), stream));
}

HttpSession::Exchange& HttpSession::NewExchange(std::int32_t stream) {
  if (free_.empty()) free_.push_back(&exchanges_.emplace_back(*this));
  Exchange& exchange = *free_.back();
  free_.pop_back();
  exchange.stream = stream;
  return exchange;
}

// REQUIRES: no reply will come, and the stream is closed.
void HttpSession::Release(Exchange& exchange) {
  question_octets_ -= exchange.head.message.size();
  reply_octets_ -= exchange.left.size();
  exchange.responding = exchange.sent = exchange.refused = false;
  exchange.received = 0;
  exchange.left = {};
  Free(exchange.reply);
  exchange.head = HttpHead();
  free_.push_back(&exchange);
}

}  // namespace resolve64::server
