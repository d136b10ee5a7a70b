#include "resolve64/ip.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/hash.h"

namespace resolve64 {
namespace {

TEST(ParseIpv4, TakesDottedQuads) {
  EXPECT_EQ(ParseIpv4("192.0.2.33").value(), (Ipv4{{192, 0, 2, 33}}));
  EXPECT_EQ(ParseIpv4("0.0.0.0").value(), Ipv4{});
  EXPECT_EQ(ParseIpv4("255.255.255.255").value(), (Ipv4{{255, 255, 255, 255}}));
}

TEST(ParseIpv4, RefusesEverythingElse) {
  for (const std::string text :
       {"",          ".",           "1",        "1.2.3",     "1.2.3.",
        ".1.2.3",    "1..2.3",      "1.2.3.4.", "1.2.3.4.5", "256.1.1.1",
        "1.2.3.256", "01.2.3.4",    "1.2.3.04", "0x1.2.3.4", "+1.2.3.4",
        "-1.2.3.4",  " 1.2.3.4",    "1.2.3.4 ", "1.2.3.4\n", "1.2.3.99999999999",
        "::1",       "192.0.2.0/24"}) {
    const auto address = ParseIpv4(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::kBadAddress);
  }
  EXPECT_FALSE(ParseIpv4(std::string_view("1.2.3.4\0", 8)));
}

TEST(ParseIpv6, TakesTheFormsOfRfc4291) {
  const Ipv6 expected{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0x02, 0x21}};
  for (const char* text :
       {"2001:db8::c000:221", "2001:DB8::C000:221", "2001:db8::192.0.2.33",
        "2001:0db8:0000:0000:0000:0000:c000:0221", "2001:db8:0:0:0:0:c000:221"}) {
    EXPECT_EQ(ParseIpv6(text).value(), expected) << text;
  }
  EXPECT_EQ(ParseIpv6("::").value(), Ipv6{});
}

TEST(ParseIpv6, RefusesEverythingElse) {
  for (const std::string text :
       {"", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "12345::", "g::", "::1/128", "fe80::1%eth0", "fe80::1%1", "[::1]", " ::1", "::1 ",
        "::256.1.1.1", "192.0.2.1", "0000:0000:0000:0000:0000:0000:255.255.255.2550000"}) {
    const auto address = ParseIpv6(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::kBadAddress);
  }
  EXPECT_FALSE(ParseIpv6(std::string_view("::1\0::2", 7)));
}

// The examples of RFC 5952 sections 4 and 5.
TEST(Ipv6ToText, IsTheCanonicalFormOfRfc5952) {
  const struct {
    const char* given;
    const char* canonical;
  } rows[] = {
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:DB8::AbCd", "2001:db8::abcd"},
      {"0:0:0:0:0:ffff:c000:201", "::ffff:192.0.2.1"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(ToText(ParseIpv6(row.given).value()), row.canonical);
  }
}

// Covers: ADR-10
TEST(IpAddress, ComparesOctetsWhateverTheText) {
  EXPECT_EQ(IpAddress::Parse("2001:db8:122:344:c0:2:2100:0").value(),
            IpAddress::Parse("2001:db8:122:344:C0:2:2100::").value());
}

TEST(IpAddress, KeepsItsFamily) {
  const IpAddress v4 = IpAddress::Parse("192.0.2.1").value();
  const IpAddress mapped = IpAddress::Parse("::ffff:192.0.2.1").value();
  EXPECT_TRUE(v4.is_v4());
  EXPECT_FALSE(v4.is_v6());
  EXPECT_EQ(v4.size(), 4U);
  EXPECT_TRUE(mapped.is_v6());
  EXPECT_EQ(mapped.size(), 16U);
  EXPECT_NE(v4, mapped);
  EXPECT_EQ(v4.ToText(), "192.0.2.1");
  EXPECT_EQ(mapped.ToText(), "::ffff:192.0.2.1");
  EXPECT_EQ(v4.v4(), (Ipv4{{192, 0, 2, 1}}));
  // The same sixteen octets, and still two addresses.
  EXPECT_NE(IpAddress(Ipv4{{32, 1, 13, 184}}), IpAddress(ParseIpv6("2001:db8::").value()));
}

TEST(IpAddress, HashesByFamilyAndOctets) {
  const IpAddress v4 = Ipv4{{32, 1, 13, 184}};
  const IpAddress v6 = ParseIpv6("2001:db8::").value();
  EXPECT_EQ(v4.Hash(), IpAddress::Parse("32.1.13.184").value().Hash());
  EXPECT_NE(v4.Hash(), v6.Hash());
}

TEST(Endpoint, ParsesWithAndWithoutPort) {
  EXPECT_EQ(Endpoint::Parse("192.0.2.1", 53).value().ToText(), "192.0.2.1@53");
  EXPECT_EQ(Endpoint::Parse("192.0.2.1@5353", 53).value().ToText(), "192.0.2.1@5353");
  EXPECT_EQ(Endpoint::Parse("2001:db8::1@65535", 53).value().ToText(), "2001:db8::1@65535");
  EXPECT_EQ(Endpoint::Parse("2001:db8::1", 853).value().port, 853);
  EXPECT_EQ(Endpoint::Parse("127.0.0.1@0", 53).value().port, 0);
}

TEST(Endpoint, RefusesBadPortsAndAddresses) {
  for (const char* text :
       {"", "@53", "192.0.2.1@", "192.0.2.1@65536", "192.0.2.1@-1", "192.0.2.1@ 53",
        "192.0.2.1@053", "192.0.2.1@53@53", "192.0.2.1:53", "[2001:db8::1]:53", "ns.example@53"}) {
    const auto endpoint = Endpoint::Parse(text, 53);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code, Errc::kBadAddress);
  }
}

TEST(Endpoint, HashesAddressAndPort) {
  std::unordered_set<Endpoint, MemberHash> seen;
  std::set<std::size_t> hashes;
  for (std::uint16_t port = 0; port < 1000; ++port) {
    for (const char* address : {"192.0.2.1", "2001:db8::1"}) {
      const Endpoint endpoint = Endpoint::Parse(address, port).value();
      seen.insert(endpoint);
      hashes.insert(endpoint.Hash());
    }
  }
  EXPECT_EQ(seen.size(), 2000U);
  EXPECT_EQ(hashes.size(), 2000U);
}

TEST(Network, ParsesLengthsUpToTheAddress) {
  EXPECT_EQ(Network::Parse("192.0.2.0/24").value().ToText(), "192.0.2.0/24");
  EXPECT_EQ(Network::Parse("192.0.2.1").value().ToText(), "192.0.2.1/32");
  EXPECT_EQ(Network::Parse("2001:db8::1").value().ToText(), "2001:db8::1/128");
  EXPECT_EQ(Network::Parse("0.0.0.0/0").value(), Network());
  EXPECT_EQ(Network::Parse("::/0").value().bits(), 0);
}

TEST(Network, RefusesBadLengthsAndHostBits) {
  for (const char* text : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/08",
                           "192.0.2.0/24/24", "192.0.2.1/24", "192.0.2.0/22", "2001:db8::/129",
                           "2001:db8::/28", "2001:db8::1/127", "example.com/24"}) {
    const auto network = Network::Parse(text);
    ASSERT_FALSE(network) << text;
    EXPECT_EQ(network.error().code, Errc::kBadAddress);
  }
  EXPECT_FALSE(Network::Make(Ipv4{}, -1));
  EXPECT_FALSE(Network::Make(Ipv4{}, 33));
}

