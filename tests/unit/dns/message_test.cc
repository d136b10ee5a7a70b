#include "resolve64/message.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "unit/dns/wire.h"

namespace resolve64 {
namespace {

using test::N;
using test::Octets;
using test::ToOctets;
using test::Wire;

// A reply with one record in each section and an OPT: what most tests below break in one place.
Wire Reply() {
  Wire wire;
  wire.Header(0x8580, 1, 1, 1, 2).Question("www.example.com", RrType::kA);
  wire.Pointer(12).Fixed(RrType::kA, 300, 4).Octets({192, 0, 2, 1});
  wire.Pointer(16).Fixed(RrType::kNs, 600, 6).U8(3).Text("ns1").Pointer(16);
  wire.Text("\x03ns1").Pointer(16).Fixed(RrType::kAaaa, 600, 16);
  wire.Octets({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  wire.U8(0).U16(41).U16(1232).U32(0x00008000).U16(0);
  return wire;
}

bool IsMalformed(std::span<const std::uint8_t> message) {
  const Result<MessageView> view = MessageView::Parse(message);
  return !view && view.error().code == Errc::kMalformed;
}

TEST(MessageParse, ReadsEveryPart) {
  const Wire wire = Reply();
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view) << view.error().text;
  EXPECT_EQ(view->header().id, 0x1234);
  EXPECT_TRUE(view->header().Has(Header::kQr));
  EXPECT_TRUE(view->header().Has(Header::kAa));
  EXPECT_FALSE(view->header().Has(Header::kTc));
  EXPECT_EQ(view->header().opcode(), Opcode::kQuery);
  EXPECT_EQ(view->question(), Question(N("www.example.com"), RrType::kA));
  ASSERT_EQ(view->records().size(), 3U);
  EXPECT_EQ(view->records()[0].section, Section::kAnswer);
  EXPECT_EQ(view->records()[0].ttl, 300U);
  EXPECT_EQ(view->Owner(view->records()[0]), N("www.example.com"));
  EXPECT_EQ(ToOctets(view->RawRdata(view->records()[0])), (Octets{192, 0, 2, 1}));
  EXPECT_EQ(view->records()[1].section, Section::kAuthority);
  EXPECT_EQ(view->Owner(view->records()[1]), N("example.com"));
  EXPECT_EQ(view->records()[2].section, Section::kAdditional);
  EXPECT_EQ(view->Owner(view->records()[2]), N("ns1.example.com"));
  ASSERT_TRUE(view->edns());
  EXPECT_EQ(view->edns()->udp_payload, 1232);
  EXPECT_TRUE(view->edns()->do_bit);
  EXPECT_EQ(view->edns()->version, 0);
}

// Covers: D64-36
TEST(MessageParse, KeepsLetterCaseOfQuestionAndOwner) {
  Wire wire;
  wire.Header(0x8180, 1, 1, 0, 0).Question("wWw.ExAmPlE.cOm", RrType::kA);
  wire.Pointer(12).Fixed(RrType::kA, 1, 4).Octets({192, 0, 2, 1});
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->question()->name.ToText(), "wWw.ExAmPlE.cOm.");
  EXPECT_EQ(view->Owner(view->records()[0]).ToText(), "wWw.ExAmPlE.cOm.");
}

TEST(MessageParse, AcceptsNoQuestion) {
  Wire wire;
  wire.Header(0, 0, 0, 0, 0);
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->question());
}

TEST(MessageParse, RefusesTwoQuestions) {
  Wire wire;
  wire.Header(0, 2, 0, 0, 0);
  wire.Question("a.example", RrType::kA).Question("b.example", RrType::kA);
  EXPECT_TRUE(IsMalformed(wire));
}

// Covers: REC-06
TEST(MessageParse, ShowsTheFlagsOfAReplyThatMustNotBeUsed) {
  Wire query;
  query.Header(0x0100, 1, 0, 0, 0).Question("example", RrType::kA);
  EXPECT_FALSE(MessageView::Parse(query)->header().Has(Header::kQr));

  Wire notify;
  notify.Header(0xA000, 1, 0, 0, 0).Question("example", RrType::kA);
  EXPECT_EQ(MessageView::Parse(notify)->header().opcode(), Opcode::kNotify);

  Wire truncated;
  truncated.Header(0x8200, 1, 0, 0, 0).Question("example", RrType::kA);
  EXPECT_TRUE(MessageView::Parse(truncated)->header().Has(Header::kTc));

  // Z is reserved: it is seen and changes nothing else.
  Wire reserved;
  reserved.Header(0x8040, 1, 0, 0, 0).Question("example", RrType::kA);
  const Result<MessageView> view = MessageView::Parse(reserved);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->header().Has(Header::kZ));
  EXPECT_EQ(view->rcode(), Rcode::kNoError);
}

