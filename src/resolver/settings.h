// What the configuration says to recursion. Immutable while in use.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "cache/server_table.h"
#include "dnssec/anchors.h"
#include "net/tls_client.h"
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
  std::vector<cache::Server> servers;
  bool forward = false;  ///< RD=1; the servers recurse
  bool only = true;      ///< of a forwarder: false falls back to recursion
  bool dns64 = true;
};

/// Validation (RFC 4035).
struct DnssecSettings {
  bool validation = false;
  std::shared_ptr<dnssec::AnchorStore> anchors;  ///< never null where validation is on
  std::vector<dnssec::NegativeAnchor> insecure;
  std::uint16_t nsec3_max_iterations = 50;    ///< more of them are insecure (RFC 9276)
  std::optional<std::int64_t> override_time;  ///< seconds since 1970, in place of the clock
  bool aggressive_nsec = true;                ///< RFC 8198
};

struct Settings {
  bool ipv4 = true;
  bool ipv6 = true;
  std::uint16_t udp_payload = 1232;
  Minimization minimization = Minimization::kRelaxed;
  bool case_randomization = true;
  bool allow_loopback = false;
  /// RFC 9539: authoritative servers are asked over TLS where they can be, and in clear where not.
  bool opportunistic_tls = false;
  net::TlsClientPtr tls;                       ///< null where neither that nor a forwarder needs it
  Duration timeout = std::chrono::seconds(8);  ///< for a client's question
  std::uint32_t min_ttl = 0;
  std::uint32_t max_ttl = 86400;
  std::uint32_t max_negative_ttl = 3600;
  Limits limits;
  DnssecSettings dnssec;
  std::vector<zone::RootServer> root;
  std::vector<ConfiguredZone> zones;
  std::vector<Endpoint> own_addresses;  ///< where we listen: never asked (REC-32)
  std::shared_ptr<const zone::LocalZones> local;
};
using SettingsPtr = std::shared_ptr<const Settings>;

}  // namespace resolve64::resolver
