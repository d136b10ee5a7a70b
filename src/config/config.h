// The configuration as one immutable value, and the reader that makes it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resolve64/dns64.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"

namespace resolve64::config {

// Plain values. Every default is that of docs/configuration.md; a Config{} is what an empty file
// gives. Once read a Config never changes, so that it may be shared by all threads.

/// "listen": one address and port.
struct Listener {
  enum class Transport : std::uint8_t {
    kDns,    ///< UDP and TCP
    kTls,    ///< RFC 7858
    kHttps,  ///< RFC 8484
  };
  IpAddress address;
  std::uint16_t port = 53;  ///< without one in the file: 53, 853 or 443, as the transport has it
  Transport transport = Transport::kDns;
  std::string path = "/dns-query";  ///< of kHttps
  /// Who speaks the PROXY protocol, version 2, on this listener, and must.
  std::vector<Network> proxies;
  /// A name in Config::views: this listener always answers from that view.
  std::optional<std::string> view;

  Listener() = default;
  Listener(const IpAddress& a, std::uint16_t p) : address(a), port(p) {}
  bool operator==(const Listener&) const = default;
};

/// 53, 853 (RFC 7858 section 3.1) or 443 (RFC 9461 section 4.2).
constexpr std::uint16_t DefaultPort(Listener::Transport transport) noexcept {
  switch (transport) {
    case Listener::Transport::kTls:
      return 853;
    case Listener::Transport::kHttps:
      return 443;
    case Listener::Transport::kDns:
      break;
  }
  return 53;
}

/// "run_as": whom to become once the sockets are bound. It matters only where the process starts
/// as root.
struct RunAs {
  bool enabled = true;   ///< false ("run_as": null): stay who we are
  bool written = false;  ///< the file names it: a user that does not exist is then an error
  std::string user = "resolve64";
  std::string group = "resolve64";
  bool operator==(const RunAs&) const = default;
};

/// "access": `refuse` comes first; who is in neither list gets REFUSED.
struct Access {
  Access();  ///< allows the networks of PrivateNetworks()
  std::vector<Network> allow;
  std::vector<Network> refuse;
  bool operator==(const Access&) const = default;
};

/// One entry of "views".
struct View {
  std::string name;
  std::vector<Network> clients;  ///< may be empty: then only a listener leads here
  /// Complete: what the view does not name is already taken from Config::dns64.
  Dns64Policy dns64;
  bool operator==(const View&) const = default;
};

/// One entry of a "root_hints" list.
struct RootServer {
  Name name;
  std::vector<Endpoint> addresses;
  bool operator==(const RootServer&) const = default;
};

/// "root_hints".
struct RootHints {
  enum class Source : std::uint8_t { kBuiltin, kFile, kList };
  Source source = Source::kBuiltin;
  std::string file;                 ///< absolute, for kFile
  std::vector<RootServer> servers;  ///< for kList
  bool operator==(const RootHints&) const = default;
};

/// One of the "servers" of a forwarded zone.
struct ForwardServer {
  Endpoint endpoint;
  bool tls = false;
  /// What its certificate must be for (RFC 8310 section 8.1); empty: for its address.
  std::string name;
  bool operator==(const ForwardServer&) const = default;
};

/// One entry of "forward": questions at or below `zone` go to these servers with RD set.
struct ForwardZone {
  Name zone;
  std::vector<ForwardServer> servers;
  bool only = true;   ///< false: ask the authoritative servers where these do not answer
  bool dns64 = true;  ///< false: what they say is passed on as it is
  bool operator==(const ForwardZone&) const = default;
};

/// One entry of "stub": the authoritative servers of `zone`, whatever the delegation says.
struct StubZone {
  Name zone;
  std::vector<Endpoint> servers;
  bool operator==(const StubZone&) const = default;
};

/// One entry of "zones": answered from a zone file.
struct LocalZone {
  Name zone;
  std::string file;  ///< absolute
  bool operator==(const LocalZone&) const = default;
};

/// "builtin_zones": RFC 6303 and the special-use names.
struct BuiltinZones {
  bool enabled = true;
  std::vector<Name> except;
  bool operator==(const BuiltinZones&) const = default;
};

/// One entry of "dnssec": "insecure" (RFC 7646).
struct NegativeAnchor {
  Name name;
  std::optional<std::int64_t> until;  ///< seconds since 1970; empty: as long as it is written there
  bool operator==(const NegativeAnchor&) const = default;
};

/// "dnssec".
struct DnssecConfig {
  enum class Anchors : std::uint8_t { kBuiltin, kFile, kList };
  bool validation = true;
  Anchors trust_anchors = Anchors::kBuiltin;
  std::string anchor_file;                  ///< absolute, for kFile
  std::vector<std::string> anchor_records;  ///< DS or DNSKEY in presentation format, for kList
  bool automatic_update = true;             ///< RFC 5011
  /// Where the state of RFC 5011 is kept, absolute; empty: the service manager's state directory,
  /// else /var/lib/resolve64.
  std::string state_file;
  std::vector<NegativeAnchor> insecure;
  std::uint16_t nsec3_max_iterations = 50;
  std::optional<std::int64_t> override_time;  ///< seconds since 1970
  bool operator==(const DnssecConfig&) const = default;
};

/// "cache".
struct CacheConfig {
  std::uint64_t size = 256ULL << 20U;  ///< octets, of all workers together
  std::chrono::seconds min_ttl{0};
  std::chrono::seconds max_ttl{86400};
  std::chrono::seconds max_negative_ttl{3600};
  bool aggressive_nsec = true;  ///< RFC 8198; only where validation is on
  bool operator==(const CacheConfig&) const = default;
};

enum class UpstreamTls : std::uint8_t {
  kOff,
  kOpportunistic,  ///< RFC 9539
};

enum class Minimization : std::uint8_t { kOff, kRelaxed, kStrict };  ///< RFC 9156

/// "upstream": how authoritative servers and forwarders are asked.
struct UpstreamConfig {
  bool ipv4 = true;
  bool ipv6 = true;
  std::vector<IpAddress> source_addresses;  ///< empty: the system's choice
  std::uint16_t udp_payload = 1232;         ///< octets, in our queries (RFC 6891 section 6.2.3)
  Minimization qname_minimization = Minimization::kRelaxed;
  bool case_randomization = true;
  UpstreamTls tls = UpstreamTls::kOff;
  /// PEM file of the authorities that vouch for forwarders, absolute; empty: the system's.
  std::string tls_authorities;
  bool allow_loopback = false;              ///< delegations may lead to loopback addresses
  std::chrono::milliseconds timeout{8000};  ///< for a client's question, all of its queries
  bool operator==(const UpstreamConfig&) const = default;
};

/// "limits": what clients may take.
struct LimitsConfig {
  std::uint32_t inflight = 20000;  ///< questions being worked on, of all workers together
  /// Connections over TCP, TLS and HTTPS, of all workers together.
  std::uint32_t tcp_clients = 4096;
  /// Of these, connections of one /24 or /56.
  std::uint32_t tcp_clients_per_network = 1024;
  std::chrono::milliseconds tcp_idle{10000};
  std::chrono::milliseconds tls_idle{20000};  ///< of TLS and HTTPS
  /// Questions over UDP a second of one address, or /64, that shows no cookie; 0: no limit.
  std::uint32_t per_client_qps = 0;
  std::uint16_t udp_payload = 1232;  ///< octets: no answer over UDP is longer
  bool operator==(const LimitsConfig&) const = default;
};

/// A certificate with its key, in files of PEM, absolute.
struct CertificateFiles {
  std::string certificate;  ///< the chain, the server's own first
  std::string key;
  bool operator==(const CertificateFiles&) const = default;
};

/// "tls".
struct TlsConfig {
  /// The first is for clients that name nobody we know. Empty: a self-signed one.
  std::vector<CertificateFiles> certificates;
  /// Names and addresses of a self-signed one; empty: of this host.
  std::vector<std::string> names;
  std::vector<IpAddress> addresses;
  /// Where a self-signed one is kept, absolute; empty: the service manager's state directory, else
  /// /var/lib/resolve64.
  std::string state_file;
  /// A file of ticket keys, absolute; empty: random ones, a new one every 12 hours.
  std::string ticket_keys;
  bool operator==(const TlsConfig&) const = default;
};

/// "cookies": those that clients get (RFC 7873).
struct CookiesConfig {
  bool enabled = true;
  std::string secrets;  ///< a file of them, absolute; empty: random ones, a new one at each reload
  bool operator==(const CookiesConfig&) const = default;
};

enum class LogLevel : std::uint8_t { kError, kWarn, kInfo, kDebug };
enum class LogFormat : std::uint8_t { kText, kJson };

/// "log".
struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  bool operator==(const LogConfig&) const = default;
};

