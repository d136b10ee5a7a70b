#include "server/services.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>

#include "config/values.h"
#include "server/sockets.h"

namespace resolve64::server {
namespace {

using Transport = config::Listener::Transport;

// A client that reads more addresses than this is not helped by them.
constexpr std::size_t kMaxAddresses = 8;

bool Contains(const std::vector<IpAddress>& list, const IpAddress& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

IpAddress LoopbackOf(const IpAddress& family) {
  if (family.is_v4()) return Ipv4{{127, 0, 0, 1}};
  Ipv6 address;
  address.octets.back() = 1;
  return address;
}

const char* Family(const IpAddress& address) { return address.is_v4() ? "IPv4" : "IPv6"; }

}  // namespace

bool IsLoopback(const IpAddress& address) noexcept {
  if (address.is_v4()) return address.data()[0] == 127;
  return address == LoopbackOf(address);
}

bool IsLinkLocal(const IpAddress& address) noexcept {
  const std::uint8_t* octets = address.data();
  if (address.is_v4()) return octets[0] == 169 && octets[1] == 254;
  return octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80;
}

std::string ServerNameOf(const net::CertificateInfo& certificate) {
  for (const std::string& entry : certificate.names) {
    std::optional<std::string> name = config::HostName(entry);
    // RFC 9462 section 4: never resolver.arpa. localhost is everybody's own.
    if (!name || *name == "localhost" || *name == "resolver.arpa" ||
        name->ends_with(".localhost") || name->ends_with(".resolver.arpa")) {
      continue;
    }
    return *std::move(name);
  }
  return {};
}

Services::Services(const config::Config& config, std::span<const net::CertificateInfo> certificates,
                   std::span<const IpAddress> host) {
  for (const Transport transport : {Transport::kTls, Transport::kHttps}) {
    for (const config::Listener& listener : config.listen) {
      if (listener.transport != transport || !listener.proxies.empty()) continue;
      EncryptedService service;
      service.transport = transport;
      service.address = listener.address;
      service.port = listener.port;
      if (transport == Transport::kHttps) service.path = listener.path;
      service.view = listener.view;
      list_.push_back(std::move(service));
    }
  }
  if (list_.empty()) return;
  for (const net::CertificateInfo& certificate : certificates) {
    subjects_.push_back({ServerNameOf(certificate), certificate.addresses});
  }
  if (subjects_.empty()) subjects_.emplace_back();
  for (const IpAddress& address : host) {
    if (!IsLoopback(address) && !IsLinkLocal(address) && !Contains(host_, address)) {
      host_.push_back(address);
    }
  }
  for (const config::Listener& listener : config.listen) {
    if (!IsWildcard(listener.address)) {
      taken_.push_back(Endpoint{listener.address, listener.port});
    }
  }
}

std::vector<IpAddress> Services::AddressesOf(const EncryptedService& service,
                                             const IpAddress& client,
                                             const std::optional<IpAddress>& asked) const {
  const bool local = IsLoopback(client);
  if (!IsWildcard(service.address)) {
    if (IsLoopback(service.address) && !local) return {};
    return {service.address};
  }
  const auto is_free = [&](const IpAddress& address) {
    const Endpoint endpoint{address, service.port};
    return std::find(taken_.begin(), taken_.end(), endpoint) == taken_.end();
  };
  if (asked && IsLoopback(*asked)) {
    // From elsewhere that address was asked by a proxy, and not by the client.
    const IpAddress own =
        asked->is_v4() == service.address.is_v4() ? *asked : LoopbackOf(service.address);
    if (local && is_free(own)) return {own};
  } else if (asked && asked->is_v4() == service.address.is_v4() && !IsLinkLocal(*asked) &&
             is_free(*asked)) {
    return {*asked};
  }
  std::vector<IpAddress> addresses;
  for (const IpAddress& address : host_) {
    if (address.is_v4() == service.address.is_v4() && is_free(address) &&
        addresses.size() < kMaxAddresses) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

std::size_t Services::CertificateAt(const IpAddress& address) const {
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    if (Contains(subjects_[i].addresses, address)) return i;
  }
  return 0;
}

const std::string& Services::NameAt(const IpAddress& address) const {
  static const std::string kNone;
  return subjects_.empty() ? kNone : subjects_[CertificateAt(address)].name;
}

namespace {

// Looks at what clients of the plain listeners will find.
class Inspector {
 public:
  Inspector(const config::Config& config, std::span<const net::CertificateInfo> certificates,
            std::span<const IpAddress> host)
      : config_(config),
        certificates_(certificates),
        host_(host),
        services_(config, certificates, host) {}

  std::vector<std::string> Inspect() {
    if (services_.list().empty() || certificates_.empty()) return {};
    Names();
    for (const config::Listener& plain : config_.listen) {
      if (plain.transport != Transport::kDns || !plain.proxies.empty()) continue;
      if (!IsWildcard(plain.address)) {
        Plain(plain, plain.address);
        continue;
      }
      for (const IpAddress& address : host_) {
        if (address.is_v4() == plain.address.is_v4() && !IsLinkLocal(address)) {
          Plain(plain, address);
        }
      }
    }
    return std::move(warnings_);
  }

 private:
  [[nodiscard]] std::string FileOf(std::size_t certificate) const {
    if (certificate < config_.tls.certificates.size()) {
      return config_.tls.certificates[certificate].certificate;
    }
    return "the self-signed certificate";
  }

  // Everybody but those on this host.
  [[nodiscard]] std::vector<IpAddress> AddressesOf(const EncryptedService& service,
                                                   const std::optional<IpAddress>& asked) const {
    return services_.AddressesOf(service, service.address.is_v4() ? Ipv4{} : IpAddress(Ipv6{}),
                                 asked);
  }

  void Names() {
    std::set<std::size_t> nameless;
    std::map<std::string, const EncryptedService*> first;
    for (const EncryptedService& service : services_.list()) {
      for (const IpAddress& address : AddressesOf(service, std::nullopt)) {
        const std::string& name = services_.NameAt(address);
        if (name.empty()) {
          nameless.insert(services_.CertificateAt(address));
          continue;
        }
        const auto [other, is_new] = first.emplace(name, &service);
        if (is_new || other->second->view == service.view ||
            !shared_.insert({name, service.view.value_or("")}).second) {
          continue;
        }
        warnings_.push_back(
            "listeners of two views, " + ViewText(other->second->view) + " and " +
            ViewText(service.view) + ", show a certificate for " + name +
            ": a client that looks up this name may come to the other one and get its prefixes; "
            "give each a certificate of its own, in tls.certificates");
      }
    }
    for (const std::size_t certificate : nameless) {
      warnings_.push_back(FileOf(certificate) +
                          " holds no name of a host: encrypted services with it are not announced "
                          "to clients (RFC 9462); " +
                          (config_.tls.certificates.empty()
                               ? "name this host in tls.names"
                               : "get one with a DNS name that is no wildcard"));
    }
  }

  static std::string ViewText(const std::optional<std::string>& view) {
    return view ? "\"" + *view + "\"" : "the default";
  }

  // A listener without a view answers from one that is for some clients, too.
  [[nodiscard]] bool CanShareAView(const config::Listener& plain,
                                   const EncryptedService& service) const {
    if (plain.view == service.view) return true;
    if (plain.view && service.view) return false;
    const std::string& name = plain.view ? *plain.view : *service.view;
    return std::any_of(config_.views.begin(), config_.views.end(), [&](const config::View& view) {
      return view.name == name && !view.clients.empty();
    });
  }

  void Plain(const config::Listener& plain, const IpAddress& address) {
    if (IsLoopback(address) || !seen_.insert(address).second) return;
    bool announced = false;
    bool same_family = false;
    for (const EncryptedService& service : services_.list()) {
      if (!CanShareAView(plain, service)) continue;
      for (const IpAddress& target : AddressesOf(service, address)) {
        if (services_.NameAt(target).empty()) continue;
        announced = true;
        same_family = same_family || target.is_v4() == address.is_v4();
        Held(address, services_.CertificateAt(target));
      }
    }
    if (announced && !same_family) {
      warnings_.push_back("clients that ask " + address.ToText() + " over " + Family(address) +
                          " alone reach no encrypted service (RFC 9462 section 4): listen with "
                          "\"tls\" or \"https\" on an " +
                          Family(address) + " address, too");
    }
  }

  // RFC 9462 section 4.2: the certificate vouches for the address that was asked in clear.
  void Held(const IpAddress& address, std::size_t certificate) {
    if (certificates_[certificate].Covers(address) ||
        !missing_.insert({address, certificate}).second) {
      return;
    }
    warnings_.push_back(FileOf(certificate) + " does not hold " + address.ToText() +
                        ", where clients ask in clear: they do not go over to encryption by "
                        "themselves (RFC 9462 section 4.2); " +
                        (config_.tls.certificates.empty() ? "add the address to tls.names"
                                                          : "get a certificate with this address"));
  }

  const config::Config& config_;
  std::span<const net::CertificateInfo> certificates_;
  std::span<const IpAddress> host_;
  Services services_;
  std::set<IpAddress> seen_;
  std::set<std::pair<std::string, std::string>> shared_;
  std::set<std::pair<IpAddress, std::size_t>> missing_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> ServiceWarnings(const config::Config& config,
                                         std::span<const net::CertificateInfo> certificates,
                                         std::span<const IpAddress> host) {
  return Inspector(config, certificates, host).Inspect();
}

}  // namespace resolve64::server
