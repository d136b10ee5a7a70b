// Reading as such: where things stand, what is refused before any key is looked at, files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/config.h"
#include "support.h"

namespace resolve64::config {
namespace {

namespace fs = std::filesystem;

class ReadFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("r64_config_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_ / "inner");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }

  fs::path folder_;
};

TEST(Read, EmptyObjectIsAllDefaults) {
  const ReadResult result = Read("{}");
  ASSERT_TRUE(result.config);
  const Config& config = *result.config;
  ASSERT_EQ(config.listen.size(), 2U);
  EXPECT_EQ((Endpoint{config.listen[0].address, config.listen[0].port}).ToText(), "::1@53");
  EXPECT_EQ((Endpoint{config.listen[1].address, config.listen[1].port}).ToText(), "127.0.0.1@53");
  EXPECT_EQ(config.workers, 0U);
  EXPECT_EQ(config.access.allow, PrivateNetworks());
  EXPECT_TRUE(config.access.refuse.empty());
  EXPECT_EQ(config.cache.size, 268435456U);
  EXPECT_EQ(config.cache.max_ttl, std::chrono::hours(24));
  EXPECT_EQ(config.upstream.timeout, std::chrono::seconds(8));
  EXPECT_EQ(config.upstream.udp_payload, 1232);
  EXPECT_EQ(config.limits.inflight, 20000U);
  EXPECT_EQ(config.limits.tcp_clients, 4096U);
  EXPECT_EQ(config.limits.tcp_idle, std::chrono::seconds(10));
  EXPECT_EQ(config.admin.control, "/run/resolve64/control.sock");
  EXPECT_TRUE(config.dnssec.validation);
  EXPECT_TRUE(config.dnssec.automatic_update);
  EXPECT_EQ(config.dnssec.trust_anchors, DnssecConfig::Anchors::kBuiltin);
  EXPECT_EQ(config.dnssec.state_file, "");
  EXPECT_TRUE(config.dnssec.insecure.empty());
  EXPECT_EQ(config.dnssec.nsec3_max_iterations, 50);
  EXPECT_FALSE(config.dnssec.override_time);
  EXPECT_TRUE(config.cache.aggressive_nsec);
}

TEST(Read, DiagnosticIsTheOneThatIsPromised) {
  const std::string lines(11, '\n');
  const ReadResult result = ReadConfigText(
      "{" + lines + "   \"dns64\": {\"prefixes\": [\"64:ff9b::/95\"]}}", "resolve64.json", "/");
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_EQ(result.errors[0].ToText(),
            "resolve64.json:12:27: /dns64/prefixes/0: \"64:ff9b::/95\": a NAT64 prefix is 32, 40, "
            "48, 56, 64 or 96 bits long (RFC 6052 section 2.2)");
}

// Covers: F9
TEST(Read, GivesNoConfigAndEveryDiagnosticWhereAnythingIsWrong) {
  const ReadResult result = Read(R"({
    "workers": 0,
    "dns64": { "prefixes": ["64:ff9b::/95", "2001:db8::/96", "2001:db8::/33"] },
    "nonsense": {},
    "views": { "lab": { "dns64": { "hide_a": 1 } } },
    "listen": [ { "address": "::1" }, { "address": "::1" } ]
  })");
  EXPECT_FALSE(result.config);
  ASSERT_EQ(result.errors.size(), 6U);
  EXPECT_EQ(result.errors[0].pointer, "/workers");
  EXPECT_EQ(result.errors[1].pointer, "/dns64/prefixes/0");
  EXPECT_EQ(result.errors[2].pointer, "/dns64/prefixes/2");
  EXPECT_EQ(result.errors[3].pointer, "/nonsense");
  EXPECT_EQ(result.errors[4].pointer, "/views/lab/dns64/hide_a");
  EXPECT_EQ(result.errors[5].pointer, "/listen/1/address");
}

TEST(Read, PositionsCountCharactersAndLines) {
  const auto at = [](std::string_view text) {
    const ReadResult result = Read(text);
    EXPECT_EQ(result.errors.size(), 1U) << text;
    return std::pair(result.errors[0].line, result.errors[0].column);
  };
  EXPECT_EQ(at("{\"workers\": 0}"), std::pair(1, 13));
  EXPECT_EQ(at("{\r\n\t\"workers\":\r\n0}"), std::pair(3, 1));
  EXPECT_EQ(at("\xEF\xBB\xBF{\"workers\": 0}"), std::pair(1, 13)) << "a byte order mark";
  EXPECT_EQ(at("{/*\n\n*/ \"workers\": /* \xF0\x9F\x8C\x90 */ 0}"), std::pair(3, 23));
  EXPECT_EQ(at("{\"log\": {\"queries\": \"off\", \"}{[],:\": 1}, \"access\": {}}"),
            std::pair(1, 28));
  EXPECT_EQ(at("{\"views\": {\"a\\\"b\": {}}}"), std::pair(1, 12));
  EXPECT_EQ(at("// \r{\"workers\": 0}").first, 1) << "a lone CR ends a comment, not a line";
}

TEST(Read, CommentsMayStandAnywhere) {
  EXPECT_EQ(Errors("//\n{/**/\"workers\"/*:*/:/*\n*/2/*,*/}//"), Lines());
  EXPECT_EQ(Errors("{}//"), Lines());
  EXPECT_EQ(Errors("{\"log\": {\"level\": \"// no comment\"}}").size(), 1U);
}

TEST(Read, KeyGivenTwiceIsAnErrorEvenWithTheSameValue) {
  EXPECT_EQ(Errors("{\"workers\": 2,\n \"workers\": 2}"),
            Lines{"test.json:2:2: /workers: given twice; it stands on line 1 too"});
}

TEST(Read, UnknownKeyGetsTheNearestKnownOne) {
  const auto message = [](std::string_view text) { return Read(text).errors.at(0).message; };
  EXPECT_EQ(message(R"({"worker": 1})"), "unknown key; did you mean \"workers\"?");
  EXPECT_EQ(message(R"({"dns64": {"prefix": "64:ff9b::/96"}})"),
            "unknown key; did you mean \"prefixes\"?");
  EXPECT_EQ(message(R"({"upstream": {"qname-minimisation": "off"}})"),
            "unknown key; did you mean \"qname_minimization\"?");
  EXPECT_EQ(message(R"({"prefixes": []})"), "unknown key here; there is one in /dns64");
  EXPECT_EQ(message(R"({"zyxwvu": 1})"), "unknown key");
  EXPECT_EQ(message(R"({"*": 1})"), "unknown key");
  EXPECT_EQ(message(R"({"dns64/hide_a": 1})"), "unknown key; did you mean \"dns64\"?");
  EXPECT_EQ(message(R"({"": 1})"), "unknown key");
  EXPECT_EQ(message("{\"" + std::string(1000, 'a') + "\": 1}"), "unknown key");
}

TEST(Read, DiagnosticIsOneLineWhateverTheKeysHold) {
  const ReadResult result = Read("{\"a\\nb\\u001b[31m\": 1}");
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_EQ(result.errors[0].ToText(), "test.json:1:2: /a\\u000ab\\u001b[31m: unknown key");
}

TEST(Read, LongValuesAreShortened) {
  const std::string text = "{\"log\": {\"level\": \"" + std::string(5000, 'x') + "\"}}";
  EXPECT_LT(Errors(text).at(0).size(), 200U);
  EXPECT_LT(Errors("{\"" + std::string(5000, 'x') + "\": 1}").at(0).size(), 200U);
}

TEST(Read, SyntaxErrorIsOneDiagnosticThatSaysWhatWasExpected) {
  EXPECT_EQ(Errors(""), Lines{"test.json:1:1: the file holds nothing: {} is the least"});
  EXPECT_EQ(Errors("{\"workers\": 2,}"),
            Lines{"test.json:1:15: expected a key in double quotes after the comma, or no comma"});
  EXPECT_EQ(Errors("{\"a\": [1, 2,]}"),
            Lines{"test.json:1:13: expected a value after the comma, or no comma"});
  EXPECT_EQ(Errors("{\"a\": [1 2]}"), Lines{"test.json:1:10: expected a comma or ]"});
  EXPECT_EQ(Errors("{\"a\": 1e999}"), Lines{"test.json:1:7: a number out of range"});
  EXPECT_EQ(Errors("{\"a\": -}").size(), 1U);
  EXPECT_EQ(Errors("{\"a\": [}"), Lines{"test.json:1:8: expected a value or ]"});
  EXPECT_EQ(Errors("{\"a\": tru}"),
            Lines{"test.json:1:7: expected a value; texts stand in double quotes"});
  EXPECT_EQ(Errors("{} {}"),
            Lines{"test.json:1:4: expected nothing after the end of the configuration"});
  EXPECT_EQ(
      Errors("{\"a\": \"b\tc\"}"),
      Lines{"test.json:1:7: a control character in a text: write it as an escape such as \\t"});
  EXPECT_EQ(Errors("{\"a\": \"\xC3(\"}"),
            Lines{"test.json:1:7: a text with a bad escape or with octets that are not UTF-8"});
  EXPECT_EQ(Errors(std::string_view("{}\0", 3)),
            Lines{"test.json:1:3: a NUL character: this is no JSON text"});
  EXPECT_EQ(Errors("\xFF\xFE{").size(), 1U);
}

TEST(Read, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return "{\"x\": " + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(Read(nested(31)).errors.at(0).message, "unknown key");
  EXPECT_EQ(Read(nested(32)).errors.at(0).message, "lists and objects nest 32 deep at most");
  EXPECT_EQ(Read(std::string(500000, '[')).errors.size(), 1U);
}

TEST(Read, SizeIsBounded) {
  const std::string blanks((1U << 20U) - 2, ' ');
  EXPECT_TRUE(Read(blanks + "{}").config);
  EXPECT_EQ(Read(blanks + " {}").errors.at(0).message, "a configuration is 1MiB at most");
}

TEST(Read, DiagnosticsAreBounded) {
  std::string text = "{\"blocklists\": [1";
  for (int i = 0; i < 50000; ++i) text += ",1";
  EXPECT_LE(Errors(text + "]}").size(), 1000U);
  std::string keys = "{\"x\": 1";
  for (int i = 0; i < 20000; ++i) keys += ",\"x" + std::to_string(i) + "\": 1";
  EXPECT_LE(Errors(keys + "}").size(), 1000U);
}

TEST(Read, TimesAndSizesComeInBothForms) {
  const auto config = Read(R"({"cache": {"size": 1048576, "max_ttl": 60, "min_ttl": "1m"},
                              "upstream": {"timeout": 0.75}, "limits": {"tcp_idle": "2500ms"}})");
  ASSERT_TRUE(config.config);
  EXPECT_EQ(config.config->cache.size, 1048576U);
  EXPECT_EQ(config.config->cache.max_ttl, std::chrono::seconds(60));
  EXPECT_EQ(config.config->cache.min_ttl, std::chrono::seconds(60));
  EXPECT_EQ(config.config->upstream.timeout, std::chrono::milliseconds(750));
  EXPECT_EQ(config.config->limits.tcp_idle, std::chrono::milliseconds(2500));
}

