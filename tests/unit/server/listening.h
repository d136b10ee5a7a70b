// What a worker has, on one loop and over the loopback interface, with recursion as a script.
#pragma once

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
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "dns/message_builder.h"
#include "net/loop.h"
#include "server/handler.h"
#include "server/stream_server.h"
#include "server/udp_listener.h"
#include "unit/server/scripted_lookups.h"

namespace resolve64::server {

using Message = std::vector<std::uint8_t>;

inline constexpr int kPatienceSeconds = 20;  // a test that waits longer has failed

inline Message Query(std::uint16_t id, const std::string& name, RrType type = RrType::kA) {
  dns::MessageBuilder builder(512);
  builder.SetHeader(id, Header::kRd);
  builder.AddQuestion(Question(N(name), type));
  return builder.Finish();
}
inline Message Framed(const Message& message) {
  Message framed = {static_cast<std::uint8_t>(message.size() >> 8),
                    static_cast<std::uint8_t>(message.size() & 0xFF)};
  framed.insert(framed.end(), message.begin(), message.end());
  return framed;
}
inline std::string FirstRdata(const Message& message) {
  const Result<MessageView> view = MessageView::Parse(message);
  const std::vector<dns::RecordText> records = dns::RecordsToText(*view);
  return records.empty() ? "" : records[0].rdata;
}

// A client's socket, connected: it hears nobody but the address that it asked.
class Socket {
 public:
  // `from`: our own address; null: the system's choice. `room`: octets for what is not read yet, as
  // far as the system heeds it; 0: its choice.
  Socket(int kind, const char* address, std::uint16_t port, const char* from = nullptr,
         int room = 0)
      : fd_(::socket(AF_INET, kind, 0)) {
    if (room > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    const timeval patience{kPatienceSeconds, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (from != nullptr) {
      sockaddr_in own{};
      own.sin_family = AF_INET;
      ::inet_pton(AF_INET, from, &own.sin_addr);
      EXPECT_EQ(0, ::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own));
    }
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

// The system's clock, and later by a step with each look at it, or by what a test says: what is
// bounded by time comes to its bound on a machine of any speed.
class SteppingClock final : public Clock {
 public:
  /// From now on. Any thread.
  void SetStep(Duration step) noexcept { step_ = step.count(); }
  /// Any thread.
  void Advance(Duration duration) noexcept { passed_ += duration.count(); }
  [[nodiscard]] TimePoint Now() const noexcept override {
    const Duration::rep step = step_;
    return system_.Now() + Duration(passed_.fetch_add(step) + step);
  }
  [[nodiscard]] std::int64_t WallSeconds() const noexcept override { return system_.WallSeconds(); }

 private:
  SystemClock system_;
  std::atomic<Duration::rep> step_{0};            // ns
  mutable std::atomic<Duration::rep> passed_{0};  // beside the system's time, ns
};

// What a worker has, on one loop; recursion answers from a script after real time.
class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    const config::ReadResult read = config::ReadConfigText("{}", "test.json", "/");
    handler_.SetSnapshot(BuildSnapshot(read.config).snapshot, 10'000);
    Limit(1000, std::chrono::seconds(10));
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
  void Limit(std::uint32_t clients, std::chrono::milliseconds idle) {
    limits_.tcp_clients = clients;
    limits_.tcp_idle = idle;
    tcp_.SetLimits(limits_);
  }
  // 50 KB of TXT records.
  resolver::Answer Large(const std::string& name) {
    dns::RrsetBuilder builder(N(name), RrType::kTxt);
    for (int i = 0; i < 200; ++i) {
      std::vector<std::uint8_t> text(256, static_cast<std::uint8_t>('a' + i % 26));
      text[0] = 255;
      text[1] = static_cast<std::uint8_t>(i);
      builder.Add(text, 60);
    }
    resolver::Answer answer;
    answer.kind = LookupKind::kData;
    answer.rcode = Rcode::kNoError;
    answer.final_name = N(name);
    answer.data = builder.Build(clock_.Now(), dns::Trust::kAuthAnswer);
    return answer;
  }
  // For a client's thread. False where it does not come about.
  bool WaitOnLoop(const std::function<bool()>& condition) {
    bool met = false;
    const TimePoint until = clock_.Now() + std::chrono::seconds(kPatienceSeconds);
    while (!met && clock_.Now() < until) OnLoop([&] { met = condition(); });
    return met;
  }
  // The rest of listener_ is as the test set it.
  void Listen(const char* address) {
    listener_.address = *IpAddress::Parse(address);
    listener_.port = 0;
    Result<Listening> opened = OpenListener(listener_);
    ASSERT_TRUE(opened) << opened.error().text;
    udp_port_ = PortOf(opened->udp.get());
    tcp_port_ = PortOf(opened->tcp.get());
    udp_ = std::make_shared<UdpListener>(loop_, handler_, std::move(opened->udp));
    udp_->SetProxies(listener_.proxies);
    ASSERT_TRUE(udp_->Start());
    acceptor_ = tcp_.Listen(std::move(opened->tcp), listener_);
    ASSERT_NE(acceptor_, nullptr);
  }
  // For a client's thread: `work` on the loop's own, and a turn of the loop after it.
  void OnLoop(const std::function<void()>& work) {
    std::promise<void> done;
    loop_.Post([&] {
      work();
      loop_.Post([&] { done.set_value(); });
    });
    ASSERT_EQ(std::future_status::ready,
              done.get_future().wait_for(std::chrono::seconds(kPatienceSeconds)));
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

  SteppingClock clock_;
  net::Loop loop_{clock_};
  ScriptedLookups lookups_{loop_.scheduler()};
  static constexpr std::size_t kAnswerOctets = std::size_t{1} << 20;

  resolver::Stats stats_;
  std::atomic<std::uint64_t> epoch_{0};
  Handler handler_{loop_.scheduler(), lookups_, stats_, epoch_, kAnswerOctets};
  ConnectionCounts clients_;
  StreamServer tcp_{loop_, handler_, stats_, clients_};
  std::shared_ptr<UdpListener> udp_;
  std::unique_ptr<StreamServer::Acceptor> acceptor_;
  config::Listener listener_;
  config::LimitsConfig limits_;
  std::uint16_t udp_port_ = 0;
  std::uint16_t tcp_port_ = 0;
};

}  // namespace resolve64::server
