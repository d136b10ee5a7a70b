#include "server/network_counts.h"

#include <gtest/gtest.h>

namespace resolve64::server {
namespace {

IpAddress At(const char* text) { return *IpAddress::Parse(text); }

TEST(NetworkOf, IsTheSlash24OrTheSlash56) {
  EXPECT_EQ(NetworkOf(At("192.0.2.77")).ToText(), "192.0.2.0");
  EXPECT_EQ(NetworkOf(At("2001:db8:1:2345:6:7:8:9")).ToText(), "2001:db8:1:2300::");
}

// Covers: TRA-06
TEST(NetworkCounts, LetsEachNetworkHaveSoManyAndNoMore) {
  NetworkCounts counts;
  const IpAddress one = NetworkOf(At("192.0.2.1"));
  const IpAddress other = NetworkOf(At("2001:db8::1"));
  EXPECT_TRUE(counts.Enter(one, 2));
  EXPECT_TRUE(counts.Enter(NetworkOf(At("192.0.2.200")), 2));
  EXPECT_FALSE(counts.Enter(one, 2));
  EXPECT_TRUE(counts.Enter(other, 2));
  counts.Leave(one);
  EXPECT_TRUE(counts.Enter(one, 2));
  EXPECT_FALSE(counts.Enter(one, 2));
}

TEST(NetworkCounts, WhoWasRefusedIsNotCounted) {
  NetworkCounts counts;
  const IpAddress one = NetworkOf(At("192.0.2.1"));
  EXPECT_FALSE(counts.Enter(one, 0));
  EXPECT_TRUE(counts.Enter(one, 1));
  counts.Leave(one);
  EXPECT_TRUE(counts.Enter(one, 1));
}

}  // namespace
}  // namespace resolve64::server