TEST(MessageParse, RefusesEveryPrefixOfAMessage) {
  const Wire wire = Reply();
  for (std::size_t size = 0; size < wire.octets().size(); ++size) {
    const Octets cut(wire.octets().begin(), wire.octets().begin() + static_cast<long>(size));
    ASSERT_TRUE(IsMalformed(cut)) << size;
  }
}

TEST(MessageParse, RefusesOctetsAfterTheLastRecord) { EXPECT_TRUE(IsMalformed(Reply().U8(0))); }

TEST(MessageParse, RefusesMoreThan65535Octets) {
  Wire wire = Reply();
  Octets long_one = wire.octets();
  long_one.resize(65536);
  EXPECT_TRUE(IsMalformed(long_one));
}

TEST(MessageParse, RefusesCountsThatCannotFitBeforeReadingRecords) {
  Wire wire;
  wire.Header(0x8180, 0, 0xFFFF, 0xFFFF, 0xFFFF);
  EXPECT_TRUE(IsMalformed(wire));
}

TEST(MessageParse, RefusesRdataPastTheEnd) {
  Wire wire;
  wire.Header(0x8180, 1, 1, 0, 0).Question("example", RrType::kA);
  wire.Pointer(12).Fixed(RrType::kA, 1, 5).Octets({192, 0, 2, 1});
  EXPECT_TRUE(IsMalformed(wire));
}

// Covers: REC-08
TEST(MessageParse, RefusesNamesThatBreakTheRules) {
  // Forwards, to itself, out of the message, a label type that does not exist, and one cut short.
  for (const Octets& name : {Octets{0xC0, 40}, Octets{0xC0, 12}, Octets{0xFF, 0xFF},
                             Octets{0x40, 0}, Octets{0x80, 0}, Octets{63, 'a', 0}}) {
    Wire wire;
    wire.Header(0x0100, 1, 0, 0, 0);
    for (const std::uint8_t octet : name) wire.U8(octet);
    wire.U16(1).U16(1);
    EXPECT_TRUE(IsMalformed(wire)) << static_cast<int>(name[0]);
  }
}

// Covers: REC-08
TEST(MessageParse, RefusesANameThatPointersMakeTooLong) {
  // Three labels of 63 and their root: 193 octets. One more of 63 makes 257.
  const std::string label(63, 'a');
  Wire wire;
  wire.Header(0x8180, 1, 1, 0, 0).Question(label + "." + label + "." + label, RrType::kA);
  wire.U8(63).Text(label).Pointer(12).Fixed(RrType::kTxt, 1, 0);
  EXPECT_TRUE(IsMalformed(wire));
}

// Covers: REC-08
TEST(MessageParse, AcceptsAnyOctetInALabel) {
  Wire wire;
  wire.Header(0x0100, 1, 0, 0, 0);
  wire.Octets({5, 0, '.', 0xFF, ' ', '\\', 0}).U16(1).U16(1);
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->question()->name.ToText(), "\\000\\.\\255\\032\\\\.");
}

//--- OPT (RFC 6891) ---

Wire WithOpt(const char* owner, unsigned copies, Section section = Section::kAdditional) {
  Wire wire;
  const bool answer = section == Section::kAnswer;
  wire.Header(0x0100, 1, answer ? copies : 0, 0, answer ? 0 : copies);
  wire.Question("example", RrType::kA);
  for (unsigned i = 0; i < copies; ++i) {
    wire.NameOf(owner).U16(41).U16(4096).U32(0).U16(0);
  }
  return wire;
}

// Covers: TRA-09
TEST(MessageOpt, RefusesMoreThanOne) {
  EXPECT_FALSE(IsMalformed(WithOpt(".", 1)));
  EXPECT_TRUE(IsMalformed(WithOpt(".", 2)));
}

// Covers: TRA-09
TEST(MessageOpt, RefusesAnOwnerThatIsNotTheRoot) { EXPECT_TRUE(IsMalformed(WithOpt("a.", 1))); }

TEST(MessageOpt, RefusesItOutsideAdditionalData) {
  EXPECT_TRUE(IsMalformed(WithOpt(".", 1, Section::kAnswer)));
}

// Covers: CAC-13
TEST(MessageOpt, IsNoRecord) {
  EXPECT_TRUE(MessageView::Parse(WithOpt(".", 1))->records().empty());
}

// Covers: TRA-09
TEST(MessageOpt, UnknownFlagsAndOptionsAreIgnored) {
  Wire wire;
  wire.Header(0x0100, 1, 0, 0, 1).Question("example", RrType::kA);
  wire.U8(0).U16(41).U16(4096).U32(0x00007FFF).U16(7).U16(65001).U16(3).Text("abc");
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->edns()->do_bit);
  ASSERT_EQ(view->edns()->options.size(), 1U);
  const EdnsOption* option = view->edns()->Find(65001);
  ASSERT_NE(option, nullptr);
  EXPECT_EQ(ToOctets(option->data), (Octets{'a', 'b', 'c'}));
  EXPECT_EQ(view->edns()->Find(10), nullptr);
}

