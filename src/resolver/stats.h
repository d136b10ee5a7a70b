// Counters of one worker.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace resolve64::resolver {

/// Everything that is counted. Names as `resolve64ctl stats` and the metrics print them: see
/// kCounterNames.
enum class Counter : std::uint8_t {
  kQueries,
  kQueriesUdp,
  kQueriesTcp,
  kQueriesTls,
  kQueriesHttps,
  kMalformed,
  kRefused,
  kDropped,
  kSynthesized,
  kTruncated,
  kRcodeNoError,
  kRcodeNxDomain,
  kRcodeServFail,
  kRcodeOther,
  kCacheHits,
  kCacheMisses,
  kAnswerHits,
  kJoined,
  kUpstreamQueries,
  kUpstreamTcp,
  kUpstreamReplies,
  kUpstreamTimeouts,
  kUpstreamMismatched,
  kUpstreamUseless,
  kSecure,
  kInsecure,
  kBogus,
  kVerifications,
  kAggressive,
  kLimitValidation,
  kLimitQueries,
  kLimitAliases,
  kLimitInflight,
  kLimitBacklog,
  kLimitTcpClients,
  kLimitTcpNetwork,
  kLimitClientQps,
  kCookiesGood,
  kCookiesBad,
  kTlsHandshakes,
  kTlsResumed,
  kTlsFailed,
  kProxyRefused,
  kUpstreamTls,
  kUpstreamTlsProbes,
  kCount,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::kCount)>
    kCounterNames = {"queries",
                     "queries_udp",
                     "queries_tcp",
                     "queries_tls",
                     "queries_https",
                     "malformed",
                     "refused",
                     "dropped",
                     "synthesized",
                     "truncated",
                     "rcode_noerror",
                     "rcode_nxdomain",
                     "rcode_servfail",
                     "rcode_other",
                     "cache_hits",
                     "cache_misses",
                     "answer_hits",
                     "joined",
                     "upstream_queries",
                     "upstream_tcp",
                     "upstream_replies",
                     "upstream_timeouts",
                     "upstream_mismatched",
                     "upstream_useless",
                     "validated_secure",
                     "validated_insecure",
                     "validated_bogus",
                     "verifications",
                     "aggressive_nsec",
                     "limit_validation",
                     "limit_queries",
                     "limit_aliases",
                     "limit_inflight",
                     "limit_backlog",
                     "limit_tcp_clients",
                     "limit_tcp_network",
                     "limit_client_qps",
                     "cookies_good",
                     "cookies_bad",
                     "tls_handshakes",
                     "tls_resumed",
                     "tls_failed",
                     "proxy_refused",
                     "upstream_tls",
                     "upstream_tls_probes"};

/// Written by one worker, read by any thread; the reader sums over workers. A line of its own for
/// each worker.
class alignas(64) Stats {
 public:
  void Add(Counter counter, std::uint64_t n = 1) noexcept {
    auto& value = values_[static_cast<std::size_t>(counter)];
    // One writer: a plain load and store, no locked instruction.
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t Get(Counter counter) const noexcept {
    return values_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Counter::kCount)> values_{};
};

}  // namespace resolve64::resolver
