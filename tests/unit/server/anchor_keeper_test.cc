// The keeper of the anchors on scripted lookups, with a clock that the tests move.
#include "server/anchor_keeper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "dnssec/key.h"
#include "dnssec/rollover_file.h"
#include "support/run.h"
#include "unit/dnssec/signer.h"

namespace resolve64::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Signer;

// What was asked, and how.
struct Asked {
  std::string name;
  RrType type = RrType::kNone;
  bool cd = false;
  bool ignores_negative = false;
};

class AnsweringLookups final : public Lookups {
 public:
  std::function<resolver::Answer(const Name&, RrType)> answer;
  std::vector<Asked> asked;

  resolver::RequestPtr NewRequest(std::shared_ptr<resolver::Trace> trace) override {
    auto request = std::make_shared<resolver::Request>();
    request->trace = std::move(trace);
    return request;
  }
  net::Task<resolver::Answer> Resolve(Name name, RrType type,
                                      resolver::RequestPtr request) override {
    asked.push_back(
        {name.ToText(), type, request->checking_disabled, request->ignore_negative_anchors});
    co_return answer(name, type);
  }
  std::optional<resolver::Answer> FromCache(const Name&, RrType, bool, resolver::Trace*) override {
    return std::nullopt;
  }
  bool Knows(const Name& /*name*/, RrType /*type*/) override { return false; }
};

class AnchorKeeperTest : public ::testing::Test {
 protected:
  AnchorKeeperTest() {
    std::string pattern = fs::temp_directory_path() / "r64-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ / "anchors.json";
    config_.dnssec.state_file = path_;
    config_.dnssec.trust_anchors = config::DnssecConfig::Anchors::kList;
    config_.dnssec.anchor_records = {DsText(a_)};
    lookups_.answer = [this](const Name&, RrType type) {
      return type == RrType::kDnskey ? Keys({&a_, &b_}, {&a_}) : resolver::Answer();
    };
  }
  ~AnchorKeeperTest() override { fs::remove_all(folder_); }

  static std::string DsText(const Signer& key) {
    const std::vector<std::uint8_t> rdata = dnssec::MakeDs(key.zone(), key.dnskey());
    const auto ds = dnssec::Ds::Read(rdata);
    std::string text = key.zone().ToText() + " IN DS " + std::to_string(ds->key_tag) + " 13 2 ";
    for (const std::uint8_t octet : ds->digest) {
      text += "0123456789abcdef"[octet >> 4U];
      text += "0123456789abcdef"[octet & 15U];
    }
    return text;
  }
  // The DNSKEY RRset as it is signed at the moment.
  resolver::Answer Keys(const std::vector<const Signer*>& keys,
                        const std::vector<const Signer*>& signers) {
    constexpr std::uint32_t kTtl = 172800;  // the root's
    dns::RrsetBuilder builder(Name(), RrType::kDnskey);
    for (const Signer* key : keys) builder.Add(key->dnskey(), kTtl);
    const dns::RrsetPtr rrset = builder.Build(clock_.Now(), dns::Trust::kAuthAnswer);
    std::vector<std::vector<std::uint8_t>> signatures;
    const auto now = static_cast<std::uint32_t>(clock_.WallSeconds());
    for (const Signer* signer : signers) {
      signatures.push_back(signer->Sign(*rrset, now - 3600, now + 10 * 86400));
    }
    resolver::Answer answer;
    answer.kind = LookupKind::kData;
    answer.rcode = Rcode::kNoError;
    answer.data = test::WithSignatures(*rrset, signatures);
    return answer;
  }

