// Which encrypted services there are, under which names and addresses: what discovery announces
// (RFC 9462) and profiles are written from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/certificate.h"
#include "resolve64/ip.h"

namespace resolve64::server {

/// A listener for DNS over TLS or HTTPS. A plain value.
struct EncryptedService {
  config::Listener::Transport transport = config::Listener::Transport::kTls;
  IpAddress address;  ///< as configured: maybe a wildcard
  std::uint16_t port = 0;
  std::string path;                 ///< of HTTPS
  std::optional<std::string> view;  ///< that of the listener, where it has one
  bool operator==(const EncryptedService&) const = default;
};

/// The encrypted services of one configuration. Immutable; any thread.
class Services {
 public:
  Services() = default;
  /// `certificates`: those in use, in the order in which they are tried. `host`: the addresses of
  /// this host, for listeners on all of them.
  ///
  /// Listeners behind a proxy are left out: which address leads to them nobody here knows.
  Services(const config::Config& config, std::span<const net::CertificateInfo> certificates,
           std::span<const IpAddress> host);

  /// DNS over TLS first, then HTTPS, each in the order of the configuration.
  [[nodiscard]] const std::vector<EncryptedService>& list() const noexcept { return list_; }

  /// Where `client` reaches that service: at the address of the listener; at a wildcard, at
  /// `asked`, the address that the client knows already, or else at the host's addresses of that
  /// family. Loopback addresses only for clients on this host, and no address that belongs to
  /// another listener. Empty: not at all.
  [[nodiscard]] std::vector<IpAddress> AddressesOf(const EncryptedService& service,
                                                   const IpAddress& client,
                                                   const std::optional<IpAddress>& asked) const;

  /// The name under which clients find `address`: the first in the certificate that is shown there
  /// which is the name of a host, so neither a wildcard nor localhost, in lower case. Empty: none.
  [[nodiscard]] const std::string& NameAt(const IpAddress& address) const;
  /// The place of that certificate among those that were given; zero where there are none.
  [[nodiscard]] std::size_t CertificateAt(const IpAddress& address) const;

  bool operator==(const Services&) const = default;

 private:
  struct Subject {
    std::string name;
    std::vector<IpAddress> addresses;
    bool operator==(const Subject&) const = default;
  };

  std::vector<EncryptedService> list_;
  std::vector<Subject> subjects_;  // of the certificates; never empty where list_ is not
  std::vector<IpAddress> host_;    // without loopback and link-local addresses
  std::vector<Endpoint> taken_;    // by listeners that are no wildcards
};

/// 127.0.0.0/8 and ::1.
bool IsLoopback(const IpAddress& address) noexcept;
/// 169.254.0.0/16 and fe80::/10.
bool IsLinkLocal(const IpAddress& address) noexcept;

/// The first name in a certificate that can be the name of a server; empty where there is none.
std::string ServerNameOf(const net::CertificateInfo& certificate);

/// What keeps clients from going over to the encrypted services by themselves, one a line: a plain
/// address that the certificate does not hold (RFC 9462 section 4.2), a certificate without a name,
/// an address family without encryption, one name for listeners of two views. Empty where nothing
/// is encrypted. Arguments as those of Services.
std::vector<std::string> ServiceWarnings(const config::Config& config,
                                         std::span<const net::CertificateInfo> certificates,
                                         std::span<const IpAddress> host);

}  // namespace resolve64::server
