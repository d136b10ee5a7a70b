// The client's side of TLS 1.2 and 1.3 (RFC 8446, RFC 8310): who the other side must be, and the
// sessions that a server gave us.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "net/stream.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace resolve64::net {

/// Who the other side of a connection must be.
struct TlsPeer {
  /// True: a chain to an authority that we trust, and the name or the address in the certificate
  /// (RFC 8310 section 8.1). False: anybody will do (opportunistic, RFC 9539 section 4.6.3.4), and
  /// no name is sent (section 4.6.3.3).
  bool authenticated = true;
  /// The name, which is sent as SNI (RFC 6066 section 3) and must be a dNSName of the certificate.
  /// Empty: `address` must be an iPAddress of it.
  std::string name;
  IpAddress address;

  TlsPeer() = default;
  TlsPeer(bool a, std::string n, const IpAddress& i)
      : authenticated(a), name(std::move(n)), address(i) {}
};

/// Sessions that one server gave us, to go on from (RFC 8446 section 2.2). What was checked of the
/// server holds for them too, so they are good for the same TlsPeer and the same TlsClient only.
/// One thread. Outlives the streams that were connected with it.
class TlsSessions {
 public:
  static constexpr std::size_t kKept = 2;  ///< the oldest goes
  /// So long after the server proved who it is it must do so again, whatever its tickets say.
  static constexpr Duration kLifetime = std::chrono::hours(1);

  /// `clock` is borrowed.
  explicit TlsSessions(const Clock& clock) : clock_(clock) {}
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;
  ~TlsSessions();

  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }
  void Clear() noexcept;

 private:
  friend class TlsClient;
  // Takes the session, which came over a connection that was itself `resumed` or not.
  void Put(ssl_session_st* session, bool resumed);
  // The newest, a reference of which is the caller's: a ticket of TLS 1.3 is used once (RFC 8446
  // appendix C.4). Null where there is none.
  ssl_session_st* Take() noexcept;

  const Clock& clock_;
  TimePoint proved_{};                 // when the server last showed its certificate
  std::vector<ssl_session_st*> kept_;  // owned; the oldest first
};

/// What connections to servers have in common. Immutable; any thread.
class TlsClient : public std::enable_shared_from_this<TlsClient> {
 public:
  /// `authorities`: a file of certificates in PEM that vouch for servers; empty: the system's. They
  /// need not be roots, and a server's own certificate vouches for it. kBadFile where the file
  /// cannot be read or holds none. Blocks on files.
  static Result<std::shared_ptr<const TlsClient>> Make(const std::string& authorities);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// The stream of `fd`, which is connected, or about to be. It offers "dot" (ALPN, RFC 7858
  /// section 3.1), and goes on from a session of `sessions` where there is one. Where `peer` is not
  /// who is there, Handshake() is kFailed, and Stream::error() says why. Null where there is no
  /// memory, or where the name is none. The stream keeps this alive.
  [[nodiscard]] std::unique_ptr<Stream> Connect(int fd, const TlsPeer& peer,
                                                TlsSessions& sessions) const;

 private:
  TlsClient() = default;

  ssl_ctx_st* strict_ = nullptr;  // owned
  ssl_ctx_st* any_ = nullptr;     // owned; takes any certificate
};
using TlsClientPtr = std::shared_ptr<const TlsClient>;

}  // namespace resolve64::net
