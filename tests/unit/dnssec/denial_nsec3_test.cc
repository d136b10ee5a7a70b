// Proof by NSEC3: each rule of RFC 5155 section 8 by itself, and what it may cost.

#include <gtest/gtest.h>

#include "dnssec/denial.h"
#include "unit/dnssec/denial_support.h"

namespace resolve64::dnssec {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): these are the words of the tests
using Kind = Denial::Kind;

const RrType kA = RrType::kA;
const RrType kAaaa = RrType::kAaaa;
const RrType kNs = RrType::kNs;
const RrType kSoa = RrType::kSoa;
const RrType kSig = RrType::kRrsig;

const Parameters kPlain{.iterations = 1, .salt = {0xab}};
const Parameters kOptOut{.flags = 1, .iterations = 1, .salt = {0xab}};

class Nsec3Test : public ::testing::Test {
 protected:
  Proof Of(const Records& records) { return {zone, records, kMaxIterations, work}; }
  static void ExpectProved(const Denial& denial, const Records& used) {
    EXPECT_EQ(denial.kind, Kind::kProved) << denial.text;
    EXPECT_EQ(denial.ede, std::nullopt);
    EXPECT_EQ(denial.used, used);
  }
  static void ExpectInsecure(const Denial& denial, const Records& used) {
    EXPECT_EQ(denial.kind, Kind::kInsecure) << denial.text;
    EXPECT_EQ(denial.used, used);
  }
  static void ExpectNotProved(const Denial& denial, std::string_view text) {
    EXPECT_EQ(denial.kind, Kind::kNotProved) << denial.text;
    EXPECT_EQ(denial.ede, Ede::kNsecMissing);
    EXPECT_EQ(denial.text, text);
    EXPECT_TRUE(denial.used.empty());
    EXPECT_FALSE(denial.limited);
  }

  Name zone = N("example");
  Work work;
  RrsetPtr apex = Matching("example", {kNs, kSoa, kSig}, kPlain);
  RrsetPtr no_c = Covering("c.example", kPlain);
  RrsetPtr no_star = Covering("*.example", kPlain);
  RrsetPtr star = Matching("*.example", {kA, kSig}, kPlain);
};

// Covers: SEC-23
TEST_F(Nsec3Test, NxdomainNeedsEncloserNextCloserAndWildcard) {
  ExpectProved(Of({apex, no_c, no_star}).Nxdomain(N("c.example")), {apex, no_c, no_star});
  ExpectProved(Of({no_star, no_c, apex}).Nxdomain(N("a.b.c.example")), {no_star, no_c, apex});
  ExpectNotProved(Of({no_c, no_star}).Nxdomain(N("c.example")),
                  "no NSEC3 matches example., the closest encloser");
  ExpectNotProved(Of({apex, no_star}).Nxdomain(N("c.example")),
                  "no NSEC3 covers c.example. or a name above it");
  ExpectNotProved(Of({apex, no_c}).Nxdomain(N("c.example")), "no NSEC3 covers *.example.");
}

// Covers: SEC-23
TEST_F(Nsec3Test, ANameThatIsMatchedExists) {
  const RrsetPtr c = Matching("c.example", {kA, kSig}, kPlain);
  ExpectNotProved(Of({apex, c, no_star}).Nxdomain(N("c.example")),
                  "the NSEC3 of c.example. says that it exists");
  ExpectNotProved(Of({apex}).Nxdomain(N("example")), "the NSEC3 of example. says that it exists");
}

// Covers: SEC-23
TEST_F(Nsec3Test, NodataNeedsTypeAndCnameAbsent) {
  const RrsetPtr c = Matching("c.example", {kA, kSig}, kPlain);
  const RrsetPtr alias = Matching("d.example", {RrType::kCname, kSig}, kPlain);
  ExpectProved(Of({c}).Nodata(N("C.example"), kAaaa), {c});
  ExpectNotProved(Of({c}).Nodata(N("c.example"), kA), "the NSEC3 of c.example. has A");
  ExpectNotProved(Of({alias}).Nodata(N("d.example"), kA), "the NSEC3 of d.example. has CNAME");
}

