// The lookup of RFC 1034 section 4.3.2 in a zone file's zone.
#include <string>

#include "support.h"

namespace resolve64::zone {
namespace {

constexpr const char* kLab = R"($TTL 1h
@       IN SOA ns hostmaster 1 3600 600 86400 300
        IN NS  ns
        IN MX  10 mail
ns         A   192.0.2.1
www     60 A   192.0.2.2
        60 A   192.0.2.3
        60 AAAA 2001:db8::2
v4only     A   192.0.2.4
alias      CNAME www
two        CNAME alias
dangling   CNAME nothing
out        CNAME www.example.com.
other      CNAME host.corp.example.
loop1      CNAME loop2
loop2      CNAME loop1
a.b.c      TXT "text"
*.wild     A   192.0.2.5
           MX  10 mail
sub.wild   TXT "no A here"
*.cwild    CNAME www
*.ent.wild2 A  192.0.2.6
old        DNAME new
old        TXT "at the owner itself"
x.new      A   192.0.2.7
away       DNAME example.com.
sub        NS  ns.sub
sub        NS  ns.example.com.
sub        DS  1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
ns.sub     A   192.0.2.8
unsigned   NS  ns.unsigned
long       DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.dddddddddddddddd
)";

class ZoneFileZone : public testing::Test {
 protected:
  ZoneFileZone() {
    LocalZonesOptions options;
    options.files = {{N("lab.example."), lab_.path()}, {N("corp.example."), corp_.path()}};
    zones_ = Load(options);
  }
  Strings Ask(std::string_view name, RrType type) { return zone::Ask(*zones_, name, type); }