  SnapshotPtr Load() {
    SnapshotResult built = BuildSnapshot(std::make_shared<const config::Config>(config_));
    EXPECT_TRUE(built.errors.empty()) << built.errors.front();
    return built.snapshot;
  }
  void Adopt() {
    snapshot_ = Load();
    keeper_.Adopt(snapshot_);
  }
  void Start() {
    Adopt();
    tasks_.Spawn(keeper_.Run(scheduler_, lookups_));
  }
  void Pass(Duration duration) { testing::RunUntil(clock_, scheduler_, clock_.Now() + duration); }
  // What came of a day's asking, without the signals.
  std::size_t CountOf(RrType type) const {
    return static_cast<std::size_t>(
        std::count_if(lookups_.asked.begin(), lookups_.asked.end(),
                      [type](const Asked& one) { return one.type == type; }));
  }
  std::size_t TrustedKeys() const {
    const dnssec::TrustAnchorsPtr anchors = snapshot_->settings->dnssec.anchors->Get();
    const dns::RrsetPtr* root = anchors->Find(Name());
    return root == nullptr ? 0 : (*root)->size();
  }
  std::string StateOf(const Signer& key) const {
    const AnchorReport report = keeper_.Report();
    for (const AnchorReport::Key& one : report.zones.at(0).keys) {
      if (one.tag == key.tag()) return one.state;
    }
    return "start";
  }

  fs::path folder_;
  std::string path_;
  config::Config config_;
  const Signer a_{".", 13, 257};
  const Signer b_{".", 13, 257};
  ManualClock clock_;
  net::Scheduler scheduler_{clock_};
  resolver::Caches caches_{1U << 24U};
  AnsweringLookups lookups_;
  std::vector<std::function<void()>> files_;  // work on files that waits, where `slow_`
  bool slow_ = false;
  AnchorKeeper keeper_{clock_, caches_, [this](std::function<void()> work) {
                         if (slow_) {
                           files_.push_back(std::move(work));
                         } else {
                           work();
                         }
                       }};
  SnapshotPtr snapshot_;
  net::TaskScope tasks_{scheduler_};
};

// Covers: SEC-52
TEST_F(AnchorKeeperTest, AsksForTheKeysSoonAfterTheStartWithoutHavingThemValidated) {
  Start();
  EXPECT_EQ(StateOf(a_), "configured");
  EXPECT_TRUE(lookups_.asked.empty()) << "the start does not wait for it";
  Pass(AnchorKeeper::kFirst);
  ASSERT_EQ(CountOf(RrType::kDnskey), 1U);
  EXPECT_EQ(lookups_.asked.back().name, ".");
  EXPECT_TRUE(lookups_.asked.back().cd);
  EXPECT_EQ(StateOf(a_), "valid");
  EXPECT_EQ(StateOf(b_), "add-pending");
  EXPECT_EQ(TrustedKeys(), 1U);
}

// Covers: SEC-53
TEST_F(AnchorKeeperTest, TellsTheRootWhichKeysAreTrusted) {
  Start();
  Pass(AnchorKeeper::kFirst);
  ASSERT_EQ(lookups_.asked.size(), 2U);
  char name[16];
  std::snprintf(name, sizeof name, "_ta-%04x.", static_cast<unsigned>(a_.tag()));
  EXPECT_EQ(lookups_.asked[0].name, name);
  EXPECT_EQ(lookups_.asked[0].type, static_cast<RrType>(10));
}

