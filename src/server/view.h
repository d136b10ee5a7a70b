// Which policy answers a client.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"

namespace resolve64::server {

/// A named policy. Immutable; shared by the questions that are answered under it.
struct View {
  std::string name;              ///< "default" for the global policy
  std::vector<Network> clients;  ///< may be empty: then only a listener leads here
  Dns64Policy policy;
};
using ViewPtr = std::shared_ptr<const View>;

/// All views of one configuration. Immutable; any thread.
struct Views {
  std::vector<ViewPtr> list;  ///< in the order of the configuration
  ViewPtr fallback;           ///< the global policy; never null

  /// The view of the listener where it has one, then the first whose clients match, then the
  /// global policy.
  [[nodiscard]] const ViewPtr& Choose(const ViewPtr& of_listener, const IpAddress& client) const;
  /// Null where there is no view of that name.
  [[nodiscard]] ViewPtr Named(const std::string& name) const;
};

}  // namespace resolve64::server
