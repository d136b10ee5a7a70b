#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "base/rate_limit.h"

namespace resolve64 {
namespace {

std::string Line(LogFormat format, std::string_view message, std::vector<LogField> fields) {
  return FormatLogLine(format, LogLevel::kWarn, "net", message, fields);
}

// Each test leaves the log as a program starts with it.
class LogOutput : public testing::Test {
 protected:
  LogOutput() { testing::internal::CaptureStderr(); }
  ~LogOutput() override {
    if (capturing_) (void)Written();
    InitLog(LogLevel::kInfo, LogFormat::kText);
  }

  std::string Written() {
    capturing_ = false;
    return testing::internal::GetCapturedStderr();
  }

 private:
  bool capturing_ = true;
};

TEST(LogLine, IsLevelAreaMessageAndFields) {
  EXPECT_EQ(Line(LogFormat::kText, "cannot bind", {{"address", "192.0.2.1@53"}, {"tries", "3"}}),
            "warn net cannot bind address=192.0.2.1@53 tries=3");
  EXPECT_EQ(Line(LogFormat::kText, "ready", {}), "warn net ready");
}

TEST(LogLine, QuotesValuesThatWouldNotStandAlone) {
  EXPECT_EQ(Line(LogFormat::kText, "m", {{"a", "two words"}}), R"(warn net m a="two words")");
  EXPECT_EQ(Line(LogFormat::kText, "m", {{"a", ""}}), R"(warn net m a="")");
  EXPECT_EQ(Line(LogFormat::kText, "m", {{"a", "b=c"}}), R"(warn net m a="b=c")");
  EXPECT_EQ(Line(LogFormat::kText, "m", {{"a", "say \"hi\" \\"}}),
            R"(warn net m a="say \"hi\" \\")");
}

TEST(LogLine, LeavesTheEscapesOfNamesReadable) {
  EXPECT_EQ(Line(LogFormat::kText, "m", {{"name", "a\\.b\\032.example."}}),
            "warn net m name=a\\.b\\032.example.");
}

TEST(LogLine, LetsNoValueStartALineOrDriveATerminal) {
  const std::string nasty = std::string("x\nerror base forged\r\t\x1b[2J\x7f\xc2\x9b") + '\0';
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = Line(format, nasty, {{"value", nasty}});
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; }))
        << line;
  }
  EXPECT_EQ(Line(LogFormat::kText, "m", {{"a", "x\ny"}}), R"(warn net m a="x\x0ay")");
}

TEST(LogLine, IsJsonMembersWhereAskedFor) {
  EXPECT_EQ(Line(LogFormat::kJson, "a \"b\" \\ \n", {{"name", "\xff"}}),
            R"("level":"warn","area":"net","message":"a \"b\" \\ \u000a","name":"\u00ff")");
}

TEST(LogLevelText, GoesThereAndBack) {
  for (const LogLevel level :
       {LogLevel::kError, LogLevel::kWarn, LogLevel::kInfo, LogLevel::kDebug}) {
    EXPECT_EQ(ParseLogLevel(ToText(level)), level);
  }
  for (const char* text : {"", "Error", "warning", "trace", "info "}) {
    EXPECT_EQ(ParseLogLevel(text), std::nullopt) << text;
  }
}

TEST_F(LogOutput, HasTheLinesOfEnabledLevelsAlone) {
  InitLog(LogLevel::kWarn, LogFormat::kText);
  Log(LogLevel::kError, "net", "one");
  Log(LogLevel::kInfo, "net", "two");
  SetLogLevel(LogLevel::kDebug);
  Log(LogLevel::kDebug, "server", "three", {{"a", "b"}});
  SetLogLevel(LogLevel::kError);
  Log(LogLevel::kWarn, "net", "four");
  EXPECT_EQ(Written(), "error net one\ndebug server three a=b\n");
}

TEST_F(LogOutput, IsInfoAndTextByDefault) {
  EXPECT_TRUE(LogEnabled(LogLevel::kInfo));
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug));
  Log(LogLevel::kInfo, "net", "100% {} %v");
  EXPECT_EQ(Written(), "info net 100% {} %v\n");
}

TEST_F(LogOutput, IsOneJsonObjectALineWithTheTime) {
  InitLog(LogLevel::kInfo, LogFormat::kJson);
  Log(LogLevel::kInfo, "net", "100% {} %v", {{"a", "b c"}});
  const std::regex expected(
      R"(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info","area":"net",)"
      R"("message":"100% \{\} %v","a":"b c"\}\n)");
  const std::string written = Written();
  EXPECT_TRUE(std::regex_match(written, expected)) << written;
}

TEST_F(LogOutput, KeepsTheLinesOfThreadsApart) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) Log(LogLevel::kInfo, "net", "a line", {{"key", "value"}});
    });
  }
  for (auto& thread : threads) thread.join();
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "info net a line key=value\n";
  EXPECT_EQ(Written(), expected);
}

TEST_F(LogOutput, SaysHowManyLimitedLinesAreMissing) {
  ManualClock clock;
  RateLimit limit(clock, 2, std::chrono::seconds(10));
  for (int i = 0; i < 5; ++i) LogLimited(limit, LogLevel::kWarn, "net", "odd", {{"i", "x"}});
  clock.Advance(std::chrono::seconds(20));
  for (int i = 0; i < 2; ++i) LogLimited(limit, LogLevel::kWarn, "net", "odd");
  EXPECT_EQ(Written(),
            "warn net odd i=x\nwarn net odd i=x\nwarn net odd suppressed=3\nwarn net odd\n");
}

TEST_F(LogOutput, SpendsNothingOfALimitOnADisabledLevel) {
  ManualClock clock;
  RateLimit limit(clock, 1, std::chrono::seconds(10));
  for (int i = 0; i < 5; ++i) LogLimited(limit, LogLevel::kDebug, "net", "step");
  LogLimited(limit, LogLevel::kWarn, "net", "odd");
  EXPECT_EQ(Written(), "warn net odd\n");
}

}  // namespace
}  // namespace resolve64
