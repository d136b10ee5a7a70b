// AAAA through the pipeline: what is asked, how long is waited, what the client is told.
#include <gtest/gtest.h>

#include <chrono>

#include "unit/server/scripted_lookups.h"

namespace resolve64::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SynthesisTest : public PipelineTest {
 protected:
  // An IPv4-only name: both answers after 20 ms.
  void Ipv4Only(const std::string& name, std::uint32_t ttl = 3600, std::uint32_t soa_ttl = 300) {
    lookups_.On(name, RrType::kA, A(name, ttl, {"192.0.2.33"}), milliseconds(20));
    lookups_.On(name, RrType::kAaaa, Nodata(name, soa_ttl), milliseconds(20));
  }
};

// Covers: D64-24, D64-26, D64-27
TEST_F(SynthesisTest, AnIpv4OnlyNameGetsAnAddressUnderThePrefix) {
  Ipv4Only("www.example.com");
  const Response response = Ask("www.example.com");
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  EXPECT_EQ(Answers(response), Strings{"www.example.com. 300 AAAA 2001:db8:64::c000:221"});
  EXPECT_TRUE(response.synthesized);
  EXPECT_FALSE(response.authoritative);
}

// Covers: D64-33, B6, B9
TEST_F(SynthesisTest, NothingOfTheDenialStaysInASynthesizedReply) {
  Ipv4Only("www.example.com");
  Answer denial = Nodata("www.example.com");
  denial.proof.push_back(Set(N("www.example.com"), RrType::kNsec, 300, {{0, 0, 1, 0x40}}));
  lookups_.On("www.example.com", RrType::kAaaa, denial);
  Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
  inquiry.do_bit = true;
  const Response response = Ask(inquiry);
  EXPECT_TRUE(response.authority.empty());
  EXPECT_TRUE(response.additional.empty());
  ASSERT_EQ(response.answer.size(), 1U);
  EXPECT_FALSE(response.answer[0].signatures);
}

// Covers: D64-30, B17, U7
TEST_F(SynthesisTest, BothQuestionsAreAskedAtTheSameMoment) {
  Ipv4Only("www.example.com");
  Ask("www.example.com");
  EXPECT_EQ(lookups_.asked(), (Strings{"www.example.com. AAAA", "www.example.com. A"}));
  EXPECT_EQ(took_, milliseconds(20));
}

// Covers: D64-12
TEST_F(SynthesisTest, RealAddressesStayAloneAndTheAQuestionIsDropped) {
  lookups_.On("v6.example.com", RrType::kAaaa, Aaaa("v6.example.com", 300, {"2001:db8:1::1"}),
              milliseconds(5));
  lookups_.On("v6.example.com", RrType::kA, A("v6.example.com", 300, {"192.0.2.1"}),
              milliseconds(50));
  const Response response = Ask("v6.example.com");
  EXPECT_EQ(Answers(response), Strings{"v6.example.com. 300 AAAA 2001:db8:1::1"});
  EXPECT_EQ(lookups_.dropped(), Strings{"v6.example.com. A"});
  EXPECT_EQ(took_, milliseconds(5));
  EXPECT_FALSE(response.synthesized);
}

// Covers: D64-13, B1
TEST_F(SynthesisTest, NxdomainDropsTheAQuestionThatIsUnderWay) {
  lookups_.On("no.example.com", RrType::kAaaa, Nxdomain("no.example.com"), milliseconds(5));
  lookups_.On("no.example.com", RrType::kA, A("no.example.com", 300, {"192.0.2.1"}),
              milliseconds(50));
  const Response response = Ask("no.example.com");
  EXPECT_EQ(response.rcode, Rcode::kNxDomain);
  EXPECT_TRUE(response.answer.empty());
  EXPECT_EQ(SoaOwners(response), Strings{"example.com."});
  EXPECT_EQ(lookups_.dropped(), Strings{"no.example.com. A"});
}

// Covers: D64-13, B1
TEST_F(SynthesisTest, ACachedNxdomainCostsNoQuestion) {
  lookups_.On("no.example.com", RrType::kAaaa, Nxdomain("no.example.com")).cached = true;
  EXPECT_EQ(Ask("no.example.com").rcode, Rcode::kNxDomain);
  EXPECT_TRUE(lookups_.asked().empty());
}

