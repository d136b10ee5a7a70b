#include "server/question.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "dns/message_builder.h"

namespace resolve64::server {
namespace {

using Octets = std::vector<std::uint8_t>;
using Verdict = Reading::Verdict;

struct Query {
  std::uint16_t flags = Header::kRd;
  RrType type = RrType::kAaaa;
  RrClass rclass = RrClass::kIn;
  bool opt = false;
  std::uint16_t payload = 1232;
  std::uint32_t opt_ttl = 0;  // extended RCODE, version, flags (RFC 6891 section 6.1.3)
  Octets options;
};

Octets Write(const Query& query) {
  dns::MessageBuilder builder(4096);
  builder.SetHeader(0x1234, query.flags);
  builder.AddQuestion(Question(*Name::Parse("WwW.example.com"), query.type, query.rclass));
  if (query.opt) {
    builder.AddRecord(Section::kAdditional, Name(), RrType::kOpt, query.opt_ttl, query.options,
                      static_cast<RrClass>(query.payload));
  }
  return builder.Finish();
}

Reading Read(const Query& query, Transport transport = Transport::kUdp, bool cookies = true) {
  return ReadQuestion(Write(query), transport, cookies);
}

// Options one after another, with code, length and data.
void Add(Query& query, std::uint16_t code, const Octets& data) {
  query.opt = true;
  for (const std::size_t value : {std::size_t{code}, data.size()}) {
    query.options.push_back(static_cast<std::uint8_t>(value >> 8));
    query.options.push_back(static_cast<std::uint8_t>(value & 0xFF));
  }
  query.options.insert(query.options.end(), data.begin(), data.end());
}
Query With(std::uint16_t code, const Octets& data) {
  Query query;
  Add(query, code, data);
  return query;
}
Octets Count(std::size_t size) {
  Octets octets(size);
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<std::uint8_t>(i + 1);
  return octets;
}
constexpr Transport kAllTransports[] = {Transport::kUdp, Transport::kTcp, Transport::kTls,
                                        Transport::kHttps};

// Covers: CLI-03
TEST(ReadQuestion, TakesAPlainQuestionAsItIs) {
  const Reading reading = Read({});
  EXPECT_EQ(reading.verdict, Verdict::kAsk);
  EXPECT_EQ(reading.query.id, 0x1234);
  EXPECT_EQ(reading.query.question->name.ToText(), "WwW.example.com.");
  EXPECT_EQ(reading.query.question->type, RrType::kAaaa);
  EXPECT_FALSE(reading.query.has_opt);
  EXPECT_EQ(reading.query.udp_payload, 512);
}

// Covers: ATK-16
TEST(ReadQuestion, IsSilentToWhatIsShorterThanAHeaderAndToResponses) {
  const Octets whole = Write({});
  for (std::size_t length = 0; length < Header::kSize; ++length) {
    EXPECT_EQ(ReadQuestion(std::span(whole).first(length), Transport::kUdp, true).verdict,
              Verdict::kDrop)
        << length;
  }
  Query response;
  response.flags = Header::kQr | Header::kRd;
  EXPECT_EQ(Read(response).verdict, Verdict::kDrop);
}

// Covers: CLI-02
TEST(ReadQuestion, AnswersEveryOtherOpcodeWithNotImp) {
  for (const int opcode : {1, 2, 3, 4, 5, 6, 7, 15}) {
    Query query;
    query.flags = static_cast<std::uint16_t>(opcode << 11);
    const Reading reading = Read(query);
    EXPECT_EQ(reading.verdict, Verdict::kReply);
    EXPECT_EQ(reading.rcode, Rcode::kNotImp);
    EXPECT_FALSE(reading.query.question);
  }
  // RFC 8906 section 8.1.4: a header and nothing else.
  Octets header(Header::kSize, 0);
  header[2] = 15 << 3;
  EXPECT_EQ(ReadQuestion(header, Transport::kUdp, true).rcode, Rcode::kNotImp);
}

TEST(ReadQuestion, WantsExactlyOneQuestion) {
  Octets none = Write({});
  none[5] = 0;
  none.resize(Header::kSize);
  EXPECT_EQ(ReadQuestion(none, Transport::kUdp, true).rcode, Rcode::kFormErr);

  Octets two = Write({});
  const Octets question(two.begin() + Header::kSize, two.end());
  two[5] = 2;
  two.insert(two.end(), question.begin(), question.end());
  EXPECT_EQ(ReadQuestion(two, Transport::kUdp, true).verdict, Verdict::kReply);
  EXPECT_EQ(ReadQuestion(two, Transport::kUdp, true).rcode, Rcode::kFormErr);
}

TEST(ReadQuestion, RefusesTrailingOctetsAndCutNames) {
  Octets message = Write({});
  message.push_back(0);
  EXPECT_EQ(ReadQuestion(message, Transport::kUdp, true).rcode, Rcode::kFormErr);
  message.resize(Header::kSize + 5);
  EXPECT_EQ(ReadQuestion(message, Transport::kUdp, true).rcode, Rcode::kFormErr);
}

TEST(ReadQuestion, RefusesRecordsInAnswerAndAuthority) {
  for (const Section section : {Section::kAnswer, Section::kAuthority}) {
    dns::MessageBuilder builder(512);
    builder.SetHeader(1, Header::kRd);
    const Name name = *Name::Parse("example.com");
    builder.AddQuestion(Question(name, RrType::kA));
    builder.AddRecord(section, name, RrType::kA, 1, std::vector<std::uint8_t>{192, 0, 2, 1});
    EXPECT_EQ(ReadQuestion(builder.Finish(), Transport::kUdp, true).rcode, Rcode::kFormErr);
  }
}

// Covers: D64-01, CAC-14
TEST(ReadQuestion, RefusesClassesOtherThanInAndCh) {
  for (const RrClass rclass : {RrClass::kHs, RrClass::kNone, RrClass::kAny, RrClass{17}}) {
    Query query;
    query.rclass = rclass;
    EXPECT_EQ(Read(query).verdict, Verdict::kReply);
    EXPECT_EQ(Read(query).rcode, Rcode::kRefused);
  }
  Query chaos;
  chaos.rclass = RrClass::kCh;
  EXPECT_EQ(Read(chaos).verdict, Verdict::kAsk);
}

// Covers: REC-35
TEST(ReadQuestion, KnowsTheTypesThatNobodyCanAskFor) {
  struct Row {
    RrType type;
    Rcode rcode;
  };
  for (const Row& row : {Row{RrType::kNone, Rcode::kFormErr}, Row{RrType::kOpt, Rcode::kFormErr},
                         Row{RrType::kNxname, Rcode::kFormErr}, Row{RrType::kTkey, Rcode::kNotImp},
                         Row{RrType::kTsig, Rcode::kNotImp}, Row{RrType::kMaila, Rcode::kNotImp},
                         Row{RrType::kMailb, Rcode::kNotImp}, Row{RrType::kAxfr, Rcode::kRefused},
                         Row{RrType::kIxfr, Rcode::kRefused}}) {
    Query query;
    query.type = row.type;
    const Reading reading = Read(query);
    EXPECT_EQ(reading.verdict, Verdict::kReply) << ToText(row.type);
    EXPECT_EQ(reading.rcode, row.rcode) << ToText(row.type);
  }
  Query nxname;
  nxname.type = RrType::kNxname;
  EXPECT_EQ(Read(nxname).ede, Ede::kInvalidQueryType);
}

// Covers: CLI-03
TEST(ReadQuestion, TakesUnknownTypesFlagsAndOptions) {
  Query query;
  query.type = RrType{1000};
  query.flags = Header::kRd | Header::kZ | Header::kAd | Header::kCd | Header::kTc | Header::kRa;
  query.opt = true;
  query.opt_ttl = 0x0040;
  query.options = {0, 100, 0, 2, 0xAB, 0xCD};
  EXPECT_EQ(Read(query).verdict, Verdict::kAsk);
}

// Covers: TRA-11
TEST(ReadQuestion, TakesSmallPayloadSizesForTheLeastThatEverybodyTakes) {
  Query query;
  query.opt = true;
  for (const std::uint16_t payload : std::initializer_list<std::uint16_t>{0, 1, 511, 512}) {
    query.payload = payload;
    EXPECT_EQ(Read(query).query.udp_payload, 512) << payload;
  }
  query.payload = 4096;
  EXPECT_EQ(Read(query).query.udp_payload, 4096);
}

// Covers: TRA-10, CLI-02
TEST(ReadQuestion, AnswersHigherEdnsVersionsWithBadvers) {
  for (const std::uint32_t ttl : {0x00010000U, 0x00010040U, 0x00018000U, 0x00FF0000U}) {
    Query query;
    query.opt = true;
    query.opt_ttl = ttl;
    query.options = {0, 100, 0, 0};
    const Reading reading = Read(query);
    EXPECT_EQ(reading.verdict, Verdict::kReply);
    EXPECT_EQ(reading.rcode, Rcode::kBadVers);
    EXPECT_TRUE(reading.query.has_opt);
    EXPECT_EQ(reading.query.do_bit, (ttl & 0x8000) != 0);
  }
}

// Covers: TRA-09
TEST(ReadQuestion, RefusesTwoOptRecordsAndOneThatIsNotAtTheRoot) {
  const Name name = *Name::Parse("example.com");
  dns::MessageBuilder two(512);
  two.SetHeader(1, Header::kRd);
  two.AddQuestion(Question(name, RrType::kA));
  for (int i = 0; i < 2; ++i) {
    two.AddRecord(Section::kAdditional, Name(), RrType::kOpt, 0, {}, RrClass{1232});
  }
  EXPECT_EQ(ReadQuestion(two.Finish(), Transport::kUdp, true).rcode, Rcode::kFormErr);

  dns::MessageBuilder elsewhere(512);
  elsewhere.SetHeader(1, Header::kRd);
  elsewhere.AddQuestion(Question(name, RrType::kA));
  elsewhere.AddRecord(Section::kAdditional, name, RrType::kOpt, 0, {}, RrClass{1232});
  EXPECT_EQ(ReadQuestion(elsewhere.Finish(), Transport::kUdp, true).rcode, Rcode::kFormErr);
}

// --- cookies ---

// Covers: TRA-12
TEST(ReadQuestion, TakesCookiesOfEightAndOfSixteenToFortyOctetsAndNoOthers) {
  for (std::size_t size = 0; size <= 64; ++size) {
    const bool legal = size == 8 || (size >= 16 && size <= 40);
    const Query query = With(dns::kOptionCookie, Count(size));
    for (const Transport transport : kAllTransports) {
      const Reading reading = Read(query, transport);
      EXPECT_EQ(reading.verdict, legal ? Verdict::kAsk : Verdict::kReply) << size;
      EXPECT_EQ(reading.rcode, legal ? Rcode::kNoError : Rcode::kFormErr) << size;
      ASSERT_EQ(reading.query.cookie.present(), legal) << size;
      if (!legal) continue;
      EXPECT_EQ(reading.query.cookie.client()[7], 8);
      EXPECT_EQ(reading.query.cookie.server().size(), size - 8);
      if (size == 8) continue;
      EXPECT_EQ(reading.query.cookie.server().back(), size);
    }
  }
  EXPECT_FALSE(Read({}).query.cookie.present());
}

// Covers: TRA-12
TEST(ReadQuestion, LooksAtTheFirstCookieAlone) {
  Query query = With(dns::kOptionCookie, Count(8));
  Add(query, dns::kOptionCookie, Count(16));
  Add(query, dns::kOptionCookie, Count(3));
  EXPECT_EQ(Read(query).verdict, Verdict::kAsk);
  EXPECT_EQ(Read(query).query.cookie.size, 8);
  query.options.clear();
  Add(query, dns::kOptionCookie, Count(3));
  Add(query, dns::kOptionCookie, Count(8));
  EXPECT_EQ(Read(query).rcode, Rcode::kFormErr);
}

TEST(ReadQuestion, WithoutCookiesTheOptionIsOneThatNobodyKnows) {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 3, 8, 24, 60}) {
    const Reading reading = Read(With(dns::kOptionCookie, Count(size)), Transport::kUdp, false);
    EXPECT_EQ(reading.verdict, Verdict::kAsk) << size;
    EXPECT_FALSE(reading.query.cookie.present());
  }
}

