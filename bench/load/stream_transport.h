// Messages over connections: TCP, TLS, HTTPS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http_framing.h"
#include "system.h"
#include "tls.h"
#include "transport.h"

namespace resolve64::bench {

/// Connections are opened at once, and again whenever the server closes them.
class StreamTransport final : public Transport {
 public:
  struct Settings {
    bool tls = false;
    bool http = false;      ///< DNS over HTTP/2 POST (RFC 8484); else a length before each message
    std::string name;       ///< SNI; empty: none
    std::string authority;  ///< of the URL
    std::string path;       ///< of the URL
  };
  /// Returns when all are open; ends the program where they cannot be. `longest`: octets of a
  /// message that is sent.
  StreamTransport(const SocketAddress& server, std::size_t channels, const Sources& sources,
                  std::size_t longest, const Settings& settings);

  [[nodiscard]] std::size_t channels() const noexcept override { return channels_.size(); }
  std::uint8_t* Reserve(std::size_t channel) noexcept override;
  void Commit(std::size_t channel, std::size_t length) noexcept override;
  void Flush() noexcept override;
  void Receive(Receiver& receiver, std::uint64_t wait) noexcept override;

 private:
  static constexpr std::size_t kBuffer = 65536 + 2;    // octets; the longest message fits
  static constexpr std::uint64_t kPause = 10'000'000;  // ns before a connection is opened again
  static constexpr std::uint64_t kPatience = 10'000'000'000;  // ns to open all at the start

  struct Channel {
    enum class State : std::uint8_t { kClosed, kConnecting, kHandshaking, kOpen };
    State state = State::kClosed;
    bool wants_room = false;  // watched for EPOLLOUT
    bool dirty = false;       // in dirty_
    std::uint64_t reopen = 0;
    Fd fd;
    Ssl ssl;
    std::unique_ptr<HttpFraming> http;
    std::vector<std::uint8_t> out;  // out[sent..] is to be written
    std::size_t sent = 0;
    std::vector<std::uint8_t> in;  // the first `held` octets are the start of a message
    std::size_t held = 0;
  };

  void OpenChannel(std::size_t index);
  void Close(std::size_t index, Receiver* receiver);
  // All of these: false where the connection is over.
  bool Advance(std::size_t index);
  bool Write(Channel& channel);
  bool Read(std::size_t index, Receiver& receiver);
  bool Take(std::size_t index, std::size_t got, Receiver& receiver);
  void Watch(Channel& channel, std::size_t index, bool room) noexcept;
  void MarkDirty(std::size_t index);
  bool Poll(Receiver* receiver, std::uint64_t wait);

  SocketAddress server_;
  Sources sources_;
  Settings settings_;
  std::size_t longest_;
  SslContext context_;
  Fd epoll_;
  std::vector<Channel> channels_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint8_t> scratch_;  // a message between Reserve() and Commit()
  std::size_t closed_ = 0;             // channels that are to be opened again
  std::size_t open_ = 0;
};

}  // namespace resolve64::bench