// Covers: T49, U10
TEST_F(SynthesisTest, FromTheCacheAnAnswerIsMadeWithoutWaiting) {
  Ipv4Only("www.example.com");
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com")).cached = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.33"})).cached =
      true;
  net::Started<Response> started(
      scheduler_,
      pipeline_.Handle(Question("www.example.com", RrType::kAaaa), lookups_.NewRequest(nullptr)));
  ASSERT_TRUE(started.done()) << "it has to be there before the batch of packets ends";
  EXPECT_EQ(Answers(started.result()), Strings{"www.example.com. 60 AAAA 2001:db8:64::c000:221"});
  EXPECT_TRUE(lookups_.asked().empty());
}

TEST_F(SynthesisTest, ACachedDenialAsksForAAloneAndACachedAForAaaaAlone) {
  Ipv4Only("one.example.com");
  lookups_.On("one.example.com", RrType::kAaaa, Nodata("one.example.com")).cached = true;
  EXPECT_TRUE(Ask("one.example.com").synthesized);
  EXPECT_EQ(lookups_.asked(), Strings{"one.example.com. A"});
  lookups_.Forget();
  Ipv4Only("two.example.com");
  lookups_.On("two.example.com", RrType::kA, A("two.example.com", 60, {"192.0.2.1"})).cached = true;
  EXPECT_TRUE(Ask("two.example.com").synthesized);
  EXPECT_EQ(lookups_.asked(), Strings{"two.example.com. AAAA"});
}

// Covers: D64-27, D64-28, T43
TEST_F(SynthesisTest, TheTtlIsTheLesserOfAAndDenial) {
  struct Row {
    std::uint32_t a, soa, expected;
  };
  int number = 0;
  for (const Row& row : {Row{3600, 300, 300}, Row{60, 300, 60}, Row{300, 300, 300}}) {
    const std::string name = "t" + std::to_string(number++) + ".example.com";
    Ipv4Only(name, row.a, row.soa);
    EXPECT_EQ(Ask(name).answer.back().ttl, row.expected);
  }
  Ipv4Only("nosoa.example.com", 3600);
  Answer bare = Nodata("nosoa.example.com");
  bare.soa = nullptr;
  lookups_.On("nosoa.example.com", RrType::kAaaa, bare);
  EXPECT_EQ(Ask("nosoa.example.com").answer.back().ttl, 600U);
}

// Covers: D64-28
TEST_F(SynthesisTest, TheTtlRunsDownWithWhatItRestsOn) {
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com", 300)).cached = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 3600, {"192.0.2.33"})).cached =
      true;
  clock_.Advance(seconds(100));
  EXPECT_EQ(Ask("www.example.com").answer.back().ttl, 200U);
}

// Covers: D64-22, D64-23, T27, T29, T47
TEST_F(SynthesisTest, TheChainOfTheALookupIsShownOnceAndTheAddressStandsAtItsEnd) {
  lookups_.On("www.example.com", RrType::kA,
              Behind({"www.example.com", "cdn-a.example.net", "end-a.example.net"},
                     A("end-a.example.net", 100, {"192.0.2.33"})),
              milliseconds(1));
  lookups_.On("www.example.com", RrType::kAaaa,
              Behind({"www.example.com", "cdn-b.example.net"}, Nodata("cdn-b.example.net")),
              milliseconds(2));
  EXPECT_EQ(Answers(Ask("www.example.com")),
            (Strings{"www.example.com. 60 CNAME cdn-a.example.net.",
                     "cdn-a.example.net. 60 CNAME end-a.example.net.",
                     "end-a.example.net. 100 AAAA 2001:db8:64::c000:221"}));
}

// Covers: D64-23, T30
TEST_F(SynthesisTest, AChainThatEndsInNothingKeepsChainAndOneSoa) {
  lookups_.On("www.example.com", RrType::kA,
              Behind({"www.example.com", "x.example.com"}, Nodata("x.example.com")));
  lookups_.On("www.example.com", RrType::kAaaa,
              Behind({"www.example.com", "x.example.com"}, Nodata("x.example.com")));
  const Response nodata = Ask("www.example.com");
  EXPECT_EQ(nodata.rcode, Rcode::kNoError);
  EXPECT_EQ(Answers(nodata), Strings{"www.example.com. 60 CNAME x.example.com."});
  EXPECT_EQ(nodata.authority.size(), 1U);

  lookups_.On("gone.example.com", RrType::kAaaa,
              Behind({"gone.example.com", "x.example.com"}, Nxdomain("x.example.com")));
  const Response nxdomain = Ask("gone.example.com");
  EXPECT_EQ(nxdomain.rcode, Rcode::kNxDomain);
  EXPECT_EQ(Answers(nxdomain), Strings{"gone.example.com. 60 CNAME x.example.com."});
}

