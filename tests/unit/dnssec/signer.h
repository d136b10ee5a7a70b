// Keys and signatures made by ldns: the other side of what is tested.
#pragma once

#include <openssl/crypto.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "dns/rrset.h"
#include "dnssec/key.h"
#include "dnssec/records.h"
#include "dnssec/verify.h"
#include "resolve64/name.h"
#include "resolve64/types.h"
#include "unit/dns/wire.h"

// The last one: it defines "true" and "false" as numbers.
#include <ldns/ldns.h>

namespace resolve64::test {

constexpr std::int64_t kSignedAt = 1'700'000'000;  // seconds since 1970; where the tests stand
constexpr std::uint32_t kInception = kSignedAt - 86'400;
constexpr std::uint32_t kExpiration = kSignedAt + 10 * 86'400;
inline const TimePoint kHere{std::chrono::hours(10)};

struct FreeLdns {
  void operator()(ldns_rr* rr) const noexcept { ldns_rr_free(rr); }
  void operator()(ldns_rr_list* list) const noexcept { ldns_rr_list_deep_free(list); }
  void operator()(ldns_key_list* keys) const noexcept { ldns_key_list_free(keys); }
  void operator()(ldns_rdf* rdf) const noexcept { ldns_rdf_deep_free(rdf); }
  void operator()(ldns_buffer* buffer) const noexcept { ldns_buffer_free(buffer); }
  void operator()(std::uint8_t* octets) const noexcept { std::free(octets); }
};
template <class T>
using Ldns = std::unique_ptr<T, FreeLdns>;

/// A record of ldns, of `rdata` in wire form. Null where ldns does not know its shape.
inline Ldns<ldns_rr> ToLdns(const Name& owner, RrType type, std::uint32_t ttl,
                            std::span<const std::uint8_t> rdata) {
  Octets wire = ToOctets(owner.wire());
  const Wire fixed = Wire().Fixed(type, ttl, rdata.size());
  wire.insert(wire.end(), fixed.octets().begin(), fixed.octets().end());
  wire.insert(wire.end(), rdata.begin(), rdata.end());
  ldns_rr* rr = nullptr;
  std::size_t at = 0;
  if (ldns_wire2rr(&rr, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK) {
    return nullptr;
  }
  return Ldns<ldns_rr>(rr);
}

inline Octets RdataOf(const ldns_rr& rr) {
  std::uint8_t* raw = nullptr;
  std::size_t size = 0;
  if (ldns_rr2wire(&raw, &rr, LDNS_SECTION_ANSWER, &size) != LDNS_STATUS_OK) return {};
  const Ldns<std::uint8_t> owned(raw);
  const std::size_t before = ldns_rdf_size(ldns_rr_owner(&rr)) + 10;
  return {raw + before, raw + size};
}

/// The RDATA of a record in presentation format, and what else it says.
struct Parsed {
  Name owner;
  RrType type = RrType::kNone;
  std::uint32_t ttl = 0;
  Octets rdata;
};
inline Parsed ParseRecord(const std::string& text) {
  ldns_rr* raw = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&raw, text.c_str(), 3600, nullptr, nullptr);
  const Ldns<ldns_rr> rr(raw);
  if (status != LDNS_STATUS_OK) std::abort();
  const ldns_rdf* owner = ldns_rr_owner(raw);
  return {Name::FromWire({ldns_rdf_data(owner), ldns_rdf_size(owner)}).value(),
          static_cast<RrType>(ldns_rr_get_type(raw)), ldns_rr_ttl(raw), RdataOf(*raw)};
}

/// An RRset of records in presentation format; those of type RRSIG become its signatures.
inline dns::RrsetPtr RrsetOf(const std::vector<std::string>& records) {
  const Parsed first = ParseRecord(records.front());
  dns::RrsetBuilder builder(first.owner, first.type);
  for (const std::string& text : records) {
    const Parsed record = ParseRecord(text);
    if (record.type == RrType::kRrsig) {
      builder.AddSignature(record.rdata, record.ttl);
    } else {
      builder.Add(record.rdata, record.ttl);
    }
  }
  return builder.Build(kHere, dns::Trust::kAuthAnswer);
}

/// The same RRset with these signatures in place of its own.
inline dns::RrsetPtr WithSignatures(const dns::Rrset& rrset, const std::vector<Octets>& signatures,
                                    const Name& owner) {
  dns::RrsetBuilder builder(owner, rrset.type());
  for (std::size_t i = 0; i < rrset.size(); ++i) builder.Add(rrset.rdata(i), rrset.ttl());
  for (const Octets& signature : signatures) builder.AddSignature(signature, rrset.ttl());
  return builder.Build(kHere, dns::Trust::kAuthAnswer);
}
inline dns::RrsetPtr WithSignatures(const dns::Rrset& rrset,
                                    const std::vector<Octets>& signatures) {
  return WithSignatures(rrset, signatures, rrset.owner());
}

/// RRSIG RDATA of `rrsig`, field by field.
inline Octets ToRdata(const dnssec::Rrsig& rrsig) {
  Wire wire;
  wire.U16(static_cast<unsigned>(rrsig.covered)).U8(rrsig.algorithm).U8(rrsig.labels);
  wire.U32(rrsig.original_ttl).U32(rrsig.expiration).U32(rrsig.inception).U16(rrsig.key_tag);
  Octets rdata = wire.octets();
  rdata.insert(rdata.end(), rrsig.signer.wire().begin(), rrsig.signer.wire().end());
  rdata.insert(rdata.end(), rrsig.signature.begin(), rrsig.signature.end());
  return rdata;
}

/// A key pair of a zone.
class Signer {
 public:
  explicit Signer(std::string_view zone, std::uint8_t algorithm = 13, std::uint16_t flags = 256)
      : zone_(N(zone)),
        key_(ldns_key_new_frm_algorithm(static_cast<ldns_signing_algorithm>(algorithm),
                                        BitsOf(algorithm))) {
    if (key_ == nullptr) std::abort();
    ldns_key_list_push_key(keys_.get(), key_);
    ldns_key_set_flags(key_, flags);
    ldns_key_set_pubkey_owner(
        key_, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, zone_.wire().size(), zone_.wire().data()));
    ldns_key_set_origttl(key_, 3600);
    ldns_key_set_inception(key_, kInception);
    ldns_key_set_expiration(key_, kExpiration);
    const Ldns<ldns_rr> rr(ldns_key2rr(key_));
    dnskey_ = RdataOf(*rr);
    ldns_key_set_keytag(key_, tag());
  }

