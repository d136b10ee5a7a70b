#include "resolver/upstream/select.h"

#include <algorithm>
#include <chrono>

namespace resolve64::resolver::upstream {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kExploreOneIn = 20;
constexpr Duration kShortestHedge = milliseconds(25);
constexpr Duration kLongestHedge = milliseconds(1000);
constexpr Duration kShortestResend = milliseconds(400);
constexpr Duration kLongestResend = milliseconds(1500);
constexpr Duration kLongestHedgeForUnknown = milliseconds(400);

// Lower is asked earlier. Unknown servers count as quick ones, so that each is tried once; each
// silence in a row doubles.
Duration Expectation(const Candidate& candidate, Duration typical_rtt) {
  if (!candidate.info.known) return typical_rtt / 2;
  const auto silences = std::min<std::uint32_t>(candidate.info.timeouts_in_row, 6);
  return candidate.info.srtt * (1 << silences);
}

bool MayBeSent(const Candidate& candidate) {
  const int most = candidate.server.tls ? kMaxSendsOverTls : kMaxSendsToServer;
  return !candidate.out && candidate.sends - candidate.nonsense < most;
}

}  // namespace

std::optional<std::size_t> PickServer(std::span<const Candidate> candidates, Duration typical_rtt,
                                      Random& random) {
  const auto rank = [&](const Candidate& c) { return (c.lame ? 2 : 0) + (c.info.dead ? 1 : 0); };
  // The best class: fewest sends, then the least broken.
  std::optional<std::pair<int, int>> best_class;
  std::size_t members = 0;
  for (const Candidate& c : candidates) {
    if (!MayBeSent(c)) continue;
    const std::pair<int, int> its(c.sends, rank(c));
    if (!best_class || its < *best_class) {
      best_class = its;
      members = 0;
    }
    if (its == *best_class) ++members;
  }
  if (!best_class) return std::nullopt;

  const bool explore = members > 1 && random.Below(kExploreOneIn) == 0;
  std::uint32_t skip = explore ? random.Below(static_cast<std::uint32_t>(members)) : 0;
  std::optional<std::size_t> best;
  Duration best_score{};
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& c = candidates[i];
    if (!MayBeSent(c)) continue;
    if (std::pair<int, int>(c.sends, rank(c)) != *best_class) continue;
    if (explore) {
      if (skip-- == 0) return i;
      continue;
    }
    // Servers that differ by less than a fifth, or by a millisecond, share the load.
    const Duration expected = Expectation(c, typical_rtt);
    const Duration jitter = (expected / 5 + milliseconds(1)) / 1024 * random.Below(1024);
    const Duration score = expected + jitter;
    if (!best || score < best_score) {
      best = i;
      best_score = score;
    }
  }
  return best;
}

Duration HedgeDelay(const Candidate& candidate, Duration typical_rtt) {
  const cache::ServerInfo& info = candidate.info;
  // The time of a server that fell silent says only how long it was waited for.
  const bool measured = info.known && info.timeouts_in_row == 0;
  const Duration delay = measured
                             ? info.srtt + 4 * info.rttvar
                             : std::min<Duration>(typical_rtt * 3 / 2, kLongestHedgeForUnknown);
  return std::clamp<Duration>(delay, kShortestHedge, kLongestHedge);
}

Duration ResendDelay(const Candidate& candidate, Duration typical_rtt) {
  const Duration delay = std::max<Duration>(HedgeDelay(candidate, typical_rtt), kShortestResend);
  const int doublings = std::clamp(candidate.sends - 1, 0, kMaxSendsToServer);
  return std::min<Duration>(delay * (1 << doublings), kLongestResend);
}

}  // namespace resolve64::resolver::upstream
