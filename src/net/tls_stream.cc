#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "net/openssl_ptr.h"

namespace resolve64::net {
namespace {

constexpr int kSecurityLevel = 2;  // 112 bits: RSA of 2,048, curves of 224
constexpr const char* kCiphers = "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20";
// First of what TLS 1.3 has. A handshake derives its keys by a hundred and more rounds of the hash,
// and processors have instructions for SHA-256, not for the SHA-384 that OpenSSL would begin with.
constexpr std::string_view kFirstSuite = "TLS_AES_128_GCM_SHA256";
constexpr int kTls13Suites = 0x13;  // the first octet of their numbers (RFC 8446 appendix B.4)
// X25519 first: it is what clients guess. The large ones would only cost us time.
constexpr const char* kGroups = "X25519:P-256:P-384";

// A chain of certificates fits; OpenSSL bounds each message, but not how many there are.
constexpr std::size_t kMaxHandshake = 128UL * 1024;
// A record fits twice. Who sends more than that with nothing in it for us (KeyUpdate messages,
// empty records) only wants us to calculate.
constexpr std::size_t kMaxIdle = 32UL * 1024;

TlsStream::Descriptor& DescriptorOf(BIO* bio) {
  return *static_cast<TlsStream::Descriptor*>(BIO_get_data(bio));
}

// errno of a socket call that wants to be repeated: as in PlainStream.
bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOTCONN; }

int Receive(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  TlsStream::Descriptor& descriptor = DescriptorOf(bio);
  if (size <= 0 || descriptor.ended) return 0;
  if (!descriptor.may_receive) {
    BIO_set_retry_read(bio);
    return -1;
  }
  descriptor.may_receive = false;
  ssize_t got = 0;
  do {
    got = ::recv(descriptor.fd, into, static_cast<std::size_t>(size), 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    descriptor.received += static_cast<std::size_t>(got);
    return static_cast<int>(got);
  }
  if (got == 0) {
    descriptor.ended = true;
    return 0;
  }
  if (WouldBlock(errno)) {
    BIO_set_retry_read(bio);
  } else {
    descriptor.error = errno;
  }
  return -1;
}

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE.
ssize_t SendAlone(int fd, std::span<const char> octets) {
  ssize_t sent = 0;
  do {
    sent = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

// What is held, and `octets` behind it, in one call. How many of `octets` went, none of them where
// some is still held; -1 with errno where nothing did.
ssize_t SendBehindHeld(TlsStream::Descriptor& descriptor, std::span<const char> octets) {
  std::vector<std::uint8_t>& held = descriptor.held;
  std::array<iovec, 2> parts = {
      iovec{held.data(), held.size()},
      iovec{const_cast<char*>(octets.data()), octets.size()},
  };
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(descriptor.fd, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return -1;
  const auto all = static_cast<std::size_t>(sent);
  if (all < held.size()) {
    held.erase(held.begin(), held.begin() + sent);
    return 0;
  }
  const std::size_t behind = all - held.size();
  std::vector<std::uint8_t>().swap(held);  // once in a connection's life
  return static_cast<ssize_t>(behind);
}

int Send(BIO* bio, const char* octets, int size) {
  BIO_clear_retry_flags(bio);
  TlsStream::Descriptor& descriptor = DescriptorOf(bio);
  if (descriptor.holds) {
    descriptor.held.insert(descriptor.held.end(), octets, octets + size);
    return size;
  }
  const std::span<const char> all(octets, static_cast<std::size_t>(size));
  const ssize_t sent =
      descriptor.held.empty() ? SendAlone(descriptor.fd, all) : SendBehindHeld(descriptor, all);
  if (sent > 0) return static_cast<int>(sent);
  if (sent == 0 || WouldBlock(errno)) {
    BIO_set_retry_write(bio);
  } else {
    descriptor.error = errno;
  }
  return -1;
}

long Control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return DescriptorOf(bio).ended ? 1 : 0;
    default:
      return 0;
  }
}

// Made once and never freed; null where there was no memory.
const BIO_METHOD* Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "descriptor");
    if (made == nullptr) return made;
    BIO_meth_set_read(made, Receive);
    BIO_meth_set_write(made, Send);
    BIO_meth_set_ctrl(made, Control);
    return made;
  }();
  return method;
}