  TempFile lab_{kLab};
  TempFile corp_{
      "@ 3600 IN SOA ns hostmaster 1 3600 600 86400 7200\n@ NS ns\nns A 192.0.2.10\n"
      "host 120 A 192.0.2.11\nback CNAME www.lab.example.\n"};
  std::shared_ptr<const LocalZones> zones_;
};

const Strings kWww = {"NOERROR", "www.lab.example. 60 A 192.0.2.2",
                      "www.lab.example. 60 A 192.0.2.3"};
const Strings kNodata = {"NOERROR", "SOA lab.example. 300"};
const Strings kNxdomain = {"NXDOMAIN", "SOA lab.example. 300"};
const Strings kNotLocal = {"not local"};

TEST_F(ZoneFileZone, AnswersWithTheDataOfTheName) {
  EXPECT_EQ(Ask("www.lab.example.", RrType::kA), kWww);
  EXPECT_EQ(Ask("www.lab.example.", RrType::kAaaa),
            (Strings{"NOERROR", "www.lab.example. 60 AAAA 2001:db8::2"}));
  EXPECT_EQ(Ask("lab.example.", RrType::kNs),
            (Strings{"NOERROR", "lab.example. 3600 NS ns.lab.example."}));
  EXPECT_EQ(Ask("lab.example.", RrType::kSoa), (Strings{"NOERROR", "lab.example. 3600 SOA"}));
  const auto answer = zones_->Find(N("www.lab.example."), RrType::kA);
  EXPECT_TRUE(answer->authoritative);
  EXPECT_EQ(answer->answer[0]->trust(), dns::Trust::kLocal);
}

// Covers: LOC-06
TEST_F(ZoneFileZone, LetterCaseDoesNotMatter) {
  EXPECT_EQ(Ask("WWW.Lab.EXAMPLE.", RrType::kA), kWww);
}

// Covers: LOC-06
TEST_F(ZoneFileZone, NamesAreMatchedByWholeLabels) {
  EXPECT_EQ(Ask("xlab.example.", RrType::kA), kNotLocal);
  EXPECT_EQ(Ask("example.", RrType::kA), kNotLocal);
  EXPECT_EQ(Ask("lab.example.org.", RrType::kA), kNotLocal);
  EXPECT_EQ(Ask(".", RrType::kNs), kNotLocal);
}

// Covers: LOC-03, T16
TEST_F(ZoneFileZone, ANameWithAAloneHasNodataForAaaaSoThatItCanBeSynthesized) {
  EXPECT_EQ(Ask("v4only.lab.example.", RrType::kAaaa), kNodata);
}

// Covers: T16, T30
TEST_F(ZoneFileZone, NegativeAnswersCarryTheSoaWithTheNegativeTtl) {
  EXPECT_EQ(Ask("www.lab.example.", RrType::kTxt), kNodata);
  EXPECT_EQ(Ask("nothing.lab.example.", RrType::kA), kNxdomain);
  // The SOA's own TTL where that is shorter than MINIMUM.
  EXPECT_EQ(Ask("nothing.corp.example.", RrType::kA),
            (Strings{"NXDOMAIN", "SOA corp.example. 3600"}));
}

// Covers: REC-28
TEST_F(ZoneFileZone, EmptyNonTerminalsExist) {
  EXPECT_EQ(Ask("c.lab.example.", RrType::kTxt), kNodata);
  EXPECT_EQ(Ask("b.c.lab.example.", RrType::kA), kNodata);
  EXPECT_EQ(Ask("a.b.c.lab.example.", RrType::kTxt),
            (Strings{"NOERROR", "a.b.c.lab.example. 3600 TXT"}));
  EXPECT_EQ(Ask("x.b.c.lab.example.", RrType::kTxt), kNxdomain);
}

TEST_F(ZoneFileZone, FollowsAliasesInsideTheZone) {
  EXPECT_EQ(Ask("two.lab.example.", RrType::kA),
            (Strings{"NOERROR", "two.lab.example. 3600 CNAME alias.lab.example.",
                     "alias.lab.example. 3600 CNAME www.lab.example.", kWww[1], kWww[2]}));
  EXPECT_EQ(Ask("alias.lab.example.", RrType::kCname),
            (Strings{"NOERROR", "alias.lab.example. 3600 CNAME www.lab.example."}));
  EXPECT_EQ(Ask("alias.lab.example.", RrType::kTxt),
            (Strings{"NOERROR", "alias.lab.example. 3600 CNAME www.lab.example.", kNodata[1]}));
}

// Covers: D64-23
TEST_F(ZoneFileZone, AnAliasToNothingIsNxdomainBehindTheChain) {
  EXPECT_EQ(
      Ask("dangling.lab.example.", RrType::kA),
      (Strings{"NXDOMAIN", "dangling.lab.example. 3600 CNAME nothing.lab.example.", kNxdomain[1]}));
}

TEST_F(ZoneFileZone, AnAliasOutOfLocalDataIsLeftToTheResolver) {
  EXPECT_EQ(Ask("out.lab.example.", RrType::kA),
            (Strings{"NOERROR", "out.lab.example. 3600 CNAME www.example.com.",
                     "follow www.example.com."}));
}

TEST_F(ZoneFileZone, AnAliasIntoAnotherLocalZoneIsFollowed) {
  EXPECT_EQ(Ask("other.lab.example.", RrType::kA),
            (Strings{"NOERROR", "other.lab.example. 3600 CNAME host.corp.example.",
                     "host.corp.example. 120 A 192.0.2.11"}));
  EXPECT_EQ(Ask("other.lab.example.", RrType::kAaaa),
            (Strings{"NOERROR", "other.lab.example. 3600 CNAME host.corp.example.",
                     "SOA corp.example. 3600"}));
}

// Covers: LIM-01, D64-23
TEST_F(ZoneFileZone, ALoopOfAliasesIsServfail) {
  EXPECT_EQ(Ask("loop1.lab.example.", RrType::kA), Strings{"SERVFAIL"});
}

// Covers: LIM-01
TEST(LocalAliases, ElevenAreFollowedAndNoMore) {
  std::string text = "@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\nc11 A 192.0.2.1\n";
  for (int i = 0; i < 11; ++i) {
    text += "c" + std::to_string(i) + " CNAME c" + std::to_string(i + 1) + "\n";
  }
  text += "c CNAME c0\n";
  const TempFile file(text);
  LocalZonesOptions options;
  options.files = {{N("example."), file.path()}};
  const auto zones = Load(options);
  EXPECT_EQ(zones->Find(N("c0.example."), RrType::kA)->answer.size(), 12U);
  EXPECT_EQ(Ask(*zones, "c.example.", RrType::kA), Strings{"SERVFAIL"});
}

// Covers: REC-28
TEST_F(ZoneFileZone, WildcardsAreExpanded) {
  EXPECT_EQ(Ask("a.wild.lab.example.", RrType::kA),
            (Strings{"NOERROR", "a.wild.lab.example. 3600 A 192.0.2.5"}));
  EXPECT_EQ(Ask("a.b.wild.lab.example.", RrType::kA),
            (Strings{"NOERROR", "a.b.wild.lab.example. 3600 A 192.0.2.5"}));
  EXPECT_EQ(Ask("a.wild.lab.example.", RrType::kAaaa), kNodata);
  EXPECT_EQ(
      Ask("A.cwild.lab.example.", RrType::kA),
      (Strings{"NOERROR", "A.cwild.lab.example. 3600 CNAME www.lab.example.", kWww[1], kWww[2]}));
}

// RFC 4592 section 2.2.1: a name that exists, and names below it, are not made from the wildcard.
// Covers: REC-28
TEST_F(ZoneFileZone, WildcardsStandBackFromNamesThatExist) {
  EXPECT_EQ(Ask("sub.wild.lab.example.", RrType::kA), kNodata);
  EXPECT_EQ(Ask("x.sub.wild.lab.example.", RrType::kA), kNxdomain);
  EXPECT_EQ(Ask("wild.lab.example.", RrType::kA), kNodata);
  EXPECT_EQ(Ask("x.wild2.lab.example.", RrType::kA), kNxdomain);
  EXPECT_EQ(Ask("x.ent.wild2.lab.example.", RrType::kA),
            (Strings{"NOERROR", "x.ent.wild2.lab.example. 3600 A 192.0.2.6"}));
}

// Covers: REC-28
TEST_F(ZoneFileZone, AnAsteriskInAQuestionIsTakenLiterally) {
  EXPECT_EQ(Ask("*.wild.lab.example.", RrType::kA),
            (Strings{"NOERROR", "*.wild.lab.example. 3600 A 192.0.2.5"}));
  EXPECT_EQ(Ask("*.lab.example.", RrType::kA), kNxdomain);
}

// Covers: REC-25
TEST_F(ZoneFileZone, ADnameRedirectsTheNamesBelowWithItsOwnTtl) {
  EXPECT_EQ(Ask("x.old.lab.example.", RrType::kA),
            (Strings{"NOERROR", "old.lab.example. 3600 DNAME new.lab.example.",
                     "x.old.lab.example. 3600 CNAME x.new.lab.example.",
                     "x.new.lab.example. 3600 A 192.0.2.7"}));
  EXPECT_EQ(Ask("old.lab.example.", RrType::kTxt),
            (Strings{"NOERROR", "old.lab.example. 3600 TXT"}));
  EXPECT_EQ(Ask("old.lab.example.", RrType::kDname),
            (Strings{"NOERROR", "old.lab.example. 3600 DNAME new.lab.example."}));
  EXPECT_EQ(Ask("old.lab.example.", RrType::kA), kNodata);
  EXPECT_EQ(
      Ask("www.away.lab.example.", RrType::kA),
      (Strings{"NOERROR", "away.lab.example. 3600 DNAME example.com.",
               "www.away.lab.example. 3600 CNAME www.example.com.", "follow www.example.com."}));
}

// Covers: REC-25
TEST_F(ZoneFileZone, ANameThatGetsTooLongIsYxdomain) {
  const std::string label(60, 'x');
  const auto answer = zones_->Find(N(label + "." + "long.lab.example."), RrType::kA);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->rcode, Rcode::kYxDomain);
  ASSERT_EQ(answer->answer.size(), 1U);
  EXPECT_EQ(answer->answer[0]->type(), RrType::kDname);
  EXPECT_FALSE(answer->follow);
}