// Covers: D64-25
TEST_F(SynthesisTest, WithoutAAddressesTheDenialOfAaaaIsTheReply) {
  lookups_.On("txt.example.com", RrType::kAaaa, Nodata("txt.example.com", 111));
  lookups_.On("txt.example.com", RrType::kA, Nodata("txt.example.com", 222));
  const Response response = Ask("txt.example.com");
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  EXPECT_TRUE(response.answer.empty());
  ASSERT_EQ(response.authority.size(), 1U);
  EXPECT_EQ(response.authority[0].ttl, 111U);
}

// Covers: D64-25, B13
TEST_F(SynthesisTest, AnErrorOfTheALookupIsTheReply) {
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com"));
  lookups_.On("www.example.com", RrType::kA,
              Failed(LookupKind::kError, Ede::kNoReachableAuthority));
  const Response response = Ask("www.example.com");
  EXPECT_EQ(response.rcode, Rcode::kServFail);
  EXPECT_TRUE(response.answer.empty());
  ASSERT_EQ(response.ede.size(), 1U);
  EXPECT_EQ(response.ede[0].code, Ede::kNoReachableAuthority);
}

// Covers: D64-14, T33
TEST_F(SynthesisTest, AnErrorOfTheAaaaLookupCountsAsNone) {
  Ipv4Only("www.example.com");
  lookups_.On("www.example.com", RrType::kAaaa, Failed(LookupKind::kError, Ede::kOther));
  const Response response = Ask("www.example.com");
  EXPECT_TRUE(response.synthesized);
  EXPECT_EQ(response.answer.back().ttl, kTtlAfterFailure);
}

// Covers: D64-15, B2, T33, U7
TEST_F(SynthesisTest, ASilentAaaaIsWaitedForNoLongerThanAClientWaits) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 3600, {"192.0.2.33"}),
              milliseconds(20));
  const Response response = Ask("www.example.com");
  EXPECT_TRUE(response.synthesized);
  EXPECT_EQ(response.answer.back().ttl, kTtlAfterFailure);
  EXPECT_EQ(took_, Pipeline::kAaaaPatience);
}

TEST_F(SynthesisTest, ALateAaaaStillReachesTheCache) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 3600, {"192.0.2.33"}),
              milliseconds(20));
  lookups_.On("www.example.com", RrType::kAaaa, Aaaa("www.example.com", 300, {"2001:db8:1::1"}),
              seconds(3));
  EXPECT_TRUE(Ask("www.example.com").synthesized);
  EXPECT_EQ(lookups_.ended(), Strings{"www.example.com. A"});
  testing::RunUntil(clock_, scheduler_, clock_.Now() + seconds(5));
  EXPECT_EQ(lookups_.ended(), (Strings{"www.example.com. A", "www.example.com. AAAA"}));
}

TEST_F(SynthesisTest, ASlowAIsWaitedForAndThenASilentAaaaNoMore) {
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 3600, {"192.0.2.33"}),
              seconds(3));
  EXPECT_TRUE(Ask("www.example.com").synthesized);
  EXPECT_EQ(took_, seconds(3));
}

TEST_F(SynthesisTest, ASilentAaaaWithoutUsableAIsWaitedForToTheEnd) {
  policy_.exclude_a = {*Network::Parse("192.0.2.0/24")};
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 3600, {"192.0.2.33"}),
              milliseconds(20));
  lookups_.On("www.example.com", RrType::kAaaa, Aaaa("www.example.com", 300, {"2001:db8:1::1"}),
              seconds(3));
  EXPECT_EQ(Answers(Ask("www.example.com")), Strings{"www.example.com. 297 AAAA 2001:db8:1::1"});
}

// Covers: T34, U8
TEST_F(SynthesisTest, WithoutTimeoutInSynthesizeOnSilenceIsWaitedForAndFails) {
  for (const auto on : {Dns64Policy::SynthesizeOn::kNodata, Dns64Policy::SynthesizeOn::kError}) {
    policy_.synthesize_on = on;
    lookups_.On("www.example.com", RrType::kA, A("www.example.com", 3600, {"192.0.2.33"}));
    EXPECT_EQ(Ask("www.example.com").rcode, Rcode::kServFail);
    EXPECT_EQ(took_, seconds(8));
  }
}

