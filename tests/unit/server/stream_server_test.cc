// Connections over the loopback interface: who gets room, who makes it, and whom a proxy speaks
// for.
#include "server/stream_server.h"

#include <gtest/gtest.h>

#include <list>

#include "unit/server/listening.h"

namespace resolve64::server {
namespace {

using resolver::Counter;
using std::chrono::milliseconds;
using std::chrono::seconds;

class StreamServerTest : public ListenerTest {
 protected:
  StreamServerTest() {
    lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  }
  static bool Answers(const Socket& socket) {
    socket.Send(Framed(Query(1, "www.example.com")));
    return !socket.Next().empty();
  }
  static Message ProxyHeaderFrom(std::uint8_t last_octet) {
    Message header = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
    const Message rest = {0x21, 0x11, 0, 12, 10,   0,    0, last_octet,
                          192,  0,    2, 53, 0x30, 0x39, 0, 53};
    header.insert(header.end(), rest.begin(), rest.end());
    return header;
  }
};

// Covers: TRA-06
TEST_F(StreamServerTest, ANetworkAtItsLimitLosesTheConnectionThatNeverAskedFirst) {
  limits_.tcp_clients_per_network = 3;
  Limit(1000, seconds(10));
  Listen("127.0.0.1");
  Serve([&] {
    const Socket asks(SOCK_STREAM, "127.0.0.1", tcp_port_);
    EXPECT_TRUE(Answers(asks));
    const Socket stranger(SOCK_STREAM, "127.0.0.1", tcp_port_);
    const Socket other(SOCK_STREAM, "127.0.0.1", tcp_port_);
    EXPECT_TRUE(Answers(other));
    const Socket fourth(SOCK_STREAM, "127.0.0.1", tcp_port_);
    EXPECT_TRUE(Answers(fourth));
    EXPECT_TRUE(stranger.Next().empty()) << "closed";
    EXPECT_TRUE(Answers(asks)) << "although it was silent longest";
  });
  EXPECT_EQ(stats_.Get(Counter::kLimitTcpNetwork), 1U);
}

// Covers: TRA-05
TEST_F(StreamServerTest, TheMoreConnectionsThereAreTheShorterTheyMayBeSilent) {
  Limit(4, seconds(1000));
  Listen("127.0.0.1");
  Serve([&] {
    std::list<Socket> sockets;
    for (int i = 0; i < 4; ++i) {
      sockets.emplace_back(SOCK_STREAM, "127.0.0.1", tcp_port_);
      EXPECT_TRUE(Answers(sockets.back()));
    }
    // Those that are still there after a silence ask again.
    const auto left_after = [&](seconds silence) {
      OnLoop([&] { clock_.Advance(silence); });
      sockets.remove_if([](const Socket& socket) { return !Answers(socket); });
      return sockets.size();
    };
    EXPECT_EQ(left_after(seconds(80)), 4U);
    EXPECT_EQ(left_after(seconds(110)), 3U) << "at the limit a tenth of the time";
    EXPECT_EQ(left_after(seconds(450)), 3U) << "that made room for the others";
    EXPECT_EQ(left_after(seconds(550)), 2U) << "half of what may be beyond half of all";
    EXPECT_EQ(left_after(seconds(950)), 2U) << "half of all have the whole time";
    EXPECT_EQ(left_after(seconds(1050)), 0U);
  });
}

// Covers: CLI-20, CLI-21
TEST_F(StreamServerTest, AProxySaysOnceForWhomItSpeaks) {
  listener_.proxies = {*Network::Parse("127.0.0.1")};
  Listen("127.0.0.1");
  lookups_.OnHeld("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"));
  std::vector<InflightQuestion> seen;
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    Message octets = ProxyHeaderFrom(77);
    const Message query = Framed(Query(1, "slow.example.com"));
    octets.insert(octets.end(), query.begin(), query.end());
    // In pieces that respect no boundary.
    for (const std::uint8_t octet : octets) socket.Send({octet});
    EXPECT_TRUE(WaitOnLoop([&] {
      seen = handler_.Inflight(10);
      return !seen.empty();
    }));
    OnLoop([&] { lookups_.Release(); });
    EXPECT_FALSE(socket.Next().empty());
    socket.Send(query);
    EXPECT_FALSE(socket.Next().empty()) << "no second header";
  });
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].client.ToText(), "10.0.0.77");
}

