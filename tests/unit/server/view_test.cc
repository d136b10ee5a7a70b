#include "server/view.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "server/access.h"
#include "server/snapshot.h"

namespace resolve64::server {
namespace {

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }
Network Net(const char* text) { return *Network::Parse(text); }

TEST(Access, RefuseComesBeforeAllow) {
  const Access access({Net("192.0.2.0/24"), Net("2001:db8::/32")}, {Net("192.0.2.128/25")});
  EXPECT_TRUE(access.Allows(Address("192.0.2.1")));
  EXPECT_FALSE(access.Allows(Address("192.0.2.129")));
  EXPECT_TRUE(access.Allows(Address("2001:db8::1")));
}

TEST(Access, WhoIsInNeitherListMayNotAsk) {
  EXPECT_FALSE(Access({Net("192.0.2.0/24")}, {}).Allows(Address("198.51.100.1")));
  EXPECT_FALSE(Access({Net("0.0.0.0/0")}, {}).Allows(Address("2001:db8::1")));
  EXPECT_FALSE(Access().Allows(Address("127.0.0.1")));
}

TEST(Access, ByDefaultPrivateNetworksMayAsk) {
  const config::Config config;
  const Access access(config.access.allow, config.access.refuse);
  for (const char* text : {"127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "fe80::1",
                           "fd00::1", "169.254.1.1", "172.16.0.1"}) {
    EXPECT_TRUE(access.Allows(Address(text))) << text;
  }
  for (const char* text : {"8.8.8.8", "2001:db8::1", "172.32.0.1"}) {
    EXPECT_FALSE(access.Allows(Address(text))) << text;
  }
}

ViewPtr MakeView(const char* name, std::vector<Network> clients) {
  auto view = std::make_shared<View>();
  view->name = name;
  view->clients = std::move(clients);
  return view;
}

Views MakeViews() {
  Views views;
  views.list = {MakeView("wide", {Net("2001:db8::/32")}),
                MakeView("narrow", {Net("2001:db8:1::/48")}), MakeView("nobody", {})};
  views.fallback = MakeView("default", {});
  return views;
}

// Covers: T2, T4
TEST(Views, TheFirstWhoseClientsMatchAnswers) {
  const Views views = MakeViews();
  EXPECT_EQ(views.Choose(nullptr, Address("2001:db8:1::1"))->name, "wide");
  EXPECT_EQ(views.Choose(nullptr, Address("2001:db9::1"))->name, "default");
  EXPECT_EQ(views.Choose(nullptr, Address("192.0.2.1"))->name, "default");
}

// Covers: T1
TEST(Views, TheListenersViewComesBeforeTheClients) {
  const Views views = MakeViews();
  EXPECT_EQ(views.Choose(views.Named("nobody"), Address("2001:db8::1"))->name, "nobody");
}

TEST(Views, AreFoundByName) {
  const Views views = MakeViews();
  EXPECT_EQ(views.Named("narrow")->name, "narrow");
  EXPECT_EQ(views.Named("default"), views.fallback);
  EXPECT_EQ(views.Named("nothing"), nullptr);
}

SnapshotResult Build(const char* text) {
  const config::ReadResult read = config::ReadConfigText(text, "test.json", "/");
  EXPECT_NE(read.config, nullptr) << (read.errors.empty() ? "" : read.errors[0].ToText());
  return BuildSnapshot(read.config);
}

TEST(BuildSnapshot, CompilesViewsWithWhatTheyInherit) {
  const SnapshotResult built = Build(R"({
    "listen": [{"address": "::1", "port": 53, "view": "jool"}, {"address": "127.0.0.1", "port": 53}],
    "dns64": {"hide_a": true, "foreign_prefixes": ["2001:db8:f::/96", "2001:db8:e::/50"]},
    "views": {"jool": {"dns64": {"prefixes": ["2001:db8:64::/96"]}}}})");
  ASSERT_NE(built.snapshot, nullptr);
  const Views& views = built.snapshot->views;
  const ViewPtr jool = views.Named("jool");
  ASSERT_NE(jool, nullptr);
  EXPECT_EQ(jool->policy.prefixes[0].prefix.ToText(), "2001:db8:64::/96");
  EXPECT_TRUE(jool->policy.hide_a);
  EXPECT_EQ(views.fallback->policy.prefixes[0].prefix, Prefix::WellKnown());
  EXPECT_EQ(views.fallback->policy, built.snapshot->config->dns64);
  EXPECT_EQ(views.fallback->policy.foreign_prefixes.size(), 2U);
  const std::vector<config::Listener>& listeners = built.snapshot->config->listen;
  EXPECT_EQ(built.snapshot->ViewOf(listeners[0]), jool);
  EXPECT_EQ(built.snapshot->ViewOf(listeners[1]), nullptr);
}

// Covers: REC-32
TEST(BuildSnapshot, KnowsItsOwnAddresses) {
  const SnapshotResult built = Build(
      R"({"listen": [{"address": "0.0.0.0", "port": 5353}, {"address": "::1", "port": 53}]})");
  ASSERT_NE(built.snapshot, nullptr);
  const std::vector<Endpoint>& own = built.snapshot->settings->own_addresses;
  EXPECT_NE(std::find(own.begin(), own.end(), Endpoint{Address("::1"), 53}), own.end());
  EXPECT_NE(std::find(own.begin(), own.end(), Endpoint{Address("127.0.0.1"), 5353}), own.end());
  EXPECT_EQ(std::find(own.begin(), own.end(), Endpoint{Address("::1"), 5353}), own.end());
}

TEST(BuildSnapshot, TellsForwardersFromStubs) {
  const SnapshotResult built = Build(R"({
    "forward": [{"zone": "f.example", "servers": ["192.0.2.1"], "only": false, "dns64": false}],
    "stub": [{"zone": "s.example", "servers": ["192.0.2.2@5353"]}]})");
  ASSERT_NE(built.snapshot, nullptr);
  const std::vector<resolver::ConfiguredZone>& zones = built.snapshot->settings->zones;
  ASSERT_EQ(zones.size(), 2U);
  EXPECT_TRUE(zones[0].forward);
  EXPECT_FALSE(zones[0].only);
  EXPECT_FALSE(zones[0].dns64);
  EXPECT_FALSE(zones[1].forward);
  EXPECT_EQ(zones[1].servers[0].ToText(), "192.0.2.2@5353");
}

TEST(BuildSnapshot, ReportsFilesThatItCannotRead) {
  const SnapshotResult built = BuildSnapshot([] {
    auto config = std::make_shared<config::Config>();
    config->zones.push_back({*Name::Parse("lab.example"), "/nonexistent/lab.zone"});
    config->root_hints.source = config::RootHints::Source::kFile;
    config->root_hints.file = "/nonexistent/root.hints";
    return config;
  }());
  EXPECT_EQ(built.snapshot, nullptr);
  ASSERT_EQ(built.errors.size(), 2U);
  EXPECT_NE((built.errors[0] + built.errors[1]).find("/nonexistent/lab.zone"), std::string::npos);
  EXPECT_NE((built.errors[0] + built.errors[1]).find("/nonexistent/root.hints"), std::string::npos);
}

}  // namespace
}  // namespace resolve64::server