// Covers: TRA-12
TEST(ReadQuestion, WithoutAQuestionACookieIsWhatIsAskedFor) {
  const auto message = [](const Octets& options) {
    dns::MessageBuilder builder(512);
    builder.SetHeader(1, 0);
    builder.AddRecord(Section::kAdditional, Name(), RrType::kOpt, 0, options, RrClass{1232});
    return builder.Finish();
  };
  const Octets cookie = With(dns::kOptionCookie, Count(8)).options;
  const Reading reading = ReadQuestion(message(cookie), Transport::kUdp, true);
  EXPECT_EQ(reading.verdict, Verdict::kReply);
  EXPECT_EQ(reading.rcode, Rcode::kNoError);
  EXPECT_TRUE(reading.query.cookie.present());
  EXPECT_EQ(ReadQuestion(message(cookie), Transport::kUdp, false).rcode, Rcode::kFormErr);
  EXPECT_EQ(ReadQuestion(message({}), Transport::kUdp, true).rcode, Rcode::kFormErr);
  const Octets bad = With(dns::kOptionCookie, Count(9)).options;
  EXPECT_EQ(ReadQuestion(message(bad), Transport::kUdp, true).rcode, Rcode::kFormErr);
}

// Covers: TRA-10
TEST(ReadQuestion, TakesNoOptionOfAHigherEdnsVersion) {
  Query query = With(dns::kOptionCookie, Count(3));
  Add(query, dns::kOptionPadding, {});
  query.opt_ttl = 0x00010000;
  EXPECT_EQ(Read(query).rcode, Rcode::kBadVers);
  EXPECT_FALSE(Read(query).query.padding);
}

