#include "tls.h"

#include <csignal>

#include "system.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kReadBuffer = 65536;  // octets taken in by one read(2)

SslContext Common(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method));
  if (!context) Die("OpenSSL has no context for us");
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadBuffer);
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write(2)
  return context;
}

}  // namespace

SslContext ClientContext(const std::string& alpn) {
  SslContext context = Common(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  if (!alpn.empty()) {
    const std::string wire = static_cast<char>(alpn.size()) + alpn;
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
  }
  return context;
}

SslContext ServerContext(const std::string& cert, const std::string& key) {
  SslContext context = Common(TLS_server_method());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(context.get(), 1);
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    Die("cannot use " + cert + " and " + key);
  }
  return context;
}

Ssl NewClient(SSL_CTX* context, int fd, const std::string& name) {
  Ssl ssl(SSL_new(context));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) Die("OpenSSL has no connection for us");
  if (!name.empty()) SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace resolve64::bench
