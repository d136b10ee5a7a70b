// Our side of TLS to servers: who is believed, and what is gone on from. The other side is
// TlsServer, over socket pairs.

#include "net/tls_client.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "net/tls_server.h"
#include "net/tls_stream.h"
#include "unit/net/tls_peers.h"

namespace resolve64::net {
namespace {

const IpAddress kAddress = *IpAddress::Parse("192.0.2.53");

class TlsClientTest : public ::testing::Test {
 protected:
  TlsClientTest() {
    IssueOptions options;
    options.authority = true;
    authority_ = Issue("test authority", options);
    client_ = Believing(authority_.certificate);
  }
  ~TlsClientTest() override {
    for (const std::string& file : files_) std::filesystem::remove(file);
  }

  TlsClientPtr Believing(const std::string& pem) {
    std::string file = (std::filesystem::temp_directory_path() / "r64-authorities-XXXXXX").string();
    const int fd = ::mkstemp(file.data());
    ::close(fd);
    std::ofstream(file) << pem;
    files_.push_back(file);
    auto made = TlsClient::Make(file);
    EXPECT_TRUE(made.has_value()) << made.error().text;
    return made ? *made : nullptr;
  }

  Issued Certify(const char* names, long until = 3600, KeyKind kind = KeyKind::kP256) {
    IssueOptions options;
    options.names = names;
    options.issuer = &authority_;
    options.until = until;
    options.kind = kind;
    return Issue("dns.example", options);
  }

  /// How the handshake went for the client; its stream is stream_.
  Io::State Meet(const Issued& issued, const TlsPeer& peer, Alpn alpn = Alpn::kDot) {
    if (server_certificate_ != issued.certificate) {
      server_ = TlsServer::Make({Parsed(issued)}, tickets_).value();
      server_certificate_ = issued.certificate;
    }
    stream_.reset();
    served_.reset();
    pair_ = std::make_unique<Pair>();
    served_ = server_->Accept(pair_->server(), alpn, kAddress);
    stream_ = client_->Connect(pair_->client(), peer, sessions_);
    if (stream_ == nullptr) return Io::State::kFailed;
    Io::State ours = Io::State::kWait;
    Io::State theirs = Io::State::kWait;
    for (int turn = 0; turn < 50 && (ours == Io::State::kWait || theirs == Io::State::kWait);
         ++turn) {
      if (ours == Io::State::kWait) ours = stream_->Handshake().state;
      if (theirs == Io::State::kWait) theirs = served_->Handshake().state;
      if (ours == Io::State::kFailed) break;
    }
    return ours;
  }

  /// Has the client read what the server sends with its first octets: its tickets.
  void Talk() {
    const std::array<std::uint8_t, 3> octets = {1, 2, 3};
    ASSERT_EQ(served_->Write(octets).octets, 3U);
    std::array<std::uint8_t, 16> got{};
    Io io;
    for (int turn = 0; turn < 10 && io.state != Io::State::kDone; ++turn) io = stream_->Read(got);
    ASSERT_EQ(io.octets, 3U);
    stream_->End();
  }

