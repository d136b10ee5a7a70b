// Signed zones on a FakeNetwork, and servers that spoil what they send.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/rrset.h"
#include "support/fake_network.h"

namespace resolve64::test {
class Signer;
}

namespace resolve64::testing {

/// A zone with NSEC records and one Ed25519 key, which signs everything (RFC 4035 section 2). What
/// is public may be changed at any time: signatures are made when they are sent.
class SignedZone {
 public:
  /// `lines` are records in presentation format, names absolute. The SOA (TTL 3600, MINIMUM 300),
  /// the DNSKEY and the NSEC records are added. Of an unsigned zone only the SOA.
  SignedZone(std::string_view apex, const std::string& lines, bool is_signed = true);
  SignedZone(const SignedZone&) = delete;
  SignedZone& operator=(const SignedZone&) = delete;
  ~SignedZone();

  /// The zone's key as DS RDATA.
  [[nodiscard]] std::vector<std::uint8_t> Ds() const;
  [[nodiscard]] bool is_signed() const { return key_ != nullptr; }
  /// The parent vouches for the key of `child`.
  void Vouch(const SignedZone& child, std::uint32_t ttl = 3600);
  void Add(const std::string& line);
  /// Another key takes the place of the zone's own.
  void ChangeKey();

  Name apex;
  std::uint32_t inception;  ///< of all signatures, seconds since 1970
  std::uint32_t expiration;

 private:
  friend class SignedServer;
  struct Data {
    std::uint32_t ttl = 0;
    std::vector<std::vector<std::uint8_t>> rdata;
  };
  using Key = std::pair<Name, RrType>;

  [[nodiscard]] dns::RrsetPtr Find(const Name& owner, RrType type) const;
  [[nodiscard]] bool Exists(const Name& name) const;
  [[nodiscard]] const Name* CutAbove(const Name& name, RrType type) const;
  [[nodiscard]] dns::RrsetPtr NsecFor(const Name& name) const;
  [[nodiscard]] std::vector<std::uint8_t> Sign(const dns::Rrset& rrset) const;

  std::map<Key, Data> data_;
  std::unique_ptr<test::Signer> key_;
};

/// What becomes of an RRset on its way.
enum class Fate { kAsItIs, kBadSignature, kNoSignature, kMissing };

/// An authoritative server of signed and unsigned zones, with wildcards (RFC 4035 section 3.1).
class SignedServer {
 public:
  SignedServer(std::initializer_list<const SignedZone*> zones) : zones_(zones) {}

  [[nodiscard]] std::vector<std::uint8_t> Reply(const SeenQuery& query) const;
  [[nodiscard]] Behaviour Behave(Duration delay = std::chrono::milliseconds(1)) const;

  /// Decides on each RRset that is sent; empty: all as they are.
  std::function<Fate(const dns::Rrset&)> spoil;

 private:
  std::vector<const SignedZone*> zones_;
};

}  // namespace resolve64::testing