TEST_F(ZoneFileZone, NamesAtAndBelowADelegationAreNotLocal) {
  for (const char* name : {"sub.lab.example.", "ns.sub.lab.example.", "a.b.sub.lab.example."}) {
    EXPECT_EQ(Ask(name, RrType::kA), kNotLocal) << name;
    EXPECT_EQ(Ask(name, RrType::kNs), kNotLocal) << name;
  }
  EXPECT_EQ(Ask("ns.sub.lab.example.", RrType::kDs), kNotLocal);
}

TEST_F(ZoneFileZone, TheDsOfADelegationIsOurs) {
  EXPECT_EQ(Ask("sub.lab.example.", RrType::kDs), (Strings{"NOERROR", "sub.lab.example. 3600 DS"}));
  EXPECT_EQ(Ask("unsigned.lab.example.", RrType::kDs), kNodata);
}

// Covers: LOC-05
TEST_F(ZoneFileZone, TheDsOfItsApexIsTheParents) {
  EXPECT_EQ(Ask("lab.example.", RrType::kDs), kNotLocal);
  EXPECT_EQ(Ask("www.lab.example.", RrType::kDs), kNodata);
}

TEST_F(ZoneFileZone, AnyGetsEveryRrsetOfTheName) {
  EXPECT_EQ(Ask("www.lab.example.", RrType::kAny),
            (Strings{"NOERROR", kWww[1], kWww[2], "www.lab.example. 60 AAAA 2001:db8::2"}));
  EXPECT_EQ(Ask("alias.lab.example.", RrType::kAny),
            (Strings{"NOERROR", "alias.lab.example. 3600 CNAME www.lab.example."}));
  EXPECT_EQ(Ask("c.lab.example.", RrType::kAny), kNodata);
}

