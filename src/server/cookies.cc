#include "server/cookies.h"

#include <algorithm>

#include "server/secret_file.h"

namespace resolve64::server {
namespace {

constexpr std::uint8_t kVersion = 1;
// Seconds, RFC 9018 section 4.3.
constexpr std::int32_t kOldest = 60 * 60;
constexpr std::int32_t kFurthestAhead = 5 * 60;
constexpr std::int32_t kRenewAfter = 30 * 60;

HashKey KeyOf(const CookieSecrets::Secret& secret) {
  return HashKey{LoadWord(secret.data()), LoadWord(secret.data() + 8)};
}

// `head`: version, reserved octets and time, as they are sent.
std::uint64_t HashOf(const HashKey& key, std::span<const std::uint8_t> client,
                     const std::uint8_t* head, const IpAddress& address) noexcept {
  SipHash24 hash(key);
  hash.Add(LoadWord(client.data()));
  hash.Add(LoadWord(head));
  if (address.is_v4()) {
    constexpr std::uint64_t kLength = 20;
    return hash.Finish(LoadWord(address.data(), 4) | kLength << 56);
  }
  constexpr std::uint64_t kLength = 32;
  hash.Add(LoadWord(address.data()));
  hash.Add(LoadWord(address.data() + 8));
  return hash.Finish(kLength << 56);
}

CookieSecrets::Secret Draw(Random& random) {
  CookieSecrets::Secret secret{};
  random.Fill(secret);
  return secret;
}

}  // namespace

CookieSecrets::CookieSecrets(const std::vector<Secret>& secrets) {
  keys_.reserve(secrets.size());
  for (const Secret& secret : secrets) keys_.push_back(KeyOf(secret));
}

Result<CookieSecretsPtr> CookieSecrets::Read(const std::string& path) {
  const Result<std::vector<server::Secret>> read = ReadSecretFile(path, kSecretSize, kMaxSecrets);
  if (!read) return read.error();
  std::vector<Secret> secrets(read->size());
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    std::copy((*read)[i].begin(), (*read)[i].end(), secrets[i].begin());
  }
  return std::make_shared<const CookieSecrets>(secrets);
}

CookieSecretsPtr CookieSecrets::Random(resolve64::Random& random) {
  return std::make_shared<const CookieSecrets>(std::vector<Secret>{Draw(random)});
}

CookieSecretsPtr CookieSecrets::Rotated(resolve64::Random& random) const {
  auto rotated = std::make_shared<CookieSecrets>(std::vector<Secret>{Draw(random)});
  for (std::size_t i = 0; i < std::min(keys_.size(), kMaxSecrets - 1); ++i) {
    rotated->keys_.push_back(keys_[i]);
  }
  return rotated;
}

ServerCookie CookieSecrets::Make(std::span<const std::uint8_t, CookieOption::kClientSize> client,
                                 const IpAddress& address, std::int64_t now) const noexcept {
  ServerCookie cookie{kVersion};
  const auto time = static_cast<std::uint32_t>(now);
  for (std::size_t i = 0; i < 4; ++i) {
    cookie[4 + i] = static_cast<std::uint8_t>(time >> (24 - 8 * i));
  }
  const std::uint64_t hash = HashOf(keys_.front(), client, cookie.data(), address);
  for (std::size_t i = 0; i < 8; ++i) cookie[8 + i] = static_cast<std::uint8_t>(hash >> (8 * i));
  return cookie;
}

CookieCheck CookieSecrets::Check(std::span<const std::uint8_t, CookieOption::kClientSize> client,
                                 std::span<const std::uint8_t> server, const IpAddress& address,
                                 std::int64_t now) const noexcept {
  if (server.size() != std::tuple_size_v<ServerCookie> || server[0] != kVersion) {
    return CookieCheck::kBad;
  }
  std::uint32_t time = 0;
  for (std::size_t i = 0; i < 4; ++i) time = time << 8 | server[4 + i];
  // RFC 1982: the difference counts, whatever the 32 bits have wrapped around to.
  const auto age = static_cast<std::int32_t>(static_cast<std::uint32_t>(now) - time);
  if (age > kOldest || age < -kFurthestAhead) return CookieCheck::kBad;
  const std::uint64_t received = LoadWord(server.data() + 8);
  const auto made_by = std::find_if(keys_.begin(), keys_.end(), [&](const HashKey& key) {
    return HashOf(key, client, server.data(), address) == received;
  });
  if (made_by == keys_.end()) return CookieCheck::kBad;
  return age > kRenewAfter || made_by != keys_.begin() ? CookieCheck::kRenew : CookieCheck::kGood;
}

CookieJudgement CookieJudgement::Of(const CookieOption& asked, const CookieSecrets& secrets,
                                    const IpAddress& address, std::int64_t now) noexcept {
  CookieJudgement judgement;
  if (!asked.present()) return judgement;
  judgement.state = State::kClientOnly;
  if (!asked.server().empty()) {
    const CookieCheck check = secrets.Check(asked.client(), asked.server(), address, now);
    judgement.state = check == CookieCheck::kBad ? State::kBad : State::kGood;
    if (check == CookieCheck::kGood) {
      judgement.reply = asked;
      return judgement;
    }
  }
  judgement.reply.Set(asked.client(), secrets.Make(asked.client(), address, now));
  return judgement;
}

}  // namespace resolve64::server
