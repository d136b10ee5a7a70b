// Certificates that are read, made, kept, and followed as their files change.
#include "server/certificate_keeper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "unit/net/issue.h"

namespace resolve64::server {
namespace {

namespace fs = std::filesystem;
using net::Issue;
using net::Issued;

class CertificateKeeperTest : public ::testing::Test {
 protected:
  CertificateKeeperTest() {
    folder_ = fs::temp_directory_path() /
              ("keeper." + std::to_string(::getpid()) + "." +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directory(folder_);
    // The fake clock is years behind the certificates that the tests issue.
    clock_.SetWallSeconds(::time(nullptr));
  }
  ~CertificateKeeperTest() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string At(const std::string& name) const { return (folder_ / name).string(); }
  void Write(const std::string& name, const std::string& text) const {
    // As tools do it: a new file in its place.
    std::ofstream(At(name + ".new")) << text;
    fs::rename(At(name + ".new"), At(name));
  }
  void Install(const Issued& pair) const {
    Write("chain.pem", pair.certificate);
    Write("key.pem", pair.key);
  }
  SnapshotResult Build(const std::string& tls) {
    const std::string text = R"({"listen": [{"address": "127.0.0.1"},
        {"address": "127.0.0.1", "transport": "tls"}], "tls": )" +
                             tls + "}";
    const config::ReadResult read = config::ReadConfigText(text, "test.json", folder_.string());
    EXPECT_NE(read.config, nullptr) << read.errors.at(0).ToText();
    return BuildSnapshot(read.config);
  }
  void Adopt(const std::string& tls) {
    const SnapshotResult built = Build(tls);
    ASSERT_NE(built.snapshot, nullptr) << built.errors.at(0);
    const Result<bool> adopted = keeper_.Adopt(built.snapshot);
    ASSERT_TRUE(adopted) << adopted.error().text;
  }
  // Time goes on for as long as it takes to take up a change of files.
  void Look() {
    for (int i = 0; i < 3; ++i) {
      clock_.Advance(CertificateKeeper::kLook);
      while (scheduler_.Turn()) {
      }
    }
  }
  [[nodiscard]] const net::CertificateInfo& Served(std::size_t index = 0) const {
    return published_->certificates().at(index)->info();
  }

  fs::path folder_;
  ManualClock clock_;
  net::Scheduler scheduler_{clock_};
  net::TlsServerPtr published_;
  int publications_ = 0;
  CertificateKeeper keeper_{clock_, scheduler_,
                            [this](const auto& /*config*/, const net::TlsServerPtr& tls, bool) {
                              published_ = tls;
                              ++publications_;
                            }};
};

constexpr char kFiles[] = R"({"certificate": "chain.pem", "key": "key.pem"})";
constexpr char kSelf[] = R"({"names": ["dns.example", "192.0.2.1"], "state_file": "self.pem"})";

TEST_F(CertificateKeeperTest, ServesWhatTheConfigurationNamesTheFirstOneFirst) {
  Install(Issue("one", {.names = "DNS:one.example"}));
  const Issued other = Issue("two", {.names = "DNS:two.example"});
  Write("two.pem", other.certificate + other.key);
  Adopt(R"({"certificate": "chain.pem", "key": "key.pem",
            "certificates": [{"certificate": "two.pem", "key": "two.pem"}]})");
  EXPECT_EQ(Served(0).names, std::vector<std::string>{"one.example"});
  EXPECT_EQ(Served(1).names, std::vector<std::string>{"two.example"});
}

TEST_F(CertificateKeeperTest, WithoutAnEncryptedListenerThereIsNothingToServeNorToMake) {
  const config::ReadResult read =
      config::ReadConfigText(R"({"tls": {"state_file": "self.pem"}})", "t.json", folder_.string());
  ASSERT_TRUE(keeper_.Adopt(BuildSnapshot(read.config).snapshot));
  EXPECT_EQ(published_, nullptr);
  EXPECT_FALSE(fs::exists(At("self.pem")));
}

// Covers: TRA-24
TEST_F(CertificateKeeperTest, TakesUpChangedFilesOnceTheyHaveSettled) {
  Install(Issue("before", {.names = "DNS:before.example"}));
  Adopt(kFiles);
  Look();
  EXPECT_EQ(publications_, 1);
  Install(Issue("after", {.names = "DNS:after.example"}));
  clock_.Advance(CertificateKeeper::kLook);
  while (scheduler_.Turn()) {
  }
  EXPECT_EQ(publications_, 1) << "the other half may still be on its way";
  Look();
  EXPECT_EQ(Served().names, std::vector<std::string>{"after.example"});
  Look();
  EXPECT_EQ(publications_, 2) << "once";
}

// Covers: TRA-24
TEST_F(CertificateKeeperTest, ABadPairLeavesTheOldOneUntilItIsMended) {
  Install(Issue("before", {.names = "DNS:before.example"}));
  Adopt(kFiles);
  const Issued after = Issue("after", {.names = "DNS:after.example"});
  Write("chain.pem", after.certificate);
  Look();
  EXPECT_EQ(Served().names, std::vector<std::string>{"before.example"}) << "the key is another";
  fs::remove(At("key.pem"));
  Look();
  EXPECT_EQ(Served().names, std::vector<std::string>{"before.example"});
  Write("key.pem", after.key);
  Look();
  EXPECT_EQ(Served().names, std::vector<std::string>{"after.example"});
}

