// Answers out: what the cache holds, DNS64, and the reply as octets.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "base/clock.h"
#include "cache/rrset_cache.h"
#include "resolve64/dns64.h"
#include "resolve64/prefix.h"
#include "samples.h"
#include "server/question.h"
#include "server/reply.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kStep = 617;  // a prime: all names have their turn
constexpr std::size_t kCacheOctets = std::size_t{256} << 20;

// A hit among `count` names, one after the other in no order that a prefetcher sees.
void FindRrset(benchmark::State& state, std::size_t count) {
  const ManualClock clock;
  cache::RrsetCache cache(kCacheOctets);
  std::vector<Name> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(SampleName(i));
    cache.Put(SampleAddresses(names.back(), RrType::kA, 1, false), clock.Now());
  }
  std::size_t at = 0;
  while (state.KeepRunning()) {
    at += kStep;
    while (at >= count) at -= count;
    benchmark::DoNotOptimize(cache.Find(names[at], RrType::kA, clock.Now()));
  }
}
BENCHMARK_CAPTURE(FindRrset, among_1000, 1000);
BENCHMARK_CAPTURE(FindRrset, among_100000, 100'000);

void Render(benchmark::State& state, RrType type, bool do_bit, bool synthesized) {
  const auto message = SampleQuestion(type, do_bit);
  const server::Reading reading = server::ReadQuestion(message, server::Transport::kUdp, true);
  server::Response response(Rcode::kNoError);
  response.secure = do_bit;
  response.synthesized = synthesized;
  response.answer.emplace_back(
      SampleAddresses(*Name::Parse("www.example.com"), type, 1, do_bit && !synthesized), 300);
  const server::ReplyTerms terms(1232, 1232);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(server::RenderReply(reading.query, response, terms));
  }
}
BENCHMARK_CAPTURE(Render, a, RrType::kA, false, false);
BENCHMARK_CAPTURE(Render, synthesized_aaaa, RrType::kAaaa, false, true);
BENCHMARK_CAPTURE(Render, signed_aaaa, RrType::kAaaa, true, false);

void Synthesize(benchmark::State& state) {
  const Dns64Policy policy;
  Dns64Query query;
  query.name = *Name::Parse("www.example.com");
  AaaaLookup aaaa;
  aaaa.soa_ttl = 300;
  const std::array<Ipv4, 2> addresses{Ipv4{{192, 0, 2, 1}}, Ipv4{{192, 0, 2, 2}}};
  ALookup a;
  a.kind = LookupKind::kData;
  a.addresses = addresses;
  a.ttl = 300;
  while (state.KeepRunning()) benchmark::DoNotOptimize(Decide(policy, query, aaaa, &a));
}
BENCHMARK(Synthesize);

void EmbedAddress(benchmark::State& state) {
  const Prefix prefix = Prefix::WellKnown();
  Ipv4 address{{192, 0, 2, 1}};
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(address);
    benchmark::DoNotOptimize(prefix.Embed(address));
  }
}
BENCHMARK(EmbedAddress);

}  // namespace
}  // namespace resolve64::bench

BENCHMARK_MAIN();