TEST(Read, PathsAreRelativeToTheFile) {
  const auto result = ReadConfigText(R"({"admin": {"control": "../run/r.sock"}})", "x", "/etc/r64");
  ASSERT_TRUE(result.config);
  EXPECT_EQ(result.config->admin.control, "/etc/run/r.sock");
  const auto absolute = ReadConfigText(R"({"admin": {"control": "/run/r.sock"}})", "x", "/etc/r64");
  ASSERT_TRUE(absolute.config);
  EXPECT_EQ(absolute.config->admin.control, "/run/r.sock");
}

TEST(Read, RunAsTellsWhetherItWasWritten) {
  EXPECT_FALSE(Read("{}").config->run_as.written);
  EXPECT_TRUE(Read(R"({"run_as": {"user": "dns"}})").config->run_as.written);
  EXPECT_EQ(Read(R"({"run_as": {"user": "dns"}})").config->run_as.group, "resolve64");
  EXPECT_FALSE(Read(R"({"run_as": null})").config->run_as.enabled);
}

TEST_F(ReadFile, ReadsWhatStandsBesideIt) {
  Write("inner/lab.zone", "");
  const ReadResult result = ReadConfigFile(
      Write("r.json", R"({"zones": [{"zone": "lab.example", "file": "inner/lab.zone"}]})"));
  ASSERT_EQ(Texts(result.errors), Lines());
  EXPECT_EQ(result.config->zones.at(0).file, (folder_ / "inner/lab.zone").string());
}

TEST_F(ReadFile, SaysWhyAFileCannotBeRead) {
  const std::string missing = (folder_ / "missing.json").string();
  EXPECT_EQ(Texts(ReadConfigFile(missing).errors),
            Lines{missing + ": cannot be read: No such file or directory"});
  const std::string directory = folder_.string();
  EXPECT_EQ(Texts(ReadConfigFile(directory).errors),
            Lines{directory + ": cannot be read: Is a directory"});
  EXPECT_FALSE(ReadConfigFile(missing).config);
}

TEST_F(ReadFile, StopsReadingAFileThatIsTooLong) {
  const std::string path = Write("long.json", std::string(3U << 20U, ' '));
  EXPECT_EQ(Texts(ReadConfigFile(path).errors), Lines{path + ": a configuration is 1MiB at most"});
}

TEST_F(ReadFile, DirectoryInThePlaceOfAZoneFileIsRefused) {
  const std::string path =
      Write("r.json", R"({"zones": [{"zone": "lab.example", "file": "inner"}]})");
  EXPECT_EQ(Texts(ReadConfigFile(path).errors),
            Lines{path + ":1:44: /zones/0/file: \"inner\": is a directory"});
}

}  // namespace
}  // namespace resolve64::config
