// Everything in the pipeline but AAAA: names answered here, reverse names, hidden A, HTTPS.
#include <gtest/gtest.h>

#include <chrono>

#include "unit/server/scripted_lookups.h"

namespace resolve64::server {
namespace {

using std::chrono::milliseconds;

constexpr char kReverse[] =
    "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
constexpr char kInAddr[] = "33.2.0.192.in-addr.arpa";

// --- names that are answered here ---

// Covers: DSC-01, DSC-02, DSC-03, DSC-07, T18, U6
TEST_F(PipelineTest, Ipv4OnlyArpaIsAnsweredHereWhateverTheBits) {
  for (const bool bits : {false, true}) {
    Inquiry inquiry = Question("ipv4only.arpa", RrType::kAaaa);
    inquiry.cd_bit = inquiry.do_bit = bits;
    const Response response = Ask(inquiry);
    EXPECT_TRUE(response.authoritative);
    EXPECT_FALSE(response.secure);
    EXPECT_EQ(Answers(response), (Strings{"ipv4only.arpa. 600 AAAA 2001:db8:64::c000:aa",
                                          "ipv4only.arpa. 600 AAAA 2001:db8:64::c000:ab"}));
  }
  EXPECT_EQ(Ask("ipv4only.arpa", RrType::kA).answer[0].rrset->size(), 2U);
  EXPECT_TRUE(lookups_.asked().empty());
}

// Covers: T19
TEST_F(PipelineTest, NoFilterTouchesIpv4OnlyArpa) {
  policy_.hide_a = true;
  policy_.exclude_a = {*Network::Parse("192.0.0.0/24")};
  policy_.exempt_names = {Name()};
  EXPECT_EQ(Ask("ipv4only.arpa", RrType::kA).answer[0].rrset->size(), 2U);
  EXPECT_EQ(Ask("ipv4only.arpa", RrType::kAaaa).answer[0].rrset->size(), 2U);
}

// Covers: DSC-01, REC-33
TEST_F(PipelineTest, Ipv4OnlyArpaNeedsNoRd) {
  Inquiry inquiry = Question("ipv4only.arpa", RrType::kAaaa);
  inquiry.reach = Reach::kLocal;
  EXPECT_FALSE(Ask(inquiry).missed);
}

TEST_F(PipelineTest, ClassChIsRefusedWithoutATextForIt) {
  Inquiry inquiry = Question("version.bind", RrType::kTxt);
  inquiry.question.rclass = RrClass::kCh;
  EXPECT_EQ(Ask(inquiry).rcode, Rcode::kRefused);
  zone::LocalZonesOptions options;
  options.version = "lab";
  inquiry.local = zone::LocalZones::Load(options).zones;
  const Response response = Ask(inquiry);
  EXPECT_EQ(response.rclass, RrClass::kCh);
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  ASSERT_EQ(response.answer.size(), 1U);
  EXPECT_TRUE(lookups_.asked().empty());
}

// Covers: D64-01, B10
TEST_F(PipelineTest, AaaaInClassChIsNotSynthesized) {
  Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
  inquiry.question.rclass = RrClass::kCh;
  EXPECT_EQ(Ask(inquiry).rcode, Rcode::kRefused);
  EXPECT_TRUE(lookups_.asked().empty());
}

// --- ANY ---

// Covers: REC-34, REC-35, D64-32, B4
TEST_F(PipelineTest, AnyAndRrsigGetHinfoAndAskNobody) {
  for (const RrType type : {RrType::kAny, RrType::kRrsig}) {
    EXPECT_EQ(Answers(Ask("www.example.com", type)),
              Strings{"www.example.com. 3600 HINFO \"RFC8482\" \"\""});
  }
  EXPECT_TRUE(lookups_.asked().empty());
}

TEST_F(PipelineTest, AnyOfALocalNameIsAnsweredFromItsZone) {
  Inquiry inquiry = Question("x.invalid", RrType::kAny);
  inquiry.local = zone::LocalZones::Load({}).zones;
  EXPECT_EQ(Ask(inquiry).rcode, Rcode::kNxDomain);
  inquiry.question.name = N("localhost");
  EXPECT_FALSE(Ask(inquiry).answer.empty());
}

// --- other types ---

// Covers: D64-32
TEST_F(PipelineTest, OtherTypesAreReturnedAsTheyAre) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.1"}));
  EXPECT_EQ(Answers(Ask("www.example.com", RrType::kA)),
            Strings{"www.example.com. 60 A 192.0.2.1"});
  std::vector<std::uint8_t> mx = {0, 10};
  const std::vector<std::uint8_t> target = Octets(N("mail.example.com"));
  mx.insert(mx.end(), target.begin(), target.end());
  lookups_.On("example.com", RrType::kMx, Data("example.com", RrType::kMx, 60, {mx}));
  const Response response = Ask("example.com", RrType::kMx);
  EXPECT_EQ(Answers(response), Strings{"example.com. 60 MX 10 mail.example.com."});
  EXPECT_TRUE(response.additional.empty());
}

// Covers: SEC-02, T56
TEST_F(PipelineTest, ProofsOfADenialGoToClientsWithDoAlone) {
  Answer denial = Nodata("www.example.com");
  denial.proof.push_back(Set(N("www.example.com"), RrType::kNsec, 300, {{0, 0, 1, 0x40}}));
  lookups_.On("www.example.com", RrType::kTxt, denial);
  EXPECT_EQ(Ask("www.example.com", RrType::kTxt).authority.size(), 1U);
  Inquiry inquiry = Question("www.example.com", RrType::kTxt);
  inquiry.do_bit = true;
  EXPECT_EQ(Ask(inquiry).authority.size(), 2U);
}

TEST_F(PipelineTest, AFailureHasNoRecordsButItsReason) {
  Answer failed = Behind({"www.example.com", "x.example.com"},
                         Failed(LookupKind::kTimeout, Ede::kNoReachableAuthority));
  lookups_.On("www.example.com", RrType::kA, failed);
  const Response response = Ask("www.example.com", RrType::kA);
  EXPECT_EQ(response.rcode, Rcode::kServFail);
  EXPECT_TRUE(response.answer.empty());
  EXPECT_EQ(response.ede.at(0).code, Ede::kNoReachableAuthority);
}

// --- hide_a ---

// Covers: T15
TEST_F(PipelineTest, HiddenAIsNodataWithTheZonesSoaAndAReason) {
  policy_.hide_a = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.33"}));
  lookups_.On("www.example.com", RrType::kSoa, Nodata("www.example.com"), milliseconds(10));
  const Response response = Ask("www.example.com", RrType::kA);
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  EXPECT_TRUE(response.answer.empty());
  EXPECT_EQ(SoaOwners(response), Strings{"example.com."});
  EXPECT_EQ(response.authority[0].ttl, 60U) << "the denial lives no longer than what it hides";
  EXPECT_EQ(response.ede.at(0).code, Ede::kFiltered);
}

TEST_F(PipelineTest, HiddenAWaitsForItsSoaNoLongerThanItIsWorth) {
  policy_.hide_a = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.33"}));
  const Response response = Ask("www.example.com", RrType::kA);
  EXPECT_EQ(took_, Pipeline::kSoaPatience);
  EXPECT_TRUE(response.authority.empty());
}

// Covers: T8, T15
TEST_F(PipelineTest, HiddenAIsStillUsedForSynthesis) {
  policy_.hide_a = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.33"}));
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com"));
  EXPECT_TRUE(Ask("www.example.com").synthesized);
}

TEST_F(PipelineTest, HidingAKeepsAliasesAndDenials) {
  policy_.hide_a = true;
  lookups_.On("www.example.com", RrType::kA,
              Behind({"www.example.com", "x.example.com"}, A("x.example.com", 60, {"192.0.2.1"})));
  lookups_.On("x.example.com", RrType::kAaaa, Nodata("x.example.com")).cached = true;
  EXPECT_EQ(Answers(Ask("www.example.com", RrType::kA)),
            Strings{"www.example.com. 60 CNAME x.example.com."});
  lookups_.On("no.example.com", RrType::kA, Nxdomain("no.example.com"));
  const Response response = Ask("no.example.com", RrType::kA);
  EXPECT_EQ(response.rcode, Rcode::kNxDomain);
  EXPECT_TRUE(response.ede.empty());
}

// --- reverse names ---

// Covers: D64-40, D64-41, D64-43, T51
TEST_F(PipelineTest, AReverseNameIsAnAliasOfTheIpv4Name) {
  lookups_.On(kInAddr, RrType::kPtr,
              Data(kInAddr, RrType::kPtr, 77, {Octets(N("www.example.com"))}));
  const Response response = Ask(kReverse, RrType::kPtr);
  EXPECT_EQ(Answers(response), (Strings{std::string(kReverse) + ". 77 CNAME " + kInAddr + ".",
                                        std::string(kInAddr) + ". 77 PTR www.example.com."}));
  EXPECT_FALSE(response.authoritative);
  EXPECT_FALSE(response.secure);
}

// Covers: D64-44
TEST_F(PipelineTest, AReverseNameWithoutPtrIsDeniedUnderItsOwnName) {
  lookups_.On(kInAddr, RrType::kPtr, Nxdomain(kInAddr));
  const Response nxdomain = Ask(kReverse, RrType::kPtr);
  EXPECT_EQ(nxdomain.rcode, Rcode::kNxDomain);
  EXPECT_TRUE(nxdomain.answer.empty());
  EXPECT_EQ(nxdomain.authority.size(), 1U);
  lookups_.On(
      kInAddr, RrType::kPtr,
      Behind({kInAddr, "33.0-63.2.0.192.in-addr.arpa"}, Nodata("33.0-63.2.0.192.in-addr.arpa")));
  const Response nodata = Ask(kReverse, RrType::kPtr);
  EXPECT_EQ(nodata.rcode, Rcode::kNoError);
  EXPECT_TRUE(nodata.answer.empty());
  lookups_.On(kInAddr, RrType::kPtr, Failed(LookupKind::kTimeout, Ede::kNoReachableAuthority));
  const Response failed = Ask(kReverse, RrType::kPtr);
  EXPECT_EQ(failed.rcode, Rcode::kServFail);
  EXPECT_EQ(failed.ede.at(0).code, Ede::kNoReachableAuthority);
}

// Covers: D64-44
TEST_F(PipelineTest, AnAliasAtTheIpv4NameIsNotLengthened) {
  lookups_.On(kInAddr, RrType::kPtr,
              Behind({kInAddr, "33.0-63.2.0.192.in-addr.arpa"},
                     Data("33.0-63.2.0.192.in-addr.arpa", RrType::kPtr, 500,
                          {Octets(N("www.example.com"))}),
                     40));
  EXPECT_EQ(Answers(Ask(kReverse, RrType::kPtr)),
            Strings{std::string(kReverse) + ". 40 PTR www.example.com."});
}

// Covers: D64-41, D64-45
TEST_F(PipelineTest, SynthesizeModeHasThePtrItself) {
  policy_.reverse = Dns64Policy::Reverse::kSynthesize;
  lookups_.On(kInAddr, RrType::kPtr,
              Data(kInAddr, RrType::kPtr, 77, {Octets(N("www.example.com"))}));
  EXPECT_EQ(Answers(Ask(kReverse, RrType::kPtr)),
            Strings{std::string(kReverse) + ". 77 PTR www.example.com."});
}

// Covers: D64-46, D64-47
TEST_F(PipelineTest, ReverseNamesAreOrdinaryWithCdOffAndElsewhere) {
  const std::string elsewhere =
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.b.d.0.1.0.0.2.ip6.arpa";
  lookups_.On(kReverse, RrType::kPtr, Nxdomain(kReverse));
  lookups_.On(elsewhere, RrType::kPtr, Nxdomain(elsewhere));
  Inquiry with_cd = Question(kReverse, RrType::kPtr);
  with_cd.cd_bit = true;
  EXPECT_EQ(Ask(with_cd).rcode, Rcode::kNxDomain);
  EXPECT_EQ(Ask(elsewhere, RrType::kPtr).rcode, Rcode::kNxDomain);
  policy_.reverse = Dns64Policy::Reverse::kOff;
  EXPECT_EQ(Ask(kReverse, RrType::kPtr).rcode, Rcode::kNxDomain);
  EXPECT_EQ(lookups_.asked(), (Strings{std::string(kReverse) + ". PTR", elsewhere + ". PTR",
                                       std::string(kReverse) + ". PTR"}));
}

// Covers: D64-48
TEST_F(PipelineTest, ReverseNamesOfTheWellKnownAddressesAreIpv4OnlyArpa) {
  const std::string name =
      "a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
  const Response response = Ask(name, RrType::kPtr);
  EXPECT_TRUE(response.authoritative);
  ASSERT_EQ(response.answer.size(), 1U);
  EXPECT_NE(Answers(response)[0].find("PTR ipv4only.arpa."), std::string::npos);
  EXPECT_TRUE(lookups_.asked().empty());
}

// --- HTTPS and SVCB ---

std::vector<std::uint8_t> Service(std::uint16_t priority, const std::string& target,
                                  const std::vector<std::uint8_t>& params = {}) {
  std::vector<std::uint8_t> rdata = {static_cast<std::uint8_t>(priority >> 8),
                                     static_cast<std::uint8_t>(priority & 0xFF)};
  const std::vector<std::uint8_t> name = Octets(N(target));
  rdata.insert(rdata.end(), name.begin(), name.end());
  rdata.insert(rdata.end(), params.begin(), params.end());
  return rdata;
}

class ServiceTest : public PipelineTest {
 protected:
  void Ipv4Only(const std::string& name, Duration delay = milliseconds(5)) {
    lookups_.On(name, RrType::kA, A(name, 60, {"192.0.2.33"}), delay);
    lookups_.On(name, RrType::kAaaa, Nodata(name), delay);
  }
  void Https(const std::string& name, const std::vector<std::vector<std::uint8_t>>& rdata) {
    lookups_.On(name, RrType::kHttps, Data(name, RrType::kHttps, 300, rdata));
  }
};

// Covers: D64-60, D64-61, D64-62, U14
TEST_F(ServiceTest, TheTargetsAddressComesAlongAndTheHintsStay) {
  const std::vector<std::uint8_t> hints = {0, 4, 0, 4, 192, 0, 2, 33, 0xFF, 0xFE, 0, 1, 7};
  const std::vector<std::uint8_t> rdata = Service(1, ".", hints);
  Https("www.example.com", {rdata});
  Ipv4Only("www.example.com");
  const Response response = Ask("www.example.com", RrType::kHttps);
  ASSERT_EQ(response.answer.size(), 1U);
  const std::span<const std::uint8_t> sent = response.answer[0].rrset->rdata(0);
  EXPECT_EQ(std::vector<std::uint8_t>(sent.begin(), sent.end()), rdata);
  EXPECT_EQ(Lines(response.additional), Strings{"www.example.com. 60 AAAA 2001:db8:64::c000:221"});
}

// Covers: D64-60
TEST_F(ServiceTest, RealAddressesOfATargetComeAlongAsTheyAre) {
  Https("www.example.com", {Service(1, "svc.example.net")});
  lookups_.On("svc.example.net", RrType::kAaaa, Aaaa("svc.example.net", 60, {"2001:db8:1::1"}));
  EXPECT_EQ(Lines(Ask("www.example.com", RrType::kHttps).additional),
            Strings{"svc.example.net. 60 AAAA 2001:db8:1::1"});
}

// Covers: D64-60
TEST_F(ServiceTest, NothingComesAlongWithCdOrWhereItIsSwitchedOff) {
  Https("www.example.com", {Service(1, ".")});
  Ipv4Only("www.example.com");
  Inquiry inquiry = Question("www.example.com", RrType::kHttps);
  inquiry.cd_bit = true;
  EXPECT_TRUE(Ask(inquiry).additional.empty());
  policy_.https_additional = false;
  EXPECT_TRUE(Ask("www.example.com", RrType::kHttps).additional.empty());
  policy_.https_additional = true;
  policy_.enabled = false;
  EXPECT_TRUE(Ask("www.example.com", RrType::kHttps).additional.empty());
}

// Covers: D64-64
TEST_F(ServiceTest, ATargetThatFailsOrIsSlowChangesNothing) {
  Https("www.example.com", {Service(1, "slow.example.net"), Service(2, "broken.example.net")});
  Ipv4Only("slow.example.net", std::chrono::seconds(5));
  lookups_.On("broken.example.net", RrType::kAaaa, Failed(LookupKind::kError, Ede::kOther));
  lookups_.On("broken.example.net", RrType::kA, Failed(LookupKind::kError, Ede::kOther));
  const Response response = Ask("www.example.com", RrType::kHttps);
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  EXPECT_EQ(response.answer[0].rrset->size(), 2U);
  EXPECT_TRUE(response.additional.empty());
  EXPECT_TRUE(response.ede.empty());
  EXPECT_LE(took_, Pipeline::kAdditionalPatience);
}

// Covers: D64-63
TEST_F(ServiceTest, AliasModeIsFollowedAsFarAsItIsAtHandAndNoFurtherThanTheLimit) {
  Https("www.example.com", {Service(0, "a1.example.com")});
  Ipv4Only("pool.example.com");
  lookups_
      .On("a1.example.com", RrType::kHttps,
          Data("a1.example.com", RrType::kHttps, 300, {Service(1, "pool.example.com")}))
      .cached = true;
  EXPECT_EQ(Lines(Ask("www.example.com", RrType::kHttps).additional).back(),
            "pool.example.com. 60 AAAA 2001:db8:64::c000:221");

  for (int i = 1; i < 30; ++i) {
    const std::string name = "a" + std::to_string(i) + ".example.com";
    lookups_
        .On(name, RrType::kHttps,
            Data(name, RrType::kHttps, 300,
                 {Service(0, "a" + std::to_string(i + 1) + ".example.com")}))
        .cached = true;
    Ipv4Only(name);
  }
  EXPECT_LE(Ask("www.example.com", RrType::kHttps).additional.size(),
            static_cast<std::size_t>(Pipeline::kMaxServiceAliases) + 1);
}

TEST_F(ServiceTest, AnAliasWhoseRecordsAreNotAtHandGetsItsAddress) {
  Https("www.example.com", {Service(0, "pool.example.com")});
  Ipv4Only("pool.example.com");
  EXPECT_EQ(Lines(Ask("www.example.com", RrType::kHttps).additional),
            Strings{"pool.example.com. 60 AAAA 2001:db8:64::c000:221"});
}

TEST_F(ServiceTest, OnlyTheFirstTargetsComeAlong) {
  Https("www.example.com", {Service(1, "t1.example.com"), Service(2, "t2.example.com"),
                            Service(3, "t3.example.com"), Service(4, "t1.example.com")});
  for (const char* name : {"t1.example.com", "t2.example.com", "t3.example.com"}) Ipv4Only(name);
  EXPECT_EQ(Ask("www.example.com", RrType::kHttps).additional.size(), Pipeline::kMaxServiceTargets);
}

TEST_F(ServiceTest, RecordsThatAreCutShortAreCarriedAndNotRead) {
  Https("www.example.com", {{0, 1}, {0, 1, 63, 'x'}});
  const Response response = Ask("www.example.com", RrType::kHttps);
  EXPECT_EQ(response.answer[0].rrset->size(), 2U);
  EXPECT_TRUE(response.additional.empty());
}

}  // namespace
}  // namespace resolve64::server
