#include "ctl/profile.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "config/values.h"
#include "server/services.h"

namespace resolve64::ctl {
namespace {

using Transport = config::Listener::Transport;
using server::EncryptedService;
using server::Services;

constexpr std::array kKinds = {
    ProfileKind{"apple", "a configuration profile for iPhone, iPad and Mac (.mobileconfig)"},
    ProfileKind{"android", "the steps for Private DNS, and a code to scan"},
    ProfileKind{"windows", "PowerShell commands for DNS over HTTPS on Windows 11"},
    ProfileKind{"systemd-resolved", "a drop-in file"},
    ProfileKind{"networkmanager", "nmcli commands"},
    ProfileKind{"stubby", "a configuration file"},
    ProfileKind{"qr", "a code to scan: the name, or the URL of DNS over HTTPS"},
};

Error Refused(std::string reason) { return Error{Errc::kRefused, std::move(reason)}; }

const char* Word(Transport transport) { return transport == Transport::kTls ? "tls" : "https"; }

template <class Range>
std::string Joined(const Range& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + std::string(item);
  return text;
}

std::string Subjects(const net::CertificateInfo& certificate) {
  std::vector<std::string> all = certificate.names;
  for (const IpAddress& address : certificate.addresses) all.push_back(address.ToText());
  return all.empty() ? "nobody" : Joined(all);
}

// The first certificate of a PEM text.
std::string FirstCertificate(const std::string& pem) {
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----\n";
  const std::size_t begin = pem.find("-----BEGIN CERTIFICATE-----");
  const std::size_t end = pem.find(kEnd, begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return pem.substr(begin, end + kEnd.size() - begin);
}

class Finder {
 public:
  Finder(const ProfileRequest& request, const config::Config& config,
         std::span<const net::CertificatePtr> certificates, std::span<const IpAddress> host,
         std::int64_t now)
      : request_(request), config_(config), certificates_(certificates), now_(now) {
    std::vector<net::CertificateInfo> infos;
    for (const net::CertificatePtr& one : certificates) infos.push_back(one->info());
    services_ = Services(config, infos, host);
  }

  Result<ProfileTarget> Find() {
    if (auto error = ChooseListeners()) return *std::move(error);
    if (auto error = ChooseAddresses()) return *std::move(error);
    if (auto error = ChooseName()) return *std::move(error);
    if (auto error = CheckDates()) return *std::move(error);
    const net::Certificate& certificate = *certificates_[certificate_];
    target_.pin = certificate.info().spki_pin;
    if (certificate.info().self_signed) {
      target_.self_signed_pem = FirstCertificate(certificate.ToPem());
    }
    return std::move(target_);
  }

 private:
  using Wrong = std::optional<Error>;

  // Android and the Linux resolvers speak DNS over TLS alone, Windows DNS over HTTPS alone.
  [[nodiscard]] std::vector<Transport> Suitable() const {
    if (request_.kind == "windows") return {Transport::kHttps};
    if (request_.kind == "apple" || request_.kind == "qr") {
      return {Transport::kTls, Transport::kHttps};
    }
    return {Transport::kTls};
  }

  Wrong ChooseListeners() {
    std::vector<Transport> transports = Suitable();
    if (request_.transport) {
      if (std::find(transports.begin(), transports.end(), *request_.transport) ==
          transports.end()) {
        return Refused(request_.kind + " can only use \"" + Word(transports.front()) + "\"");
      }
      transports = {*request_.transport};
    }
    if (!request_.view.empty() && !HasView()) {
      return Refused("there is no view \"" + request_.view + "\" in the configuration");
    }
    for (const Transport transport : transports) {
      Gather(transport, request_.view.empty() ? std::nullopt : std::optional(request_.view));
      // Clients of a view without a listener of its own are known by their addresses.
      if (matching_.empty() && !request_.view.empty() && ViewHasClients()) {
        Gather(transport, std::nullopt);
      }
      if (!matching_.empty()) break;
    }
    if (matching_.empty()) return NoListener(transports);
    target_.transport = matching_.front().transport;
    target_.port = matching_.front().port;
    target_.path = matching_.front().path;
    target_.view = request_.view;
    return std::nullopt;
  }

  [[nodiscard]] const config::View* View() const {
    const auto found = std::find_if(config_.views.begin(), config_.views.end(),
                                    [&](const auto& view) { return view.name == request_.view; });
    return found == config_.views.end() ? nullptr : &*found;
  }
  [[nodiscard]] bool HasView() const { return View() != nullptr; }
  [[nodiscard]] bool ViewHasClients() const { return !View()->clients.empty(); }

  // The first listener of that view, and those that differ from it by their address alone.
  void Gather(Transport transport, const std::optional<std::string>& view) {
    for (const EncryptedService& service : services_.list()) {
      if (service.transport != transport || service.view != view) continue;
      if (matching_.empty() ||
          (service.port == matching_.front().port && service.path == matching_.front().path)) {
        matching_.push_back(service);
      }
    }
  }

  [[nodiscard]] Error NoListener(const std::vector<Transport>& transports) const {
    std::set<std::string> views;
    bool proxied = false;
    for (const config::Listener& listener : config_.listen) {
      if (std::find(transports.begin(), transports.end(), listener.transport) == transports.end()) {
        continue;
      }
      if (listener.view) views.insert(*listener.view);
      proxied = proxied || !listener.proxies.empty();
    }
    const std::string first = Word(transports.front());
    const std::string wanted = transports.size() == 1 ? '"' + first + '"' : R"("tls" or "https")";
    if (proxied) {
      return Refused("the listeners with transport " + wanted +
                     " are behind a proxy: only it knows the address that clients must use");
    }
    if (!views.empty() && request_.view.empty()) {
      return Refused("every listener with transport " + wanted +
                     " belongs to a view: choose one with --view: " + Joined(views));
    }
    if (!request_.view.empty()) {
      return Refused("view \"" + request_.view + "\" has no listener with transport " + wanted +
                     ", and clients do not come to it from another one");
    }
    return Refused("there is no listener with transport " + wanted +
                   R"(: add one to "listen", such as { "address": "::", "transport": ")" + first +
                   R"(" })");
  }

