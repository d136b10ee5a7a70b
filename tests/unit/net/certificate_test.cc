#include "net/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "net/openssl_ptr.h"
#include "unit/net/issue.h"

namespace resolve64::net {
namespace {

// Made with openssl req -new -x509, subjectAltName=DNS:DNS.example.com,DNS:*.Wild.example.com,
// IP:192.0.2.53,IP:2001:db8::853,URI:https://example.com, and CN=not-a-name.example.com.
constexpr const char* kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBzzCCAXWgAwIBAgIULos/QpnFg/RBrrcgDMZoapVlUEAwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWbm90LWEtbmFtZS5leGFtcGxlLmNvbTAeFw0yNjExMjExODQ0
MTRaFw0zNjExMTgxODQ0MTRaMCExHzAdBgNVBAMMFm5vdC1hLW5hbWUuZXhhbXBs
ZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT8Q9f0UJI3Q63mD8mVpczH
5NcX170NMFalHPTCVWioyvXS/TnMIT77Ll37UFBajC5XUv9sqPxKRzXTRBd4ehiR
o4GKMIGHMFsGA1UdEQRUMFKCD0ROUy5leGFtcGxlLmNvbYISKi5XaWxkLmV4YW1w
bGUuY29thwTAAAI1hxAgAQ24AAAAAAAAAAAAAAhThhNodHRwczovL2V4YW1wbGUu
Y29tMAkGA1UdEwQCMAAwHQYDVR0OBBYEFH6HpQvBPbE6oVzzzBRGneXHlwETMAoG
CCqGSM49BAMCA0gAMEUCIQDs4t/6U7avqRjg/gu/Sxd9nT/UQedRwSHlSIyPhjaa
UgIgPLuTnJkIaqayOS2F6vo/vyNt3B6STCKgGIBu4td8PBY=
-----END CERTIFICATE-----
)";
constexpr const char* kKey = R"(-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEBDPTsiO3rgM5dl1UgvXsSRuUer3Eyi+5K48dj437dFoAoGCCqGSM49
AwEHoUQDQgAE/EPX9FCSN0Ot5g/JlaXMx+TXF9e9DTBWpRz0wlVoqMr10v05zCE+
+y5d+1BQWowuV1L/bKj8Skc100QXeHoYkQ==
-----END EC PRIVATE KEY-----
)";
// The same key under a passphrase.
constexpr const char* kEncryptedKey = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhOT/kTF0yZmQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEE6gYC0JQtoKqQh3gmcaRYsEgZD6
qVzcWvjZX9ez/U6L5k13rsISTFA5HH739fJyorflf5KayFqNpY6V7dhWmCN7uE7s
m5RHwSoF9vwHhNTu8GHb+qnh6NuFDtvy/BIrn+r+SuS8z30CClOutYzQVTBBP4IR
Gc70P2dq3VZkzZcc+UM15TVov0UuY8oZIE99REoWVH/pLZYwGHIxTTbgRowMUaE=
-----END ENCRYPTED PRIVATE KEY-----
)";
// openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
// base64
constexpr const char* kPin = "1V7FekJmioWq4qCBu2dXsWqNaRt68Ii8Rb0qKywS2KU=";
constexpr std::int64_t kNotBefore = 1'795'286'654;
constexpr std::int64_t kNotAfter = 2'110'646'654;

constexpr std::int64_t kYear = 365L * 24 * 60 * 60;

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }

std::string Refusal(const Result<CertificatePtr>& result) {
  if (result) return "no refusal";
  EXPECT_EQ(Errc::kBadFile, result.error().code);
  return result.error().text;
}

void ExpectSays(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(std::string::npos, text.find(part)) << text;
}

// A directory of this test alone.
class Files {
 public:
  Files() { EXPECT_NE(nullptr, ::mkdtemp(directory_.data())); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    for (const std::string& file : written_) ::unlink(file.c_str());
    ::rmdir(directory_.c_str());
  }
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
    written_.push_back(Path(name));
    return Path(name);
  }
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_ = ::testing::TempDir() + "certificate-XXXXXX";
  std::vector<std::string> written_;
};

// Covers: TRA-29
TEST(Certificate, SaysWhatItIs) {
  const auto parsed = Certificate::Parse(kCertificate, kKey);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().text;
  const CertificateInfo& info = (*parsed)->info();
  EXPECT_EQ((std::vector<std::string>{"dns.example.com", "*.wild.example.com"}), info.names);
  EXPECT_EQ((std::vector<IpAddress>{Address("192.0.2.53"), Address("2001:db8::853")}),
            info.addresses);
  EXPECT_EQ(kNotBefore, info.not_before);
  EXPECT_EQ(kNotAfter, info.not_after);
  EXPECT_EQ(kPin, info.spki_pin);
  EXPECT_TRUE(info.self_signed);
  EXPECT_EQ(1U, (*parsed)->chain().size());
}

