// The header of the PROXY protocol, version 2: whom a proxy speaks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "resolve64/ip.h"

namespace resolve64::server {

/// What octets begin with. A proxy sends the header once in front of a stream, before TLS, or in
/// front of every datagram.
struct ProxyHeader {
  /// Longer ones are malformed: 16 octets, the addresses, and room for some TLVs.
  static constexpr std::size_t kMaxSize = 536;

  enum class Kind : std::uint8_t { kIncomplete, kMalformed, kDone };
  Kind kind = Kind::kMalformed;
  /// kDone: octets of the header; what is spoken begins after them. kIncomplete: how many octets
  /// there must be at least before the next try.
  std::size_t size = 0;
  /// Who asks, and whom it asked. Empty where the proxy speaks for itself (LOCAL) or cannot tell
  /// (AF_UNSPEC): then the ends of the connection count. The port may be 0, where a proxy does not
  /// pass it on: nothing is ever sent to that address.
  std::optional<Endpoint> source;
  std::optional<Endpoint> destination;
};

/// Never allocates. TLVs are not looked at. Whether the client used TCP or UDP need not agree with
/// how the proxy talks to us: it may have changed the transport. Version 1, which is a line of
/// text, and addresses of AF_UNIX are malformed. Any thread.
ProxyHeader ReadProxyHeader(std::span<const std::uint8_t> octets) noexcept;

}  // namespace resolve64::server