// Covers: SEC-23
TEST_F(Nsec3Test, WildcardNodataNeedsTheWildcardWithoutTheType) {
  ExpectProved(Of({apex, no_c, star}).Nodata(N("c.example"), kAaaa), {apex, no_c, star});
  ExpectNotProved(Of({apex, no_c, star}).Nodata(N("c.example"), kA),
                  "the NSEC3 of *.example. has A");
  ExpectNotProved(Of({apex, no_c}).Nodata(N("c.example"), kAaaa),
                  "no NSEC3 matches c.example. or *.example.");
  ExpectNotProved(Of({apex, no_c, no_star}).Nodata(N("c.example"), kAaaa),
                  "no NSEC3 matches c.example. or *.example.");
}

// Covers: SEC-13, SEC-23
TEST_F(Nsec3Test, AWildcardAnswerNeedsTheNextCloserNameDenied) {
  ExpectProved(Of({no_c}).NoCloserName(N("a.c.example"), 1), {no_c});
  ExpectNotProved(Of({no_c}).NoCloserName(N("a.d.example"), 1), "no NSEC3 covers d.example.");
  ExpectNotProved(Of({no_c}).NoCloserName(N("c.example"), 0),
                  "no wildcard of 0 labels makes c.example.");
}

// Covers: SEC-25
TEST_F(Nsec3Test, WhatRestsOnAnOptOutSpanIsInsecure) {
  const RrsetPtr opt_out = Covering("c.example", kOptOut);
  ExpectInsecure(Of({apex, opt_out, no_star}).Nxdomain(N("c.example")), {apex, opt_out, no_star});
  ExpectInsecure(Of({apex, opt_out, star}).Nodata(N("c.example"), kAaaa), {apex, opt_out, star});
  ExpectInsecure(Of({opt_out}).NoCloserName(N("c.example"), 1), {opt_out});
  // Only the next closer name matters (RFC 5155 section 9.2).
  const RrsetPtr wide = Covering("*.example", kOptOut);
  ExpectProved(Of({apex, no_c, wide}).Nxdomain(N("c.example")), {apex, no_c, wide});
}

// Covers: SEC-05, SEC-23
TEST_F(Nsec3Test, NoDsAtADelegationByItsOwnRecord) {
  const RrsetPtr cut = Matching("c.example", {kNs}, kPlain);
  const NoDs no_ds = Of({cut}).NoDsAt(N("c.example"));
  ExpectProved(no_ds.denial, {cut});
  EXPECT_TRUE(no_ds.delegation);
}

// Covers: SEC-05
TEST_F(Nsec3Test, NoDsIsNotProvedByADelegationWithDsNorByTheChild) {
  const RrsetPtr with_ds = Matching("c.example", {kNs, RrType::kDs, kSig}, kPlain);
  const RrsetPtr child = Matching("c.example", {kNs, kSoa, kSig}, kPlain);
  const RrsetPtr alias = Matching("c.example", {RrType::kCname, kSig}, kPlain);
  ExpectNotProved(Of({with_ds}).NoDsAt(N("c.example")).denial, "the NSEC3 of c.example. has DS");
  ExpectNotProved(Of({child}).NoDsAt(N("c.example")).denial,
                  "the NSEC3 of c.example. is of the child zone");
  ExpectNotProved(Of({alias}).NoDsAt(N("c.example")).denial, "the NSEC3 of c.example. has CNAME");
}

// Covers: SEC-05, SEC-23
TEST_F(Nsec3Test, NoDsByOptOutLeavesOpenWhetherThereIsADelegation) {
  const RrsetPtr opt_out = Covering("c.example", kOptOut);
  const NoDs no_ds = Of({apex, opt_out}).NoDsAt(N("c.example"));
  ExpectInsecure(no_ds.denial, {apex, opt_out});
  EXPECT_EQ(no_ds.denial.ede, std::nullopt);
}

// Covers: SEC-05, SEC-23
TEST_F(Nsec3Test, NoDsByACoverWithoutOptOutNeedsTheWholeProof) {
  ExpectNotProved(Of({apex, no_c}).NoDsAt(N("c.example")).denial, "no NSEC3 covers *.example.");
  ExpectProved(Of({apex, no_c, no_star}).NoDsAt(N("c.example")).denial, {apex, no_c, no_star});
  ExpectProved(Of({apex, no_c, star}).NoDsAt(N("c.example")).denial, {apex, no_c, star});
}

// Covers: SEC-23
TEST_F(Nsec3Test, AnEmptyNonTerminalOfOptOutDelegationsHasNoRecord) {
  const RrsetPtr opt_out = Covering("c.example", kOptOut);
  ExpectInsecure(Of({apex, opt_out}).Nodata(N("c.example"), kA), {apex, opt_out});
}