TEST(Certificate, HasNoNamesButTheAlternativeOnes) {
  const Issued issued = Issue("common.example.com", {});
  const CertificatePtr certificate = Parsed(issued);
  EXPECT_TRUE(certificate->info().names.empty());
  EXPECT_FALSE(certificate->info().Covers("common.example.com"));
}

TEST(Certificate, AWildcardIsExactlyOneWholeLabel) {
  CertificateInfo info;
  info.names = {"*.wild.example.com", "dns.example.com", "f*.example.com", "*"};
  EXPECT_TRUE(info.Covers("a.wild.example.com"));
  EXPECT_TRUE(info.Covers("A.Wild.Example.Com"));
  EXPECT_FALSE(info.Covers("wild.example.com"));
  EXPECT_FALSE(info.Covers("a.b.wild.example.com"));
  EXPECT_FALSE(info.Covers(".wild.example.com"));
  EXPECT_TRUE(info.Covers("dns.example.com"));
  EXPECT_FALSE(info.Covers("xdns.example.com"));
  EXPECT_FALSE(info.Covers("foo.example.com"));
  EXPECT_FALSE(info.Covers("*.wild.example.com"));
  EXPECT_FALSE(info.Covers("example"));
  EXPECT_FALSE(info.Covers(""));
}

TEST(Certificate, ANameNeverStandsForAnAddress) {
  CertificateInfo info;
  info.names = {"192.0.2.1", "*.0.2.2"};
  info.addresses = {Address("2001:db8::1")};
  EXPECT_FALSE(info.Covers("192.0.2.1"));
  EXPECT_FALSE(info.Covers("192.0.2.2"));
  EXPECT_FALSE(info.Covers(Address("192.0.2.1")));
  EXPECT_TRUE(info.Covers(Address("2001:db8::1")));
  EXPECT_FALSE(info.Covers("2001:db8::1"));
}

TEST(Certificate, KeysOfThreeKindsAreTaken) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048, KeyKind::kEd25519}) {
    IssueOptions options;
    options.names = "DNS:dns.example.com";
    options.kind = kind;
    const Issued issued = Issue("x", options);
    EXPECT_NE(nullptr, Parsed(issued));
    const std::string both = issued.key + issued.certificate;
    EXPECT_TRUE(Certificate::Parse(both, both).has_value()) << "both in one text";
  }
}

TEST(Certificate, AnExpiredOneIsStillRead) {
  IssueOptions options;
  options.from = -7200;
  options.until = -3600;
  EXPECT_NE(nullptr, Parsed(Issue("x", options)));
}

TEST(Certificate, IntermediatesMayStandInAnyOrder) {
  IssueOptions authority;
  authority.authority = true;
  const Issued root = Issue("root", authority);
  authority.issuer = &root;
  const Issued upper = Issue("upper", authority);
  authority.issuer = &upper;
  const Issued lower = Issue("lower", authority);
  IssueOptions options;
  options.issuer = &lower;
  options.names = "DNS:dns.example.com";
  const Issued leaf = Issue("leaf", options);

  const auto parsed = Certificate::Parse(
      leaf.certificate + root.certificate + upper.certificate + lower.certificate, leaf.key);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().text;
  EXPECT_FALSE((*parsed)->info().self_signed);
  const auto& chain = (*parsed)->chain();
  ASSERT_EQ(4U, chain.size());
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    EXPECT_EQ(X509_V_OK, X509_check_issued(chain[i + 1], chain[i])) << i;
  }
}

TEST(Certificate, APemOfItIsTheSameAgain) {
  const CertificatePtr first = *Certificate::Parse(kCertificate, kKey);
  const std::string pem = first->ToPem();
  const auto second = Certificate::Parse(pem, pem);
  ASSERT_TRUE(second.has_value()) << second.error().text;
  EXPECT_EQ(pem, (*second)->ToPem());
  EXPECT_EQ(kPin, (*second)->info().spki_pin);
}

TEST(Certificate, AForeignKeyIsRefused) {
  const Issued other = Issue("x", {});
  ExpectSays(Refusal(Certificate::Parse(kCertificate, other.key)), {"is not the key of"});
  // The key of an intermediate certificate is not the server's.
  ExpectSays(Refusal(Certificate::Parse(kCertificate + other.certificate, other.key)),
             {"is not the key of"});
}

