#include "config/build.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/take.h"

namespace resolve64::config {
namespace {

constexpr std::uint16_t kDnsPort = DefaultPort(Listener::Transport::kDns);
constexpr std::uint16_t kTlsPort = DefaultPort(Listener::Transport::kTls);

class ConfigBuilder {
 public:
  ConfigBuilder(const Node& root, const std::string& base_dir, Report& report)
      : root_(root), base_dir_(base_dir), report_(report) {}

  Config Build() {
    Listen();
    TakeCount(root_, "workers", config_.workers);
    RunAsWhom();
    if (const Node* access = root_.Find("access")) {
      TakeClients(*access, "allow", config_.access.allow);
      TakeClients(*access, "refuse", config_.access.refuse);
    }
    if (const Node* dns64 = root_.Find("dns64")) {
      config_.dns64 = BuildDns64(*dns64, config_.dns64, report_);
    }
    Views();
    Dnssec();
    Roots();
    Zones();
    Builtin();
    Cache();
    Upstream();
    Limits();
    Tls();
    Rest();
    return std::move(config_);
  }

 private:
  [[nodiscard]] std::string Absolute(const std::string& path) const {
    return (std::filesystem::path(base_dir_) / path).lexically_normal().string();
  }

  // Empty where it is null.
  void TakePath(const Node& object, std::string_view key, std::string& out) const {
    const Node* node = object.Find(key);
    if (node == nullptr) return;
    out = node->kind == Node::Kind::kNull ? std::string() : Absolute(node->text);
  }

  void Listen() {
    TakeList(root_, "listen", config_.listen, [](const Node& item) {
      Listener listener;
      const Node* address = item.Find("address");
      if (address == nullptr) return std::optional<Listener>();
      listener.address = *IpAddress::Parse(address->text);
      TakeWord(item, "transport",
               {{"dns", Listener::Transport::kDns},
                {"tls", Listener::Transport::kTls},
                {"https", Listener::Transport::kHttps}},
               listener.transport);
      listener.port = DefaultPort(listener.transport);
      TakeCount(item, "port", listener.port);
      Take(item, "path", listener.path);
      TakeClients(item, "proxy_protocol", listener.proxies);
      if (const Node* view = item.Find("view")) listener.view = view->text;
      return std::optional(std::move(listener));
    });
  }

  void RunAsWhom() {
    const Node* run_as = root_.Find("run_as");
    if (run_as == nullptr) return;
    config_.run_as.enabled = run_as->kind != Node::Kind::kNull;
    config_.run_as.written = true;
    Take(*run_as, "user", config_.run_as.user);
    Take(*run_as, "group", config_.run_as.group);
  }

  void Views() {
    const Node* views = root_.Find("views");
    if (views == nullptr) return;
    for (const Member& member : views->members) {
      if (!member.value.ok) continue;
      View view;
      view.name = member.key;
      TakeClients(member.value, "clients", view.clients);
      const Node* dns64 = member.value.Find("dns64");
      view.dns64 = dns64 ? BuildDns64(*dns64, config_.dns64, report_) : config_.dns64;
      config_.views.push_back(std::move(view));
    }
  }

  void Dnssec() {
    const Node* dnssec = root_.Find("dnssec");
    if (dnssec == nullptr) return;
    DnssecConfig& out = config_.dnssec;
    Take(*dnssec, "validation", out.validation);
    Take(*dnssec, "automatic_update", out.automatic_update);
    TakePath(*dnssec, "state_file", out.state_file);
    TakeCount(*dnssec, "nsec3_max_iterations", out.nsec3_max_iterations);
    TakeMoment(*dnssec, "override_time", out.override_time);
    TakeList(*dnssec, "insecure", out.insecure, [](const Node& item) {
      const Node* name = item.kind == Node::Kind::kText ? &item : item.Find("name");
      if (name == nullptr) return std::optional<NegativeAnchor>();
      NegativeAnchor anchor;
      anchor.name = *Name::Parse(name->text);
      TakeMoment(item, "until", anchor.until);
      return std::optional(std::move(anchor));
    });
    const Node* anchors = dnssec->Find("trust_anchors");
    if (anchors == nullptr) return;
    if (anchors->kind == Node::Kind::kList) {
      out.trust_anchors = DnssecConfig::Anchors::kList;
      TakeList(*dnssec, "trust_anchors", out.anchor_records,
               [](const Node& item) { return std::optional(item.text); });
    } else if (anchors->text != "builtin") {
      out.trust_anchors = DnssecConfig::Anchors::kFile;
      out.anchor_file = Absolute(anchors->text);
    }
  }