// Covers: SEC-53, SEC-50
TEST(KeyTagName, HasTheTagsInTheirOrder) {
  const auto name = KeyTagName(**dnssec::BuiltinAnchors()->Find(Name()));
  ASSERT_TRUE(name);
  EXPECT_EQ(name->ToText(), "_ta-4f66-9728.");
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, TrustsANewKeyAMonthLater) {
  Start();
  Pass(hours(24) * 29);
  EXPECT_EQ(TrustedKeys(), 1U);
  Pass(hours(24) * 2);
  EXPECT_EQ(TrustedKeys(), 2U);
  EXPECT_EQ(StateOf(b_), "valid");
  EXPECT_EQ(CountOf(RrType::kDnskey), 31U) << "at half the TTL";
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, KeepsAskingWhereNobodyAnswers) {
  lookups_.answer = [](const Name&, RrType) { return resolver::Answer(); };
  Start();
  Pass(hours(5));
  EXPECT_EQ(CountOf(RrType::kDnskey), 5U);
  EXPECT_EQ(TrustedKeys(), 1U);
  EXPECT_EQ(StateOf(a_), "configured");
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, BelievesNoKeysOfOthers) {
  lookups_.answer = [this](const Name&, RrType type) {
    return type == RrType::kDnskey ? Keys({&b_}, {&b_}) : resolver::Answer();
  };
  Start();
  Pass(hours(24) * 60);
  EXPECT_EQ(TrustedKeys(), 1U);
  EXPECT_EQ(StateOf(b_), "start");
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, KnowsAfterARestartWhatItKnewBefore) {
  Start();
  Pass(hours(24) * 31);
  ASSERT_EQ(TrustedKeys(), 2U);
  tasks_.Clear();

  AnchorKeeper next(clock_, caches_, [](const std::function<void()>& work) { work(); });
  const SnapshotPtr snapshot = Load();
  next.Adopt(snapshot);
  EXPECT_EQ((*snapshot->settings->dnssec.anchors->Get()->Find(Name()))->size(), 2U);
  EXPECT_EQ(next.Report().state_file, path_);
  EXPECT_EQ(next.Report().trouble, "");
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, KnowsAfterAReloadWhatItKnewBefore) {
  Start();
  Pass(hours(24) * 31);
  fs::remove(path_);
  Adopt();
  EXPECT_EQ(TrustedKeys(), 2U) << "from memory: the file could be on a disk that is read-only";

  config_.dnssec.automatic_update = false;
  Adopt();
  EXPECT_EQ(TrustedKeys(), 1U);
  const std::size_t before = lookups_.asked.size();
  Pass(hours(24) * 3);
  EXPECT_EQ(lookups_.asked.size(), before);
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, ADamagedFileIsAWarningAndWhatIsConfiguredIsTrusted) {
  std::ofstream(path_) << "{\"version\": 1, \"zones\": [";
  Start();
  EXPECT_EQ(TrustedKeys(), 1U);
  EXPECT_EQ(keeper_.Report().trouble, path_ + ": not what resolve64 writes there");
  Pass(seconds(10));
  EXPECT_EQ(keeper_.Report().trouble, "") << "it is written anew";
  EXPECT_TRUE(dnssec::ReadStateFile(path_));
}

// Covers: F17
TEST_F(AnchorKeeperTest, WithoutADirectoryToWriteToItLivesInMemory) {
  config_.dnssec.state_file = folder_ / "missing" / "anchors.json";
  Start();
  Pass(hours(24) * 31);
  EXPECT_EQ(TrustedKeys(), 2U);
  EXPECT_NE(keeper_.Report().trouble.find("No such file or directory"), std::string::npos);
}

TEST_F(AnchorKeeperTest, FilesAreWrittenElsewhere) {
  slow_ = true;
  Start();
  Pass(seconds(10));
  EXPECT_FALSE(fs::exists(path_));
  ASSERT_EQ(files_.size(), 1U);
  files_[0]();
  EXPECT_TRUE(fs::exists(path_));
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, ChangedTrustMakesZonesBeJudgedAnew) {
  Start();
  auto trust = std::make_shared<dnssec::ZoneTrust>();
  trust->zone = test::N("example");
  trust->expires = clock_.Now() + hours(24 * 365);
  caches_.trust.Put(trust, clock_.Now());
  Pass(hours(24) * 29);
  EXPECT_NE(caches_.trust.Find(trust->zone, clock_.Now()), nullptr);
  Pass(hours(24) * 2);
  EXPECT_EQ(caches_.trust.Find(trust->zone, clock_.Now()), nullptr);
}

// Covers: SEC-52
TEST_F(AnchorKeeperTest, WithEveryAnchorRevokedTheTrustPointIsGoneAndNobodyIsAskedAnyMore) {
  std::vector<std::uint8_t> revoked = a_.dnskey();
  revoked[1] |= dnssec::Dnskey::kRevoke;
  lookups_.answer = [&](const Name&, RrType) {
    const dns::RrsetPtr keys = test::DnskeysOf(".", {revoked});
    dnssec::Rrsig rrsig = a_.Template(*keys);
    rrsig.key_tag = dnssec::KeyTag(revoked);
    resolver::Answer answer;
    answer.kind = LookupKind::kData;
    answer.data = test::WithSignatures(*keys, {a_.SignAs(*keys, rrsig)});
    return answer;
  };
  Start();
  Pass(seconds(10));
  EXPECT_EQ(snapshot_->settings->dnssec.anchors->Get()->Find(Name()), nullptr);
  EXPECT_EQ(StateOf(a_), "revoked");
  EXPECT_EQ(CountOf(RrType::kDnskey), 1U);
  Pass(hours(24) * 3);
  EXPECT_EQ(CountOf(RrType::kDnskey), 1U);
  Adopt();
  EXPECT_EQ(TrustedKeys(), 0U) << "a reload does not bring it back";
}

