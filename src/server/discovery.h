// _dns.resolver.arpa: where the encrypted services of a client's own view are (RFC 9462).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/types.h"
#include "server/services.h"
#include "server/view.h"

namespace resolve64::server {

/// The TTL of what is announced, seconds: a certificate or a listener may change with any reload.
inline constexpr std::uint32_t kDiscoveryTtl = 300;

/// _dns.resolver.arpa.
const Name& DiscoveryName() noexcept;

/// What a client is told.
struct Designation {
  dns::RrsetPtr services;                ///< SVCB, a record for each service
  std::vector<dns::RrsetPtr> addresses;  ///< A and AAAA of the targets
};

/// The services that `client` may go over to: exactly those whose listener would answer it from
/// `view`, so that its prefixes stay what they are. In the order tls, https (RFC 9461); the
/// addresses are those of this host, never synthesized. `asked`: our address that the client asked.
/// Empty: there are none. Any thread.
std::optional<Designation> Designate(const Services& services, const Views& views,
                                     const ViewPtr& view, const IpAddress& client,
                                     const std::optional<IpAddress>& asked);

}  // namespace resolve64::server
