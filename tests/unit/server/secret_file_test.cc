#include "server/secret_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace resolve64::server {
namespace {

class SecretFileTest : public ::testing::Test {
 protected:
  SecretFileTest() {
    path_ = (std::filesystem::temp_directory_path() /
             ("secrets." + std::to_string(::getpid()) + "." +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                .string();
  }
  ~SecretFileTest() override { std::filesystem::remove(path_); }

  Result<std::vector<Secret>> Read(const std::string& text, std::size_t most = 3) {
    std::ofstream(path_) << text;
    return ReadSecretFile(path_, 4, most);
  }
  std::string path_;
};

TEST_F(SecretFileTest, ReadsASecretALineInTheirOrder) {
  const auto secrets = Read("# old and new\n  00ff10AB # a comment\r\n\n12345678");
  ASSERT_TRUE(secrets) << secrets.error().text;
  EXPECT_EQ(*secrets, (std::vector<Secret>{{0x00, 0xFF, 0x10, 0xAB}, {0x12, 0x34, 0x56, 0x78}}));
}

TEST_F(SecretFileTest, SaysInWhichLineSomethingIsWrongAndWhatIsExpected) {
  for (const char* wrong : {"0011223344", "001122", "0011223g", "00 11 22 33"}) {
    const auto secrets = Read("00112233\n" + std::string(wrong) + "\n");
    ASSERT_FALSE(secrets) << wrong;
    EXPECT_NE(secrets.error().text.find(path_ + ":2: a secret is 8 hexadecimal digits"),
              std::string::npos)
        << secrets.error().text;
    EXPECT_NE(secrets.error().text.find("openssl rand -hex 4"), std::string::npos);
  }
}

TEST_F(SecretFileTest, RefusesTooManyAndNone) {
  EXPECT_FALSE(Read("00112233\n00112234\n", 1));
  EXPECT_FALSE(Read("# nothing\n"));
  EXPECT_FALSE(Read(""));
}

TEST_F(SecretFileTest, SaysThatThereIsNoSuchFile) {
  const auto secrets = ReadSecretFile(path_, 4, 3);
  ASSERT_FALSE(secrets);
  EXPECT_EQ(secrets.error().text, path_ + ": there is no such file");
}

}  // namespace
}  // namespace resolve64::server
