#include "server/reply.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "dns/message_builder.h"
#include "dns/text.h"

namespace resolve64::server {
namespace {

const Name kName = *Name::Parse("WWW.Example.com");

ClientQuery Asked(bool opt = true, std::uint16_t flags = Header::kRd) {
  ClientQuery query;
  query.id = 0xBEEF;
  query.flags = flags;
  query.question = Question(kName, RrType::kAaaa);
  query.has_opt = opt;
  query.udp_payload = 1232;
  return query;
}

dns::RrsetPtr Addresses(const Name& owner, std::size_t count, bool signature = false) {
  const ManualClock clock;
  dns::RrsetBuilder builder(owner, RrType::kAaaa);
  for (std::size_t i = 0; i < count; ++i) {
    Ipv6 address{{0x20, 0x01, 0x0d, 0xb8}};
    address.octets[15] = static_cast<std::uint8_t>(i);
    builder.Add(address.octets, 300);
  }
  if (signature) builder.AddSignature(std::vector<std::uint8_t>(40, 1), 300);
  return builder.Build(clock.Now(), dns::Trust::kAuthAnswer);
}

Response Found(std::size_t count) {
  Response response(Rcode::kNoError);
  response.answer.emplace_back(Addresses(*Name::Parse("www.example.com"), count), 300);
  return response;
}

MessageView Parse(const std::vector<std::uint8_t>& message) {
  const Result<MessageView> view = MessageView::Parse(message);
  EXPECT_TRUE(view) << (view ? "" : view.error().text);
  return *view;  // borrows `message`
}

// Covers: CLI-01
TEST(RenderReply, CopiesIdOpcodeRdAndCdAndNothingElseOfTheHeader) {
  const std::uint16_t everything =
      0x7800 | Header::kAa | Header::kTc | Header::kRd | Header::kZ | Header::kAd | Header::kCd;
  const auto message = RenderReply(Asked(true, everything), Found(1), kTcpLimit, 1232);
  const Header header = Parse(message).header();
  EXPECT_EQ(header.id, 0xBEEF);
  EXPECT_EQ(header.flags & 0x7800, 0x7800);
  EXPECT_EQ(dns::FlagsToText(header), "qr rd ra cd");
  EXPECT_FALSE(header.Has(Header::kZ));
  const auto plain = RenderReply(Asked(true, 0), Found(1), kTcpLimit, 1232);
  EXPECT_EQ(dns::FlagsToText(Parse(plain).header()), "qr ra");
}

// Covers: D64-56
TEST(RenderReply, SaysAdOnlyToWhoAskedForIt) {
  Response response = Found(1);
  response.secure = true;
  const auto flags = [&](ClientQuery query) {
    return dns::FlagsToText(Parse(RenderReply(query, response, kTcpLimit, 1232)).header());
  };
  EXPECT_EQ(flags(Asked()), "qr rd ra");
  EXPECT_EQ(flags(Asked(true, Header::kRd | Header::kAd)), "qr rd ra ad");
  ClientQuery with_do = Asked();
  with_do.do_bit = true;
  EXPECT_EQ(flags(with_do), "qr rd ra ad");
}

// Covers: D64-36, T47
TEST(RenderReply, KeepsTheLetterCaseOfTheQuestionInQuestionAndOwner) {
  const auto message = RenderReply(Asked(), Found(1), kTcpLimit, 1232);
  const MessageView view = Parse(message);
  EXPECT_EQ(view.question()->name.ToText(), "WWW.Example.com.");
  EXPECT_EQ(view.Owner(view.records()[0]).ToText(), "WWW.Example.com.");
}

// Covers: TRA-09, CLI-02
TEST(RenderReply, HasOptExactlyWhereTheQueryHadIt) {
  EXPECT_FALSE(Parse(RenderReply(Asked(false), Found(1), kTcpLimit, 1232)).edns());
  ClientQuery query = Asked();
  query.do_bit = true;
  const auto message = RenderReply(query, Found(1), kTcpLimit, 1400);
  const MessageView view = Parse(message);
  ASSERT_TRUE(view.edns());
  EXPECT_EQ(view.edns()->version, 0);
  EXPECT_EQ(view.edns()->udp_payload, 1400);
  EXPECT_TRUE(view.edns()->do_bit);
  EXPECT_TRUE(view.edns()->options.empty());
}

// Covers: TRA-10
TEST(RenderReply, WritesExtendedRcodes) {
  const auto message = RenderReply(Asked(), Response(Rcode::kBadVers), kTcpLimit, 1232);
  EXPECT_EQ(Parse(message).rcode(), Rcode::kBadVers);
}

// Covers: EDE-01
TEST(RenderReply, TellsExtendedErrorsOnlyToClientsWithEdns) {
  Response response(Rcode::kRefused);
  response.ede.push_back({Ede::kProhibited, "no"});
  const auto message = RenderReply(Asked(), response, kTcpLimit, 1232);
  const MessageView view = Parse(message);
  const EdnsOption* option = view.edns()->Find(dns::kOptionEde);
  ASSERT_NE(option, nullptr);
  EXPECT_EQ(std::vector<std::uint8_t>(option->data.begin(), option->data.end()),
            (std::vector<std::uint8_t>{0, 18, 'n', 'o'}));
  EXPECT_FALSE(Parse(RenderReply(Asked(false), response, kTcpLimit, 1232)).edns());
}

// Covers: T56
TEST(RenderReply, SendsSignaturesOnlyWithDo) {
  Response response(Rcode::kNoError);
  response.answer.emplace_back(Addresses(kName, 1, true), 300);
  EXPECT_EQ(Parse(RenderReply(Asked(), response, kTcpLimit, 1232)).records().size(), 1U);
  ClientQuery query = Asked();
  query.do_bit = true;
  EXPECT_EQ(Parse(RenderReply(query, response, kTcpLimit, 1232)).records().size(), 2U);
  response.answer[0].signatures = false;
  EXPECT_EQ(Parse(RenderReply(query, response, kTcpLimit, 1232)).records().size(), 1U);
}

// Covers: D64-34, T46
TEST(RenderReply, CutsWholeRrsetsAndSaysSo) {
  Response response(Rcode::kNoError);
  const Name alias = *Name::Parse("alias.example.com");
  const ManualClock clock;
  response.answer.emplace_back(
      dns::MakeRrset(kName, RrType::kCname, 60, alias.wire(), clock.Now(), dns::Trust::kAuthAnswer),
      60);
  response.answer.emplace_back(Addresses(alias, 40), 300);
  const auto udp = RenderReply(Asked(), response, 512, 1232);
  const MessageView cut = Parse(udp);
  EXPECT_LE(udp.size(), 512U);
  EXPECT_TRUE(cut.header().Has(Header::kTc));
  EXPECT_TRUE(cut.edns());
  ASSERT_EQ(cut.records().size(), 1U);
  EXPECT_EQ(cut.records()[0].type, RrType::kCname);

  const auto tcp = RenderReply(Asked(), response, kTcpLimit, 1232);
  EXPECT_FALSE(Parse(tcp).header().Has(Header::kTc));
  EXPECT_EQ(Parse(tcp).records().size(), 41U);
}

TEST(RenderReply, LeavesAdditionalRecordsOutWithoutSayingSo) {
  Response response = Found(10);
  response.additional.emplace_back(Addresses(*Name::Parse("more.example.com"), 30), 300);
  response.additional.emplace_back(Addresses(*Name::Parse("less.example.com"), 1), 300);
  const auto message = RenderReply(Asked(), response, 512, 1232);
  const MessageView view = Parse(message);
  EXPECT_FALSE(view.header().Has(Header::kTc));
  EXPECT_EQ(view.records().size(), 11U);
}

// Covers: EDE-02
TEST(RenderReply, DropsTheTextOfAnErrorThenTheErrorBeforeAnyRecord) {
  Response response = Found(3);
  response.ede.push_back({Ede::kSynthesized, std::string(60, 't')});
  const std::size_t whole = RenderReply(Asked(), response, kTcpLimit, 1232).size();

  const auto code_only = RenderReply(Asked(), response, whole - 1, 1232);
  const MessageView short_view = Parse(code_only);
  EXPECT_FALSE(short_view.header().Has(Header::kTc));
  EXPECT_EQ(short_view.records().size(), 3U);
  EXPECT_EQ(short_view.edns()->Find(dns::kOptionEde)->data.size(), 2U);

  const auto none = RenderReply(Asked(), response, whole - 61, 1232);
  const MessageView bare = Parse(none);
  EXPECT_TRUE(bare.header().Has(Header::kTc));
  EXPECT_EQ(bare.records().size(), 3U);
  EXPECT_EQ(bare.edns()->Find(dns::kOptionEde), nullptr);
}

// Covers: CAC-01
TEST(RenderReply, GivesAllRecordsOfAnRrsetTheSameTtl) {
  Response response = Found(5);
  response.answer[0].ttl = 17;
  const auto message = RenderReply(Asked(), response, kTcpLimit, 1232);
  const MessageView view = Parse(message);
  EXPECT_EQ(view.records().size(), 5U);
  for (const RecordView& record : view.records()) EXPECT_EQ(record.ttl, 17U);
}

// Covers: TRA-11
TEST(UdpLimit, IsTheClientsWithinOurs) {
  ClientQuery query = Asked(false);
  query.udp_payload = 4096;
  EXPECT_EQ(UdpLimit(query, 1232), 512U);
  query.has_opt = true;
  EXPECT_EQ(UdpLimit(query, 1232), 1232U);
  query.udp_payload = 700;
  EXPECT_EQ(UdpLimit(query, 1232), 700U);
  query.udp_payload = 512;
  EXPECT_EQ(UdpLimit(query, 1232), 512U);
}

}  // namespace
}  // namespace resolve64::server
