#include "server/client_rate.h"

#include <limits>

#include "base/hash.h"

namespace resolve64::server {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr unsigned kTimeBits = 48;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
constexpr int kAttempts = 16;

std::uint64_t HashOf(const IpAddress& client) noexcept {
  SipHash13 hash(ProcessHashKey());
  if (client.is_v4()) return hash.Finish(LoadWord(client.data(), 4) | std::uint64_t{4} << 56);
  hash.Add(LoadWord(client.data()));  // the /64
  return hash.Finish(std::uint64_t{8} << 56);
}

// How long until the bucket is full. It never takes longer than a second; workers' clocks are of
// slightly different age, hence two. Anything else is a time of long ago.
std::uint64_t Debt(std::uint64_t bucket, std::uint64_t now) noexcept {
  const std::uint64_t debt = (bucket - now) & kTimeMask;
  return debt <= 2 * kSecond ? debt : 0;
}

}  // namespace

ClientRate::ClientRate(std::uint32_t per_second)
    : per_second_(per_second),
      cost_(kSecond / per_second),
      lines_(kBuckets / std::tuple_size_v<decltype(Line::buckets)>) {}

bool ClientRate::Take(const IpAddress& client, TimePoint at) noexcept {
  const std::uint64_t hash = HashOf(client);
  const std::uint64_t tag = hash >> kTimeBits;
  Line& line = lines_[hash % lines_.size()];
  const auto now = static_cast<std::uint64_t>(at.time_since_epoch().count()) & kTimeMask;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Bucket* place = line.buckets.data();
    std::uint64_t found = 0;
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t debt = 0;
    for (Bucket& bucket : line.buckets) {
      const std::uint64_t value = bucket.load(std::memory_order_relaxed);
      const std::uint64_t owed = Debt(value, now);
      const bool own = value >> kTimeBits == tag;
      if (!own && owed >= least) continue;
      place = &bucket;
      found = value;
      least = owed;
      debt = own ? owed : 0;
      if (own) break;
    }
    if (debt + cost_ > kSecond) return false;
    const std::uint64_t full_again = (now + debt + cost_) & kTimeMask;
    if (place->compare_exchange_weak(found, tag << kTimeBits | full_again,
                                     std::memory_order_relaxed)) {
      return true;
    }
  }
  // Other workers changed the line each time: one question too many is no harm.
  return true;
}

}  // namespace resolve64::server
