#include "zone/special_use.h"

#include <array>
#include <span>
#include <string>
#include <utility>

namespace resolve64::zone {
namespace {

constexpr std::array kEmptyZones = {
    "home.arpa.",     // RFC 8375 section 4
    "service.arpa.",  // RFC 9665
    // RFC 6303 section 4.1; 16 to 31.172 are made below
    "10.in-addr.arpa.", "168.192.in-addr.arpa.",
    // section 4.2
    "0.in-addr.arpa.", "127.in-addr.arpa.", "254.169.in-addr.arpa.", "2.0.192.in-addr.arpa.",
    "100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "255.255.255.255.in-addr.arpa.",
    // sections 4.3 to 4.6
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", "d.f.ip6.arpa.",
    "8.e.f.ip6.arpa.", "9.e.f.ip6.arpa.", "a.e.f.ip6.arpa.", "b.e.f.ip6.arpa.",
    "8.b.d.0.1.0.0.2.ip6.arpa."};

// The two names of the empty zones above that have a PTR, to localhost.
constexpr std::array kLoopbackNames = {
    "1.0.0.127.in-addr.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."};

struct OtherName {
  const char* name;
  SpecialUse use;
  bool ds_is_local;
};
constexpr std::array kOtherNames = {
    OtherName{"localhost.", SpecialUse::kLocalhost, false},  // RFC 6761 section 6.3
    OtherName{"test.", SpecialUse::kNxdomain, false},        // section 6.2
    OtherName{"invalid.", SpecialUse::kNxdomain, false},     // section 6.4
    OtherName{"local.", SpecialUse::kNxdomain, false},       // RFC 6762 section 22.1
    OtherName{"onion.", SpecialUse::kNxdomain, true},        // RFC 7686 section 2: every query
    OtherName{"resolver.arpa.", SpecialUse::kNodata,
              true},  // RFC 9462 section 6.1: never forwarded
};

// Of names that are written in this file.
Name Known(const std::string& text) { return Name::Parse(text).value(); }

std::vector<std::uint8_t> NameRdata(const Name& name) {
  return {name.wire().begin(), name.wire().end()};
}

// The records of RFC 6303 section 3.
std::shared_ptr<const Zone> MakeEmptyZone(const Name& apex) {
  auto soa = NameRdata(apex);
  const Name mailbox = Known("nobody.invalid.");
  soa.insert(soa.end(), mailbox.wire().begin(), mailbox.wire().end());
  for (const std::uint32_t value : {1U, 3600U, 1200U, 604800U, kSpecialTtl}) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      soa.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }
  std::vector<Record> records;
  records.emplace_back(apex, RrType::kSoa, kSpecialTtl, std::move(soa));
  records.emplace_back(apex, RrType::kNs, kSpecialTtl, NameRdata(apex));
  for (const char* loopback : kLoopbackNames) {
    const Name name = Known(loopback);
    if (!name.IsAtOrBelow(apex)) continue;
    records.emplace_back(name, RrType::kPtr, kSpecialTtl, NameRdata(Known("localhost.")));
  }
  return Zone::Make(apex, records).zone;
}

}  // namespace

std::vector<SpecialName> SpecialNames() {
  std::vector<SpecialName> names;
  const auto add = [&](const std::string& text, SpecialUse use, bool ds_is_local) {
    const Name name = Known(text);
    names.push_back({name, use, ds_is_local, MakeEmptyZone(name)});
  };
  for (const char* name : kEmptyZones) add(name, SpecialUse::kEmptyZone, false);
  for (int octet = 16; octet < 32; ++octet) {  // 172.16.0.0/12
    add(std::to_string(octet) + ".172.in-addr.arpa.", SpecialUse::kEmptyZone, false);
  }
  for (int octet = 64; octet < 128; ++octet) {  // 100.64.0.0/10 (RFC 7793)
    add(std::to_string(octet) + ".100.in-addr.arpa.", SpecialUse::kEmptyZone, false);
  }
  for (const auto& other : kOtherNames) add(other.name, other.use, other.ds_is_local);
  return names;
}

}  // namespace resolve64::zone