// Covers: SEC-26
TEST_F(Nsec3Test, TheRootHasNoParentThatCouldHaveItsDs) {
  zone = N(".");
  const RrsetPtr root = Matching(".", {kNs, kSoa, kSig}, kPlain, {.zone = N(".")});
  ExpectProved(Of({root}).NoDsAt(N(".")).denial, {root});
  zone = N("example");
  ExpectNotProved(Of({apex}).NoDsAt(N("example")).denial,
                  "only the parent of example. knows of its DS");
}

// Covers: SEC-21
TEST_F(Nsec3Test, ADelegationSaysNothingOfItselfButDs) {
  const RrsetPtr cut = Matching("c.example", {kNs}, kPlain);
  ExpectNotProved(Of({cut}).Nodata(N("c.example"), kA),
                  "the NSEC3 of c.example. is of a delegation");
  ExpectProved(Of({cut}).Nodata(N("c.example"), RrType::kDs), {cut});
}

// Covers: SEC-21, SEC-22
TEST_F(Nsec3Test, TheEncloserIsNeitherDelegationNorDname) {
  const RrsetPtr below = Covering("b.c.example", kPlain);
  const RrsetPtr no_wildcard = Covering("*.c.example", kPlain);
  const char* text = "the NSEC3 of c.example. is of a delegation or DNAME";
  for (const Types& types : {Types{kNs}, Types{kNs, RrType::kDs, kSig}, Types{RrType::kDname}}) {
    const RrsetPtr cut = Matching("c.example", types, kPlain);
    ExpectNotProved(Of({cut, below, no_wildcard}).Nxdomain(N("b.c.example")), text);
    ExpectNotProved(Of({cut, below, no_wildcard}).Nodata(N("b.c.example"), kA), text);
    ExpectNotProved(Of({cut, below, no_wildcard}).NoDsAt(N("b.c.example")).denial, text);
  }
  const RrsetPtr plain = Matching("c.example", {kA, kSig}, kPlain);
  ExpectProved(Of({plain, below, no_wildcard}).Nxdomain(N("b.c.example")),
               {plain, below, no_wildcard});
}

// Covers: SEC-22, SEC-26, ATK-21
TEST_F(Nsec3Test, TheOwnerIsOneLabelBelowTheZone) {
  // Records of the parent and of the child of example.
  const RrsetPtr parent = Covering("c.example", kPlain, {.zone = N(".")});
  const RrsetPtr child = Covering("c.example", kPlain, {.zone = N("c.example")});
  EXPECT_TRUE(Of({parent, child}).empty());
  ExpectNotProved(Of({parent, child}).Nxdomain(N("c.example")), "no NSEC or NSEC3 of example.");
  ExpectProved(Of({parent, apex, child, no_c, no_star}).Nxdomain(N("c.example")),
               {apex, no_c, no_star});
}

// Covers: SEC-24
TEST_F(Nsec3Test, UnknownHashAlgorithmsAndFlagsAreIgnored) {
  const Parameters unknown{.algorithm = 2, .iterations = 1, .salt = {0xab}};
  EXPECT_TRUE(Of({Covering("c.example", unknown)}).empty());
  for (const unsigned flags : {2U, 3U, 0x80U, 0xffU}) {
    const Parameters odd{
        .flags = static_cast<std::uint8_t>(flags), .iterations = 1, .salt = {0xab}};
    EXPECT_TRUE(Of({Covering("c.example", odd)}).empty()) << flags;
  }
  // They do not spoil the others either.
  ExpectProved(
      Of({Matching("d.example", {kA}, unknown), apex, no_c, no_star}).Nxdomain(N("c.example")),
      {apex, no_c, no_star});
}

// Covers: SEC-24
TEST_F(Nsec3Test, UnequalParametersProveNothingTogether) {
  const Parameters salted{.iterations = 1, .salt = {0xcd}};
  const Parameters longer{.iterations = 2, .salt = {0xab}};
  const char* text = "NSEC3 records of example. have unequal parameters";
  for (const Parameters& other : {salted, longer}) {
    const RrsetPtr record = Matching("d.example", {kA}, other);
    ExpectNotProved(Of({apex, no_c, no_star, record}).Nxdomain(N("c.example")), text);
    ExpectNotProved(Of({record, apex}).Nodata(N("example"), kA), text);
    ExpectNotProved(Of({no_c, record}).NoCloserName(N("c.example"), 1), text);
    ExpectNotProved(Of({apex, no_c, no_star, record}).NoDsAt(N("c.example")).denial, text);
  }
}

