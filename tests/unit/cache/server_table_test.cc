#include "cache/server_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "unit/cache/support.h"

namespace resolve64::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kNow;
using test::N;

Endpoint At(std::string_view text) { return Endpoint::Parse(text, 53).value(); }

class ServerTableTest : public ::testing::Test {
 protected:
  ServerInfo Get(TimePoint now = kNow) { return table.Get(server, now); }

  ServerTable table{1000};
  const Endpoint server = At("192.0.2.1");
};

//--- Round-trip time ---

TEST_F(ServerTableTest, AnUnknownServerIsGuessedAndNotRemembered) {
  const ServerInfo info = Get();
  EXPECT_FALSE(info.known);
  EXPECT_EQ(info.server, server);
  EXPECT_EQ(info.srtt, ServerTable::kFirstGuess);
  EXPECT_FALSE(info.dead);
  EXPECT_EQ(info.edns, EdnsSupport::kUnknown);
  EXPECT_EQ(table.stats().entries, 0U);
}

// Covers: REC-30
TEST_F(ServerTableTest, SmoothsTheRoundTripTime) {
  table.Answered(server, milliseconds(80), kNow);
  EXPECT_TRUE(Get().known);
  EXPECT_EQ(Get().srtt, milliseconds(80));
  EXPECT_EQ(Get().rttvar, milliseconds(40));
  table.Answered(server, milliseconds(160), kNow);
  EXPECT_EQ(Get().srtt, milliseconds(90));
  EXPECT_EQ(Get().rttvar, milliseconds(50));
  for (int i = 0; i < 100; ++i) table.Answered(server, milliseconds(20), kNow);
  EXPECT_LT(Get().srtt, milliseconds(21));
  EXPECT_LT(Get().rttvar, milliseconds(1));
  EXPECT_EQ(Get().answers, 102U);
  EXPECT_EQ(Get().last_answer, kNow);
}

TEST_F(ServerTableTest, PortsAreServersOfTheirOwn) {
  table.Answered(server, milliseconds(5), kNow);
  EXPECT_FALSE(table.Get(At("192.0.2.1@5353"), kNow).known);
}

TEST_F(ServerTableTest, TheTypicalTimeFollowsTheAnswersOfAllServers) {
  EXPECT_EQ(table.TypicalRtt(), ServerTable::kFirstGuess);
  for (int i = 0; i < 200; ++i) {
    table.Answered(At("192.0.2." + std::to_string(i)), milliseconds(10), kNow);
  }
  EXPECT_LT(table.TypicalRtt(), milliseconds(11));
  EXPECT_GE(table.TypicalRtt(), milliseconds(10));
  EXPECT_EQ(table.Get(At("198.51.100.1"), kNow).srtt, table.TypicalRtt());
}

TEST_F(ServerTableTest, SilenceDoublesTheGuessUpToABound) {
  table.TimedOut(server, milliseconds(5), kNow);
  EXPECT_EQ(Get().srtt, ServerTable::kFirstGuess * 2);
  table.TimedOut(server, milliseconds(300), kNow);
  EXPECT_EQ(Get().srtt, milliseconds(300));
  for (int i = 0; i < 40; ++i) table.TimedOut(server, seconds(2), kNow);
  EXPECT_EQ(Get().srtt, ServerTable::kLongestRtt);
  EXPECT_EQ(Get().timeouts, 42U);
}

TEST_F(ServerTableTest, SilenceDoesNotSpoilATimeThatWasMeasured) {
  table.Answered(server, milliseconds(10), kNow);
  for (int i = 0; i < 5; ++i) table.TimedOut(server, seconds(2), kNow);
  EXPECT_EQ(Get().srtt, milliseconds(10));
  EXPECT_EQ(Get().timeouts_in_row, 3U);
}

TEST_F(ServerTableTest, TheFirstAnswerEndsWhatSilenceMadeBelieve) {
  table.TimedOut(server, seconds(1), kNow);
  EXPECT_TRUE(Get().known);
  EXPECT_EQ(Get().srtt, seconds(1));
  table.Answered(server, milliseconds(10), kNow);
  EXPECT_EQ(Get().srtt, milliseconds(10));
}

//--- Dead servers ---

// Covers: REC-30
TEST_F(ServerTableTest, IsDeadAfterThreeSilencesAndForOneSecondAtFirst) {
  table.TimedOut(server, milliseconds(100), kNow);
  table.TimedOut(server, milliseconds(100), kNow);
  EXPECT_FALSE(Get().dead);
  table.TimedOut(server, milliseconds(100), kNow);
  EXPECT_TRUE(Get().dead);
  EXPECT_EQ(Get().timeouts_in_row, 3U);
  EXPECT_TRUE(Get(kNow + milliseconds(999)).dead);
  EXPECT_FALSE(Get(kNow + seconds(1)).dead);
}

// Covers: REC-30
TEST_F(ServerTableTest, EachFurtherSilenceDoublesItUpToABound) {
  TimePoint now = kNow;
  for (int i = 0; i < 2; ++i) table.TimedOut(server, milliseconds(1), now);
  Duration hold = seconds(1);
  for (int i = 0; i < 12; ++i) {
    table.TimedOut(server, milliseconds(1), now);
    EXPECT_EQ(Get(now).dead_until - now, hold);
    now += hold;
    EXPECT_FALSE(Get(now).dead);
    hold = std::min(hold * 2, ServerTable::kDeadLongest);
  }
  EXPECT_EQ(hold, ServerTable::kDeadLongest);
  EXPECT_LE(ServerTable::kDeadLongest, seconds(300));
}

