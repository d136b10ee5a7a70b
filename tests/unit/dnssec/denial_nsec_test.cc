// Proof by NSEC: the examples of RFC 4035 appendix B, and each rule by itself.

#include <gtest/gtest.h>

#include "dnssec/denial.h"
#include "unit/dnssec/denial_support.h"

namespace resolve64::dnssec {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): these are the words of the tests
using Kind = Denial::Kind;

const RrType kA = RrType::kA;
const RrType kAaaa = RrType::kAaaa;
const RrType kMx = RrType::kMx;
const RrType kNs = RrType::kNs;
const RrType kSoa = RrType::kSoa;

class NsecTest : public ::testing::Test {
 protected:
  Denial Nxdomain(const Records& records, std::string_view name) {
    return Proof(zone, records, kMaxIterations, work).Nxdomain(N(name));
  }
  Denial Nodata(const Records& records, std::string_view name, RrType type) {
    return Proof(zone, records, kMaxIterations, work).Nodata(N(name), type);
  }
  Denial NoCloser(const Records& records, std::string_view name, std::uint8_t labels) {
    return Proof(zone, records, kMaxIterations, work).NoCloserName(N(name), labels);
  }
  NoDs NoDsAt(const Records& records, std::string_view name) {
    return Proof(zone, records, kMaxIterations, work).NoDsAt(N(name));
  }
  static void ExpectNotProved(const Denial& denial, std::string_view text) {
    EXPECT_EQ(denial.kind, Kind::kNotProved) << denial.text;
    EXPECT_EQ(denial.ede, Ede::kNsecMissing);
    EXPECT_EQ(denial.text, text);
    EXPECT_TRUE(denial.used.empty());
    EXPECT_FALSE(denial.limited);
  }
  static void ExpectProved(const Denial& denial, const Records& used) {
    EXPECT_EQ(denial.kind, Kind::kProved) << denial.text;
    EXPECT_EQ(denial.ede, std::nullopt);
    EXPECT_EQ(denial.used, used);
  }

  Name zone = N("example");
  Work work;

  // RFC 4035 appendix A.
  RrsetPtr apex = NsecOf("example", "a.example", {kNs, kSoa, kMx, RrType::kDnskey});
  RrsetPtr a = NsecOf("a.example", "ai.example", {kNs, RrType::kDs});
  RrsetPtr ai = NsecOf("ai.example", "b.example", {kA, RrType::kHinfo, kAaaa});
  RrsetPtr b = NsecOf("b.example", "ns1.example", {kNs});
  RrsetPtr ns1 = NsecOf("ns1.example", "ns2.example", {kA});
  RrsetPtr ns2 = NsecOf("ns2.example", "*.w.example", {kA});
  RrsetPtr star_w = NsecOf("*.w.example", "x.w.example", {kMx});
  RrsetPtr x_w = NsecOf("x.w.example", "x.y.w.example", {kMx});
  RrsetPtr x_y_w = NsecOf("x.y.w.example", "xx.example", {kMx});
  RrsetPtr xx = NsecOf("xx.example", "example", {kA, RrType::kHinfo, kAaaa});
};

// Covers: SEC-20
TEST_F(NsecTest, Rfc4035B2NameError) {
  ExpectProved(Nxdomain({b, apex}, "ml.example"), {b, apex});
  ExpectNotProved(Nxdomain({apex}, "ml.example"), "no NSEC covers ml.example.");
  ExpectNotProved(Nxdomain({b}, "ml.example"), "no NSEC covers *.example.");
}

// Covers: SEC-20
TEST_F(NsecTest, Rfc4035B3NoData) {
  ExpectProved(Nodata({ns1}, "ns1.example", kMx), {ns1});
  ExpectNotProved(Nodata({ns1}, "ns1.example", kA), "the NSEC of ns1.example. has A");
  ExpectNotProved(Nodata({ns1}, "ns2.example", kMx), "no NSEC matches or covers ns2.example.");
}

// Covers: SEC-05
TEST_F(NsecTest, Rfc4035B5ReferralToAnUnsignedZone) {
  const NoDs no_ds = NoDsAt({b}, "b.example");
  ExpectProved(no_ds.denial, {b});
  EXPECT_TRUE(no_ds.delegation);
}

