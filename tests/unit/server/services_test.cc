// Which encrypted services there are, where they are reached, and what keeps clients from them.
#include "server/services.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/config.h"

namespace resolve64::server {
namespace {

using Strings = std::vector<std::string>;
using Transport = config::Listener::Transport;

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

net::CertificateInfo Certificate(std::vector<std::string> names, const Strings& addresses = {}) {
  net::CertificateInfo info;
  info.names = std::move(names);
  for (const std::string& address : addresses) info.addresses.push_back(Ip(address.c_str()));
  return info;
}

class ServicesTest : public ::testing::Test {
 protected:
  ServicesTest() { config_.listen.clear(); }

  config::Listener& Listen(const char* address, Transport transport = Transport::kDns) {
    config::Listener listener(Ip(address), config::DefaultPort(transport));
    listener.transport = transport;
    config_.listen.push_back(std::move(listener));
    return config_.listen.back();
  }
  [[nodiscard]] Services Make() const { return Services(config_, certificates_, host_); }
  [[nodiscard]] Strings Warnings() const { return ServiceWarnings(config_, certificates_, host_); }
  static Strings Texts(const std::vector<IpAddress>& addresses) {
    Strings texts;
    for (const IpAddress& address : addresses) texts.push_back(address.ToText());
    return texts;
  }
  [[nodiscard]] Strings Reached(const char* client, const char* asked = nullptr) const {
    const Services services = Make();
    const std::optional<IpAddress> at = asked ? std::optional(Ip(asked)) : std::nullopt;
    return Texts(services.AddressesOf(services.list().at(0), Ip(client), at));
  }

