#include "resolver/upstream/select.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "support/fake_network.h"

namespace resolve64::resolver::upstream {
namespace {

using std::chrono::milliseconds;

Candidate Server(const char* address, int srtt_ms, bool dead = false, bool lame = false) {
  cache::ServerInfo info;
  info.known = srtt_ms > 0;
  info.srtt = milliseconds(srtt_ms);
  info.rttvar = milliseconds(1);
  info.dead = dead;
  Candidate candidate(Endpoint::Parse(address, 53).value(), info, Name());
  candidate.lame = lame;
  return candidate;
}

std::vector<int> Picks(const std::vector<Candidate>& candidates, int times) {
  SeededRandom random(42);
  std::vector<int> counts(candidates.size());
  for (int i = 0; i < times; ++i) {
    ++counts[PickServer(candidates, milliseconds(20), random).value()];
  }
  return counts;
}

// Covers: REC-30
TEST(PickServer, PrefersTheFastAndStillExplores) {
  const auto counts = Picks({Server("192.0.2.1", 200), Server("192.0.2.2", 10)}, 1000);
  EXPECT_GT(counts[1], 940);
  EXPECT_GT(counts[0], 5);
}

TEST(PickServer, SharesTheLoadBetweenEquals) {
  const auto counts = Picks({Server("192.0.2.1", 10), Server("192.0.2.2", 10)}, 1000);
  EXPECT_GT(counts[0], 400);
  EXPECT_GT(counts[1], 400);
}

TEST(PickServer, TriesUnknownServersEarly) {
  const auto counts = Picks({Server("192.0.2.1", 30), Server("192.0.2.2", 0)}, 1000);
  EXPECT_GT(counts[1], 900);
}

// Covers: REC-30
TEST(PickServer, AsksTheDeadAndTheLameOnlyWhenNobodyElseIsLeft) {
  std::vector<Candidate> servers = {Server("192.0.2.1", 1, true),
                                    Server("192.0.2.2", 1, false, true), Server("192.0.2.3", 500)};
  const auto counts = Picks(servers, 200);
  EXPECT_EQ(counts[2], 200);
  servers[2].out = true;
  EXPECT_EQ(Picks(servers, 200)[0], 200) << "a dead one before a lame one";
  servers[0].out = servers[1].out = true;
  SeededRandom random(1);
  EXPECT_FALSE(PickServer(servers, milliseconds(20), random).has_value());
}

// Covers: REC-29
TEST(PickServer, GoesRoundAndStopsAfterThreeSendsToEach) {
  std::vector<Candidate> servers = {Server("192.0.2.1", 1), Server("192.0.2.2", 500)};
  SeededRandom random(3);
  std::vector<std::size_t> order;
  while (const auto pick = PickServer(servers, milliseconds(20), random)) {
    order.push_back(*pick);
    ++servers[*pick].sends;
  }
  ASSERT_EQ(order.size(), 6U);
  for (std::size_t i = 0; i < order.size(); i += 2) EXPECT_NE(order[i], order[i + 1]);
}

// Covers: F2
TEST(HedgeDelay, FollowsWhatIsKnownOfTheServer) {
  const Candidate unknown = Server("192.0.2.1", 0);
  EXPECT_EQ(HedgeDelay(unknown, milliseconds(1)), milliseconds(25));
  EXPECT_EQ(HedgeDelay(unknown, milliseconds(100)), milliseconds(150));
  EXPECT_EQ(HedgeDelay(unknown, milliseconds(5000)), milliseconds(400));
  Candidate known = Server("192.0.2.1", 60);
  EXPECT_EQ(HedgeDelay(known, milliseconds(1)), milliseconds(64));
  known.info.timeouts_in_row = 1;
  EXPECT_EQ(HedgeDelay(known, milliseconds(1)), milliseconds(25)) << "silence is no measurement";
}

// Covers: REC-29
TEST(ResendDelay, LeavesASlowServerTime) {
  Candidate near = Server("192.0.2.1", 1);
  near.sends = 1;
  EXPECT_EQ(ResendDelay(near, milliseconds(1)), milliseconds(400));
  near.sends = 2;
  EXPECT_EQ(ResendDelay(near, milliseconds(1)), milliseconds(800));
  Candidate far = Server("192.0.2.1", 600);
  far.sends = 1;
  EXPECT_EQ(ResendDelay(far, milliseconds(1)), milliseconds(604));
  far.sends = 3;
  EXPECT_EQ(ResendDelay(far, milliseconds(1)), milliseconds(1500));
}

}  // namespace
}  // namespace resolve64::resolver::upstream
