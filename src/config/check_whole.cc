#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/build.h"
#include "config/take.h"

namespace resolve64::config {
namespace {

bool IsUnspecified(const IpAddress& address) {
  return std::all_of(address.data(), address.data() + address.size(),
                     [](std::uint8_t octet) { return octet == 0; });
}

bool IsIn(const IpAddress& address, std::initializer_list<std::string_view> networks) {
  return std::any_of(networks.begin(), networks.end(), [&](std::string_view network) {
    return Network::Parse(network)->Contains(address);
  });
}

bool IsMulticast(const IpAddress& address) {
  return IsIn(address, {"224.0.0.0/4", "255.255.255.255/32", "ff00::/8"});
}

bool IsLoopback(const IpAddress& address) { return IsIn(address, {"127.0.0.0/8", "::1/128"}); }

// The items of a list, or nothing.
std::vector<const Node*> Items(const Node* object, std::string_view key) {
  std::vector<const Node*> items;
  const Node* list = object == nullptr ? nullptr : object->Find(key);
  if (list == nullptr) return items;
  for (const Node& item : list->items) {
    if (item.ok) items.push_back(&item);
  }
  return items;
}

constexpr std::uint16_t kDnsPort = DefaultPort(Listener::Transport::kDns);
constexpr std::uint16_t kTlsPort = DefaultPort(Listener::Transport::kTls);

// A key whose value is not null; null where there is none.
const Node* Written(const Node& object, std::string_view key) {
  const Node* node = object.Find(key);
  return node == nullptr || node->kind == Node::Kind::kNull ? nullptr : node;
}

class WholeChecker {
 public:
  WholeChecker(const Node& root, const Config& config, Report& report)
      : root_(root), config_(config), report_(report) {
    for (const Listener& listener : config.listen) {
      listening_.emplace(Endpoint{listener.address, listener.port},
                         listener.transport == Listener::Transport::kTls);
      if (listener.view) views_with_listener_.insert(*listener.view);
    }
    if (const Node* views = root.Find("views")) {
      for (const Member& member : views->members) view_names_.insert(member.key);
    }
  }

  void Check() {
    Listeners();
    Views();
    Access();
    Zones();
    Servers();
    Sources();
    Ttls();
    Payloads();
    Dnssec();
    Tls();
    Cookies();
    Files();
    Control();
  }

 private:
  void Listeners() {
    std::map<Endpoint, const Node*> seen;
    std::size_t i = 0;
    for (const Node* item : Items(&root_, "listen")) {
      const Node* text = item->Find("address");
      if (text == nullptr) continue;
      const Listener& listener = config_.listen[i++];
      const Endpoint endpoint{listener.address, listener.port};
      if (IsMulticast(endpoint.address)) {
        report_.Conflict(*text, "nobody can listen on a multicast or broadcast address");
      } else if (IsIn(endpoint.address, {"::ffff:0:0/96"})) {
        report_.Conflict(*text, "write the IPv4 address alone");
      } else if (IsIn(endpoint.address, {"fe80::/10"})) {
        report_.Conflict(
            *text,
            "a link-local address is one only with an interface, which cannot be given here");
      }
      if (const auto [first, is_new] = seen.emplace(endpoint, item); !is_new) {
        report_.Conflict(*text, "address and port are those of " + first->second->Pointer());
      }
      ListenersView(*item);
      ListenersTransport(*item, listener);
      ListenersProxies(*item);
    }
  }

  void ListenersTransport(const Node& item, const Listener& listener) {
    const Node* port = item.Find("port");
    const bool clear = listener.transport == Listener::Transport::kDns;
    if (port != nullptr && clear && listener.port == kTlsPort) {
      report_.Conflict(*port,
                       "port 853 carries no DNS in clear (RFC 7858 section 3.1): set \"transport\" "
                       "to \"tls\", or take another port");
    } else if (port != nullptr && !clear && listener.port == kDnsPort) {
      report_.Conflict(*port,
                       "port 53 carries DNS in clear alone (RFC 7858 section 3.1): remove the port "
                       "for " +
                           std::to_string(DefaultPort(listener.transport)) +
                           ", or take another one");
    }
    const Node* path = item.Find("path");
    if (path == nullptr) return;
    if (listener.transport != Listener::Transport::kHttps) {
      report_.Conflict(*path, "only a listener of transport \"https\" has a path");
    } else if (!IsUrlPath(path->text)) {
      report_.Conflict(*path,
                       "expected the path of a URL, such as \"/dns-query\": it begins with / and "
                       "has no variable, query or fragment");
    }
  }

  void ListenersProxies(const Node& item) {
    for (const Node* proxy : Items(&item, "proxy_protocol")) {
      const auto networks = ParseClients(proxy->text);
      const bool open = std::any_of(networks->begin(), networks->end(),
                                    [](const Network& one) { return one.bits() == 0; });
      if (open) {
        report_.Warning(*proxy,
                        "anybody can claim any address here: name the addresses of your proxies");
      }
    }
  }

