#include "server/reply.h"

#include <gtest/gtest.h>

#include <array>
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

std::vector<std::uint8_t> Rendered(const ClientQuery& query, const Response& response,
                                   const ReplyTerms& terms) {
  return RenderReply(query, response, terms).message;
}

// Covers: CLI-01
TEST(RenderReply, CopiesIdOpcodeRdAndCdAndNothingElseOfTheHeader) {
  const std::uint16_t everything =
      0x7800 | Header::kAa | Header::kTc | Header::kRd | Header::kZ | Header::kAd | Header::kCd;
  const auto message = Rendered(Asked(true, everything), Found(1), {kTcpLimit, 1232});
  const Header header = Parse(message).header();
  EXPECT_EQ(header.id, 0xBEEF);
  EXPECT_EQ(header.flags & 0x7800, 0x7800);
  EXPECT_EQ(dns::FlagsToText(header), "qr rd ra cd");
  EXPECT_FALSE(header.Has(Header::kZ));
  const auto plain = Rendered(Asked(true, 0), Found(1), {kTcpLimit, 1232});
  EXPECT_EQ(dns::FlagsToText(Parse(plain).header()), "qr ra");
}

// Covers: D64-56
TEST(RenderReply, SaysAdOnlyToWhoAskedForIt) {
  Response response = Found(1);
  response.secure = true;
  const auto flags = [&](const ClientQuery& query) {
    return dns::FlagsToText(Parse(Rendered(query, response, {kTcpLimit, 1232})).header());
  };
  EXPECT_EQ(flags(Asked()), "qr rd ra");
  EXPECT_EQ(flags(Asked(true, Header::kRd | Header::kAd)), "qr rd ra ad");
  ClientQuery with_do = Asked();
  with_do.do_bit = true;
  EXPECT_EQ(flags(with_do), "qr rd ra ad");
}

// Covers: D64-36, T47
TEST(RenderReply, KeepsTheLetterCaseOfTheQuestionInQuestionAndOwner) {
  const auto message = Rendered(Asked(), Found(1), {kTcpLimit, 1232});
  const MessageView view = Parse(message);
  EXPECT_EQ(view.question()->name.ToText(), "WWW.Example.com.");
  EXPECT_EQ(view.Owner(view.records()[0]).ToText(), "WWW.Example.com.");
}

// Covers: TRA-09, CLI-02
TEST(RenderReply, HasOptExactlyWhereTheQueryHadIt) {
  EXPECT_FALSE(Parse(Rendered(Asked(false), Found(1), {kTcpLimit, 1232})).edns());
  ClientQuery query = Asked();
  query.do_bit = true;
  const auto message = Rendered(query, Found(1), {kTcpLimit, 1400});
  const MessageView view = Parse(message);
  ASSERT_TRUE(view.edns());
  EXPECT_EQ(view.edns()->version, 0);
  EXPECT_EQ(view.edns()->udp_payload, 1400);
  EXPECT_TRUE(view.edns()->do_bit);
  EXPECT_TRUE(view.edns()->options.empty());
}

// Covers: TRA-10
TEST(RenderReply, WritesExtendedRcodes) {
  const auto message = Rendered(Asked(), Response(Rcode::kBadVers), {kTcpLimit, 1232});
  EXPECT_EQ(Parse(message).rcode(), Rcode::kBadVers);
}

// Covers: EDE-01
TEST(RenderReply, TellsExtendedErrorsOnlyToClientsWithEdns) {
  Response response(Rcode::kRefused);
  response.ede.push_back({Ede::kProhibited, "no"});
  const auto message = Rendered(Asked(), response, {kTcpLimit, 1232});
  const MessageView view = Parse(message);
  const EdnsOption* option = view.edns()->Find(dns::kOptionEde);
  ASSERT_NE(option, nullptr);
  EXPECT_EQ(std::vector<std::uint8_t>(option->data.begin(), option->data.end()),
            (std::vector<std::uint8_t>{0, 18, 'n', 'o'}));
  EXPECT_FALSE(Parse(Rendered(Asked(false), response, {kTcpLimit, 1232})).edns());
}

// Covers: T56
TEST(RenderReply, SendsSignaturesOnlyWithDo) {
  Response response(Rcode::kNoError);
  response.answer.emplace_back(Addresses(kName, 1, true), 300);
  EXPECT_EQ(Parse(Rendered(Asked(), response, {kTcpLimit, 1232})).records().size(), 1U);
  ClientQuery query = Asked();
  query.do_bit = true;
  EXPECT_EQ(Parse(Rendered(query, response, {kTcpLimit, 1232})).records().size(), 2U);
  response.answer[0].signatures = false;
  EXPECT_EQ(Parse(Rendered(query, response, {kTcpLimit, 1232})).records().size(), 1U);
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
  const auto udp = Rendered(Asked(), response, {512, 1232});
  const MessageView cut = Parse(udp);
  EXPECT_LE(udp.size(), 512U);
  EXPECT_TRUE(cut.header().Has(Header::kTc));
  EXPECT_TRUE(cut.edns());
  ASSERT_EQ(cut.records().size(), 1U);
  EXPECT_EQ(cut.records()[0].type, RrType::kCname);

  const auto tcp = Rendered(Asked(), response, {kTcpLimit, 1232});
  EXPECT_FALSE(Parse(tcp).header().Has(Header::kTc));
  EXPECT_EQ(Parse(tcp).records().size(), 41U);
}