TEST(MessageOpt, RefusesOptionsThatDoNotFillTheRdata) {
  const auto with = [](const Octets& options) {
    Wire wire;
    wire.Header(0x0100, 0, 0, 0, 1).U8(0).U16(41).U16(4096).U32(0);
    wire.U16(static_cast<unsigned>(options.size()));
    for (const std::uint8_t octet : options) wire.U8(octet);
    return wire;
  };
  EXPECT_FALSE(IsMalformed(with({0, 10, 0, 0})));
  EXPECT_TRUE(IsMalformed(with({0})));
  EXPECT_TRUE(IsMalformed(with({0, 10, 0})));
  EXPECT_TRUE(IsMalformed(with({0, 10, 0, 1})));
  EXPECT_TRUE(IsMalformed(with({0, 10, 0, 0, 9})));
}

TEST(MessageOpt, ExtendsTheRcodeAndSaysItsVersion) {
  Wire wire;
  wire.Header(0x8180, 0, 0, 0, 1).U8(0).U16(41).U16(512).U32(0x01050000).U16(0);
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->rcode(), Rcode::kBadVers);
  EXPECT_EQ(view->edns()->version, 5);
}

//--- RDATA ---

// The RDATA of one record at example.com., or nothing where it is refused. Offset 12 is
// example.com.
std::optional<Octets> Rdata(RrType type, const Wire& rdata) {
  Wire wire;
  wire.Header(0x8180, 1, 1, 0, 0).Question("example.com", type);
  wire.Pointer(12).Fixed(type, 1, rdata.octets().size());
  for (const std::uint8_t octet : rdata.octets()) wire.U8(octet);
  const Result<MessageView> view = MessageView::Parse(wire);
  if (!view) return std::nullopt;
  Octets out{0xEE};  // what was there before stays
  const bool good = view->AppendRdata(view->records()[0], out);
  EXPECT_EQ(out[0], 0xEE);
  if (!good) {
    EXPECT_EQ(out.size(), 1U) << "refused, and changed";
    return std::nullopt;
  }
  out.erase(out.begin());
  return out;
}

TEST(AppendRdata, WritesOutNamesOfTheTypesThatMayBeCompressed) {
  const Octets ns = Wire().NameOf("ns.example.com").octets();
  const Wire compressed = Wire().U8(2).Text("ns").Pointer(12);
  for (const RrType type : {RrType::kNs, RrType::kCname, RrType::kPtr, RrType::kMb, RrType::kMg,
                            RrType::kMr, RrType::kMd, RrType::kMf, RrType::kDname}) {
    EXPECT_EQ(Rdata(type, compressed), ns) << ToText(type);
  }
  for (const RrType type : {RrType::kMx, RrType::kAfsdb, RrType::kRt, RrType::kKx}) {
    EXPECT_EQ(Rdata(type, Wire().U16(10).U8(2).Text("ns").Pointer(12)),
              Wire().U16(10).NameOf("ns.example.com").octets())
        << ToText(type);
  }
  for (const RrType type : {RrType::kMinfo, RrType::kRp}) {
    EXPECT_EQ(Rdata(type, Wire().Pointer(12).U8(2).Text("ns").Pointer(12)),
              Wire().NameOf("example.com").NameOf("ns.example.com").octets())
        << ToText(type);
  }
  EXPECT_EQ(Rdata(RrType::kPx, Wire().U16(1).Pointer(12).Pointer(12)),
            Wire().U16(1).NameOf("example.com").NameOf("example.com").octets());
  EXPECT_EQ(Rdata(RrType::kSrv, Wire().U16(1).U16(2).U16(53).Pointer(12)),
            Wire().U16(1).U16(2).U16(53).NameOf("example.com").octets());
  EXPECT_EQ(Rdata(RrType::kNaptr, Wire().U32(7).Text("\x01U\x02xy").U8(0).Pointer(12)),
            Wire().U32(7).Text("\x01U\x02xy").U8(0).NameOf("example.com").octets());
  EXPECT_EQ(Rdata(RrType::kNxt, Wire().Pointer(12).U16(0x4001)),
            Wire().NameOf("example.com").U16(0x4001).octets());
  const Octets eighteen(18, 7);
  Wire sig;
  for (const std::uint8_t octet : eighteen) sig.U8(octet);
  Octets expected = sig.octets();
  const Octets signer = Wire().NameOf("example.com").Text("signature").octets();
  expected.insert(expected.end(), signer.begin(), signer.end());
  EXPECT_EQ(Rdata(RrType::kSig, sig.Pointer(12).Text("signature")), expected);
}

