// Messages over UDP, in batches. Those of one length go down the stack as one (UDP_SEGMENT), which
// halves what a question costs us; the server receives packets as ever.
#pragma once

#include <array>
#include <vector>

#include "system.h"
#include "transport.h"

namespace resolve64::bench {

class UdpTransport final : public Transport {
 public:
  /// Connected sockets, `channels` of them. `longest`: octets of a message that is sent. Ends the
  /// program where a socket cannot be had.
  UdpTransport(const SocketAddress& server, std::size_t channels, const Sources& sources,
               std::size_t longest);

  [[nodiscard]] std::size_t channels() const noexcept override { return sockets_.size(); }
  std::uint8_t* Reserve(std::size_t channel) noexcept override;
  void Commit(std::size_t channel, std::size_t length) noexcept override;
  void Flush() noexcept override;
  void Receive(Receiver& receiver, std::uint64_t wait) noexcept override;

 private:
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kMostSegments = 64;  // in one: what every kernel takes
  static constexpr std::size_t kEnough = 512;       // octets of a reply that we look at
  static constexpr int kRounds = 16;  // batches read from a socket before others have turn

  // The control message that says how long each packet is.
  struct Segment {
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(std::uint16_t))> octets;
  };

  std::size_t Group() noexcept;  // fills groups_; how many there are
  std::size_t ReadFrom(std::size_t channel, Receiver& receiver) noexcept;
  void Wait(std::uint64_t ns) noexcept;

  std::vector<Fd> sockets_;
  Fd epoll_;
  Batch out_;  // only its octets and pieces
  Batch in_;
  std::vector<mmsghdr> groups_;
  std::vector<Segment> segments_;
  std::size_t pending_ = 0;
  std::size_t pending_channel_ = 0;
};

}  // namespace resolve64::bench
