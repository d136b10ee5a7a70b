#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "net/openssl_ptr.h"
#include "net/tls_stream.h"

namespace resolve64::net {
namespace {

constexpr std::array<unsigned char, 4> kDot = {3, 'd', 'o', 't'};  // a list of one (RFC 7301)

// Where an SSL has the TlsSessions of its server.
int SessionsIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// True where the certificate has to be for `peer`. A common name is no name (RFC 9525).
bool Expect(SSL* ssl, const TlsPeer& peer, const std::string& name) {
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (!name.empty()) {
    return SSL_set1_host(ssl, name.c_str()) == 1 &&
           SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
  }
  const std::size_t size = peer.address.is_v4() ? 4 : 16;
  return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), peer.address.data(), size) == 1;
}

}  // namespace

TlsSessions::~TlsSessions() { Clear(); }

void TlsSessions::Clear() noexcept {
  for (ssl_session_st* session : kept_) SSL_SESSION_free(session);
  kept_.clear();
}

void TlsSessions::Put(ssl_session_st* session, bool resumed) {
  if (!resumed) proved_ = clock_.Now();
  if (kept_.size() == kKept) {
    SSL_SESSION_free(kept_.front());
    kept_.erase(kept_.begin());
  }
  kept_.push_back(session);
}

ssl_session_st* TlsSessions::Take() noexcept {
  if (clock_.Now() >= proved_ + kLifetime) Clear();
  while (!kept_.empty()) {
    ssl_session_st* session = kept_.back();
    const bool good = SSL_SESSION_is_resumable(session) == 1;
    // The wire of TLS 1.2 shows who comes back anyway, and its servers give no second ticket.
    if (good && SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
      SSL_SESSION_up_ref(session);
      return session;
    }
    kept_.pop_back();
    if (good) return session;
    SSL_SESSION_free(session);
  }
  return nullptr;
}

Result<TlsClientPtr> TlsClient::Make(const std::string& authorities) {
  std::shared_ptr<TlsClient> client(new TlsClient());
  client->strict_ = SSL_CTX_new(TLS_client_method());
  client->any_ = SSL_CTX_new(TLS_client_method());
  for (ssl_ctx_st* context : {client->strict_, client->any_}) {
    if (context == nullptr || !HardenTls(context) ||
        SSL_CTX_set_alpn_protos(context, kDot.data(), kDot.size()) != 0) {
      return Error{Errc::kBadFile, std::string("TLS cannot be set up: ") + TakeTlsReason()};
    }
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* session) {
      auto* sessions = static_cast<TlsSessions*>(SSL_get_ex_data(ssl, SessionsIndex()));
      if (sessions == nullptr) return 0;
      sessions->Put(session, SSL_session_reused(ssl) == 1);
      return 1;  // it is ours now
    });
  }
  SSL_CTX_set_verify(client->any_, SSL_VERIFY_NONE, nullptr);
  // Any certificate is taken, so also one of a weak key (RFC 9539 section 4.6.3.4).
  SSL_CTX_set_security_level(client->any_, 0);

  SSL_CTX_set_verify(client->strict_, SSL_VERIFY_PEER, nullptr);
  if (authorities.empty()) {
    SSL_CTX_set_default_verify_paths(client->strict_);
  } else {
    if (SSL_CTX_load_verify_file(client->strict_, authorities.c_str()) != 1) {
      return Error{Errc::kBadFile, authorities + ": no certificates in PEM: " + TakeTlsReason()};
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(client->strict_), X509_V_FLAG_PARTIAL_CHAIN);
  }
  ERR_clear_error();
  return TlsClientPtr(std::move(client));
}

TlsClient::~TlsClient() {
  SSL_CTX_free(strict_);
  SSL_CTX_free(any_);
}

std::unique_ptr<Stream> TlsClient::Connect(int fd, const TlsPeer& peer,
                                           TlsSessions& sessions) const {
  SslPtr ssl(SSL_new(peer.authenticated ? strict_ : any_));
  if (ssl == nullptr) return nullptr;
  std::string name = peer.name;
  if (!name.empty() && name.back() == '.') name.pop_back();  // certificates have no root dot
  if (peer.authenticated && !Expect(ssl.get(), peer, name)) return nullptr;
  if (SSL_set_ex_data(ssl.get(), SessionsIndex(), &sessions) != 1) return nullptr;
  if (ssl_session_st* session = sessions.Take(); session != nullptr) {
    SSL_set_session(ssl.get(), session);
    SSL_SESSION_free(session);
  }
  SSL_set_connect_state(ssl.get());
  return TlsStream::Make(ssl.release(), fd, shared_from_this());
}

}  // namespace resolve64::net