  config::Config config_;
  std::vector<net::CertificateInfo> certificates_ = {
      Certificate({"*.example.net", "dns.example.net"}, {"192.0.2.53", "2001:db8::53"})};
  std::vector<IpAddress> host_ = {Ip("127.0.0.1"),  Ip("::1"),          Ip("fe80::1"),
                                  Ip("192.0.2.53"), Ip("2001:db8::53"), Ip("2001:db8::64")};
};

TEST_F(ServicesTest, AreTlsThenHttpsInTheOrderOfTheFile) {
  Listen("192.0.2.1");
  Listen("192.0.2.2", Transport::kHttps).path = "/q";
  Listen("192.0.2.3", Transport::kTls).view = "lab";
  Listen("192.0.2.4", Transport::kTls).port = 8853;
  const Services services = Make();
  ASSERT_EQ(services.list().size(), 3U);
  EXPECT_EQ(services.list()[0].address, Ip("192.0.2.3"));
  EXPECT_EQ(services.list()[0].view, "lab");
  EXPECT_EQ(services.list()[0].path, "");
  EXPECT_EQ(services.list()[1].port, 8853);
  EXPECT_EQ(services.list()[2].path, "/q");
  EXPECT_EQ(services, Make());
  config_.listen.pop_back();
  EXPECT_NE(services, Make());
}

TEST_F(ServicesTest, BehindAProxyAreNotThere) {
  Listen("192.0.2.1", Transport::kTls).proxies = {*Network::Parse("192.0.2.9/32")};
  EXPECT_TRUE(Make().list().empty());
  EXPECT_EQ(Warnings(), Strings());
}

// Covers: CLI-10
TEST_F(ServicesTest, NameIsTheFirstOfTheCertificateThatIsOneOfAHost) {
  EXPECT_EQ(ServerNameOf(Certificate({"*.example.net", "DNS.Example.Net", "b.example"})),
            "dns.example.net");
  EXPECT_EQ(ServerNameOf(Certificate({"localhost", "x.localhost", "resolver.arpa", "a b", "a"})),
            "a");
  EXPECT_EQ(ServerNameOf(Certificate({"*.example.net"})), "");
  EXPECT_EQ(ServerNameOf(Certificate({})), "");
}

TEST_F(ServicesTest, NameIsThatOfTheCertificateForTheAddress) {
  certificates_ = {Certificate({"a.example"}, {"192.0.2.1"}), Certificate({"b.example"}, {"::1"}),
                   Certificate({"c.example"}, {"192.0.2.1", "::1"})};
  Listen("::", Transport::kTls);
  EXPECT_EQ(Make().NameAt(Ip("192.0.2.1")), "a.example");
  EXPECT_EQ(Make().NameAt(Ip("::1")), "b.example");
  EXPECT_EQ(Make().CertificateAt(Ip("::1")), 1U);
  EXPECT_EQ(Make().NameAt(Ip("192.0.2.9")), "a.example") << "the first is for all others";
  certificates_.clear();
  EXPECT_EQ(Make().NameAt(Ip("::1")), "");
  EXPECT_EQ(Services().NameAt(Ip("::1")), "");
}

// Covers: CLI-13
TEST_F(ServicesTest, ListenerOfOneAddressIsReachedThere) {
  Listen("192.0.2.53", Transport::kTls);
  EXPECT_EQ(Reached("192.0.2.9"), Strings{"192.0.2.53"});
  EXPECT_EQ(Reached("2001:db8::9", "2001:db8::64"), Strings{"192.0.2.53"});
}

TEST_F(ServicesTest, LoopbackIsForThisHostAlone) {
  Listen("127.0.0.1", Transport::kTls);
  EXPECT_EQ(Reached("192.0.2.9"), Strings());
  EXPECT_EQ(Reached("127.0.0.1"), Strings{"127.0.0.1"});
  EXPECT_EQ(Reached("::1"), Strings{"127.0.0.1"});
}

// Covers: CLI-13
TEST_F(ServicesTest, WildcardIsReachedAtTheAddressThatWasAsked) {
  Listen("::", Transport::kTls);
  EXPECT_EQ(Reached("2001:db8::9", "2001:db8::64"), Strings{"2001:db8::64"});
  EXPECT_EQ(Reached("192.0.2.9", "192.0.2.53"), (Strings{"2001:db8::53", "2001:db8::64"}));
  EXPECT_EQ(Reached("2001:db8::9"), (Strings{"2001:db8::53", "2001:db8::64"}));
  EXPECT_EQ(Reached("fe80::9", "fe80::1"), (Strings{"2001:db8::53", "2001:db8::64"}))
      << "a link-local address says nothing without its interface";
}

TEST_F(ServicesTest, WildcardOfLoopbackIsForThisHostAlone) {
  Listen("0.0.0.0", Transport::kTls);
  EXPECT_EQ(Reached("127.0.0.1", "127.0.0.5"), Strings{"127.0.0.5"});
  EXPECT_EQ(Reached("::1", "::1"), Strings{"127.0.0.1"});
  EXPECT_EQ(Reached("198.51.100.9", "127.0.0.1"), Strings{"192.0.2.53"}) << "named by a proxy";
}

TEST_F(ServicesTest, WildcardLeavesOutTheAddressesOfOtherListeners) {
  Listen("::", Transport::kTls);
  Listen("2001:db8::64", Transport::kTls).view = "lab";
  EXPECT_EQ(Reached("2001:db8::9", "2001:db8::64"), Strings{"2001:db8::53"});
  EXPECT_EQ(Reached("2001:db8::9"), Strings{"2001:db8::53"});
}

TEST_F(ServicesTest, AddressesAreBounded) {
  host_.clear();
  for (int i = 1; i < 100; ++i) host_.push_back(Ip(("192.0.2." + std::to_string(i)).c_str()));
  Listen("0.0.0.0", Transport::kTls);
  EXPECT_EQ(Reached("192.0.2.200").size(), 8U);
}

// Covers: CLI-14
TEST_F(ServicesTest, WarnsOfAPlainAddressThatTheCertificateDoesNotHold) {
  config_.tls.certificates = {{"/etc/dns.pem", "/etc/dns.key"}};
  Listen("192.0.2.53");
  Listen("192.0.2.54");
  Listen("127.0.0.1");
  Listen("192.0.2.53", Transport::kTls);
  const Strings warnings = Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("/etc/dns.pem does not hold 192.0.2.54"), std::string::npos);
  EXPECT_NE(warnings[0].find("RFC 9462 section 4.2"), std::string::npos);
  EXPECT_NE(warnings[0].find("get a certificate with this address"), std::string::npos);
  certificates_[0].addresses.push_back(Ip("192.0.2.54"));
  EXPECT_EQ(Warnings(), Strings());
}

// Covers: CLI-14
TEST_F(ServicesTest, WarnsOfTheHostsAddressesWherePlainIsOnAllOfThem) {
  Listen("::");
  Listen("::", Transport::kTls);
  const Strings warnings = Warnings();
  ASSERT_EQ(warnings.size(), 1U) << "not of loopback and link-local ones";
  EXPECT_NE(warnings[0].find("the self-signed certificate does not hold 2001:db8::64"),
            std::string::npos);
  EXPECT_NE(warnings[0].find("tls.names"), std::string::npos);
}

TEST_F(ServicesTest, WarnsNotWhereAListenerOfAnotherViewIsMeant) {
  Listen("192.0.2.54").view = "a";
  Listen("192.0.2.53", Transport::kTls).view = "b";
  EXPECT_EQ(Warnings(), Strings());
  config_.listen[0].view.reset();
  config::View view;
  view.name = "b";
  view.clients = {*Network::Parse("10.0.0.0/8")};
  config_.views = {view};
  EXPECT_EQ(Warnings().size(), 1U) << "a client of view b may ask there";
}

TEST_F(ServicesTest, WarnsNotOfPlainListenersBehindAProxy) {
  Listen("192.0.2.54").proxies = {*Network::Parse("192.0.2.9/32")};
  Listen("192.0.2.53", Transport::kTls);
  EXPECT_EQ(Warnings(), Strings());
}

TEST_F(ServicesTest, WarnsOfACertificateWithoutAName) {
  certificates_ = {Certificate({"*.example.net"}, {"192.0.2.53"})};
  config_.tls.certificates = {{"/etc/dns.pem", "/etc/dns.key"}};
  Listen("192.0.2.53");
  Listen("192.0.2.53", Transport::kTls);
  Listen("192.0.2.53", Transport::kHttps);
  const Strings warnings = Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].find("/etc/dns.pem holds no name of a host"), 0U);
}

