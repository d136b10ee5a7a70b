#include "server/client_rate.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

namespace resolve64::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }
IpAddress V4(std::uint32_t number) {
  return Ipv4{{10, static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>(number >> 8),
               static_cast<std::uint8_t>(number)}};
}

class ClientRateTest : public ::testing::Test {
 protected:
  // How many of `tries` at once may pass.
  int Taken(ClientRate& rate, const IpAddress& client, int tries) {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += rate.Take(client, clock_.Now()) ? 1 : 0;
    return taken;
  }
  ManualClock clock_;
};

TEST_F(ClientRateTest, LetsASecondsWorthThroughAtOnceAndThenTheRate) {
  for (const std::uint32_t per_second : {1U, 3U, 10U, 1000U}) {
    ClientRate rate(per_second);
    const IpAddress client = Address("192.0.2.1");
    const int tries = static_cast<int>(per_second) * 2;
    EXPECT_EQ(Taken(rate, client, tries), static_cast<int>(per_second));
    int later = 0;
    for (int i = 0; i < 100; ++i) {
      clock_.Advance(milliseconds(100));
      later += Taken(rate, client, tries);
    }
    EXPECT_NEAR(later, 10 * static_cast<int>(per_second), 1) << per_second;
    clock_.Advance(hours(1));
    EXPECT_EQ(Taken(rate, client, tries), static_cast<int>(per_second)) << "no more is saved";
  }
}

TEST_F(ClientRateTest, CountsAnIpv4AddressAndAnIpv6NetworkOf64Bits) {
  ClientRate rate(5);
  EXPECT_EQ(Taken(rate, Address("192.0.2.1"), 10), 5);
  EXPECT_EQ(Taken(rate, Address("192.0.2.2"), 10), 5);
  EXPECT_EQ(Taken(rate, Address("2001:db8::1"), 3), 3);
  EXPECT_EQ(Taken(rate, Address("2001:db8::ffff:1:2:3"), 3), 2) << "the same /64";
  EXPECT_EQ(Taken(rate, Address("2001:db8:0:1::1"), 10), 5);
}

TEST_F(ClientRateTest, WithinItsMemoryManyClientsAreKeptApart) {
  ClientRate rate(2);
  constexpr std::uint32_t kClients = ClientRate::kBuckets / 8;
  for (std::uint32_t i = 0; i < kClients; ++i) rate.Take(V4(i), clock_.Now());
  int taken = 0;
  for (std::uint32_t i = 0; i < kClients; ++i) taken += Taken(rate, V4(i), 5);
  // A few share a tag.
  EXPECT_NEAR(taken, static_cast<int>(kClients), 20);
}

TEST_F(ClientRateTest, MoreClientsThanThereIsMemoryForCostNobodyAnAnswer) {
  ClientRate rate(1);
  constexpr std::uint32_t kClients = 4 * ClientRate::kBuckets;
  int refused = 0;
  for (std::uint32_t i = 0; i < kClients; ++i) refused += rate.Take(V4(i), clock_.Now()) ? 0 : 1;
  EXPECT_LT(refused, 100) << "but for a few that share a tag";
}

TEST_F(ClientRateTest, TheClientThatOwesMostIsNotForgottenInACrowd) {
  ClientRate rate(1000);
  const IpAddress greedy = Address("192.0.2.1");
  EXPECT_EQ(Taken(rate, greedy, 5000), 1000);
  // Each owes a thousandth of what it does.
  for (std::uint32_t i = 0; i < 4 * ClientRate::kBuckets; ++i) rate.Take(V4(i), clock_.Now());
  EXPECT_EQ(Taken(rate, greedy, 5000), 0);
}

TEST_F(ClientRateTest, AnAgeAtWhichTimesWrapAroundIsLikeAnyOther) {
  ClientRate rate(10);
  const IpAddress client = Address("192.0.2.1");
  clock_.Advance(Duration((std::int64_t{1} << 48) - clock_.Now().time_since_epoch().count()) -
                 milliseconds(500));
  EXPECT_EQ(Taken(rate, client, 100), 10);
  clock_.Advance(milliseconds(499));
  EXPECT_EQ(Taken(rate, client, 100), 4);
  clock_.Advance(milliseconds(201));
  EXPECT_EQ(Taken(rate, client, 100), 3);
  clock_.Advance(Duration(std::int64_t{1} << 48));
  EXPECT_LE(Taken(rate, client, 100), 10);
}

TEST_F(ClientRateTest, AClockThatIsALittleBehindGivesNothingAway) {
  ClientRate rate(10);
  const IpAddress client = Address("192.0.2.1");
  EXPECT_EQ(Taken(rate, client, 100), 10);
  EXPECT_FALSE(rate.Take(client, clock_.Now() - milliseconds(5)));
}

TEST_F(ClientRateTest, WorkersShareOneLimit) {
  ClientRate rate(1000);
  const IpAddress client = Address("192.0.2.1");
  std::array<int, 4> taken{};
  std::vector<std::thread> workers;
  workers.reserve(taken.size());
  for (int& count : taken) {
    workers.emplace_back([&] { count = Taken(rate, client, 2000); });
  }
  for (std::thread& worker : workers) worker.join();
  const int sum = taken[0] + taken[1] + taken[2] + taken[3];
  EXPECT_GE(sum, 1000);
  // One too many now and then, where all change the bucket at once: each costs sixteen changes
  // that others made meanwhile.
  EXPECT_LE(sum, 1000 + 3 * 1000 / 16);
}

}  // namespace
}  // namespace resolve64::server