  Issued authority_;
  std::vector<std::string> files_;
  ManualClock clock_;
  TlsSessions sessions_{clock_};
  TlsClientPtr client_;
  std::shared_ptr<TicketKeys> tickets_ = std::make_shared<TicketKeys>();
  TlsServerPtr server_;
  std::string server_certificate_;
  std::unique_ptr<Pair> pair_;
  std::unique_ptr<Stream> served_;
  std::unique_ptr<Stream> stream_;
};

TEST_F(TlsClientTest, BelievesTheNameThatIsInTheCertificateAndSendsIt) {
  EXPECT_EQ(Meet(Certify("DNS:dns.example"), TlsPeer(true, "dns.example", kAddress)),
            Io::State::kDone);
  EXPECT_EQ(stream_->protocol(), "dot");
  EXPECT_FALSE(stream_->resumed());
  auto* served = dynamic_cast<TlsStream*>(served_.get());
  ASSERT_NE(served, nullptr);
  EXPECT_STREQ(SSL_get_servername(served->ssl(), TLSEXT_NAMETYPE_host_name), "dns.example");
}

TEST_F(TlsClientTest, ANameMayHaveTheDotOfTheRootAndAnyCaseAndMatchAWildcard) {
  const Issued issued = Certify("DNS:*.dns.example");
  EXPECT_EQ(Meet(issued, TlsPeer(true, "One.DNS.example.", kAddress)), Io::State::kDone);
  EXPECT_EQ(Meet(issued, TlsPeer(true, "dns.example", kAddress)), Io::State::kFailed);
  EXPECT_EQ(Meet(issued, TlsPeer(true, "a.b.dns.example", kAddress)), Io::State::kFailed);
}

TEST_F(TlsClientTest, RefusesAnotherNameAndSaysWhy) {
  EXPECT_EQ(Meet(Certify("DNS:other.example"), TlsPeer(true, "dns.example", kAddress)),
            Io::State::kFailed);
  EXPECT_EQ(stream_->error(), "hostname mismatch");
}

TEST_F(TlsClientTest, ACommonNameIsNoName) {
  EXPECT_EQ(Meet(Certify("DNS:other.example"), TlsPeer(true, "dns.example", kAddress)),
            Io::State::kFailed);
  EXPECT_EQ(Meet(Certify("IP:192.0.2.53"), TlsPeer(true, "dns.example", kAddress)),
            Io::State::kFailed);
}

TEST_F(TlsClientTest, WithoutANameTheAddressMustBeInTheCertificate) {
  EXPECT_EQ(Meet(Certify("IP:192.0.2.53"), TlsPeer(true, "", kAddress)), Io::State::kDone);
  EXPECT_EQ(Meet(Certify("IP:192.0.2.54"), TlsPeer(true, "", kAddress)), Io::State::kFailed);
  EXPECT_EQ(stream_->error(), "IP address mismatch");
  EXPECT_EQ(Meet(Certify("DNS:192.0.2.53"), TlsPeer(true, "", kAddress)), Io::State::kFailed);
  const IpAddress v6 = *IpAddress::Parse("2001:db8::53");
  EXPECT_EQ(Meet(Certify("IP:2001:db8::53"), TlsPeer(true, "", v6)), Io::State::kDone);
}

TEST_F(TlsClientTest, RefusesWhatNoAuthorityVouchesForAndWhatHasExpired) {
  IssueOptions options;
  options.names = "DNS:dns.example";
  EXPECT_EQ(Meet(Issue("dns.example", options), TlsPeer(true, "dns.example", kAddress)),
            Io::State::kFailed);
  EXPECT_EQ(stream_->error(), "self-signed certificate");
  EXPECT_EQ(Meet(Certify("DNS:dns.example", -60), TlsPeer(true, "dns.example", kAddress)),
            Io::State::kFailed);
  EXPECT_EQ(stream_->error(), "certificate has expired");
}

TEST_F(TlsClientTest, AServersOwnCertificateVouchesForIt) {
  const Issued issued = Certify("DNS:dns.example");
  client_ = Believing(issued.certificate);
  EXPECT_EQ(Meet(issued, TlsPeer(true, "dns.example", kAddress)), Io::State::kDone);
}

TEST_F(TlsClientTest, AnybodyWillDoWhereNobodyIsExpectedAndNoNameIsSent) {
  IssueOptions options;
  options.kind = KeyKind::kRsa2048;
  options.until = -60;
  EXPECT_EQ(Meet(Issue("nobody", options), TlsPeer(false, "dns.example", kAddress)),
            Io::State::kDone);
  auto* served = dynamic_cast<TlsStream*>(served_.get());
  ASSERT_NE(served, nullptr);
  EXPECT_EQ(SSL_get_servername(served->ssl(), TLSEXT_NAMETYPE_host_name), nullptr);
}

TEST_F(TlsClientTest, AServerThatSpeaksAnotherProtocolIsLeft) {
  EXPECT_EQ(Meet(Certify("DNS:dns.example"), TlsPeer(true, "dns.example", kAddress), Alpn::kHttp2),
            Io::State::kFailed);
}

TEST_F(TlsClientTest, GoesOnFromASessionOnceForEachTicket) {
  const Issued issued = Certify("DNS:dns.example");
  const TlsPeer peer(true, "dns.example", kAddress);
  ASSERT_EQ(Meet(issued, peer), Io::State::kDone);
  Talk();
  ASSERT_EQ(sessions_.size(), 1U);
  tickets_->Rotate();  // so that the server gives a new one
  ASSERT_EQ(Meet(issued, peer), Io::State::kDone);
  EXPECT_TRUE(stream_->resumed());
  EXPECT_EQ(sessions_.size(), 0U);
  Talk();
  EXPECT_EQ(sessions_.size(), 1U);
}

TEST_F(TlsClientTest, AfterAnHourTheServerMustProveItselfAgainWhateverItsTicketsSay) {
  const Issued issued = Certify("DNS:dns.example");
  const TlsPeer peer(true, "dns.example", kAddress);
  ASSERT_EQ(Meet(issued, peer), Io::State::kDone);
  Talk();
  clock_.Advance(std::chrono::minutes(50));
  tickets_->Rotate();
  ASSERT_EQ(Meet(issued, peer), Io::State::kDone);
  ASSERT_TRUE(stream_->resumed());
  Talk();
  ASSERT_EQ(sessions_.size(), 1U);
  clock_.Advance(std::chrono::minutes(11));
  ASSERT_EQ(Meet(issued, peer), Io::State::kDone);
  EXPECT_FALSE(stream_->resumed()) << "a ticket that came over a resumed connection proves nothing";
}

TEST_F(TlsClientTest, AFileWithoutCertificatesIsAnError) {
  EXPECT_FALSE(TlsClient::Make("/nonexistent/authorities.pem").has_value());
  std::string file = (std::filesystem::temp_directory_path() / "r64-nothing-XXXXXX").string();
  ::close(::mkstemp(file.data()));
  files_.push_back(file);
  const auto made = TlsClient::Make(file);
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().text.find(file), std::string::npos) << made.error().text;
}

TEST_F(TlsClientTest, ANameThatIsNoneIsAnErrorAndNoCrash) {
  EXPECT_EQ(Meet(Certify("DNS:dns.example"), TlsPeer(true, std::string(300, 'a'), kAddress)),
            Io::State::kFailed);
}

}  // namespace
}  // namespace resolve64::net
