#include "dnssec/key.h"

#include <gtest/gtest.h>

#include <thread>

#include "dnssec/algorithm.h"
#include "dnssec/work.h"
#include "unit/dnssec/signer.h"

namespace resolve64::dnssec {
namespace {

using test::DnskeysOf;
using test::ExampleKey;
using test::N;
using test::ParseRecord;
using test::RrsetOf;
using test::Signer;
using Bytes = test::Octets;

Bytes KeyFieldOf(const Signer& signer) {
  return {signer.dnskey().begin() + 4, signer.dnskey().end()};
}

class EveryAlgorithm : public testing::TestWithParam<int> {
 protected:
  const Signer& signer_ = ExampleKey(static_cast<std::uint8_t>(GetParam()));
  const std::uint8_t algorithm_ = static_cast<std::uint8_t>(GetParam());
  const Bytes data_ = {'s', 'o', 'm', 'e', ' ', 'd', 'a', 't', 'a'};
};
INSTANTIATE_TEST_SUITE_P(PublicKey, EveryAlgorithm, testing::Values(5, 7, 8, 10, 13, 14, 15, 16),
                         [](const auto& algorithm) {
                           std::string name =
                               AlgorithmName(static_cast<std::uint8_t>(algorithm.param));
                           std::erase(name, '-');
                           return name;
                         });

// Covers: SEC-28
TEST_P(EveryAlgorithm, VerifiesWhatLdnsSigned) {
  const auto key = PublicKey::Make(algorithm_, KeyFieldOf(signer_));
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->Verify(data_, signer_.SignOctets(data_)));
  EXPECT_TRUE(key->Verify({}, signer_.SignOctets({})));
}

TEST_P(EveryAlgorithm, RefusesEveryChangeOfOneBit) {
  const auto key = PublicKey::Make(algorithm_, KeyFieldOf(signer_));
  Bytes signature = signer_.SignOctets(data_);
  for (std::size_t i = 0; i < signature.size(); i += 7) {
    signature[i] ^= 0x10;
    EXPECT_FALSE(key->Verify(data_, signature)) << i;
    signature[i] ^= 0x10;
  }
  Bytes other = data_;
  other[0] ^= 1;
  EXPECT_FALSE(key->Verify(other, signature));
  EXPECT_TRUE(key->Verify(data_, signature));
}

// Covers: SEC-29
TEST_P(EveryAlgorithm, RefusesSignaturesOfAnotherLength) {
  const auto key = PublicKey::Make(algorithm_, KeyFieldOf(signer_));
  Bytes signature = signer_.SignOctets(data_);
  EXPECT_FALSE(key->Verify(data_, {}));
  EXPECT_FALSE(key->Verify(data_, Octets(signature).first(signature.size() - 1)));
  EXPECT_FALSE(key->Verify(data_, Octets(signature).first(1)));
  signature.push_back(0);
  EXPECT_FALSE(key->Verify(data_, signature));
  EXPECT_FALSE(key->Verify(data_, Bytes(signature.size() - 1)));
  EXPECT_FALSE(key->Verify(data_, Bytes(5000, 0xFF)));
}

// Covers: SEC-29
TEST_P(EveryAlgorithm, RefusesKeysCutShort) {
  const Bytes field = KeyFieldOf(signer_);
  const std::size_t step = algorithm_ <= 10 ? 70 : 1;  // a shorter modulus may still be one
  for (std::size_t size = 0; size + step < field.size(); size += step) {
    EXPECT_FALSE(PublicKey::Make(algorithm_, Octets(field).first(size))) << size;
  }
  if (algorithm_ > 10) {
    Bytes longer = field;
    longer.push_back(0);
    EXPECT_FALSE(PublicKey::Make(algorithm_, longer));
  }
}

TEST_P(EveryAlgorithm, OneKeyServesManyThreads) {
  const auto key = PublicKey::Make(algorithm_, KeyFieldOf(signer_));
  const Bytes signature = signer_.SignOctets(data_);
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (std::size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) good[i] += key->Verify(data_, signature) ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, (std::vector<int>{20, 20, 20, 20}));
}

// An RSA key field: the length in one octet, the exponent, the modulus.
Bytes RsaField(const Bytes& exponent, std::size_t modulus_octets, std::uint8_t first = 0xC1) {
  Bytes field = {static_cast<std::uint8_t>(exponent.size())};
  field.insert(field.end(), exponent.begin(), exponent.end());
  Bytes modulus(modulus_octets, 0x5B);
  modulus[0] = first;
  field.insert(field.end(), modulus.begin(), modulus.end());
  return field;
}

