// Certificate::SelfSigned(): what makes a certificate that is its own authority.
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "net/certificate.h"
#include "net/openssl_ptr.h"
#include "net/tls_stream.h"

namespace resolve64::net {
namespace {

constexpr std::int64_t kBackdated = 3600;                // s, for clients whose clock is late
constexpr std::int64_t kLifetime = 365L * 24 * 60 * 60;  // s
constexpr std::size_t kMaxCommonName = 64;               // RFC 5280 appendix A.1, ub-common-name
constexpr std::size_t kMaxName = 253;                    // RFC 1035 section 2.3.4, as text
constexpr std::size_t kSerialOctets = 16;

Error Refused() {
  return {Errc::kBadFile, std::string("cannot make a certificate: ") + TakeTlsReason()};
}

// Letters, digits, hyphens and underscores in labels; "*" alone as the first.
bool IsHostName(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > kMaxName) return false;
  std::size_t label = 0;
  for (const char letter : name) {
    const bool may_stand = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                           (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
    if (letter == '.' ? label == 0 : !may_stand) return false;
    label = letter == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

bool AddName(GENERAL_NAMES* names, int type, std::span<const std::uint8_t> octets) {
  GENERAL_NAME* entry = GENERAL_NAME_new();
  ASN1_STRING* value =
      ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
  if (entry == nullptr || value == nullptr ||
      ASN1_STRING_set(value, octets.data(), static_cast<int>(octets.size())) != 1) {
    GENERAL_NAME_free(entry);
    ASN1_STRING_free(value);
    return false;
  }
  GENERAL_NAME_set0_value(entry, type, value);
  if (sk_GENERAL_NAME_push(names, entry) > 0) return true;
  GENERAL_NAME_free(entry);
  return false;
}

bool AddNames(X509* certificate, std::span<const std::string> names,
              std::span<const IpAddress> addresses) {
  if (names.empty() && addresses.empty()) return true;
  const GeneralNamesPtr all(sk_GENERAL_NAME_new_null());
  if (all == nullptr) return false;
  for (const std::string& name : names) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(name.data());
    if (!AddName(all.get(), GEN_DNS, {octets, name.size()})) return false;
  }
  for (const IpAddress& address : addresses) {
    if (!AddName(all.get(), GEN_IPADD, {address.data(), address.size()})) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool AddExtension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool SetSerial(X509* certificate) {
  std::array<std::uint8_t, kSerialOctets> octets{};
  if (RAND_bytes(octets.data(), kSerialOctets) != 1) return false;
  octets[0] = static_cast<std::uint8_t>((octets[0] & 0x7f) | 0x40);  // positive, of full length
  return ASN1_STRING_set(X509_get_serialNumber(certificate), octets.data(), kSerialOctets) == 1;
}

bool SetCommonName(X509* certificate, const std::string& name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto* octets = reinterpret_cast<const unsigned char*>(name.data());
  const auto size = static_cast<int>(std::min(name.size(), kMaxCommonName));
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, octets, size, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

// No keyUsage: with one that does not allow to sign certificates it could not be its own authority,
// and with one that does strict clients (RFC 5280 section 4.2.1.9) would want CA:TRUE, which others
// refuse in a server's certificate.
bool AddExtensions(X509* certificate) {
  return AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, NID_subject_key_identifier, "hash") &&
         AddExtension(certificate, NID_ext_key_usage, "serverAuth");
}

const EVP_MD* DigestFor(EVP_PKEY* key) {
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

}  // namespace

Result<CertificatePtr> Certificate::SelfSigned(std::span<const std::string> names,
                                               std::span<const IpAddress> addresses,
                                               std::int64_t now, const Certificate* key) {
  for (const std::string& name : names) {
    if (!IsHostName(name)) {
      return Error{Errc::kBadName, "\"" + name + "\" is no host name that a certificate can hold"};
    }
  }
  std::string common_name = "resolve64";
  if (!addresses.empty()) common_name = addresses.front().ToText();
  if (!names.empty()) common_name = names.front();

  ERR_clear_error();
  EvpPkeyPtr pair;
  if (key == nullptr) {
    pair.reset(EVP_EC_gen("P-256"));
  } else if (EVP_PKEY_up_ref(key->key_) == 1) {
    pair.reset(key->key_);
  }
  X509Ptr made(X509_new());
  if (pair == nullptr || made == nullptr) return Refused();
  if (X509_set_version(made.get(), X509_VERSION_3) != 1 || !SetSerial(made.get()) ||
      ASN1_TIME_set(X509_getm_notBefore(made.get()), now - kBackdated) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(made.get()), now + kLifetime) == nullptr ||
      !SetCommonName(made.get(), common_name) || X509_set_pubkey(made.get(), pair.get()) != 1 ||
      !AddNames(made.get(), names, addresses) || !AddExtensions(made.get()) ||
      X509_sign(made.get(), pair.get(), DigestFor(pair.get())) <= 0) {
    return Refused();
  }
  return Adopt({made.release()}, pair.release());
}

}  // namespace resolve64::net