// Covers: D64-51, D64-52
TEST_F(SynthesisTest, WithCdTheRawDataIsReturnedAndAIsNotAsked) {
  for (const bool do_bit : {false, true}) {
    lookups_.Forget();
    Ipv4Only("www.example.com");
    Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
    inquiry.cd_bit = true;
    inquiry.do_bit = do_bit;
    const Response response = Ask(inquiry);
    EXPECT_TRUE(response.answer.empty());
    EXPECT_FALSE(response.synthesized);
    EXPECT_EQ(lookups_.asked(), Strings{"www.example.com. AAAA"});
  }
}

// Covers: T56
TEST_F(SynthesisTest, DoAloneIsNoReasonNotToSynthesize) {
  Ipv4Only("www.example.com");
  Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
  inquiry.do_bit = true;
  EXPECT_TRUE(Ask(inquiry).synthesized);
}

// Covers: U12
TEST_F(SynthesisTest, BreakModeSynthesizesWithCdToo) {
  policy_.dnssec_mode = Dns64Policy::DnssecMode::kBreak;
  Ipv4Only("www.example.com");
  Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
  inquiry.cd_bit = inquiry.do_bit = true;
  EXPECT_TRUE(Ask(inquiry).synthesized);
}

// Covers: D64-16
TEST_F(SynthesisTest, ABogusAaaaIsServfailWhateverAIs) {
  Ipv4Only("www.example.com");
  Answer bogus = Failed(LookupKind::kBogus, Ede::kBogus);
  bogus.security = Security::kBogus;
  lookups_.On("www.example.com", RrType::kAaaa, bogus, milliseconds(1));
  const Response response = Ask("www.example.com");
  EXPECT_EQ(response.rcode, Rcode::kServFail);
  EXPECT_EQ(response.ede.at(0).code, Ede::kBogus);
  EXPECT_EQ(lookups_.dropped(), Strings{"www.example.com. A"});
}

// Covers: D64-20, D64-21
TEST_F(SynthesisTest, ExcludedRecordsAreLeftOutAndTheRestGoesUnsigned) {
  lookups_.On("x.example.com", RrType::kAaaa,
              Aaaa("x.example.com", 300, {"::ffff:192.0.2.1", "2001:db8:1::1"}));
  const Response response = Ask("x.example.com");
  EXPECT_EQ(Answers(response), Strings{"x.example.com. 300 AAAA 2001:db8:1::1"});
  EXPECT_FALSE(response.answer[0].signatures);
  EXPECT_TRUE(response.ede.empty());
}

// Covers: D64-19, D64-20
TEST_F(SynthesisTest, WithEverythingExcludedAndNoAThereIsNodataWithOneSoa) {
  lookups_.On("x.example.com", RrType::kAaaa, Aaaa("x.example.com", 300, {"::ffff:192.0.2.1"}));
  lookups_.On("x.example.com", RrType::kA, Nodata("x.example.com"));
  const Response response = Ask("x.example.com");
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  EXPECT_TRUE(response.answer.empty());
  EXPECT_EQ(SoaOwners(response), Strings{"example.com."});
}

// Covers: U11, T13
TEST_F(SynthesisTest, AppendedAddressesComeAfterTheNativeOnesInOneRrset) {
  policy_.append_names = {N("example.com")};
  lookups_.On("x.example.com", RrType::kAaaa, Aaaa("x.example.com", 300, {"2001:db8:1::1"}));
  lookups_.On("x.example.com", RrType::kA, A("x.example.com", 120, {"192.0.2.33"}));
  EXPECT_EQ(Answers(Ask("x.example.com")),
            (Strings{"x.example.com. 120 AAAA 2001:db8:1::1",
                     "x.example.com. 120 AAAA 2001:db8:64::c000:221"}));
}

// Covers: EDE-04
TEST_F(SynthesisTest, AMarkNamesThePrefixes) {
  Ipv4Only("www.example.com");
  const Response marked = Ask("www.example.com");
  ASSERT_EQ(marked.ede.size(), 1U);
  EXPECT_EQ(marked.ede[0].code, Ede::kSynthesized);
  EXPECT_EQ(marked.ede[0].text, "DNS64 2001:db8:64::/96");
  policy_.mark_synthesized = false;
  EXPECT_TRUE(Ask("www.example.com").ede.empty());
}

