#include "http_framing.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "system.h"

namespace resolve64::bench {
namespace {

constexpr std::uint32_t kWindow = 1 << 20;  // octets the server may send ahead, on a stream

// nghttp2 does not write through these pointers.
nghttp2_nv Header(std::string_view name, std::string_view value, std::uint8_t flags) {
  auto* n = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  auto* v = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  return {n, v, name.size(), value.size(), flags};
}

constexpr std::uint8_t kKept =
    NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;  // they outlive the session

}  // namespace

HttpFraming::HttpFraming(const std::string& authority, const std::string& path) {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) Die("nghttp2");
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnStreamClose);
  const int made = nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) Die("nghttp2");
  const std::array<nghttp2_settings_entry, 2> settings{
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
  headers_ = {Header(":method", "POST", kKept),
              Header(":scheme", "https", kKept),
              Header(":authority", authority, kKept),
              Header(":path", path, kKept),
              Header("accept", "application/dns-message", kKept),
              Header("content-type", "application/dns-message", kKept),
              Header("content-length", "", NGHTTP2_NV_FLAG_NO_COPY_NAME)};
}

HttpFraming::~HttpFraming() { nghttp2_session_del(session_); }

void HttpFraming::Submit(std::span<const std::uint8_t> message) {
  if (idle_.empty()) {
    all_.push_back(std::make_unique<Exchange>());
    idle_.push_back(all_.back().get());
  }
  Exchange* exchange = idle_.back();
  exchange->request.assign(message.begin(), message.end());
  exchange->reply.clear();
  exchange->taken = exchange->length = 0;
  exchange->ok = false;
  const std::string length = std::to_string(message.size());
  headers_.back() = Header("content-length", length, NGHTTP2_NV_FLAG_NO_COPY_NAME);
  const nghttp2_data_provider body{{.ptr = exchange}, ReadBody};
  const std::int32_t stream =
      nghttp2_submit_request(session_, nullptr, headers_.data(), headers_.size(), &body, exchange);
  if (stream >= 0) idle_.pop_back();  // else it is lost, and times out
}

ssize_t HttpFraming::ReadBody(nghttp2_session* /*session*/, std::int32_t /*stream*/,
                              std::uint8_t* out, std::size_t room, std::uint32_t* flags,
                              nghttp2_data_source* source, void* /*self*/) {
  auto& exchange = *static_cast<Exchange*>(source->ptr);
  const std::size_t size = std::min(room, exchange.request.size() - exchange.taken);
  std::memcpy(out, exchange.request.data() + exchange.taken, size);
  exchange.taken += size;
  if (exchange.taken == exchange.request.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

void HttpFraming::Pull(std::vector<std::uint8_t>& out) {
  for (;;) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return;
    out.insert(out.end(), data, data + size);
  }
}

bool HttpFraming::Take(std::span<const std::uint8_t> octets, std::size_t channel,
                       Receiver& receiver) {
  receiver_ = &receiver;
  channel_ = channel;
  const ssize_t taken = nghttp2_session_mem_recv(session_, octets.data(), octets.size());
  return taken == static_cast<ssize_t>(octets.size()) &&
         (nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0);
}

int HttpFraming::OnHeader(nghttp2_session* session, const nghttp2_frame* frame,
                          const std::uint8_t* name, std::size_t name_length,
                          const std::uint8_t* value, std::size_t value_length,
                          std::uint8_t /*flags*/, void* /*self*/) {
  auto* exchange =
      static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
  if (exchange == nullptr) return 0;
  const std::string_view field(reinterpret_cast<const char*>(name), name_length);
  const std::string_view text(reinterpret_cast<const char*>(value), value_length);
  if (field == ":status") exchange->ok = text == "200";
  return 0;
}

int HttpFraming::OnData(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t stream,
                        const std::uint8_t* data, std::size_t length, void* /*self*/) {
  auto* exchange = static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  if (exchange == nullptr) return 0;
  const std::size_t room = kEnough - std::min(kEnough, exchange->reply.size());
  exchange->reply.insert(exchange->reply.end(), data, data + std::min(room, length));
  exchange->length += length;
  return 0;
}

int HttpFraming::OnStreamClose(nghttp2_session* session, std::int32_t stream,
                               std::uint32_t /*error*/, void* self) {
  auto& framing = *static_cast<HttpFraming*>(self);
  auto* exchange = static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
  if (exchange == nullptr) return 0;
  if (exchange->ok && exchange->reply.size() >= 12 && framing.receiver_ != nullptr) {
    framing.receiver_->OnMessage(framing.channel_, exchange->reply, exchange->length);
  }
  framing.idle_.push_back(exchange);
  return 0;
}

}  // namespace resolve64::bench
