// UDP and TCP over the loopback interface, with recursion as a script.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "config/config.h"
#include "dns/message_builder.h"
#include "net/loop.h"
#include "server/handler.h"
#include "server/tcp_server.h"
#include "server/udp_listener.h"
#include "unit/server/scripted_lookups.h"

namespace resolve64::server {
namespace {

using resolver::Counter;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Message = std::vector<std::uint8_t>;

constexpr int kPatienceSeconds = 20;  // a test that waits longer has failed

Message Query(std::uint16_t id, const std::string& name, RrType type = RrType::kA) {
  dns::MessageBuilder builder(512);
  builder.SetHeader(id, Header::kRd);
  builder.AddQuestion(Question(N(name), type));
  return builder.Finish();
}
Message Framed(const Message& message) {
  Message framed = {static_cast<std::uint8_t>(message.size() >> 8),
                    static_cast<std::uint8_t>(message.size() & 0xFF)};
  framed.insert(framed.end(), message.begin(), message.end());
  return framed;
}
std::string FirstRdata(const Message& message) {
  const Result<MessageView> view = MessageView::Parse(message);
  const std::vector<dns::RecordText> records = dns::RecordsToText(*view);
  return records.empty() ? "" : records[0].rdata;
}

// A client's socket, connected: it hears nobody but the address that it asked.
class Socket {
 public:
  Socket(int kind, const char* address, std::uint16_t port) : fd_(::socket(AF_INET, kind, 0)) {
    const timeval patience{kPatienceSeconds, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &to.sin_addr);
    EXPECT_EQ(0, ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to));
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd_); }

  void Send(const Message& octets) const {
    EXPECT_EQ(static_cast<ssize_t>(octets.size()),
              ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL));
  }
  [[nodiscard]] Message Datagram() const {
    Message message(4096);
    const ssize_t got = ::recv(fd_, message.data(), message.size(), 0);
    message.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return message;
  }
  // The next framed message; empty where the connection ended.
  [[nodiscard]] Message Next() const {
    Message prefix(2);
    if (!Read(prefix)) return {};
    Message message(static_cast<std::size_t>(prefix[0]) << 8 | prefix[1]);
    if (!Read(message)) return {};
    return message;
  }
  void HalfClose() const { ::shutdown(fd_, SHUT_WR); }

 private:
  bool Read(Message& into) const {
    for (std::size_t at = 0; at < into.size();) {
      const ssize_t got = ::recv(fd_, into.data() + at, into.size() - at, 0);
      if (got <= 0) return false;
      at += static_cast<std::size_t>(got);
    }
    return true;
  }
  int fd_;
};

// What a worker has, on one loop; recursion answers from a script after real time.
class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    const config::ReadResult read = config::ReadConfigText("{}", "test.json", "/");
    handler_.SetSnapshot(BuildSnapshot(read.config).snapshot, 10'000);
    tcp_.SetLimits(1000, seconds(10));
  }
  ~ListenerTest() override { handler_.Clear(); }

  resolver::Answer A(const std::string& name, const char* address) {
    resolver::Answer answer;
    answer.kind = LookupKind::kData;
    answer.rcode = Rcode::kNoError;
    answer.final_name = N(name);
    answer.data = dns::MakeRrset(N(name), RrType::kA, 60, ParseIpv4(address)->octets, clock_.Now(),
                                 dns::Trust::kAuthAnswer);
    return answer;
  }
  void Listen(const char* address) {
    config::Listener listener;
    listener.address = *IpAddress::Parse(address);
    listener.port = 0;
    Result<Listening> opened = OpenListener(listener);
    ASSERT_TRUE(opened) << opened.error().text;
    udp_port_ = PortOf(opened->udp.get());
    tcp_port_ = PortOf(opened->tcp.get());
    udp_ = std::make_shared<UdpListener>(loop_, handler_, std::move(opened->udp));
    ASSERT_TRUE(udp_->Start());
    acceptor_ = tcp_.Listen(std::move(opened->tcp), nullptr);
    ASSERT_NE(acceptor_, nullptr);
  }
  static std::uint16_t PortOf(int fd) {
    sockaddr_in at{};
    socklen_t length = sizeof at;
    EXPECT_EQ(0, ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &length));
    return ntohs(at.sin_port);
  }
  // Runs the loop while `client` talks on another thread.
  void Serve(const std::function<void()>& client) {
    std::thread thread([&] {
      client();
      loop_.Stop();
    });
    loop_.Run();
    thread.join();
  }

  SystemClock clock_;
  net::Loop loop_{clock_};
  ScriptedLookups lookups_{loop_.scheduler()};
  resolver::Stats stats_;
  Handler handler_{loop_.scheduler(), lookups_, stats_};
  std::atomic<std::size_t> clients_{0};
  TcpServer tcp_{loop_, handler_, stats_, clients_};
  std::shared_ptr<UdpListener> udp_;
  std::unique_ptr<TcpServer::Acceptor> acceptor_;
  std::uint16_t udp_port_ = 0;
  std::uint16_t tcp_port_ = 0;
};

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