  [[nodiscard]] const Name& zone() const { return zone_; }
  [[nodiscard]] const Octets& dnskey() const { return dnskey_; }  ///< its RDATA
  [[nodiscard]] std::uint16_t tag() const { return dnssec::KeyTag(dnskey_); }
  [[nodiscard]] std::uint8_t algorithm() const { return dnskey_[3]; }

  /// The RRSIG RDATA of ldns, which makes the canonical form by itself.
  [[nodiscard]] Octets Sign(const dns::Rrset& rrset, std::uint32_t inception = kInception,
                            std::uint32_t expiration = kExpiration) const {
    ldns_key_set_inception(key_, inception);
    ldns_key_set_expiration(key_, expiration);
    const Ldns<ldns_rr_list> list(ldns_rr_list_new());
    for (std::size_t i = 0; i < rrset.size(); ++i) {
      auto rr = ToLdns(rrset.owner(), rrset.type(), rrset.ttl(), rrset.rdata(i));
      if (!rr) std::abort();
      ldns_rr_list_push_rr(list.get(), rr.release());
    }
    const Ldns<ldns_rr_list> signatures(ldns_sign_public(list.get(), keys_.get()));
    if (!signatures || ldns_rr_list_rr_count(signatures.get()) != 1) std::abort();
    return RdataOf(*ldns_rr_list_rr(signatures.get(), 0));
  }

