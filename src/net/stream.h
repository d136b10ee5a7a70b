// A connection's octets, in clear or under TLS. Nothing here waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace resolve64::net {

/// How an attempt to read, write or shake hands went.
struct Io {
  enum class State : std::uint8_t {
    kDone,    ///< `octets` were moved, at least one; of a handshake: it is over
    kWait,    ///< nothing now: when waits_for() is ready, the same call again
    kEnd,     ///< the other side sends no more (end of file, close_notify)
    kFailed,  ///< the connection is over
  };
  State state = State::kFailed;
  std::size_t octets = 0;
};

/// Both directions of a connected, non-blocking descriptor, which stays the caller's: it outlives
/// the stream. One thread.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Until it is kDone nothing else may be called. In clear it is so at once.
  virtual Io Handshake() noexcept = 0;
  virtual Io Read(std::span<std::uint8_t> into) noexcept = 0;
  /// May take a part. After kWait the next call must begin with the same octets, wherever they are
  /// now. REQUIRES: octets is not empty.
  virtual Io Write(std::span<const std::uint8_t> octets) noexcept = 0;
  /// What the last kWait waits for: EPOLLIN or EPOLLOUT.
  [[nodiscard]] virtual std::uint32_t waits_for() const noexcept = 0;
  /// True where Read() would give something although the descriptor is not readable: it was read
  /// ahead.
  [[nodiscard]] virtual bool pending() const noexcept = 0;
  /// Says that we send no more, where there is a way to say it (close_notify, RFC 8446
  /// section 6.1). Best effort; the descriptor is closed after it.
  virtual void End() noexcept = 0;

  /// The protocol that was agreed on (ALPN, RFC 7301); empty where none was.
  [[nodiscard]] virtual std::string_view protocol() const noexcept = 0;
  /// Why it failed, for the log; empty where nothing is known.
  [[nodiscard]] virtual std::string_view error() const noexcept = 0;
  /// True where the handshake took up an earlier session (RFC 8446 section 2.2).
  [[nodiscard]] virtual bool resumed() const noexcept = 0;
};

/// A descriptor in clear.
class PlainStream final : public Stream {
 public:
  explicit PlainStream(int fd) noexcept : fd_(fd) {}

  Io Handshake() noexcept override { return {Io::State::kDone, 0}; }
  Io Read(std::span<std::uint8_t> into) noexcept override;
  Io Write(std::span<const std::uint8_t> octets) noexcept override;
  [[nodiscard]] std::uint32_t waits_for() const noexcept override { return waits_for_; }
  [[nodiscard]] bool pending() const noexcept override { return false; }
  void End() noexcept override {}
  [[nodiscard]] std::string_view protocol() const noexcept override { return {}; }
  [[nodiscard]] std::string_view error() const noexcept override { return {}; }
  [[nodiscard]] bool resumed() const noexcept override { return false; }

 private:
  int fd_;
  std::uint32_t waits_for_ = 0;
};

}  // namespace resolve64::net
