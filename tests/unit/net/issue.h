// Certificates for tests, of every kind that an operator may come with.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <string>

#include "net/certificate.h"
#include "net/openssl_ptr.h"

namespace resolve64::net {

enum class KeyKind : std::uint8_t { kP256, kRsa2048, kRsa1024, kEd25519 };

/// A certificate and its key, in PEM.
struct Issued {
  std::string certificate;
  std::string key;
};

struct IssueOptions {
  const char* names = nullptr;     ///< subjectAltName as in openssl.cnf; null: none
  const Issued* issuer = nullptr;  ///< null: itself
  KeyKind kind = KeyKind::kP256;
  bool authority = false;
  long from = -3600;  ///< s from now
  long until = 3600;  ///< s from now
};

inline std::string TextOf(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

inline EVP_PKEY* NewKey(KeyKind kind) {
  switch (kind) {
    case KeyKind::kRsa2048:
      return EVP_RSA_gen(2048);
    case KeyKind::kRsa1024:
      return EVP_RSA_gen(1024);
    case KeyKind::kEd25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case KeyKind::kP256:
      break;
  }
  return EVP_EC_gen("P-256");
}

inline Issued Issue(const std::string& subject, const IssueOptions& options) {
  const EvpPkeyPtr key(NewKey(options.kind));
  const X509Ptr made(X509_new());
  X509Ptr issuer;
  EvpPkeyPtr issuer_key;
  if (options.issuer != nullptr) {
    const BioPtr certificate(BIO_new_mem_buf(options.issuer->certificate.data(), -1));
    issuer.reset(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
    const BioPtr pem(BIO_new_mem_buf(options.issuer->key.data(), -1));
    issuer_key.reset(PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr));
  }
  X509* above = issuer == nullptr ? made.get() : issuer.get();
  EVP_PKEY* signer = issuer_key == nullptr ? key.get() : issuer_key.get();

  X509_set_version(made.get(), X509_VERSION_3);
  static int serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), options.from);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), options.until);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(above));
  X509_set_pubkey(made.get(), key.get());
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, above, made.get(), nullptr, nullptr, 0);
  const auto add = [&](int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    EXPECT_NE(nullptr, extension) << value;
    X509_add_ext(made.get(), extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (options.names != nullptr) add(NID_subject_alt_name, options.names);
  add(NID_basic_constraints, options.authority ? "critical,CA:TRUE" : "CA:FALSE");
  const bool plain = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519;
  EXPECT_LT(0, X509_sign(made.get(), signer, plain ? nullptr : EVP_sha256()));

  const BioPtr certificate(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate.get(), made.get());
  const BioPtr pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {TextOf(certificate.get()), TextOf(pem.get())};
}

inline CertificatePtr Parsed(const Issued& issued) {
  auto parsed = Certificate::Parse(issued.certificate, issued.key);
  EXPECT_TRUE(parsed.has_value()) << parsed.error().text;
  return parsed ? *parsed : nullptr;
}

}  // namespace resolve64::net
