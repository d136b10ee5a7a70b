#include "net/tls_server.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "unit/net/issue.h"
#include "unit/net/tls_peers.h"

namespace resolve64::net {
namespace {

using TlsServerVersions = TlsVersions;
INSTANTIATE_TEST_SUITE_P(All, TlsServerVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& value) {
                           return value.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(TlsServerVersions, ServeKeysOfAllKinds) {
  for (const KeyKind kind : {KeyKind::kRsa2048, KeyKind::kEd25519}) {
    const auto server =
        TlsServer::Make({Parsed(IssuedFor("DNS:dns.example.com", kind))}, world_.tickets);
    ASSERT_TRUE(server.has_value()) << server.error().text;
    const Connection made(*server, Wanted());
  }
}

TEST_P(TlsServerVersions, SendTheWholeChain) {
  IssueOptions authority;
  authority.authority = true;
  const Issued root = Issue("root", authority);
  authority.issuer = &root;
  const Issued lower = Issue("lower", authority);
  IssueOptions options;
  options.issuer = &lower;
  options.names = "DNS:dns.example.com";
  Issued leaf = Issue("leaf", options);
  leaf.certificate += lower.certificate;
  const auto server = TlsServer::Make({Parsed(leaf)}, world_.tickets);
  ASSERT_TRUE(server.has_value()) << server.error().text;
  Wants wants = Wanted();
  wants.authority = &root;
  const Connection made(*server, wants);
  EXPECT_EQ(X509_V_OK, SSL_get_verify_result(made.client.ssl()));
}

// Covers: TRA-22, TRA-24
TEST_P(TlsServerVersions, ATicketOpensEveryServerWithTheSameKeys) {
  Wants wants = Wanted();
  wants.name = "a.wild.example.com";
  wants.protocols = {"dot"};
  Connection first(world_.server, wants);
  EXPECT_EQ(1U, first.client.sessions().size()) << "one ticket is enough";
  const SessionPtr session = SessionOf(first);
  EXPECT_EQ(NameOf(world_.tickets->Newest()), TicketName(session.get()));

  // As after a reload of the certificates, or on another machine with the same keys.
  wants.session = session.get();
  const TlsServerPtr other = world_.NewServer();
  const Connection second(other, wants);
  EXPECT_TRUE(second.stream->resumed());
  EXPECT_EQ(1, SSL_session_reused(second.client.ssl()));
  EXPECT_EQ("dot", second.stream->protocol());
}

// Covers: TRA-24
TEST_P(TlsServerVersions, ATicketUnderAnOlderKeyIsRenewed) {
  Wants wants = Wanted();
  Connection first(world_.server, wants);
  const SessionPtr session = SessionOf(first);
  world_.tickets->Rotate();
  world_.tickets->Rotate();
  wants.session = session.get();
  Connection second(world_.server, wants);
  EXPECT_TRUE(second.stream->resumed());
  const SessionPtr renewed = SessionOf(second);
  EXPECT_EQ(NameOf(world_.tickets->Newest()), TicketName(renewed.get()));
}

// Covers: TRA-24
TEST_P(TlsServerVersions, ATicketUnderAKeyThatIsGoneIsOnlyAFullHandshake) {
  Wants wants = Wanted();
  Connection first(world_.server, wants);
  const SessionPtr session = SessionOf(first);
  for (std::size_t i = 0; i < TicketKeys::kKept; ++i) world_.tickets->Rotate();
  wants.session = session.get();
  Connection second(world_.server, wants);
  EXPECT_FALSE(second.stream->resumed());
  second.client.Write("question");
  EXPECT_EQ("question", ReadAll(*second.stream));
}

// Covers: TRA-23
TEST(TlsServer, RefusesWhatIsOlderThanTls12) {
  const World world;
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    const Pair pair;
    Wants wants;
    wants.least = wants.most = version;
    wants.ciphers = "ALL:@SECLEVEL=0";
    const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
    Client client(pair.client(), wants);
    std::string alert;
    EXPECT_EQ(Io::State::kFailed, Shake(*stream, client, &alert));
    EXPECT_EQ("unsupported protocol", stream->error());
    EXPECT_EQ("tlsv1 alert protocol version", alert);
  }
}

// Covers: TRA-23
TEST(TlsServer, OfTls12TakesOnlyEphemeralKeysAndAead) {
  World world;
  world.first = IssuedFor("DNS:first.example.com", KeyKind::kRsa2048);
  world.server = world.NewServer();
  Wants wants;
  wants.most = TLS1_2_VERSION;
  for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "AES256-SHA",
                              "DHE-RSA-AES128-GCM-SHA256"}) {
    const Pair pair;
    wants.ciphers = ciphers;
    const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
    Client client(pair.client(), wants);
    EXPECT_EQ(Io::State::kFailed, Shake(*stream, client)) << ciphers;
    EXPECT_EQ("no shared cipher", stream->error());
  }
  for (const char* ciphers : {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"}) {
    wants.ciphers = ciphers;
    const Connection made(world.server, wants);
  }
}

TEST(TlsServer, OfTls13TakesTheCheapestSuiteButLeavesChaChaToWhoWantsIt) {
  const World world;
  for (const auto& [offered, taken] : std::vector<std::pair<const char*, const char*>>{
           {"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
            "TLS_AES_128_GCM_SHA256"},
           {"TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
           {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
       }) {
    const Pair pair;
    const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
    Client client(pair.client(), {});
    ASSERT_EQ(1, SSL_set_ciphersuites(client.ssl(), offered));
    ASSERT_EQ(Io::State::kDone, Shake(*stream, client)) << stream->error();
    EXPECT_STREQ(taken, SSL_get_cipher_name(client.ssl()));
  }
}

// Covers: TRA-23
TEST(TlsServer, DoesNotRenegotiate) {
  const World world;
  Wants wants;
  wants.most = TLS1_2_VERSION;
  Connection made(world.server, wants);
  ASSERT_EQ(1, SSL_renegotiate(made.client.ssl()));
  EXPECT_EQ(-1, SSL_do_handshake(made.client.ssl()));
  EXPECT_EQ("", ReadAll(*made.stream));
  EXPECT_NE(1, SSL_do_handshake(made.client.ssl()));
  EXPECT_STREQ("no renegotiation", ERR_reason_error_string(ERR_peek_error()));
}

// Covers: TRA-23
TEST(TlsServer, AllowsNoEarlyData) {
  const World world;
  Wants wants;
  Connection first(world.server, wants);
  const SessionPtr session = SessionOf(first);
  EXPECT_EQ(0U, SSL_SESSION_get_max_early_data(session.get()));

  // A client that sends some all the same is served, without it.
  SSL_SESSION_set_max_early_data(session.get(), 1000);
  const Pair pair;
  const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
  wants.session = session.get();
  Client client(pair.client(), wants);
  std::size_t written = 0;
  ASSERT_EQ(1, SSL_write_early_data(client.ssl(), "early", 5, &written));
  ASSERT_EQ(Io::State::kDone, Shake(*stream, client)) << stream->error();
  EXPECT_EQ(SSL_EARLY_DATA_REJECTED, SSL_get_early_data_status(client.ssl()));
  client.Write("late");
  EXPECT_EQ("late", ReadAll(*stream));
}

// Covers: TRA-26
TEST(TlsServer, ChoosesTheCertificateByNameThenAddress) {
  const World world;
  const struct {
    const char* name;
    const char* asked;
    const Issued& expected;
  } rows[] = {
      {"first.example.com", "192.0.2.1", world.first},
      {"FIRST.Example.Com", "192.0.2.1", world.first},
      {"a.wild.example.com", "192.0.2.99", world.wild},
      {"a.wild.example.com", "192.0.2.1", world.wild},
      {"a.b.wild.example.com", "192.0.2.99", world.first},
      // A name that nobody knows is no reason to hang up.
      {"unknown.example", "192.0.2.99", world.first},
      {"unknown.example", "192.0.2.1", world.first},
      {nullptr, "192.0.2.1", world.address},
      {nullptr, "2001:db8::1", world.address},
      {nullptr, "192.0.2.99", world.first},
      // Some clients put the address there, which RFC 6066 forbids.
      {"192.0.2.1", "192.0.2.1", world.address},
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& row : rows) {
      Wants wants;
      wants.least = wants.most = version;
      wants.name = row.name;
      const Connection made(world.server, wants, Alpn::kDot, *IpAddress::Parse(row.asked));
      EXPECT_EQ(row.expected.certificate, made.client.CertificatePem())
          << (row.name == nullptr ? "no name" : row.name) << " at " << row.asked;
    }
  }
}

// Covers: TRA-25
TEST(TlsServer, TakesItsProtocolFromTheList) {
  const World world;
  for (const char* name : {"first.example.com", "a.wild.example.com"}) {
    Wants wants;
    wants.name = name;
    EXPECT_EQ("", Connection(world.server, wants).stream->protocol());
    wants.protocols = {"dot"};
    const Connection dot(world.server, wants);
    EXPECT_EQ("dot", dot.stream->protocol());
    EXPECT_EQ("dot", dot.client.protocol());
    wants.protocols = {"http/1.1", "h2", "dot"};
    EXPECT_EQ("dot", Connection(world.server, wants).stream->protocol());
    EXPECT_EQ("h2", Connection(world.server, wants, Alpn::kHttp2).stream->protocol());
  }
}

// Covers: TRA-25
TEST(TlsServer, AListWithoutItsProtocolGetsAnAlert) {
  const World world;
  const struct {
    Alpn alpn;
    std::vector<std::string> protocols;
  } rows[] = {
      {Alpn::kDot, {"h2"}}, {Alpn::kDot, {"do", "dots"}}, {Alpn::kHttp2, {"dot", "http/1.1"}}};
  for (const auto& row : rows) {
    Wants wants;
    wants.protocols = row.protocols;
    const Pair pair;
    const auto stream = world.server->Accept(pair.server(), row.alpn, kNowhere);
    Client client(pair.client(), wants);
    std::string alert;
    EXPECT_EQ(Io::State::kFailed, Shake(*stream, client, &alert));
    EXPECT_EQ("no application protocol", stream->error());
    EXPECT_EQ("tlsv1 alert no application protocol", alert);
  }
}

TEST(TlsServer, AStreamOutlivesIt) {
  World world;
  Connection made(world.server, Wants());
  world.server.reset();
  world.tickets.reset();
  made.client.Write("question");
  EXPECT_EQ("question", ReadAll(*made.stream));
}

TEST(TlsServer, RefusesAKeyThatIsTooSmall) {
  const auto made = TlsServer::Make({Parsed(IssuedFor("DNS:dns.example.com")),
                                     Parsed(IssuedFor("DNS:small.example.com", KeyKind::kRsa1024))},
                                    std::make_shared<TicketKeys>());
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(Errc::kBadFile, made.error().code);
  EXPECT_EQ("certificate 2 cannot be used: ee key too small", made.error().text);
}

// Covers: TRA-24
TEST(TicketKeys, KeepTheOnesBefore) {
  TicketKeys keys;
  const TicketKeys::Key first = keys.Newest();
  EXPECT_TRUE(keys.Find(first.data())->newest);
  keys.Rotate();
  EXPECT_NE(first, keys.Newest());
  EXPECT_FALSE(keys.Find(first.data())->newest);
  EXPECT_EQ(first, keys.Find(first.data())->key);
  keys.Rotate();
  EXPECT_TRUE(keys.Find(first.data()).has_value());
  keys.Rotate();
  EXPECT_FALSE(keys.Find(first.data()).has_value());
}

// Covers: TRA-24
TEST(TicketKeys, OfTheOperatorAreNotRotated) {
  TicketKeys keys;
  TicketKeys::Key one{};
  TicketKeys::Key two{};
  one.fill(1);
  two.fill(2);
  keys.Set({one, two});
  keys.Rotate();
  EXPECT_EQ(one, keys.Newest());
  EXPECT_TRUE(keys.Find(one.data())->newest);
  EXPECT_FALSE(keys.Find(two.data())->newest);
  keys.Set({});
  EXPECT_FALSE(keys.Find(one.data()).has_value());
  const TicketKeys::Key random = keys.Newest();
  keys.Set({});
  EXPECT_EQ(random, keys.Newest()) << "a reload without keys throws no tickets away";
}

}  // namespace
}  // namespace resolve64::net