TEST(RenderReply, LeavesAdditionalRecordsOutWithoutSayingSo) {
  Response response = Found(10);
  response.additional.emplace_back(Addresses(*Name::Parse("more.example.com"), 30), 300);
  response.additional.emplace_back(Addresses(*Name::Parse("less.example.com"), 1), 300);
  const auto message = Rendered(Asked(), response, {512, 1232});
  const MessageView view = Parse(message);
  EXPECT_FALSE(view.header().Has(Header::kTc));
  EXPECT_EQ(view.records().size(), 11U);
}

// Covers: EDE-02
TEST(RenderReply, DropsTheTextOfAnErrorThenTheErrorBeforeAnyRecord) {
  Response response = Found(3);
  response.ede.push_back({Ede::kSynthesized, std::string(60, 't')});
  const std::size_t whole = Rendered(Asked(), response, {kTcpLimit, 1232}).size();

  const auto code_only = Rendered(Asked(), response, {whole - 1, 1232});
  const MessageView short_view = Parse(code_only);
  EXPECT_FALSE(short_view.header().Has(Header::kTc));
  EXPECT_EQ(short_view.records().size(), 3U);
  EXPECT_EQ(short_view.edns()->Find(dns::kOptionEde)->data.size(), 2U);

  const auto none = Rendered(Asked(), response, {whole - 61, 1232});
  const MessageView bare = Parse(none);
  EXPECT_TRUE(bare.header().Has(Header::kTc));
  EXPECT_EQ(bare.records().size(), 3U);
  EXPECT_EQ(bare.edns()->Find(dns::kOptionEde), nullptr);
}

// Covers: CAC-01
TEST(RenderReply, GivesAllRecordsOfAnRrsetTheSameTtl) {
  Response response = Found(5);
  response.answer[0].ttl = 17;
  const auto message = Rendered(Asked(), response, {kTcpLimit, 1232});
  const MessageView view = Parse(message);
  EXPECT_EQ(view.records().size(), 5U);
  for (const RecordView& record : view.records()) EXPECT_EQ(record.ttl, 17U);
}

// Covers: TRA-11
TEST(UdpLimit, IsTheClientsWithinOurs) {
  ClientQuery query = Asked(false);
  query.udp_payload = 4096;
  EXPECT_EQ(UdpLimit(query.has_opt, query.udp_payload, 1232), 512U);
  query.has_opt = true;
  EXPECT_EQ(UdpLimit(query.has_opt, query.udp_payload, 1232), 1232U);
  query.udp_payload = 700;
  EXPECT_EQ(UdpLimit(query.has_opt, query.udp_payload, 1232), 700U);
  query.udp_payload = 512;
  EXPECT_EQ(UdpLimit(query.has_opt, query.udp_payload, 1232), 512U);
}

// --- options ---

std::vector<std::uint16_t> OptionCodes(const std::vector<std::uint8_t>& message) {
  std::vector<std::uint16_t> codes;
  const MessageView view = Parse(message);
  if (!view.edns()) return codes;
  for (const EdnsOption& option : view.edns()->options) codes.push_back(option.code);
  return codes;
}
std::vector<std::uint8_t> OptionData(const std::vector<std::uint8_t>& message, std::uint16_t code) {
  const MessageView view = Parse(message);
  const EdnsOption* option = view.edns() ? view.edns()->Find(code) : nullptr;
  if (option == nullptr) return {};
  return {option->data.begin(), option->data.end()};
}
CookieOption Cookie() {
  CookieOption cookie;
  const std::array<std::uint8_t, 8> client = {1, 2, 3, 4, 5, 6, 7, 8};
  cookie.Set(client, ServerCookie{9});
  return cookie;
}

// Covers: TRA-07, TRA-12, TRA-28
TEST(RenderReply, WritesCookieKeepaliveErrorsAndPaddingLast) {
  Response response = Found(1);
  response.ede.push_back({Ede::kSynthesized, "text"});
  ReplyTerms terms(kTcpLimit, 1232);
  terms.cookie = Cookie();
  terms.keepalive = 0x0102;
  terms.pad = true;
  const auto message = Rendered(Asked(), response, terms);
  EXPECT_EQ(OptionCodes(message),
            (std::vector<std::uint16_t>{dns::kOptionCookie, dns::kOptionKeepalive, dns::kOptionEde,
                                        dns::kOptionPadding}));
  const std::vector<std::uint8_t> cookie = OptionData(message, dns::kOptionCookie);
  EXPECT_EQ(cookie.size(), 24U);
  EXPECT_EQ(cookie[0], 1);
  EXPECT_EQ(cookie[8], 9);
  EXPECT_EQ(OptionData(message, dns::kOptionKeepalive), (std::vector<std::uint8_t>{1, 2}));
}

