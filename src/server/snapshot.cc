#include "server/snapshot.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "dnssec/anchors.h"
#include "net/tls_client.h"
#include "server/certificate_keeper.h"
#include "server/services.h"
#include "server/sockets.h"
#include "zone/local_zones.h"
#include "zone/root_hints.h"

namespace resolve64::server {
namespace {

Views BuildViews(const config::Config& config) {
  Views views;
  for (const config::View& from : config.views) {
    auto view = std::make_shared<View>();
    view->name = from.name;
    view->clients = from.clients;
    view->policy = from.dns64;
    views.list.push_back(std::move(view));
  }
  auto fallback = std::make_shared<View>();
  fallback->name = "default";
  fallback->policy = config.dns64;
  views.fallback = std::move(fallback);
  return views;
}

resolver::Minimization ToMinimization(config::Minimization from) {
  switch (from) {
    case config::Minimization::kOff:
      return resolver::Minimization::kOff;
    case config::Minimization::kRelaxed:
      return resolver::Minimization::kRelaxed;
    case config::Minimization::kStrict:
      return resolver::Minimization::kStrict;
  }
  return resolver::Minimization::kRelaxed;
}

// Where we would be asking ourselves. A wildcard listens on every address that the host has now.
std::vector<Endpoint> OwnAddresses(const config::Config& config) {
  std::vector<Endpoint> own;
  std::vector<IpAddress> of_host;
  for (const config::Listener& listener : config.listen) {
    own.push_back(Endpoint{listener.address, listener.port});
    if (!IsWildcard(listener.address)) continue;
    if (of_host.empty()) of_host = HostAddresses();
    for (const IpAddress& address : of_host) {
      if (address.is_v4() == listener.address.is_v4()) {
        own.push_back(Endpoint{address, listener.port});
      }
    }
  }
  return own;
}

std::vector<zone::RootServer> LoadRoot(const config::RootHints& hints,
                                       std::vector<std::string>& errors) {
  switch (hints.source) {
    case config::RootHints::Source::kBuiltin:
      return zone::BuiltinRootHints();
    case config::RootHints::Source::kFile: {
      Result<std::vector<zone::RootServer>> read = zone::ReadRootHints(hints.file);
      if (read) return *std::move(read);
      errors.push_back(read.error().text);
      return {};
    }
    case config::RootHints::Source::kList: {
      std::vector<zone::RootServer> servers;
      for (const config::RootServer& server : hints.servers) {
        servers.emplace_back(server.name, server.addresses);
      }
      return servers;
    }
  }
  return {};
}

std::shared_ptr<const zone::LocalZones> LoadLocal(const config::Config& config,
                                                  std::vector<std::string>& errors) {
  zone::LocalZonesOptions options;
  for (const config::LocalZone& zone : config.zones) {
    options.files.push_back(zone::ZoneFile{zone.zone, zone.file});
  }
  options.builtin = config.builtin_zones.enabled;
  options.except = config.builtin_zones.except;
  for (const config::ForwardZone& zone : config.forward) options.routed.push_back(zone.zone);
  for (const config::StubZone& zone : config.stub) options.routed.push_back(zone.zone);
  zone::LocalZones::Loaded loaded = zone::LocalZones::Load(options);
  errors.insert(errors.end(), loaded.errors.begin(), loaded.errors.end());
  return loaded.zones;
}

Result<dnssec::TrustAnchorsPtr> LoadAnchors(const config::DnssecConfig& config) {
  switch (config.trust_anchors) {
    case config::DnssecConfig::Anchors::kBuiltin:
      return dnssec::BuiltinAnchors();
    case config::DnssecConfig::Anchors::kFile:
      return dnssec::ReadAnchors(config.anchor_file);
    case config::DnssecConfig::Anchors::kList:
      return dnssec::ParseAnchors(config.anchor_records);
  }
  return dnssec::BuiltinAnchors();
}

resolver::DnssecSettings BuildDnssec(const config::Config& config,
                                     std::vector<std::string>& errors) {
  resolver::DnssecSettings settings;
  settings.validation = config.dnssec.validation;
  settings.nsec3_max_iterations = config.dnssec.nsec3_max_iterations;
  settings.override_time = config.dnssec.override_time;
  settings.aggressive_nsec = config.cache.aggressive_nsec;
  for (const config::NegativeAnchor& from : config.dnssec.insecure) {
    settings.insecure.push_back(
        dnssec::NegativeAnchor{from.name, from.until, std::make_shared<std::atomic<bool>>(false)});
  }
  // Read where validation is off, too: a file that is wrong is told when it is written.
  Result<dnssec::TrustAnchorsPtr> anchors = LoadAnchors(config.dnssec);
  if (anchors) {
    settings.anchors = std::make_shared<dnssec::AnchorStore>(*std::move(anchors));
  } else {
    errors.push_back("dnssec.trust_anchors: " + anchors.error().text);
  }
  return settings;
}

// Takes the value, or reports what is wrong.
template <class T>
void Keep(Result<T> read, const char* key, T& out, std::vector<std::string>& errors) {
  if (read) {
    out = *std::move(read);
  } else {
    errors.push_back(std::string(key) + ": " + read.error().text);
  }
}

void LoadSecrets(const config::Config& config, Snapshot& snapshot,
                 std::vector<std::string>& errors) {
  const config::TlsConfig& tls = config.tls;
  Keep(ReadCertificates(tls.certificates), "tls", snapshot.certificates, errors);
  if (!snapshot.certificates.empty()) {
    // OpenSSL refuses keys that are too weak only when they are to be used.
    const auto tried =
        net::TlsServer::Make(snapshot.certificates, std::make_shared<net::TicketKeys>());
    if (!tried) errors.push_back("tls: " + tried.error().text);
  }
  if (!tls.ticket_keys.empty()) {
    Keep(ReadTicketKeys(tls.ticket_keys), "tls.ticket_keys", snapshot.ticket_keys, errors);
  }
  if (!config.cookies.secrets.empty()) {
    Keep(CookieSecrets::Read(config.cookies.secrets), "cookies.secrets", snapshot.cookie_secrets,
         errors);
  }
}

std::uint32_t Seconds(std::chrono::seconds duration) {
  return static_cast<std::uint32_t>(
      std::clamp<std::chrono::seconds::rep>(duration.count(), 0, 0x7FFFFFFF));
}

// Null where nobody is asked over TLS: the system's authorities are many.
net::TlsClientPtr BuildTlsClient(const config::Config& config, std::vector<std::string>& errors) {
  const bool forwarders =
      std::any_of(config.forward.begin(), config.forward.end(), [](const auto& zone) {
        return std::any_of(zone.servers.begin(), zone.servers.end(),
                           [](const config::ForwardServer& server) { return server.tls; });
      });
  const bool wanted = forwarders || config.upstream.tls == config::UpstreamTls::kOpportunistic ||
                      !config.upstream.tls_authorities.empty();
  if (!wanted) return nullptr;
  Result<net::TlsClientPtr> client = net::TlsClient::Make(config.upstream.tls_authorities);
  if (client) return *std::move(client);
  errors.push_back("upstream.tls_authorities: " + client.error().text);
  return nullptr;
}

resolver::SettingsPtr BuildSettings(const config::Config& config,
                                    std::vector<std::string>& errors) {
  auto settings = std::make_shared<resolver::Settings>();
  settings->ipv4 = config.upstream.ipv4;
  settings->ipv6 = config.upstream.ipv6;
  settings->udp_payload = config.upstream.udp_payload;
  settings->minimization = ToMinimization(config.upstream.qname_minimization);
  settings->case_randomization = config.upstream.case_randomization;
  settings->allow_loopback = config.upstream.allow_loopback;
  settings->timeout = config.upstream.timeout;
  settings->min_ttl = Seconds(config.cache.min_ttl);
  settings->max_ttl = Seconds(config.cache.max_ttl);
  settings->max_negative_ttl = Seconds(config.cache.max_negative_ttl);
  for (const config::ForwardZone& from : config.forward) {
    resolver::ConfiguredZone zone;
    zone.zone = from.zone;
    for (const config::ForwardServer& server : from.servers) {
      zone.servers.emplace_back(server.endpoint, server.tls, server.name);
    }
    zone.forward = true;
    zone.only = from.only;
    zone.dns64 = from.dns64;
    settings->zones.push_back(std::move(zone));
  }
  for (const config::StubZone& from : config.stub) {
    resolver::ConfiguredZone zone;
    zone.zone = from.zone;
    zone.servers.assign(from.servers.begin(), from.servers.end());
    settings->zones.push_back(std::move(zone));
  }
  settings->opportunistic_tls = config.upstream.tls == config::UpstreamTls::kOpportunistic;
  settings->tls = BuildTlsClient(config, errors);
  settings->own_addresses = OwnAddresses(config);
  settings->dnssec = BuildDnssec(config, errors);
  settings->root = LoadRoot(config.root_hints, errors);
  settings->local = LoadLocal(config, errors);
  return settings;
}

}  // namespace

ViewPtr Snapshot::ViewOf(const config::Listener& listener) const {
  return listener.view ? views.Named(*listener.view) : nullptr;
}

SnapshotResult BuildSnapshot(std::shared_ptr<const config::Config> config) {
  SnapshotResult result;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->access = Access(config->access.allow, config->access.refuse);
  snapshot->views = BuildViews(*config);
  snapshot->settings = BuildSettings(*config, result.errors);
  LoadSecrets(*config, *snapshot, result.errors);
  result.warnings = ServiceWarnings(*config, InfosOf(snapshot->certificates), HostAddresses());
  snapshot->config = std::move(config);
  if (result.errors.empty()) result.snapshot = std::move(snapshot);
  return result;
}

}  // namespace resolve64::server