TEST_F(CertificateKeeperTest, ALoadOfTheConfigurationSaysWhatIsWrongWithAPair) {
  Install(Issue("one", {.names = "DNS:one.example"}));
  Write("key.pem", Issue("two", {}).key);
  const SnapshotResult built = Build(kFiles);
  EXPECT_EQ(built.snapshot, nullptr);
  ASSERT_EQ(built.errors.size(), 1U);
  EXPECT_NE(built.errors[0].find("tls: "), std::string::npos) << built.errors[0];
  EXPECT_NE(built.errors[0].find(At("key.pem")), std::string::npos) << built.errors[0];
}

TEST_F(CertificateKeeperTest, AKeyThatIsTooWeakIsRefusedWhenTheConfigurationIsRead) {
  Install(Issue("weak", {.names = "DNS:weak.example", .kind = net::KeyKind::kRsa1024}));
  EXPECT_EQ(Build(kFiles).snapshot, nullptr);
}

// Covers: TRA-29
TEST_F(CertificateKeeperTest, ASelfSignedCertificateIsForTheNamesAndAddressesThatAreConfigured) {
  Adopt(kSelf);
  EXPECT_TRUE(Served().self_signed);
  EXPECT_TRUE(Served().Covers("dns.example"));
  EXPECT_TRUE(Served().Covers(*IpAddress::Parse("192.0.2.1")));
}

// Covers: TRA-29
TEST_F(CertificateKeeperTest, WithoutNamesItIsForTheAddressesThatAreListenedOn) {
  Adopt(R"({"state_file": "self.pem"})");
  EXPECT_TRUE(Served().Covers(*IpAddress::Parse("127.0.0.1")));
}

TEST_F(CertificateKeeperTest, ASelfSignedCertificateStaysWhatItWas) {
  Adopt(kSelf);
  const std::string pem = published_->certificates()[0]->ToPem();
  Adopt(kSelf);
  EXPECT_EQ(published_->certificates()[0]->ToPem(), pem);
}

TEST_F(CertificateKeeperTest, WithOtherNamesOrNearItsEndItIsMadeAnewUnderTheSamePin) {
  Adopt(kSelf);
  const net::CertificateInfo first = Served();
  Adopt(R"({"names": ["new.example"], "state_file": "self.pem"})");
  EXPECT_TRUE(Served().Covers("new.example"));
  EXPECT_EQ(Served().spki_pin, first.spki_pin);
  clock_.SetWallSeconds(Served().not_after - CertificateKeeper::kEndIsNear + 1);
  const std::int64_t end = Served().not_after;
  Adopt(R"({"names": ["new.example"], "state_file": "self.pem"})");
  EXPECT_GT(Served().not_after, end);
  EXPECT_EQ(Served().spki_pin, first.spki_pin);
}

TEST_F(CertificateKeeperTest, ASelfSignedCertificateIsReplacedWhileTheProcessRuns) {
  Adopt(kSelf);
  const net::CertificateInfo first = Served();
  clock_.SetWallSeconds(first.not_after - 86400);
  clock_.Advance(CertificateKeeper::kTicketLife);
  Look();
  EXPECT_GT(Served().not_after, first.not_after);
  EXPECT_EQ(Served().spki_pin, first.spki_pin);
}

// Covers: F17
TEST_F(CertificateKeeperTest, WhereItCannotBeKeptItIsServedAllTheSame) {
  Adopt(R"({"names": ["dns.example"], "state_file": "missing/self.pem"})");
  EXPECT_TRUE(Served().Covers("dns.example"));
}

TEST_F(CertificateKeeperTest, WhatIsNoSelfSignedCertificateIsNeverWrittenOver) {
  const Issued authority = Issue("authority", {.authority = true});
  const Issued issued = Issue("somebody", {.names = "DNS:other.example", .issuer = &authority});
  for (const std::string& text : {std::string("this is no PEM"), issued.certificate + issued.key}) {
    Write("self.pem", text);
    Adopt(kSelf);
    EXPECT_TRUE(Served().Covers("dns.example")) << "it is served all the same";
    std::ifstream file(At("self.pem"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
  }
}

// Covers: TRA-24
TEST_F(CertificateKeeperTest, TicketKeysOfAFileAreRead) {
  const std::string key(160, 'a');
  Write("tickets", key + "\n");
  const SnapshotResult built = Build(R"({"state_file": "self.pem", "ticket_keys": "tickets"})");
  ASSERT_NE(built.snapshot, nullptr);
  ASSERT_EQ(built.snapshot->ticket_keys.size(), 1U);
  EXPECT_EQ(built.snapshot->ticket_keys[0][79], 0xAA);
  Write("tickets", key + key + "\n");
  EXPECT_EQ(Build(R"({"ticket_keys": "tickets"})").snapshot, nullptr);
}

}  // namespace
}  // namespace resolve64::server
