// OpenSSL for the programs of bench/: no certificate is verified, they are the bench's own.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace resolve64::bench {

struct SslFree {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;
using SslContext = std::unique_ptr<SSL_CTX, SslFree>;
using SslSession = std::unique_ptr<SSL_SESSION, SslFree>;

/// `alpn`: a protocol to offer, "" for none.
SslContext ClientContext(const std::string& alpn);
/// TLS 1.3 with one ticket a handshake. Ends the program where the PEM files cannot be used.
SslContext ServerContext(const std::string& cert, const std::string& key);
/// A connection on `fd`; `name` is the server's for SNI, "" for none.
Ssl NewClient(SSL_CTX* context, int fd, const std::string& name);

}  // namespace resolve64::bench
