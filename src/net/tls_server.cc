#include "net/tls_server.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "net/openssl_ptr.h"
#include "net/tls_stream.h"

namespace resolve64::net {
namespace {

constexpr long kTicketLifetime = 24L * 60 * 60;  // s
// One is enough: a client that resumes gets the next one (RFC 8446 section 4.6.1).
constexpr std::size_t kTickets = 1;
// What sessions are good for: the same for all certificates, as a ticket is.
constexpr std::array<unsigned char, 9> kSessionContext = {'r', 'e', 's', 'o', 'l',
                                                          'v', 'e', '6', '4'};

// The parts of a ticket key.
constexpr std::size_t kName = 16;
constexpr std::size_t kCipherKey = 32;
constexpr std::size_t kMacKey = 32;
static_assert(kName + kCipherKey + kMacKey == TicketKeys::kOctets);

TicketKeys::Key RandomKey() {
  TicketKeys::Key key{};
  SystemRandom().Fill(key);
  return key;
}

const TlsServer& ServerOf(SSL* ssl) {
  return *static_cast<const TlsServer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

// What a connection offers; pointed to by its SSL.
constexpr Alpn kOffers[] = {Alpn::kDot, Alpn::kHttp2};

std::string_view ProtocolOf(Alpn alpn) { return alpn == Alpn::kHttp2 ? "h2" : "dot"; }

// SSL_CTX_alpn_select_cb_func. `offered` is a list of names with their lengths in front, which
// OpenSSL has checked.
int SelectProtocol(SSL* ssl, const unsigned char** selected, unsigned char* selected_size,
                   const unsigned char* offered, unsigned int offered_size, void* /*argument*/) {
  const std::string_view ours = ProtocolOf(*static_cast<const Alpn*>(SSL_get_app_data(ssl)));
  for (std::size_t at = 0; at < offered_size; at += std::size_t{offered[at]} + 1) {
    const std::size_t size = offered[at];
    if (at + 1 + size > offered_size) break;
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), size) != ours) continue;
    *selected = offered + at + 1;
    *selected_size = static_cast<unsigned char>(size);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool PutKeys(const TicketKeys::Key& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, bool seal) {
  auto* mac_key = const_cast<std::uint8_t*>(key.data() + kName + kCipherKey);
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, kMacKey),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.data() + kName, iv,
                           seal ? 1 : 0) == 1 &&
         EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

}  // namespace

TicketKeys::TicketKeys() { ring_.Lock()->keys.push_back(RandomKey()); }

void TicketKeys::Rotate() {
  const Key key = RandomKey();
  const auto ring = ring_.Lock();
  if (ring->given) return;
  ring->keys.insert(ring->keys.begin(), key);
  if (ring->keys.size() > kKept) ring->keys.pop_back();
}

void TicketKeys::Set(std::vector<Key> keys) {
  const Key key = RandomKey();
  const auto ring = ring_.Lock();
  // Whoever had none and gives none again keeps the clients that have tickets.
  if (keys.empty() && !ring->given) return;
  ring->given = !keys.empty();
  ring->keys = std::move(keys);
  if (ring->keys.empty()) ring->keys.push_back(key);
}

TicketKeys::Key TicketKeys::Newest() const { return ring_.Lock()->keys.front(); }

std::optional<TicketKeys::Found> TicketKeys::Find(const std::uint8_t* name) const {
  const auto ring = ring_.Lock();
  for (const Key& key : ring->keys) {
    if (std::memcmp(key.data(), name, kName) == 0) return Found{key, &key == &ring->keys.front()};
  }
  return std::nullopt;
}