TEST(Network, AnyOfAListContainsWhatOneOfThemDoes) {
  const std::vector<Network> networks = {Network::Parse("192.0.2.0/24").value(),
                                         Network::Parse("2001:db8::/32").value()};
  EXPECT_TRUE(AnyContains(networks, IpAddress::Parse("192.0.2.9").value()));
  EXPECT_TRUE(AnyContains(networks, IpAddress::Parse("2001:db8::1").value()));
  EXPECT_FALSE(AnyContains(networks, IpAddress::Parse("198.51.100.1").value()));
  EXPECT_FALSE(AnyContains({}, IpAddress::Parse("192.0.2.9").value()));
}

TEST(Network, ContainsItsOwnFamilyUpToTheBit) {
  const auto contains = [](const char* network, const char* address) {
    return Network::Parse(network).value().Contains(IpAddress::Parse(address).value());
  };
  EXPECT_TRUE(contains("100.64.0.0/10", "100.64.0.0"));
  EXPECT_TRUE(contains("100.64.0.0/10", "100.127.255.255"));
  EXPECT_FALSE(contains("100.64.0.0/10", "100.128.0.0"));
  EXPECT_FALSE(contains("100.64.0.0/10", "100.63.255.255"));
  EXPECT_TRUE(contains("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(contains("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("::/0", "2001:db8::1"));
  EXPECT_FALSE(contains("::/0", "192.0.2.1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "::ffff:192.0.2.1"));
}

}  // namespace
}  // namespace resolve64
