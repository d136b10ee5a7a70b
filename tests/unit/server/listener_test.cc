// UDP and TCP over the loopback interface, with recursion as a script.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <map>

#include "unit/server/listening.h"

namespace resolve64::server {
namespace {

using resolver::Counter;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Covers: REC-07
TEST_F(ListenerTest, AWildcardRepliesFromTheAddressThatWasAsked) {
  Listen("0.0.0.0");
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  lookups_.On("cold.example.com", RrType::kA, A("cold.example.com", "192.0.2.2"), milliseconds(5));
  Serve([&] {
    for (const char* address : {"127.0.0.1", "127.1.2.3", "127.255.0.9"}) {
      const Socket socket(SOCK_DGRAM, address, udp_port_);
      socket.Send(Query(1, "www.example.com"));
      EXPECT_EQ(FirstRdata(socket.Datagram()), "192.0.2.1") << address;
      socket.Send(Query(2, "cold.example.com"));
      EXPECT_EQ(FirstRdata(socket.Datagram()), "192.0.2.2") << address;
    }
  });
}

TEST_F(ListenerTest, MoreDatagramsThanABatchAreAllAnswered) {
  Listen("127.0.0.1");
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  constexpr std::uint16_t kMany = 5 * UdpListener::kBatch;
  Serve([&] {
    const Socket socket(SOCK_DGRAM, "127.0.0.1", udp_port_);
    for (std::uint16_t id = 0; id < kMany; ++id) socket.Send(Query(id, "www.example.com"));
    for (std::uint16_t id = 0; id < kMany; ++id) {
      EXPECT_EQ(Header::Read(socket.Datagram())->id, id);
    }
  });
}

class FloodTest : public ListenerTest {
 protected:
  // Questions that are not finished, until some are dropped; after each piece of them one for what
  // is cached, which is answered. `wrap`: what is sent for a question.
  void Flood(const std::function<Message(const Message&)>& wrap) {
    constexpr std::size_t kPieces = 100;
    // Each is asked once: a finished answer does not come this way.
    const auto cached = [](std::size_t piece) {
      return "www" + std::to_string(piece) + ".example.com";
    };
    for (std::size_t piece = 0; piece < kPieces; ++piece) {
      lookups_.On(cached(piece), RrType::kA, A(cached(piece), "192.0.2.1")).cached = true;
    }
    // A question that is not finished takes a fifth of the time that they have in a turn.
    clock_.SetStep(UdpListener::kSlowTime / 5);
    const auto dropped = [&] { return stats_.Get(Counter::kLimitBacklog); };
    Serve([&] {
      const Socket flood(SOCK_DGRAM, "127.0.0.1", udp_port_);
      const Socket polite(SOCK_DGRAM, "127.0.0.1", udp_port_);
      std::size_t piece = 0;
      for (; dropped() == 0 && piece < kPieces; ++piece) {
        // From the loop's own thread: it reads all of a piece together, the polite question last.
        loop_.Post([&, piece] {
          for (unsigned i = 0; i < 2 * UdpListener::kBatch; ++i) {
            const std::string name = std::to_string(i) + "." + std::to_string(piece);
            flood.Send(wrap(Query(1, name + ".example.com")));
          }
          polite.Send(wrap(Query(2, cached(piece))));
        });
        ASSERT_EQ(FirstRdata(polite.Datagram()), "192.0.2.1") << "piece " << piece;
      }
      EXPECT_GT(piece, UdpListener::kMaxBacklog / (2 * UdpListener::kBatch));
      EXPECT_GT(dropped(), 0U) << "the backlog was full before the last polite question";
      OnLoop([&] { seen_ = handler_.Inflight(1000); });
    });
  }

