// Transports, certificates, cookies and proxies: what the keys come to, and what is held against
// them.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/values.h"
#include "support.h"

namespace resolve64::config {
namespace {

using Transport = Listener::Transport;

std::string Listening(const std::string& entry) { return R"({"listen": [)" + entry + "]}"; }

Listener ListenerOf(const std::string& entry) {
  const ReadResult result = Read(Listening(entry));
  EXPECT_EQ(Texts(result.errors), Lines()) << entry;
  return result.config ? result.config->listen.at(0) : Listener();
}

std::string FirstError(const std::string& text) {
  const Lines errors = Errors(text);
  return errors.empty() ? std::string() : errors[0];
}

ForwardServer ServerOf(const std::string& entry) {
  const ReadResult result = Read(R"({"forward": [{"zone": ".", "servers": [)" + entry + "]}]}");
  EXPECT_EQ(Texts(result.errors), Lines()) << entry;
  return result.config ? result.config->forward.at(0).servers.at(0) : ForwardServer();
}

// Covers: CLI-12
TEST(ReadListen, PortFollowsTheTransport) {
  EXPECT_EQ(ListenerOf(R"({"address": "::1"})").port, 53);
  EXPECT_EQ(ListenerOf(R"({"address": "::1", "transport": "tls"})").port, 853);
  EXPECT_EQ(ListenerOf(R"({"address": "::1", "transport": "https"})").port, 443);
  const Listener written = ListenerOf(R"({"port": 8853, "transport": "tls", "address": "::1"})");
  EXPECT_EQ(written.port, 8853);
  EXPECT_EQ(written.transport, Transport::kTls);
}

TEST(ReadListen, TakesThePathOfHttpsAndTheProxies) {
  EXPECT_EQ(ListenerOf(R"({"address": "::1", "transport": "https"})").path, "/dns-query");
  EXPECT_EQ(ListenerOf(R"({"address": "::1", "transport": "https", "path": "/%7Eme/q"})").path,
            "/%7Eme/q");
  EXPECT_TRUE(ListenerOf(R"({"address": "::1"})").proxies.empty());
  const Listener behind =
      ListenerOf(R"({"address": "::1", "proxy_protocol": ["192.0.2.1", "2001:db8::/32"]})");
  EXPECT_EQ(behind.proxies,
            (std::vector{*Network::Parse("192.0.2.1/32"), *Network::Parse("2001:db8::/32")}));
  EXPECT_EQ(ListenerOf(R"({"address": "::1", "proxy_protocol": ["private"]})").proxies,
            PrivateNetworks());
}

TEST(LintListen, PortOfTlsCarriesNothingInClear) {
  EXPECT_NE(FirstError(Listening(R"({"address": "::1", "port": 853})")).find("RFC 7858"),
            std::string::npos);
  EXPECT_NE(
      FirstError(Listening(R"({"address": "::1", "port": 53, "transport": "tls"})")).find("853"),
      std::string::npos);
  EXPECT_NE(
      FirstError(Listening(R"({"address": "::1", "port": 53, "transport": "https"})")).find("443"),
      std::string::npos);
}

TEST(LintListen, OneAddressAndPortHasOneTransport) {
  const std::string both =
      R"({"address": "::1", "transport": "tls"}, {"address": "::1", "port": 853, "transport": "https"})";
  EXPECT_NE(FirstError(Listening(both)).find("are those of /listen/0"), std::string::npos);
  EXPECT_EQ(Errors(Listening(R"({"address": "::1"}, {"address": "::1", "transport": "tls"},
                                {"address": "::1", "transport": "https"})")),
            Lines());
}

TEST(LintListen, PathIsThatOfAUrlAndOnlyOfHttps) {
  for (const char* path : {"dns-query", "/a{?dns}", "/a?b", "/a#b", "/a b", "/%", "/%g0",
                           "/\\u00e9", "/a\\\\b", "/a\\u0000"}) {
    EXPECT_EQ(Errors(Listening(R"({"address": "::1", "transport": "https", "path": ")" +
                               std::string(path) + R"("})"))
                  .size(),
              1U)
        << path;
  }
  EXPECT_NE(FirstError(Listening(R"({"address": "::1", "transport": "tls", "path": "/q"})"))
                .find("only a listener of transport \"https\" has a path"),
            std::string::npos);
}

TEST(LintListen, WarnsOfProxiesThatAreEverybody) {
  const auto warnings = [](const char* network) {
    return Warnings(Listening(R"({"address": "::1", "proxy_protocol": [")" + std::string(network) +
                              R"("]})"))
        .size();
  };
  EXPECT_EQ(warnings("any"), 1U);
  EXPECT_EQ(warnings("0.0.0.0/0"), 1U);
  EXPECT_EQ(warnings("::/0"), 1U);
  EXPECT_EQ(warnings("private"), 0U);
  EXPECT_EQ(warnings("192.0.2.0/24"), 0U);
}

