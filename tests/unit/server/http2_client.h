// A client of HTTP/2 in memory, and the connection of the session that it talks to.
#pragma once

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "dns/message_builder.h"
#include "net/scheduler.h"
#include "server/http_session.h"

namespace resolve64::server {

using Octets = std::vector<std::uint8_t>;

/// Keeps the questions, or answers each with what `answer` makes of it.
class FakeLink final : public Link {
 public:
  struct Asked {
    Octets message;
    std::shared_ptr<ReplyPath> path;

    void Reply(Octets reply) { std::exchange(path, nullptr)->Reply(Peer(), std::move(reply)); }
  };

  bool Answer(std::span<const std::uint8_t> /*message*/,
              std::vector<std::uint8_t>& /*out*/) override {
    return false;
  }
  void Ask(std::span<const std::uint8_t> message, const std::shared_ptr<ReplyPath>& path) override {
    ++count;
    if (answer) {
      path->Reply(Peer(), answer(message));
      return;
    }
    asked.push_back({Octets(message.begin(), message.end()), path});
  }
  std::shared_ptr<void> Keep() override { return keep; }
  void Wake() noexcept override { ++wakes; }
  net::Scheduler& scheduler() noexcept override { return scheduler_; }

  ManualClock clock;
  std::function<Octets(std::span<const std::uint8_t>)> answer;
  std::vector<Asked> asked;
  std::size_t count = 0;
  std::size_t wakes = 0;
  std::shared_ptr<int> keep = std::make_shared<int>(0);

 private:
  net::Scheduler scheduler_{clock};
};

/// What came back on a stream.
struct Heard {
  std::map<std::string, std::string> fields;
  std::string content;
  bool closed = false;
  std::uint32_t code = 0;

