#include "server/cookies.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace resolve64::server {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets Hex(const std::string& text) {
  Octets octets;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    octets.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return octets;
}
std::string ToHex(std::span<const std::uint8_t> octets) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  return text;
}
CookieSecrets::Secret Secret(const std::string& hex) {
  CookieSecrets::Secret secret{};
  const Octets octets = Hex(hex);
  std::copy(octets.begin(), octets.end(), secret.begin());
  return secret;
}
// The data of a COOKIE option, written as RFC 9018 does.
CookieOption Option(const std::string& hex) {
  CookieOption option;
  const Octets octets = Hex(hex);
  std::copy(octets.begin(), octets.end(), option.octets.begin());
  option.size = static_cast<std::uint8_t>(octets.size());
  return option;
}
IpAddress Address(const char* text) { return *IpAddress::Parse(text); }

CookieCheck Check(const CookieSecrets& secrets, const CookieOption& option,
                  const IpAddress& address, std::int64_t now) {
  return secrets.Check(option.client(), option.server(), address, now);
}

// RFC 9018 appendix A.
const char kSecret[] = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const CookieSecrets kSecrets({Secret(kSecret)});

// Covers: TRA-13, TRA-14
TEST(ServerCookie, IsThatOfTheRfcForANewClient) {
  const CookieOption asked = Option("2464c4abcf10c957");
  EXPECT_TRUE(asked.server().empty());
  EXPECT_EQ(ToHex(kSecrets.Make(asked.client(), Address("198.51.100.100"), 1559731985)),
            "010000005cf79f111f8130c3eee29480");
}

