#include "server/http_request.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dns/message_builder.h"

namespace resolve64::server {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::string_view kPath = "/dns-query";

HttpFields Get(const std::string& target) {
  HttpFields fields;
  fields.Set(":method", "GET");
  fields.Set(":path", target);
  return fields;
}

HttpFields Post(const std::string& content_type) {
  HttpFields fields;
  fields.Set(":method", "POST");
  fields.Set(":path", kPath);
  fields.Set("content-type", content_type);
  return fields;
}

int StatusOf(const HttpFields& fields) {
  const HttpHead head = ReadHead(fields, kPath);
  return head.kind == HttpHead::Kind::kRefused ? head.refusal.status : 200;
}

std::string Encode(const Octets& octets) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t bit = 0; bit < octets.size() * 8; bit += 6) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const unsigned octet = i / 8 < octets.size() ? octets[i / 8] : 0U;
      digit = digit << 1 | (octet >> (7 - i % 8) & 1);
    }
    text += kAlphabet[digit];
  }
  return text;
}

// Covers: TRA-40
TEST(HttpRequest, ReadsTheGetExamplesOfRfc8484) {
  const HttpHead simple =
      ReadHead(Get("/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"), kPath);
  ASSERT_EQ(simple.kind, HttpHead::Kind::kGet);
  EXPECT_EQ(simple.message,
            (Octets{0,   0,   1,   0,   0,   1,   0,   0, 0,   0,   0,   0, 3, 'w', 'w', 'w', 7,
                    'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1,   0,   1}));
  const HttpHead dash = ReadHead(
      Get("/dns-query?dns=AAABAAABAAAAAAAAAWE-NjJjaGFyYWN0ZXJsYWJlbC1tYWtlcy1iYXNlNjR1cmwtZGlzdGlu"
          "Y3QtZnJvbS1zdGFuZGFyZC1iYXNlNjQHZXhhbXBsZQNjb20AAAEAAQ"),
      kPath);
  ASSERT_EQ(dash.kind, HttpHead::Kind::kGet);
  EXPECT_EQ(dash.message.size(), 94U);
  EXPECT_EQ(std::string(dash.message.begin() + 13, dash.message.begin() + 16), "a>6");
}

TEST(HttpRequest, HeadIsGetWithoutContent) {
  HttpFields fields = Get("/dns-query?dns=AAAA");
  EXPECT_FALSE(ReadHead(fields, kPath).without_content);
  fields.Set(":method", "HEAD");
  const HttpHead head = ReadHead(fields, kPath);
  EXPECT_EQ(head.kind, HttpHead::Kind::kGet);
  EXPECT_TRUE(head.without_content);
  EXPECT_EQ(head.message.size(), 3U);
  fields.Set(":path", "/");
  EXPECT_TRUE(ReadHead(fields, kPath).without_content);
}

TEST(HttpRequest, EveryLengthThereAndBack) {
  Octets octets;
  for (unsigned length = 1; length < 600; ++length) {
    octets.push_back(static_cast<std::uint8_t>(length * 37));
    const HttpHead head = ReadHead(Get("/dns-query?dns=" + Encode(octets)), kPath);
    ASSERT_EQ(head.kind, HttpHead::Kind::kGet) << length;
    EXPECT_EQ(head.message, octets);
  }
}

// Covers: TRA-42
TEST(HttpRequest, RefusesWhatIsNotCanonicalBase64Url) {
  for (const char* value : {"AAA=", "AA==", "A+AA", "A/AA", "AA AA", " AAAA", "AAAA\t", "AAAA\n",
                            "A%41AA", "A", "AAAAA", "AB", "AAB", "AAF", "AA\x80"}) {
    EXPECT_EQ(StatusOf(Get(std::string("/dns-query?dns=") + value)), 400) << value;
  }
  for (const char* value : {"AA", "AQ", "AAA", "AAE", "AAAA"}) {
    EXPECT_EQ(StatusOf(Get(std::string("/dns-query?dns=") + value)), 200) << value;
  }
}

TEST(HttpRequest, GetNeedsItsVariableOnce) {
  for (const char* target :
       {"/dns-query", "/dns-query?", "/dns-query?DNS=AAAA", "/dns-query?name=example.com",
        "/dns-query?xdns=AAAA", "/dns-query?dns", "/dns-query?dns=AAAA&dns=AAAA",
        "/dns-query?dns=AAAA&dns="}) {
    EXPECT_EQ(StatusOf(Get(target)), 400) << target;
  }
}

TEST(HttpRequest, OtherVariablesAreIgnored) {
  const HttpHead head =
      ReadHead(Get("/dns-query?ct=application/dns-message&dns=AAAA&x&&y=1"), kPath);
  ASSERT_EQ(head.kind, HttpHead::Kind::kGet);
  EXPECT_EQ(head.message.size(), 3U);
}

TEST(HttpRequest, OtherPathsAreNotFound) {
  for (const char* target : {"/", "/dns-query/", "/dns-quer", "/dns-queryx", "/Dns-query", "", "*",
                             "/x?dns=AAAA", "//dns-query?dns=AAAA", "?dns=AAAA"}) {
    EXPECT_EQ(StatusOf(Get(target)), 404) << target;
  }
}

TEST(HttpRequest, OtherMethodsAreToldWhichThereAre) {
  for (const char* method : {"PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "X", ""}) {
    HttpFields fields = Get("/dns-query?dns=AAAA");
    fields.Set(":method", method);
    const HttpHead head = ReadHead(fields, kPath);
    EXPECT_EQ(head.refusal.status, 405) << method;
    EXPECT_EQ(head.refusal.allow, "GET, HEAD, POST");
  }
}

// Covers: TRA-42
TEST(HttpRequest, PostNeedsTheMediaTypeOfDns) {
  for (const char* type :
       {"application/dns-message", "Application/DNS-Message", "application/dns-message;charset=x",
        "application/dns-message ; a=b; c=d"}) {
    EXPECT_EQ(ReadHead(Post(type), kPath).kind, HttpHead::Kind::kPost) << type;
  }
  for (const char* type :
       {"", "application/dns-json", "application/dns-messages", "dns-message",
        "application/dns-message, text/plain", "text/plain; application/dns-message",
        "application/dns-udpwireformat"}) {
    EXPECT_EQ(StatusOf(Post(type)), 415) << type;
  }
}

TEST(HttpRequest, EncodedContentIsRefused) {
  HttpFields fields = Post("application/dns-message");
  fields.Set("content-encoding", "gzip");
  EXPECT_EQ(StatusOf(fields), 415);
  fields.Set("content-encoding", "Identity");
  EXPECT_EQ(StatusOf(fields), 200);
}

// Covers: TRA-42
TEST(HttpRequest, ATargetThatIsTooLongIsRefused) {
  const std::string start = "/dns-query?dns=";
  EXPECT_EQ(StatusOf(Get(start + std::string((kMaxHttpTarget - start.size()) / 4 * 4, 'A'))), 200);
  EXPECT_EQ(StatusOf(Get(start + std::string(kMaxHttpTarget - start.size() + 1, 'A'))), 414);
}

TEST(HttpRequest, EveryRefusalSaysWhatToDoOnOneLine) {
  HttpFields put = Get("/dns-query");
  put.Set(":method", "PUT");
  for (const HttpRefusal& refusal :
       {NotAQuery(), HeaderTooLarge(), MessageTooLarge(), ReadHead(Get("/"), kPath).refusal,
        ReadHead(Get("/dns-query"), kPath).refusal, ReadHead(put, kPath).refusal,
        ReadHead(Get("/dns-query?dns=="), kPath).refusal, ReadHead(Post(""), kPath).refusal,
        ReadHead(Get(std::string(kMaxHttpTarget + 1, '/')), kPath).refusal}) {
    EXPECT_GT(refusal.text.size(), 20U) << refusal.status;
    EXPECT_EQ(refusal.text.find('\n'), refusal.text.size() - 1) << refusal.text;
  }
}

TEST(HttpFields, ALengthThatIsNoNumberIsNone) {
  HttpFields fields;
  for (const char* value : {"", "x", "-1", "1x", "99999999999999999999999"}) {
    fields.Set("content-length", value);
    EXPECT_FALSE(fields.content_length) << value;
  }
  fields.Set("content-length", "65536");
  EXPECT_EQ(fields.content_length, 65536U);
}

// --- how long a reply keeps ---

class Freshness : public ::testing::Test {
 protected:
  Freshness() { builder_.AddQuestion(Question(Owner("www.example.com"), RrType::kAaaa)); }

  static Name Owner(const char* name) { return *Name::Parse(name); }
  void Header(Rcode rcode) {
    builder_.SetHeader(0, static_cast<std::uint16_t>(0x8180 | static_cast<unsigned>(rcode)));
  }
  void Address(std::uint32_t ttl, Section section = Section::kAnswer) {
    builder_.AddRecord(section, Owner("www.example.com"), RrType::kAaaa, ttl, Octets(16, 0x20));
  }
  void Alias(std::uint32_t ttl) {
    const Name target = Owner("target.example.net");
    builder_.AddRecord(Section::kAnswer, Owner("www.example.com"), RrType::kCname, ttl,
                       target.wire());
  }
  void Soa(std::uint32_t ttl, std::uint32_t minimum) {
    Octets rdata = {0, 0};
    for (const std::uint32_t number : {1U, 3600U, 600U, 86400U, minimum}) {
      for (unsigned shift : {24U, 16U, 8U, 0U}) {
        rdata.push_back(static_cast<std::uint8_t>(number >> shift));
      }
    }
    builder_.AddRecord(Section::kAuthority, Owner("example.com"), RrType::kSoa, ttl, rdata);
  }
  std::optional<std::uint32_t> Seconds(Rcode rcode) {
    Header(rcode);
    return FreshnessOf(builder_.Finish());
  }

  dns::MessageBuilder builder_{65535};
};

// Covers: TRA-41
TEST_F(Freshness, IsTheSmallestTtlOfTheAnswer) {
  Address(300);
  Address(30);
  Address(600);
  EXPECT_EQ(Seconds(Rcode::kNoError), 30U);
}

TEST_F(Freshness, IgnoresWhatIsBesideTheAnswer) {
  Address(300);
  Address(5, Section::kAuthority);
  Address(7, Section::kAdditional);
  EXPECT_EQ(Seconds(Rcode::kNoError), 300U);
}

// Covers: TRA-41
TEST_F(Freshness, OfNoDataIsBoundedByTheSoaMinimum) {
  Soa(3600, 60);
  EXPECT_EQ(Seconds(Rcode::kNoError), 60U);
}

TEST_F(Freshness, OfNoDataIsBoundedByTheTtlOfTheSoa) {
  Soa(20, 60);
  EXPECT_EQ(Seconds(Rcode::kNxDomain), 20U);
}

TEST_F(Freshness, OfAnAliasToNothingIsTheSmallerOfBoth) {
  Alias(300);
  Soa(3600, 60);
  EXPECT_EQ(Seconds(Rcode::kNxDomain), 60U);
}

TEST_F(Freshness, OfAShortAliasToNothingIsTheAlias) {
  Alias(5);
  Soa(3600, 60);
  EXPECT_EQ(Seconds(Rcode::kNoError), 5U);
}

TEST_F(Freshness, OfATtlWithTheTopBitIsZero) {
  Address(0x80000001);
  EXPECT_EQ(Seconds(Rcode::kNoError), 0U);
}

// Covers: TRA-41
TEST_F(Freshness, AFailureIsNotKept) {
  Address(300);
  EXPECT_EQ(Seconds(Rcode::kServFail), std::nullopt);
  Soa(300, 60);
  EXPECT_EQ(Seconds(Rcode::kRefused), std::nullopt);
  EXPECT_EQ(Seconds(Rcode::kFormErr), std::nullopt);
}

TEST_F(Freshness, AnExtendedFailureIsNotKept) {
  Address(300);
  Header(Rcode::kNoError);
  builder_.AddOpt(1232, Rcode::kBadVers, false, {});
  EXPECT_EQ(FreshnessOf(builder_.Finish()), std::nullopt);
}

TEST_F(Freshness, WithoutAnyTtlNothingIsKept) {
  EXPECT_EQ(Seconds(Rcode::kNoError), std::nullopt);
  EXPECT_EQ(FreshnessOf(Octets(5)), std::nullopt);
}

}  // namespace
}  // namespace resolve64::server
