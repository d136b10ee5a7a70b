#include "dns/message_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "unit/dns/wire.h"

namespace resolve64::dns {
namespace {

using test::N;
using test::Octets;
using test::ToOctets;
using test::Wire;

const TimePoint kNow{std::chrono::hours(10)};
const Octets kAddress{192, 0, 2, 1};

RrsetPtr AddressesOf(std::string_view owner, unsigned count) {
  RrsetBuilder builder(N(owner), RrType::kA);
  for (unsigned i = 0; i < count; ++i) {
    builder.Add(Octets{192, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)},
                300);
  }
  return builder.Build(kNow, Trust::kAuthAnswer);
}

TEST(MessageBuilder, WritesTheOctetsOfRfc1035) {
  MessageBuilder builder(512);
  builder.SetHeader(0x1234, 0x8180);
  builder.AddQuestion(Question(N("www.example.com"), RrType::kA));
  EXPECT_TRUE(builder.AddRecord(Section::kAnswer, N("www.example.com"), RrType::kCname, 60,
                                N("web.example.com").wire()));
  EXPECT_TRUE(builder.AddRecord(Section::kAnswer, N("web.example.com"), RrType::kA, 300, kAddress));
  Wire expected;
  expected.Header(0x8180, 1, 2, 0, 0).Question("www.example.com", RrType::kA);
  expected.Pointer(12).Fixed(RrType::kCname, 60, 6).U8(3).Text("web").Pointer(16);
  expected.Pointer(45).Fixed(RrType::kA, 300, 4).Octets({192, 0, 2, 1});
  EXPECT_EQ(builder.size(), expected.octets().size());
  EXPECT_EQ(builder.Finish(), expected.octets());
}

TEST(MessageBuilder, IsEmptyAfterFinish) {
  MessageBuilder builder(512);
  builder.SetHeader(1, 0x8180);
  builder.AddQuestion(Question(N("www.example.com"), RrType::kA));
  EXPECT_GT(builder.Finish().size(), Header::kSize);
  EXPECT_EQ(builder.size(), Header::kSize);
  builder.AddQuestion(Question(N("www.example.com"), RrType::kA));
  Wire expected;
  expected.U16(0).U16(0).U16(1).U16(0).U16(0).U16(0).Question("www.example.com", RrType::kA);
  EXPECT_EQ(builder.Finish(), expected.octets());
}

// Covers: D64-36
TEST(MessageBuilder, AnOwnerThatIsTheQuestionHasItsLetterCase) {
  MessageBuilder builder(512);
  builder.AddQuestion(Question(N("wWw.ExAmPlE.cOm"), RrType::kAaaa));
  const RrsetPtr rrset = AddressesOf("www.example.com", 1);
  EXPECT_TRUE(builder.AddRrset(Section::kAnswer, *rrset, 60, false));
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->Owner(view->records()[0]).ToText(), "wWw.ExAmPlE.cOm.");
}

// Covers: D64-36
TEST(MessageBuilder, TheOwnerGivenReplacesThatOfTheRrset) {
  MessageBuilder builder(512);
  const RrsetPtr rrset = AddressesOf("www.example.com", 2);
  const Name owner = N("WWW.example.com");
  EXPECT_TRUE(builder.AddRrset(Section::kAnswer, *rrset, 60, false, &owner));
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->records().size(), 2U);
  EXPECT_EQ(view->Owner(view->records()[1]).ToText(), "WWW.example.com.");
  EXPECT_EQ(view->records()[0].ttl, 60U);
}

TEST(MessageBuilder, CompressesRdataOfRfc1035AndNoOther) {
  const auto size_of = [](RrType type, const Octets& rdata) {
    MessageBuilder builder(512);
    builder.AddQuestion(Question(N("example.com"), type));
    EXPECT_TRUE(builder.AddRecord(Section::kAnswer, N("example.com"), type, 1, rdata));
    const Octets message = builder.Finish();
    const Result<MessageView> view = MessageView::Parse(message);
    EXPECT_TRUE(view);
    Octets back;
    EXPECT_TRUE(view->AppendRdata(view->records()[0], back));
    EXPECT_EQ(back, rdata);
    return std::size_t{view->records()[0].length};
  };
  const Octets name = ToOctets(N("a.example.com").wire());
  EXPECT_EQ(size_of(RrType::kNs, name), 4U);
  EXPECT_EQ(size_of(RrType::kMx, Wire().U16(10).NameOf("a.example.com").octets()), 6U);
  EXPECT_EQ(size_of(RrType::kSoa, Wire()
                                      .NameOf("a.example.com")
                                      .NameOf("b.example.com")
                                      .U32(1)
                                      .U32(2)
                                      .U32(3)
                                      .U32(4)
                                      .U32(5)
                                      .octets()),
            28U);
  EXPECT_EQ(size_of(RrType::kDname, name), name.size());
  const Octets srv = Wire().U16(1).U16(2).U16(3).NameOf("a.example.com").octets();
  EXPECT_EQ(size_of(RrType::kSrv, srv), srv.size());
  EXPECT_EQ(size_of(static_cast<RrType>(65280), name), name.size());
}