TEST_F(ListenerTest, AListenerThatIsTakenAwayStillAnswersWhatItWasAsked) {
  Listen("127.0.0.1");
  lookups_.On("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"),
              milliseconds(100));
  Serve([&] {
    const Socket socket(SOCK_DGRAM, "127.0.0.1", udp_port_);
    socket.Send(Query(1, "slow.example.com"));
    loop_.Post([&] {
      udp_->Stop();
      udp_.reset();
    });
    EXPECT_EQ(FirstRdata(socket.Datagram()), "192.0.2.1");
  });
}

// Covers: TRA-02, TRA-03
TEST_F(ListenerTest, TcpAnswersOutOfOrderWhatIsReadyFirst) {
  Listen("127.0.0.1");
  lookups_.On("slow.example.com", RrType::kA, A("slow.example.com", "192.0.2.1"),
              milliseconds(150));
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
    EXPECT_EQ(Header::Read(socket.Next())->id, 1);
  });
}

// Covers: TRA-06
TEST_F(ListenerTest, MoreQuestionsThanAConnectionMayHaveInProgressWaitAndAreAnswered) {
  Listen("127.0.0.1");
  constexpr std::uint16_t kMany = 3 * TcpConnection::kMaxInflight;
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
  EXPECT_LE(most, TcpConnection::kMaxInflight);
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
  EXPECT_EQ(clients_.load(), 0U);
}

// Covers: TRA-05
TEST_F(ListenerTest, OctetsThatAreNoWholeMessageKeepNoConnectionOpen) {
  tcp_.SetLimits(1000, milliseconds(200));
  Listen("127.0.0.1");
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    const TimePoint started = clock_.Now();
    socket.Send({0, 30, 1, 2, 3});
    EXPECT_TRUE(socket.Next().empty());
    EXPECT_GE(clock_.Now() - started, milliseconds(190));
  });
}

// Covers: TRA-06, ATK-25
TEST_F(ListenerTest, AtTheLimitTheSilentConnectionMakesRoomForANewOne) {
  tcp_.SetLimits(2, seconds(10));
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
  tcp_.SetLimits(1000, milliseconds(300));
  Listen("127.0.0.1");
  // Large answers, so that the socket's buffers fill soon.
  dns::RrsetBuilder builder(N("big.example.com"), RrType::kTxt);
  for (int i = 0; i < 200; ++i) {
    std::vector<std::uint8_t> text(256, static_cast<std::uint8_t>('a' + i % 26));
    text[0] = 255;
    text[1] = static_cast<std::uint8_t>(i);
    builder.Add(text, 60);
  }
  resolver::Answer big;
  big.kind = LookupKind::kData;
  big.rcode = Rcode::kNoError;
  big.final_name = N("big.example.com");
  big.data = builder.Build(clock_.Now(), dns::Trust::kAuthAnswer);
  lookups_.On("big.example.com", RrType::kTxt, big).cached = true;
  Serve([&] {
    const Socket greedy(SOCK_STREAM, "127.0.0.1", tcp_port_);
    for (std::uint16_t id = 0; id < 500; ++id) {
      greedy.Send(Framed(Query(id, "big.example.com", RrType::kTxt)));
    }
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
  acceptor_->SetView(view("2001:db8:1::/96"));
  Serve([&] {
    const Socket socket(SOCK_STREAM, "127.0.0.1", tcp_port_);
    socket.Send(Framed(Query(1, "www.example.com", RrType::kAaaa)));
    EXPECT_EQ(FirstRdata(socket.Next()), "2001:db8:1::cb00:7201");
    std::promise<void> set;
    loop_.Post([&] {
      acceptor_->SetView(view("2001:db8:2::/96"));
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
