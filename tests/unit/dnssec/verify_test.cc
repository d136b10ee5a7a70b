#include "dnssec/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "dnssec/algorithm.h"
#include "unit/dnssec/signer.h"

namespace resolve64::dnssec {
namespace {

using test::DnskeysOf;
using test::ExampleKey;
using test::kExpiration;
using test::kInception;
using test::kSignedAt;
using test::N;
using test::RrsetOf;
using test::Signer;
using test::Verify;
using test::WithSignatures;
using Bytes = test::Octets;

constexpr std::uint32_t kHour = 3600;

dns::RrsetPtr Www() {
  return RrsetOf(
      {"WWW.example. 300 IN MX 10 Mail.example.", "WWW.example. 300 IN MX 5 b.Example."});
}

KeySetPtr Keys(const Signer& signer = ExampleKey()) { return test::KeysOf({&signer}); }

void ExpectBogus(const Verdict& verdict, Ede ede, std::string_view text) {
  EXPECT_EQ(verdict.security, Security::kBogus);
  ASSERT_TRUE(verdict.ede);
  EXPECT_EQ(*verdict.ede, ede) << verdict.text;
  EXPECT_NE(verdict.text.find(text), std::string::npos) << verdict.text;
  EXPECT_EQ(verdict.max_ttl, 0U);
}

// `change` makes a claim wrong; the signature over it is good.
template <class Change>
Verdict VerifyClaim(const dns::Rrset& rrset, Change&& change, std::int64_t now = kSignedAt) {
  const Signer& signer = ExampleKey();
  Rrsig rrsig = signer.Template(rrset);
  change(rrsig);
  return Verify(*WithSignatures(rrset, {signer.SignAs(rrset, rrsig)}), *Keys(), now);
}

class VerifyEveryAlgorithm : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Verification, VerifyEveryAlgorithm,
                         testing::Values(5, 7, 8, 10, 13, 14, 15, 16), [](const auto& algorithm) {
                           std::string name =
                               AlgorithmName(static_cast<std::uint8_t>(algorithm.param));
                           std::erase(name, '-');
                           return name;
                         });

// Covers: SEC-08, SEC-11, SEC-28
TEST_P(VerifyEveryAlgorithm, WhatLdnsSignedIsSecure) {
  const Signer& signer = ExampleKey(static_cast<std::uint8_t>(GetParam()));
  const Verdict verdict = Verify(*signer.Signed(*Www()), *Keys(signer));
  EXPECT_EQ(verdict.security, Security::kSecure) << verdict.text;
  EXPECT_FALSE(verdict.ede);
  EXPECT_EQ(verdict.text, "");
  EXPECT_EQ(verdict.max_ttl, 300U);
  EXPECT_EQ(verdict.signed_labels, 2);
}

TEST_P(VerifyEveryAlgorithm, OtherDataUnderTheSignatureIsBogus) {
  const Signer& signer = ExampleKey(static_cast<std::uint8_t>(GetParam()));
  const auto changed = WithSignatures(
      *RrsetOf({"www.example. 300 IN MX 11 mail.example.", "www.example. 300 IN MX 5 b.example."}),
      {signer.Sign(*Www())});
  ExpectBogus(Verify(*changed, *Keys(signer)), Ede::kBogus, "does not verify");
}

struct RfcExample {
  const char* name;
  std::int64_t now;
  const char* dnskey;
  const char* record;
  const char* rrsig;
};
constexpr auto kRfcExamples = std::to_array<RfcExample>({
    {"RFC 5702 section 6.1", 1'000'000'000,
     "example.net. 3600 IN DNSKEY 256 3 8 "
     "AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=",
     "www.example.net. 3600 IN A 192.0.2.91",
     "www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. "
     "kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg=="},
    {"RFC 5702 section 6.2", 1'000'000'000,
     "example.net. 3600 IN DNSKEY 256 3 10 "
     "AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7"
     "cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL",
     "www.example.net. 3600 IN A 192.0.2.91",
     "www.example.net. 3600 IN RRSIG A 10 3 3600 20300101000000 20000101000000 3740 example.net. "
     "tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/"
     "zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw="},
    {"RFC 6605 section 6.1", 1'283'000'000,
     "example.net. 3600 IN DNSKEY 257 3 13 "
     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
     "www.example.net. 3600 IN A 192.0.2.1",
     "www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
     "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw=="},
    {"RFC 6605 section 6.2", 1'283'000'000,
     "example.net. 3600 IN DNSKEY 257 3 14 "
     "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX4"
     "5NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
     "www.example.net. 3600 IN A 192.0.2.1",
     "www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
     "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSS"
     "Pdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm"},
});

TEST(Verification, TheExamplesOfTheRfcsAreSecure) {
  for (const RfcExample& example : kRfcExamples) {
    const auto keys = KeysOf(*RrsetOf({example.dnskey}));
    const auto verdict = Verify(*RrsetOf({example.record, example.rrsig}), *keys, example.now);
    EXPECT_EQ(verdict.security, Security::kSecure) << example.name << ": " << verdict.text;
  }
}

// The records of RFC 8080 section 6 lack the Algorithm field and say three labels where the owner
// has two: the keys are tried with what was signed.
TEST(Verification, TheEddsaExamplesOfRfc8080AreTheirKeys) {
  struct Example {
    const char* dnskey;
    const char* rrsig;
  };
  const auto examples = std::to_array<Example>({
      {"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
       "15 3 3600 1440021600 1438207200 3613 example.com. "
       "Edk+IB9KNNWg0HAjm7FazXyrd5m3Rk8zNZbvNpAcM+eysqcUOMIjWoevFkjH5GaMWeG96GUVZu6ECKOQmemHDg=="},
      {"example.com. 3600 IN DNSKEY 257 3 16 "
       "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
       "16 3 3600 1440021600 1438207200 9713 example.com. "
       "Nmc0rgGKpr3GKYXcB1JmqqS4NYwhmechvJTqVzt3jR+Qy/"
       "lSLFoIk1L+9e39GPL+5tVzDPN3f9kAwiu8KCuPPjtl227a"
       "yaCZtRKZuJax7n9NuYlZJIusX0SOIOKBGzG+yWYtz1/jjbzl5GGkWvREUCUA"},
  });
  for (const Example& example : examples) {
    const auto mx = RrsetOf({"example.com. 3600 IN MX 10 mail.example.com.",
                             std::string("example.com. 3600 IN RRSIG MX ") + example.rrsig});
    const auto rrsig = Rrsig::Read(mx->signature(0));
    ASSERT_TRUE(rrsig);
    std::vector<std::uint8_t> data;
    SignedData(*mx, *rrsig, data);
    const auto keys = KeysOf(*RrsetOf({example.dnskey}));
    EXPECT_TRUE(keys->keys[0].key->Verify(data, rrsig->signature));
    ExpectBogus(Verify(*mx, *keys, 1'439'000'000), Ede::kBogus, "wrong number of labels");
  }
}

// Covers: SEC-09
TEST(Verification, TheClaimThatIsChangedBelowIsSecureUnchanged) {
  EXPECT_EQ(VerifyClaim(*Www(), [](Rrsig&) {}).security, Security::kSecure);
}

// Covers: SEC-09
TEST(Verification, AnotherTypeCoveredIsRefused) {
  ExpectBogus(VerifyClaim(*Www(), [](Rrsig& rrsig) { rrsig.covered = RrType::kTxt; }), Ede::kBogus,
              "malformed RRSIG");
}

// Covers: SEC-09
TEST(Verification, AnotherSignerThanTheZoneIsRefused) {
  for (const char* signer : {"www.example.", "other.", "."}) {
    ExpectBogus(VerifyClaim(*Www(), [&](Rrsig& rrsig) { rrsig.signer = N(signer); }),
                Ede::kDnskeyMissing, "is by no key of the zone");
  }
}

// Covers: SEC-11
TEST(Verification, LetterCaseOfTheSignerDoesNotMatter) {
  EXPECT_EQ(VerifyClaim(*Www(), [](Rrsig& rrsig) { rrsig.signer = N("EXAMPLE."); }).security,
            Security::kSecure);
}

// Covers: SEC-09
TEST(Verification, MoreLabelsThanTheOwnerHasAreRefused) {
  ExpectBogus(VerifyClaim(*Www(), [](Rrsig& rrsig) { rrsig.labels = 3; }), Ede::kBogus,
              "wrong number of labels");
  const auto wildcard = RrsetOf({"*.example. 300 IN A 192.0.2.1"});
  ExpectBogus(VerifyClaim(*wildcard, [](Rrsig& rrsig) { rrsig.labels = 2; }), Ede::kBogus,
              "wrong number of labels");
}

// Covers: SEC-09
TEST(Verification, FewerLabelsThanTheSignerHasAreRefused) {
  // A signature of "*." by "example." would stand for names of other zones.
  ExpectBogus(VerifyClaim(*Www(), [](Rrsig& rrsig) { rrsig.labels = 0; }), Ede::kBogus,
              "wrong number of labels");
}

// Covers: SEC-09
TEST(Verification, AnotherKeyTagOrAlgorithmIsDnskeyMissing) {
  ExpectBogus(VerifyClaim(*Www(), [](Rrsig& rrsig) { ++rrsig.key_tag; }), Ede::kDnskeyMissing,
              "is by no key of the zone");
  ExpectBogus(VerifyClaim(*Www(), [](Rrsig& rrsig) { rrsig.algorithm = 8; }), Ede::kDnskeyMissing,
              "/8 of example.");
  ExpectBogus(VerifyClaim(*Www(), [](Rrsig& rrsig) { rrsig.algorithm = 99; }), Ede::kDnskeyMissing,
              "/99 of example.");
}

// Covers: SEC-09, SEC-12
TEST(Verification, KeysThatMayNotSignAreDnskeyMissing) {
  for (const std::uint16_t flags : {std::uint16_t{0}, std::uint16_t{256 | Dnskey::kRevoke}}) {
    const Signer signer("example.", 13, flags);
    const auto rrset = WithSignatures(*Www(), {signer.SignAs(*Www(), signer.Template(*Www()))});
    ExpectBogus(Verify(*rrset, *Keys(signer)), Ede::kDnskeyMissing, "is by no key of the zone");
  }
}

TEST(Verification, AnOwnerOutsideTheZoneIsRefused) {
  const auto other = RrsetOf({"www.example.net. 300 IN A 192.0.2.1"});
  ExpectBogus(VerifyClaim(*other, [](Rrsig&) {}), Ede::kBogus, "not for the keys of example.");
}

TEST(Verification, ADsRrsetIsNotSignedByItsOwnZone) {
  const std::string rdata =
      " 300 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
  ExpectBogus(VerifyClaim(*RrsetOf({"example." + rdata}), [](Rrsig&) {}), Ede::kBogus,
              "not for the keys of example.");
  EXPECT_EQ(VerifyClaim(*RrsetOf({"sub.example." + rdata}), [](Rrsig&) {}).security,
            Security::kSecure);
}

TEST(Verification, WithoutARrsigItIsRrsigsMissing) {
  ExpectBogus(Verify(*Www(), *Keys()), Ede::kRrsigsMissing, "WWW.example. MX: no RRSIG");
}

TEST(Verification, AMalformedRrsigIsBogus) {
  ExpectBogus(Verify(*WithSignatures(*Www(), {Bytes{0, 15, 13}}), *Keys()), Ede::kBogus,
              "malformed RRSIG");
}

// Covers: SEC-09
TEST(Verification, AnExpiredSignatureSaysWhichAndWhen) {
  const auto verdict = VerifyClaim(*Www(), [](Rrsig& rrsig) {
    rrsig.inception = 1'600'000'000;
    rrsig.expiration = 1'690'000'000;
  });
  ExpectBogus(verdict, Ede::kSignatureExpired, "");
  EXPECT_EQ(verdict.text, "WWW.example. MX: RRSIG by key " + std::to_string(ExampleKey().tag()) +
                              "/13 of example. expired 2023-07-22 04:26:40");
}

// Covers: SEC-09
TEST(Verification, ASignatureOfTheFutureSaysWhen) {
  ExpectBogus(VerifyClaim(*Www(),
                          [](Rrsig& rrsig) {
                            rrsig.inception = 1'710'000'000;
                            rrsig.expiration = 1'720'000'000;
                          }),
              Ede::kSignatureNotYetValid, "is not valid before 2024-03-09 16:00:00");
}

// Covers: SEC-09
TEST(Verification, AnExpirationBeforeTheInceptionIsSaidToBeSo) {
  ExpectBogus(
      VerifyClaim(*Www(), [](Rrsig& rrsig) { std::swap(rrsig.inception, rrsig.expiration); }),
      Ede::kSignatureExpiredBeforeValid, "expires before it begins");
}

Security At(std::int64_t now, std::uint32_t inception, std::uint32_t expiration) {
  return VerifyClaim(
             *Www(),
             [&](Rrsig& rrsig) {
               rrsig.inception = inception;
               rrsig.expiration = expiration;
             },
             now)
      .security;
}

// Covers: SEC-10
TEST(Verification, ClocksMayDifferByATenthOfTheLifetimeAndAnHour) {
  // A lifetime of 1,000 s, then one of eleven days.
  EXPECT_EQ(At(1'000'900, 1'001'000, 1'002'000), Security::kSecure);
  EXPECT_EQ(At(1'000'899, 1'001'000, 1'002'000), Security::kBogus);
  EXPECT_EQ(At(1'002'100, 1'001'000, 1'002'000), Security::kSecure);
  EXPECT_EQ(At(1'002'101, 1'001'000, 1'002'000), Security::kBogus);
  EXPECT_EQ(At(kInception - kHour, kInception, kExpiration), Security::kSecure);
  EXPECT_EQ(At(kInception - kHour - 1, kInception, kExpiration), Security::kBogus);
  EXPECT_EQ(At(kExpiration + kHour, kInception, kExpiration), Security::kSecure);
  EXPECT_EQ(At(kExpiration + kHour + 1, kInception, kExpiration), Security::kBogus);
}

// Covers: SEC-09
TEST(Verification, DatesAreSerialNumbers) {
  constexpr std::int64_t kEra = std::int64_t{1} << 32;  // in February 2106
  EXPECT_EQ(At(kEra + 500, 0xFFFFFF00, 1000), Security::kSecure);
  EXPECT_EQ(At(kEra - 50, 0xFFFFFF00, 1000), Security::kSecure);
  EXPECT_EQ(At(kEra + 5000, 0xFFFFFF00, 1000), Security::kBogus);
  EXPECT_EQ(At(kEra - 5000, 0xFFFFFF00, 1000), Security::kBogus);
}

std::uint32_t MaxTtlAt(std::int64_t now, std::uint32_t ttl, std::uint32_t original_ttl) {
  const auto rrset = RrsetOf({"www.example. " + std::to_string(ttl) + " IN A 192.0.2.1"});
  const Verdict verdict = VerifyClaim(
      *rrset, [&](Rrsig& rrsig) { rrsig.original_ttl = original_ttl; }, now);
  EXPECT_EQ(verdict.security, Security::kSecure) << verdict.text;
  return verdict.max_ttl;
}

// Covers: SEC-10
TEST(Verification, TheTtlIsBoundedByTheSignature) {
  EXPECT_EQ(MaxTtlAt(kSignedAt, 300, 3600), 300U);
  EXPECT_EQ(MaxTtlAt(kSignedAt, 3600, 300), 300U);
  EXPECT_EQ(MaxTtlAt(kExpiration - 20, 300, 300), 20U);
  EXPECT_EQ(MaxTtlAt(kExpiration, 300, 300), 1U);
  EXPECT_EQ(MaxTtlAt(kExpiration + 10, 300, 300), 1U);
  EXPECT_EQ(MaxTtlAt(kSignedAt, 0, 300), 1U);
}

// Covers: SEC-13
TEST(Verification, AnExpandedWildcardSaysHowManyLabelsWereSigned) {
  const Signer& signer = ExampleKey();
  const auto wildcard = RrsetOf({"*.w.example. 300 IN A 192.0.2.1"});
  const Bytes signature = signer.Sign(*wildcard);
  const auto expanded = WithSignatures(*wildcard, {signature}, N("a.B.w.example."));
  EXPECT_TRUE(IsExpanded(*expanded));
  const Verdict verdict = Verify(*expanded, *Keys());
  EXPECT_EQ(verdict.security, Security::kSecure) << verdict.text;
  EXPECT_EQ(verdict.signed_labels, 2);
  // Beside it, not below it.
  const auto outside = WithSignatures(*wildcard, {signature}, N("a.v.example."));
  ExpectBogus(Verify(*outside, *Keys()), Ede::kBogus, "does not verify");
}

// Covers: SEC-13
TEST(Verification, TheWildcardItselfIsNotExpanded) {
  const auto wildcard = ExampleKey().Signed(*RrsetOf({"*.w.example. 300 IN A 192.0.2.1"}));
  EXPECT_FALSE(IsExpanded(*wildcard));
  EXPECT_EQ(Verify(*wildcard, *Keys()).security, Security::kSecure);
  EXPECT_FALSE(IsExpanded(*ExampleKey().Signed(*Www())));
  EXPECT_FALSE(IsExpanded(*Www()));
}

// Covers: SEC-08
TEST(Verification, OneGoodSignatureAmongBadOnesSuffices) {
  const Signer& signer = ExampleKey();
  Bytes broken = signer.Sign(*Www());
  broken.back() ^= 1;
  const Bytes expired = signer.Sign(*Www(), 1'600'000'000, 1'600'000'100);
  const Bytes good = signer.Sign(*Www());
  for (const auto& order : {std::vector{broken, expired, good}, std::vector{good, broken}}) {
    EXPECT_EQ(Verify(*WithSignatures(*Www(), order), *Keys()).security, Security::kSecure);
  }
}

// Covers: SEC-07
TEST(Verification, SignaturesByKeysThatAreNotThereAreDisregarded) {
  const Signer other("example.", 15);
  const auto rrset = WithSignatures(*Www(), {other.Sign(*Www()), ExampleKey().Sign(*Www())});
  Work work;
  const auto keys = Keys();
  Verification verification(*rrset, *keys, kSignedAt, work);
  EXPECT_TRUE(verification.Step());
  EXPECT_EQ(verification.verdict().security, Security::kSecure);
  EXPECT_EQ(work.verifications, Work{}.verifications - 1);
  // Nor is it demanded that each algorithm of the keys has signed.
  EXPECT_EQ(Verify(*ExampleKey().Signed(*Www()), *test::KeysOf({&other, &ExampleKey()})).security,
            Security::kSecure);
}

TEST(Verification, OfAnExpiredAndAWrongSignatureTheExpiredOneIsNamed) {
  const Signer& signer = ExampleKey();
  Bytes broken = signer.Sign(*Www());
  broken.back() ^= 1;
  const Bytes expired = signer.Sign(*Www(), 1'600'000'000, 1'600'000'100);
  const Bytes early = signer.Sign(*Www(), 1'800'000'000, 1'800'000'100);
  ExpectBogus(Verify(*WithSignatures(*Www(), {broken, expired, early}), *Keys()),
              Ede::kSignatureExpired, "expired");
  ExpectBogus(Verify(*WithSignatures(*Www(), {early, broken}), *Keys()), Ede::kBogus,
              "does not verify");
}

TEST(Verification, ChecksTheCheapAlgorithmFirst) {
  const Signer& p384 = ExampleKey(14);
  const Signer& rsa = ExampleKey(8);
  const auto rrset = WithSignatures(*Www(), {p384.Sign(*Www()), rsa.Sign(*Www())});
  const auto keys = test::KeysOf({&p384, &rsa});
  Work work;
  Verification verification(*rrset, *keys, kSignedAt, work);
  EXPECT_EQ(verification.NextCost(), VerificationCost(8));
  EXPECT_TRUE(verification.Step());
  EXPECT_EQ(verification.NextCost(), 0);
}

// An Ed25519 DNSKEY with the words of `key` in another order: another key, or none, of its tag.
Bytes SameTag(const Bytes& key, unsigned seed) {
  std::vector<std::array<std::uint8_t, 2>> words;
  for (std::size_t i = 4; i < key.size(); i += 2) words.push_back({key[i], key[i + 1]});
  std::mt19937 random(seed);
  std::shuffle(words.begin(), words.end(), random);
  Bytes other(key.begin(), key.begin() + 4);
  for (const auto& word : words) other.insert(other.end(), word.begin(), word.end());
  return other;
}

std::vector<Bytes> KeysOfOneTag(unsigned count) {
  std::vector<Bytes> keys;
  for (unsigned i = 1; i <= count; ++i) keys.push_back(SameTag(ExampleKey(15).dnskey(), i));
  return keys;
}

std::vector<Bytes> WrongSignatures(unsigned count) {
  std::vector<Bytes> signatures;
  Bytes signature = ExampleKey(15).Sign(*Www());
  for (unsigned i = 0; i < count; ++i) {
    signature.back() = static_cast<std::uint8_t>(signature.back() + 1);
    signatures.push_back(signature);
  }
  return signatures;
}

// Covers: SEC-40
TEST(VerificationLimits, FourKeysOfATagAreTried) {
  auto keys = KeysOfOneTag(3);
  keys.push_back(ExampleKey(15).dnskey());
  const auto rrset = ExampleKey(15).Signed(*Www());
  EXPECT_EQ(Verify(*rrset, *KeysOf(*DnskeysOf("example.", keys))).security, Security::kSecure);
  keys.insert(keys.begin(), SameTag(ExampleKey(15).dnskey(), 99));
  const auto verdict = Verify(*rrset, *KeysOf(*DnskeysOf("example.", keys)));
  ExpectBogus(verdict, Ede::kBogus, "does not verify");
}

// Covers: SEC-40
TEST(VerificationLimits, EightSignaturesAreLookedAt) {
  const Bytes good = ExampleKey(15).Sign(*Www());
  auto signatures = WrongSignatures(7);
  signatures.push_back(good);
  const auto keys = Keys(ExampleKey(15));
  EXPECT_EQ(Verify(*WithSignatures(*Www(), signatures), *keys).security, Security::kSecure);
  signatures = WrongSignatures(8);
  signatures.push_back(good);
  EXPECT_EQ(Verify(*WithSignatures(*Www(), signatures), *keys).security, Security::kBogus);
}

// Covers: SEC-40, SEC-41, ATK-17
TEST(VerificationLimits, AHundredKeysTimesAHundredSignaturesCostSixteenChecks) {
  const auto keys = KeysOf(*DnskeysOf("example.", KeysOfOneTag(100)));
  const auto rrset = WithSignatures(*Www(), WrongSignatures(100));
  ASSERT_EQ(rrset->signature_count(), 100U);
  Work work;
  Verification verification(*rrset, *keys, kSignedAt, work);
  int steps = 1;
  while (!verification.Step()) ++steps;
  EXPECT_EQ(Work{}.verifications - work.verifications, kMaxFailures);
  EXPECT_LE(steps, kMaxFailures + 1);
  EXPECT_TRUE(verification.verdict().limited);
  EXPECT_TRUE(verification.verdict().too_many_failures);
  ExpectBogus(verification.verdict(), Ede::kOther, "validation limit");
}

// Covers: SEC-41
TEST(VerificationLimits, MalformedKeysAreFailuresWithoutAPublicKeyOperation) {
  const Signer& signer = ExampleKey(13);
  // The same tag, and a point that is not on the curve.
  Bytes malformed = signer.dnskey();
  std::swap_ranges(malformed.begin() + 4, malformed.begin() + 6, malformed.begin() + 6);
  ASSERT_EQ(KeyTag(malformed), signer.tag());
  const auto keys = KeysOf(*DnskeysOf("example.", {malformed}));
  ASSERT_FALSE(keys->keys[0].key);
  const auto rrset = signer.Signed(*Www());
  Work work;
  Verification verification(*rrset, *keys, kSignedAt, work);
  EXPECT_EQ(verification.NextCost(), 0);
  EXPECT_TRUE(verification.Step());
  EXPECT_EQ(work.verifications, Work{}.verifications);
  ExpectBogus(verification.verdict(), Ede::kBogus, "that key is malformed");
}

// Covers: SEC-41
TEST(VerificationLimits, MalformedKeysCountTowardsTheLimit) {
  std::vector<Bytes> malformed;
  const Signer& signer = ExampleKey(13);
  for (std::ptrdiff_t i = 0; i < 4; ++i) {
    Bytes key = signer.dnskey();
    std::swap_ranges(key.begin() + 4, key.begin() + 6, key.begin() + 6 + 2 * i);
    malformed.push_back(key);
  }
  const auto keys = KeysOf(*DnskeysOf("example.", malformed));
  std::vector<Bytes> signatures;
  for (std::uint8_t i = 0; i < 8; ++i) {
    signatures.push_back(signer.Sign(*Www()));
    signatures.back().back() ^= i;
  }
  Work work;
  const auto rrset = WithSignatures(*Www(), signatures);
  Verification verification(*rrset, *keys, kSignedAt, work);
  EXPECT_TRUE(verification.Step());
  EXPECT_EQ(work.verifications, Work{}.verifications);
  EXPECT_TRUE(verification.verdict().limited);
}

TEST(VerificationLimits, AMalformedKeyDoesNoHarmToAGoodOneOfItsTag) {
  const Signer& signer = ExampleKey(13);
  Bytes malformed = signer.dnskey();
  std::swap_ranges(malformed.begin() + 4, malformed.begin() + 6, malformed.begin() + 6);
  const auto keys = KeysOf(*DnskeysOf("example.", {malformed, signer.dnskey()}));
  EXPECT_EQ(Verify(*signer.Signed(*Www()), *keys).security, Security::kSecure);
}

// Covers: SEC-43
TEST(VerificationLimits, NothingIsCheckedWithoutWorkLeft) {
  Work work;
  work.verifications = 1;
  const auto keys = Keys();
  const auto rrset = ExampleKey().Signed(*Www());
  Verification paid(*rrset, *keys, kSignedAt, work);
  EXPECT_TRUE(paid.Step());
  EXPECT_EQ(paid.verdict().security, Security::kSecure);
  Verification unpaid(*rrset, *keys, kSignedAt, work);
  EXPECT_TRUE(unpaid.Step());
  EXPECT_TRUE(unpaid.verdict().limited);
  EXPECT_FALSE(unpaid.verdict().too_many_failures);
  ExpectBogus(unpaid.verdict(), Ede::kOther, "validation limit");
}

// Covers: SEC-44
TEST(VerificationLimits, AStepIsOnePublicKeyOperation) {
  const auto rrset = WithSignatures(*Www(), WrongSignatures(3));
  const auto keys = Keys(ExampleKey(15));
  Work work;
  Verification verification(*rrset, *keys, kSignedAt, work);
  for (int left = 2; left >= 0; --left) {
    EXPECT_EQ(verification.NextCost(), VerificationCost(15));
    EXPECT_EQ(verification.Step(), left == 0);
    EXPECT_EQ(work.verifications, Work{}.verifications - 3 + left);
  }
  EXPECT_TRUE(verification.Step());
  EXPECT_FALSE(verification.verdict().limited);
}

TEST(Signers, AreThoseThatMaySignDeepestFirstAndOnce) {
  const auto with_signers = [](const dns::Rrset& rrset, const std::vector<std::string>& names) {
    std::vector<Bytes> signatures;
    std::uint16_t tag = 0;
    for (const std::string& name : names) {
      Rrsig rrsig = ExampleKey().Template(rrset);
      rrsig.signer = N(name);
      rrsig.key_tag = ++tag;
      const Bytes signature = {1};
      rrsig.signature = signature;
      signatures.push_back(test::ToRdata(rrsig));
    }
    return Signers(*WithSignatures(rrset, signatures));
  };
  const auto www = RrsetOf({"www.a.example. 60 IN A 192.0.2.1"});
  EXPECT_EQ(
      with_signers(*www, {"example.", "a.example.", "EXAMPLE.", "b.example.", "x.www.a.example."}),
      (std::vector<Name>{N("a.example."), N("example.")}));
  EXPECT_EQ(with_signers(*www, {".", "example.", "a.example.", "www.a.example."}),
            (std::vector<Name>{N("www.a.example."), N("a.example."), N("example.")}));
  const auto ds = RrsetOf({"a.example. 60 IN DS 1 13 1 2BB183AF5F22588179A53B0A98631FAD1A292118"});
  EXPECT_EQ(with_signers(*ds, {"a.example.", "example."}), (std::vector<Name>{N("example.")}));
  EXPECT_TRUE(Signers(*www).empty());
}

}  // namespace
}  // namespace resolve64::dnssec