  Wrong ChooseAddresses() {
    target_.addresses = request_.addresses;
    if (!target_.addresses.empty()) return std::nullopt;
    for (const EncryptedService& service : matching_) {
      const IpAddress anybody = service.address.is_v4() ? IpAddress(Ipv4{}) : IpAddress(Ipv6{});
      for (const IpAddress& address : services_.AddressesOf(service, anybody, std::nullopt)) {
        target_.addresses.push_back(address);
      }
    }
    if (!target_.addresses.empty()) return std::nullopt;
    return Refused(
        "the resolver listens on loopback addresses only: nobody but this host reaches it; give it "
        "an address that others reach, or say with --address where they find it");
  }

  Wrong ChooseName() {
    certificate_ = services_.CertificateAt(target_.addresses.front());
    if (request_.name.empty()) {
      target_.name = services_.NameAt(target_.addresses.front());
      return target_.name.empty() ? CheckAddresses() : std::nullopt;
    }
    if (IpAddress::Parse(request_.name)) {
      return Refused("--name wants a name, and " + request_.name + " is an address");
    }
    const std::optional<std::string> name = config::HostName(request_.name);
    if (!name) return Refused("\"" + request_.name + "\" is not the name of a host");
    const auto found = std::find_if(certificates_.begin(), certificates_.end(),
                                    [&](const auto& one) { return one->info().Covers(*name); });
    if (found == certificates_.end()) {
      return Refused("the certificate is not for " + *name + " but for " +
                     Subjects(certificates_[certificate_]->info()) + ": clients would refuse it");
    }
    certificate_ = static_cast<std::size_t>(found - certificates_.begin());
    target_.name = *name;
    return std::nullopt;
  }

  // Without a name the client holds the certificate against the address.
  [[nodiscard]] Wrong CheckAddresses() const {
    const net::CertificateInfo& info = certificates_[certificate_]->info();
    for (const IpAddress& address : target_.addresses) {
      if (info.Covers(address)) continue;
      return Refused("the certificate holds neither the name of a host nor " + address.ToText() +
                     ", it is for " + Subjects(info) + ": get one for the name of this resolver" +
                     (info.self_signed ? ", or name it in tls.names" : ""));
    }
    return std::nullopt;
  }

  [[nodiscard]] Wrong CheckDates() const {
    const net::CertificateInfo& info = certificates_[certificate_]->info();
    if (info.not_after <= now_) {
      return Refused("the certificate for " + Subjects(info) +
                     " has expired: clients would refuse it; renew it first");
    }
    if (info.not_before > now_) {
      return Refused("the certificate for " + Subjects(info) +
                     " is not valid yet: clients would refuse it");
    }
    return std::nullopt;
  }

  const ProfileRequest& request_;
  const config::Config& config_;
  std::span<const net::CertificatePtr> certificates_;
  std::int64_t now_;
  Services services_;
  std::vector<EncryptedService> matching_;
  std::size_t certificate_ = 0;
  ProfileTarget target_;
};

}  // namespace

std::span<const ProfileKind> ProfileKinds() { return kKinds; }

std::string ProfileTarget::Url() const {
  std::string host = name;
  if (host.empty()) {
    host = addresses.front().ToText();
    if (addresses.front().is_v6()) host = "[" + host + "]";
  }
  return "https://" + host + (at_default_port() ? "" : ":" + std::to_string(port)) + path;
}

Result<ProfileTarget> FindTarget(const ProfileRequest& request, const config::Config& config,
                                 std::span<const net::CertificatePtr> certificates,
                                 std::span<const IpAddress> host, std::int64_t now) {
  return Finder(request, config, certificates, host, now).Find();
}

}  // namespace resolve64::ctl