  std::vector<InflightQuestion> seen_;  // those in progress after it
};

// Covers: F5
TEST_F(FloodTest, WhatIsCachedIsNotDroppedWithTheFloodThatCameBeforeIt) {
  Listen("127.0.0.1");
  Flood([](const Message& query) { return query; });
}

TEST_F(ListenerTest, AListenerThatIsTakenAwayStillAnswersWhatItWasAsked) {
  Listen("127.0.0.1");
  lookups_.OnHeld("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"));
  Serve([&] {
    const Socket socket(SOCK_DGRAM, "127.0.0.1", udp_port_);
    socket.Send(Query(1, "slow.example.com"));
    loop_.Post([&] {
      udp_->Stop();
      udp_.reset();
      lookups_.Release();
    });
    EXPECT_EQ(FirstRdata(socket.Datagram()), "192.0.2.1");
  });
}

// --- PROXY ---

// A header of version 2 in front of `message`, as dnsdist sends it for a client over UDP.
Message Proxied(const char* source, const char* destination, const Message& message,
                std::uint8_t command = 0x21) {
  Message octets = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
  octets.insert(octets.end(), {command, 0x12, 0, 12});
  for (const char* text : {source, destination}) {
    const Ipv4 address = *ParseIpv4(text);
    octets.insert(octets.end(), address.octets.begin(), address.octets.end());
  }
  octets.insert(octets.end(), {0xD4, 0x31, 0, 53});
  octets.insert(octets.end(), message.begin(), message.end());
  return octets;
}
Rcode RcodeOf(const Message& message) {
  const Result<MessageView> view = MessageView::Parse(message);
  EXPECT_TRUE(view);
  return view ? view->rcode() : Rcode::kServFail;
}

// Covers: CLI-20, CLI-21
TEST_F(ListenerTest, OfADatagramFromAProxyTheClientThatItNamesCounts) {
  Listen("127.0.0.1");
  udp_->SetProxies({*Network::Parse("2001:db8::/32"), *Network::Parse("127.0.0.1")});
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  Serve([&] {
    const Socket proxy(SOCK_DGRAM, "127.0.0.1", udp_port_);
    const Message query = Query(1, "www.example.com");
    proxy.Send(Proxied("10.1.2.3", "10.0.0.53", query));
    EXPECT_EQ(FirstRdata(proxy.Datagram()), "192.0.2.1") << "the reply has no header";
    proxy.Send(Proxied("192.0.2.9", "10.0.0.53", query));
    EXPECT_EQ(RcodeOf(proxy.Datagram()), Rcode::kRefused) << "the proxy may ask, its client not";
    proxy.Send(Proxied("192.0.2.9", "10.0.0.53", query, 0x20));
    EXPECT_EQ(FirstRdata(proxy.Datagram()), "192.0.2.1") << "LOCAL: the proxy asks for itself";
  });
  EXPECT_EQ(stats_.Get(Counter::kProxyRefused), 0U);
}

// Covers: CLI-20, CLI-21
TEST_F(ListenerTest, AFinishedAnswerIsForTheClientThatTheProxyNamesToo) {
  Listen("127.0.0.1");
  udp_->SetProxies({*Network::Parse("127.0.0.1")});
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  Serve([&] {
    const Socket proxy(SOCK_DGRAM, "127.0.0.1", udp_port_);
    const Message query = Query(1, "www.example.com");
    for (int i = 0; i < 4; ++i) {
      proxy.Send(Proxied("10.1.2.3", "10.0.0.53", query));
      EXPECT_EQ(FirstRdata(proxy.Datagram()), "192.0.2.1");
    }
    proxy.Send(Proxied("192.0.2.9", "10.0.0.53", query));
    EXPECT_EQ(RcodeOf(proxy.Datagram()), Rcode::kRefused);
  });
  EXPECT_EQ(stats_.Get(resolver::Counter::kAnswerHits), 2U);
}

// Covers: CLI-20, F5
TEST_F(FloodTest, WhatAProxyAsksAndIsCachedIsNotDroppedEither) {
  Listen("127.0.0.1");
  udp_->SetProxies({*Network::Parse("127.0.0.1")});
  const auto from_proxy = [](const Message& query) {
    return Proxied("10.1.2.3", "10.0.0.53", query);
  };
  Flood(from_proxy);
  // Whom the proxy spoke for is not forgotten where a question waited.
  EXPECT_GT(seen_.size(), UdpListener::kBatch);
  for (const InflightQuestion& one : seen_) EXPECT_EQ(one.client.ToText(), "10.1.2.3");
}

// Covers: CLI-20
TEST_F(ListenerTest, ADatagramFromAProxyWithoutAGoodHeaderIsDropped) {
  Listen("127.0.0.1");
  udp_->SetProxies({*Network::Parse("127.0.0.0/8")});
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  Serve([&] {
    const Socket proxy(SOCK_DGRAM, "127.0.0.1", udp_port_);
    const Message query = Query(1, "www.example.com");
    const Message good = Proxied("10.1.2.3", "10.0.0.53", Query(2, "www.example.com"));
    proxy.Send(query);
    proxy.Send(Proxied("10.1.2.3", "10.0.0.53", query, 0x22));
    proxy.Send({good.begin(), good.begin() + 27});
    proxy.Send({good.begin(), good.begin() + 28});  // nothing behind it: no question either
    proxy.Send(good);
    EXPECT_EQ(Header::Read(proxy.Datagram())->id, 2) << "the only reply";
  });
  EXPECT_EQ(stats_.Get(Counter::kProxyRefused), 3U);
  EXPECT_EQ(stats_.Get(Counter::kQueries), 1U);
}

// Covers: CLI-20
TEST_F(ListenerTest, AHeaderFromWhoIsNoProxyNamesNobody) {
  Listen("127.0.0.1");
  udp_->SetProxies({*Network::Parse("127.0.0.2")});
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  Serve([&] {
    const Socket client(SOCK_DGRAM, "127.0.0.1", udp_port_);
    client.Send(Proxied("10.1.2.3", "10.0.0.53", Query(1, "www.example.com")));
    EXPECT_EQ(RcodeOf(client.Datagram()), Rcode::kNotImp) << "as a message it is nonsense";
    client.Send(Query(2, "www.example.com"));
    EXPECT_EQ(FirstRdata(client.Datagram()), "192.0.2.1");
  });
  EXPECT_EQ(stats_.Get(Counter::kProxyRefused), 0U);
}

// --- TCP ---

// Covers: TRA-02, TRA-03
TEST_F(ListenerTest, TcpAnswersOutOfOrderWhatIsReadyFirst) {
  Listen("127.0.0.1");
  lookups_.OnHeld("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"));
  lookups_.On("fast.example.com", RrType::kA, A("fast.example.com", "192.0.2.2")).cached = true;
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    Message both = Framed(Query(1, "slow.example.com"));
    const Message second = Framed(Query(2, "fast.example.com"));
    both.insert(both.end(), second.begin(), second.end());
    // In pieces that respect no boundary.
    for (std::size_t at = 0; at < both.size(); at += 7) {
      socket.Send({both.begin() + static_cast<std::ptrdiff_t>(at),
                   both.begin() + static_cast<std::ptrdiff_t>(std::min(at + 7, both.size()))});
    }
    EXPECT_EQ(Header::Read(socket.Next())->id, 2);
    loop_.Post([&] { lookups_.Release(); });
    EXPECT_EQ(Header::Read(socket.Next())->id, 1);
  });
}

