#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace resolve64 {
namespace {

class SmallFileTest : public ::testing::Test {
 protected:
  SmallFileTest() {
    directory_ = std::filesystem::temp_directory_path() /
                 ("small-file." + std::to_string(::getpid()) + "." +
                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directory(directory_);
  }
  ~SmallFileTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string At(const char* name) const { return (directory_ / name).string(); }
  std::filesystem::path directory_;
};

TEST_F(SmallFileTest, GivesBackWhatWasWritten) {
  ASSERT_TRUE(WriteSmallFile(At("file"), "one"));
  ASSERT_TRUE(WriteSmallFile(At("file"), "another text"));
  const auto text = ReadSmallFile(At("file"), 100);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "another text");
}

TEST_F(SmallFileTest, AFileThatIsNotThereIsNoError) {
  const auto text = ReadSmallFile(At("none"), 100);
  ASSERT_TRUE(text);
  EXPECT_FALSE(*text);
}

TEST_F(SmallFileTest, ADirectoryAndAFileThatIsTooLargeAreErrorsThatNameIt) {
  ASSERT_TRUE(WriteSmallFile(At("file"), "12345"));
  for (const std::string& path : {At("file"), directory_.string()}) {
    const auto text = ReadSmallFile(path, 4);
    ASSERT_FALSE(text) << path;
    EXPECT_EQ(text.error().text.find(path + ": "), 0U) << text.error().text;
  }
}

TEST_F(SmallFileTest, OnlyTheOwnerCanReadWhatIsWritten) {
  ASSERT_TRUE(WriteSmallFile(At("file"), "secret"));
  struct stat found {};
  ASSERT_EQ(0, ::stat(At("file").c_str(), &found));
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(SmallFileTest, WhatCannotBeWrittenLeavesNothingBehind) {
  std::filesystem::create_directory(At("taken"));
  EXPECT_FALSE(WriteSmallFile(At("taken"), "text"));
  EXPECT_FALSE(WriteSmallFile(At("missing/file"), "text"));
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    static_cast<void>(entry);
    ++entries;
  }
  EXPECT_EQ(entries, 1U);
}

}  // namespace
}  // namespace resolve64