// Covers: SEC-24
TEST_F(Nsec3Test, FlagsMayDiffer) {
  const RrsetPtr opt_out = Matching("example", {kNs, kSoa, kSig}, kOptOut);
  ExpectProved(Of({opt_out, no_c, no_star}).Nxdomain(N("c.example")), {opt_out, no_c, no_star});
}

// Covers: SEC-22
TEST_F(Nsec3Test, OwnersThatAreNoHashesAreIgnored) {
  const std::string hash = HashOf("c.example", kPlain);
  EXPECT_TRUE(Of({Nsec3At(hash.substr(0, 19), hash, {kA}, kPlain)}).empty());
  EXPECT_TRUE(Of({Nsec3At(hash, hash.substr(0, 19), {kA}, kPlain)}).empty());
  EXPECT_TRUE(Of({Make(N("www.example"), RrType::kNsec3, ToBytes(apex), {})}).empty());
  EXPECT_TRUE(Of({Make(N("example"), RrType::kNsec3, ToBytes(apex), {})}).empty());
  EXPECT_TRUE(Of({Make(apex->owner(), RrType::kNsec3, {1, 0, 0}, {})}).empty());
}

// Covers: CAC-09, ATK-21
TEST_F(Nsec3Test, ARecordThatAWildcardMadeIsIgnored) {
  EXPECT_TRUE(Of({Covering("c.example", kPlain, {.fewer_labels = 1})}).empty());
}

// Covers: SEC-23
TEST_F(Nsec3Test, TheLastRecordReachesAroundTheRing) {
  const std::string hash = HashOf("c.example", kPlain);
  const RrsetPtr low = Nsec3At(Step(hash, 2), Step(hash, 1), {kA}, kPlain);  // all but one
  ExpectProved(Of({low}).NoCloserName(N("c.example"), 1), {low});
  const RrsetPtr alone =
      Nsec3At(HashOf("example", kPlain), HashOf("example", kPlain), {kNs, kSoa, kSig}, kPlain);
  ExpectProved(Of({alone}).Nxdomain(N("a.c.example")), {alone});
  ExpectProved(Of({alone}).Nodata(N("example"), kA), {alone});
  EXPECT_EQ(Of({alone}).NoCloserName(N("example"), 0).kind, Kind::kNotProved);
}

// Covers: SEC-23
TEST_F(Nsec3Test, ARecordDoesNotCoverItsOwnEnds) {
  const std::string hash = HashOf("c.example", kPlain);
  const RrsetPtr before = Nsec3At(Step(hash, -1), hash, {kA}, kPlain);
  const RrsetPtr after = Nsec3At(hash, Step(hash, 1), {kA}, kPlain);
  ExpectNotProved(Of({before, after}).NoCloserName(N("c.example"), 1),
                  "no NSEC3 covers c.example.");
}

// Covers: SEC-27
TEST_F(Nsec3Test, CompactDenialIsNodataOfEveryType) {
  const RrsetPtr compact = Matching("c.example", {kSig, RrType::kNxname}, kPlain);
  ExpectProved(Of({compact}).Nodata(N("c.example"), kA), {compact});
  ExpectProved(Of({compact}).Nxdomain(N("c.example")), {compact});
}

// Covers: SEC-30, SEC-31, SEC-32, ATK-18
TEST_F(Nsec3Test, MoreIterationsThanAreFollowedMakeEveryClaimInsecure) {
  const Parameters many{.iterations = 2500, .salt = {0xab}};
  const Records records{Matching("example", {kNs, kSoa}, many), Covering("c.example", many)};
  work = Work{0, 0};
  for (const Denial& denial :
       {Of(records).Nxdomain(N("c.example")), Of(records).Nodata(N("example"), kA),
        Of(records).NoCloserName(N("c.example"), 1), Of(records).NoDsAt(N("c.example")).denial}) {
    ExpectInsecure(denial, records);
    EXPECT_EQ(denial.ede, Ede::kUnsupportedNsec3Iterations);
    EXPECT_EQ(denial.text, "NSEC3 records of example. have 2500 iterations, more than 50");
    EXPECT_FALSE(denial.limited);
  }
}

