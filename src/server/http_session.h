// DNS over HTTPS (RFC 8484) on one connection: HTTP/2 (RFC 9113), a question a stream.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/rate_limit.h"
#include "server/http_preface.h"
#include "server/http_request.h"
#include "server/session.h"

struct nghttp2_session;

namespace resolve64::server {

/// Framing, header compression and flow control are nghttp2's; what is bounded is bounded here. A
/// client that costs more than it asks is told so with GOAWAY ENHANCE_YOUR_CALM, and is left.
///
/// It goes on reading when answers wait, because the client's permission to send them
/// (WINDOW_UPDATE) comes between its requests; it is the asking that waits. Answers that the client
/// does not let us send count as idle, so that the connection's deadline ends them.
class HttpSession final : public Session {
 public:
  /// SETTINGS_MAX_HEADER_LIST_SIZE, as RFC 9113 section 6.5.2 counts.
  static constexpr std::size_t kMaxHeaderList = 16 << 10;
  /// Octets of questions that are on their way, or wait to be asked; those beyond are refused.
  static constexpr std::size_t kMaxQuestionOctets = 256 << 10;
  /// Octets of replies that wait for the client; no question is asked above.
  static constexpr std::size_t kMaxReplyOctets = 256 << 10;
  /// The same at most, whatever comes of what was asked before that: the streams of replies beyond
  /// are reset, and the client may ask again.
  static constexpr std::size_t kMostReplyOctets = 1 << 20;
  /// How long such replies may stand still while the client asks for more.
  static constexpr Duration kMaxStandstill = std::chrono::seconds(20);
  /// Streams that end before their reply does: so many at once, then one each interval (the "rapid
  /// reset" attack). A browser gives up some when a page is left.
  static constexpr std::uint32_t kResetBurst = 100;
  static constexpr Duration kResetInterval = std::chrono::milliseconds(30);
  /// Frames that may come without completing a request: a question in pieces, PING, SETTINGS.
  static constexpr std::size_t kMaxIdleFrames = 1000;
  /// The same in octets: nobody counts frames of a type that is unknown.
  static constexpr std::size_t kMaxIdleOctets = 1 << 20;
  /// Frames of ours that wait for the client, but for DATA; nothing is read from it above.
  static constexpr std::size_t kMaxQueuedFrames = 500;

  /// `link` is borrowed. `path` is where DNS is, "/dns-query".
  HttpSession(Link& link, std::string path);
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  ~HttpSession() override;

  bool Take(std::span<const std::uint8_t> octets) override;
  void Output(std::vector<std::uint8_t>& unsent, std::size_t most) override;
  [[nodiscard]] bool has_room() const noexcept override;
  [[nodiscard]] bool idle() const noexcept override;
  /// Those that got a status instead of a reply are among them.
  [[nodiscard]] std::uint64_t questions() const noexcept override { return questions_; }
  void Finish() noexcept override;
  void InputEnded() noexcept override { input_ended_ = true; }
  [[nodiscard]] bool ended() const noexcept override;

 private:
  class Exchange;
  struct Callbacks;

  [[nodiscard]] bool is_http2() const noexcept {
    return preface_.kind() == HttpPreface::Kind::kHttp2;
  }
  void Feed(std::span<const std::uint8_t> octets);

  // What the client sends.
  bool CountFrame();
  void BeginRequest(std::int32_t stream);
  void Field(std::string_view name, std::string_view value);
  void EndHeader(Exchange& exchange);
  void Content(Exchange& exchange, std::span<const std::uint8_t> octets);
  void EndRequest(Exchange& exchange);
  void StreamClosed(Exchange& exchange, std::uint32_t code);

  // What it gets.
  [[nodiscard]] bool MayAsk() const noexcept;
  void Ask(Exchange& exchange);
  bool AskWaiting();
  void Answered(Exchange& exchange, std::vector<std::uint8_t> message) noexcept;
  void Respond(Exchange& exchange, std::span<const std::uint8_t> content,
               std::string_view content_type, const std::string& cache_control,
               std::uint16_t status, std::string_view allow);
  void Refuse(Exchange& exchange, const HttpRefusal& refusal);
  void Reset(Exchange& exchange, std::uint32_t code);
  void Calm();

  [[nodiscard]] bool WantsWrite() const noexcept;
  [[nodiscard]] Exchange* Find(std::int32_t stream) const noexcept;
  Exchange& NewExchange(std::int32_t stream);
  void Release(Exchange& exchange);

  Link& link_;
  std::string path_;
  struct Deleter {
    void operator()(nghttp2_session* session) const noexcept;
  };
  std::list<Exchange> exchanges_;  // they stay where they are
  std::vector<Exchange*> free_;
  std::vector<Exchange*> waiting_;                   // complete, and not asked yet
  std::unique_ptr<nghttp2_session, Deleter> http2_;  // after them: it points to them
  HttpFields fields_;                                // of the header that is being read
  std::size_t header_octets_ = 0;                    // of the same
  HttpPreface preface_;
  RateLimit resets_;
  std::size_t idle_frames_ = 0;  // since a request was complete
  std::size_t idle_octets_ = 0;
  std::size_t inflight_ = 0;         // questions that are asked, those of streams that are gone too
  std::size_t question_octets_ = 0;  // in exchanges, until they are asked
  std::size_t reply_octets_ = 0;     // in exchanges, until they are sent
  TimePoint moved_{};                // when some of those were sent, or began to wait
  std::uint64_t questions_ = 0;
  bool busy_ = false;      // within Take() or Output(): the connection sends afterwards
  bool told_ = false;      // a client of HTTP/1 has its reply
  bool calm_ = false;      // the client was told to leave
  bool finished_ = false;  // no further requests
  bool input_ended_ = false;
};

}  // namespace resolve64::server