TEST(MessageBuilder, WhatDoesNotFitLeavesNoTrace) {
  MessageBuilder builder(100);
  builder.SetHeader(7, 0);
  builder.AddQuestion(Question(N("www.example.com"), RrType::kA));
  const std::size_t before = builder.size();
  EXPECT_FALSE(
      builder.AddRrset(Section::kAnswer, *AddressesOf("a.b.c.other.example", 20), 1, false));
  EXPECT_EQ(builder.size(), before);
  // Nor do its names: a pointer to what was taken back would lead nowhere.
  EXPECT_TRUE(builder.AddRrset(Section::kAnswer, *AddressesOf("c.other.example", 1), 1, false));
  EXPECT_TRUE(builder.AddRrset(Section::kAnswer, *AddressesOf("www.example.com", 1), 1, false));
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->records().size(), 2U);
  EXPECT_EQ(view->Owner(view->records()[0]), N("c.other.example"));
  EXPECT_EQ(view->Owner(view->records()[1]), N("www.example.com"));
}

TEST(MessageBuilder, FillsTheLimitToTheLastOctet) {
  // Header, owner www.example. and an A record.
  const std::size_t exact = 12 + 13 + 10 + 4;
  for (const std::size_t limit : {exact - 1, exact}) {
    MessageBuilder builder(limit);
    EXPECT_EQ(builder.AddRecord(Section::kAnswer, N("www.example"), RrType::kA, 1, kAddress),
              limit == exact);
  }
}

TEST(MessageBuilder, SignaturesGoWithTheirRrsetWhenAskedFor) {
  RrsetBuilder rrset(N("a.example"), RrType::kA);
  rrset.Add(kAddress, 300);
  Wire rrsig;
  for (int i = 0; i < 18; ++i) rrsig.U8(1);
  rrset.AddSignature(rrsig.NameOf("example").U8(9).octets(), 300);
  const RrsetPtr built = rrset.Build(kNow, Trust::kAuthAnswer);
  for (const bool wanted : {false, true}) {
    MessageBuilder builder(512);
    EXPECT_TRUE(builder.AddRrset(Section::kAnswer, *built, 5, wanted));
    const Octets message = builder.Finish();
    const Result<MessageView> view = MessageView::Parse(message);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->records().size(), wanted ? 2U : 1U);
    if (wanted) {
      EXPECT_EQ(view->records()[1].type, RrType::kRrsig);
    }
  }
}

//--- OPT ---

// Covers: TRA-09
TEST(MessageBuilderOpt, IsReadBack) {
  MessageBuilder builder(512);
  builder.SetHeader(1, 0x8180);
  MessageBuilder::Option option;
  option.code = kOptionNsid;
  option.data = {1, 2, 3};
  EXPECT_TRUE(builder.AddOpt(1232, Rcode::kBadVers, true, std::span(&option, 1)));
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  ASSERT_TRUE(view->edns());
  EXPECT_EQ(view->rcode(), Rcode::kBadVers);
  EXPECT_EQ(view->header().flags, 0x8180);
  EXPECT_EQ(view->edns()->udp_payload, 1232);
  EXPECT_EQ(view->edns()->version, 0);
  EXPECT_TRUE(view->edns()->do_bit);
  EXPECT_EQ(ToOctets(view->edns()->options.at(0).data), (Octets{1, 2, 3}));
}

TEST(MessageBuilderOpt, HasThePlaceThatWasReserved) {
  MessageBuilder builder(12 + 27 + 11);
  builder.Reserve(11);
  // The second of them would take the place.
  EXPECT_TRUE(builder.AddRecord(Section::kAnswer, N("abcdefghijk"), RrType::kA, 1, kAddress));
  EXPECT_FALSE(builder.AddRecord(Section::kAnswer, N("."), RrType::kTxt, 1, {}));
  EXPECT_TRUE(builder.AddOpt(512, Rcode::kServFail, false, {}));
  const Octets message = builder.Finish();
  EXPECT_EQ(message.size(), 50U);
  EXPECT_EQ(MessageView::Parse(message)->rcode(), Rcode::kServFail);
}