// Covers: CLI-13
TEST_F(ServicesTest, WarnsOfAFamilyWithoutEncryption) {
  Listen("192.0.2.53");
  Listen("2001:db8::53");
  Listen("192.0.2.53", Transport::kTls);
  const Strings warnings = Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("2001:db8::53 over IPv6 alone"), std::string::npos);
}

// Covers: U18
TEST_F(ServicesTest, WarnsOfOneNameForTwoViews) {
  Listen("192.0.2.53", Transport::kTls);
  Listen("192.0.2.64", Transport::kTls).view = "lab";
  ASSERT_EQ(Warnings().size(), 1U);
  EXPECT_NE(Warnings()[0].find("the default and \"lab\""), std::string::npos);
  certificates_.push_back(Certificate({"lab.example.net"}, {"192.0.2.64"}));
  EXPECT_EQ(Warnings(), Strings());
}

TEST_F(ServicesTest, NothingIsSaidWhereNothingIsEncrypted) {
  Listen("192.0.2.54");
  EXPECT_EQ(Warnings(), Strings());
  EXPECT_EQ(Make(), Services());
}

// Covers: CLI-14
TEST_F(ServicesTest, AnAddressWhoseClientsAreNeverToldOfACertificateNeedNotBeInIt) {
  Listen("192.0.2.53");
  Listen("192.0.2.99").view = "lab";
  Listen("192.0.2.53", Transport::kTls);
  config::View view;
  view.name = "lab";
  config_.views.push_back(view);
  EXPECT_EQ(Warnings(), Strings()) << "only a listener leads to that view";
  config_.views[0].clients = {*Network::Parse("10.0.0.0/8")};
  ASSERT_EQ(Warnings().size(), 1U) << "these clients are told at both addresses";
  EXPECT_NE(Warnings()[0].find("192.0.2.99"), std::string::npos);
}

}  // namespace
}  // namespace resolve64::server
