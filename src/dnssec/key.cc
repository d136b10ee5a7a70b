#include "dnssec/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "dnssec/algorithm.h"
#include "dnssec/work.h"

namespace resolve64::dnssec {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD* digest) const noexcept { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
  void operator()(OSSL_PARAM* parameters) const noexcept { OSSL_PARAM_free(parameters); }
  void operator()(OSSL_PARAM_BLD* builder) const noexcept { OSSL_PARAM_BLD_free(builder); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// A lookup by name in OpenSSL costs as much as a small digest: it is done once.
class Digest {
 public:
  explicit Digest(const char* name) : md_(EVP_MD_fetch(nullptr, name, nullptr)), name_(name) {}

  // Into `out`, which must hold size() octets.
  bool Compute(Octets data, std::uint8_t* out) const noexcept {
    return md_ != nullptr &&
           EVP_Digest(data.data(), data.size(), out, nullptr, md_.get(), nullptr) == 1;
  }
  [[nodiscard]] std::size_t size() const noexcept {
    return md_ == nullptr ? 0 : static_cast<std::size_t>(EVP_MD_get_size(md_.get()));
  }
  [[nodiscard]] const char* name() const noexcept { return name_; }

 private:
  Owned<EVP_MD> md_;
  const char* name_;
};

const Digest& Sha1() {
  static const Digest digest("SHA1");
  return digest;
}
const Digest& Sha256() {
  static const Digest digest("SHA256");
  return digest;
}
const Digest& Sha384() {
  static const Digest digest("SHA384");
  return digest;
}
const Digest& Sha512() {
  static const Digest digest("SHA512");
  return digest;
}

Owned<EVP_PKEY> FromParameters(const char* kind, OSSL_PARAM* parameters) {
  if (parameters == nullptr) return nullptr;
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}

Owned<BIGNUM> ToNumber(Octets octets) {
  return Owned<BIGNUM>(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

constexpr int kMaxExponentBits = 64;
constexpr int kMinModulusBits = 512;
constexpr int kMaxModulusBits = 4096;

// The key field of RFC 3110 section 2. Null where it is malformed or out of bounds. An exponent
// below 3 signs everything, and one that is even, or an even modulus, is none of RSA.
Owned<EVP_PKEY> RsaKey(Octets key) {
  if (key.empty()) return nullptr;
  std::size_t exponent_size = key[0];
  std::size_t before = 1;
  if (exponent_size == 0) {
    if (key.size() < 3) return nullptr;
    exponent_size = static_cast<std::size_t>(key[1] << 8 | key[2]);
    before = 3;
  }
  if (exponent_size == 0 || key.size() - before <= exponent_size) return nullptr;
  const Owned<BIGNUM> e = ToNumber(key.subspan(before, exponent_size));
  const Owned<BIGNUM> n = ToNumber(key.subspan(before + exponent_size));
  if (!e || !n) return nullptr;
  if (BN_num_bits(e.get()) > kMaxExponentBits || BN_num_bits(e.get()) < 2 ||
      BN_is_odd(e.get()) == 0) {
    return nullptr;
  }
  if (BN_num_bits(n.get()) < kMinModulusBits || BN_num_bits(n.get()) > kMaxModulusBits ||
      BN_is_odd(n.get()) == 0) {
    return nullptr;
  }
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  return FromParameters("RSA", parameters.get());
}

// A key without a point: to build a group costs four times what the rest of a key does.
Owned<EVP_PKEY> EcGroup(const char* name) {
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(name), 0),
      OSSL_PARAM_construct_end()};
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEY_PARAMETERS,
                        const_cast<OSSL_PARAM*>(parameters.data())) != 1) {
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}
EVP_PKEY* P256() {
  static const Owned<EVP_PKEY> group = EcGroup("P-256");
  return group.get();
}
EVP_PKEY* P384() {
  static const Owned<EVP_PKEY> group = EcGroup("P-384");
  return group.get();
}

// The key field of RFC 6605 section 4, `size` octets of x and y. Null for a point off the curve.
Owned<EVP_PKEY> EcKey(EVP_PKEY* group, std::size_t size, Octets key) {
  if (key.size() != size) return nullptr;
  constexpr std::uint8_t kUncompressed = 4;  // SEC 1 section 2.3.3
  constexpr std::size_t kLargest = 1 + 96;
  std::array<std::uint8_t, kLargest> point{kUncompressed};
  std::ranges::copy(key, point.begin() + 1);
  if (group == nullptr) return nullptr;
  Owned<EVP_PKEY> made(EVP_PKEY_dup(group));
  if (!made || EVP_PKEY_set1_encoded_public_key(made.get(), point.data(), size + 1) != 1) {
    return nullptr;
  }
  return made;
}

// Keys that verify a digest: RSA and ECDSA. The context is made ready once, and copied for each
// signature, because one that is in use belongs to one thread.
class DigestKey : public PublicKey {
 public:
  DigestKey(Owned<EVP_PKEY_CTX> ready, const Digest& digest)
      : ready_(std::move(ready)), digest_(digest) {}

