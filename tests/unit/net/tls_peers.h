// A TLS server and plain OpenSSL clients of it, over socket pairs and in one thread.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/openssl_ptr.h"
#include "net/tls_server.h"
#include "unit/net/issue.h"

namespace resolve64::net {
using SessionPtr = std::unique_ptr<SSL_SESSION, OpensslFree<SSL_SESSION_free>>;

inline const IpAddress kNowhere = *IpAddress::Parse("192.0.2.99");

// Both ends of a connection.
class Pair {
 public:
  // How much fits is what the tests know, and not what this machine has for a default.
  static constexpr int kBufferOctets = 64 << 10;

  Pair() {
    EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()));
    for (const int end : ends_) {
      EXPECT_EQ(0, ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kBufferOctets, sizeof kBufferOctets));
    }
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  [[nodiscard]] int server() const { return ends_[0]; }
  [[nodiscard]] int client() const { return ends_[1]; }
  void CloseClient() { ::close(std::exchange(ends_[1], -1)); }

 private:
  std::array<int, 2> ends_{};
};

struct Wants {
  int least = TLS1_2_VERSION;
  int most = TLS1_3_VERSION;
  const char* ciphers = nullptr;       // of TLS 1.2
  const char* name = nullptr;          // SNI
  std::vector<std::string> protocols;  // ALPN
  SSL_SESSION* session = nullptr;      // to resume
  const Issued* authority = nullptr;   // null: any certificate will do
};

// A plain OpenSSL client, which has nothing of what is tested.
class Client {
 public:
  Client(int fd, const Wants& wants) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), wants.least);
    SSL_CTX_set_max_proto_version(context_.get(), wants.most);
    if (wants.ciphers != nullptr) {
      EXPECT_EQ(1, SSL_CTX_set_cipher_list(context_.get(), wants.ciphers));
    }
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context_.get(), Keep);
    if (wants.authority != nullptr) {
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
      const CertificatePtr authority = Parsed(*wants.authority);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), authority->chain().front());
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_app_data(ssl_.get(), this);
    if (wants.name != nullptr) SSL_set_tlsext_host_name(ssl_.get(), wants.name);
    std::string offered;
    for (const std::string& protocol : wants.protocols) {
      offered += static_cast<char>(protocol.size());
      offered += protocol;
    }
    if (!offered.empty()) {
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                          static_cast<unsigned int>(offered.size()));
    }
    if (wants.session != nullptr) SSL_set_session(ssl_.get(), wants.session);
    SSL_set_fd(ssl_.get(), fd);
    SSL_set_connect_state(ssl_.get());
  }

  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  [[nodiscard]] const std::vector<SessionPtr>& sessions() const { return sessions_; }
  [[nodiscard]] std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  [[nodiscard]] std::string CertificatePem() const {
    const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return TextOf(bio.get());
  }
  // What is there, until there is no more for now; SSL_get_error() of the end in `ended_with`.
  std::string Read(int* ended_with = nullptr) {
    std::string all;
    std::array<char, 4096> some{};
    int got = 0;
    ERR_clear_error();
    while ((got = SSL_read(ssl_.get(), some.data(), some.size())) > 0) {
      all.append(some.data(), static_cast<std::size_t>(got));
    }
    if (ended_with != nullptr) *ended_with = SSL_get_error(ssl_.get(), got);
    return all;
  }
  void Write(std::string_view octets) {
    EXPECT_EQ(static_cast<int>(octets.size()),
              SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size())));
  }

 private:
  static int Keep(SSL* ssl, SSL_SESSION* session) {
    static_cast<Client*>(SSL_get_app_data(ssl))->sessions_.emplace_back(session);
    return 1;
  }

  SslCtxPtr context_;
  std::vector<SessionPtr> sessions_;
  SslPtr ssl_;
};

