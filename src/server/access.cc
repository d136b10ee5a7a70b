#include "server/access.h"

#include <algorithm>

namespace resolve64::server {
namespace {

bool Holds(const std::vector<Network>& networks, const IpAddress& address) noexcept {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.Contains(address); });
}

}  // namespace

bool Access::Allows(const IpAddress& client) const noexcept {
  return !Holds(refuse_, client) && Holds(allow_, client);
}

}  // namespace resolve64::server
