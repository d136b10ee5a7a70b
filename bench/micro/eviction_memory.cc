#include "eviction_memory.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "cache/rrset_cache.h"
#include "dns/rrset.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kNames = 1'000'000;
constexpr std::size_t kZones = 10;
constexpr double kMib = 1024.0 * 1024.0;
const TimePoint kNow{std::chrono::hours(100)};

// Octets that are resident.
std::size_t Resident() {
  constexpr std::size_t kPage = 4096;
  std::size_t all = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * kPage;
}

Name NameOf(std::size_t i) {
  return Name::Parse("h" + std::to_string(i) + ".z" + std::to_string(i % kZones) + ".example")
      .value();
}

dns::RrsetPtr SoaOf(std::size_t i) {
  const Name zone = Name::Parse("z" + std::to_string(i % kZones) + ".example").value();
  std::vector<std::uint8_t> rdata;
  for (const char* name : {"ns.example", "admin.example"}) {
    const Name parsed = Name::Parse(name).value();
    rdata.insert(rdata.end(), parsed.wire().begin(), parsed.wire().end());
  }
  for (int number = 0; number < 5; ++number) rdata.insert(rdata.end(), {0, 0, 14, 16});
  return dns::MakeRrset(zone, RrType::kSoa, 3600, rdata, kNow, dns::Trust::kAuthAuthority);
}

void Fill(bool aaaa) {
  const std::size_t before = Resident();
  cache::RrsetCache cache(std::size_t{1} << 30);
  for (std::size_t i = 0; i < kNames; ++i) {
    const Name name = NameOf(i);
    const auto octet = static_cast<std::uint8_t>(i);
    const std::uint8_t address[] = {192, 0, 2, octet};
    cache.Put(dns::MakeRrset(name, RrType::kA, 3600, address, kNow, dns::Trust::kAuthAnswer), kNow);
    if (!aaaa) continue;
    cache.PutNodata(name, RrType::kAaaa, cache::MakeNegative(SoaOf(i), {}, kNow, 3600), kNow);
  }
  const std::size_t grown = Resident() - before;
  const cache::CacheStats stats = cache.stats();
  std::printf("| %s | %.1f | %.1f | %.1f |\n", aaaa ? "A, and NODATA for AAAA" : "A",
              static_cast<double>(grown) / kMib, static_cast<double>(stats.cost) / kMib,
              static_cast<double>(grown) / static_cast<double>(kNames));
}

// Names and RRsets of all sizes, many times what fits.
void Churn(std::size_t capacity) {
  std::mt19937_64 random(1);
  const std::size_t before = Resident();
  cache::RrsetCache cache(capacity);
  std::size_t most = 0;
  constexpr std::size_t kPuts = 6'000'000;
  for (std::size_t i = 0; i < kPuts; ++i) {
    const std::string label(1 + random() % 40, 'x');
    const Name name = Name::Parse(label + std::to_string(random() % kNames) + ".example").value();
    // Sizes that change in the course of time, too.
    const std::size_t phase = i / (kPuts / 6);
    const std::vector<std::uint8_t> rdata(
        4 + random() % (phase % 2 == 0 ? std::size_t{30} : std::size_t{400}));
    const auto type = static_cast<RrType>(1 + random() % 30);
    cache.Put(dns::MakeRrset(name, type, 3600, rdata, kNow, dns::Trust::kAuthAnswer), kNow);
    for (int asked = 0; asked < 2; ++asked) static_cast<void>(cache.Find(name, type, kNow));
    if (i % 100'000 == 0 && Resident() - before > most) most = Resident() - before;
  }
  std::printf("| %.0f | %.1f | %.1f | %.1f | %.3f |\n", static_cast<double>(capacity) / kMib,
              static_cast<double>(cache.stats().cost) / kMib,
              static_cast<double>(Resident() - before) / kMib, static_cast<double>(most) / kMib,
              static_cast<double>(most) / static_cast<double>(capacity));
}

}  // namespace

bool MeasureMemory(std::string_view what) {
  constexpr std::size_t kMebi = std::size_t{1} << 20;
  if (what == "a") {
    Fill(false);
  } else if (what == "aaaa") {
    Fill(true);
  } else if (what == "small") {
    Churn(16 * kMebi);
  } else if (what == "large") {
    Churn(64 * kMebi);
  } else {
    return false;
  }
  return true;
}

}  // namespace resolve64::bench