TEST(Certificate, AnEncryptedKeyIsRefusedAndNobodyIsAsked) {
  ExpectSays(Refusal(Certificate::Parse(kCertificate, kEncryptedKey)), {"encrypted", "openssl"});
  // The form of OpenSSL 0.9, whose passphrase is asked for on another way.
  const std::string old =
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
      "-----END EC PRIVATE KEY-----\n";
  ExpectSays(Refusal(Certificate::Parse(kCertificate, old)), {"encrypted"});
}

TEST(Certificate, WhatIsNoPemIsRefused) {
  ExpectSays(Refusal(Certificate::Parse("", kKey)), {"no certificate in"});
  ExpectSays(Refusal(Certificate::Parse(kKey, kKey)), {"no certificate in"});
  ExpectSays(Refusal(Certificate::Parse(kCertificate, "")), {"no private key in"});
  ExpectSays(Refusal(Certificate::Parse(kCertificate, kCertificate)), {"no private key in"});
  const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  ExpectSays(Refusal(Certificate::Parse(broken, kKey)), {"certificate 1 in", "cannot be read"});
  ExpectSays(Refusal(Certificate::Parse(kCertificate + broken, kKey)), {"certificate 2 in"});
  const std::string cut = std::string(kCertificate).substr(0, 300);
  ExpectSays(Refusal(Certificate::Parse(cut, kKey)), {"cannot be read"});
  ExpectSays(Refusal(Certificate::Parse(
                 kCertificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
             {"the key in", "cannot be read"});
}

TEST(Certificate, ABundleOfAuthoritiesIsRefused) {
  std::string bundle;
  for (int i = 0; i < 17; ++i) bundle += kCertificate;
  ExpectSays(Refusal(Certificate::Parse(bundle, kKey)), {"more than 16 certificates"});
}

TEST(ReadCertificate, ReadsAPairOfFiles) {
  Files files;
  const std::string chain = files.Write("chain.pem", kCertificate);
  const std::string key = files.Write("key.pem", kKey);
  const auto read = ReadCertificate(chain, key);
  ASSERT_TRUE(read.has_value()) << read.error().text;
  EXPECT_EQ(kPin, (*read)->info().spki_pin);
}

TEST(ReadCertificate, AnErrorNamesTheFile) {
  Files files;
  const std::string chain = files.Write("chain.pem", kCertificate);
  const std::string key = files.Write("key.pem", kKey);
  const std::string foreign = files.Write("foreign.pem", Issue("x", {}).key);
  const std::string encrypted = files.Write("encrypted.pem", kEncryptedKey);
  const std::string missing = files.Path("missing.pem");
  const std::string large = files.Write("large.pem", std::string((1U << 20) + 1, 'x'));
  ExpectSays(Refusal(ReadCertificate(missing, key)), {missing.c_str(), "No such file"});
  ExpectSays(Refusal(ReadCertificate(chain, missing)), {missing.c_str(), "No such file"});
  ExpectSays(Refusal(ReadCertificate(files.directory(), key)), {files.directory().c_str()});
  ExpectSays(Refusal(ReadCertificate(large, key)), {large.c_str(), "larger than 1 MiB"});
  ExpectSays(Refusal(ReadCertificate(chain, foreign)),
             {chain.c_str(), foreign.c_str(), "is not the key of"});
  ExpectSays(Refusal(ReadCertificate(chain, encrypted)), {encrypted.c_str(), "encrypted"});
  ExpectSays(Refusal(ReadCertificate(key, key)), {key.c_str(), "no certificate"});
}

TEST(ReadCertificate, AFifoDoesNotHoldItUp) {
  Files files;
  const std::string fifo = files.Write("fifo", "");
  ::unlink(fifo.c_str());
  ASSERT_EQ(0, ::mkfifo(fifo.c_str(), 0600));
  ExpectSays(Refusal(ReadCertificate(fifo, fifo)), {"is not a file"});
}

// Covers: TRA-29
TEST(SelfSigned, HoldsTheNamesAndAddresses) {
  const std::vector<std::string> names = {"dns.example.com", "*.example.net"};
  const std::vector<IpAddress> addresses = {Address("192.0.2.1"), Address("2001:db8::1")};
  const auto made = Certificate::SelfSigned(names, addresses, 1'800'000'000, nullptr);
  ASSERT_TRUE(made.has_value()) << made.error().text;
  const CertificateInfo& info = (*made)->info();
  EXPECT_EQ(names, info.names);
  EXPECT_EQ(addresses, info.addresses);
  EXPECT_TRUE(info.self_signed);
  EXPECT_EQ(1'800'000'000 - 3600, info.not_before);
  EXPECT_EQ(1'800'000'000 + kYear, info.not_after);
  EXPECT_EQ(EVP_PKEY_EC, EVP_PKEY_get_base_id((*made)->key()));
}

TEST(SelfSigned, KeepsItsPinWithTheSameKey) {
  const std::vector<std::string> names = {"dns.example.com"};
  const auto first = Certificate::SelfSigned(names, {}, 1'800'000'000, nullptr);
  const auto second = Certificate::SelfSigned(names, {}, 1'830'000'000, first->get());
  const auto third = Certificate::SelfSigned(names, {}, 1'830'000'000, nullptr);
  ASSERT_TRUE(first.has_value() && second.has_value() && third.has_value());
  EXPECT_EQ((*first)->info().spki_pin, (*second)->info().spki_pin);
  EXPECT_NE((*first)->info().spki_pin, (*third)->info().spki_pin);
  EXPECT_NE(0, ASN1_INTEGER_cmp(X509_get0_serialNumber((*first)->chain().front()),
                                X509_get0_serialNumber((*second)->chain().front())));
  // The key survives a file, of any kind it may be.
  IssueOptions options;
  options.kind = KeyKind::kEd25519;
  const CertificatePtr ed25519 = Parsed(Issue("x", options));
  const auto signed_by_it = Certificate::SelfSigned(names, {}, 1'800'000'000, ed25519.get());
  ASSERT_TRUE(signed_by_it.has_value()) << signed_by_it.error().text;
  EXPECT_EQ(ed25519->info().spki_pin, (*signed_by_it)->info().spki_pin);
}

TEST(SelfSigned, VerifiesAsItsOwnAuthority) {
  const std::vector<std::string> names = {"dns.example.com"};
  const std::vector<IpAddress> addresses = {Address("192.0.2.1")};
  const auto made = Certificate::SelfSigned(names, addresses, 1'800'000'000, nullptr);
  ASSERT_TRUE(made.has_value());
  X509* certificate = (*made)->chain().front();
  const auto verify = [&](const char* name, std::int64_t at) {
    X509_STORE* store = X509_STORE_new();
    X509_STORE_add_cert(store, certificate);
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, certificate, nullptr);
    X509_STORE_CTX_set_default(context, "ssl_server");
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set1_host(parameters, name, 0);
    X509_VERIFY_PARAM_set1_ip_asc(parameters, "192.0.2.1");
    X509_VERIFY_PARAM_set_time(parameters, at);
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
    X509_verify_cert(context);
    const int error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return error;
  };
  EXPECT_STREQ("ok", X509_verify_cert_error_string(verify("dns.example.com", 1'800'000'000)));
  EXPECT_EQ(X509_V_ERR_HOSTNAME_MISMATCH, verify("other.example.com", 1'800'000'000));
  EXPECT_EQ(X509_V_ERR_CERT_HAS_EXPIRED, verify("dns.example.com", 1'800'000'001 + kYear));
}

TEST(SelfSigned, ALongNameIsCutOnlyWhereItIsNoName) {
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.com";
  const std::vector<std::string> names = {name};
  const auto made = Certificate::SelfSigned(names, {}, 1'800'000'000, nullptr);
  ASSERT_TRUE(made.has_value()) << made.error().text;
  EXPECT_TRUE((*made)->info().Covers(name));
  std::array<char, 128> common_name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name((*made)->chain().front()), NID_commonName,
                            common_name.data(), common_name.size());
  EXPECT_EQ(name.substr(0, 64), common_name.data());
}

TEST(SelfSigned, WithoutNamesItIsStillOne) {
  const auto made = Certificate::SelfSigned({}, {}, 1'800'000'000, nullptr);
  ASSERT_TRUE(made.has_value()) << made.error().text;
  EXPECT_TRUE((*made)->info().names.empty());
  const std::string pem = (*made)->ToPem();
  EXPECT_TRUE(Certificate::Parse(pem, pem).has_value());
}

TEST(SelfSigned, WhatIsNoHostNameIsRefused) {
  for (const char* name : {"", ".", "a..b", "a b", "a,DNS:b", "a.*.b", "*", "dns.example.com.",
                           "d\xc3\xa4ns.example.com"}) {
    const std::vector<std::string> names = {name};
    const auto made = Certificate::SelfSigned(names, {}, 1'800'000'000, nullptr);
    ASSERT_FALSE(made.has_value()) << name;
    EXPECT_EQ(Errc::kBadName, made.error().code);
  }
}

}  // namespace
}  // namespace resolve64::net
