#include "net/certificate.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "net/openssl_ptr.h"
#include "net/tls_stream.h"

namespace resolve64::net {
namespace {

constexpr off_t kMaxFile = 1L << 20;  // octets
// Chains have two or three. A file with more is a bundle of authorities, named by mistake.
constexpr std::size_t kMaxChain = 16;

Error BadFile(std::string text) { return {Errc::kBadFile, std::move(text)}; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    letter = static_cast<char>(FoldCase(static_cast<std::uint8_t>(letter)));
  }
  return lower;
}

// Secrets are not left in memory that others will get.
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(text_.data(), text_.size()); }
  std::string& text() noexcept { return text_; }

 private:
  std::string text_;
};

// Instead of OpenSSL's own, which asks at the terminal. `asked` is a bool.
int NoPassphrase(char* /*into*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

BioPtr MemoryBio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Every certificate of a PEM text, in its order.
Result<std::vector<X509Ptr>> ReadChain(std::string_view pem, std::string_view called) {
  std::vector<X509Ptr> chain;
  const BioPtr bio = MemoryBio(pem);
  if (bio == nullptr) return BadFile("no memory");
  ERR_clear_error();
  for (;;) {
    bool asked = false;
    X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, &asked));
    if (certificate == nullptr) break;
    if (chain.size() == kMaxChain) {
      return BadFile("more than " + std::to_string(kMaxChain) + " certificates in " +
                     std::string(called) +
                     ": give the server's and the intermediate ones, not a bundle of authorities");
    }
    chain.push_back(std::move(certificate));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = TakeTlsReason();
  if (!at_end) {
    return BadFile("certificate " + std::to_string(chain.size() + 1) + " in " +
                   std::string(called) + " cannot be read: " + reason);
  }
  if (chain.empty()) {
    return BadFile("no certificate in " + std::string(called) +
                   ": it must be PEM, with a line \"-----BEGIN CERTIFICATE-----\"");
  }
  return chain;
}

// A key in PKCS #8 of the same kind as the certificate's; null where it is another, or cannot be
// read. To look for one kind costs OpenSSL 3.0 a quarter of what it costs to look for all, and is a
// part of the time until we are ready.
EvpPkeyPtr ReadKeyLike(X509* certificate, std::string_view pem) {
  const BioPtr bio = MemoryBio(pem);
  const EVP_PKEY* model = X509_get0_pubkey(certificate);
  if (bio == nullptr || model == nullptr) return nullptr;
  EVP_PKEY* key = nullptr;
  OSSL_DECODER_CTX* decoder =
      OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", "PrivateKeyInfo", EVP_PKEY_get0_type_name(model),
                                    EVP_PKEY_KEYPAIR, nullptr, nullptr);
  if (decoder != nullptr) OSSL_DECODER_from_bio(decoder, bio.get());
  OSSL_DECODER_CTX_free(decoder);
  return EvpPkeyPtr(key);
}

Result<EvpPkeyPtr> ReadKey(X509* certificate, std::string_view pem, std::string_view called) {
  bool asked = false;
  EvpPkeyPtr key = ReadKeyLike(certificate, pem);
  if (key == nullptr) {
    const BioPtr bio = MemoryBio(pem);
    if (bio == nullptr) return BadFile("no memory");
    ERR_clear_error();
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &asked));
  }
  if (key == nullptr) {
    const std::string reason = TakeTlsReason();
    if (asked) {
      return BadFile("the key in " + std::string(called) +
                     " is encrypted: write it without a passphrase "
                     "(openssl pkey -in FILE -out FILE), readable for us alone");
    }
    if (pem.find("PRIVATE KEY-----") == std::string_view::npos) {
      return BadFile("no private key in " + std::string(called) +
                     ": it must be PEM, with a line \"-----BEGIN PRIVATE KEY-----\"");
    }
    return BadFile("the key in " + std::string(called) + " cannot be read: " + reason);
  }
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
      return key;
    default:
      return BadFile("the key in " + std::string(called) +
                     " is of a kind that TLS clients do not know: use RSA, EC or Ed25519");
  }
}

// The way up from the first certificate comes next to it, as TLS 1.2 wants it (RFC 5246 section
// 7.4.2); what is not on that way stays behind it.
void SortChain(std::vector<X509Ptr>& chain) {
  for (std::size_t at = 0; at + 1 < chain.size(); ++at) {
    const auto next = chain.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    const auto issuer = std::find_if(next, chain.end(), [&](const X509Ptr& other) {
      return X509_check_issued(other.get(), chain[at].get()) == X509_V_OK;
    });
    if (issuer == chain.end()) return;
    std::rotate(next, issuer, issuer + 1);
  }
}

std::int64_t SecondsOf(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string PinOf(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(der, static_cast<std::size_t>(size), digest.data());
  OPENSSL_free(der);
  std::array<unsigned char, 4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), digest.data(), digest.size());
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

// Empty for what is no host name: it could only confuse whoever compares or prints it.
std::string NameOf(const ASN1_IA5STRING* text) {
  const std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                              static_cast<std::size_t>(ASN1_STRING_length(text)));
  const bool printing = std::all_of(name.begin(), name.end(),
                                    [](char letter) { return letter > ' ' && letter < 127; });
  return printing ? Lower(name) : std::string();
}

std::optional<IpAddress> AddressOf(const ASN1_OCTET_STRING* octets) {
  const unsigned char* data = ASN1_STRING_get0_data(octets);
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(octets));
  Ipv4 v4;
  Ipv6 v6;
  if (size == v4.octets.size()) {
    std::memcpy(v4.octets.data(), data, size);
    return v4;
  }
  if (size == v6.octets.size()) {
    std::memcpy(v6.octets.data(), data, size);
    return v6;
  }
  return std::nullopt;
}

CertificateInfo InfoOf(X509* certificate) {
  CertificateInfo info;
  info.not_before = SecondsOf(X509_get0_notBefore(certificate));
  info.not_after = SecondsOf(X509_get0_notAfter(certificate));
  info.spki_pin = PinOf(certificate);
  info.self_signed = X509_self_signed(certificate, 0) == 1;
  // Without subjectAltName there are no names: the common name is not one (RFC 9525 section 2).
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names == nullptr ? 0 : sk_GENERAL_NAME_num(names.get());
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(names.get(), i);
    if (entry->type == GEN_DNS) {
      std::string name = NameOf(entry->d.dNSName);
      if (!name.empty()) info.names.push_back(std::move(name));
    } else if (entry->type == GEN_IPADD) {
      if (const auto address = AddressOf(entry->d.iPAddress)) info.addresses.push_back(*address);
    }
  }
  return info;
}

// A whole regular file of sane size.
std::optional<Error> ReadFile(const std::string& file, std::string& into) {
  // Without O_NONBLOCK a FIFO would hold us up.
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return BadFile("cannot open " + file + ": " + std::strerror(errno));
  std::optional<Error> error;
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = BadFile(file + " is not a file: name a PEM file");
  } else if (status.st_size > kMaxFile) {
    error = BadFile(file + " is larger than 1 MiB: name a PEM file with one chain or one key");
  } else {
    into.resize(static_cast<std::size_t>(status.st_size));
    std::size_t have = 0;
    while (have < into.size()) {
      const ssize_t got = ::read(fd, into.data() + have, into.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) error = BadFile("cannot read " + file + ": " + std::strerror(errno));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    into.resize(have);
  }
  ::close(fd);
  return error;
}

}  // namespace

bool CertificateInfo::Covers(std::string_view name) const {
  // An asterisk means something in a certificate, not in a name that is asked for.
  if (name.empty() || name.find('*') != std::string_view::npos || IpAddress::Parse(name)) {
    return false;
  }
  const std::string lower = Lower(name);
  const std::size_t dot = lower.find('.');
  const std::string_view parent =
      dot == 0 || dot == std::string::npos ? "" : std::string_view(lower).substr(dot);
  return std::any_of(names.begin(), names.end(), [&](const std::string& entry) {
    if (entry == lower) return true;
    return !parent.empty() && entry.front() == '*' && std::string_view(entry).substr(1) == parent;
  });
}

bool CertificateInfo::Covers(const IpAddress& address) const {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

Certificate::~Certificate() {
  for (x509_st* certificate : chain_) X509_free(certificate);
  EVP_PKEY_free(key_);
}

std::string Certificate::ToPem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr) return {};
  for (x509_st* certificate : chain_) PEM_write_bio_X509(bio.get(), certificate);
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Result<CertificatePtr> Certificate::Parse(std::string_view chain_pem, std::string_view key_pem) {
  return ParseCalled(chain_pem, "the certificate's text", key_pem, "the key's text");
}

Result<CertificatePtr> Certificate::ParseCalled(std::string_view chain_pem,
                                                std::string_view chain_called,
                                                std::string_view key_pem,
                                                std::string_view key_called) {
  if (std::max(chain_pem.size(), key_pem.size()) > static_cast<std::size_t>(kMaxFile)) {
    return BadFile("more than 1 MiB of PEM");
  }
  auto chain = ReadChain(chain_pem, chain_called);
  if (!chain) return chain.error();
  auto key = ReadKey(chain->front().get(), key_pem, key_called);
  if (!key) return key.error();
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return BadFile("the key in " + std::string(key_called) +
                   " is not the key of the certificate in " + std::string(chain_called) +
                   ": give the pair that was made together, the server's certificate first");
  }
  SortChain(*chain);
  std::vector<x509_st*> certificates;
  for (X509Ptr& certificate : *chain) certificates.push_back(certificate.release());
  return Adopt(std::move(certificates), key->release());
}

CertificatePtr Certificate::Adopt(std::vector<x509_st*> chain, evp_pkey_st* key) {
  const std::shared_ptr<Certificate> made(new Certificate);
  made->chain_ = std::move(chain);
  made->key_ = key;
  made->info_ = InfoOf(made->chain_.front());
  ERR_clear_error();
  return made;
}

Result<CertificatePtr> ReadCertificate(const std::string& chain_file, const std::string& key_file) {
  Secret chain;
  Secret key;
  if (auto error = ReadFile(chain_file, chain.text())) return *std::move(error);
  if (auto error = ReadFile(key_file, key.text())) return *std::move(error);
  return Certificate::ParseCalled(chain.text(), chain_file, key.text(), key_file);
}

}  // namespace resolve64::net