// Covers: EDE-02
TEST(MessageBuilderOpt, ThatDoesNotFitIsNotWritten) {
  MessageBuilder builder(12 + 11 + 5);
  builder.SetHeader(1, 0x8180);
  builder.Reserve(11);
  const MessageBuilder::Option ede = EdeOption(Ede::kSynthesized, "too long");
  EXPECT_FALSE(builder.AddOpt(512, Rcode::kServFail, false, std::span(&ede, 1)));
  EXPECT_EQ(builder.size(), Header::kSize);
  EXPECT_TRUE(builder.AddOpt(512, Rcode::kNoError, false, {}));
}

// Covers: EDE-01
TEST(EdeOption, IsTheCodeAndItsText) {
  const MessageBuilder::Option option = EdeOption(Ede::kSynthesized, "DNS64 64:ff9b::/96");
  EXPECT_EQ(option.code, 15);
  EXPECT_EQ(option.data, Wire().U16(29).Text("DNS64 64:ff9b::/96").octets());
  EXPECT_EQ(EdeOption(Ede::kOther, "").data, (Octets{0, 0}));
}

// Covers: EDE-02
TEST(EdeOption, CutsItsTextAt128OctetsBetweenCharacters) {
  EXPECT_EQ(EdeOption(Ede::kOther, std::string(128, 'a')).data.size(), 2U + 128);
  EXPECT_EQ(EdeOption(Ede::kOther, std::string(129, 'a')).data.size(), 2U + 128);
  // Two octets a character, the first of which begins at an odd place: 127 octets are whole.
  std::string text = "a";
  for (int i = 0; i < 80; ++i) text += "\xC3\xA4";
  EXPECT_EQ(EdeOption(Ede::kOther, text).data.size(), 2U + 127);
}

//--- Work is bounded ---

// Covers: LIM-08, ATK-22
TEST(MessageBuilderWork, OfALargestMessageOfManyLabelsIsBounded) {
  // 64 KiB of NS records, each with two names of 100 labels and more that share long suffixes.
  const auto deep = [](unsigned i) {
    std::string text = "n" + std::to_string(i);
    for (unsigned label = 0; label < 110; ++label) {
      text += '.';
      text += static_cast<char>('a' + (i >> label % 7 & 1));
    }
    return N(text);
  };
  MessageBuilder builder(65535);
  builder.AddQuestion(Question(deep(0), RrType::kNs));
  unsigned records = 0;
  while (builder.AddRecord(Section::kAnswer, deep(records), RrType::kNs, 1,
                           deep(records + 1).wire())) {
    ++records;
  }
  EXPECT_GT(records, 100U);
  // The last name to begin below the bound may finish: a step a label, and the table is half empty.
  EXPECT_LE(builder.steps(), MessageBuilder::kMaxSteps + 127 * MessageBuilder::kMaxTargets);
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view) << view.error().text;
  ASSERT_EQ(view->records().size(), records);
  for (unsigned i = 0; i < records; ++i) {
    ASSERT_EQ(view->Owner(view->records()[i]), deep(i));
    Octets target;
    ASSERT_TRUE(view->AppendRdata(view->records()[i], target));
    ASSERT_EQ(TargetOf(target), deep(i + 1));
  }
}

// Covers: LIM-08, ATK-22
TEST(MessageBuilderWork, OfManyDifferentNamesGrowsWithTheirNumberOnly) {
  MessageBuilder builder(65535);
  unsigned records = 0;
  while (builder.AddRecord(Section::kAnswer, N("h" + std::to_string(records) + ".example"),
                           RrType::kA, 1, kAddress)) {
    ++records;
  }
  EXPECT_GT(records, 2000U);
  EXPECT_LE(builder.steps(), std::size_t{records} * 12);
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  for (unsigned i = 0; i < records; ++i) {
    ASSERT_EQ(view->Owner(view->records()[i]), N("h" + std::to_string(i) + ".example"));
  }
}

// Covers: REC-08
TEST(MessageBuilder, PointersReachOnlyTheFirst16384Octets) {
  MessageBuilder builder(65535);
  EXPECT_TRUE(
      builder.AddRecord(Section::kAnswer, N("a.example"), RrType::kTxt, 1, Octets(20000, 1)));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(builder.AddRecord(Section::kAnswer, N("late.test"), RrType::kA, 1, kAddress));
    EXPECT_TRUE(builder.AddRecord(Section::kAnswer, N("b.a.example"), RrType::kA, 1, kAddress));
  }
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->records().size(), 5U);
  EXPECT_EQ(view->Owner(view->records()[3]), N("late.test"));
  EXPECT_EQ(view->Owner(view->records()[4]), N("b.a.example"));
}

}  // namespace
}  // namespace resolve64::dns
