#include "dnssec/anchors.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <utility>

#include "dnssec/algorithm.h"
#include "dnssec/key.h"
#include "dnssec/records.h"
#include "zone/zone_file.h"

namespace resolve64::dnssec {
namespace {

constexpr std::uint32_t kTtl = 86400;  // seconds; local data does not age

// https://data.iana.org/root-anchors/root-anchors.xml
constexpr std::array kRootAnchors = {
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

struct FreeRr {
  void operator()(ldns_rr* rr) const noexcept { ldns_rr_free(rr); }
};
struct FreeOctets {
  void operator()(std::uint8_t* octets) const noexcept { std::free(octets); }
};

Error BadAnchor(const std::string& where, const std::string& what) {
  return Error{Errc::kBadFile, where + ": " + what};
}

// Octets of a digest, or 0 where the type is unknown.
std::size_t DigestSize(std::uint8_t digest_type) {
  switch (digest_type) {
    case 1:
      return 20;
    case 2:
      return 32;
    case 4:
      return 48;
    default:
      return 0;
  }
}

// The anchors of each zone while they are collected.
class Collector {
 public:
  // What is wrong with a record; empty where it was taken, or is left out because its algorithm is
  // not supported.
  std::string Add(const Name& owner, RrType type, Octets rdata) {
    if (type == RrType::kDs) return AddDs(owner, rdata);
    if (type == RrType::kDnskey) return AddDnskey(owner, rdata);
    return "a trust anchor is a DS or a DNSKEY record, not " + ToText(type);
  }

  // Zones of which nothing can be used would be insecure without a word: they are refused.
  Result<TrustAnchorsPtr> Finish(const std::string& where) {
    if (zones_.empty()) return BadAnchor(where, "no DS or DNSKEY record: give at least one");
    auto anchors = std::make_shared<TrustAnchors>();
    for (const auto& [zone, builder] : zones_) {
      auto rrset = builder.BuildLocal();
      const DsSupport support = SupportOf(*rrset);
      if (!support.usable) {
        return BadAnchor(where, "no anchor of " + zone.ToText() + " can be used: " + support.text);
      }
      anchors->zones.emplace(zone, std::move(rrset));
    }
    return TrustAnchorsPtr(std::move(anchors));
  }

 private:
  std::string AddDs(const Name& owner, Octets rdata) {
    const auto ds = Ds::Read(rdata);
    if (!ds) return "the DS record is cut short";
    const std::size_t size = DigestSize(ds->digest_type);
    if (size != 0 && ds->digest.size() != size) {
      return "a digest of " + DigestName(ds->digest_type) + " has " + std::to_string(size) +
             " octets, not " + std::to_string(ds->digest.size()) + ": copy it whole";
    }
    return Put(owner, rdata);
  }

  std::string AddDnskey(const Name& owner, Octets rdata) {
    const auto dnskey = Dnskey::Read(rdata);
    if (!dnskey) return "the DNSKEY record is cut short";
    if (!dnskey->zone_key()) {
      return "the DNSKEY is no zone key: its flags must be 256 or 257, its protocol 3";
    }
    if (dnskey->revoked()) return "the DNSKEY is revoked: remove it";
    if (IsSupportedAlgorithm(dnskey->algorithm) &&
        PublicKey::Make(dnskey->algorithm, dnskey->key) == nullptr) {
      return "the DNSKEY holds no key of " + AlgorithmName(dnskey->algorithm) + ": copy it whole";
    }
    return Put(owner, MakeDs(owner, rdata));
  }

  std::string Put(const Name& owner, Octets ds) {
    const auto [at, inserted] = zones_.try_emplace(owner, owner, RrType::kDs);
    return at->second.Add(ds, kTtl) ? std::string() : "too many anchors";
  }

  std::map<Name, dns::RrsetBuilder> zones_;
};

// A record in presentation format, put into `collector`. What is wrong with it, or nothing.
std::string AddText(const std::string& text, Collector& collector) {
  ldns_rr* raw = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&raw, text.c_str(), kTtl, nullptr, nullptr);
  const std::unique_ptr<ldns_rr, FreeRr> rr(raw);
  if (status != LDNS_STATUS_OK) {
    return std::string("no record (") + ldns_get_errorstr_by_id(status) +
           "): write it as \". IN DS 20326 8 2 E06D...\"";
  }
  if (ldns_rr_get_class(rr.get()) != LDNS_RR_CLASS_IN) return "the class is not IN";
  std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  if (ldns_rr2wire(&octets, rr.get(), LDNS_SECTION_ANSWER, &size) != LDNS_STATUS_OK) {
    return "no record";
  }
  const std::unique_ptr<std::uint8_t, FreeOctets> owned(octets);
  const Octets wire(octets, size);
  const auto owner = Name::FromWire(wire);
  constexpr std::size_t kFixed = 10;  // TYPE, CLASS, TTL, RDLENGTH (RFC 1035 section 4.1.3)
  if (!owner || wire.size() < owner->length() + kFixed) return "no record";
  return collector.Add(*owner, static_cast<RrType>(ldns_rr_get_type(rr.get())),
                       wire.subspan(owner->length() + kFixed));
}

}  // namespace

const dns::RrsetPtr* TrustAnchors::Find(const Name& zone) const {
  const auto found = zones.find(zone);
  return found == zones.end() ? nullptr : &found->second;
}

const dns::RrsetPtr* TrustAnchors::FindDeepest(const Name& name) const {
  for (Name zone = name;; zone = zone.Parent()) {
    if (const dns::RrsetPtr* anchor = Find(zone)) return anchor;
    if (zone.is_root()) return nullptr;
  }
}

bool SameAnchors(const TrustAnchors& a, const TrustAnchors& b) {
  const auto holds = [](const dns::Rrset& all, std::span<const std::uint8_t> one) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::ranges::equal(all.rdata(i), one)) return true;
    }
    return false;
  };
  return std::ranges::equal(a.zones, b.zones, [&](const auto& x, const auto& y) {
    if (!(x.first == y.first) || x.second->size() != y.second->size()) return false;
    for (std::size_t i = 0; i < x.second->size(); ++i) {
      if (!holds(*y.second, x.second->rdata(i))) return false;
    }
    return true;
  });
}

TrustAnchorsPtr BuiltinAnchors() {
  static const TrustAnchorsPtr anchors =
      ParseAnchors({kRootAnchors.begin(), kRootAnchors.end()}).value();
  return anchors;
}

Result<TrustAnchorsPtr> ParseAnchors(const std::vector<std::string>& records) {
  Collector collector;
  for (const std::string& record : records) {
    const std::string wrong = AddText(record, collector);
    if (!wrong.empty()) return BadAnchor("\"" + record + "\"", wrong);
  }
  return collector.Finish("trust anchors");
}

Result<TrustAnchorsPtr> ReadAnchors(const std::string& path) {
  const zone::ZoneFileText text = zone::ReadZoneFile(path, Name());
  if (!text.problems.empty()) {
    return Error{Errc::kBadFile, zone::ToText(path, text.problems.front())};
  }
  Collector collector;
  for (const zone::Record& record : text.records) {
    const std::string wrong = collector.Add(record.owner, record.type, record.rdata);
    if (!wrong.empty()) {
      return Error{Errc::kBadFile, zone::ToText(path, zone::Problem{record.line, wrong})};
    }
  }
  return collector.Finish(path);
}

}  // namespace resolve64::dnssec
