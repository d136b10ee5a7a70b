// What the configuration says to recursion. Immutable while in use.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolver/request.h"
#include "zone/local_zones.h"
#include "zone/root_hints.h"

namespace resolve64::resolver {

enum class Minimization : std::uint8_t { kOff, kRelaxed, kStrict };

/// A zone whose servers are configured: asked with RD as a forwarder, or without as a stub.
struct ConfiguredZone {
  Name zone;
  std::vector<Endpoint> servers;
  bool forward = false;  ///< RD=1; the servers recurse
  bool only = true;      ///< of a forwarder: false falls back to recursion
  bool dns64 = true;
};

struct Settings {
  bool ipv4 = true;
  bool ipv6 = true;
  std::uint16_t udp_payload = 1232;
  Minimization minimization = Minimization::kRelaxed;
  bool case_randomization = true;
  bool allow_loopback = false;
  Duration timeout = std::chrono::seconds(8);  ///< for a client's question
  std::uint32_t min_ttl = 0;
  std::uint32_t max_ttl = 86400;
  std::uint32_t max_negative_ttl = 3600;
  Limits limits;
  std::vector<zone::RootServer> root;
  std::vector<ConfiguredZone> zones;
  std::vector<Endpoint> own_addresses;  ///< where we listen: never asked (REC-32)
  std::shared_ptr<const zone::LocalZones> local;
};
using SettingsPtr = std::shared_ptr<const Settings>;

}  // namespace resolve64::resolver