  void Roots() {
    const Node* hints = root_.Find("root_hints");
    if (hints == nullptr) return;
    if (hints->kind == Node::Kind::kText) {
      if (hints->text == "builtin") return;
      config_.root_hints.source = RootHints::Source::kFile;
      config_.root_hints.file = Absolute(hints->text);
      return;
    }
    config_.root_hints.source = RootHints::Source::kList;
    TakeList(root_, "root_hints", config_.root_hints.servers, [](const Node& item) {
      const Node* name = item.Find("name");
      if (name == nullptr) return std::optional<RootServer>();
      RootServer server;
      server.name = *Name::Parse(name->text);
      TakeEndpoints(item, "addresses", server.addresses);
      return std::optional(std::move(server));
    });
  }

  static std::optional<ForwardServer> ReadForwardServer(const Node& item) {
    ForwardServer server;
    if (item.kind == Node::Kind::kText) {
      server.endpoint = *Endpoint::Parse(item.text, kDnsPort);
      return server;
    }
    const Node* address = item.Find("address");
    if (address == nullptr) return std::nullopt;
    TakeWord(item, "transport", {{"dns", false}, {"tls", true}}, server.tls);
    server.endpoint = {*IpAddress::Parse(address->text), server.tls ? kTlsPort : kDnsPort};
    TakeCount(item, "port", server.endpoint.port);
    if (const Node* name = item.Find("name")) {
      server.name = HostName(name->text).value_or(std::string());
    }
    return server;
  }

  static void TakeEndpoints(const Node& object, std::string_view key, std::vector<Endpoint>& out) {
    TakeList(object, key, out,
             [](const Node& item) { return Endpoint::Parse(item.text, kDnsPort); });
  }

  void Zones() {
    TakeList(root_, "forward", config_.forward, [](const Node& item) {
      const Node* name = item.Find("zone");
      if (name == nullptr) return std::optional<ForwardZone>();
      ForwardZone zone;
      zone.zone = *Name::Parse(name->text);
      TakeList(item, "servers", zone.servers, ReadForwardServer);
      Take(item, "only", zone.only);
      Take(item, "dns64", zone.dns64);
      return std::optional(std::move(zone));
    });
    TakeList(root_, "stub", config_.stub, [](const Node& item) {
      const Node* name = item.Find("zone");
      if (name == nullptr) return std::optional<StubZone>();
      StubZone zone;
      zone.zone = *Name::Parse(name->text);
      TakeEndpoints(item, "servers", zone.servers);
      return std::optional(std::move(zone));
    });
    TakeList(root_, "zones", config_.zones, [this](const Node& item) {
      const Node* name = item.Find("zone");
      const Node* file = item.Find("file");
      if (name == nullptr || file == nullptr) return std::optional<LocalZone>();
      return std::optional(LocalZone{*Name::Parse(name->text), Absolute(file->text)});
    });
  }

  void Builtin() {
    const Node* builtin = root_.Find("builtin_zones");
    if (builtin == nullptr) return;
    if (builtin->kind == Node::Kind::kBool) {
      config_.builtin_zones.enabled = builtin->boolean;
    } else {
      Take(*builtin, "except", config_.builtin_zones.except);
    }
  }

  void Cache() {
    const Node* cache = root_.Find("cache");
    if (cache == nullptr) return;
    if (const Node* size = cache->Find("size")) {
      const std::int64_t octets =
          size->kind == Node::Kind::kText ? ParseSize(size->text).value_or(0) : size->integer;
      config_.cache.size = static_cast<std::uint64_t>(octets);
    }
    TakeTime(*cache, "min_ttl", config_.cache.min_ttl);
    TakeTime(*cache, "max_ttl", config_.cache.max_ttl);
    TakeTime(*cache, "max_negative_ttl", config_.cache.max_negative_ttl);
    Take(*cache, "aggressive_nsec", config_.cache.aggressive_nsec);
  }

