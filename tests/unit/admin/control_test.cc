// The control socket from the outside, with a service that listens on a port of its own.
#include "admin/control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "admin/commands.h"
#include "admin/reload.h"
#include "base/clock.h"
#include "server/service.h"

namespace resolve64::admin {
namespace {

using nlohmann::json;

class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::temp_directory_path() / "r64-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string File(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A client that sends `octets` and reads lines until `lines` came or the other side closes.
std::vector<std::string> Talk(const std::string& path, const std::string& octets,
                              std::size_t lines) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  EXPECT_EQ(0, ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  for (std::size_t at = 0; at < octets.size();) {
    const ssize_t sent = ::send(fd, octets.data() + at, octets.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) break;
    at += static_cast<std::size_t>(sent);
  }
  std::string received;
  std::array<char, 4096> buffer;
  while (static_cast<std::size_t>(std::count(received.begin(), received.end(), '\n')) < lines) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    received.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < received.size();) {
    const std::size_t end = received.find('\n', at);
    all.push_back(received.substr(at, end - at));
    at = end == std::string::npos ? received.size() : end + 1;
  }
  return all;
}

// Runs the loop while a client on another thread talks.
std::vector<std::string> TalkTo(net::Loop& loop, const std::string& path, const std::string& octets,
                                std::size_t lines) {
  std::vector<std::string> replies;
  std::thread client([&] {
    replies = Talk(path, octets, lines);
    loop.Stop();
  });
  loop.Run();
  client.join();
  return replies;
}

class ControlTest : public ::testing::Test {
 protected:
  static void Echo(std::string_view request, const std::function<void(std::string)>& done) {
    done("<" + std::string(request) + ">");
  }