// The suites that the context has, the first of ours first: a file of the system may have left some
// out.
bool OrderSuites(SSL_CTX* context) {
  std::string suites;
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    if (SSL_CIPHER_get_protocol_id(cipher) >> 8 != kTls13Suites) continue;
    const std::string_view name = SSL_CIPHER_get_name(cipher);
    if (name == kFirstSuite) {
      suites.insert(0, std::string(name) + ":");
    } else {
      suites.append(name).append(":");
    }
  }
  if (!suites.empty()) suites.pop_back();
  return SSL_CTX_set_ciphersuites(context, suites.c_str()) == 1;
}

int Clamp(std::size_t octets) {
  return static_cast<int>(std::min(octets, std::size_t{std::numeric_limits<int>::max()}));
}

}  // namespace

bool HardenTls(ssl_ctx_st* context) noexcept {
  // A file of the system (openssl.cnf) may ask for more, not for less.
  SSL_CTX_set_security_level(context,
                             std::max(kSecurityLevel, SSL_CTX_get_security_level(context)));
  // Messages in DNS and frames in HTTP/2 say their own length, so a connection that was cut short
  // cannot pass for a whole one, and most clients just close: that is an end, no failure.
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS |
                                // The chain is what it was given: nothing to look for each time.
                                SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);  // a burst of records is one recv(2)
  const int least =
      std::max<int>(TLS1_2_VERSION, static_cast<int>(SSL_CTX_get_min_proto_version(context)));
  return SSL_CTX_set_min_proto_version(context, least) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 && OrderSuites(context) &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_set_max_early_data(context, 0) == 1;
}

const char* TakeTlsReason() noexcept {
  // What is of TLS says it best: "decryption failed" rather than what the cipher said before it.
  unsigned long error = ERR_get_error();
  unsigned long next = error;
  while (next != 0 && ERR_GET_LIB(next) != ERR_LIB_SSL) next = ERR_get_error();
  if (next != 0) error = next;
  ERR_clear_error();
  const char* reason = nullptr;
  if (error != 0) {
    reason = ERR_SYSTEM_ERROR(error) ? ::strerrordesc_np(static_cast<int>(ERR_GET_REASON(error)))
                                     : ERR_reason_error_string(error);
  }
  return reason == nullptr ? "unknown error" : reason;
}

std::unique_ptr<TlsStream> TlsStream::Make(ssl_st* ssl, int fd, std::shared_ptr<const void> kept) {
  std::unique_ptr<TlsStream> stream(new TlsStream(ssl, fd, std::move(kept)));
  const BIO_METHOD* method = Method();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &stream->descriptor_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return stream;
}

TlsStream::TlsStream(ssl_st* ssl, int fd, std::shared_ptr<const void> kept)
    : kept_(std::move(kept)), ssl_(ssl) {
  descriptor_.fd = fd;
  descriptor_.most = kMaxHandshake;
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

bool TlsStream::Begin() noexcept {
  if (failed_) return false;
  ERR_clear_error();
  descriptor_.may_receive = true;
  return true;
}

Io TlsStream::Fail(const char* reason) noexcept {
  failed_ = true;
  reason_ = reason == nullptr ? "unknown error" : reason;
  ERR_clear_error();
  return {Io::State::kFailed, 0};
}

Io TlsStream::Unfinished(int returned) noexcept {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      if (descriptor_.received > descriptor_.most) return Fail("too much without any data");
      waits_for_ = EPOLLIN;
      return {Io::State::kWait, 0};
    case SSL_ERROR_WANT_WRITE:
      waits_for_ = EPOLLOUT;
      return {Io::State::kWait, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::State::kEnd, 0};
    case SSL_ERROR_SYSCALL:
      if (descriptor_.error != 0) return Fail(::strerrordesc_np(descriptor_.error));
      return Fail(descriptor_.ended ? "closed by the other side" : "unknown error");
    default:
      break;
  }
  // Of a certificate that was refused OpenSSL's queue says only that it was.
  if (const long verified = SSL_get_verify_result(ssl_);
      verified != X509_V_OK &&
      ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return Fail(X509_verify_cert_error_string(verified));
  }
  return Fail(TakeTlsReason());
}

