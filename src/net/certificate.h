// Certificates with their keys: read, checked against each other, described, and made where there
// is none.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resolve64/ip.h"
#include "resolve64/result.h"

struct evp_pkey_st;
struct x509_st;

namespace resolve64::net {

/// What a certificate says of itself. A plain value.
struct CertificateInfo {
  std::vector<std::string> names;    ///< its dNSName entries in lower case, wildcards included
  std::vector<IpAddress> addresses;  ///< its iPAddress entries
  std::int64_t not_before = 0;       ///< seconds since 1970
  std::int64_t not_after = 0;        ///< seconds since 1970
  std::string spki_pin;              ///< base64 of the key's SHA-256 digest (RFC 7858 section 4.2)
  bool self_signed = false;          ///< its issuer is itself

  /// A wildcard stands for exactly one label, the first (RFC 9525 section 6.3). `name`: without a
  /// dot at its end, in any case.
  [[nodiscard]] bool Covers(std::string_view name) const;
  [[nodiscard]] bool Covers(const IpAddress& address) const;
};

/// A chain, the server's certificate first, and the key that belongs to it. Immutable; any thread.
class Certificate {
 public:
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  [[nodiscard]] const CertificateInfo& info() const noexcept { return info_; }
  [[nodiscard]] evp_pkey_st* key() const noexcept { return key_; }
  /// Never empty.
  [[nodiscard]] const std::vector<x509_st*>& chain() const noexcept { return chain_; }
  /// Chain and key in PEM.
  [[nodiscard]] std::string ToPem() const;

  /// From PEM texts, which may be the same one. The first certificate is the server's; the others
  /// may stand in any order. Dates are not looked at. kBadFile where one cannot be read, where the
  /// key is encrypted, or where the key is not the one of the first certificate.
  static Result<std::shared_ptr<const Certificate>> Parse(std::string_view chain_pem,
                                                          std::string_view key_pem);

  /// A self-signed one of a P-256 key for those names and addresses, valid for a year from `now`
  /// (seconds since 1970). `key`: of an earlier one, so that its pin stays; null: a new key.
  /// kBadName for a name that no certificate can hold. A client may take it as its own authority:
  /// it verifies with itself as the only trust anchor.
  static Result<std::shared_ptr<const Certificate>> SelfSigned(std::span<const std::string> names,
                                                               std::span<const IpAddress> addresses,
                                                               std::int64_t now,
                                                               const Certificate* key);

 private:
  Certificate() = default;

  // Parse(), with what the texts are called in errors.
  static Result<std::shared_ptr<const Certificate>> ParseCalled(std::string_view chain_pem,
                                                                std::string_view chain_called,
                                                                std::string_view key_pem,
                                                                std::string_view key_called);
  friend Result<std::shared_ptr<const Certificate>> ReadCertificate(const std::string& chain_file,
                                                                    const std::string& key_file);
  // Takes what it is given.
  static std::shared_ptr<const Certificate> Adopt(std::vector<x509_st*> chain, evp_pkey_st* key);

  std::vector<x509_st*> chain_;  // owned
  evp_pkey_st* key_ = nullptr;   // owned
  CertificateInfo info_;
};
using CertificatePtr = std::shared_ptr<const Certificate>;

/// Reads both files. The error names the file and what to do. Blocks.
Result<CertificatePtr> ReadCertificate(const std::string& chain_file, const std::string& key_file);

}  // namespace resolve64::net