 protected:
  [[nodiscard]] bool Check(Octets data, Octets signature) const {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash;  // NOLINT(*-member-init): Compute() fills it
    if (!digest_.Compute(data, hash.data())) return false;
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_dup(ready_.get()));
    if (!context) return false;
    const bool good = EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                      hash.data(), digest_.size()) == 1;
    if (!good) ERR_clear_error();
    return good;
  }

 private:
  Owned<EVP_PKEY_CTX> ready_;
  const Digest& digest_;
};

// PKCS #1 v1.5: RFC 3110 section 3, RFC 5702 section 3.
class Rsa final : public DigestKey {
 public:
  using DigestKey::DigestKey;

  static std::shared_ptr<const PublicKey> Make(Octets key, const Digest& digest) {
    const Owned<EVP_PKEY> pkey = RsaKey(key);
    if (!pkey) return nullptr;
    Owned<EVP_PKEY_CTX> ready(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
    const std::array<OSSL_PARAM, 3> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE,
                                         const_cast<char*>(OSSL_PKEY_RSA_PAD_MODE_PKCSV15), 0),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
                                         const_cast<char*>(digest.name()), 0),
        OSSL_PARAM_construct_end()};
    if (!ready || EVP_PKEY_verify_init_ex(ready.get(), parameters.data()) != 1) return nullptr;
    return std::make_shared<Rsa>(std::move(ready), digest);
  }

  [[nodiscard]] bool Verify(Octets data, Octets signature) const override {
    return Check(data, signature);
  }
};

// RFC 6605 section 4.
class Ecdsa final : public DigestKey {
 public:
  Ecdsa(Owned<EVP_PKEY_CTX> ready, const Digest& digest, std::size_t half)
      : DigestKey(std::move(ready), digest), half_(half) {}

  static std::shared_ptr<const PublicKey> Make(EVP_PKEY* group, std::size_t half, Octets key,
                                               const Digest& digest) {
    const Owned<EVP_PKEY> pkey = EcKey(group, 2 * half, key);
    if (!pkey) return nullptr;
    Owned<EVP_PKEY_CTX> ready(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr));
    if (!ready || EVP_PKEY_verify_init(ready.get()) != 1) return nullptr;
    return std::make_shared<Ecdsa>(std::move(ready), digest, half);
  }

  [[nodiscard]] bool Verify(Octets data, Octets signature) const override {
    if (signature.size() != 2 * half_) return false;
    // DNS has r and s side by side; OpenSSL wants SEQUENCE { INTEGER r, INTEGER s }. All lengths
    // are below 128.
    std::array<std::uint8_t, 2 + 2 * (3 + 48)> der;  // NOLINT(*-member-init): filled below
    std::size_t at = 2;
    for (Octets number : {signature.first(half_), signature.last(half_)}) {
      while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
      const bool negative = (number[0] & 0x80) != 0;  // unless a zero stands before it
      der[at++] = 2;
      der[at++] = static_cast<std::uint8_t>(number.size() + (negative ? 1 : 0));
      if (negative) der[at++] = 0;
      std::ranges::copy(number, der.begin() + static_cast<std::ptrdiff_t>(at));
      at += number.size();
    }
    der[0] = 0x30;
    der[1] = static_cast<std::uint8_t>(at - 2);
    return Check(data, {der.data(), at});
  }

 private:
  std::size_t half_;  // octets of r, and of s
};

// RFC 8080 sections 3 and 4.
class Eddsa final : public PublicKey {
 public:
  Eddsa(Owned<EVP_MD_CTX> ready, std::size_t signature_size)
      : ready_(std::move(ready)), signature_size_(signature_size) {}

  static std::shared_ptr<const PublicKey> Make(const char* kind, std::size_t key_size,
                                               std::size_t signature_size, Octets key) {
    if (key.size() != key_size) return nullptr;
    const Owned<EVP_PKEY> pkey(
        EVP_PKEY_new_raw_public_key_ex(nullptr, kind, nullptr, key.data(), key.size()));
    Owned<EVP_MD_CTX> ready(EVP_MD_CTX_new());
    if (!pkey || !ready ||
        EVP_DigestVerifyInit_ex(ready.get(), nullptr, nullptr, nullptr, nullptr, pkey.get(),
                                nullptr) != 1) {
      return nullptr;
    }
    return std::make_shared<Eddsa>(std::move(ready), signature_size);
  }

