// Whether a client may ask, and under which view: looked up once, not for every question.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/hash.h"
#include "resolve64/ip.h"
#include "server/snapshot.h"

namespace resolve64::server {

/// The clients of late, in a table of fixed size. One snapshot's; not thread-safe.
class KnownClients {
 public:
  static constexpr std::size_t kPlaces = 1024;

  struct Standing {
    const View* view = nullptr;
    bool may_ask = false;
  };

  /// What `snapshot` says of `client` at a listener whose view is `of_listener`, maybe null.
  const Standing& Of(const IpAddress& client, const ViewPtr& of_listener,
                     const Snapshot& snapshot) noexcept {
    Place& place = places_[IndexOf(client)];
    if (!place.used || place.client != client || place.of_listener != of_listener.get()) {
      place.client = client;
      place.of_listener = of_listener.get();
      place.standing.view = snapshot.views.Choose(of_listener, client).get();
      place.standing.may_ask = snapshot.access.Allows(client);
      place.used = true;
    }
    return place.standing;
  }
  void Clear() noexcept { places_.fill({}); }

 private:
  struct Place {
    IpAddress client;
    bool used = false;
    const View* of_listener = nullptr;
    Standing standing;
  };

  static std::size_t IndexOf(const IpAddress& client) noexcept {
    // The rest of an IPv4 address is zero.
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
    const std::uint64_t mixed =
        (LoadWord(client.data()) ^ LoadWord(client.data() + 8) * kOdd) * kOdd;
    return static_cast<std::size_t>(mixed >> 54);
  }
  static_assert(kPlaces == std::size_t{1} << (64 - 54));

  std::array<Place, kPlaces> places_{};
};

}  // namespace resolve64::server