// Covers: TRA-06
TEST_F(ListenerTest, MoreQuestionsThanAConnectionMayHaveInProgressWaitAndAreAnswered) {
  Listen("127.0.0.1");
  constexpr std::uint16_t kMany = 3 * Session::kMaxInflight;
  lookups_.On("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"), milliseconds(20));
  std::size_t most = 0;
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    for (std::uint16_t id = 0; id < kMany; ++id) socket.Send(Framed(Query(id, "slow.example.com")));
    loop_.Post([&] { most = handler_.inflight(); });
    std::map<std::uint16_t, int> seen;
    for (std::uint16_t i = 0; i < kMany; ++i) ++seen[Header::Read(socket.Next())->id];
    EXPECT_EQ(seen.size(), kMany);
  });
  EXPECT_LE(most, Session::kMaxInflight);
}

TEST_F(ListenerTest, AHalfClosedClientGetsItsAnswersAndThenTheEnd) {
  Listen("127.0.0.1");
  lookups_.On("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"), milliseconds(50));
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    socket.Send(Framed(Query(1, "slow.example.com")));
    socket.Send(Framed(Query(2, "slow.example.com")));
    socket.HalfClose();
    EXPECT_FALSE(socket.Next().empty());
    EXPECT_FALSE(socket.Next().empty());
    EXPECT_TRUE(socket.Next().empty());
  });
  EXPECT_TRUE(tcp_.idle());
}

// Covers: TRA-04
TEST_F(ListenerTest, WhatIsReadyAfterTheClientLeftIsDropped) {
  Listen("127.0.0.1");
  lookups_.On("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"), milliseconds(50));
  Serve([&] {
    {
      const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
      socket.Send(Framed(Query(1, "slow.example.com")));
    }
    const Socket other(SOCK_STREAM, "127.0.0.1", tcp_port_);
    other.Send(Framed(Query(2, "slow.example.com")));
    EXPECT_FALSE(other.Next().empty());
    other.HalfClose();
    EXPECT_TRUE(other.Next().empty());
  });
  EXPECT_EQ(handler_.inflight(), 0U);
  EXPECT_EQ(clients_.all.load(), 0U);
}

// Covers: TRA-05
TEST_F(ListenerTest, OctetsThatAreNoWholeMessageKeepNoConnectionOpen) {
  Limit(1000, milliseconds(200));
  Listen("127.0.0.1");
  Serve([&] {
    const TimePoint started = clock_.Now();
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    socket.Send({0, 30, 1, 2, 3});
    EXPECT_TRUE(socket.Next().empty());
    EXPECT_GE(clock_.Now() - started, milliseconds(190));
  });
}