// Covers: SEC-13
TEST_F(NsecTest, Rfc4035B6WildcardExpansion) {
  ExpectProved(NoCloser({x_y_w}, "a.z.w.example", 2), {x_y_w});
}

// Covers: SEC-20
TEST_F(NsecTest, Rfc4035B7WildcardNoData) {
  ExpectProved(Nodata({x_y_w, star_w}, "a.z.w.example", kAaaa), {x_y_w, star_w});
  ExpectNotProved(Nodata({x_y_w, star_w}, "a.z.w.example", kMx), "the NSEC of *.w.example. has MX");
  ExpectNotProved(Nodata({x_y_w}, "a.z.w.example", kAaaa), "no NSEC matches *.w.example.");
}

// Covers: SEC-26
TEST_F(NsecTest, Rfc4035B8TheApexSaysNothingOfItsOwnDs) {
  const NoDs no_ds = NoDsAt({apex}, "example");
  ExpectNotProved(no_ds.denial, "only the parent of example. knows of its DS");
  EXPECT_FALSE(no_ds.delegation);
  ExpectNotProved(Nodata({apex}, "example", RrType::kDs),
                  "only the parent of example. knows of its DS");
}

// Covers: SEC-26
TEST_F(NsecTest, AnApexNsecDoesNotDenyDsToTheParent) {
  // The child's NSEC, as if the parent had signed it.
  const RrsetPtr child = NsecOf("c.example", "d.example", {kNs, kSoa});
  const NoDs no_ds = NoDsAt({child}, "c.example");
  ExpectNotProved(no_ds.denial, "the NSEC of c.example. is of the child zone");
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-26
TEST_F(NsecTest, TheRootHasNoParentThatCouldHaveItsDs) {
  zone = N(".");
  const RrsetPtr root = NsecOf(".", "aaa", {kNs, kSoa}, {.zone = N(".")});
  const NoDs no_ds = NoDsAt({root}, ".");
  ExpectProved(no_ds.denial, {root});
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-05
TEST_F(NsecTest, ADsIsNotDeniedWhereItIs) {
  const NoDs no_ds = NoDsAt({a}, "a.example");
  ExpectNotProved(no_ds.denial, "the NSEC of a.example. has DS");
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-05
TEST_F(NsecTest, ANameWithoutNsIsNoDelegation) {
  const NoDs no_ds = NoDsAt({ns1}, "ns1.example");
  ExpectProved(no_ds.denial, {ns1});
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-05
TEST_F(NsecTest, ADsIsNotDeniedWhereACnameIs) {
  const RrsetPtr alias = NsecOf("c.example", "d.example", {RrType::kCname});
  ExpectNotProved(NoDsAt({alias}, "c.example").denial, "the NSEC of c.example. has CNAME");
}

// Covers: SEC-05
TEST_F(NsecTest, ANameThatIsNotThereHasNoDs) {
  const NoDs no_ds = NoDsAt({b, apex}, "ml.example");
  ExpectProved(no_ds.denial, {b, apex});
  EXPECT_FALSE(no_ds.delegation);
  ExpectNotProved(NoDsAt({b}, "ml.example").denial, "no NSEC covers *.example.");
}

// Covers: SEC-05
TEST_F(NsecTest, AnEmptyNonTerminalHasNoDs) {
  const NoDs no_ds = NoDsAt({ns2}, "w.example");
  ExpectProved(no_ds.denial, {ns2});
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-20
TEST_F(NsecTest, AnEmptyNonTerminalHasNoDataOfAnyType) {
  ExpectProved(Nodata({ns2}, "w.example", kA), {ns2});
  ExpectProved(Nodata({x_w}, "y.w.example", kMx), {x_w});
}

// Covers: SEC-20
TEST_F(NsecTest, AnEmptyNonTerminalIsNoNxdomain) {
  ExpectNotProved(Nxdomain({ns2, apex}, "w.example"), "w.example. is an empty non-terminal");
  ExpectNotProved(NoCloser({ns2}, "w.example", 1), "w.example. is an empty non-terminal");
}

// Covers: SEC-20
TEST_F(NsecTest, BesideAnEmptyNonTerminalThereIsItsWildcard) {
  ExpectNotProved(Nxdomain({x_y_w, star_w}, "a.z.w.example"), "no NSEC covers *.w.example.");
  // y.w.example exists only because of x.y.w.example.
  ExpectProved(Nxdomain({x_y_w, x_w}, "z.y.w.example"), {x_y_w, x_w});
}

// Covers: SEC-20
TEST_F(NsecTest, OneRecordMayCoverNameAndWildcard) {
  ExpectProved(Nxdomain({xx}, "z.xx.example"), {xx});
}

// Covers: SEC-20
TEST_F(NsecTest, TheLastNsecReachesToTheEndOfTheZone) {
  ExpectProved(Nxdomain({apex, xx}, "zzz.example"), {apex, xx});
  ExpectNotProved(Nxdomain({xx}, "test"), "test. is not in example.");
}

// Covers: SEC-20
TEST_F(NsecTest, ZoneOfOneNameDeniesAllOthers) {
  const RrsetPtr alone = NsecOf("example", "example", {kNs, kSoa});
  ExpectProved(Nxdomain({alone}, "a.b.example"), {alone});
  ExpectProved(Nodata({alone}, "example", kA), {alone});
  ExpectNotProved(Nxdomain({alone}, "example"), "the NSEC of example. says that it exists");
}

// Covers: SEC-20
TEST_F(NsecTest, OnlyTheLastNsecPointsBackwards) {
  const RrsetPtr backwards = NsecOf("m.example", "c.example", {kA});
  ExpectNotProved(Nxdomain({backwards, apex}, "z.example"), "no NSEC covers z.example.");
  ExpectNotProved(Nxdomain({backwards, apex}, "b.example"), "no NSEC covers b.example.");
}

// Covers: SEC-20
TEST_F(NsecTest, NamesAreComparedInCanonicalOrderAndAnyLetterCase) {
  const RrsetPtr record = NsecOf("NS1.Example", "Z.eXample", {kA});
  ExpectProved(Nodata({record}, "ns1.EXAMPLE", kMx), {record});
  // z.example < a.z.example, and \200.example comes after them.
  ExpectProved(NoCloser({record}, "zz.ns1.example", 2), {record});
  ExpectNotProved(NoCloser({record}, "a.z.example", 1), "no NSEC covers a.z.example.");
  ExpectNotProved(NoCloser({record}, "\\200.example", 1), "no NSEC covers \\200.example.");
}

// Covers: SEC-20
TEST_F(NsecTest, ACnameIsNotNodata) {
  const RrsetPtr alias = NsecOf("c.example", "d.example", {RrType::kCname});
  ExpectNotProved(Nodata({alias}, "c.example", kAaaa), "the NSEC of c.example. has CNAME");
  const RrsetPtr star = NsecOf("*.example", "a.example", {RrType::kCname});
  ExpectNotProved(Nodata({star, b}, "c.example", kAaaa), "the NSEC of *.example. has CNAME");
}

// Covers: SEC-20
TEST_F(NsecTest, AWildcardThatIsAnEmptyNonTerminalHasNoData) {
  const RrsetPtr record = NsecOf("example", "x.*.example", {kNs, kSoa});
  const RrsetPtr below = NsecOf("x.*.example", "example", {kA});
  ExpectProved(Nodata({record, below}, "c.example", kA), {record, below});
  ExpectNotProved(Nxdomain({record, below}, "c.example"), "*.example. is an empty non-terminal");
}

// Covers: SEC-20
TEST_F(NsecTest, AWildcardIsAskedForByItsOwnName) {
  ExpectProved(Nodata({star_w}, "*.w.example", kA), {star_w});
  ExpectNotProved(Nodata({star_w}, "*.w.example", kMx), "the NSEC of *.w.example. has MX");
  ExpectProved(Nxdomain({apex}, "*.example"), {apex});
}

// Covers: SEC-13
TEST_F(NsecTest, AWildcardAnswerNeedsThatNoCloserNameExists) {
  // y.w.example is closer to a.y.w.example than *.w.example.
  ExpectNotProved(NoCloser({x_w}, "a.y.w.example", 2),
                  "y.w.example. is closer to a.y.w.example. than the wildcard");
  ExpectNotProved(NoCloser({xx}, "a.z.w.example", 2), "no NSEC covers a.z.w.example.");
  ExpectNotProved(NoCloser({star_w}, "x.w.example", 2), "no NSEC covers x.w.example.");
}

// Covers: SEC-13
TEST_F(NsecTest, AWildcardHasFewerLabelsThanWhatItMakesAndStandsInTheZone) {
  ExpectNotProved(NoCloser({b}, "c.example", 2), "no wildcard of 2 labels makes c.example.");
  ExpectNotProved(NoCloser({b}, "c.example", 0), "no wildcard of 0 labels makes c.example.");
}

// Covers: SEC-21
TEST_F(NsecTest, ADelegationSaysNothingOfWhatIsBelowIt) {
  ExpectNotProved(Nxdomain({b, apex}, "www.b.example"), "no NSEC covers www.b.example.");
  ExpectNotProved(Nodata({b}, "www.b.example", kA), "no NSEC matches or covers www.b.example.");
  ExpectNotProved(NoCloser({b}, "www.b.example", 1), "no NSEC covers www.b.example.");
  ExpectNotProved(NoDsAt({b, apex}, "www.b.example").denial, "no NSEC covers www.b.example.");
}

// Covers: SEC-21
TEST_F(NsecTest, ADelegationSaysNothingOfItselfButDs) {
  ExpectNotProved(Nodata({b}, "b.example", kA), "the NSEC of b.example. is of a delegation");
  ExpectNotProved(Nodata({b}, "b.example", kNs), "the NSEC of b.example. has NS");
  ExpectProved(Nodata({b}, "b.example", RrType::kDs), {b});
}

// Covers: SEC-21
TEST_F(NsecTest, ADelegationStillSaysWhatIsBesideIt) {
  ExpectProved(Nxdomain({b, apex}, "c.example"), {b, apex});
}

// Covers: SEC-21
TEST_F(NsecTest, ADnameSaysNothingOfWhatIsBelowIt) {
  const RrsetPtr dname = NsecOf("b.example", "ns1.example", {RrType::kDname});
  ExpectNotProved(Nxdomain({dname, apex}, "www.b.example"), "no NSEC covers www.b.example.");
  ExpectNotProved(NoCloser({dname}, "www.b.example", 1), "no NSEC covers www.b.example.");
  ExpectProved(Nodata({dname}, "b.example", kA), {dname});
  ExpectProved(Nxdomain({dname, apex}, "c.example"), {dname, apex});
}

// Covers: SEC-21
TEST_F(NsecTest, AnApexWithDnameSaysNothingOfTheWholeZone) {
  const RrsetPtr dname = NsecOf("example", "example", {kNs, kSoa, RrType::kDname});
  ExpectNotProved(Nxdomain({dname}, "www.example"), "no NSEC covers www.example.");
}

// Covers: SEC-21
TEST_F(NsecTest, AWildcardDelegationIsNoNodata) {
  const RrsetPtr star = NsecOf("*.example", "a.example", {kNs});
  ExpectNotProved(Nodata({star, b}, "c.example", kA), "the NSEC of *.example. is of a delegation");
}

// Covers: SEC-26, CAC-09, ATK-21
TEST_F(NsecTest, ANextNameOutsideTheZoneMakesARecordUseless) {
  const RrsetPtr outside = NsecOf("b.example", "test", {kA});
  ExpectNotProved(Nxdomain({outside}, "c.example"), "no NSEC or NSEC3 of example.");
  ExpectNotProved(Nodata({outside}, "b.example", kMx), "no NSEC or NSEC3 of example.");
}

// Covers: SEC-26, ATK-21
TEST_F(NsecTest, AnOwnerOutsideTheZoneMakesARecordUseless) {
  const RrsetPtr outside = NsecOf("test", "example", {kA});
  const RrsetPtr root = NsecOf(".", "zzz.example", {kNs, kSoa}, {.zone = N(".")});
  ExpectNotProved(Nxdomain({outside, root}, "c.example"), "no NSEC or NSEC3 of example.");
}

// Covers: SEC-26, ATK-21
TEST_F(NsecTest, ANameOutsideTheZoneIsNotDenied) {
  ExpectNotProved(Nxdomain({apex, b}, "c.test"), "c.test. is not in example.");
  ExpectNotProved(Nodata({apex, b}, ".", kA), ". is not in example.");
  ExpectNotProved(NoDsAt({apex, b}, "test").denial, "test. is not in example.");
}

// Covers: CAC-09, ATK-21
TEST_F(NsecTest, ARecordThatAWildcardMadeIsUseless) {
  // An NSEC of *.example, replayed under another name.
  const RrsetPtr expanded = NsecOf("c.example", "z.example", {kA}, {.fewer_labels = 1});
  ExpectNotProved(Nodata({expanded}, "c.example", kAaaa), "no NSEC or NSEC3 of example.");
  ExpectNotProved(NoCloser({expanded}, "d.example", 1), "no NSEC or NSEC3 of example.");
}

// Covers: SEC-26
TEST_F(NsecTest, SeveralRecordsAtOneNameAreUseless) {
  dns::RrsetBuilder builder(N("b.example"), RrType::kNsec);
  builder.Add(b->rdata(0), 3600);
  builder.Add(ns1->rdata(0), 3600);
  const RrsetPtr two = builder.Build(kNow, dns::Trust::kAuthAuthority);
  EXPECT_TRUE(Proof(zone, Records{two, nullptr}, kMaxIterations, work).empty());
}

// Covers: SEC-26
TEST_F(NsecTest, MalformedRecordsAndOtherTypesAreUseless) {
  const RrsetPtr cut = Make(N("b.example"), RrType::kNsec, {1, 'c'}, {});
  const RrsetPtr bitmap = Make(N("b.example"), RrType::kNsec, {1, 'c', 0, 0, 33}, {});
  const RrsetPtr address = Make(N("b.example"), kA, {192, 0, 2, 1}, {});
  EXPECT_TRUE(Proof(zone, Records{cut, bitmap, address}, kMaxIterations, work).empty());
}

// Covers: SEC-27
TEST_F(NsecTest, CompactDenialIsNodataOfEveryType) {
  const RrsetPtr compact = NsecOf("c.example", "\\000.c.example", {RrType::kNxname});
  ExpectProved(Nodata({compact}, "c.example", kA), {compact});
  ExpectProved(Nodata({compact}, "c.example", kAaaa), {compact});
  const NoDs no_ds = NoDsAt({compact}, "c.example");
  ExpectProved(no_ds.denial, {compact});
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-27
TEST_F(NsecTest, CompactDenialProvesNxdomainWhereAServerSaysSo) {
  const RrsetPtr compact = NsecOf("c.example", "\\000.c.example", {RrType::kNxname});
  ExpectProved(Nxdomain({compact}, "c.example"), {compact});
  ExpectNotProved(Nxdomain({compact}, "d.c.example"), "no NSEC covers d.c.example.");
  const RrsetPtr empty = NsecOf("c.example", "\\000.c.example", {});
  ExpectProved(Nodata({empty}, "c.example", kA), {empty});
  ExpectNotProved(Nxdomain({empty}, "c.example"), "the NSEC of c.example. says that it exists");
}

TEST_F(NsecTest, OnlyWhatAProofNeedsIsUsedInTheOrderGiven) {
  ExpectProved(Nxdomain({xx, apex, ns1, b, a}, "ml.example"), {apex, b});
  ExpectProved(Nodata({star_w, xx, x_y_w, apex}, "a.z.w.example", kAaaa), {star_w, x_y_w});
  ExpectProved(NoDsAt({apex, a, b}, "b.example").denial, {b});
}

TEST_F(NsecTest, NsecCostsNoHashes) {
  work = Work{0, 0};
  ExpectProved(Nxdomain({b, apex}, "ml.example"), {b, apex});
}

TEST_F(NsecTest, WithoutRecordsNothingIsProved) {
  EXPECT_TRUE(Proof(zone, {}, kMaxIterations, work).empty());
  ExpectNotProved(Nxdomain({}, "c.example"), "no NSEC or NSEC3 of example.");
  ExpectNotProved(Nodata({}, "c.example", kA), "no NSEC or NSEC3 of example.");
  ExpectNotProved(NoCloser({}, "c.example", 1), "no NSEC or NSEC3 of example.");
  ExpectNotProved(NoDsAt({}, "c.example").denial, "no NSEC or NSEC3 of example.");
}

}  // namespace
}  // namespace resolve64::dnssec