/// OpenSSL's callbacks, which may see inside.
struct TlsServer::Callbacks {
  // SSL_CTX_set_tlsext_servername_callback: called for every ClientHello, with a name or without.
  static int SelectCertificate(SSL* ssl, int* /*alert*/, void* /*argument*/) {
    const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    std::string_view name = sent == nullptr ? "" : sent;
    if (name.ends_with('.')) name.remove_suffix(1);
    // Without a name it stays at the one that Accept() chose for our address.
    if (name.empty() || IpAddress::Parse(name)) return SSL_TLSEXT_ERR_OK;
    const TlsServer& server = ServerOf(ssl);
    // A name that nobody knows is no reason to hang up: a client that checks names will.
    SSL_CTX* context = server.contexts_[server.IndexFor(name).value_or(0)];
    return SSL_set_SSL_CTX(ssl, context) == context ? SSL_TLSEXT_ERR_OK
                                                    : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  // SSL_CTX_set_tlsext_ticket_key_evp_cb. 0: no such key; 1: use it; 2: use it, and renew.
  static int TicketKey(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int seal) {
    const TicketKeys& tickets = *ServerOf(ssl).tickets_;
    if (seal != 0) {
      const TicketKeys::Key key = tickets.Newest();
      if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
      std::memcpy(name, key.data(), kName);
      return PutKeys(key, iv, cipher, mac, true) ? 1 : -1;
    }
    const auto found = tickets.Find(name);
    if (!found) return 0;
    if (!PutKeys(found->key, iv, cipher, mac, false)) return -1;
    // With TLS 1.3 a ticket is for one use (RFC 8446 appendix C.4): the next one comes with this.
    return found->newest && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
  }

  // One certificate's context. Empty where it is usable, else why not.
  static const char* SetUp(SSL_CTX* context, const TlsServer& server,
                           const Certificate& certificate) {
    ERR_clear_error();
    const std::vector<X509*>& chain = certificate.chain();
    if (!HardenTls(context) || SSL_CTX_use_certificate(context, chain.front()) != 1 ||
        SSL_CTX_use_PrivateKey(context, certificate.key()) != 1) {
      return TakeTlsReason();
    }
    for (std::size_t i = 1; i < chain.size(); ++i) {
      if (SSL_CTX_add1_chain_cert(context, chain[i]) != 1) return TakeTlsReason();
    }
    // Our order of ciphers, but for clients that compute ChaCha20 faster than AES, and say so.
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_app_data(context, const_cast<TlsServer*>(&server));
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets alone: no state
    SSL_CTX_set_timeout(context, kTicketLifetime);
    if (SSL_CTX_set_session_id_context(context, kSessionContext.data(), kSessionContext.size()) !=
            1 ||
        SSL_CTX_set_num_tickets(context, kTickets) != 1 ||
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, TicketKey) != 1) {
      return TakeTlsReason();
    }
    SSL_CTX_set_tlsext_servername_callback(context, SelectCertificate);
    SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
    return nullptr;
  }
};

Result<TlsServerPtr> TlsServer::Make(std::vector<CertificatePtr> certificates,
                                     std::shared_ptr<TicketKeys> tickets) {
  const std::shared_ptr<TlsServer> made(new TlsServer);
  made->certificates_ = std::move(certificates);
  made->tickets_ = std::move(tickets);
  for (std::size_t i = 0; i < made->certificates_.size(); ++i) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) {
      return Error{Errc::kBadFile, std::string("OpenSSL gives no context: ") + TakeTlsReason()};
    }
    made->contexts_.push_back(context);
    if (const char* reason = Callbacks::SetUp(context, *made, *made->certificates_[i])) {
      return Error{Errc::kBadFile,
                   "certificate " + std::to_string(i + 1) + " cannot be used: " + reason};
    }
  }
  return TlsServerPtr(made);
}

TlsServer::~TlsServer() {
  for (ssl_ctx_st* context : contexts_) SSL_CTX_free(context);
}

template <class What>
std::optional<std::size_t> TlsServer::IndexFor(const What& what) const {
  const auto found =
      std::find_if(certificates_.begin(), certificates_.end(),
                   [&](const CertificatePtr& candidate) { return candidate->info().Covers(what); });
  if (found == certificates_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - certificates_.begin());
}

std::unique_ptr<Stream> TlsServer::Accept(int fd, Alpn alpn, const IpAddress& asked) const {
  SSL* ssl = SSL_new(contexts_[IndexFor(asked).value_or(0)]);
  if (ssl == nullptr) return nullptr;
  SSL_set_app_data(ssl, const_cast<Alpn*>(&kOffers[static_cast<std::size_t>(alpn)]));
  SSL_set_accept_state(ssl);
  return TlsStream::Make(ssl, fd, shared_from_this());
}

}  // namespace resolve64::net