// --- keepalive and padding ---

// Covers: TRA-07
TEST(ReadQuestion, KeepaliveWithDataIsAnErrorOnlyWhereTheOptionMeansSomething) {
  for (const Transport transport : kAllTransports) {
    const bool framed = transport == Transport::kTcp || transport == Transport::kTls;
    const Reading empty = Read(With(dns::kOptionKeepalive, {}), transport);
    EXPECT_EQ(empty.verdict, Verdict::kAsk);
    EXPECT_TRUE(empty.query.keepalive);
    for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3}) {
      const Reading reading = Read(With(dns::kOptionKeepalive, Count(size)), transport);
      EXPECT_EQ(reading.verdict, framed ? Verdict::kReply : Verdict::kAsk) << ToText(transport);
      EXPECT_EQ(reading.rcode, framed ? Rcode::kFormErr : Rcode::kNoError) << ToText(transport);
    }
  }
  EXPECT_FALSE(Read({}).query.keepalive);
}

// Covers: TRA-27
TEST(ReadQuestion, TakesPaddingOfAnyContentAndLength) {
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 4, 100, 400}) {
    const Reading reading = Read(With(dns::kOptionPadding, Count(size)), Transport::kTls);
    EXPECT_EQ(reading.verdict, Verdict::kAsk);
    EXPECT_TRUE(reading.query.padding);
  }
  EXPECT_FALSE(Read({}).query.padding);
}

}  // namespace
}  // namespace resolve64::server