/// "admin".
struct AdminConfig {
  /// The control socket, absolute; empty where it is switched off with null.
  std::optional<std::string> control = "/run/resolve64/control.sock";
  bool operator==(const AdminConfig&) const = default;
};

struct Config {
  Config();  ///< listens on port 53 of ::1 and 127.0.0.1

  std::vector<Listener> listen;
  std::uint32_t workers = 0;  ///< event loops; 0: one a core
  RunAs run_as;
  Access access;
  /// For clients that no view is for. Like that of a view it is never without a prefix.
  Dns64Policy dns64;
  std::vector<View> views;  ///< in the order of the file: the first that matches is used
  DnssecConfig dnssec;
  RootHints root_hints;
  std::vector<ForwardZone> forward;
  std::vector<StubZone> stub;
  std::vector<LocalZone> zones;
  BuiltinZones builtin_zones;
  CacheConfig cache;
  UpstreamConfig upstream;
  LimitsConfig limits;
  TlsConfig tls;
  CookiesConfig cookies;
  LogConfig log;
  AdminConfig admin;
  bool operator==(const Config&) const = default;
};

/// What "private" stands for in a list of networks: loopback, link-local, RFC 1918, RFC 6598 and
/// unique local addresses (RFC 4193).
const std::vector<Network>& PrivateNetworks();

/// One thing that is wrong, or probably is.
struct Diagnostic {
  std::string file;
  int line = 0;         ///< 1 for the first; 0: about the file as a whole
  int column = 0;       ///< in characters, 1 for the first
  std::string pointer;  ///< a JSON pointer (RFC 6901), such as /dns64/prefixes/0; may be empty
  std::string found;    ///< what stands there, as JSON, shortened; may be empty
  std::string message;

  /// `file:line:column: pointer: found: message`, without the parts that are empty.
  [[nodiscard]] std::string ToText() const;
  bool operator==(const Diagnostic&) const = default;
};

struct ReadResult {
  std::shared_ptr<const Config> config;  ///< null where there is an error
  std::vector<Diagnostic> errors;        ///< in the order of the file
  std::vector<Diagnostic> warnings;      ///< in the order of the file
};

/// Reads a configuration file. Relative paths in it are relative to its directory. Opens nothing
/// but this file; files that it names are only looked at. Never throws; any thread.
ReadResult ReadConfigFile(const std::string& path);

/// The same of a text. `file_name` is for diagnostics, `base_dir` for relative paths.
ReadResult ReadConfigText(std::string_view text, const std::string& file_name,
                          const std::string& base_dir);

}  // namespace resolve64::config
