// What is wrong with a zone file is told with its line.
#include <sys/stat.h>

#include "support.h"
#include "zone/zone_file.h"

namespace resolve64::zone {
namespace {

constexpr const char* kHead = "@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\n";

// The errors of one zone file for "example.", without the path.
Strings ErrorsOf(const std::string& text) {
  const TempFile file(text);
  LocalZonesOptions options;
  options.files = {{N("example."), file.path()}};
  const auto loaded = LocalZones::Load(options);
  EXPECT_EQ(loaded.zones == nullptr, !loaded.errors.empty());
  Strings out;
  for (const auto& error : loaded.errors) {
    EXPECT_TRUE(error.starts_with(file.path() + ":")) << error;
    out.push_back(error.substr(file.path().size() + 1));
  }
  return out;
}

Strings AfterHead(const std::string& text) { return ErrorsOf(kHead + text); }

TEST(ZoneFileErrors, ARecordThatIsNotUnderstoodIsNamedByItsLine) {
  EXPECT_EQ(AfterHead("a A 192.0.2.1\nb A 192.0.2.999\nc A 192.0.2.3\n"),
            Strings{"4: the data does not have the form of its type"});
  EXPECT_EQ(AfterHead("a NOSUCHTYPE x\n").size(), 1U);
  EXPECT_EQ(AfterHead("a A\n").size(), 1U);
}

TEST(ZoneFileErrors, AllOfThemAreToldAtOnce) {
  EXPECT_EQ(AfterHead("a A 1\n; a comment\n\nb AAAA 2\n").size(), 2U);
  const TempFile bad("@ A 192.0.2.1\n");
  LocalZonesOptions options;
  options.files = {{N("example."), bad.path()}, {N("lab.example."), "/nonexistent/lab.zone"}};
  const auto loaded = LocalZones::Load(options);
  EXPECT_EQ(loaded.errors, (Strings{bad.path() + ": no SOA record at example.",
                                    "/nonexistent/lab.zone: cannot be opened: No such file or "
                                    "directory"}));
}

TEST(ZoneFileErrors, TheirNumberIsBounded) {
  std::string text = kHead;
  for (int i = 0; i < 1000; ++i) text += "a A x\n";
  EXPECT_EQ(ErrorsOf(text).size(), kMaxProblems);
}

TEST(ZoneFileErrors, AZoneHasOneSoaAtItsApex) {
  EXPECT_EQ(ErrorsOf(""), Strings{" no SOA record at example."});
  EXPECT_EQ(ErrorsOf("@ A 192.0.2.1\n"), Strings{" no SOA record at example."});
  EXPECT_EQ(AfterHead("@ SOA ns y 1 2 3 4 5\n"), Strings{"1: example.: more than one SOA"});
  EXPECT_EQ(AfterHead("a SOA ns y 1 2 3 4 5\n"), Strings{"3: a.example.: an SOA below the apex"});
}

TEST(ZoneFileErrors, RecordsOutsideTheZoneAreRefused) {
  EXPECT_EQ(AfterHead("www.example.org. A 192.0.2.1\n"),
            Strings{"3: www.example.org.: not in the zone example."});
  EXPECT_EQ(AfterHead("$ORIGIN com.\nwww A 192.0.2.1\n"),
            Strings{"4: www.com.: not in the zone example."});
}

TEST(ZoneFileErrors, OtherClassesAreRefused) {
  EXPECT_EQ(AfterHead("a CH TXT \"x\"\n"), Strings{"3: the class is not IN"});
}

// Covers: REC-24
TEST(ZoneFileErrors, ACnameStandsAlone) {
  EXPECT_EQ(AfterHead("a CNAME b\na A 192.0.2.1\n"),
            Strings{"3: a.example.: a CNAME beside other data (RFC 2181 section 10.1)"});
  EXPECT_EQ(AfterHead("a CNAME b\na CNAME c\n"), Strings{"3: a.example.: more than one CNAME"});
}

TEST(ZoneFileErrors, NothingStandsBelowADname) {
  EXPECT_EQ(AfterHead("d DNAME example.com.\nx.y.d A 192.0.2.1\n"),
            Strings{"4: x.y.d.example.: below a DNAME at d.example. (RFC 6672 section 2.4)"});
  EXPECT_EQ(AfterHead("d DNAME example.com.\nd DNAME example.org.\n"),
            Strings{"3: d.example.: more than one DNAME"});
}

TEST(ZoneFileErrors, WildcardsDelegateAndRedirectNothing) {
  for (const char* text : {"*.a NS ns\n", "*.a DNAME b\n"}) {
    EXPECT_EQ(AfterHead(text),
              Strings{"3: *.a.example.: NS or DNAME at a wildcard (RFC 4592 section 4)"});
  }
}

TEST(ZoneFileErrors, IncludeIsNotSupported) {
  EXPECT_EQ(AfterHead("$INCLUDE other.zone\n"), Strings{"3: $INCLUDE is not supported"});
}

TEST(ZoneFileErrors, ASignatureOverNothingIsRefused) {
  EXPECT_EQ(AfterHead("a RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA\n"),
            Strings{"3: a.example.: a signature over A, which is not there"});
}

TEST(ZoneFileErrors, AZoneCannotBeGivenTwice) {
  const TempFile file(kHead);
  LocalZonesOptions options;
  options.files = {{N("example."), file.path()}, {N("EXAMPLE."), file.path()}};
  EXPECT_EQ(LocalZones::Load(options).errors,
            Strings{file.path() + ": the zone EXAMPLE. is given twice"});
}

TEST(ZoneFileErrors, WhatIsNoRegularFileIsNotRead) {
  const std::string fifo = testing::TempDir() + "resolve64_zone_fifo_" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const auto& path : {fifo, testing::TempDir()}) {
    const auto text = ReadZoneFile(path, Name());
    ASSERT_EQ(text.problems.size(), 1U);
    EXPECT_EQ(ToText(path, text.problems[0]), path + ": is not a regular file");
  }
  std::remove(fifo.c_str());
}

TEST(ZoneFile, ATtlThatIsLeftOutIsTheLastOneUntilThereIsADefault) {
  const TempFile file(
      "a A 192.0.2.1\na 60 A 192.0.2.2\nb A 192.0.2.3\n$TTL 90\nc A 192.0.2.4\n"
      "d 10 A 192.0.2.5\ne A 192.0.2.6\n");
  const auto text = ReadZoneFile(file.path(), N("example."));
  std::vector<std::uint32_t> ttls;
  for (const Record& record : text.records) ttls.push_back(record.ttl);
  EXPECT_EQ(ttls, (std::vector<std::uint32_t>{3600, 60, 60, 90, 10, 90}));
}

TEST(ZoneFile, ReadsTheCommonForms) {
  const TempFile file(R"(; a comment
$TTL 2h
@ IN SOA ns.example. hostmaster.example. ( 2024010101 ; serial
                  3600 600 86400 300 )
   NS ns
www 60 IN A 192.0.2.1
    AAAA 2001:db8::1 ; the same owner
svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1
raw TYPE65280 \# 3 010203
txt TXT "two" "strings; with semicolon"
esc\.aped A 192.0.2.2
$ORIGIN sub.example.
host A 192.0.2.3)");
  const auto text = ReadZoneFile(file.path(), N("example."));
  ASSERT_TRUE(text.problems.empty()) << ToText(file.path(), text.problems[0]);
  Strings got;
  for (const Record& record : text.records) {
    got.push_back(std::to_string(record.line) + " " + record.owner.ToText() + " " +
                  std::to_string(record.ttl) + " " + ToText(record.type));
  }
  EXPECT_EQ(got, (Strings{"3 example. 7200 SOA", "5 example. 7200 NS", "6 www.example. 60 A",
                          "7 www.example. 7200 AAAA", "8 svc.example. 7200 HTTPS",
                          "9 raw.example. 7200 TYPE65280", "10 txt.example. 7200 TXT",
                          "11 esc\\.aped.example. 7200 A", "13 host.sub.example. 7200 A"}));
  EXPECT_EQ(text.records[5].rdata, (std::vector<std::uint8_t>{1, 2, 3}));
}

}  // namespace
}  // namespace resolve64::zone