  [[nodiscard]] std::string status() const { return Field(":status"); }
  [[nodiscard]] std::string Field(const std::string& name) const {
    const auto at = fields.find(name);
    return at == fields.end() ? "" : at->second;
  }
};

/// nghttp2's client. Octets go to and come from a session by Pump().
class Http2Client {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// `window`: octets that the server may send on each stream before it is told more.
  explicit Http2Client(bool auto_window = true, std::uint32_t window = 65535) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, auto_window ? 0 : 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1000);
    nghttp2_session* made = nullptr;
    nghttp2_session_client_new2(&made, callbacks, this, option);
    http2_.reset(made);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(http2_.get(), NGHTTP2_FLAG_NONE, &setting, 1);
  }

  std::int32_t Request(const Fields& fields, const std::string& content = "") {
    std::vector<nghttp2_nv> list;
    list.reserve(fields.size());
    for (const auto& [name, value] : fields) {
      list.push_back({Bytes(name), Bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    auto& source = sources_.emplace_back(std::make_unique<Source>(Source{content, 0}));
    nghttp2_data_provider provider{};
    provider.source.ptr = source.get();
    provider.read_callback = OnRead;
    const std::int32_t stream =
        nghttp2_submit_request(http2_.get(), nullptr, list.data(), list.size(),
                               content.empty() ? nullptr : &provider, nullptr);
    EXPECT_GT(stream, 0);
    return stream;
  }
  std::int32_t Get(const std::string& target, const std::string& method = "GET") {
    return Request({{":method", method},
                    {":scheme", "https"},
                    {":authority", "dns.example"},
                    {":path", target},
                    {"accept", "application/dns-message"}});
  }
  std::int32_t Post(const std::string& content, Fields more = {}) {
    Fields fields = {{":method", "POST"},
                     {":scheme", "https"},
                     {":authority", "dns.example"},
                     {":path", "/dns-query"},
                     {"content-type", "application/dns-message"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return Request(fields, content);
  }
  void Reset(std::int32_t stream) {
    nghttp2_submit_rst_stream(http2_.get(), NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  }
  void Ping() { nghttp2_submit_ping(http2_.get(), NGHTTP2_FLAG_NONE, nullptr); }
  void OpenWindow(std::int32_t stream, std::int32_t octets) {
    nghttp2_submit_window_update(http2_.get(), NGHTTP2_FLAG_NONE, stream, octets);
  }
  void GoAway() { nghttp2_submit_goaway(http2_.get(), NGHTTP2_FLAG_NONE, 0, 0, nullptr, 0); }

  /// What it wants to send.
  Octets Output() {
    Octets all;
    for (;;) {
      const std::uint8_t* octets = nullptr;
      const ssize_t length = nghttp2_session_mem_send(http2_.get(), &octets);
      if (length <= 0) return all;
      all.insert(all.end(), octets, octets + length);
    }
  }
  void Take(const Octets& octets) {
    received += octets.size();
    EXPECT_EQ(nghttp2_session_mem_recv(http2_.get(), octets.data(), octets.size()),
              static_cast<ssize_t>(octets.size()));
  }
  /// Both talk until neither has anything to say. False where the session ended it.
  bool Pump(HttpSession& session, std::size_t step = SIZE_MAX) {
    for (;;) {
      const Octets out = Output();
      for (std::size_t at = 0; at < out.size(); at += std::min(step, out.size() - at)) {
        const auto piece = std::span(out).subspan(at, std::min(step, out.size() - at));
        alive = session.Take(piece) && alive;
      }
      Octets in;
      session.Output(in, 1 << 20);
      Take(in);
      if (in.empty() && out.empty()) return alive;
    }
  }
  Heard& operator[](std::int32_t stream) { return heard[stream]; }
  [[nodiscard]] std::uint32_t Remote(nghttp2_settings_id id) const {
    return nghttp2_session_get_remote_settings(http2_.get(), id);
  }

  std::map<std::int32_t, Heard> heard;
  std::optional<std::uint32_t> goaway;  ///< its code
  std::int32_t goaway_last = 0;
  std::size_t pongs = 0;
  std::size_t received = 0;
  bool alive = true;

 private:
  struct Source {
    std::string content;
    std::size_t at;
  };
  struct Deleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  static std::uint8_t* Bytes(const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }
  static Http2Client& Of(void* user) { return *static_cast<Http2Client*>(user); }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_length, const std::uint8_t* value, std::size_t length,
                      std::uint8_t, void* user) {
    Of(user).heard[frame->hd.stream_id].fields.emplace(
        std::string(reinterpret_cast<const char*>(name), name_length),
        std::string(reinterpret_cast<const char*>(value), length));
    return 0;
  }
  static int OnData(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* octets,
                    std::size_t length, void* user) {
    Of(user).heard[stream].content.append(reinterpret_cast<const char*>(octets), length);
    return 0;
  }
  static int OnClose(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    Of(user).heard[stream].closed = true;
    Of(user).heard[stream].code = code;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_PING) ++Of(user).pongs;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      Of(user).goaway = frame->goaway.error_code;
      Of(user).goaway_last = frame->goaway.last_stream_id;
    }
    return 0;
  }
  static ssize_t OnRead(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t length,
                        std::uint32_t* flags, nghttp2_data_source* from, void*) {
    auto& source = *static_cast<Source*>(from->ptr);
    const std::size_t octets = std::min(length, source.content.size() - source.at);
    std::copy_n(source.content.begin() + static_cast<std::ptrdiff_t>(source.at), octets, into);
    source.at += octets;
    if (source.at == source.content.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(octets);
  }

  std::unique_ptr<nghttp2_session, Deleter> http2_;
  std::vector<std::unique_ptr<Source>> sources_;
};

inline constexpr char kTarget[] = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";

// A frame as RFC 9113 section 4.1 draws it.
inline Octets Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                    const Octets& payload) {
  Octets frame;
  for (const unsigned shift : {16U, 8U, 0U}) {
    frame.push_back(static_cast<std::uint8_t>(payload.size() >> shift));
  }
  frame.push_back(type);
  frame.push_back(flags);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    frame.push_back(static_cast<std::uint8_t>(stream >> shift));
  }
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

// A reply of `octets` octets, with a TTL.
inline Octets Reply(std::size_t octets = 100, std::uint32_t ttl = 300,
                    Rcode rcode = Rcode::kNoError) {
  dns::MessageBuilder builder(65535);
  builder.SetHeader(0, static_cast<std::uint16_t>(0x8180 | static_cast<unsigned>(rcode)));
  const Name name = *Name::Parse("www.example.com");
  builder.AddQuestion(Question(name, RrType::kTxt));
  const std::size_t rest = octets - builder.size() - 12;
  builder.AddRecord(Section::kAnswer, name, RrType::kTxt, ttl, Octets(rest, 0));
  Octets reply = builder.Finish();
  EXPECT_EQ(reply.size(), octets);
  return reply;
}

class HttpSessionTest : public ::testing::Test {
 protected:
  void AnswerAll(std::size_t octets = 100) {
    link_.answer = [octets](std::span<const std::uint8_t>) { return Reply(octets); };
  }
  // Feeds the session what no client library would send. False where it ends the connection.
  bool Send(const Octets& octets) { return session_.Take(octets); }
  Octets Drain() {
    Octets out;
    session_.Output(out, 1 << 20);
    return out;
  }
  // Past the preface, with the settings taken on both sides.
  void Start() { ASSERT_TRUE(client_.Pump(session_)); }
  void Hear() { client_.Take(Drain()); }

  FakeLink link_;
  HttpSession session_{link_, "/dns-query"};
  Http2Client client_;
};

}  // namespace resolve64::server
