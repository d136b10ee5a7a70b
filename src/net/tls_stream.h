// A connection under TLS 1.2 or 1.3 (RFC 8446), as a server or as a client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "net/stream.h"

struct ssl_ctx_st;
struct ssl_st;

namespace resolve64::net {

/// What both sides of TLS have in common (RFC 8310 section 9, RFC 9325): versions 1.2 and 1.3; of
/// 1.2 only ephemeral keys and AEAD; no compression, no renegotiation, no early data. False where
/// OpenSSL refuses.
[[nodiscard]] bool HardenTls(ssl_ctx_st* context) noexcept;

/// OpenSSL's reason in this thread's queue, which is empty afterwards; "unknown error" where there
/// is none. The text lives as long as the program.
[[nodiscard]] const char* TakeTlsReason() noexcept;

/// TLS over a descriptor. Every call does a bounded amount of work, whatever the other side sends:
/// it receives from the descriptor once at most. That the descriptor may still have something after
/// kWait is what a level-triggered epoll is for. What a server has left to say once its handshake
/// is over (a ticket) goes out with the first answer, or when nothing is there to be read.
class TlsStream final : public Stream {
 public:
  /// Takes `ssl`, in every case; it has been told which side it is. `kept` is dropped after it:
  /// what its callbacks use. Null where there is no memory.
  static std::unique_ptr<TlsStream> Make(ssl_st* ssl, int fd, std::shared_ptr<const void> kept);
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Io Handshake() noexcept override;
  Io Read(std::span<std::uint8_t> into) noexcept override;
  Io Write(std::span<const std::uint8_t> octets) noexcept override;
  [[nodiscard]] std::uint32_t waits_for() const noexcept override { return waits_for_; }
  [[nodiscard]] bool pending() const noexcept override;
  void End() noexcept override;
  [[nodiscard]] std::string_view protocol() const noexcept override;
  [[nodiscard]] std::string_view error() const noexcept override { return reason_; }
  [[nodiscard]] bool resumed() const noexcept override;

  /// For what only OpenSSL knows: the session, the version. Stays this stream's.
  [[nodiscard]] ssl_st* ssl() const noexcept { return ssl_; }

  /// The descriptor's side, which OpenSSL's BIO reads and writes.
  struct Descriptor {
    int fd = -1;
    bool may_receive = false;        ///< once a call
    bool ended = false;              ///< end of file
    int error = 0;                   ///< errno of what failed
    bool holds = false;              ///< what OpenSSL sends stays in `held`
    std::vector<std::uint8_t> held;  ///< goes out before anything else
    std::size_t received = 0;        ///< octets since the last ones that were for us
    std::size_t most = 0;            ///< of `received`
  };

 private:
  TlsStream(ssl_st* ssl, int fd, std::shared_ptr<const void> kept);
  // Before a call of OpenSSL's, and after it.
  bool Begin() noexcept;
  Io Unfinished(int returned) noexcept;
  Io Fail(const char* reason) noexcept;
  // Sends what is held. kWait where some of it still is.
  Io SendHeld() noexcept;

  std::shared_ptr<const void> kept_;
  Descriptor descriptor_;
  ssl_st* ssl_;  // owned
  std::uint32_t waits_for_ = 0;
  bool failed_ = false;
  bool said_end_ = false;
  bool dry_ = false;         // the last Read() used up what was read ahead
  const char* reason_ = "";  // one of OpenSSL's or the C library's, or ours: none is ever freed
};

}  // namespace resolve64::net