// Covers: TRA-13
TEST(ServerCookie, IsRenewedAfterHalfAnHourAsInTheRfc) {
  const CookieOption asked = Option("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  const IpAddress client = Address("198.51.100.100");
  EXPECT_EQ(Check(kSecrets, asked, client, 1559734385), CookieCheck::kRenew);
  EXPECT_EQ(ToHex(kSecrets.Make(asked.client(), client, 1559734385)),
            "010000005cf7a871d4a564a1442aca77");
}

// Covers: TRA-13
TEST(ServerCookie, WithReservedOctetsIsCheckedAsItWasReceived) {
  const CookieOption asked = Option("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
  const IpAddress client = Address("203.0.113.203");
  // The appendix shows it at an age of 112 minutes, at which its section 4.3 takes it no more.
  EXPECT_EQ(Check(kSecrets, asked, client, 1559727985 + 60), CookieCheck::kGood);
  EXPECT_EQ(Check(kSecrets, asked, client, 1559734700), CookieCheck::kBad);
  EXPECT_EQ(ToHex(kSecrets.Make(asked.client(), client, 1559734700)),
            "010000005cf7a9acf73a7810aca2381e");
}

// Covers: TRA-13
TEST(ServerCookie, OfThePreviousSecretIsGoodAndRenewedOverIpv6) {
  const CookieOption asked = Option("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  const IpAddress client = Address("2001:db8:220:1:59de:d0f4:8769:82b8");
  const CookieSecrets rolled(
      {Secret("445536bcd2513298075a5d379663c962"), Secret("dd3bdf9344b678b185a6f5cb60fca715")});
  EXPECT_EQ(Check(rolled, asked, client, 1559741961), CookieCheck::kRenew);
  EXPECT_EQ(ToHex(rolled.Make(asked.client(), client, 1559741961)),
            "010000005cf7c609a6bb79d16625507a");
  const CookieSecrets forgotten({Secret("445536bcd2513298075a5d379663c962")});
  EXPECT_EQ(Check(forgotten, asked, client, 1559741961), CookieCheck::kBad);
}

CookieOption Made(const CookieSecrets& secrets, const IpAddress& address, std::int64_t now) {
  CookieOption option = Option("0123456789abcdef");
  const ServerCookie server = secrets.Make(option.client(), address, now);
  option.Set(option.client(), server);
  return option;
}

// Covers: TRA-13
TEST(ServerCookie, IsGoodFromFiveMinutesAheadToAnHourBehind) {
  const IpAddress client = Address("2001:db8::1");
  // The last three wrap around within the hour, in 2106, and on the way to it.
  for (const std::int64_t made : {std::int64_t{1'700'000'000}, std::int64_t{0x7FFFFFFF},
                                  std::int64_t{0xFFFFFFFF}, std::int64_t{0x100000000}}) {
    const CookieOption option = Made(kSecrets, client, made);
    EXPECT_EQ(Check(kSecrets, option, client, made - 301), CookieCheck::kBad) << made;
    EXPECT_EQ(Check(kSecrets, option, client, made - 300), CookieCheck::kGood) << made;
    EXPECT_EQ(Check(kSecrets, option, client, made), CookieCheck::kGood) << made;
    EXPECT_EQ(Check(kSecrets, option, client, made + 1800), CookieCheck::kGood) << made;
    EXPECT_EQ(Check(kSecrets, option, client, made + 1801), CookieCheck::kRenew) << made;
    EXPECT_EQ(Check(kSecrets, option, client, made + 3600), CookieCheck::kRenew) << made;
    EXPECT_EQ(Check(kSecrets, option, client, made + 3601), CookieCheck::kBad) << made;
  }
}

TEST(ServerCookie, IsBadWithAnyBitChanged) {
  const IpAddress client = Address("192.0.2.1");
  const CookieOption option = Made(kSecrets, client, 1'700'000'000);
  for (std::size_t bit = 0; bit < std::size_t{8} * option.size; ++bit) {
    CookieOption changed = option;
    changed.octets[bit / 8] = static_cast<std::uint8_t>(changed.octets[bit / 8] ^ 1U << bit % 8);
    EXPECT_EQ(Check(kSecrets, changed, client, 1'700'000'000), CookieCheck::kBad) << bit;
  }
}

// Covers: ATK-24
TEST(ServerCookie, IsBadFromAnotherAddress) {
  const CookieOption option = Made(kSecrets, Address("192.0.2.1"), 1'700'000'000);
  for (const char* other : {"192.0.2.2", "2001:db8::1", "c000:201::", "::192.0.2.1"}) {
    EXPECT_EQ(Check(kSecrets, option, Address(other), 1'700'000'000), CookieCheck::kBad) << other;
  }
}

// Covers: TRA-13
TEST(ServerCookie, OfAnyOtherLengthThanSixteenIsBad) {
  const IpAddress client = Address("192.0.2.1");
  const CookieOption option = Made(kSecrets, client, 1'700'000'000);
  Octets server(option.server().begin(), option.server().end());
  server.resize(32);
  for (std::size_t size = 0; size <= server.size(); ++size) {
    const CookieCheck check =
        kSecrets.Check(option.client(), std::span(server).first(size), client, 1'700'000'000);
    EXPECT_EQ(check, size == 16 ? CookieCheck::kGood : CookieCheck::kBad) << size;
  }
}

TEST(CookieSecrets, ARolledSecretKeepsThePreviousOneAndNoMore) {
  SeededRandom random(1);
  const IpAddress client = Address("192.0.2.1");
  const CookieSecretsPtr first = CookieSecrets::Random(random);
  const CookieSecretsPtr second = first->Rotated(random);
  CookieSecretsPtr last = second;
  for (std::size_t i = 2; i < CookieSecrets::kMaxSecrets; ++i) last = last->Rotated(random);
  const CookieOption option = Made(*first, client, 1'700'000'000);
  EXPECT_EQ(Check(*first, option, client, 1'700'000'000), CookieCheck::kGood);
  EXPECT_EQ(Check(*second, option, client, 1'700'000'000), CookieCheck::kRenew);
  EXPECT_EQ(Check(*last, option, client, 1'700'000'000), CookieCheck::kRenew);
  EXPECT_EQ(last->size(), CookieSecrets::kMaxSecrets);
  EXPECT_EQ(Check(*last->Rotated(random), option, client, 1'700'000'000), CookieCheck::kBad);
  EXPECT_NE(Made(*second, client, 1'700'000'000).octets, option.octets);
}

// --- the file ---

class SecretsFile : public ::testing::Test {
 protected:
  ~SecretsFile() override {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Result<CookieSecretsPtr> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return CookieSecrets::Read(path_);
  }
  std::string Wrong(const std::string& text) {
    const Result<CookieSecretsPtr> read = Read(text);
    if (read) return "nothing";
    EXPECT_EQ(read.error().code, Errc::kBadFile);
    EXPECT_EQ(read.error().text.substr(0, path_.size()), path_);
    return read.error().text.substr(path_.size());
  }

  std::string path_ = std::filesystem::temp_directory_path() /
                      ("secrets-" + std::to_string(::getpid()) + "-" +
                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

// Covers: TRA-13
TEST_F(SecretsFile, TheFirstSecretMakesCookiesAndAllCheckThem) {
  const Result<CookieSecretsPtr> read = Read(
      "# of all servers at this address\n\n"
      "  445536BCD2513298075A5D379663C962  # since June\r\n"
      "dd3bdf9344b678b185a6f5cb60fca715");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ((*read)->size(), 2U);
  const IpAddress client = Address("2001:db8:220:1:59de:d0f4:8769:82b8");
  const CookieOption old = Option("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  EXPECT_EQ(Check(**read, old, client, 1559741961), CookieCheck::kRenew);
  EXPECT_EQ(ToHex((*read)->Make(old.client(), client, 1559741961)),
            "010000005cf7c609a6bb79d16625507a");
}

TEST_F(SecretsFile, AFileThatIsWrongIsToldWithItsLine) {
  EXPECT_EQ(Wrong(""), ": there is no secret in it");
  EXPECT_EQ(Wrong("# nothing\n"), ": there is no secret in it");
  for (const std::string& line : {std::string(31, 'a'), std::string(33, 'a'),
                                  std::string(31, 'a') + "g", std::string("secret")}) {
    EXPECT_EQ(Wrong("\n" + line + "\n").substr(0, 38), ":2: a secret is 32 hexadecimal digits,");
  }
  std::string five;
  for (int i = 0; i < 5; ++i) five += std::string(kSecret) + "\n";
  EXPECT_EQ(Wrong(five), ":5: more than 4 secrets");
}

TEST_F(SecretsFile, AFileThatIsNotThereIsAnError) {
  for (const std::string& path : {path_, std::string("/")}) {
    const Result<CookieSecretsPtr> read = CookieSecrets::Read(path);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::kBadFile);
    EXPECT_NE(read.error().text.find(path), std::string::npos);
  }
}

}  // namespace
}  // namespace resolve64::server