// Covers: SEC-29
TEST(PublicKeyBounds, RsaExponentsHaveUpTo64Bits) {
  EXPECT_TRUE(PublicKey::Make(8, RsaField({3}, 128)));
  EXPECT_TRUE(PublicKey::Make(8, RsaField({1, 0, 1}, 128)));
  EXPECT_TRUE(PublicKey::Make(8, RsaField(Bytes(8, 0xFF), 128)));
  EXPECT_TRUE(PublicKey::Make(8, RsaField({0, 0, 0, 0, 0, 0, 1, 0, 1}, 128)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField({1, 0, 0, 0, 0, 0, 0, 0, 1}, 128)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField(Bytes(100, 0xFF), 128)));
}

// Covers: SEC-29
TEST(PublicKeyBounds, RsaModuliHave512To4096Bits) {
  EXPECT_TRUE(PublicKey::Make(8, RsaField({3}, 64, 0x80)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField({3}, 64, 0x7F)));
  EXPECT_TRUE(PublicKey::Make(8, RsaField({3}, 512)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField({3}, 513, 0x01)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField({3}, 4000)));
}

TEST(PublicKeyBounds, RsaExponentsThatProveNothingAreRefused) {
  EXPECT_FALSE(PublicKey::Make(8, RsaField({0}, 128)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField({1}, 128)));
  EXPECT_FALSE(PublicKey::Make(8, RsaField({4}, 128)));
}

TEST(PublicKeyBounds, RsaExponentLengthMayTakeThreeOctets) {
  Bytes field = RsaField({1, 0, 1}, 128);
  field.insert(field.begin(), {0, 0});
  EXPECT_TRUE(PublicKey::Make(8, field));
  EXPECT_FALSE(PublicKey::Make(8, Bytes{0, 0}));
  EXPECT_FALSE(PublicKey::Make(8, Bytes{0, 0, 0, 1, 2, 3}));
  EXPECT_FALSE(PublicKey::Make(8, Bytes{0, 0xFF, 0xFF, 1}));
}

// Covers: SEC-29
TEST(PublicKeyBounds, EcPointsOffTheCurveAreRefused) {
  Bytes field = KeyFieldOf(ExampleKey(13));
  field.back() ^= 1;
  EXPECT_FALSE(PublicKey::Make(13, field));
  EXPECT_FALSE(PublicKey::Make(13, Bytes(64)));
  EXPECT_FALSE(PublicKey::Make(14, Bytes(96, 0xFF)));
}

// Covers: SEC-28
TEST(PublicKeyBounds, OtherAlgorithmsHaveNoKeys) {
  for (const int algorithm : {0, 1, 3, 6, 12, 17, 252, 255}) {
    EXPECT_FALSE(PublicKey::Make(static_cast<std::uint8_t>(algorithm), RsaField({3}, 128)))
        << algorithm;
  }
}

TEST(KeysOf, LeavesOutKeysThatMayNotSign) {
  const Bytes good = ExampleKey(13).dnskey();
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes rdata = good;
    rdata[at] = value;
    return rdata;
  };
  // No Zone flag, revoked, protocol 1, an unknown algorithm, cut short.
  const auto keys = KeysOf(*DnskeysOf("example.", {changed(0, 0), changed(1, 0x80), changed(2, 1),
                                                   changed(3, 99), Bytes{1, 0, 3, 13}, good}));
  ASSERT_EQ(keys->keys.size(), 1U);
  EXPECT_EQ(keys->zone, N("example."));
  EXPECT_EQ(keys->keys[0].tag, ExampleKey(13).tag());
  EXPECT_EQ(keys->keys[0].algorithm, 13);
  EXPECT_TRUE(keys->keys[0].key);
}

TEST(KeysOf, KeepsMalformedKeysWithoutAKey) {
  const auto keys = KeysOf(*DnskeysOf("example.", {Bytes{1, 0, 3, 13, 1, 2, 3}}));
  ASSERT_EQ(keys->keys.size(), 1U);
  EXPECT_FALSE(keys->keys[0].key);
}

TEST(KeysOf, ReadsABoundedNumber) {
  std::vector<Bytes> many;
  for (unsigned i = 0; i < 200; ++i) {
    many.push_back({1, 0, 3, 15, static_cast<std::uint8_t>(i)});
  }
  EXPECT_EQ(KeysOf(*DnskeysOf("example.", many))->keys.size(), kMaxZoneKeys);
}