TEST_F(AnchorKeeperTest, DoesNothingWhereNothingIsValidated) {
  config_.dnssec.validation = false;
  config_.dnssec.insecure = {{test::N("broken.example"), std::nullopt}};
  Start();
  Pass(hours(24) * 3);
  EXPECT_TRUE(lookups_.asked.empty());
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_FALSE(keeper_.Report().validation);
}

//--- Negative trust anchors ---

class NegativeAnchorTest : public AnchorKeeperTest {
 protected:
  NegativeAnchorTest() {
    config_.dnssec.automatic_update = false;
    config_.dnssec.insecure = {{test::N("broken.example"), clock_.WallSeconds() + 86400}};
    lookups_.answer = [this](const Name&, RrType) {
      resolver::Answer answer;
      answer.kind = kind_;
      answer.security = security_;
      return answer;
    };
  }
  bool Holds() const {
    return snapshot_->settings->dnssec.insecure[0].HoldsAt(clock_.WallSeconds());
  }

  LookupKind kind_ = LookupKind::kBogus;
  Security security_ = Security::kBogus;
};

// Covers: SEC-55
TEST_F(NegativeAnchorTest, IsTriedEveryHourWithoutItself) {
  Start();
  Pass(minutes(59));
  EXPECT_TRUE(lookups_.asked.empty()) << "what was just configured holds";
  Pass(hours(3));
  ASSERT_EQ(lookups_.asked.size(), 3U);
  EXPECT_EQ(lookups_.asked[0].name, "broken.example.");
  EXPECT_EQ(lookups_.asked[0].type, RrType::kSoa);
  EXPECT_TRUE(lookups_.asked[0].ignores_negative);
  EXPECT_FALSE(lookups_.asked[0].cd);
  EXPECT_TRUE(Holds());
}

// Covers: SEC-55
TEST_F(NegativeAnchorTest, EndsWhereTheNameValidatesAgain) {
  Start();
  Pass(hours(2));
  kind_ = LookupKind::kData;
  security_ = Security::kInsecure;
  Pass(hours(2));
  EXPECT_TRUE(Holds()) << "unsigned is not repaired";
  security_ = Security::kSecure;
  Pass(hours(2));
  EXPECT_FALSE(Holds());
  const AnchorReport report = keeper_.Report();
  ASSERT_EQ(report.negative.size(), 1U);
  EXPECT_TRUE(report.negative[0].lifted);
  EXPECT_FALSE(report.negative[0].holds);
  const std::size_t before = lookups_.asked.size();
  Pass(hours(5));
  EXPECT_EQ(lookups_.asked.size(), before);
}

// Covers: SEC-55
TEST_F(NegativeAnchorTest, HoldsNoLongerThanItsEnd) {
  Start();
  Pass(hours(23));
  EXPECT_TRUE(Holds());
  Pass(hours(1));
  EXPECT_FALSE(Holds());
  const std::size_t before = lookups_.asked.size();
  Pass(hours(5));
  EXPECT_EQ(lookups_.asked.size(), before) << "it is not tried any more";
  EXPECT_FALSE(keeper_.Report().negative[0].lifted);
}

// Covers: SEC-55
TEST_F(NegativeAnchorTest, AReloadPutsItBackInForce) {
  kind_ = LookupKind::kNodata;
  security_ = Security::kSecure;
  Start();
  Pass(hours(2));
  EXPECT_FALSE(Holds());
  Adopt();
  EXPECT_TRUE(Holds());
}

}  // namespace
}  // namespace resolve64::server
