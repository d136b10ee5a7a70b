#include "server/network_counts.h"

#include <algorithm>

namespace resolve64::server {

IpAddress NetworkOf(const IpAddress& address) noexcept {
  constexpr std::ptrdiff_t kOctets4 = 3;
  constexpr std::ptrdiff_t kOctets6 = 7;
  if (address.is_v4()) {
    Ipv4 network = address.v4();
    std::fill(network.octets.begin() + kOctets4, network.octets.end(), std::uint8_t{0});
    return network;
  }
  Ipv6 network = address.v6();
  std::fill(network.octets.begin() + kOctets6, network.octets.end(), std::uint8_t{0});
  return network;
}

bool NetworkCounts::Enter(const IpAddress& network, std::size_t most) {
  auto counts = counts_.Lock();
  std::uint32_t& count = (*counts)[network];
  if (count >= most) return false;
  ++count;
  return true;
}

void NetworkCounts::Leave(const IpAddress& network) {
  auto counts = counts_.Lock();
  const auto at = counts->find(network);
  if (at != counts->end() && --at->second == 0) counts->erase(at);
}

}  // namespace resolve64::server