  void ListenersView(const Node& item) {
    const Node* view = item.Find("view");
    if (view == nullptr) return;
    if (view_names_.contains(view->text)) return;
    constexpr std::size_t kMostCompared = 30;  // for a name that is near
    std::vector<std::string_view> known;
    for (const std::string_view name : view_names_) {
      if (known.size() < kMostCompared) known.push_back(name);
    }
    const std::string_view nearest = Nearest(view->text, known);
    report_.Conflict(*view, nearest.empty()
                                ? "no such view in /views"
                                : "no such view; did you mean \"" + std::string(nearest) + "\"?");
  }

  // False where telling would take too long.
  static bool AllIn(const std::vector<Network>& outer, const std::vector<Network>& inner) {
    constexpr std::size_t kMostCompared = 10'000'000;
    if (!inner.empty() && outer.size() > kMostCompared / inner.size()) return false;
    return std::all_of(inner.begin(), inner.end(), [&](const Network& one) {
      return std::any_of(outer.begin(), outer.end(),
                         [&](const Network& other) { return Covers(other, one); });
    });
  }

  void Views() {
    const Node* views = root_.Find("views");
    if (views == nullptr) return;
    std::vector<Network> before;
    std::map<std::string, const Node*> names;
    for (const Member& member : views->members) {
      if (!member.value.ok) continue;
      std::string folded = member.key;
      std::transform(folded.begin(), folded.end(), folded.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (const auto [first, is_new] = names.emplace(folded, &member.value); !is_new) {
        report_.Conflict(member.value, "the same name as " + first->second->Pointer() +
                                           ": letter case does not tell views apart");
      }
      std::vector<Network> clients;
      TakeClients(member.value, "clients", clients);
      if (AllIn(before, clients) && !views_with_listener_.contains(member.key)) {
        report_.Warning(
            member.value,
            clients.empty()
                ? "no clients and no listener: nobody is answered from this view"
                : "the views before it take all of its clients: nobody is answered from this view");
      }
      before.insert(before.end(), clients.begin(), clients.end());
    }
  }

  void Access() {
    const Node* access = root_.Find("access");
    const Node* allow = access == nullptr ? nullptr : access->Find("allow");
    if (allow == nullptr) return;
    if (allow->items.empty()) report_.Warning(*allow, "nobody may ask: every query is refused");
    for (const Node* item : Items(access, "allow")) {
      const auto networks = ParseClients(item->text);
      const bool open = std::any_of(networks->begin(), networks->end(), [&](const Network& one) {
        return one.bits() == 0 && !Refused(one);
      });
      if (open) {
        report_.Warning(*item,
                        "the whole Internet may ask: an open resolver is used to attack others "
                        "(RFC 5358)");
      }
    }
  }

  [[nodiscard]] bool Refused(const Network& network) const {
    const auto& refuse = config_.access.refuse;
    return std::find(refuse.begin(), refuse.end(), network) != refuse.end();
  }

  void Zones() {
    std::map<Name, const Node*> seen;
    for (const std::string_view key : {"forward", "stub", "zones"}) {
      for (const Node* item : Items(&root_, key)) {
        const Node* zone = item->Find("zone");
        if (zone == nullptr) continue;
        const auto [first, is_new] = seen.emplace(*Name::Parse(zone->text), item);
        if (is_new) continue;
        report_.Conflict(*zone, "this zone stands at " + first->second->Pointer() + " too");
      }
    }
  }

  void Servers() {
    for (const std::string_view key : {"forward", "stub"}) {
      for (const Node* zone : Items(&root_, key)) {
        for (const Node* server : Items(zone, "servers")) Server(*server);
      }
    }
    for (const Node* root : Items(&root_, "root_hints")) {
      for (const Node* server : Items(root, "addresses")) Server(*server);
    }
    for (const Node* zone : Items(&root_, "forward")) {
      const Node* only = zone->Find("only");
      const std::vector<const Node*> servers = Items(zone, "servers");
      const bool tls = std::any_of(servers.begin(), servers.end(), [](const Node* server) {
        const Node* transport = server->Find("transport");
        return transport != nullptr && transport->text == "tls";
      });
      if (tls && only != nullptr && !only->boolean) {
        report_.Warning(*only,
                        "where these servers do not answer, the question goes to others in clear");
      }
    }
  }

  void Server(const Node& node) {
    Endpoint endpoint;
    bool tls = false;
    if (node.kind == Node::Kind::kText) {
      endpoint = *Endpoint::Parse(node.text, kDnsPort);
    } else {
      const Node* address = node.Find("address");
      if (address == nullptr) return;
      TakeWord(node, "transport", {{"dns", false}, {"tls", true}}, tls);
      endpoint = {*IpAddress::Parse(address->text), tls ? kTlsPort : kDnsPort};
      TakeCount(node, "port", endpoint.port);
      ServersName(node, tls);
    }
    if (tls ? endpoint.port == kDnsPort : endpoint.port == kTlsPort) {
      report_.Conflict(node, tls ? "port 53 carries DNS in clear alone (RFC 7858 section 3.1): "
                                   "remove the port for 853, or take another one"
                                 : "port 853 carries no DNS in clear (RFC 7858 section 3.1): use "
                                   "\"transport\": \"tls\", or another port");
      return;
    }
    if (IsUnspecified(endpoint.address) || IsMulticast(endpoint.address)) {
      report_.Conflict(node, "no server has this address");
      return;
    }
    if (endpoint.address.is_v6() ? !config_.upstream.ipv6 : !config_.upstream.ipv4) {
      report_.Warning(node, endpoint.address.is_v6() ? "never asked: upstream.ipv6 is false"
                                                     : "never asked: upstream.ipv4 is false");
    }
    Loops(node, endpoint, tls);
  }

  void ServersName(const Node& server, bool tls) {
    const Node* name = server.Find("name");
    if (name == nullptr) return;
    if (!tls) {
      report_.Conflict(*name,
                       "this is the name in a certificate: set \"transport\" to \"tls\", or remove "
                       "the name");
    } else if (IpAddress::Parse(name->text)) {
      report_.Conflict(*name,
                       "this is an address: remove the name, and the certificate must hold the "
                       "server's address");
    } else if (!HostName(name->text)) {
      report_.Conflict(*name, "expected a host name");
    }
  }

  // What we ask must not come back to us.
  void Loops(const Node& node, const Endpoint& server, bool tls) {
    if (const auto own = listening_.find(server); own != listening_.end()) {
      if (own->second == tls) {
        report_.Conflict(node, "resolve64 itself listens there: the question would come back");
      } else {
        report_.Warning(node,
                        "resolve64 itself listens there, with another transport: no answer will "
                        "come");
      }
      return;
    }
    const IpAddress all = server.address.is_v6() ? IpAddress(Ipv6{}) : IpAddress(Ipv4{});
    const auto own = listening_.find({all, server.port});
    if (IsLoopback(server.address) && own != listening_.end() && own->second == tls) {
      report_.Warning(
          node,
          "resolve64 itself listens on this port of every address: the question may come back");
    }
  }

  void Sources() {
    const Node* upstream = root_.Find("upstream");
    if (upstream == nullptr) return;
    if (!config_.upstream.ipv4 && !config_.upstream.ipv6) {
      report_.Conflict(*upstream, "neither \"ipv4\" nor \"ipv6\": no server can be asked");
    }
    for (const Node* item : Items(upstream, "source_addresses")) {
      const IpAddress address = *IpAddress::Parse(item->text);
      if (IsUnspecified(address) || IsMulticast(address)) {
        report_.Conflict(*item, "not an address of this host");
      } else if (address.is_v6() ? !config_.upstream.ipv6 : !config_.upstream.ipv4) {
        report_.Warning(*item, "never used: its family is switched off here");
      }
    }
  }

  void Ttls() {
    const Node* cache = root_.Find("cache");
    if (cache == nullptr || config_.cache.min_ttl <= config_.cache.max_ttl) return;
    const Node* min = cache->Find("min_ttl");
    report_.Conflict(min != nullptr ? *min : *cache, "min_ttl is above max_ttl");
  }

  void Payloads() {
    constexpr std::int64_t kUnfragmented = 1400;
    for (const std::string_view key : {"upstream", "limits"}) {
      const Node* object = root_.Find(key);
      const Node* payload = object == nullptr ? nullptr : object->Find("udp_payload");
      if (payload == nullptr || payload->integer <= kUnfragmented) continue;
      report_.Warning(
          *payload,
          "messages above 1400 octets are fragmented on the way, which loses and forges "
          "them (RFC 9715)");
    }
  }

  void Dnssec() {
    const Node* dnssec = root_.Find("dnssec");
    if (dnssec == nullptr) return;
    if (const Node* fixed = dnssec->Find("override_time");
        fixed != nullptr && fixed->kind == Node::Kind::kText) {
      report_.Warning(*fixed, "signatures are judged by this time for ever: it is for tests");
    }
    const std::int64_t now = config_.dnssec.override_time.value_or(SystemClock().WallSeconds());
    std::map<Name, const Node*> seen;
    for (const Node* item : Items(dnssec, "insecure")) {
      const Node* name = item->kind == Node::Kind::kText ? item : item->Find("name");
      if (name == nullptr) continue;
      const Name parsed = *Name::Parse(name->text);
      if (const auto [first, is_new] = seen.emplace(parsed, item); !is_new) {
        report_.Conflict(*name, "this name stands at " + first->second->Pointer() + " too");
      } else if (parsed.is_root()) {
        report_.Warning(*name, "nothing at all is validated");
      }
      const Node* until = item->Find("until");
      if (until == nullptr) {
        report_.Warning(*item,
                        "a negative trust anchor wants an end, \"until\", so that it is not "
                        "forgotten (RFC 7646 section 2)");
      } else if (*ParseMoment(until->text) <= now) {
        report_.Warning(*until, "this time is past: the name is validated");
      }
    }
  }

  void Tls() {
    const Node* tls = root_.Find("tls");
    if (tls == nullptr) return;
    const Node* certificate = Written(*tls, "certificate");
    const Node* key = Written(*tls, "key");
    if (certificate != nullptr && key == nullptr) {
      report_.Conflict(*certificate, "name the file of its key, too: \"key\"");
    } else if (certificate == nullptr && key != nullptr) {
      report_.Conflict(*key, "name the file of its certificate, too: \"certificate\"");
    }
    if (certificate != nullptr && key != nullptr) {
      Readable(*certificate, config_.tls.certificates.front().certificate);
      Readable(*key, config_.tls.certificates.front().key);
    }
    std::size_t i = certificate == nullptr ? 0 : 1;
    for (const Node* item : Items(tls, "certificates")) {
      const CertificateFiles& files = config_.tls.certificates[i++];
      if (const Node* file = item->Find("certificate")) Readable(*file, files.certificate);
      if (const Node* file = item->Find("key")) Readable(*file, files.key);
    }
    if (const Node* keys = Written(*tls, "ticket_keys")) {
      Readable(*keys, config_.tls.ticket_keys);
    }
    if (config_.tls.certificates.empty()) return;
    for (const std::string_view word : {"names", "state_file"}) {
      const Node* unused = tls->Find(word);
      if (unused == nullptr || (unused->kind == Node::Kind::kList && unused->items.empty())) {
        continue;
      }
      report_.Warning(*unused,
                      "never used: this is for a self-signed certificate, and one is given");
    }
  }

  void Cookies() {
    const Node* cookies = root_.Find("cookies");
    const Node* secrets = cookies == nullptr ? nullptr : Written(*cookies, "secrets");
    if (secrets == nullptr) return;
    Readable(*secrets, config_.cookies.secrets);
    if (!config_.cookies.enabled) {
      report_.Warning(*secrets, "never used: cookies.enabled is false");
    }
  }

  void Files() {
    const Node* upstream = root_.Find("upstream");
    const Node* authorities = upstream ? Written(*upstream, "tls_authorities") : nullptr;
    if (authorities != nullptr) Readable(*authorities, config_.upstream.tls_authorities);
    const Node* dnssec = root_.Find("dnssec");
    const Node* anchors = dnssec == nullptr ? nullptr : dnssec->Find("trust_anchors");
    if (anchors != nullptr && config_.dnssec.trust_anchors == DnssecConfig::Anchors::kFile) {
      Readable(*anchors, config_.dnssec.anchor_file);
    }
    const Node* hints = root_.Find("root_hints");
    if (hints != nullptr && config_.root_hints.source == RootHints::Source::kFile) {
      Readable(*hints, config_.root_hints.file);
    }
    std::size_t i = 0;
    for (const Node* item : Items(&root_, "zones")) {
      const Node* file = item->Find("file");
      if (file == nullptr || item->Find("zone") == nullptr) continue;
      Readable(*file, config_.zones[i].file);
      ++i;
    }
  }

  void Readable(const Node& node, const std::string& path) {
    std::error_code error;
    if (access(path.c_str(), R_OK) != 0) {
      report_.Conflict(node, std::string("cannot be read: ") + std::strerror(errno));
    } else if (std::filesystem::is_directory(path, error)) {
      report_.Conflict(node, "is a directory");
    }
  }

  void Control() {
    const Node* admin = root_.Find("admin");
    const Node* control = admin == nullptr ? nullptr : admin->Find("control");
    if (control == nullptr || !config_.admin.control) return;
    constexpr std::size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
    if (config_.admin.control->size() > kMost) {
      report_.Conflict(*control,
                       "the path of a socket has at most " + std::to_string(kMost) + " octets");
    }
  }

  const Node& root_;
  const Config& config_;
  Report& report_;
  std::map<Endpoint, bool> listening_;  // and whether it is DNS over TLS
  std::set<std::string_view> view_names_;
  std::set<std::string_view> views_with_listener_;
};

}  // namespace

void CheckWhole(const Node& root, const Config& config, Report& report) {
  WholeChecker(root, config, report).Check();
}

}  // namespace resolve64::config
