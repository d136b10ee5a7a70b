#include "server/view.h"

#include <algorithm>

namespace resolve64::server {

const ViewPtr& Views::Choose(const ViewPtr& of_listener, const IpAddress& client) const {
  if (of_listener != nullptr) return of_listener;
  for (const ViewPtr& view : list) {
    const bool matches =
        std::any_of(view->clients.begin(), view->clients.end(),
                    [&](const Network& network) { return network.Contains(client); });
    if (matches) return view;
  }
  return fallback;
}

ViewPtr Views::Named(const std::string& name) const {
  for (const ViewPtr& view : list) {
    if (view->name == name) return view;
  }
  return fallback != nullptr && fallback->name == name ? fallback : nullptr;
}

}  // namespace resolve64::server