  [[nodiscard]] bool Verify(Octets data, Octets signature) const override {
    if (signature.size() != signature_size_) return false;
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    if (!context || EVP_MD_CTX_copy_ex(context.get(), ready_.get()) != 1) return false;
    const bool good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                       data.data(), data.size()) == 1;
    if (!good) ERR_clear_error();
    return good;
  }

 private:
  Owned<EVP_MD_CTX> ready_;
  std::size_t signature_size_;
};

std::shared_ptr<const PublicKey> MakeKey(std::uint8_t algorithm, Octets key) {
  switch (algorithm) {
    case 5:
    case 7:
      return Rsa::Make(key, Sha1());
    case 8:
      return Rsa::Make(key, Sha256());
    case 10:
      return Rsa::Make(key, Sha512());
    case 13:
      return Ecdsa::Make(P256(), 32, key, Sha256());
    case 14:
      return Ecdsa::Make(P384(), 48, key, Sha384());
    case 15:
      return Eddsa::Make("ED25519", 32, 64, key);
    case 16:
      return Eddsa::Make("ED448", 57, 114, key);
    default:
      return nullptr;
  }
}

const Digest* DigestOf(std::uint8_t digest_type) {
  switch (digest_type) {
    case 1:
      return &Sha1();
    case 2:
      return &Sha256();
    case 4:
      return &Sha384();
    default:
      return nullptr;
  }
}

// The digest of RFC 4034 section 5.1.4: of the owner name in canonical form and the DNSKEY RDATA.
std::vector<std::uint8_t> DigestKeyOf(const Name& zone, Octets dnskey_rdata, const Digest& digest) {
  const Name owner = zone.Lower();
  std::vector<std::uint8_t> data;
  data.reserve(owner.length() + dnskey_rdata.size());
  data.insert(data.end(), owner.wire().begin(), owner.wire().end());
  data.insert(data.end(), dnskey_rdata.begin(), dnskey_rdata.end());
  std::vector<std::uint8_t> out(digest.size());
  if (!digest.Compute(data, out.data())) out.clear();
  return out;
}

bool CanFollow(const Ds& ds) {
  return IsSupportedAlgorithm(ds.algorithm) && IsSupportedDigest(ds.digest_type);
}

constexpr std::uint8_t kSha1Digest = 1;
constexpr std::uint8_t kSha256Digest = 2;

// The records of `ds` that can be followed; without those of SHA-1 where there is a better one (RFC
// 4509 section 3).
std::vector<Ds> Followed(const dns::Rrset& rrset) {
  std::vector<Ds> followed;
  bool better = false;
  for (std::size_t i = 0; i < rrset.size(); ++i) {
    const auto ds = Ds::Read(rrset.rdata(i));
    if (!ds || !CanFollow(*ds)) continue;
    followed.push_back(*ds);
    better |= ds->digest_type != kSha1Digest;
  }
  if (better) std::erase_if(followed, [](const Ds& ds) { return ds.digest_type == kSha1Digest; });
  return followed;
}

struct NumberedKey {
  Dnskey dnskey;
  Octets rdata;
  std::uint16_t tag;
  std::size_t place;
};

std::vector<NumberedKey> ReadKeys(const dns::Rrset& rrset) {
  std::vector<NumberedKey> keys;
  const std::size_t count = std::min(rrset.size(), kMaxZoneKeys);
  keys.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Octets rdata = rrset.rdata(i);
    if (const auto dnskey = Dnskey::Read(rdata)) {
      keys.push_back({*dnskey, rdata, KeyTag(rdata), i});
    }
  }
  return keys;
}

// What a verification costs, microseconds: of RSA it depends on the key.
int CostOf(std::uint8_t algorithm, Octets key) {
  const int usual = VerificationCost(algorithm);
  const bool rsa = algorithm == 5 || algorithm == 7 || algorithm == 8 || algorithm == 10;
  if (!rsa || key.empty()) return usual;
  constexpr std::size_t kUsualModulus = 256;  // octets
  constexpr std::size_t kUsualExponent = 3;   // octets: 65537
  const std::size_t exponent = std::max<std::size_t>(key[0], kUsualExponent);
  const std::size_t modulus = std::max(key.size(), kUsualModulus);
  const std::size_t factor = modulus * modulus * exponent;
  constexpr std::size_t kUsual = kUsualModulus * kUsualModulus * kUsualExponent;
  return usual * static_cast<int>((factor + kUsual - 1) / kUsual);
}

void AddKey(const NumberedKey& key, const KeySet* made, KeySet& set) {
  if (made != nullptr) {
    const auto known = std::ranges::find(made->keys, key.place, &ZoneKey::place);
    if (known != made->keys.end()) {
      set.keys.push_back(*known);
      return;
    }
  }
  ZoneKey zone_key;
  zone_key.place = key.place;
  zone_key.tag = key.tag;
  zone_key.algorithm = key.dnskey.algorithm;
  zone_key.key = PublicKey::Make(key.dnskey.algorithm, key.dnskey.key);
  zone_key.cost = CostOf(key.dnskey.algorithm, key.dnskey.key);
  set.keys.push_back(std::move(zone_key));
}