TEST(ReadTls, CertificatesComeInTheOrderInWhichTheyAreTried) {
  const std::string folder = R64_SOURCE_DIR "/tests/config/good/";
  const ReadResult result = Read(R"({"tls": {
      "certificates": [{"certificate": "lab.json", "key": "comments.json"}],
      "certificate": "empty.json", "key": "lab.zone", "ticket_keys": "lab.json"}})");
  ASSERT_EQ(Texts(result.errors), Lines());
  const TlsConfig& tls = result.config->tls;
  ASSERT_EQ(tls.certificates.size(), 2U);
  EXPECT_EQ(tls.certificates[0], (CertificateFiles{folder + "empty.json", folder + "lab.zone"}));
  EXPECT_EQ(tls.certificates[1], (CertificateFiles{folder + "lab.json", folder + "comments.json"}));
  EXPECT_EQ(tls.ticket_keys, folder + "lab.json");
  EXPECT_TRUE(
      Read(R"({"tls": {"certificate": null, "key": null}})").config->tls.certificates.empty());
}

TEST(ReadTls, NamesAreNamesAndAddresses) {
  const TlsConfig tls = Read(R"({"tls": {"names": ["Dns.Example.", "192.0.2.1", "2001:db8::1", "a"],
                       "state_file": "/var/lib/c.pem"}})")
                            .config->tls;
  EXPECT_EQ(tls.names, (Lines{"dns.example", "a"}));
  EXPECT_EQ(tls.addresses,
            (std::vector{*IpAddress::Parse("192.0.2.1"), *IpAddress::Parse("2001:db8::1")}));
  EXPECT_EQ(tls.state_file, "/var/lib/c.pem");
  for (const char* name : {"*.example", "a_b.example", "192.0.2.1.", "a..b", ".", "-a", "a-"}) {
    EXPECT_EQ(Errors(R"({"tls": {"names": [")" + std::string(name) + R"("]}})").size(), 1U) << name;
  }
}

TEST(LintTls, CertificateAndKeyComeTogetherAndSayWhatIsMissing) {
  EXPECT_NE(FirstError(R"({"tls": {"certificate": "empty.json"}})").find("\"key\""),
            std::string::npos);
  EXPECT_NE(FirstError(R"({"tls": {"key": "empty.json"}})").find("\"certificate\""),
            std::string::npos);
  EXPECT_NE(
      FirstError(R"({"tls": {"key": "empty.json", "certificate": null}})").find("\"certificate\""),
      std::string::npos);
  EXPECT_EQ(Errors(R"({"tls": {"certificates": [{"key": "empty.json"}]}})").size(), 1U);
}

TEST(LintTls, FilesThatAreNotThereAreErrors) {
  EXPECT_EQ(Errors(R"({"tls": {"certificate": "none.pem", "key": "none.key", "ticket_keys": "none",
                               "certificates": [{"certificate": "none", "key": "none"}]},
                       "cookies": {"secrets": "none"}, "upstream": {"tls_authorities": "none"}})")
                .size(),
            7U);
}

TEST(LintTls, WarnsOfWhatASelfSignedCertificateWouldNeed) {
  const std::string given = R"({"tls": {"certificate": "empty.json", "key": "empty.json")";
  EXPECT_EQ(Warnings(given + R"(, "names": ["dns.example"], "state_file": "c.pem"}})").size(), 2U);
  EXPECT_EQ(Warnings(given + R"(, "names": []}})"), Lines());
  EXPECT_EQ(Warnings(R"({"tls": {"names": ["dns.example"], "state_file": "c.pem"}})"), Lines());
}

TEST(ReadServers, OfTlsHaveTheirPortAndName) {
  const ForwardServer plain = ServerOf(R"("192.0.2.1")");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.endpoint.port, 53);
  const ForwardServer named =
      ServerOf(R"({"address": "192.0.2.1", "transport": "tls", "name": "Dns.Example."})");
  EXPECT_TRUE(named.tls);
  EXPECT_EQ(named.endpoint.port, 853);
  EXPECT_EQ(named.name, "dns.example");
  const ForwardServer other =
      ServerOf(R"({"address": "192.0.2.1", "transport": "tls", "port": 8853})");
  EXPECT_EQ(other.endpoint.port, 8853);
  EXPECT_EQ(other.name, "");
}

TEST(LintServers, NameOfACertificateNeedsTls) {
  const auto error = [](const std::string& server) {
    return FirstError(R"({"forward": [{"zone": ".", "servers": [)" + server + "]}]}");
  };
  EXPECT_NE(error(R"({"address": "192.0.2.1", "name": "dns.example"})").find("\"transport\""),
            std::string::npos);
  EXPECT_NE(error(R"({"address": "192.0.2.1", "transport": "tls", "name": "192.0.2.1"})")
                .find("remove the name"),
            std::string::npos);
  EXPECT_NE(error(R"({"address": "192.0.2.1", "transport": "tls", "name": "a b"})")
                .find("expected a host name"),
            std::string::npos);
}

