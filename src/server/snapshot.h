// Everything that a load of the configuration makes, as one immutable value that a reload swaps
// whole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/certificate.h"
#include "net/tls_server.h"
#include "resolver/settings.h"
#include "server/access.h"
#include "server/cookies.h"
#include "server/view.h"

namespace resolve64::server {

struct Snapshot {
  std::shared_ptr<const config::Config> config;
  Access access;
  Views views;
  resolver::SettingsPtr settings;
  std::vector<net::CertificatePtr> certificates;  ///< those configured; empty: a self-signed one
  std::vector<net::TicketKeys::Key> ticket_keys;  ///< those configured; empty: random ones
  CookieSecretsPtr cookie_secrets;                ///< those configured; null: random ones

  /// The view that `listener` is bound to; null where the client decides.
  [[nodiscard]] ViewPtr ViewOf(const config::Listener& listener) const;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

struct SnapshotResult {
  SnapshotPtr snapshot;               ///< null where there is an error
  std::vector<std::string> errors;    ///< one a line, with file and line where they are known
  std::vector<std::string> warnings;  ///< one a line
};

/// Reads the zone files, root hints, certificates and secrets that `config` names, and compiles the
/// rest. Blocks on
/// those files. Any thread.
SnapshotResult BuildSnapshot(std::shared_ptr<const config::Config> config);

}  // namespace resolve64::server