// Covers: SEC-30
TEST_F(Nsec3Test, TheLimitOfIterationsIsInclusive) {
  const Parameters fifty{.iterations = 50};
  const Parameters more{.iterations = 51};
  EXPECT_EQ(Of({Covering("c.example", fifty)}).NoCloserName(N("c.example"), 1).kind, Kind::kProved);
  EXPECT_EQ(Of({Covering("c.example", more)}).NoCloserName(N("c.example"), 1).kind,
            Kind::kInsecure);
  Proof none(zone, Records{no_c}, 0, work);
  EXPECT_EQ(none.NoCloserName(N("c.example"), 1).kind, Kind::kInsecure);
}

// Covers: SEC-32, ATK-18
TEST_F(Nsec3Test, ANameIsHashedOnceAndPaidOnce) {
  Proof proof(zone, Records{apex, no_c, no_star}, kMaxIterations, work);
  const int before = work.hashes;
  ExpectProved(proof.Nxdomain(N("c.example")), {apex, no_c, no_star});
  EXPECT_EQ(before - work.hashes, 3);
  EXPECT_EQ(proof.Nodata(N("C.EXAMPLE"), kA).kind, Kind::kNotProved);
  EXPECT_EQ(proof.NoDsAt(N("c.example")).denial.kind, Kind::kProved);
  EXPECT_EQ(before - work.hashes, 3);
}

// Covers: SEC-32, ATK-18, ATK-19
TEST_F(Nsec3Test, WithoutWorkNothingIsProvedAndItIsSaid) {
  for (int hashes = 0; hashes < 3; ++hashes) {
    work.hashes = hashes;
    const Denial denial = Of({apex, no_c, no_star}).Nxdomain(N("c.example"));
    EXPECT_EQ(denial.kind, Kind::kNotProved) << hashes;
    EXPECT_TRUE(denial.limited) << hashes;
    EXPECT_EQ(denial.ede, Ede::kOther) << hashes;
    EXPECT_EQ(denial.text, "validation limit: NSEC3 hashes") << hashes;
    EXPECT_EQ(work.hashes, 0) << hashes;
  }
  work.hashes = 3;
  EXPECT_EQ(Of({apex, no_c, no_star}).Nxdomain(N("c.example")).kind, Kind::kProved);
}

// Covers: SEC-32, ATK-18
TEST_F(Nsec3Test, AnOptOutSpanDoesNotHideThatTheWorkIsSpent) {
  work.hashes = 2;  // not for the wildcard
  const RrsetPtr opt_out = Covering("b.c.example", kOptOut);
  const RrsetPtr above = Matching("c.example", {kA}, kPlain);
  const Denial denial = Of({above, opt_out}).Nodata(N("b.c.example"), kA);
  EXPECT_EQ(denial.kind, Kind::kNotProved);
  EXPECT_TRUE(denial.limited);
}

// Covers: SEC-32, ATK-18
TEST_F(Nsec3Test, AHundredLabelsCostNoMoreHashesThanTheZoneIsDeep) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "a.";
  const int before = work.hashes;
  ExpectProved(Of({apex, no_c, no_star}).Nxdomain(N(name + "c.example")), {apex, no_c, no_star});
  EXPECT_EQ(before - work.hashes, 3);
}

// Covers: ATK-19
TEST_F(Nsec3Test, PaddingCostsNoHashes) {
  Records records;
  for (int i = 0; i < 200; ++i) {
    records.push_back(Matching("x" + std::to_string(i) + ".example", {kA}, kPlain));
  }
  records.insert(records.end(), {apex, no_c, no_star});
  ExpectProved(Of(records).Nxdomain(N("c.example")), {apex, no_c, no_star});
  EXPECT_EQ(Work{}.hashes - work.hashes, 3);
}

TEST_F(Nsec3Test, HashesThatAreKnownAreNotPaid) {
  work.hashes = 0;
  Proof proof(zone, Records{no_c}, kMaxIterations, work);
  proof.Know({{N("c.example"), HashOf("c.example", kPlain)}});
  EXPECT_EQ(proof.NoCloserName(N("c.example"), 1).kind, Kind::kProved);
}

TEST_F(Nsec3Test, NsecBesideNsec3IsAskedFirst) {
  const RrsetPtr nsec = NsecOf("c.example", "d.example", {kA});
  ExpectProved(Of({apex, no_c, nsec}).Nodata(N("c.example"), kAaaa), {nsec});
  ExpectProved(Of({apex, no_c, no_star, nsec}).Nxdomain(N("c.example")), {apex, no_c, no_star});
}

}  // namespace
}  // namespace resolve64::dnssec