// Covers: T6
TEST_F(SynthesisTest, WhatAForwardZoneWithoutDns64SaysIsPassedOn) {
  Ipv4Only("www.example.com");
  Answer raw = Nodata("www.example.com");
  raw.dns64_off = true;
  lookups_.On("www.example.com", RrType::kAaaa, raw);
  const Response response = Ask("www.example.com");
  EXPECT_FALSE(response.synthesized);
  EXPECT_EQ(response.authority.size(), 1U);
}

TEST_F(SynthesisTest, WithoutDns64AIsNotAsked) {
  policy_.enabled = false;
  Ipv4Only("www.example.com");
  EXPECT_FALSE(Ask("www.example.com").synthesized);
  EXPECT_EQ(lookups_.asked(), Strings{"www.example.com. AAAA"});
}

// Covers: T4, T5
TEST_F(SynthesisTest, ClientsOverIpv4CanBeLeftOutAndTheAccountSaysWhy) {
  policy_.clients_over_ipv4 = false;
  trace_ = std::make_shared<resolver::Trace>();
  Ipv4Only("www.example.com");
  Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
  inquiry.over_ipv4 = true;
  EXPECT_FALSE(Ask(inquiry).synthesized);
  std::string account;
  for (const resolver::TraceEvent& event : trace_->events()) account += event.message + "\n";
  EXPECT_NE(account.find("clients_over_ipv4"), std::string::npos) << account;
  inquiry.over_ipv4 = false;
  EXPECT_TRUE(Ask(inquiry).synthesized);
}

// Covers: U9
TEST_F(SynthesisTest, TheAccountTellsBothOutcomesAndThePrefix) {
  trace_ = std::make_shared<resolver::Trace>();
  Ipv4Only("www.example.com");
  Ask("www.example.com");
  std::string account;
  for (const resolver::TraceEvent& event : trace_->events()) account += event.message + "\n";
  for (const char* word : {"AAAA and A at once", "AAAA of www.example.com.: NODATA",
                           "A of www.example.com.: 1 records", "2001:db8:64::/96"}) {
    EXPECT_NE(account.find(word), std::string::npos) << word << " is not in\n" << account;
  }
}

// Covers: REC-33
TEST_F(SynthesisTest, WithoutRdOnlyLocalDataAnswers) {
  Ipv4Only("www.example.com");
  Inquiry inquiry = Question("www.example.com", RrType::kAaaa);
  inquiry.reach = Reach::kLocal;
  EXPECT_TRUE(Ask(inquiry).missed);

  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com")).cached = true;
  EXPECT_TRUE(Ask(inquiry).missed) << "what is cached of others is not told";
  EXPECT_TRUE(lookups_.asked().empty());
}

// Covers: T16, LOC-03, REC-33
TEST_F(SynthesisTest, LocalDataWithoutAaaaIsSynthesizedFromWithoutRdToo) {
  Answer denial = Nodata("host.lab.example");
  denial.authoritative = true;
  Answer address = A("host.lab.example", 3600, {"192.0.2.33"});
  address.authoritative = true;
  lookups_.On("host.lab.example", RrType::kAaaa, denial).cached = true;
  lookups_.On("host.lab.example", RrType::kA, address).cached = true;
  Inquiry inquiry = Question("host.lab.example", RrType::kAaaa);
  inquiry.reach = Reach::kLocal;
  const Response response = Ask(inquiry);
  EXPECT_FALSE(response.missed);
  EXPECT_TRUE(response.synthesized);
  EXPECT_TRUE(response.authoritative);
}

// Covers: LIM-09
TEST_F(SynthesisTest, WithoutRoomWhatIsCachedIsStillAnswered) {
  lookups_.On("www.example.com", RrType::kAaaa, Nodata("www.example.com")).cached = true;
  lookups_.On("www.example.com", RrType::kA, A("www.example.com", 60, {"192.0.2.33"})).cached =
      true;
  Ipv4Only("cold.example.com");
  Inquiry warm = Question("www.example.com", RrType::kAaaa);
  warm.reach = Reach::kCached;
  EXPECT_TRUE(Ask(warm).synthesized);
  Inquiry cold = Question("cold.example.com", RrType::kAaaa);
  cold.reach = Reach::kCached;
  EXPECT_TRUE(Ask(cold).missed);
  EXPECT_TRUE(lookups_.asked().empty());
}

}  // namespace
}  // namespace resolve64::server
