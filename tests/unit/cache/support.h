// RRsets for the tests of the caches.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "dns/rrset.h"
#include "unit/dns/wire.h"

namespace resolve64::test {

inline const TimePoint kNow{std::chrono::hours(10)};

inline dns::RrsetPtr Address(std::string_view owner, std::uint32_t ttl = 300,
                             dns::Trust trust = dns::Trust::kAuthAnswer, std::uint8_t last = 1,
                             TimePoint now = kNow) {
  return dns::MakeRrset(N(owner), RrType::kA, ttl, Octets{192, 0, 2, last}, now, trust);
}

inline dns::RrsetPtr Soa(std::string_view zone, std::uint32_t ttl, std::uint32_t minimum,
                         TimePoint now = kNow) {
  Wire rdata;
  rdata.NameOf("ns.example").NameOf("admin.example").U32(1).U32(2).U32(3).U32(4).U32(minimum);
  return dns::MakeRrset(N(zone), RrType::kSoa, ttl, rdata, now, dns::Trust::kAuthAuthority);
}

}  // namespace resolve64::test