// Covers: CLI-20
TEST_F(StreamServerTest, AProxyWithoutItsHeaderIsClosedAndOthersNeedNone) {
  listener_.proxies = {*Network::Parse("127.0.0.2")};
  Listen("0.0.0.0");
  Serve([&] {
    const Socket direct(SOCK_STREAM, "127.0.0.1", tcp_port_);
    EXPECT_TRUE(Answers(direct));
    const Socket proxy(SOCK_STREAM, "127.0.0.1", tcp_port_, "127.0.0.2");
    proxy.Send(Framed(Query(1, "www.example.com")));
    EXPECT_TRUE(proxy.Next().empty());
  });
  EXPECT_EQ(stats_.Get(Counter::kProxyRefused), 1U);
}

// Covers: CLI-21
TEST_F(StreamServerTest, WhoMayAskIsDecidedByTheClientBehindTheProxy) {
  listener_.proxies = {*Network::Parse("127.0.0.1")};
  const config::ReadResult read = config::ReadConfigText(
      R"({"access": {"allow": ["10.0.0.0/8"], "refuse": ["10.0.0.13"]}})", "test.json", "/");
  handler_.SetSnapshot(BuildSnapshot(read.config).snapshot, 100);
  Listen("127.0.0.1");
  Serve([&] {
    for (const std::uint8_t client : {std::uint8_t{7}, std::uint8_t{13}}) {
      const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
      socket.Send(ProxyHeaderFrom(client));
      socket.Send(Framed(Query(1, "www.example.com")));
      const Rcode expected = client == 13 ? Rcode::kRefused : Rcode::kNoError;
      EXPECT_EQ(Header::Read(socket.Next())->rcode(), expected);
    }
  });
}

TEST_F(StreamServerTest, AClientOfAProxyCountsForItsOwnNetwork) {
  listener_.proxies = {*Network::Parse("127.0.0.1")};
  limits_.tcp_clients_per_network = 1;
  Limit(1000, seconds(10));
  Listen("127.0.0.1");
  Serve([&] {
    const Socket one(SOCK_STREAM, "127.0.0.1", tcp_port_);
    one.Send(ProxyHeaderFrom(1));
    EXPECT_TRUE(Answers(one));
    const Socket direct(SOCK_STREAM, "127.0.0.1", tcp_port_);
    direct.Send(
        {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0x00, 0, 0});
    EXPECT_TRUE(Answers(direct)) << "LOCAL: the proxy itself";
    EXPECT_TRUE(Answers(one)) << "which is of another network";
  });
}

// A listener that goes away while a client has sent more than is read, and has read nothing yet of
// a large answer.
class EndTest : public StreamServerTest {
 protected:
  void AskAndTakeAway(const Socket& client) {
    client.Send(Framed(Query(7, "large.example.com", RrType::kTxt)));
    EXPECT_TRUE(WaitOnLoop([&] { return handler_.inflight() == 1; }));
    OnLoop([&] { acceptor_.reset(); });
    for (int i = 0; i < 10; ++i) client.Send(Framed(Query(8, "www.example.com")));
    OnLoop([&] { lookups_.Release(); });
    EXPECT_TRUE(WaitOnLoop([&] { return handler_.inflight() == 0; }));
    OnLoop([] {});
  }
  static constexpr int kLittle = 4096;  // octets of the answer that are there before it is read
};

// Covers: TRA-04
TEST_F(EndTest, DoesNotTakeAwayTheAnswersThatAreUnderWay) {
  Listen("127.0.0.1");
  lookups_.OnHeld("large.example.com", RrType::kTxt, Large("large.example.com"));
  Serve([&] {
    {
      const Socket client(SOCK_STREAM, "127.0.0.1", tcp_port_, nullptr, kLittle);
      AskAndTakeAway(client);
      const Message answer = client.Next();
      ASSERT_GT(answer.size(), 50'000U);
      EXPECT_EQ(Header::Read(answer)->id, 7);
      EXPECT_TRUE(client.Next().empty()) << "the end, and no answers to what came too late";
    }
    EXPECT_TRUE(WaitOnLoop([&] { return tcp_.idle(); })) << "the client has ended too";
  });
}

TEST_F(EndTest, DoesNotWaitLongForAClientThatDoesNotEnd) {
  Listen("127.0.0.1");
  lookups_.OnHeld("large.example.com", RrType::kTxt, Large("large.example.com"));
  Serve([&] {
    const Socket client(SOCK_STREAM, "127.0.0.1", tcp_port_, nullptr, kLittle);
    AskAndTakeAway(client);
    OnLoop([&] { clock_.Advance(Connection::kEndTime); });
    EXPECT_TRUE(WaitOnLoop([&] { return tcp_.idle(); }));
  });
}

}  // namespace
}  // namespace resolve64::server
