#include "dnssec/records.h"

#include <gtest/gtest.h>

#include "unit/dnssec/signer.h"

namespace resolve64::dnssec {
namespace {

using test::N;
using test::ParseRecord;
using Bytes = test::Octets;

// RFC 4034 section 3.3.
constexpr const char* kRrsig =
    "host.example.com. 86400 IN RRSIG A 5 3 86400 20030322173103 20030220173103 2642 example.com. "
    "oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6oB9wfuh3DTJXUAfI/M0zm"
    "O/zz8bW0Rznl8O3tGNazPwQKkRN20XPXV6nwwfoXmJQbsLNrLfkGJ5D6fwFm8nN+6pBzeDQfsS3Ap3o=";

TEST(ReadRrsig, GivesTheFieldsOfTheRfcExample) {
  const Bytes rdata = ParseRecord(kRrsig).rdata;
  const auto rrsig = Rrsig::Read(rdata);
  ASSERT_TRUE(rrsig);
  EXPECT_EQ(rrsig->covered, RrType::kA);
  EXPECT_EQ(rrsig->algorithm, 5);
  EXPECT_EQ(rrsig->labels, 3);
  EXPECT_EQ(rrsig->original_ttl, 86400U);
  EXPECT_EQ(rrsig->expiration, 1048354263U);
  EXPECT_EQ(rrsig->inception, 1045762263U);
  EXPECT_EQ(rrsig->key_tag, 2642);
  EXPECT_EQ(rrsig->signer, N("example.com."));
  EXPECT_EQ(rrsig->signature.size(), 128U);
  EXPECT_EQ(rrsig->signature.data(), rdata.data() + 18 + 13);
}

TEST(ReadRrsig, RefusesWhatIsCutShort) {
  const Bytes rdata = ParseRecord(kRrsig).rdata;
  for (std::size_t size = 0; size <= 18 + 13; ++size) {
    EXPECT_FALSE(Rrsig::Read(Octets(rdata).first(size))) << size;
  }
}

TEST(ReadDnskey, KnowsItsFlags) {
  const Bytes zsk = {0x01, 0x00, 3, 13, 1, 2, 3};
  const auto key = Dnskey::Read(zsk);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->flags, 256);
  EXPECT_EQ(key->algorithm, 13);
  EXPECT_EQ(key->key.size(), 3U);
  EXPECT_TRUE(key->zone_key());
  EXPECT_FALSE(key->revoked());
  EXPECT_TRUE(Dnskey::Read(Bytes{0x01, 0x81, 3, 13, 1})->revoked());
}

// Covers: SEC-12
TEST(ReadDnskey, IsAZoneKeyOnlyWithTheFlagAndProtocolThree) {
  EXPECT_FALSE(Dnskey::Read(Bytes{0x00, 0x01, 3, 13, 1})->zone_key());
  EXPECT_FALSE(Dnskey::Read(Bytes{0x01, 0x00, 2, 13, 1})->zone_key());
}

TEST(ReadDnskey, RefusesOneWithoutAKey) { EXPECT_FALSE(Dnskey::Read(Bytes{1, 0, 3, 13})); }

TEST(KeyTag, IsThatOfTheRfcExample) {
  const auto key = ParseRecord(  // RFC 4034 section 5.4
      "dskey.example.com. 86400 IN DNSKEY 256 3 5 "
      "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAph"
      "XdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==");
  EXPECT_EQ(KeyTag(key.rdata), 60485);
}

TEST(KeyTag, IsWhatLdnsSaysForAnyOctets) {
  for (const unsigned algorithm : {1, 5, 8, 13, 15, 200}) {
    Bytes rdata = {1, 1, 3, static_cast<std::uint8_t>(algorithm)};
    for (unsigned i = 0; i < 70; ++i)
      rdata.push_back(static_cast<std::uint8_t>(i * 37 + algorithm));
    for (int odd = 0; odd < 2; ++odd, rdata.push_back(0xFF)) {
      const auto rr = test::ToLdns(N("example."), RrType::kDnskey, 60, rdata);
      EXPECT_EQ(KeyTag(rdata), ldns_calc_keytag(rr.get())) << algorithm;
    }
  }
}

TEST(KeyTag, OfAlgorithmOneIsAPartOfTheModulus) {
  EXPECT_EQ(KeyTag(Bytes{1, 0, 3, 1, 9, 0x12, 0x34, 0x56}), 0x1234);
}

TEST(KeyTag, ReadsNothingPastShortOctets) {
  EXPECT_EQ(KeyTag(Bytes{}), 0);
  EXPECT_EQ(KeyTag(Bytes{1, 0, 3, 1}), 0x0401);
}

TEST(ReadDs, GivesItsFields) {
  const Bytes rdata = {0xEC, 0x45, 5, 1, 0xAA, 0xBB};
  const auto ds = Ds::Read(rdata);
  ASSERT_TRUE(ds);
  EXPECT_EQ(ds->key_tag, 60485);
  EXPECT_EQ(ds->algorithm, 5);
  EXPECT_EQ(ds->digest_type, 1);
  EXPECT_EQ(ds->digest.size(), 2U);
  EXPECT_FALSE(Ds::Read(Bytes{1, 2, 3, 4}));
}

// RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234.
Bytes RfcBitmap() {
  Bytes bitmap = {0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b};
  bitmap.resize(bitmap.size() + 26);
  bitmap.push_back(0x20);
  return bitmap;
}

TEST(TypeBitmap, HasTheTypesOfTheRfcExampleAndNoOthers) {
  const Bytes octets = RfcBitmap();
  const auto bitmap = TypeBitmap::Read(octets);
  ASSERT_TRUE(bitmap);
  std::vector<unsigned> types;
  for (unsigned type = 0; type < 65536; ++type) {
    if (bitmap->Has(static_cast<RrType>(type))) types.push_back(type);
  }
  EXPECT_EQ(types, (std::vector<unsigned>{1, 15, 46, 47, 1234}));
}

TEST(TypeBitmap, MayBeEmpty) {
  const auto bitmap = TypeBitmap::Read({});
  ASSERT_TRUE(bitmap);
  EXPECT_FALSE(bitmap->Has(RrType::kA));
}

TEST(TypeBitmap, RefusesBlocksOutOfOrderTwiceEmptyTooLongOrCutShort) {
  EXPECT_FALSE(TypeBitmap::Read(Bytes{1, 1, 0x40, 0, 1, 0x40}));
  EXPECT_FALSE(TypeBitmap::Read(Bytes{0, 1, 0x40, 0, 1, 0x40}));
  EXPECT_FALSE(TypeBitmap::Read(Bytes{0, 0}));
  Bytes long_block = {0, 33};
  long_block.resize(2 + 33);
  EXPECT_FALSE(TypeBitmap::Read(long_block));
  EXPECT_FALSE(TypeBitmap::Read(Bytes{0, 2, 0x40}));
  EXPECT_FALSE(TypeBitmap::Read(Bytes{0}));
}

TEST(ReadNsec, GivesNextNameAndTypes) {
  const Bytes rdata =
      ParseRecord("alfa.example. 60 IN NSEC host.example. A MX RRSIG NSEC TYPE1234").rdata;
  const auto nsec = Nsec::Read(rdata);
  ASSERT_TRUE(nsec);
  EXPECT_EQ(nsec->next, N("host.example."));
  EXPECT_TRUE(nsec->types.Has(RrType::kMx));
  EXPECT_FALSE(nsec->types.Has(RrType::kAaaa));
  EXPECT_FALSE(Nsec::Read(Octets(rdata).first(5)));
  EXPECT_FALSE(Nsec::Read(Octets(rdata).first(rdata.size() - 1)));
}

TEST(ReadNsec3, GivesItsFields) {
  // RFC 5155 appendix A.
  const Bytes rdata = ParseRecord(
                          "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 IN NSEC3 1 1 12 aabbccdd "
                          "2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG")
                          .rdata;
  const auto nsec3 = Nsec3::Read(rdata);
  ASSERT_TRUE(nsec3);
  EXPECT_EQ(nsec3->hash_algorithm, Nsec3::kSha1);
  EXPECT_TRUE(nsec3->opt_out());
  EXPECT_EQ(nsec3->iterations, 12);
  EXPECT_EQ(test::ToOctets(nsec3->salt), (Bytes{0xaa, 0xbb, 0xcc, 0xdd}));
  EXPECT_EQ(nsec3->next_hash.size(), 20U);
  EXPECT_TRUE(nsec3->types.Has(RrType::kSoa));
  EXPECT_FALSE(nsec3->types.Has(RrType::kA));
  for (std::size_t size = 0; size < 4 + 1 + 4 + 1 + 20; ++size) {
    EXPECT_FALSE(Nsec3::Read(Octets(rdata).first(size))) << size;
  }
}

TEST(ReadNsec3, RefusesAnEmptyHash) { EXPECT_FALSE(Nsec3::Read(Bytes{1, 0, 0, 0, 0, 0})); }

TEST(DecodeHashLabel, ReadsBase32HexInAnyLetterCase) {
  // RFC 4648 section 10, without the padding.
  EXPECT_EQ(DecodeHashLabel("CPNMUOJ1E8", 6), "foobar");
  EXPECT_EQ(DecodeHashLabel("cpnmuoj1", 5), "fooba");
  EXPECT_EQ(DecodeHashLabel("CPNMUOG", 4), "foob");
  const auto hash = DecodeHashLabel("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", 20);
  ASSERT_TRUE(hash);
  EXPECT_EQ(*hash, DecodeHashLabel("0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM", 20));
}

TEST(DecodeHashLabel, RefusesOtherLengthsDigitsAndLeftoverBits) {
  EXPECT_FALSE(DecodeHashLabel("CPNMUOJ1E8", 5));
  EXPECT_FALSE(DecodeHashLabel("CPNMUOJ1E8", 7));
  EXPECT_FALSE(DecodeHashLabel("CPNMUOW1E8", 6));
  EXPECT_FALSE(DecodeHashLabel("CPNMUOJ1E=", 6));
  EXPECT_FALSE(DecodeHashLabel("CPNMUOH", 4));
  EXPECT_FALSE(DecodeHashLabel("", 20));
}

}  // namespace
}  // namespace resolve64::dnssec
