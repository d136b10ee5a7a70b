// What holds for the configuration as a whole, and what its servers and networks come to.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "support.h"

namespace resolve64::config {
namespace {

bool Contains(const std::vector<Network>& networks, const char* address) {
  for (const Network& network : networks) {
    if (network.Contains(*IpAddress::Parse(address))) return true;
  }
  return false;
}

TEST(ReadAccess, PrivateIsWhatTheReferenceSays) {
  const auto allow = Read(R"({"access": {"allow": ["private"]}})").config->access.allow;
  EXPECT_EQ(allow, PrivateNetworks());
  for (const char* address : {"127.0.0.1", "127.255.255.255", "10.1.2.3", "172.16.0.1",
                              "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255",
                              "169.254.1.1", "::1", "fe80::1", "febf::1", "fc00::1", "fdff::1"}) {
    EXPECT_TRUE(Contains(allow, address)) << address;
  }
  for (const char* address : {"126.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
                              "192.169.0.0", "100.63.255.255", "100.128.0.0", "169.255.0.0", "::2",
                              "fec0::1", "fbff::1", "fe00::1", "2001:db8::1", "192.0.2.1"}) {
    EXPECT_FALSE(Contains(allow, address)) << address;
  }
}

TEST(ReadAccess, AnyIsEverybody) {
  const auto allow = Read(R"({"access": {"allow": ["any"]}})").config->access.allow;
  EXPECT_TRUE(Contains(allow, "192.0.2.1"));
  EXPECT_TRUE(Contains(allow, "2001:db8::1"));
}

TEST(LintAccess, WarnsOfAnOpenResolverAndOfOneForNobody) {
  EXPECT_EQ(Warnings(R"({"access": {"allow": ["private", "::/0"]}})").size(), 1U);
  EXPECT_EQ(Warnings(R"({"access": {"allow": []}})").size(), 1U);
  EXPECT_EQ(Warnings(R"({"access": {"allow": ["2001:db8::/32"]}})"), Lines());
  EXPECT_EQ(Warnings(R"({"access": {"allow": ["::/0"], "refuse": ["::/0"]}})"), Lines());
}

TEST(ReadServers, TakeTextsAndObjects) {
  const auto result = Read(R"({
    "forward": [{"zone": ".", "servers": ["192.0.2.1", "2001:db8::1@5353",
                 {"address": "2001:db8::2"}, {"address": "192.0.2.2", "port": 54}], "only": false}],
    "stub": [{"zone": "corp.example", "servers": ["192.0.2.3"]}],
    "root_hints": [{"name": "a.root.example", "addresses": ["192.0.2.53", "192.0.2.54@5353"]}]
  })");
  ASSERT_EQ(Texts(result.errors), Lines());
  const Config& config = *result.config;
  ASSERT_EQ(config.forward.size(), 1U);
  EXPECT_TRUE(config.forward[0].zone.is_root());
  EXPECT_FALSE(config.forward[0].only);
  EXPECT_TRUE(config.forward[0].dns64);
  Lines servers;
  for (const ForwardServer& server : config.forward[0].servers) {
    servers.push_back(server.endpoint.ToText());
  }
  EXPECT_EQ(servers, (Lines{"192.0.2.1@53", "2001:db8::1@5353", "2001:db8::2@53", "192.0.2.2@54"}));
  ASSERT_EQ(config.stub.size(), 1U);
  EXPECT_EQ(config.stub[0].zone, *Name::Parse("corp.example"));
  EXPECT_EQ(config.root_hints.source, RootHints::Source::kList);
  ASSERT_EQ(config.root_hints.servers.size(), 1U);
  EXPECT_EQ(config.root_hints.servers[0].addresses.size(), 2U);
  EXPECT_EQ(config.root_hints.servers[0].addresses[1].ToText(), "192.0.2.54@5353");
}

TEST(ReadServers, BuiltinZonesComeInThreeForms) {
  EXPECT_TRUE(Read(R"({"builtin_zones": true})").config->builtin_zones.enabled);
  EXPECT_FALSE(Read(R"({"builtin_zones": false})").config->builtin_zones.enabled);
  const auto except = Read(R"({"builtin_zones": {"except": ["test"]}})").config->builtin_zones;
  EXPECT_TRUE(except.enabled);
  EXPECT_EQ(except.except, std::vector<Name>{*Name::Parse("test")});
}

TEST(LintListen, RefusesTheSameAddressAndPortTwice) {
  EXPECT_EQ(Errors(R"({"listen": [{"address": "::1"}, {"address": "::1", "port": 53}]})").size(),
            1U);
  EXPECT_EQ(Errors(R"({"listen": [{"address": "::1"}, {"address": "::1", "port": 54},
                                  {"address": "::"}, {"address": "0.0.0.0"}]})"),
            Lines());
}

