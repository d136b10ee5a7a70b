#include "dnssec/anchors.h"

#include <gtest/gtest.h>

#include "dnssec/key.h"
#include "unit/dnssec/signer.h"
#include "unit/zone/support.h"

namespace resolve64::dnssec {
namespace {

using test::ExampleKey;
using test::N;
using zone::TempFile;

constexpr const char* kRootDs =
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
constexpr const char* kKey =
    "example.net. IN DNSKEY 257 3 13 "
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
constexpr const char* kKeyDs =
    "example.net. IN DS 55648 13 2 "
    "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";

std::string ErrorOf(const std::vector<std::string>& records) {
  const auto parsed = ParseAnchors(records);
  EXPECT_FALSE(parsed);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, Errc::kBadFile);
  return parsed.error().text;
}

// Covers: SEC-50, SEC-51
TEST(BuiltinAnchors, AreTheRootsKeysOf2017And2024) {
  const TrustAnchorsPtr anchors = BuiltinAnchors();
  ASSERT_EQ(anchors->zones.size(), 1U);
  const dns::RrsetPtr* root = anchors->Find(Name());
  ASSERT_TRUE(root);
  ASSERT_EQ((*root)->size(), 2U);
  EXPECT_EQ(Ds::Read((*root)->rdata(0))->key_tag, 20326);
  EXPECT_EQ(Ds::Read((*root)->rdata(1))->key_tag, 38696);
  EXPECT_TRUE(SupportOf(**root).usable);
}

// Covers: SEC-50
TEST(BuiltinAnchors, AreThoseOfTheFileThatIsShipped) {
  const auto file = ReadAnchors(R64_SOURCE_DIR "/zones/root.anchors");
  ASSERT_TRUE(file) << file.error().text;
  const dns::Rrset& shipped = **(*file)->Find(Name());
  const dns::Rrset& builtin = **BuiltinAnchors()->Find(Name());
  ASSERT_EQ(shipped.size(), builtin.size());
  for (std::size_t i = 0; i < builtin.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(shipped.rdata(i), builtin.rdata(i)));
  }
}

TEST(ParseAnchors, AKeyBecomesItsDs) {
  const auto key = ParseAnchors({kKey});
  const auto ds = ParseAnchors({kKeyDs});
  ASSERT_TRUE(key) << key.error().text;
  ASSERT_TRUE(ds) << ds.error().text;
  const dns::Rrset& made = **(*key)->Find(N("example.net."));
  EXPECT_EQ(made.type(), RrType::kDs);
  EXPECT_TRUE(std::ranges::equal(made.rdata(0), (**(*ds)->Find(N("example.net."))).rdata(0)));
}