  void Upstream() {
    const Node* upstream = root_.Find("upstream");
    if (upstream == nullptr) return;
    UpstreamConfig& out = config_.upstream;
    Take(*upstream, "ipv4", out.ipv4);
    Take(*upstream, "ipv6", out.ipv6);
    TakeList(*upstream, "source_addresses", out.source_addresses,
             [](const Node& item) { return IpAddress::Parse(item.text); });
    TakeCount(*upstream, "udp_payload", out.udp_payload);
    TakeWord(*upstream, "qname_minimization",
             {{"off", Minimization::kOff},
              {"relaxed", Minimization::kRelaxed},
              {"strict", Minimization::kStrict}},
             out.qname_minimization);
    Take(*upstream, "case_randomization", out.case_randomization);
    TakeWord(*upstream, "tls",
             {{"off", UpstreamTls::kOff}, {"opportunistic", UpstreamTls::kOpportunistic}}, out.tls);
    TakePath(*upstream, "tls_authorities", out.tls_authorities);
    Take(*upstream, "allow_loopback", out.allow_loopback);
    TakeTime(*upstream, "timeout", out.timeout);
  }

  void Limits() {
    const Node* limits = root_.Find("limits");
    if (limits == nullptr) return;
    LimitsConfig& out = config_.limits;
    TakeCount(*limits, "inflight", out.inflight);
    TakeCount(*limits, "tcp_clients", out.tcp_clients);
    TakeCount(*limits, "tcp_clients_per_network", out.tcp_clients_per_network);
    TakeTime(*limits, "tcp_idle", out.tcp_idle);
    TakeTime(*limits, "tls_idle", out.tls_idle);
    TakeCount(*limits, "per_client_qps", out.per_client_qps);
    TakeCount(*limits, "udp_payload", out.udp_payload);
  }

  void Tls() {
    const Node* tls = root_.Find("tls");
    if (tls == nullptr) return;
    TlsConfig& out = config_.tls;
    TakeList(*tls, "certificates", out.certificates, [this](const Node& item) {
      CertificateFiles files;
      TakePath(item, "certificate", files.certificate);
      TakePath(item, "key", files.key);
      return std::optional(std::move(files));
    });
    CertificateFiles first;
    TakePath(*tls, "certificate", first.certificate);
    TakePath(*tls, "key", first.key);
    if (!first.certificate.empty()) {
      out.certificates.insert(out.certificates.begin(), std::move(first));
    }
    std::vector<std::string> hosts;
    TakeList(*tls, "names", hosts, [](const Node& item) { return std::optional(item.text); });
    for (const std::string& host : hosts) {
      if (const auto address = IpAddress::Parse(host)) {
        out.addresses.push_back(*address);
      } else if (auto name = HostName(host)) {
        out.names.push_back(std::move(*name));
      }
    }
    TakePath(*tls, "state_file", out.state_file);
    TakePath(*tls, "ticket_keys", out.ticket_keys);
  }

  void Rest() {
    if (const Node* cookies = root_.Find("cookies")) {
      Take(*cookies, "enabled", config_.cookies.enabled);
      TakePath(*cookies, "secrets", config_.cookies.secrets);
    }
    if (const Node* log = root_.Find("log")) {
      TakeWord(*log, "level",
               {{"error", LogLevel::kError},
                {"warn", LogLevel::kWarn},
                {"info", LogLevel::kInfo},
                {"debug", LogLevel::kDebug}},
               config_.log.level);
      TakeWord(*log, "format", {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
               config_.log.format);
    }
    const Node* admin = root_.Find("admin");
    const Node* control = admin == nullptr ? nullptr : admin->Find("control");
    if (control == nullptr) return;
    if (control->kind == Node::Kind::kNull) {
      config_.admin.control.reset();
    } else {
      config_.admin.control = Absolute(control->text);
    }
  }

  const Node& root_;
  const std::string& base_dir_;
  Report& report_;
  Config config_;
};

}  // namespace

Config BuildConfig(const Node& root, const std::string& base_dir, Report& report) {
  Config config = ConfigBuilder(root, base_dir, report).Build();
  CheckWhole(root, config, report);
  return config;
}

}  // namespace resolve64::config