TEST_F(ServerTableTest, QueriesThatEndInTheSameSilenceCountOnce) {
  for (int i = 0; i < 50; ++i) table.TimedOut(server, milliseconds(100), kNow);
  EXPECT_EQ(Get().dead_until - kNow, seconds(1));
  EXPECT_EQ(Get().timeouts, 50U);
}

TEST_F(ServerTableTest, OneAnswerEndsAllSilence) {
  for (int i = 0; i < 3; ++i) table.TimedOut(server, milliseconds(1), kNow);
  table.Answered(server, milliseconds(10), kNow);
  EXPECT_FALSE(Get().dead);
  EXPECT_EQ(Get().timeouts_in_row, 0U);
}

//--- What it cannot do ---

TEST_F(ServerTableTest, LackOfEdnsIsForgottenInTime) {
  table.SetEdns(server, EdnsSupport::kNo, kNow);
  EXPECT_EQ(Get().edns, EdnsSupport::kNo);
  EXPECT_EQ(Get(kNow + ServerTable::kNoEdnsFor).edns, EdnsSupport::kUnknown);
  table.SetEdns(server, EdnsSupport::kYes, kNow);
  EXPECT_EQ(Get().edns, EdnsSupport::kYes);
  EXPECT_FALSE(Get().known) << "it says nothing of the time it takes";
}

TEST_F(ServerTableTest, BrokenLetterCaseIsForgottenInTime) {
  table.SetCaseBroken(server, kNow);
  EXPECT_TRUE(Get().case_broken);
  EXPECT_FALSE(Get(kNow + ServerTable::kCaseBrokenFor).case_broken);
}

TEST_F(ServerTableTest, IsLameForAZoneOnly) {
  table.Lame(server, N("A.example"), kNow);
  EXPECT_TRUE(Get().IsLameFor(N("a.example")));
  EXPECT_FALSE(Get().IsLameFor(N("example")));
  EXPECT_FALSE(Get().IsLameFor(N("b.a.example")));
  EXPECT_FALSE(table.Get(At("192.0.2.2"), kNow).IsLameFor(N("a.example")));
}

TEST_F(ServerTableTest, LamenessHoldsForAMinuteAndLongerEachTime) {
  TimePoint now = kNow;
  for (const int hold : {60, 120, 240, 480, 900, 900}) {
    table.Lame(server, N("a.example"), now);
    table.Lame(server, N("a.example"), now);  // as long as it holds, once more is nothing new
    EXPECT_TRUE(Get(now + seconds(hold) - milliseconds(1)).IsLameFor(N("a.example"))) << hold;
    now += seconds(hold);
    EXPECT_FALSE(Get(now).IsLameFor(N("a.example"))) << hold;
  }
  now += ServerTable::kLameLongest;
  table.Lame(server, N("a.example"), now);
  EXPECT_FALSE(Get(now + ServerTable::kLameFirst).IsLameFor(N("a.example")));
}

TEST_F(ServerTableTest, RemembersTheLatestZonesItIsLameFor) {
  for (int i = 0; i < 20; ++i) {
    table.Lame(server, N("z" + std::to_string(i) + ".example"), kNow + seconds(i));
  }
  const ServerInfo info = Get(kNow + seconds(20));
  EXPECT_EQ(info.lame.size(), ServerTable::kMaxLame);
  EXPECT_TRUE(info.IsLameFor(N("z19.example")));
  EXPECT_FALSE(info.IsLameFor(N("z0.example")));
}

//--- All of them ---

TEST_F(ServerTableTest, ListsEveryServer) {
  for (int i = 0; i < 200; ++i) {
    table.Answered(At("192.0.2." + std::to_string(i)), milliseconds(1), kNow);
  }
  EXPECT_EQ(table.List(kNow).size(), 200U);
  table.Clear();
  EXPECT_TRUE(table.List(kNow).empty());
  EXPECT_EQ(table.TypicalRtt(), ServerTable::kFirstGuess);
}

TEST_F(ServerTableTest, KeepsNoMoreThanItMay) {
  table.Answered(server, milliseconds(7), kNow);
  for (int i = 0; i < 5000; ++i) {
    Ipv4 address;
    address.octets = {198, 51, static_cast<std::uint8_t>(i / 256),
                      static_cast<std::uint8_t>(i % 256)};
    table.Answered(Endpoint{address, 53}, milliseconds(1), kNow);
    EXPECT_TRUE(Get().known) << "it is in use: " << i;
  }
  EXPECT_LE(table.stats().entries, 1000U);
}

TEST(ServerTableThreads, ShareIt) {
  ServerTable table(500);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&table] {
      for (int i = 0; i < 3000; ++i) {
        const Endpoint server = At("192.0.2." + std::to_string(i % 250));
        table.Answered(server, milliseconds(10), kNow);
        if (i % 3 == 0) table.TimedOut(server, milliseconds(20), kNow);
        if (i % 7 == 0) table.Lame(server, N("z" + std::to_string(i % 20) + ".example"), kNow);
        const ServerInfo info = table.Get(server, kNow);
        EXPECT_LE(info.lame.size(), ServerTable::kMaxLame);
        if (i % 500 == 0) {
          EXPECT_LE(table.List(kNow).size(), 250U);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(table.TypicalRtt(), milliseconds(10));
}

}  // namespace
}  // namespace resolve64::cache