TEST(ParseAnchors, SeveralOfAZoneStandTogether) {
  const auto parsed = ParseAnchors({kRootDs, kKey, kKeyDs,
                                    "EXAMPLE.net. 60 IN DS 1 13 1 "
                                    "2BB183AF5F22588179A53B0A98631FAD1A292118"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ((*parsed)->zones.size(), 2U);
  EXPECT_EQ((*(*parsed)->Find(N("example.net.")))->size(), 2U);
}

TEST(ParseAnchors, FindDeepestTakesTheClosestZoneAbove) {
  const auto parsed = ParseAnchors({kRootDs, kKey});
  ASSERT_TRUE(parsed);
  const auto owner = [&](std::string_view name) {
    return (*(*parsed)->FindDeepest(N(name)))->owner();
  };
  EXPECT_EQ(owner("a.b.example.NET."), N("example.net."));
  EXPECT_EQ(owner("example.net."), N("example.net."));
  EXPECT_EQ(owner("net."), Name());
  EXPECT_EQ(owner("."), Name());
  const auto island = ParseAnchors({kKey});
  EXPECT_FALSE((*island)->FindDeepest(N("net.")));
  EXPECT_FALSE((*island)->Find(N("a.example.net.")));
}

TEST(ParseAnchors, LeavesOutWhatIsNotSupportedBesideWhatIs) {
  const auto parsed =
      ParseAnchors({kKeyDs,
                    "example.net. IN DS 55648 250 2 "
                    "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"});
  ASSERT_TRUE(parsed) << parsed.error().text;
}

TEST(ParseAnchors, RefusesZonesOfWhichNothingCanBeUsed) {
  EXPECT_NE(ErrorOf({kRootDs,
                     "example. IN DS 1 12 2 "
                     "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"})
                .find("no anchor of example. can be used: example. DS: ECC-GOST is not supported"),
            std::string::npos);
  EXPECT_EQ(ErrorOf({}), "trust anchors: no DS or DNSKEY record: give at least one");
}

TEST(ParseAnchors, SaysWhatIsWrongWithARecord) {
  EXPECT_NE(ErrorOf({"rubbish"}).find("\"rubbish\": no record"), std::string::npos);
  EXPECT_NE(ErrorOf({""}).find("no record"), std::string::npos);
  EXPECT_NE(ErrorOf({". IN A 192.0.2.1"}).find("a DS or a DNSKEY record, not A"),
            std::string::npos);
  EXPECT_NE(ErrorOf({". CH DS 20326 8 2 E06D"}).find("class is not IN"), std::string::npos);
  EXPECT_NE(ErrorOf({". IN DS 20326 8 2 E06D"}).find("SHA-256 has 32 octets, not 2"),
            std::string::npos);
  EXPECT_NE(ErrorOf({". IN DNSKEY 1 3 13 AAAA"}).find("no zone key"), std::string::npos);
  EXPECT_NE(ErrorOf({". IN DNSKEY 385 3 13 AAAA"}).find("revoked"), std::string::npos);
  EXPECT_NE(ErrorOf({". IN DNSKEY 257 3 13 AAAA"}).find("no key of ECDSAP256SHA256"),
            std::string::npos);
}

TEST(ReadAnchors, ReadsCommentsBlankLinesAndParentheses) {
  const TempFile file(
      "; of the root\n\n. 3600 IN DS 20326 8 2 ( E06D44B80B8F1D39A95C0B0D7C65D084\n"
      "    58E880409BBC683457104237C7F8EC8D ) ; KSK-2017\n" +
      std::string(kKey) + " ; a key\n");
  const auto read = ReadAnchors(file.path());
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ((*read)->zones.size(), 2U);
}

TEST(ReadAnchors, NamesFileAndLine) {
  const auto error_of = [](std::string_view text) {
    const TempFile file(text);
    const auto read = ReadAnchors(file.path());
    EXPECT_FALSE(read);
    if (read) return std::string();
    EXPECT_TRUE(read.error().text.starts_with(file.path()));
    return read.error().text.substr(file.path().size());
  };
  EXPECT_EQ(error_of(std::string(kRootDs) + "\n\nexample. 60 IN A 192.0.2.1\n"),
            ":3: a trust anchor is a DS or a DNSKEY record, not A");
  EXPECT_TRUE(error_of(std::string(kRootDs) + "\n. IN DS x\n").starts_with(":2: "));
  EXPECT_EQ(error_of("; nothing\n"), ": no DS or DNSKEY record: give at least one");
}

TEST(ReadAnchors, SaysThatAFileIsNotThere) {
  const auto read = ReadAnchors("/nonexistent/anchors");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("/nonexistent/anchors: cannot be opened"), std::string::npos);
}

TEST(AnchorStore, GivesWhatWasPutLast) {
  AnchorStore store(BuiltinAnchors());
  EXPECT_EQ(store.Get(), BuiltinAnchors());
  const auto other = *ParseAnchors({kKey});
  store.Set(other);
  EXPECT_EQ(store.Get(), other);
}

TEST(NegativeAnchor, HoldsUntilItsEnd) {
  NegativeAnchor anchor;
  EXPECT_TRUE(anchor.HoldsAt(test::kSignedAt));
  anchor.until = 100;
  EXPECT_TRUE(anchor.HoldsAt(99));
  EXPECT_FALSE(anchor.HoldsAt(100));
}

}  // namespace
}  // namespace resolve64::dnssec
