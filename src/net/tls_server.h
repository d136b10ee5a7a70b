// The server's side of TLS 1.2 and 1.3 (RFC 8446, RFC 9325): which certificate, which protocol,
// which tickets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/lock_guarded.h"
#include "net/certificate.h"
#include "net/stream.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

struct ssl_ctx_st;

namespace resolve64::net {

/// The keys that session tickets are sealed with (RFC 5077 section 4), the same for all workers.
/// A ticket is made with the newest, and accepted under the ones before it. Any thread.
class TicketKeys {
 public:
  /// Octets of a key as it is given by an operator: 16 of name, 32 of AES-256, 32 of HMAC-SHA-256.
  static constexpr std::size_t kOctets = 80;
  using Key = std::array<std::uint8_t, kOctets>;
  /// So many are kept: with a new one every 12 hours a ticket lives for a day.
  static constexpr std::size_t kKept = 3;

  /// Starts with a random key.
  TicketKeys();

  /// A new random key in front; the oldest goes. Nothing where the operator gave the keys.
  void Rotate();
  /// The operator's keys, the newest first, instead of random ones. Empty: random ones again.
  void Set(std::vector<Key> keys);

  [[nodiscard]] Key Newest() const;
  struct Found {
    Key key{};
    bool newest = false;  ///< false: a new ticket is due
  };
  /// The key of that name; empty where it is gone.
  [[nodiscard]] std::optional<Found> Find(const std::uint8_t* name) const;

 private:
  struct Ring {
    std::vector<Key> keys;  // the newest first; never empty
    bool given = false;     // by the operator
  };
  LockGuarded<Ring> ring_;
};

/// Which protocols a listener offers (ALPN, RFC 7301).
enum class Alpn : std::uint8_t {
  kDot,    ///< "dot"; a client that offers nothing is served, too (RFC 7858 names none)
  kHttp2,  ///< "h2"
};

/// Certificates in use. Immutable but for its tickets; any thread.
class TlsServer : public std::enable_shared_from_this<TlsServer> {
 public:
  /// `certificates`: not empty; the first is for clients that name nobody we know. kBadFile where
  /// OpenSSL refuses one (a key that is too small, say).
  static Result<std::shared_ptr<const TlsServer>> Make(std::vector<CertificatePtr> certificates,
                                                       std::shared_ptr<TicketKeys> tickets);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// The stream of an accepted connection. The certificate is the first that covers the name the
  /// client asks for (SNI, RFC 6066 section 3); where it asks for none, the first that covers
  /// `asked`, our address (RFC 9462 section 6.3); else the first. An address in the place of the
  /// name (there are clients that send one) counts as no name. A client whose ALPN list holds
  /// nothing of ours gets the alert no_application_protocol (RFC 7301 section 3.2). Null where
  /// there is no memory. The stream keeps this alive.
  [[nodiscard]] std::unique_ptr<Stream> Accept(int fd, Alpn alpn, const IpAddress& asked) const;

  [[nodiscard]] const std::vector<CertificatePtr>& certificates() const noexcept {
    return certificates_;
  }

 private:
  struct Callbacks;
  TlsServer() = default;
  // Of the first certificate that covers a name or an address.
  template <class What>
  [[nodiscard]] std::optional<std::size_t> IndexFor(const What& what) const;

  std::vector<CertificatePtr> certificates_;
  std::shared_ptr<TicketKeys> tickets_;
  std::vector<ssl_ctx_st*> contexts_;  // owned; one a certificate
};
using TlsServerPtr = std::shared_ptr<const TlsServer>;

}  // namespace resolve64::net