TEST(LintViews, WarnsOfViewsThatAnswerNobody) {
  EXPECT_EQ(Warnings(R"({"views": {"v": {}}})").size(), 1U);
  EXPECT_EQ(Warnings(R"({"views": {"v": {}}, "listen": [{"address": "::1", "view": "v"}]})"),
            Lines());
  EXPECT_EQ(
      Warnings(R"({"views": {"a": {"clients": ["private"]}, "b": {"clients": ["10.1.0.0/16"]}}})")
          .size(),
      1U);
  EXPECT_EQ(
      Warnings(R"({"views": {"b": {"clients": ["10.1.0.0/16"]}, "a": {"clients": ["private"]}}})"),
      Lines());
}

// Covers: REC-32
TEST(LintServers, RefusesOurOwnAddresses) {
  EXPECT_EQ(Errors(R"({"forward": [{"zone": ".", "servers": ["::1"]}]})").size(), 1U)
      << "::1 is where the default listens";
  EXPECT_EQ(Errors(R"({"forward": [{"zone": ".", "servers": ["::1@5353"]}]})"), Lines());
  EXPECT_EQ(Warnings(R"({"listen": [{"address": "::"}],
                         "forward": [{"zone": ".", "servers": ["::1"]}]})")
                .size(),
            1U);
  EXPECT_EQ(
      Errors(R"({"stub": [{"zone": "example", "servers": ["0.0.0.0", "224.0.0.1"]}]})").size(), 2U);
}

TEST(LintServers, WarnsOfAFamilyThatIsSwitchedOff) {
  EXPECT_EQ(Warnings(R"({"upstream": {"ipv6": false, "source_addresses": ["2001:db8::1"]},
                         "stub": [{"zone": "example", "servers": ["2001:db8::2", "192.0.2.1"]}]})")
                .size(),
            2U);
}

TEST(LintZones, RefusesAZoneThatStandsTwice) {
  const auto errors = Errors(R"({"stub": [{"zone": "a.example", "servers": ["192.0.2.1"]}],
      "zones": [{"zone": "A.Example.", "file": "lab.zone"}, {"zone": "b.example", "file": "lab.zone"}]})");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0],
            "test.json:2:26: /zones/0/zone: \"A.Example.\": this zone stands at /stub/0 too");
}

TEST(ReadDnssec, AnchorsComeInThreeForms) {
  EXPECT_EQ(Read(R"({"dnssec": {"trust_anchors": "builtin"}})").config->dnssec.trust_anchors,
            DnssecConfig::Anchors::kBuiltin);
  const DnssecConfig file = Read(R"({"dnssec": {"trust_anchors": "empty.json"}})").config->dnssec;
  EXPECT_EQ(file.trust_anchors, DnssecConfig::Anchors::kFile);
  EXPECT_EQ(file.anchor_file, R64_SOURCE_DIR "/tests/config/good/empty.json");
  const DnssecConfig list =
      Read(R"({"dnssec": {"trust_anchors": [". IN DS 1 8 2 00", "example. IN DS 2 8 2 00"]}})")
          .config->dnssec;
  EXPECT_EQ(list.trust_anchors, DnssecConfig::Anchors::kList);
  EXPECT_EQ(list.anchor_records, (Lines{". IN DS 1 8 2 00", "example. IN DS 2 8 2 00"}));
}

// Covers: SEC-55
TEST(ReadDnssec, NegativeAnchorsAreNamesOrNamesWithAnEnd) {
  const auto insecure = Read(R"({"dnssec": {"insecure": ["a.example", {"name": "b.example"},
                                       {"name": "c.example", "until": "2999-12-31"}]}})")
                            .config->dnssec.insecure;
  ASSERT_EQ(insecure.size(), 3U);
  EXPECT_EQ(insecure[0].name, *Name::Parse("a.example"));
  EXPECT_FALSE(insecure[0].until);
  EXPECT_FALSE(insecure[1].until);
  EXPECT_EQ(insecure[2].until, 32503593600);
}

// Covers: SEC-55
TEST(LintDnssec, WarnsOfNegativeAnchorsWithoutAnEndAndOfThoseThatEnded) {
  const Lines warnings = Warnings(R"({"dnssec": {"insecure": ["a.example",
      {"name": "b.example", "until": "2001-01-01"}, {"name": "c.example", "until": "2999-12-31"}]}})");
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_NE(warnings[0].find("/dnssec/insecure/0: \"a.example\": "), std::string::npos);
  EXPECT_NE(warnings[0].find("RFC 7646 section 2"), std::string::npos);
  EXPECT_NE(warnings[1].find("/dnssec/insecure/1/until: \"2001-01-01\": this time is past"),
            std::string::npos);
}

// Covers: REC-11
TEST(LintPayload, WarnsOfMessagesThatGetFragmented) {
  EXPECT_EQ(Warnings(R"({"upstream": {"udp_payload": 1400}, "limits": {"udp_payload": 1400}})"),
            Lines());
  EXPECT_EQ(
      Warnings(R"({"upstream": {"udp_payload": 1401}, "limits": {"udp_payload": 4096}})").size(),
      2U);
}

}  // namespace
}  // namespace resolve64::config
