#include "resolver/upstream/udp_sockets.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "base/clock.h"

namespace resolve64::resolver::upstream {
namespace {

const PortRange kAny{1024, 65535};

/// What the sockets talk to.
class Server {
 public:
  Server() : fd_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    const timeval patience{20, 0};  // a busy kernel delivers a little later
    EXPECT_EQ(0, ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(0, ::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own));
    socklen_t length = sizeof own;
    EXPECT_EQ(0, ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &length));
    endpoint_ = Endpoint{IpAddress(Ipv4{{127, 0, 0, 1}}), ntohs(own.sin_port)};
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { ::close(fd_); }

  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }

  // Where a query of `socket` comes from.
  sockaddr_in Hear(const Socket& socket) const {
    EXPECT_EQ(1, ::send(socket.fd(), "q", 1, 0));
    sockaddr_in from{};
    socklen_t length = sizeof from;
    std::array<char, 8> buffer{};
    EXPECT_EQ(1, ::recvfrom(fd_, buffer.data(), buffer.size(), 0,
                            reinterpret_cast<sockaddr*>(&from), &length));
    return from;
  }
  void Tell(const sockaddr_in& to) const {
    EXPECT_EQ(3, ::sendto(fd_, "old", 3, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }

 private:
  int fd_;
  Endpoint endpoint_;
};

bool HearsNothing(const Socket& socket) {
  std::array<char, 8> buffer{};
  return ::recv(socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

class UdpSocketsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Socket> Open(UdpSockets& sockets) {
    Result<std::unique_ptr<Socket>> socket = sockets.Open(server_.endpoint(), {});
    EXPECT_TRUE(socket);
    return std::move(*socket);
  }

  SystemClock clock_;
  net::Loop loop_{clock_};
  SystemRandom random_;
  Server server_;
};

// Covers: REC-02
TEST_F(UdpSocketsTest, EachQueryHasAPortOfItsOwnThoughSocketsAreUsedAgain) {
  UdpSockets sockets(loop_, random_, kAny);
  std::set<std::uint16_t> ports;
  int rising = 0;
  std::uint16_t last = 0;
  constexpr int kQueries = 300;
  for (int i = 0; i < kQueries; ++i) {
    std::unique_ptr<Socket> socket = Open(sockets);
    const std::uint16_t port = ntohs(server_.Hear(*socket).sin_port);
    rising += port > last ? 1 : 0;
    last = port;
    ports.insert(port);
    sockets.Close(std::move(socket));
    ASSERT_EQ(sockets.idle(), 1U);
  }
  EXPECT_GT(ports.size(), kQueries * 9 / 10);
  EXPECT_GT(rising, kQueries * 3 / 10);
  EXPECT_LT(rising, kQueries * 7 / 10);
}

// Covers: REC-02
TEST_F(UdpSocketsTest, WithoutPortsOfTheSystemTheyAreDrawnFromTheWholeRange) {
  UdpSockets sockets(loop_, random_, {});
  std::uint16_t lowest = 65535;
  std::uint16_t highest = 0;
  for (int i = 0; i < 300; ++i) {
    std::unique_ptr<Socket> socket = Open(sockets);
    const std::uint16_t port = ntohs(server_.Hear(*socket).sin_port);
    lowest = std::min(lowest, port);
    highest = std::max(highest, port);
    sockets.Close(std::move(socket));
    ASSERT_EQ(sockets.idle(), 0U);
  }
  EXPECT_GE(lowest, 1024);
  EXPECT_LT(lowest, 5000);
  EXPECT_GT(highest, 60000);
}

// Covers: REC-02
TEST_F(UdpSocketsTest, APortThatIsNotTheSystemsIsBound) {
  // Half of the draws may go to the system: the other half stays outside of what it would draw.
  UdpSockets sockets(loop_, random_, {1024, 33279});
  int low = 0;
  int bound = 0;
  for (int i = 0; i < 200; ++i) {
    std::unique_ptr<Socket> socket = Open(sockets);
    const std::uint16_t port = ntohs(server_.Hear(*socket).sin_port);
    const std::size_t idle = sockets.idle();
    sockets.Close(std::move(socket));
    if (sockets.idle() > idle) continue;
    ++bound;
    low += port <= 33279 ? 1 : 0;
  }
  EXPECT_LE(low, 2);  // where a port was taken, any other is drawn
  EXPECT_GT(bound, 50);
  EXPECT_LT(bound, 150);
}

// Covers: REC-01
TEST_F(UdpSocketsTest, WhatCameForTheLastQueryIsThrownAway) {
  UdpSockets sockets(loop_, random_, kAny);
  std::unique_ptr<Socket> socket = Open(sockets);
  const sockaddr_in from = server_.Hear(*socket);
  for (int i = 0; i < 3; ++i) server_.Tell(from);
  sockets.Close(std::move(socket));
  socket = Open(sockets);
  EXPECT_EQ(sockets.idle(), 0U);
  EXPECT_TRUE(HearsNothing(*socket));
}

// Covers: REC-01
TEST_F(UdpSocketsTest, NothingReachesAnIdleSocket) {
  UdpSockets sockets(loop_, random_, kAny);
  std::unique_ptr<Socket> socket = Open(sockets);
  const sockaddr_in from = server_.Hear(*socket);
  sockets.Close(std::move(socket));
  server_.Tell(from);
  socket = Open(sockets);
  EXPECT_TRUE(HearsNothing(*socket));
}

TEST_F(UdpSocketsTest, AnErrorOfTheLastQueryIsNotOneOfTheNext) {
  UdpSockets sockets(loop_, random_, kAny);
  Endpoint closed;
  {
    const Server gone;
    closed = gone.endpoint();
  }
  Result<std::unique_ptr<Socket>> socket = sockets.Open(closed, {});
  ASSERT_TRUE(socket);
  EXPECT_EQ(1, ::send((*socket)->fd(), "q", 1, 0));
  sockets.Close(std::move(*socket));
  const std::unique_ptr<Socket> next = Open(sockets);
  EXPECT_TRUE(HearsNothing(*next));
}

TEST_F(UdpSocketsTest, ASourceAddressIsKept) {
  UdpSockets sockets(loop_, random_, kAny);
  const std::array<IpAddress, 1> sources = {IpAddress(Ipv4{{127, 0, 0, 7}})};
  Result<std::unique_ptr<Socket>> socket = sockets.Open(server_.endpoint(), sources);
  ASSERT_TRUE(socket);
  EXPECT_EQ(ntohl(server_.Hear(**socket).sin_addr.s_addr), 0x7F000007U);
  sockets.Close(std::move(*socket));
  EXPECT_EQ(sockets.idle(), 0U);
}

}  // namespace
}  // namespace resolve64::resolver::upstream