  Directory directory_;
  std::string path_ = directory_.File("control.sock");
  ManualClock clock_;  // what the service does by itself, in time, it does not do here
  net::Loop loop_{clock_};
};

TEST_F(ControlTest, AnswersRequestsInTheirOrder) {
  Control control(loop_);
  ASSERT_TRUE(control.Open(path_));
  ASSERT_TRUE(control.Start(Echo));
  EXPECT_EQ(TalkTo(loop_, path_, "one\ntwo\nthree\n", 3),
            (std::vector<std::string>{"<one>", "<two>", "<three>"}));
}

TEST_F(ControlTest, WaitsForARequestThatTakesTime) {
  Control control(loop_);
  ASSERT_TRUE(control.Open(path_));
  int running = 0;
  ASSERT_TRUE(control.Start([&](std::string_view request, std::function<void(std::string)> done) {
    EXPECT_EQ(++running, 1) << "one at a time";
    loop_.Post([&running, done, text = std::string(request)] {
      --running;
      done(text);
    });
  }));
  EXPECT_EQ(TalkTo(loop_, path_, "one\ntwo\n", 2), (std::vector<std::string>{"one", "two"}));
}

TEST_F(ControlTest, ClosesOnARequestWithoutEnd) {
  Control control(loop_);
  ASSERT_TRUE(control.Open(path_));
  ASSERT_TRUE(control.Start(Echo));
  EXPECT_TRUE(TalkTo(loop_, path_, std::string(4 * Control::kMaxRequest, 'x'), 1).empty());
}

TEST_F(ControlTest, IsForOwnerAndGroupAndGoneAfterwards) {
  {
    Control control(loop_);
    ASSERT_TRUE(control.Open(path_));
    struct stat status {};
    ASSERT_EQ(0, ::lstat(path_.c_str(), &status));
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlTest, MakesItsDirectory) {
  Control control(loop_);
  EXPECT_TRUE(control.Open(directory_.File("run/control.sock").c_str()));
  EXPECT_FALSE(Control(loop_).Open(directory_.File("a/b/control.sock")));
}

TEST_F(ControlTest, ReplacesWhatADeadProcessLeftAndNothingElse) {
  {
    // Bound, never listening, closed: nobody answers.
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    ASSERT_EQ(0, ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ::close(fd);
  }
  Control first(loop_);
  ASSERT_TRUE(first.Open(path_));
  Control second(loop_);
  const Result<bool> refused = second.Open(path_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("answers"), std::string::npos);

  const std::string file = directory_.File("file");
  std::ofstream(file) << "precious";
  Control third(loop_);
  EXPECT_FALSE(third.Open(file));
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
}

// --- commands ---

class CommandsTest : public ControlTest {
 protected:
  CommandsTest() {
    WriteConfig("{}");
    Loaded loaded = Load(config_);
    EXPECT_NE(loaded.snapshot, nullptr);
    service_ = std::make_unique<server::Service>(clock_, loop_, loaded.snapshot);
    const Result<bool> started = service_->Start();
    EXPECT_TRUE(started) << started.error().text;
    reloader_ = std::make_unique<Reloader>(*service_, config_);
    commands_ = std::make_unique<Commands>(*service_, *reloader_);
  }

  // A configuration without listeners that could clash: they are never bound.
  void WriteConfig(const std::string& dns64, const std::string& dnssec = "{}") {
    std::ofstream(config_) << R"({"workers": 2, "upstream": {"ipv4": true, "ipv6": false},
      "root_hints": [{"name": "a.root.", "addresses": ["127.0.0.1@9"]}],
      "dnssec": )" << dnssec
                           << R"(, "dns64": )" << dns64 << "}";
  }
  json Do(const json& request) {
    std::string reply;
    commands_->Execute(request.dump(), [&](const std::string& text) {
      reply = text;
      loop_.Stop();
    });
    loop_.Run();
    return json::parse(reply);
  }

  std::string config_ = directory_.File("resolve64.json");
  std::unique_ptr<server::Service> service_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<Commands> commands_;
};

TEST_F(CommandsTest, StatusTellsListenersViewsAndCaches) {
  const json reply = Do({{"command", "status"}});
  EXPECT_EQ(reply["ok"], true);
  EXPECT_EQ(reply["workers"], 2);
  EXPECT_EQ(reply["listeners"].size(), 2U);
  EXPECT_EQ(reply["views"][0]["prefixes"][0]["prefix"], "64:ff9b::/96");
  EXPECT_TRUE(reply["cache"].contains("bytes"));
}

TEST_F(CommandsTest, StatusTellsOfValidation) {
  const json reply = Do({{"command", "status"}});
  EXPECT_EQ(reply["validation"], json({{"enabled", true},
                                       {"trusted_keys", 2},
                                       {"negative_anchors", 0},
                                       {"override_time", nullptr}}));
  EXPECT_TRUE(reply["denials"].contains("bytes"));
}

// Covers: SEC-50
TEST_F(CommandsTest, AnchorsTellsKeysAndTheirStates) {
  const json reply = Do({{"command", "anchors"}});
  EXPECT_EQ(reply["ok"], true);
  EXPECT_EQ(reply["validation"], true);
  EXPECT_EQ(reply["automatic_update"], true);
  ASSERT_EQ(reply["zones"].size(), 1U);
  const json& root = reply["zones"][0];
  EXPECT_EQ(root["zone"], ".");
  EXPECT_EQ(root["last_refresh"], nullptr);
  EXPECT_EQ(root["next_refresh"], reply["now"]) << "at once";
  ASSERT_EQ(root["keys"].size(), 2U);
  EXPECT_EQ(root["keys"][0],
            json({{"tag", 20326},
                  {"algorithm", 8},
                  {"algorithm_name", "RSASHA256"},
                  {"digest_type", 2},
                  {"digest_name", "SHA-256"},
                  {"digest", "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"},
                  {"state", "configured"},
                  {"since", nullptr},
                  {"until", nullptr},
                  {"trusted", true}}));
  EXPECT_EQ(root["keys"][1]["tag"], 38696);
  EXPECT_EQ(reply["negative"], json::array());
}

// Covers: SEC-55
TEST_F(CommandsTest, AnchorsTellsNegativeOnesAfterAReload) {
  WriteConfig("{}", R"({"automatic_update": false, "override_time": "20260101000000", "insecure":
      ["a.example", {"name": "b.example", "until": "2026-01-02"},
       {"name": "c.example", "until": "2025-12-31"}]})");
  EXPECT_EQ(Do({{"command", "reload"}})["ok"], true);
  const json reply = Do({{"command", "anchors"}});
  EXPECT_EQ(reply["now"], 1767225600);
  EXPECT_EQ(reply["automatic_update"], false);
  EXPECT_EQ(reply["state_file"], nullptr);
  EXPECT_EQ(reply["zones"][0]["next_refresh"], nullptr);
  EXPECT_EQ(
      reply["negative"],
      json::array(
          {{{"name", "a.example."}, {"until", nullptr}, {"holds", true}, {"lifted", false}},
           {{"name", "b.example."}, {"until", 1767312000}, {"holds", true}, {"lifted", false}},
           {{"name", "c.example."}, {"until", 1767139200}, {"holds", false}, {"lifted", false}}}));
  EXPECT_EQ(Do({{"command", "status"}})["validation"]["negative_anchors"], 2);
}

TEST_F(CommandsTest, AnchorsThatCannotBeReadAreTheReloadsError) {
  WriteConfig("{}", R"({"trust_anchors": ["example. IN A 192.0.2.1"]})");
  const json refused = Do({{"command", "reload"}});
  EXPECT_EQ(refused["ok"], false);
  ASSERT_EQ(refused["lines"].size(), 1U);
  const auto line = refused["lines"][0].get<std::string>();
  EXPECT_EQ(line.find("dnssec.trust_anchors: "), 0U) << line;
  EXPECT_NE(line.find("example. IN A 192.0.2.1"), std::string::npos) << line;
}

TEST_F(CommandsTest, StatsHasEveryCounter) {
  const json reply = Do({{"command", "stats"}});
  EXPECT_EQ(reply["counters"].size(), resolver::kCounterNames.size());
  EXPECT_EQ(reply["counters"]["queries"], 0);
}

// Covers: U9
TEST_F(CommandsTest, ExplainAnswersWithStepsAndRecords) {
  const json reply = Do({{"command", "explain"}, {"name", "ipv4only.arpa"}});
  EXPECT_EQ(reply["ok"], true);
  EXPECT_EQ(reply["type"], "AAAA");
  EXPECT_FALSE(reply["steps"].empty());
  EXPECT_EQ(reply["answer"]["status"], "NOERROR");
  EXPECT_EQ(reply["answer"]["answer"][0]["data"], "64:ff9b::c000:aa");
}

TEST_F(CommandsTest, RequestsThatMakeNoSenseAreRefused) {
  const std::vector<json> requests = {
      {{"command", "nonsense"}},
      {{"nothing", 1}},
      {{"command", 7}},
      json::array({1}),
      {{"command", "flush"}, {"name", "bad..name"}},
      {{"command", "flush"}, {"name", "example"}, {"type", "NOTATYPE"}},
      {{"command", "flush"}, {"name", "example"}, {"type", "A"}, {"below", true}},
      {{"command", "explain"}, {"name", "example"}, {"type", "NOTATYPE"}},
      {{"command", "explain"}, {"name", "example"}, {"client", "nobody"}},
      {{"command", "explain"}, {"name", "example"}, {"view", "nothing"}},
      {{"command", "explain"}, {"name", 1}},
      {{"command", "log"}, {"level", "loud"}}};
  for (const json& request : requests) {
    const json reply = Do(request);
    EXPECT_EQ(reply["ok"], false) << request;
    EXPECT_FALSE(reply["error"].get<std::string>().empty()) << request;
  }
  std::string reply;
  commands_->Execute("{\"command\": \"status\"", [&](const std::string& text) { reply = text; });
  EXPECT_EQ(json::parse(reply)["ok"], false);
}

TEST_F(CommandsTest, FlushServersInflightAndLogAnswer) {
  EXPECT_EQ(Do({{"command", "flush"}, {"name", "example.com"}, {"below", true}})["flushed"], 0);
  EXPECT_TRUE(Do({{"command", "servers"}})["servers"].is_array());
  EXPECT_TRUE(Do({{"command", "inflight"}})["inflight"].is_array());
  EXPECT_EQ(Do({{"command", "log"}, {"level", "info"}})["ok"], true);
}

// Covers: T22, F9
TEST_F(CommandsTest, AReloadActsAtOnceAndABrokenOneNotAtAll) {
  WriteConfig(R"({"prefixes": ["2001:db8:64::/96"]})");
  EXPECT_EQ(Do({{"command", "reload"}})["ok"], true);
  const json ask = {{"command", "explain"}, {"name", "ipv4only.arpa"}};
  EXPECT_EQ(Do(ask)["answer"]["answer"][0]["data"], "2001:db8:64::c000:aa");

  WriteConfig(R"({"prefixes": ["2001:db8:64::/95"], "nonsense": 1})");
  const json refused = Do({{"command", "reload"}});
  EXPECT_EQ(refused["ok"], false);
  EXPECT_EQ(refused["lines"].size(), 2U);
  EXPECT_EQ(Do(ask)["answer"]["answer"][0]["data"], "2001:db8:64::c000:aa");
}

}  // namespace
}  // namespace resolve64::admin