Io TlsStream::SendHeld() noexcept {
  if (descriptor_.held.empty()) return {Io::State::kDone, 0};
  if (SendBehindHeld(descriptor_, {}) < 0 && !WouldBlock(errno)) {
    return Fail(::strerrordesc_np(errno));
  }
  if (descriptor_.held.empty()) return {Io::State::kDone, 0};
  waits_for_ = EPOLLOUT;
  return {Io::State::kWait, 0};
}

Io TlsStream::Handshake() noexcept {
  if (!Begin()) return {Io::State::kFailed, 0};
  if (const Io io = SendHeld(); io.state != Io::State::kDone) return io;
  // The other side waits for what a client says last.
  descriptor_.holds = SSL_is_server(ssl_) == 1;
  const int returned = SSL_do_handshake(ssl_);
  descriptor_.holds = false;
  if (returned == 1) {
    descriptor_.received = 0;
    descriptor_.most = kMaxIdle;
    // Of TLS 1.2 it is what the client waits for.
    const bool waits = SSL_version(ssl_) != TLS1_3_VERSION;
    if (waits && SendHeld().state == Io::State::kFailed) return {Io::State::kFailed, 0};
    return {Io::State::kDone, 0};
  }
  const Io io = Unfinished(returned);
  if (io.state == Io::State::kWait) {
    if (const Io sent = SendHeld(); sent.state != Io::State::kDone) return sent;
  } else if (!descriptor_.held.empty()) {
    SendBehindHeld(descriptor_, {});  // the alert: best effort
  }
  return io.state == Io::State::kEnd ? Fail("closed by the other side") : io;
}

Io TlsStream::Read(std::span<std::uint8_t> into) noexcept {
  if (!Begin()) return {Io::State::kFailed, 0};
  const int returned = SSL_read(ssl_, into.data(), Clamp(into.size()));
  dry_ = returned <= 0;
  if (returned <= 0) {
    const Io io = Unfinished(returned);
    // The client waits for something, too. Where the descriptor does not take it, it goes later.
    if (io.state == Io::State::kWait && SendHeld().state == Io::State::kFailed) {
      return {Io::State::kFailed, 0};
    }
    return io;
  }
  descriptor_.received = 0;
  return {Io::State::kDone, static_cast<std::size_t>(returned)};
}

Io TlsStream::Write(std::span<const std::uint8_t> octets) noexcept {
  if (!Begin()) return {Io::State::kFailed, 0};
  const int returned = SSL_write(ssl_, octets.data(), Clamp(octets.size()));
  if (returned <= 0) return Unfinished(returned);
  return {Io::State::kDone, static_cast<std::size_t>(returned)};
}

bool TlsStream::pending() const noexcept {
  // Half a record counts as pending for OpenSSL, and would have the caller ask for ever.
  return !failed_ && !dry_ && SSL_has_pending(ssl_) == 1;
}

void TlsStream::End() noexcept {
  if (said_end_ || SSL_in_init(ssl_) != 0 || !Begin()) return;
  said_end_ = true;
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

std::string_view TlsStream::protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

bool TlsStream::resumed() const noexcept { return SSL_session_reused(ssl_) == 1; }

}  // namespace resolve64::net