// The DS records of a key of RFC 4034 section 5.4, RFC 6605 section 6, RFC 8080 section 6.
struct DsExample {
  const char* dnskey;
  const char* ds;
};
constexpr auto kDsExamples = std::to_array<DsExample>({
    {"dskey.example.com. 86400 IN DNSKEY 256 3 5 "
     "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAph"
     "XdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
     "dskey.example.com. 86400 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
    {"example.net. 3600 IN DNSKEY 257 3 13 "
     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
     "example.net. 3600 IN DS 55648 13 2 "
     "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"},
    {"example.net. 3600 IN DNSKEY 257 3 14 "
     "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX4"
     "5NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
     "example.net. 3600 IN DS 10771 14 4 "
     "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df98"
     "3"
     "d6"},
    {"example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
     "example.com. 3600 IN DS 3613 15 2 "
     "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"},
    {"example.com. 3600 IN DNSKEY 257 3 16 "
     "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
     "example.com. 3600 IN DS 9713 16 2 "
     "6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7"},
});

TEST(EntryKeys, AreThoseThatTheDsOfTheRfcsName) {
  for (const DsExample& example : kDsExamples) {
    KeyTrouble trouble;
    const auto keys = EntryKeys(*RrsetOf({example.ds}), *RrsetOf({example.dnskey}), trouble);
    ASSERT_TRUE(keys) << trouble.text;
    ASSERT_EQ(keys->keys.size(), 1U);
    EXPECT_TRUE(keys->keys[0].key);
    EXPECT_TRUE(trouble.text.empty());
  }
}

TEST(MakeDs, IsThatOfTheRfcs) {
  for (const DsExample& example : kDsExamples) {
    const auto ds = ParseRecord(example.ds);
    if (Ds::Read(ds.rdata)->digest_type != 2) continue;
    const auto key = ParseRecord(example.dnskey);
    EXPECT_EQ(MakeDs(key.owner, key.rdata), ds.rdata);
  }
}

TEST(MakeDs, LowersTheNameOfTheZone) {
  const Bytes& key = ExampleKey(13).dnskey();
  EXPECT_EQ(MakeDs(N("EXAMPLE."), key), MakeDs(N("example."), key));
}

// DS RDATA with a digest of `type` that ldns made.
Bytes DsOf(const Signer& signer, ldns_hash type) {
  const auto rr = test::ToLdns(signer.zone(), RrType::kDnskey, 60, signer.dnskey());
  const test::Ldns<ldns_rr> ds(ldns_key_rr2ds(rr.get(), type));
  return test::RdataOf(*ds);
}

dns::RrsetPtr DsSet(const std::vector<Bytes>& rdata) {
  dns::RrsetBuilder builder(N("example."), RrType::kDs);
  for (const Bytes& ds : rdata) builder.Add(ds, 3600);
  return builder.Build(test::kHere, dns::Trust::kAuthAnswer);
}

struct Entered {
  std::vector<std::uint16_t> tags;
  KeyTrouble trouble;
};
Entered Enter(const std::vector<Bytes>& ds, const std::vector<Bytes>& dnskeys) {
  Entered entered;
  const auto keys = EntryKeys(*DsSet(ds), *DnskeysOf("example.", dnskeys), entered.trouble);
  if (!keys) return entered;
  for (const ZoneKey& key : keys->keys) entered.tags.push_back(key.tag);
  return entered;
}

class EntryKeysOf : public testing::Test {
 protected:
  const Signer& a_ = ExampleKey(13);
  const Signer& b_ = ExampleKey(15);
  const Bytes sha1_ = DsOf(a_, LDNS_SHA1);
  const Bytes sha256_ = DsOf(a_, LDNS_SHA256);
  const Bytes sha384_ = DsOf(a_, LDNS_SHA384);
  const std::vector<std::uint16_t> only_a_ = {a_.tag()};
};

TEST_F(EntryKeysOf, EachDigestIsFollowed) {
  for (const Bytes& ds : {sha1_, sha256_, sha384_}) {
    EXPECT_EQ(Enter({ds}, {a_.dnskey(), b_.dnskey()}).tags, only_a_);
  }
  EXPECT_EQ(Enter({sha1_, sha256_, sha384_}, {a_.dnskey()}).tags, only_a_);
}

// Covers: SEC-07
TEST_F(EntryKeysOf, NotEveryDsNeedsItsKey) {
  EXPECT_EQ(Enter({DsOf(b_, LDNS_SHA256), sha256_}, {a_.dnskey()}).tags, only_a_);
}

TEST_F(EntryKeysOf, Sha1IsNotLookedAtBesideSha2) {
  Bytes wrong = sha256_;
  wrong.back() ^= 1;
  const auto entered = Enter({sha1_, wrong}, {a_.dnskey()});
  EXPECT_TRUE(entered.tags.empty());
  EXPECT_EQ(entered.trouble.ede, Ede::kDnskeyMissing);
}

// Covers: SEC-06
TEST_F(EntryKeysOf, Sha1IsLookedAtBesideSha2OfAnUnknownAlgorithm) {
  Bytes unknown = sha256_;
  unknown[2] = 99;
  EXPECT_EQ(Enter({unknown, sha1_}, {a_.dnskey()}).tags, only_a_);
}

TEST_F(EntryKeysOf, ADigestThatDoesNotMatchIsDnskeyMissing) {
  for (const Bytes& ds : {Bytes(sha256_.begin(), sha256_.end() - 1), DsOf(b_, LDNS_SHA256)}) {
    const auto entered = Enter({ds}, {a_.dnskey()});
    EXPECT_TRUE(entered.tags.empty());
    EXPECT_EQ(entered.trouble.ede, Ede::kDnskeyMissing);
    EXPECT_NE(entered.trouble.text.find("example. DNSKEY: no key "), std::string::npos)
        << entered.trouble.text;
  }
}

// Covers: SEC-12
TEST_F(EntryKeysOf, AKeyWithoutTheZoneFlagIsNoZoneKeyBitSet) {
  const Signer host("example.", 13, 0);
  const auto entered = Enter({DsOf(host, LDNS_SHA256)}, {host.dnskey()});
  EXPECT_TRUE(entered.tags.empty());
  EXPECT_EQ(entered.trouble.ede, Ede::kNoZoneKeyBit);
  EXPECT_EQ(Enter({DsOf(host, LDNS_SHA256), sha256_}, {host.dnskey(), a_.dnskey()}).tags, only_a_);
}

// Covers: SEC-12
TEST_F(EntryKeysOf, ARevokedKeyIsNotUsed) {
  const Signer revoked("example.", 13, 256 | Dnskey::kRevoke);
  const auto entered = Enter({DsOf(revoked, LDNS_SHA256)}, {revoked.dnskey()});
  EXPECT_TRUE(entered.tags.empty());
  EXPECT_EQ(entered.trouble.ede, Ede::kDnskeyMissing);
  EXPECT_NE(entered.trouble.text.find("is revoked"), std::string::npos);
}

// Covers: SEC-42
TEST_F(EntryKeysOf, NoMoreThanEightDigestsAreComputed) {
  // The words of an Ed25519 key in another order give another key of the same tag.
  std::vector<Bytes> keys;
  for (std::size_t i = 0; i < 9; ++i) {
    Bytes key = b_.dnskey();
    std::swap_ranges(key.begin() + 4, key.begin() + 6,
                     key.begin() + 6 + 2 * static_cast<std::ptrdiff_t>(i));
    ASSERT_EQ(KeyTag(key), b_.tag());
    keys.push_back(key);
  }
  keys.insert(keys.begin() + kMaxDigests - 1, b_.dnskey());
  EXPECT_EQ(Enter({DsOf(b_, LDNS_SHA256)}, keys).tags.size(), 1U);
  std::swap(keys[kMaxDigests - 1], keys[kMaxDigests]);
  const auto entered = Enter({DsOf(b_, LDNS_SHA256)}, keys);
  EXPECT_TRUE(entered.tags.empty());
  EXPECT_NE(entered.trouble.text.find("validation limit"), std::string::npos);
}

class SupportOfDs : public EntryKeysOf {
 protected:
  Bytes With(std::size_t at, std::uint8_t value) const {
    Bytes ds = sha256_;
    ds[at] = value;
    return ds;
  }
};

// Covers: SEC-06
TEST_F(SupportOfDs, OneGoodRecordAmongOthersSuffices) {
  EXPECT_TRUE(SupportOf(*DsSet({sha1_})).usable);
  EXPECT_TRUE(SupportOf(*DsSet({With(2, 12), With(3, 3), sha256_})).usable);
}

// Covers: SEC-06
TEST_F(SupportOfDs, UnknownAlgorithmsAloneAreSaidToBeSo) {
  const auto support = SupportOf(*DsSet({With(2, 12)}));
  EXPECT_FALSE(support.usable);
  EXPECT_EQ(support.ede, Ede::kUnsupportedAlgorithm);
  EXPECT_EQ(support.text, "example. DS: ECC-GOST is not supported");
}

// Covers: SEC-06
TEST_F(SupportOfDs, UnknownDigestsAloneAreSaidToBeSo) {
  const auto support = SupportOf(*DsSet({With(2, 99), With(3, 3)}));
  EXPECT_FALSE(support.usable);
  EXPECT_EQ(support.ede, Ede::kUnsupportedDigest);
  EXPECT_EQ(support.text, "example. DS: GOST R 34.11-94 is not supported");
}

// Covers: SEC-06
TEST_F(SupportOfDs, AnUnknownAlgorithmAndAnUnknownDigestInTwoRecordsIsNoSupport) {
  EXPECT_FALSE(SupportOf(*DsSet({With(2, 99), With(3, 3)})).usable);
  EXPECT_FALSE(SupportOf(*DsSet({With(3, 0), With(2, 1)})).usable);
}

}  // namespace
}  // namespace resolve64::dnssec
