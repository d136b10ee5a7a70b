// How many connections each client network has, over all workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "base/hash.h"
#include "base/lock_guarded.h"
#include "resolve64/ip.h"

namespace resolve64::server {

/// The /24 of an IPv4 address, the /56 of an IPv6 address: what one customer of a provider usually
/// has at most, so that nobody takes a second share by changing the address.
IpAddress NetworkOf(const IpAddress& address) noexcept;

/// Any thread. Holds as many entries as there are networks with a connection.
class NetworkCounts {
 public:
  /// Counts one more; false, and nothing counted, where `network` has `most` already.
  bool Enter(const IpAddress& network, std::size_t most);
  /// REQUIRES: Enter() said true before, once for each of these calls.
  void Leave(const IpAddress& network);

 private:
  LockGuarded<std::unordered_map<IpAddress, std::uint32_t, MemberHash>> counts_;
};

}  // namespace resolve64::server
