// Proof by NSEC3 records (RFC 5155 section 8, RFC 6840 section 4).

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string_view>

#include "dnssec/denial.h"
#include "dnssec/denial_rules.h"

namespace resolve64::dnssec {
namespace {

using Kind = Denial::Kind;

struct OpensslFree {
  void operator()(EVP_MD* digest) const noexcept { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

// Fetched once: a fetch costs more than the digest.
const EVP_MD* Sha1() {
  static const std::unique_ptr<EVP_MD, OpensslFree> digest(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  return digest.get();
}

std::string_view Text(Octets octets) noexcept {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

// What rests on an opt-out span (RFC 5155 section 9.2).
Kind KindBy(const Nsec3& next_closer) noexcept {
  return next_closer.opt_out() ? Kind::kInsecure : Kind::kProved;
}

}  // namespace

std::string HashName(const Name& name, Octets salt, std::uint16_t iterations) {
  const std::unique_ptr<EVP_MD_CTX, OpensslFree> context(EVP_MD_CTX_new());
  if (context == nullptr || Sha1() == nullptr) return {};
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  const Name lower = name.Lower();
  Octets input = lower.wire();
  for (std::uint32_t round = 0; round <= iterations; ++round) {
    // Without a digest it is the one of the round before, and nothing is allocated.
    if (EVP_DigestInit_ex(context.get(), round == 0 ? Sha1() : nullptr, nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), input.data(), input.size()) != 1 ||
        EVP_DigestUpdate(context.get(), salt.data(), salt.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1) {
      return {};
    }
    input = Octets(hash.data(), size);
  }
  return std::string(Text(input));
}

const std::string* Proof::HashOf(const Name& name) {
  if (const auto known = hashes_.find(name); known != hashes_.end()) return &known->second;
  if (!work_.TakeHash()) {
    out_of_work_ = true;
    return nullptr;
  }
  const Nsec3& parameters = nsec3_.front().nsec3;
  std::string hash = HashName(name, parameters.salt, parameters.iterations);
  if (hash.empty()) return nullptr;
  return &hashes_.emplace(name, std::move(hash)).first->second;
}

const Proof::Nsec3Record* Proof::MatchingNsec3(const Name& name) {
  const std::string* hash = HashOf(name);
  if (hash == nullptr) return nullptr;
  for (const Nsec3Record& record : nsec3_) {
    if (record.owner_hash == *hash) return &record;
  }
  return nullptr;
}

const Proof::Nsec3Record* Proof::CoveringNsec3(const Name& name) {
  const std::string* hash = HashOf(name);
  if (hash == nullptr) return nullptr;
  for (const Nsec3Record& record : nsec3_) {
    if (IsWithin(*hash, record.owner_hash, Text(record.nsec3.next_hash))) return &record;
  }
  return nullptr;
}

// RFC 5155 section 8.3 looks from the name upwards; this looks from the zone downwards. The first
// name that is covered is the next closer name either way, as nothing exists below it. A name of a
// hundred labels that a stranger asks for then costs no more hashes than the zone is deep.
std::optional<Proof::Encloser> Proof::FindEncloser(const Name& name, Denial& trouble) {
  const std::size_t labels = name.LabelCount();
  for (std::size_t count = zone_.LabelCount() + 1; count <= labels; ++count) {
    const Name next_closer = name.Suffix(count);
    const Nsec3Record* cover = CoveringNsec3(next_closer);
    if (cover == nullptr) {
      if (out_of_work_) break;
      continue;
    }
    const Name closest = next_closer.Parent();
    const Nsec3Record* match = MatchingNsec3(closest);
    if (match == nullptr) {
      trouble = NotProved("no NSEC3 matches " + closest.ToText() + ", the closest encloser");
      return std::nullopt;
    }
    if (EndsAuthority(match->nsec3.types)) {
      trouble = NotProved("the NSEC3 of " + closest.ToText() + " is of a delegation or DNAME");
      return std::nullopt;
    }
    return Encloser{closest, match, cover};
  }
  trouble = NotProved("no NSEC3 covers " + name.ToText() + " or a name above it");
  return std::nullopt;
}

Denial Proof::NxdomainByNsec3(const Name& name) {
  Denial trouble;
  const auto encloser = FindEncloser(name, trouble);
  if (!encloser) {
    const Nsec3Record* match = MatchingNsec3(name);
    if (match == nullptr) return trouble;
    if (match->nsec3.types.Has(RrType::kNxname)) return RestsOn(nsec3_, {match});
    return NotProved("the NSEC3 of " + name.ToText() + " says that it exists");
  }
  const Name wildcard = WildcardOf(encloser->closest);
  const Nsec3Record* no_wildcard = CoveringNsec3(wildcard);
  if (no_wildcard == nullptr) return NotProved("no NSEC3 covers " + wildcard.ToText());
  return RestsOn(nsec3_, {encloser->match, encloser->cover, no_wildcard},
                 KindBy(encloser->cover->nsec3));
}

Denial Proof::NodataByNsec3(const Name& name, RrType type) {
  if (const Nsec3Record* match = MatchingNsec3(name)) {
    const std::string present = WhyPresent(match->nsec3.types, type);
    if (present.empty()) return RestsOn(nsec3_, {match});
    return NotProved("the NSEC3 of " + name.ToText() + " " + present);
  }
  Denial trouble;
  const auto encloser = FindEncloser(name, trouble);
  if (!encloser) return trouble;
  const Name wildcard = WildcardOf(encloser->closest);
  const Kind kind = KindBy(encloser->cover->nsec3);
  if (const Nsec3Record* match = MatchingNsec3(wildcard)) {
    const std::string present = WhyPresent(match->nsec3.types, type);
    if (!present.empty()) return NotProved("the NSEC3 of " + wildcard.ToText() + " " + present);
    return RestsOn(nsec3_, {encloser->match, encloser->cover, match}, kind);
  }
  // Below an opt-out span there may be an insecure delegation, or a name that is only there because
  // of one and has no NSEC3 (RFC 5155 sections 7.1 and 8.6).
  if (kind == Kind::kInsecure && !out_of_work_) {
    return RestsOn(nsec3_, {encloser->match, encloser->cover}, kind);
  }
  return NotProved("no NSEC3 matches " + name.ToText() + " or " + wildcard.ToText());
}

Denial Proof::NoCloserByNsec3(const Name& name, std::size_t labels) {
  const Name next_closer = name.Suffix(labels + 1);
  const Nsec3Record* cover = CoveringNsec3(next_closer);
  if (cover == nullptr) return NotProved("no NSEC3 covers " + next_closer.ToText());
  return RestsOn(nsec3_, {cover}, KindBy(cover->nsec3));
}

Denial Proof::NoDsByNsec3(const Name& name, bool& delegation) {
  if (const Nsec3Record* match = MatchingNsec3(name)) {
    const std::string present = WhyDs(match->nsec3.types, zone_.is_root() && name.is_root());
    if (!present.empty()) return NotProved("the NSEC3 of " + name.ToText() + " " + present);
    delegation = IsAncestorDelegation(match->nsec3.types);
    return RestsOn(nsec3_, {match});
  }
  Denial denial = NodataByNsec3(name, RrType::kDs);
  if (denial.kind != Kind::kNotProved) return denial;
  return NxdomainByNsec3(name);
}

}  // namespace resolve64::dnssec
