#include "admin/views.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "admin/json.h"
#include "dnssec/algorithm.h"

namespace resolve64::admin {
namespace {

using server::Service;

constexpr std::size_t kMaxServers = 1000;
constexpr std::size_t kMaxInflight = 200;

json ValidationJson(const Service& service) {
  const server::AnchorReport report = service.Anchors();
  std::size_t trusted = 0;
  for (const server::AnchorReport::Zone& zone : report.zones) {
    trusted += static_cast<std::size_t>(std::count_if(zone.keys.begin(), zone.keys.end(),
                                                      [](const auto& key) { return key.trusted; }));
  }
  const auto negative = std::count_if(report.negative.begin(), report.negative.end(),
                                      [](const auto& anchor) { return anchor.holds; });
  return {{"enabled", report.validation},
          {"trusted_keys", trusted},
          {"negative_anchors", negative},
          {"override_time", OrNull(service.snapshot().settings->dnssec.override_time)}};
}

json CacheJson(const cache::CacheStats& stats) {
  return {{"entries", stats.entries}, {"bytes", stats.cost},    {"capacity", stats.capacity},
          {"hits", stats.hits},       {"misses", stats.misses}, {"evictions", stats.evictions}};
}

json ViewJson(const server::View& view) {
  json clients = json::array();
  for (const Network& network : view.clients) clients.push_back(network.ToText());
  json prefixes = json::array();
  for (const Dns64Prefix& prefix : view.policy.prefixes) {
    prefixes.push_back(
        {{"prefix", prefix.prefix.ToText()}, {"state", prefix.draining ? "draining" : "active"}});
  }
  return {{"name", view.name},
          {"clients", std::move(clients)},
          {"dns64", view.policy.enabled},
          {"prefixes", std::move(prefixes)}};
}

json TransportsJson(const config::Listener& listener) {
  switch (listener.transport) {
    case config::Listener::Transport::kDns:
      return {"udp", "tcp"};
    case config::Listener::Transport::kTls:
      return json::array({"tls"});
    case config::Listener::Transport::kHttps:
      return json::array({"https"});
  }
  return json::array();
}

json CertificatesJson(const Service& service) {
  json list = json::array();
  if (service.tls() == nullptr) return list;
  for (const net::CertificatePtr& certificate : service.tls()->certificates()) {
    const net::CertificateInfo& info = certificate->info();
    json subjects = info.names;
    for (const IpAddress& address : info.addresses) subjects.push_back(address.ToText());
    list.push_back({{"for", std::move(subjects)},
                    {"not_after", info.not_after},
                    {"pin", info.spki_pin},
                    {"self_signed", info.self_signed}});
  }
  return list;
}

// RFC 9539: whether a server that nobody said anything of answers over TLS.
const char* ProbedText(cache::ProbedTls probed) {
  switch (probed) {
    case cache::ProbedTls::kUnknown:
      return "unknown";
    case cache::ProbedTls::kWorks:
      return "works";
    case cache::ProbedTls::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace

json Status(Service& service, const std::string& config_path) {
  const server::Snapshot& snapshot = service.snapshot();
  json listeners = json::array();
  for (const config::Listener& listener : snapshot.config->listen) {
    listeners.push_back(
        {{"address", listener.address.ToText()},
         {"port", listener.port},
         {"transports", TransportsJson(listener)},
         {"path", listener.transport == config::Listener::Transport::kHttps ? json(listener.path)
                                                                            : json(nullptr)},
         {"view", listener.view ? json(*listener.view) : json(nullptr)}});
  }
  json views = json::array();
  for (const server::ViewPtr& view : snapshot.views.list) views.push_back(ViewJson(*view));
  views.push_back(ViewJson(*snapshot.views.fallback));
  resolver::Caches& caches = service.caches();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(service.clock().Now() - service.started());
  return {{"version", R64_VERSION},
          {"build", R64_BUILD_TYPE},
          {"uptime", uptime.count()},
          {"config", config_path},
          {"now", service.clock().WallSeconds()},
          {"workers", service.workers()},
          {"tcp_clients", service.tcp_clients()},
          {"listeners", std::move(listeners)},
          {"certificates", CertificatesJson(service)},
          {"views", std::move(views)},
          {"validation", ValidationJson(service)},
          {"cache", CacheJson(caches.rrsets.stats())},
          {"answers", CacheJson(service.answers())},
          {"delegations", CacheJson(caches.delegations.stats())},
          {"denials", CacheJson(caches.denials.stats())},
          {"zones", CacheJson(caches.trust.stats())},
          {"failures", CacheJson(caches.failures.stats())},
          {"servers", CacheJson(caches.servers.stats())}};
}

json Stats(Service& service) {
  json counters = json::object();
  for (std::size_t i = 0; i < resolver::kCounterNames.size(); ++i) {
    counters[std::string(resolver::kCounterNames[i])] =
        service.Count(static_cast<resolver::Counter>(i));
  }
  return {{"counters", std::move(counters)}};
}

json Anchors(const Service& service) {
  const server::AnchorReport report = service.Anchors();
  json zones = json::array();
  for (const server::AnchorReport::Zone& zone : report.zones) {
    json keys = json::array();
    for (const server::AnchorReport::Key& key : zone.keys) {
      keys.push_back({{"tag", key.tag},
                      {"algorithm", key.algorithm},
                      {"algorithm_name", dnssec::AlgorithmName(key.algorithm)},
                      {"digest_type", key.digest_type},
                      {"digest_name", dnssec::DigestName(key.digest_type)},
                      {"digest", key.digest},
                      {"state", key.state},
                      {"since", OrNull(key.since)},
                      {"until", OrNull(key.until)},
                      {"trusted", key.trusted}});
    }
    zones.push_back({{"zone", zone.zone.ToText()},
                     {"keys", std::move(keys)},
                     {"last_refresh", OrNull(zone.seen)},
                     {"next_refresh", OrNull(zone.next_refresh)}});
  }
  json negative = json::array();
  for (const server::AnchorReport::Negative& anchor : report.negative) {
    negative.push_back({{"name", anchor.name.ToText()},
                        {"until", OrNull(anchor.until)},
                        {"holds", anchor.holds},
                        {"lifted", anchor.lifted}});
  }
  return {{"validation", report.validation},
          {"automatic_update", report.automatic_update},
          {"state_file", report.state_file.empty() ? json(nullptr) : json(report.state_file)},
          {"trouble", report.trouble.empty() ? json(nullptr) : json(report.trouble)},
          {"now", report.now},
          {"zones", std::move(zones)},
          {"negative", std::move(negative)}};
}

json Servers(Service& service) {
  const TimePoint now = service.clock().Now();
  std::vector<cache::ServerInfo> servers = service.caches().servers.List(now);
  std::sort(servers.begin(), servers.end(),
            [](const auto& a, const auto& b) { return a.answers > b.answers; });
  const std::size_t known = servers.size();
  if (servers.size() > kMaxServers) servers.resize(kMaxServers);
  json list = json::array();
  for (const cache::ServerInfo& server : servers) {
    json lame = json::array();
    for (const cache::Lameness& one : server.lame) lame.push_back(one.zone.ToText());
    list.push_back({{"address", server.server.ToText()},
                    {"rtt_ms", Milliseconds(server.srtt)},
                    {"answers", server.answers},
                    {"timeouts", server.timeouts},
                    {"timeouts_in_row", server.timeouts_in_row},
                    {"dead_ms", server.dead ? Milliseconds(server.dead_until - now) : 0.0},
                    {"edns", server.edns != cache::EdnsSupport::kNo},
                    {"case_broken", server.case_broken},
                    {"probed_tls", ProbedText(server.probed_tls)},
                    {"failure", server.failure},
                    {"lame_for", std::move(lame)}});
  }
  return {{"servers", std::move(list)}, {"known", known}};
}

void Inflight(Service& service, const std::function<void(std::string)>& done) {
  service.Inflight(kMaxInflight, [done](std::vector<server::InflightQuestion> questions) {
    std::sort(questions.begin(), questions.end(),
              [](const auto& a, const auto& b) { return a.age > b.age; });
    if (questions.size() > kMaxInflight) questions.resize(kMaxInflight);
    json list = json::array();
    for (const server::InflightQuestion& one : questions) {
      list.push_back({{"name", one.name},
                      {"type", ToText(one.type)},
                      {"client", one.client.ToText()},
                      {"transport", ToText(one.transport)},
                      {"age_ms", Milliseconds(one.age)},
                      {"upstream_queries", one.upstream_queries}});
    }
    done(Dump({{"ok", true}, {"inflight", std::move(list)}}));
  });
}

}  // namespace resolve64::admin