TEST(LintServers, PortOfTlsCarriesNothingInClear) {
  const auto errors = [](const std::string& server) {
    return Errors(R"({"forward": [{"zone": ".", "servers": [)" + server + "]}]}").size();
  };
  EXPECT_EQ(errors(R"("192.0.2.1@853")"), 1U);
  EXPECT_EQ(errors(R"({"address": "192.0.2.1", "port": 853})"), 1U);
  EXPECT_EQ(errors(R"({"address": "192.0.2.1", "port": 53, "transport": "tls"})"), 1U);
  EXPECT_EQ(errors(R"({"address": "192.0.2.1", "port": 853, "transport": "tls"})"), 0U);
  EXPECT_EQ(Errors(R"({"stub": [{"zone": "example", "servers": ["192.0.2.1@853"]}]})").size(), 1U);
}

// Covers: REC-32
TEST(LintServers, OurOwnAddressIsRefusedWhereTheTransportIsTheSame) {
  const std::string listen =
      R"({"listen": [{"address": "192.0.2.1", "port": 8853, "transport": "tls"},
                     {"address": "192.0.2.1"}, {"address": "0.0.0.0", "transport": "tls"}],)";
  const auto forward = [&](const std::string& server) {
    return listen + R"("forward": [{"zone": ".", "servers": [)" + server + "]}]}";
  };
  const std::string tls = R"({"address": "192.0.2.1", "port": 8853, "transport": "tls"})";
  EXPECT_NE(FirstError(forward(tls)).find("would come back"), std::string::npos);
  EXPECT_NE(FirstError(forward(R"("192.0.2.1")")).find("would come back"), std::string::npos);
  EXPECT_EQ(Errors(forward(R"("192.0.2.1@8853")")), Lines());
  EXPECT_EQ(Warnings(forward(R"("192.0.2.1@8853")")).size(), 1U);
  const std::string loopback = R"({"address": "127.0.0.1", "transport": "tls"})";
  EXPECT_EQ(Errors(forward(loopback)), Lines());
  EXPECT_EQ(Warnings(forward(loopback)).size(), 1U);
  EXPECT_EQ(Warnings(forward(R"("127.0.0.1")")), Lines());
}

TEST(ReadUpstream, TlsIsOffOrOpportunistic) {
  EXPECT_EQ(Read("{}").config->upstream.tls, UpstreamTls::kOff);
  EXPECT_EQ(Read(R"({"upstream": {"tls": "opportunistic"}})").config->upstream.tls,
            UpstreamTls::kOpportunistic);
  EXPECT_EQ(Errors(R"({"upstream": {"tls": "strict"}})").size(), 1U);
  EXPECT_EQ(
      Read(R"({"upstream": {"tls_authorities": "empty.json"}})").config->upstream.tls_authorities,
      R64_SOURCE_DIR "/tests/config/good/empty.json");
}

TEST(ReadLimits, OfConnectionsAndQuestions) {
  const LimitsConfig defaults = Read("{}").config->limits;
  EXPECT_EQ(defaults.tcp_clients_per_network, 1024U);
  EXPECT_EQ(defaults.tls_idle, std::chrono::seconds(20));
  EXPECT_EQ(defaults.per_client_qps, 0U);
  const ReadResult result = Read(R"({"limits": {"tcp_clients": 10, "tcp_clients_per_network": 20,
                                                "tls_idle": "500ms", "per_client_qps": 7}})");
  ASSERT_EQ(Texts(result.errors), Lines());
  EXPECT_EQ(Texts(result.warnings), Lines());
  EXPECT_EQ(result.config->limits.tcp_clients_per_network, 20U);
  EXPECT_EQ(result.config->limits.tls_idle, std::chrono::milliseconds(500));
  EXPECT_EQ(result.config->limits.per_client_qps, 7U);
}

TEST(ReadCookies, AreOnAndTheirSecretsRandomUnlessGiven) {
  EXPECT_TRUE(Read("{}").config->cookies.enabled);
  EXPECT_EQ(Read("{}").config->cookies.secrets, "");
  const auto cookies = Read(R"({"cookies": {"enabled": true, "secrets": "empty.json"}})");
  EXPECT_EQ(cookies.config->cookies.secrets, R64_SOURCE_DIR "/tests/config/good/empty.json");
  EXPECT_EQ(Texts(cookies.warnings), Lines());
  EXPECT_EQ(Warnings(R"({"cookies": {"enabled": false, "secrets": "empty.json"}})").size(), 1U);
}

TEST(HostName, IsLettersDigitsAndHyphensInLowerCase) {
  EXPECT_EQ(HostName("DNS.Example."), "dns.example");
  EXPECT_EQ(HostName("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(HostName("1.a"), "1.a");
  EXPECT_EQ(HostName(std::string(63, 'a') + ".example"), std::string(63, 'a') + ".example");
  EXPECT_FALSE(HostName(std::string(64, 'a') + ".example"));
  EXPECT_FALSE(HostName("a.1"));
  EXPECT_FALSE(HostName(""));
  EXPECT_FALSE(HostName("."));
  EXPECT_FALSE(HostName("a.."));
  EXPECT_FALSE(HostName(".a"));
  std::string longest;
  while (longest.size() < 250) longest += "a.";
  EXPECT_TRUE(HostName(longest + "abc"));
  EXPECT_FALSE(HostName(longest + "abcd"));
}

}  // namespace
}  // namespace resolve64::config
