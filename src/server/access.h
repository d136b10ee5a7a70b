// Who may ask.
#pragma once

#include <vector>

#include "resolve64/ip.h"

namespace resolve64::server {

/// The access lists of the configuration. Immutable while in use; any thread.
class Access {
 public:
  Access() = default;  ///< nobody may
  Access(std::vector<Network> allow, std::vector<Network> refuse)
      : allow_(std::move(allow)), refuse_(std::move(refuse)) {}

  /// `refuse` comes first; who is in neither list may not ask.
  [[nodiscard]] bool Allows(const IpAddress& client) const noexcept;

 private:
  std::vector<Network> allow_;
  std::vector<Network> refuse_;
};

}  // namespace resolve64::server
