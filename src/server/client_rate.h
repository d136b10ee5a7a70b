// How often one client may ask over UDP without a cookie.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "resolve64/ip.h"

namespace resolve64::server {

/// A bucket of tokens for each IPv4 address and each IPv6 /64, which holds one second's worth.
///
/// One table for all workers: which of them a client's datagrams come to depends on its ports, so
/// a share for each worker would be a different limit for every client. Any thread; no locks, no
/// allocation; a call looks at one line of the processor's cache.
///
/// A full bucket says nothing and is as good as none. So memory is fixed: where a line has no place
/// left, the bucket that is fullest makes room, and its client gets a full one when it comes back.
class ClientRate {
 public:
  static constexpr std::size_t kBuckets = 32768;

  /// REQUIRES: per_second > 0.
  explicit ClientRate(std::uint32_t per_second);

  /// Whether `client` may ask once more at `now`.
  bool Take(const IpAddress& client, TimePoint now) noexcept;

  [[nodiscard]] std::uint32_t per_second() const noexcept { return per_second_; }

 private:
  // A tag of the client in the upper 16 bits. In the others when its bucket is full again, in ns
  // modulo 2^48, which is some three days.
  using Bucket = std::atomic<std::uint64_t>;
  struct alignas(64) Line {
    std::array<Bucket, 8> buckets{};
  };

  std::uint32_t per_second_;
  std::uint64_t cost_;  // of one question, ns
  std::vector<Line> lines_;
};

/// Null: no limit.
using ClientRatePtr = std::shared_ptr<ClientRate>;

}  // namespace resolve64::server