// Covers: TRA-06, ATK-25
TEST_F(ListenerTest, AtTheLimitTheSilentConnectionMakesRoomForANewOne) {
  Limit(2, seconds(1000));  // at the limit a tenth of it
  Listen("127.0.0.1");
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "192.0.2.1")).cached = true;
  Serve([&] {
    const Socket silent(SOCK_STREAM, "127.0.0.1", tcp_port_);
    const Socket second(SOCK_STREAM, "127.0.0.1", tcp_port_);
    second.Send(Framed(Query(1, "www.example.com")));
    EXPECT_FALSE(second.Next().empty());
    const Socket third(SOCK_STREAM, "127.0.0.1", tcp_port_);
    third.Send(Framed(Query(2, "www.example.com")));
    EXPECT_FALSE(third.Next().empty());
    EXPECT_TRUE(silent.Next().empty());
    second.Send(Framed(Query(3, "www.example.com")));
    EXPECT_FALSE(second.Next().empty()) << "who asks stays";
  });
  EXPECT_GE(stats_.Get(Counter::kLimitTcpClients), 1U);
}

// Covers: TRA-08
TEST_F(ListenerTest, AClientThatTakesNoRepliesIsClosed) {
  Limit(1000, milliseconds(300));
  Listen("127.0.0.1");
  // Large answers, so that the socket's buffers fill soon.
  lookups_.On("big.example.com", RrType::kTxt, Large("big.example.com")).cached = true;
  Serve([&] {
    const Socket greedy(SOCK_STREAM, "127.0.0.1", tcp_port_);
    Message all;  // sent in one piece: it may be closed soon
    for (std::uint16_t id = 0; id < 500; ++id) {
      const Message one = Framed(Query(id, "big.example.com", RrType::kTxt));
      all.insert(all.end(), one.begin(), one.end());
    }
    greedy.Send(all);
    const Socket witness(SOCK_STREAM, "127.0.0.1", tcp_port_);
    EXPECT_TRUE(witness.Next().empty()) << "its own time is up";
    std::promise<void> gone;
    std::function<void()> look = [&] {
      if (tcp_.idle()) {
        gone.set_value();
      } else {
        loop_.Post(look);
      }
    };
    loop_.Post(look);
    EXPECT_EQ(std::future_status::ready, gone.get_future().wait_for(seconds(kPatienceSeconds)));
  });
}

// Covers: T1, T22
TEST_F(ListenerTest, AChangedViewReachesConnectionsThatAreOpen) {
  Listen("127.0.0.1");
  resolver::Answer denial;
  denial.kind = LookupKind::kNodata;
  denial.rcode = Rcode::kNoError;
  denial.final_name = N("www.example.com");
  lookups_.On("www.example.com", RrType::kAaaa, denial).cached = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", "203.0.114.1")).cached = true;
  const auto view = [](const char* prefix) {
    auto made = std::make_shared<View>();
    made->policy.prefixes[0].prefix = *Prefix::Parse(prefix);
    return made;
  };
  acceptor_->Set(listener_, view("2001:db8:1::/96"));
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    socket.Send(Framed(Query(1, "www.example.com", RrType::kAaaa)));
    EXPECT_EQ(FirstRdata(socket.Next()), "2001:db8:1::cb00:7201");
    std::promise<void> set;
    loop_.Post([&] {
      acceptor_->Set(listener_, view("2001:db8:2::/96"));
      set.set_value();
    });
    set.get_future().wait();
    socket.Send(Framed(Query(2, "www.example.com", RrType::kAaaa)));
    EXPECT_EQ(FirstRdata(socket.Next()), "2001:db8:2::cb00:7201");
  });
}

TEST(CheckFree, TellsWhoeverHasTheAddressAlready) {
  config::Listener listener;
  listener.address = *IpAddress::Parse("127.0.0.1");
  listener.port = 0;
  const Result<Listening> first = OpenListener(listener);
  ASSERT_TRUE(first);
  sockaddr_in at{};
  socklen_t length = sizeof at;
  ASSERT_EQ(0, ::getsockname(first->udp.get(), reinterpret_cast<sockaddr*>(&at), &length));
  listener.port = ntohs(at.sin_port);
  const Result<bool> taken = CheckFree(listener);
  ASSERT_FALSE(taken) << "SO_REUSEPORT would have shared it";
  EXPECT_NE(taken.error().text.find("127.0.0.1:" + std::to_string(listener.port)),
            std::string::npos);
  EXPECT_NE(taken.error().text.find("address in use"), std::string::npos);
}

TEST(CheckFree, TellsAnAddressThatTheHostDoesNotHave) {
  config::Listener listener;
  listener.address = *IpAddress::Parse("192.0.2.199");
  listener.port = 5399;
  const Result<bool> refused = CheckFree(listener);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("does not have the address"), std::string::npos);
}

}  // namespace
}  // namespace resolve64::server
