// What carries messages to the server and back: sockets, with or without framing and TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace resolve64::bench {

/// Who is told what came.
class Receiver {
 public:
  /// `message`: its start, a header at least, and as much as holds the question. `length`: octets
  /// of all of it.
  virtual void OnMessage(std::size_t channel, std::span<const std::uint8_t> message,
                         std::size_t length) noexcept = 0;
  /// The channel was closed: what waited on it gets no answer. It is opened again.
  virtual void OnClosed(std::size_t channel) noexcept = 0;

 protected:
  ~Receiver() = default;
};

/// One thread, no allocation in steady state. A channel is a UDP socket or a connection.
class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual std::size_t channels() const noexcept = 0;
  /// Room for one message of at most the longest's octets, whose length Commit() tells. Null where
  /// the channel is not open or its peer does not read. Pending messages of another channel may be
  /// sent from within. Without Commit() nothing happens.
  virtual std::uint8_t* Reserve(std::size_t channel) noexcept = 0;
  virtual void Commit(std::size_t channel, std::size_t length) noexcept = 0;
  /// Sends what was committed.
  virtual void Flush() noexcept = 0;
  /// Hands over what has come. Waits `wait` ns for it where nothing has.
  virtual void Receive(Receiver& receiver, std::uint64_t wait) noexcept = 0;
};

}  // namespace resolve64::bench
