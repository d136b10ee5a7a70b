#include "dns/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dns/message_builder.h"

namespace resolve64::dns {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets Join(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
Octets Wire(const char* name) {
  const Name parsed = *Name::Parse(name);
  return {parsed.wire().begin(), parsed.wire().end()};
}

TEST(RdataToText, WritesTheCommonTypes) {
  const Octets name = Wire("a.example");
  struct Row {
    RrType type;
    Octets rdata;
    const char* text;
  };
  const std::vector<Row> rows = {
      {RrType::kA, {192, 0, 2, 1}, "192.0.2.1"},
      {RrType::kAaaa, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
      {RrType::kNs, name, "a.example."},
      {RrType::kCname, name, "a.example."},
      {RrType::kDname, name, "a.example."},
      {RrType::kPtr, name, "a.example."},
      {RrType::kMx, Join({{0, 10}, name}), "10 a.example."},
      {RrType::kSrv, Join({{0, 1, 0, 2, 0x14, 0xEB}, name}), "1 2 5355 a.example."},
      {RrType::kSoa,
       Join({name, Wire("."), {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5}}),
       "a.example. . 1 2 3 4 5"},
      {RrType::kTxt, {2, 'h', 'i', 3, 'a', '"', 7}, "\"hi\" \"a\\\"\\007\""},
      {RrType::kHinfo, {1, 'x', 0}, "\"x\" \"\""},
  };
  for (const Row& row : rows) EXPECT_EQ(RdataToText(row.type, row.rdata), row.text);
}

TEST(RdataToText, WritesOtherTypesAndOddShapesAsOctets) {
  EXPECT_EQ(RdataToText(RrType{1000}, Octets{0xC0, 0x00, 0x02}), "\\# 3 c00002");
  EXPECT_EQ(RdataToText(RrType{1000}, {}), "\\# 0");
  EXPECT_EQ(RdataToText(RrType::kA, Octets{1, 2, 3}), "\\# 3 010203");
  EXPECT_EQ(RdataToText(RrType::kNs, Octets{5, 'a'}), "\\# 2 0561");
  EXPECT_EQ(RdataToText(RrType::kNs, Octets{0xC0, 0x0C}), "\\# 2 c00c");
  EXPECT_EQ(RdataToText(RrType::kMx, Octets{0}), "\\# 1 00");
  EXPECT_EQ(RdataToText(RrType::kCname, Join({Wire("a."), {9}})), "\\# 4 01610009");
  EXPECT_EQ(RdataToText(RrType::kTxt, Octets{4, 'x'}), "\\# 2 0478");
  EXPECT_EQ(RdataToText(RrType::kTxt, {}), "\\# 0");
}

TEST(ToText, NamesClasses) {
  EXPECT_EQ(ToText(RrClass::kIn), "IN");
  EXPECT_EQ(ToText(RrClass::kCh), "CH");
  EXPECT_EQ(ToText(RrClass{17}), "CLASS17");
}

TEST(RecordsToText, ReadsAMessageInOrder) {
  MessageBuilder builder(512);
  builder.SetHeader(1, Header::kQr | Header::kAa | Header::kRa);
  const Name name = *Name::Parse("www.example");
  builder.AddQuestion(Question(name, RrType::kA));
  builder.AddRecord(Section::kAnswer, name, RrType::kCname, 60, Wire("host.example"));
  builder.AddRecord(Section::kAdditional, *Name::Parse("host.example"), RrType::kA, 7,
                    Octets{192, 0, 2, 1});
  const Octets message = builder.Finish();
  const Result<MessageView> view = MessageView::Parse(message);
  ASSERT_TRUE(view);
  EXPECT_EQ(FlagsToText(view->header()), "qr aa ra");
  const std::vector<RecordText> records = RecordsToText(*view);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].rdata, "host.example.");
  EXPECT_EQ(records[0].section, Section::kAnswer);
  EXPECT_EQ(records[1].owner, "host.example.");
  EXPECT_EQ(records[1].ttl, 7U);
  EXPECT_EQ(records[1].type, "A");
  EXPECT_EQ(records[1].section, Section::kAdditional);
}

}  // namespace
}  // namespace resolve64::dns