// Until both are through, or one has failed. Returns how it went for the server; `alert` is what
// the client was told.
inline Io::State Shake(Stream& server, Client& client, std::string* alert = nullptr) {
  bool client_over = false;
  std::optional<Io::State> served;
  for (int turn = 0; turn < 50 && !(served && client_over); ++turn) {
    if (!client_over) {
      ERR_clear_error();
      const int returned = SSL_do_handshake(client.ssl());
      const int why = SSL_get_error(client.ssl(), returned);
      client_over = returned == 1 || why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL;
      if (why == SSL_ERROR_SSL && alert != nullptr) {
        *alert = ERR_reason_error_string(ERR_peek_error());
      }
    }
    if (!served) {
      const Io io = server.Handshake();
      if (io.state == Io::State::kWait) {
        EXPECT_TRUE(server.waits_for() == EPOLLIN || server.waits_for() == EPOLLOUT);
      } else {
        served = io.state;
      }
    }
  }
  return served.value_or(Io::State::kWait);
}

// What comes until there is no more for now.
inline std::string ReadAll(Stream& stream, Io::State* ended_with = nullptr) {
  std::string all;
  std::array<std::uint8_t, 4096> some{};
  for (;;) {
    const Io io = stream.Read(some);
    if (io.state != Io::State::kDone) {
      if (ended_with != nullptr) *ended_with = io.state;
      return all;
    }
    all.append(reinterpret_cast<const char*>(some.data()), io.octets);
  }
}

inline Io WriteText(Stream& stream, std::string_view text) {
  return stream.Write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

inline Issued IssuedFor(const char* names, KeyKind kind = KeyKind::kP256) {
  IssueOptions options;
  options.names = names;
  options.kind = kind;
  return Issue("server", options);
}

// Three certificates, in this order: for one name, for a wildcard, for addresses.
struct World {
  Issued first = IssuedFor("DNS:first.example.com");
  Issued wild = IssuedFor("DNS:*.wild.example.com");
  Issued address = IssuedFor("IP:192.0.2.1,IP:2001:db8::1");
  std::shared_ptr<TicketKeys> tickets = std::make_shared<TicketKeys>();
  TlsServerPtr server = NewServer();

  [[nodiscard]] TlsServerPtr NewServer() const {
    auto made = TlsServer::Make({Parsed(first), Parsed(wild), Parsed(address)}, tickets);
    EXPECT_TRUE(made.has_value()) << made.error().text;
    return made ? *made : nullptr;
  }
};

// A connection that was made.
struct Connection {
  Connection(const TlsServerPtr& server, const Wants& wants, Alpn alpn = Alpn::kDot,
             const IpAddress& asked = kNowhere)
      : stream(server->Accept(pair.server(), alpn, asked)), client(pair.client(), wants) {
    EXPECT_EQ(Io::State::kDone, Shake(*stream, client)) << stream->error();
    EXPECT_EQ("", ReadAll(*stream));  // with nothing to read, what was held goes out
    early = client.Read();
  }
  Pair pair;
  std::unique_ptr<Stream> stream;
  Client client;
  std::string early;  // what the server sent by itself: nothing but tickets
};

// With the newest ticket that came.
inline SessionPtr SessionOf(const Connection& connection) {
  return SessionPtr(SSL_get1_session(connection.client.ssl()));
}

inline std::string TicketName(SSL_SESSION* session) {
  const unsigned char* ticket = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session, &ticket, &size);
  EXPECT_LE(16U, size);
  return {reinterpret_cast<const char*>(ticket), 16};
}

inline std::string NameOf(const TicketKeys::Key& key) {
  return {reinterpret_cast<const char*>(key.data()), 16};
}

/// What holds for both versions of TLS.
class TlsVersions : public ::testing::TestWithParam<int> {
 protected:
  static Wants Wanted() {
    Wants wants;
    wants.least = wants.most = GetParam();
    return wants;
  }
  World world_;
};

}  // namespace resolve64::net
