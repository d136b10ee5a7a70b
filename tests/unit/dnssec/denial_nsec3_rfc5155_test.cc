// Proof by NSEC3: the zone of RFC 5155 appendix A and the responses of its appendix B.

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
const RrType kSig = RrType::kRrsig;

const Parameters kParameters{.flags = 1, .iterations = 12, .salt = {0xaa, 0xbb, 0xcc, 0xdd}};

class Rfc5155Test : public ::testing::Test {
 protected:
  static RrsetPtr Record(std::string_view owner, std::string_view next, const Types& types) {
    return Nsec3Of(owner, next, types, kParameters);
  }
  Proof Of(const Records& records) { return {N("example"), records, kMaxIterations, work}; }
  static void Expect(const Denial& denial, Kind kind, const Records& used) {
    EXPECT_EQ(denial.kind, kind) << denial.text;
    EXPECT_EQ(denial.used, used);
  }

  Work work;
  RrsetPtr example = Record("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
                            {kMx, RrType::kDnskey, kNs, RrType::kSoa, RrType::kNsec3param, kSig});
  RrsetPtr ns1 =
      Record("2t7b4g4vsa5smi47k61mv5bv1a22bojr", "2vptu5timamqttgl4luu9kg21e0aor3s", {kA, kSig});
  RrsetPtr x_y_w =
      Record("2vptu5timamqttgl4luu9kg21e0aor3s", "35mthgpgcu1qg68fab165klnsnk3dpvl", {kMx, kSig});
  RrsetPtr a = Record("35mthgpgcu1qg68fab165klnsnk3dpvl", "b4um86eghhds6nea196smvmlo4ors995",
                      {kNs, RrType::kDs, kSig});
  RrsetPtr x_w =
      Record("b4um86eghhds6nea196smvmlo4ors995", "gjeqe526plbf1g8mklp59enfd789njgi", {kMx, kSig});
  RrsetPtr ai = Record("gjeqe526plbf1g8mklp59enfd789njgi", "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
                       {RrType::kHinfo, kA, kAaaa, kSig});
  RrsetPtr y_w = Record("ji6neoaepv8b5o6k4ev33abha8ht9fgc", "k8udemvp1j2f7eg6jebps17vp3n8i58h", {});
  RrsetPtr w = Record("k8udemvp1j2f7eg6jebps17vp3n8i58h", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi", {});
  RrsetPtr ns2 =
      Record("q04jkcevqvmu85r014c7dkba38o0ji5r", "r53bq7cc2uvmubfu5ocmm6pers9tk9en", {kA, kSig});
  RrsetPtr star_w =
      Record("r53bq7cc2uvmubfu5ocmm6pers9tk9en", "t644ebqk9bibcna874givr6joj62mlhv", {kMx, kSig});
  RrsetPtr xx = Record("t644ebqk9bibcna874givr6joj62mlhv", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
                       {RrType::kHinfo, kA, kAaaa, kSig});
};

TEST_F(Rfc5155Test, AppendixAHashes) {
  const auto hash = [](std::string_view name) { return Base32(HashOf(name, kParameters)); };
  EXPECT_EQ(hash("example"), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
  EXPECT_EQ(hash("a.example"), "35mthgpgcu1qg68fab165klnsnk3dpvl");
  EXPECT_EQ(hash("ai.example"), "gjeqe526plbf1g8mklp59enfd789njgi");
  EXPECT_EQ(hash("ns1.example"), "2t7b4g4vsa5smi47k61mv5bv1a22bojr");
  EXPECT_EQ(hash("ns2.example"), "q04jkcevqvmu85r014c7dkba38o0ji5r");
  EXPECT_EQ(hash("w.example"), "k8udemvp1j2f7eg6jebps17vp3n8i58h");
  EXPECT_EQ(hash("*.w.example"), "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
  EXPECT_EQ(hash("x.w.example"), "b4um86eghhds6nea196smvmlo4ors995");
  EXPECT_EQ(hash("y.w.example"), "ji6neoaepv8b5o6k4ev33abha8ht9fgc");
  EXPECT_EQ(hash("x.y.w.example"), "2vptu5timamqttgl4luu9kg21e0aor3s");
  EXPECT_EQ(hash("xx.example"), "t644ebqk9bibcna874givr6joj62mlhv");
  EXPECT_EQ(hash("2t7b4g4vsa5smi47k61mv5bv1a22bojr.example"), "kohar7mbb8dc2ce8a9qvl8hon4k53uhi");
  EXPECT_EQ(hash("X.y.W.eXaMPle"), "2vptu5timamqttgl4luu9kg21e0aor3s");
}

TEST_F(Rfc5155Test, WithoutSaltAndIterationsAHashIsOneSha1) {
  // SHA-1 of the octets 07 "example" 00.
  EXPECT_EQ(Base32(HashOf("example", {})), "3msev9usmd4br9s97v51r2tdvmr9iqo1");
}

// Covers: SEC-22, SEC-23, SEC-25
TEST_F(Rfc5155Test, B1NameError) {
  // The appendix calls it a proof; by section 9.2 it is none for AD, as the zone has opt-out set.
  const Records records{example, x_w, a};
  Expect(Of(records).Nxdomain(N("a.c.x.w.example")), Kind::kInsecure, records);
  Expect(Of({example, a}).Nxdomain(N("a.c.x.w.example")), Kind::kNotProved, {});
  Expect(Of({x_w, a}).Nxdomain(N("a.c.x.w.example")), Kind::kNotProved, {});
  Expect(Of({example, x_w}).Nxdomain(N("a.c.x.w.example")), Kind::kNotProved, {});
}

// Covers: SEC-23
TEST_F(Rfc5155Test, B2NoData) {
  Expect(Of({ns1}).Nodata(N("ns1.example"), kMx), Kind::kProved, {ns1});
  Expect(Of({ns1}).Nodata(N("ns1.example"), kA), Kind::kNotProved, {});
}

// Covers: SEC-23
TEST_F(Rfc5155Test, B21NoDataOfAnEmptyNonTerminal) {
  Expect(Of({y_w}).Nodata(N("y.w.example"), kA), Kind::kProved, {y_w});
  Expect(Of({y_w}).Nxdomain(N("y.w.example")), Kind::kNotProved, {});
}

// Covers: SEC-05, SEC-23, SEC-25
TEST_F(Rfc5155Test, B3ReferralToAnUnsignedZoneByOptOut) {
  const NoDs no_ds = Of({a, example}).NoDsAt(N("c.example"));
  Expect(no_ds.denial, Kind::kInsecure, {a, example});
  EXPECT_EQ(no_ds.denial.ede, std::nullopt);
  Expect(Of({a}).NoDsAt(N("c.example")).denial, Kind::kNotProved, {});
  Expect(Of({example}).NoDsAt(N("c.example")).denial, Kind::kNotProved, {});
}

// Covers: SEC-13, SEC-23, SEC-25
TEST_F(Rfc5155Test, B4WildcardExpansion) {
  Expect(Of({ns2}).NoCloserName(N("a.z.w.example"), 2), Kind::kInsecure, {ns2});
  // For *.example it is w.example that would have to be denied, which is there.
  Expect(Of({ns2, w}).NoCloserName(N("a.z.w.example"), 1), Kind::kNotProved, {});
}

// Covers: SEC-23, SEC-25
TEST_F(Rfc5155Test, B5WildcardNoData) {
  const Records records{w, ns2, star_w};
  Expect(Of(records).Nodata(N("a.z.w.example"), kAaaa), Kind::kInsecure, records);
  Expect(Of(records).Nodata(N("a.z.w.example"), kMx), Kind::kNotProved, {});
}

// Covers: SEC-23, SEC-26
TEST_F(Rfc5155Test, B6TheChildSaysNothingOfItsOwnDs) {
  const NoDs no_ds = Of({example}).NoDsAt(N("example"));
  Expect(no_ds.denial, Kind::kNotProved, {});
  EXPECT_FALSE(no_ds.delegation);
}

// Covers: SEC-23
TEST_F(Rfc5155Test, WholeZoneGivesOnlyWhatAProofNeeds) {
  const Records zone{example, ns1, x_y_w, a, x_w, ai, y_w, w, ns2, star_w, xx};
  Expect(Of(zone).Nxdomain(N("a.c.x.w.example")), Kind::kInsecure, {example, a, x_w});
  Expect(Of(zone).Nodata(N("a.z.w.example"), kAaaa), Kind::kInsecure, {w, ns2, star_w});
  Expect(Of(zone).NoDsAt(N("ns1.example")).denial, Kind::kProved, {ns1});
  Expect(Of(zone).NoDsAt(N("a.example")).denial, Kind::kNotProved, {});
}

// Covers: SEC-22
TEST_F(Rfc5155Test, BelowTheDelegationNothingIsDenied) {
  const Records zone{example, ns1, x_y_w, a, x_w, ai, y_w, w, ns2, star_w, xx};
  for (const char* name : {"www.a.example", "b.www.a.example", "z.a.example", "0.a.example"}) {
    EXPECT_EQ(Of(zone).Nxdomain(N(name)).kind, Kind::kNotProved) << name;
    EXPECT_EQ(Of(zone).Nodata(N(name), kA).kind, Kind::kNotProved) << name;
    EXPECT_EQ(Of(zone).NoDsAt(N(name)).denial.kind, Kind::kNotProved) << name;
  }
}

}  // namespace
}  // namespace resolve64::dnssec
