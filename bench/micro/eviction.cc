// How often a cache has what is asked for: the table of this project beside LRU and SIEVE.
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "cache/s3_fifo_map.h"
#include "eviction_memory.h"
#include "sieve_map.h"
#include "support/zipf.h"

namespace resolve64::bench {
namespace {

using Trace = std::vector<std::uint32_t>;

// Keys as hashes.
std::uint32_t Mix(std::uint32_t key) {
  std::uint64_t x = key + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(x ^ (x >> 31));
}

class Sieve {
 public:
  explicit Sieve(std::size_t capacity) : map_(capacity) {}
  bool Ask(std::uint32_t key) {
    const std::uint32_t hash = Mix(key);
    const auto same = [key](std::uint32_t other) { return other == key; };
    if (map_.Find(hash, same) != nullptr) return true;
    map_.Insert(hash, key, 1);
    return false;
  }

 private:
  SieveMap<std::uint32_t> map_;
};

class S3Fifo {
 public:
  explicit S3Fifo(std::size_t capacity) : map_(capacity) {}
  bool Ask(std::uint32_t key) {
    const std::uint32_t hash = Mix(key);
    const auto same = [key](std::uint32_t other) { return other == key; };
    if (map_.Find(hash, same) != nullptr) return true;
    map_.Insert(hash, key);
    return false;
  }

 private:
  cache::S3FifoMap<std::uint32_t> map_;
};

// Percent of the last three quarters of the questions.
template <class Cache>
double HitRate(const Trace& trace, std::size_t capacity) {
  Cache cache(capacity);
  std::size_t hits = 0;
  const std::size_t warm = trace.size() / 4;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    if (cache.Ask(trace[i]) && i >= warm) ++hits;
  }
  return 100.0 * static_cast<double>(hits) / static_cast<double>(trace.size() - warm);
}

constexpr std::size_t kNames = 200'000;
constexpr std::size_t kAsked = 4'000'000;

Trace Zipf(double skew, std::mt19937_64& random) {
  return testing::ZipfTrace(kNames, kAsked, skew, random);
}

void Print(const char* what, const Trace& trace) {
  for (const std::size_t part : {std::size_t{100}, std::size_t{20}, std::size_t{5}}) {
    const std::size_t capacity = kNames / part;
    std::printf("| %s | 1/%zu | %.1f | %.1f | %.1f |\n", what, part,
                HitRate<testing::Lru>(trace, capacity), HitRate<Sieve>(trace, capacity),
                HitRate<S3Fifo>(trace, capacity));
  }
}

void PrintHitRates() {
  std::puts("| questions | room for | LRU, % | SIEVE, % | S3-FIFO (ours), % |");
  std::puts("|---|---|---|---|---|");
  std::mt19937_64 random(1);
  const Trace trace = Zipf(1.0, random);
  Print("Zipf 0.8", Zipf(0.8, random));
  Print("Zipf 1.0", trace);
  Print("Zipf 1.2", Zipf(1.2, random));

  std::uint32_t fresh = 1U << 24;
  Trace once = trace;
  for (std::size_t i = 0; i < once.size(); i += 2) once[i] = fresh++;
  Print("every second name is asked for once", once);

  Trace scan = trace;
  constexpr std::size_t kPeriod = 400'000;
  for (std::size_t i = 0; i < scan.size(); ++i) {
    if (i % kPeriod < kPeriod / 4) scan[i] = fresh++;
  }
  Print("a flood of names a quarter of the time", scan);

  // After every hundred questions another name takes the rank of one: of a fifth of them in all.
  Trace drift = trace;
  std::vector<std::uint32_t> at_rank(kNames);
  for (std::uint32_t rank = 0; rank < kNames; ++rank) at_rank[rank] = rank;
  constexpr std::size_t kStep = 100;
  for (std::size_t i = 0; i < drift.size(); ++i) {
    if (i % kStep == 0) at_rank[random() % kNames] = fresh++;
    drift[i] = at_rank[drift[i]];
  }
  Print("names come and go", drift);
}

}  // namespace
}  // namespace resolve64::bench

int main(int argc, char** argv) {
  if (argc == 1) {
    resolve64::bench::PrintHitRates();
    return 0;
  }
  if (argc == 2 && resolve64::bench::MeasureMemory(argv[1])) return 0;
  std::fputs("usage: r64-eviction [a|aaaa|small|large]\n", stderr);
  return 2;
}