// Covers: TRA-09, TRA-27
TEST(RenderReply, WithoutEdnsThereIsNoOptionWhateverTheTerms) {
  ReplyTerms terms(kTcpLimit, 1232);
  terms.cookie = Cookie();
  terms.keepalive = 1;
  terms.pad = true;
  EXPECT_FALSE(Parse(Rendered(Asked(false), Found(1), terms)).edns());
}

// Covers: TRA-28
TEST(RenderReply, PadsEveryLengthToTheNextMultipleOf468) {
  ReplyTerms padded(kTcpLimit, 1232);
  padded.pad = true;
  const ManualClock clock;
  std::size_t before = 0;
  for (std::size_t size = 1; size <= 1400; ++size) {
    // One record whose data has this many octets, whatever it would be.
    Response response(Rcode::kNoError);
    response.answer.emplace_back(
        dns::MakeRrset(kName, RrType{65280}, 60, std::vector<std::uint8_t>(size, 0xAA), clock.Now(),
                       dns::Trust::kAuthAnswer),
        60);
    const std::size_t plain = Rendered(Asked(), response, {kTcpLimit, 1232}).size();
    const auto message = Rendered(Asked(), response, padded);
    ASSERT_EQ(message.size() % 468, 0U) << size;
    // Four octets are what an option without data takes.
    ASSERT_GE(message.size(), plain + 4) << size;
    ASSERT_LT(message.size(), plain + 4 + 468) << size;
    ASSERT_GE(message.size(), before) << size;
    before = message.size();
    const std::vector<std::uint8_t> padding = OptionData(message, dns::kOptionPadding);
    ASSERT_EQ(padding, std::vector<std::uint8_t>(message.size() - plain - 4, 0)) << size;
  }
}

// Covers: TRA-28
TEST(RenderReply, PaddingNeverMakesAMessageTooLong) {
  ReplyTerms terms(kTcpLimit, 1232);
  terms.pad = true;
  const ManualClock clock;
  const auto reply = [&](std::size_t size) {
    Response response(Rcode::kNoError);
    response.answer.emplace_back(
        dns::MakeRrset(kName, RrType{65280}, 60, std::vector<std::uint8_t>(size, 0xAA), clock.Now(),
                       dns::Trust::kAuthAnswer),
        60);
    return Rendered(Asked(), response, terms);
  };
  const std::size_t beside = 12 + 21 + 12 + 15;  // header, question, record, OPT with padding
  for (const std::size_t size : {kTcpLimit - beside - 14, kTcpLimit - beside}) {
    const auto message = reply(size);
    EXPECT_EQ(message.size(), kTcpLimit) << "140 blocks are too short for it, and 141 too long";
    EXPECT_FALSE(Parse(message).header().Has(Header::kTc));
    EXPECT_EQ(OptionCodes(message), std::vector<std::uint16_t>{dns::kOptionPadding});
  }
  const auto cut = reply(kTcpLimit - beside + 1);
  EXPECT_TRUE(Parse(cut).header().Has(Header::kTc));
  EXPECT_EQ(cut.size(), 468U);
}

// Covers: TRA-12
TEST(RenderReply, WhatIsCutKeepsItsCookie) {
  Response response(Rcode::kNoError);
  response.answer.emplace_back(Addresses(kName, 40), 300);
  response.ede.push_back({Ede::kSynthesized, std::string(60, 't')});
  ReplyTerms terms(512, 1232);
  terms.cookie = Cookie();
  const auto message = Rendered(Asked(), response, terms);
  EXPECT_LE(message.size(), 512U);
  EXPECT_TRUE(Parse(message).header().Has(Header::kTc));
  EXPECT_EQ(OptionCodes(message), std::vector<std::uint16_t>{dns::kOptionCookie});
}

TEST(RenderReply, ErrorsThatDoNotFitLeaveTheCookieItsPlace) {
  Response response(Rcode::kServFail);
  for (int i = 0; i < 5; ++i) response.ede.push_back({Ede::kOther, std::string(120, 't')});
  ReplyTerms terms(512, 1232);
  terms.cookie = Cookie();
  const auto message = Rendered(Asked(), response, terms);
  const std::vector<std::uint16_t> codes = OptionCodes(message);
  ASSERT_EQ(codes.size(), 6U);
  EXPECT_EQ(codes[0], dns::kOptionCookie);
  EXPECT_EQ(OptionData(message, dns::kOptionEde).size(), 2U) << "without its text";
  EXPECT_FALSE(Parse(message).header().Has(Header::kTc));
}

TEST(RenderReply, SendsTheClientToTcpWithTcAndNothingElse) {
  ReplyTerms terms(512, 1232);
  terms.come_over_tcp = true;
  for (const bool opt : {false, true}) {
    const auto message = Rendered(Asked(opt), Response(Rcode::kNoError), terms);
    EXPECT_TRUE(Parse(message).header().Has(Header::kTc));
    EXPECT_TRUE(Parse(message).records().empty());
  }
}

}  // namespace
}  // namespace resolve64::server
