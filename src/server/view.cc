#include "server/view.h"

namespace resolve64::server {

const ViewPtr& Views::Choose(const ViewPtr& of_listener, const IpAddress& client) const {
  if (of_listener != nullptr) return of_listener;
  for (const ViewPtr& view : list) {
    if (AnyContains(view->clients, client)) return view;
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
