// What the control socket understands: one JSON object in, one out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "admin/reload.h"
#include "server/service.h"

namespace resolve64::admin {

/// Main thread.
class Commands {
 public:
  /// Both are borrowed.
  Commands(server::Service& service, Reloader& reloader) : service_(service), reloader_(reloader) {}

  /// Carries out one request, `{"command": "status"}`, and calls `done` once with the reply, one
  /// line without its end: `{"ok": true, ...}` or `{"ok": false, "error": "..."}`. `done` may be
  /// called before this returns.
  void Execute(std::string_view request, const std::function<void(std::string)>& done);

 private:
  server::Service& service_;
  Reloader& reloader_;
};

}  // namespace resolve64::admin
