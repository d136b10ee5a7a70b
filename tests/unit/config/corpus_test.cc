// The corpora of tests/config: each file of good/ is used, each of bad/ is refused with the
// diagnostics that stand in the file beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/config.h"
#include "support.h"

namespace resolve64::config {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Files(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(R64_SOURCE_DIR "/tests/config/" + folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The diagnostics as the program prints them when it is started beside the file.
std::string Listing(const fs::path& file, std::vector<Diagnostic> diagnostics) {
  std::string text;
  for (Diagnostic& diagnostic : diagnostics) {
    EXPECT_EQ(diagnostic.file, file.string());
    diagnostic.file = file.filename().string();
    text += diagnostic.ToText() + "\n";
  }
  return text;
}

void HoldAgainstExpectation(const fs::path& file, const std::string& listing) {
  fs::path expect = file;
  expect.replace_extension(".expect");
  if (std::getenv("R64_WRITE_REFERENCE") != nullptr && !listing.empty()) {
    std::ofstream(expect, std::ios::binary) << listing;
  }
  EXPECT_EQ(FileText(expect.string()), listing) << expect;
}

// Covers: T50
TEST(Corpus, GoodFilesAreReadWithTheWarningsBesideThem) {
  const auto files = Files("good");
  EXPECT_GE(files.size(), 12U);
  for (const fs::path& file : files) {
    const ReadResult result = ReadConfigFile(file.string());
    EXPECT_EQ(Texts(result.errors), Lines()) << file;
    EXPECT_TRUE(result.config) << file;
    HoldAgainstExpectation(file, Listing(file, result.warnings));
  }
}

// Covers: VEC-04, D64-03, ADR-01, ADR-04, T45, B14
TEST(Corpus, BadFilesAreRefusedWithTheDiagnosticsBesideThem) {
  const auto files = Files("bad");
  EXPECT_GE(files.size(), 60U);
  for (const fs::path& file : files) {
    const ReadResult result = ReadConfigFile(file.string());
    EXPECT_FALSE(result.config) << file;
    EXPECT_FALSE(result.errors.empty()) << file;
    HoldAgainstExpectation(file, Listing(file, result.errors));
  }
}

TEST(Corpus, TheExampleForOperatorsIsFreeOfComplaints) {
  const ReadResult result = ReadConfigFile(R64_SOURCE_DIR "/etc/resolve64.json");
  EXPECT_EQ(Texts(result.errors), Lines());
  EXPECT_EQ(Texts(result.warnings), Lines());
  ASSERT_TRUE(result.config);
  EXPECT_EQ(result.config->listen.size(), 2U);
}

TEST(Corpus, TheExampleOfTheReferenceIsFreeOfComplaints) {
  const std::string reference = FileText(R64_SOURCE_DIR "/docs/configuration.md");
  const std::size_t begin = reference.find("```json\n") + 8;
  const std::string example = reference.substr(begin, reference.find("```", begin) - begin);
  EXPECT_EQ(Errors(example), Lines());
  EXPECT_EQ(Warnings(example), Lines());
}

}  // namespace
}  // namespace resolve64::config