  /// What Sign() would fill in, for a test to change before SignAs().
  [[nodiscard]] dnssec::Rrsig Template(const dns::Rrset& rrset) const {
    dnssec::Rrsig rrsig;
    rrsig.covered = rrset.type();
    rrsig.algorithm = algorithm();
    const Name owner = rrset.owner();
    rrsig.labels = static_cast<std::uint8_t>(owner.LabelCount() - (owner.is_wildcard() ? 1U : 0U));
    rrsig.original_ttl = rrset.ttl();
    rrsig.inception = kInception;
    rrsig.expiration = kExpiration;
    rrsig.key_tag = tag();
    rrsig.signer = zone_;
    return rrsig;
  }
  /// A good signature over a claim, however wrong the claim is.
  [[nodiscard]] Octets SignAs(const dns::Rrset& rrset, dnssec::Rrsig rrsig) const {
    std::vector<std::uint8_t> data;
    dnssec::SignedData(rrset, rrsig, data);
    const Octets signature = SignOctets(data);
    rrsig.signature = signature;
    return ToRdata(rrsig);
  }
  [[nodiscard]] Octets SignOctets(const Octets& data) const {
    const Ldns<ldns_buffer> buffer(ldns_buffer_new(data.size()));
    if (!data.empty()) ldns_buffer_write(buffer.get(), data.data(), data.size());
    const Ldns<ldns_rdf> rdf(ldns_sign_public_buffer(buffer.get(), key_));
    if (!rdf) std::abort();
    return {ldns_rdf_data(rdf.get()), ldns_rdf_data(rdf.get()) + ldns_rdf_size(rdf.get())};
  }
  /// `rrset` with its signature.
  [[nodiscard]] dns::RrsetPtr Signed(const dns::Rrset& rrset) const {
    return WithSignatures(rrset, {Sign(rrset)});
  }

 private:
  static std::uint16_t BitsOf(std::uint8_t algorithm) { return algorithm <= 10 ? 1024 : 0; }

  Name zone_;
  Ldns<ldns_key_list> keys_{ldns_key_list_new()};  // of one: it frees the key too
  ldns_key* key_;
  Octets dnskey_;
};

/// One key of "example." for each algorithm: RSA keys take long to make.
inline const Signer& ExampleKey(std::uint8_t algorithm = 13) {
  // What OpenSSL registers for the end of the program must run after this map is gone.
  static std::map<std::uint8_t, std::unique_ptr<Signer>> signers = [] {
    OPENSSL_init_crypto(0, nullptr);
    return std::map<std::uint8_t, std::unique_ptr<Signer>>();
  }();
  auto& signer = signers[algorithm];
  if (!signer) signer = std::make_unique<Signer>("example.", algorithm);
  return *signer;
}

/// The DNSKEY RRset of `zone`.
inline dns::RrsetPtr DnskeysOf(std::string_view zone, const std::vector<Octets>& rdata) {
  dns::RrsetBuilder builder(N(zone), RrType::kDnskey);
  for (const Octets& key : rdata) builder.Add(key, 3600);
  return builder.Build(kHere, dns::Trust::kAuthAnswer);
}

/// The keys of the zone of these signers.
inline dnssec::KeySetPtr KeysOf(const std::vector<const Signer*>& signers) {
  std::vector<Octets> rdata;
  for (const Signer* signer : signers) rdata.push_back(signer->dnskey());
  return dnssec::KeysOf(*DnskeysOf(signers.front()->zone().ToText(), rdata));
}

/// The verdict, however many steps it takes.
inline dnssec::Verdict Verify(const dns::Rrset& rrset, const dnssec::KeySet& keys,
                              std::int64_t now = kSignedAt) {
  dnssec::Work work;
  dnssec::Verification verification(rrset, keys, now, work);
  while (!verification.Step()) {
  }
  return verification.verdict();
}

}  // namespace resolve64::test
