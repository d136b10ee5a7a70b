// DNS cookies as a server makes and checks them (RFC 7873, RFC 9018).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64::server {

using ServerCookie = std::array<std::uint8_t, 16>;

/// The data of a COOKIE option: the client's part, and maybe ours.
struct CookieOption {
  static constexpr std::size_t kClientSize = 8;
  static constexpr std::size_t kLeastServerSize = 8;
  static constexpr std::size_t kLargestServerSize = 32;

  std::array<std::uint8_t, kClientSize + kLargestServerSize> octets{};
  std::uint8_t size = 0;  ///< 0 where there is no option, else 8 or 16 to 40

  [[nodiscard]] bool present() const noexcept { return size != 0; }
  /// REQUIRES: present().
  [[nodiscard]] std::span<const std::uint8_t, kClientSize> client() const noexcept {
    return std::span(octets).first<kClientSize>();
  }
  /// Empty where the client has none of ours yet. REQUIRES: present().
  [[nodiscard]] std::span<const std::uint8_t> server() const noexcept {
    return std::span(octets).subspan(kClientSize, size - kClientSize);
  }
  /// REQUIRES: `data` has a legal size.
  void Set(std::span<const std::uint8_t> data) noexcept {
    std::copy(data.begin(), data.end(), octets.begin());
    size = static_cast<std::uint8_t>(data.size());
  }
  void Set(std::span<const std::uint8_t, kClientSize> client, const ServerCookie& server) noexcept {
    std::copy(client.begin(), client.end(), octets.begin());
    std::copy(server.begin(), server.end(), octets.begin() + kClientSize);
    size = static_cast<std::uint8_t>(kClientSize + server.size());
  }
};

enum class CookieCheck : std::uint8_t {
  kGood,
  kRenew,  ///< good, and the client should have a fresh one
  kBad,
};

/// Secrets of 16 octets: the first one makes cookies, all of them check cookies. Immutable; any
/// thread.
class CookieSecrets {
 public:
  static constexpr std::size_t kSecretSize = 16;
  static constexpr std::size_t kMaxSecrets = 4;
  using Secret = std::array<std::uint8_t, kSecretSize>;

  /// REQUIRES: 1 to kMaxSecrets of them.
  explicit CookieSecrets(const std::vector<Secret>& secrets);

  /// One secret of 32 hexadecimal digits a line; what follows a '#' is a comment. A new one is
  /// first added to the end on every server, then moved to the front, then the old one is taken out
  /// (RFC 9018 section 5). kBadFile, with file and line. Blocks.
  static Result<std::shared_ptr<const CookieSecrets>> Read(const std::string& path);
  static std::shared_ptr<const CookieSecrets> Random(resolve64::Random& random);
  /// A fresh secret in front of those that there are; the oldest goes.
  [[nodiscard]] std::shared_ptr<const CookieSecrets> Rotated(resolve64::Random& random) const;

  /// RFC 9018 section 4. `now`: seconds since 1970.
  [[nodiscard]] ServerCookie Make(std::span<const std::uint8_t, CookieOption::kClientSize> client,
                                  const IpAddress& address, std::int64_t now) const noexcept;
  /// Whether `server` was made by one of the secrets for `client` and `address`, at most an hour
  /// ago or, as clocks differ, five minutes ahead. It is to be renewed after half an hour, and
  /// where another secret than the first made it.
  [[nodiscard]] CookieCheck Check(std::span<const std::uint8_t, CookieOption::kClientSize> client,
                                  std::span<const std::uint8_t> server, const IpAddress& address,
                                  std::int64_t now) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return keys_.size(); }

 private:
  std::vector<HashKey> keys_;
};

using CookieSecretsPtr = std::shared_ptr<const CookieSecrets>;

/// What a query's cookie says of its sender, and the cookie of the reply.
struct CookieJudgement {
  enum class State : std::uint8_t { kNone, kClientOnly, kGood, kBad };
  State state = State::kNone;
  CookieOption reply;  ///< absent where the query had none

  /// `asked` may be absent. `now`: seconds since 1970.
  static CookieJudgement Of(const CookieOption& asked, const CookieSecrets& secrets,
                            const IpAddress& address, std::int64_t now) noexcept;
};

}  // namespace resolve64::server