std::string Describe(std::uint16_t tag, std::uint8_t algorithm) {
  return "key " + std::to_string(tag) + "/" + std::to_string(algorithm);
}

}  // namespace

std::shared_ptr<const PublicKey> PublicKey::Make(std::uint8_t algorithm, Octets key) {
  auto made = MakeKey(algorithm, key);
  if (!made) ERR_clear_error();
  return made;
}

KeySetPtr KeysOf(const dns::Rrset& dnskeys, const KeySet* made) {
  auto set = std::make_shared<KeySet>();
  set->zone = dnskeys.owner();
  for (const NumberedKey& key : ReadKeys(dnskeys)) {
    if (!key.dnskey.zone_key() || key.dnskey.revoked()) continue;
    if (IsSupportedAlgorithm(key.dnskey.algorithm)) AddKey(key, made, *set);
  }
  return set;
}

DsSupport SupportOf(const dns::Rrset& ds) {
  DsSupport support;
  std::string text;
  for (std::size_t i = 0; i < ds.size(); ++i) {
    const auto record = Ds::Read(ds.rdata(i));
    if (!record) continue;
    if (CanFollow(*record)) {
      support.usable = true;
      return support;
    }
    if (IsSupportedAlgorithm(record->algorithm)) {
      support.ede = Ede::kUnsupportedDigest;
      text = DigestName(record->digest_type);
    } else if (support.ede == Ede::kUnsupportedAlgorithm) {
      text = AlgorithmName(record->algorithm);
    }
  }
  support.text =
      ds.owner().ToText() + " DS: " + (text.empty() ? "malformed" : text + " is not supported");
  return support;
}

KeySetPtr EntryKeys(const dns::Rrset& ds, const dns::Rrset& dnskeys, KeyTrouble& trouble) {
  const Name zone = dnskeys.owner();
  const std::vector<Ds> followed = Followed(ds);
  const std::vector<NumberedKey> keys = ReadKeys(dnskeys);
  auto set = std::make_shared<KeySet>();
  set->zone = zone;
  trouble = {};
  int digests = 0;
  bool limited = false;
  std::vector<bool> entered(keys.size());
  for (const Ds& record : followed) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const NumberedKey& key = keys[i];
      if (entered[i] || key.tag != record.key_tag || key.dnskey.algorithm != record.algorithm) {
        continue;
      }
      if (digests++ == kMaxDigests) {
        limited = true;
        break;
      }
      const auto digest = DigestKeyOf(zone, key.rdata, *DigestOf(record.digest_type));
      if (!std::ranges::equal(digest, record.digest)) continue;
      if (!key.dnskey.zone_key() || key.dnskey.revoked()) {
        const bool revoked = key.dnskey.zone_key();
        trouble.ede = revoked ? Ede::kDnskeyMissing : Ede::kNoZoneKeyBit;
        trouble.text = zone.ToText() + " DNSKEY: " + Describe(key.tag, key.dnskey.algorithm) +
                       (revoked ? " is revoked" : " is no zone key");
        continue;
      }
      entered[i] = true;
      AddKey(key, nullptr, *set);
    }
    if (limited) break;
  }
  if (!set->keys.empty()) {
    trouble = {};
    return set;
  }
  if (!trouble.text.empty()) return nullptr;
  trouble.text = zone.ToText() + " DNSKEY: ";
  if (limited) {
    trouble.text +=
        "validation limit: " + std::to_string(kMaxDigests) + " keys do not match the DS";
  } else if (followed.empty()) {
    trouble.text += "no DS that can be followed";
  } else {
    trouble.text +=
        "no " + Describe(followed[0].key_tag, followed[0].algorithm) + " that matches the DS";
  }
  return nullptr;
}

std::vector<std::uint8_t> MakeDs(const Name& zone, Octets dnskey_rdata) {
  const auto digest = DigestKeyOf(zone, dnskey_rdata, Sha256());
  const std::uint16_t tag = KeyTag(dnskey_rdata);
  std::vector<std::uint8_t> rdata;
  rdata.reserve(4 + digest.size());
  rdata.push_back(static_cast<std::uint8_t>(tag >> 8));
  rdata.push_back(static_cast<std::uint8_t>(tag & 0xFF));
  rdata.push_back(dnskey_rdata.size() > 3 ? dnskey_rdata[3] : std::uint8_t{0});
  rdata.push_back(kSha256Digest);
  rdata.insert(rdata.end(), digest.begin(), digest.end());
  return rdata;
}

}  // namespace resolve64::dnssec
