#include "dnssec/rollover_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/file.h"
#include "unit/dnssec/signer.h"

namespace resolve64::dnssec {
namespace {

namespace fs = std::filesystem;

class StateFileTest : public ::testing::Test {
 protected:
  StateFileTest() {
    std::string pattern = fs::temp_directory_path() / "r64-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~StateFileTest() override { fs::remove_all(folder_); }

  static std::vector<TrustPointState> Sample() {
    const test::Signer a(".", 13, 257);
    const test::Signer b(".", 15, 257);
    TrustPointState state;
    state.configured = {MakeDs(Name(), a.dnskey())};
    state.keys = {{a.dnskey(), KeyState::kValid, 1'700'000'000, 0, {}},
                  {b.dnskey(),
                   KeyState::kAddPend,
                   1'700'000'001,
                   1'702'592'001,
                   {MakeDs(Name(), a.dnskey())}}};
    state.seen = 1'700'000'002;
    state.next_query = 1'700'086'402;
    state.original_ttl = 172800;
    state.signature_lifetime = 864000;
    TrustPointState other = state;
    other.zone = test::N("island.example");
    return {state, other};
  }
  std::string Path(const std::string& name = "anchors.json") const { return folder_ / name; }
  static std::string TextOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void Write(const std::string& text) const { std::ofstream(Path(), std::ios::binary) << text; }

  fs::path folder_;
};

// Covers: SEC-52
TEST_F(StateFileTest, KeepsEverythingThereAndBack) {
  const std::vector<TrustPointState> states = Sample();
  ASSERT_TRUE(WriteSmallFile(Path(), ToJson(states)));
  const auto read = ReadStateFile(Path());
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*read)[i].zone, states[i].zone);
    EXPECT_EQ((*read)[i].configured, states[i].configured);
    EXPECT_EQ((*read)[i].keys, states[i].keys);
    EXPECT_EQ((*read)[i].seen, states[i].seen);
    EXPECT_EQ((*read)[i].next_query, states[i].next_query);
    EXPECT_EQ((*read)[i].original_ttl, states[i].original_ttl);
    EXPECT_EQ((*read)[i].signature_lifetime, states[i].signature_lifetime);
  }
}

TEST_F(StateFileTest, AMissingFileIsAnEmptyState) {
  const auto read = ReadStateFile(Path());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->empty());
}

// Covers: SEC-52
TEST_F(StateFileTest, ADamagedFileIsAnErrorWhereverItIsCut) {
  const std::string whole = ToJson(Sample());
  // The last character is the end of the line.
  for (std::size_t size = 0; size + 1 < whole.size(); size += 7) {
    EXPECT_FALSE(ParseState(whole.substr(0, size))) << size;
  }
  Write(whole.substr(0, whole.size() / 2));
  const auto read = ReadStateFile(Path());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text, Path() + ": not what resolve64 writes there");
}

TEST_F(StateFileTest, TakesNothingOfAStateThatIsPartlyWrong) {
  const std::string whole = ToJson(Sample());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  ASSERT_TRUE(ParseState(whole));
  EXPECT_FALSE(ParseState(with("\"version\": 1", "\"version\": 2")));
  EXPECT_FALSE(ParseState(with("\"valid\"", "\"trusted\"")));
  EXPECT_FALSE(ParseState(with("1700000002", "-1")));
  EXPECT_FALSE(ParseState(with("1700000002", "1e300")));
  EXPECT_FALSE(ParseState(with("1700000002", "99999999999999999999")));
  EXPECT_FALSE(ParseState(with("\"zone\": \".\"", "\"zone\": \"a..b\"")));
  EXPECT_FALSE(ParseState(with("\"dnskey\": \"0101", "\"dnskey\": \"01")));
  EXPECT_FALSE(ParseState(with("\"dnskey\": \"0101", "\"dnskey\": \"zz01")));
  EXPECT_FALSE(ParseState(with("\"dnskey\": \"0101", "\"dnskey\": \"0181"))) << "REVOKE is a state";
  EXPECT_FALSE(ParseState(with("\"keys\": [", "\"keys\": [ 7,")));
  for (const char* text :
       {"", "null", "[]", "{}", "{\"version\":1}", "\xff\xfe", "{\"version\":1,\"zones\":[[]]}"}) {
    EXPECT_FALSE(ParseState(text)) << text;
  }
}

TEST_F(StateFileTest, DirectoriesAndFilesWithoutEndAreErrors) {
  fs::create_directory(Path());
  EXPECT_FALSE(ReadStateFile(Path()));
  EXPECT_FALSE(ReadStateFile("/dev/zero"));
}

// Covers: SEC-52
TEST_F(StateFileTest, WritingReplacesTheFileAndLeavesNothingElse) {
  Write("before");
  ASSERT_TRUE(WriteSmallFile(Path(), "after"));
  EXPECT_EQ(TextOf(Path()), "after");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

// Covers: F17
TEST_F(StateFileTest, WhereNothingCanBeWrittenTheErrorNamesTheFileAndWhatWasThereStays) {
  const auto no_folder = WriteSmallFile(Path("missing/anchors.json"), "x");
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().text, Path("missing/anchors.json") + ": No such file or directory");
  // A directory in its place cannot be replaced, by root neither.
  fs::create_directory(Path());
  EXPECT_FALSE(WriteSmallFile(Path(), "after"));
  EXPECT_TRUE(fs::is_directory(Path()));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1)
      << "nothing is left behind";
}

}  // namespace
}  // namespace resolve64::dnssec