TEST(ZoneFileZones, TheDeepestZoneAnswersAndItsParentHasTheDs) {
  const TempFile parent(
      "@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\nchild NS ns.child\nchild DS 1 13 2 "
      "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n");
  const TempFile child("@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\nwww A 192.0.2.1\n");
  LocalZonesOptions options;
  options.files = {{N("example."), parent.path()},
                   {N("child.example."), child.path()},
                   {N("a.deep.example."), child.path()}};
  const auto zones = Load(options);
  EXPECT_EQ(Ask(*zones, "www.child.example.", RrType::kA),
            (Strings{"NOERROR", "www.child.example. 60 A 192.0.2.1"}));
  EXPECT_EQ(Ask(*zones, "child.example.", RrType::kDs),
            (Strings{"NOERROR", "child.example. 60 DS"}));
  // Nothing leads there from the parent, and still it must not be denied.
  EXPECT_EQ(Ask(*zones, "a.deep.example.", RrType::kDs), (Strings{"NOERROR", "SOA example. 5"}));
  EXPECT_EQ(Ask(*zones, "deep.example.", RrType::kA), (Strings{"NOERROR", "SOA example. 5"}));
  EXPECT_EQ(Ask(*zones, "deeper.example.", RrType::kA), (Strings{"NXDOMAIN", "SOA example. 5"}));
}

TEST(ZoneFileZones, SignaturesStayWithTheirRrset) {
  const TempFile file(
      "@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\n*.w 60 A 192.0.2.1\n"
      "*.w 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA\n");
  LocalZonesOptions options;
  options.files = {{N("example."), file.path()}};
  const auto zones = Load(options);
  const auto answer = zones->Find(N("a.w.example."), RrType::kA);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->answer.size(), 1U);
  EXPECT_EQ(answer->answer[0]->signature_count(), 1U);
  EXPECT_EQ(zones->Find(N("a.w.example."), RrType::kRrsig)->answer.size(), 0U);
}

}  // namespace
}  // namespace resolve64::zone