TEST(AppendRdata, WritesOutAnSoa) {
  const auto numbers = [](Wire wire) { return wire.U32(1).U32(2).U32(3).U32(4).U32(5); };
  EXPECT_EQ(Rdata(RrType::kSoa, numbers(Wire().Text("\x01m").Pointer(12).Pointer(12))),
            numbers(Wire().NameOf("m.example.com").NameOf("example.com")).octets());
  EXPECT_FALSE(Rdata(RrType::kSoa, Wire().Pointer(12).Pointer(12).U32(1).U32(2).U32(3).U32(4)));
  EXPECT_FALSE(Rdata(RrType::kSoa, numbers(Wire().Pointer(12).Pointer(12)).U8(0)));
  EXPECT_FALSE(Rdata(RrType::kSoa, Wire().Pointer(12)));
}

TEST(AppendRdata, RefusesAddressesOfTheWrongSize) {
  EXPECT_TRUE(Rdata(RrType::kA, Wire().U32(0xC0000201)));
  EXPECT_FALSE(Rdata(RrType::kA, Wire()));
  EXPECT_FALSE(Rdata(RrType::kA, Wire().U16(1).U8(1)));
  EXPECT_FALSE(Rdata(RrType::kA, Wire().U32(1).U8(1)));
  EXPECT_FALSE(Rdata(RrType::kAaaa, Wire().U32(1)));
  EXPECT_FALSE(Rdata(RrType::kAaaa, Wire().U32(1).U32(1).U32(1).U32(1).U8(1)));
}

// Covers: T55
TEST(AppendRdata, TakesSixteenOctetsAsSixteenOctets) {
  const Wire any = Wire().U32(0).U32(0).U32(0).U32(0);
  const Wire loopback = Wire().U32(0).U32(0).U32(0).U32(1);
  const Wire mapped = Wire().U32(0).U32(0).U32(0x0000FFFF).U32(0xC0000201);
  for (const Wire& address : {any, loopback, mapped}) {
    EXPECT_EQ(Rdata(RrType::kAaaa, address), address.octets());
  }
}

TEST(AppendRdata, RefusesANameThatRunsPastTheRdata) {
  EXPECT_FALSE(Rdata(RrType::kNs, Wire().U8(2).Text("n")));
  EXPECT_FALSE(Rdata(RrType::kNs, Wire().U8(0xC0)));
  EXPECT_FALSE(Rdata(RrType::kNs, Wire().Pointer(12).U8(0)));
  EXPECT_FALSE(Rdata(RrType::kMx, Wire().U8(1)));
  EXPECT_FALSE(Rdata(RrType::kNaptr, Wire().U32(1).U8(9).Text("short")));
}

TEST(AppendRdata, RefusesANameThatGoesOnInTheNextRecord) {
  Wire wire;
  wire.Header(0x8180, 0, 2, 0, 0);
  wire.U8(0).Fixed(RrType::kNs, 1, 2).U8(1).U8('a');
  wire.U8(0).Fixed(RrType::kTxt, 1, 0);
  const Result<MessageView> view = MessageView::Parse(wire);
  ASSERT_TRUE(view);
  Octets out;
  EXPECT_FALSE(view->AppendRdata(view->records()[0], out));
}

TEST(AppendRdata, RefusesPointersWhereTheTypeForbidsThem) {
  EXPECT_FALSE(Rdata(RrType::kNsec, Wire().Pointer(12).U16(0x0001)));
  EXPECT_TRUE(Rdata(RrType::kNsec, Wire().NameOf("b.example.com").U16(0x0001)));
  EXPECT_FALSE(Rdata(RrType::kHttps, Wire().U16(1).Pointer(12)));
  EXPECT_TRUE(Rdata(RrType::kHttps, Wire().U16(1).NameOf(".").U16(3).U16(2).U16(443)));
  EXPECT_FALSE(Rdata(RrType::kSvcb, Wire().U16(1)));
  Wire rrsig;
  for (int i = 0; i < 18; ++i) rrsig.U8(1);
  EXPECT_FALSE(Rdata(RrType::kRrsig, Wire(rrsig).Pointer(12).U8(9)));
  EXPECT_TRUE(Rdata(RrType::kRrsig, Wire(rrsig).NameOf("example.com").U8(9)));
}

// Covers: REC-08
TEST(AppendRdata, UnknownTypesAreOpaque) {
  const Wire rdata = Wire().Pointer(12).U8(0).U8(0xC0);
  EXPECT_EQ(Rdata(static_cast<RrType>(65280), rdata), rdata.octets());
  EXPECT_EQ(Rdata(static_cast<RrType>(65280), Wire()), Octets{});
}

}  // namespace
}  // namespace resolve64
