#include "dnssec/denial.h"

#include <string_view>

#include "dnssec/verify.h"

namespace resolve64::dnssec {
namespace {

constexpr std::size_t kSha1Size = 20;  // octets

}  // namespace

Proof::Proof(const Name& zone, std::span<const dns::RrsetPtr> records, std::uint16_t max_iterations,
             Work& work)
    : zone_(zone), max_iterations_(max_iterations), work_(work) {
  for (const dns::RrsetPtr& rrset : records) {
    // A name has one NSEC, and a hash one NSEC3 of each set of parameters (RFC 5155 section 7.1).
    if (rrset == nullptr || rrset->size() != 1 || IsExpanded(*rrset)) continue;
    if (rrset->type() == RrType::kNsec) AddNsec(rrset);
    if (rrset->type() == RrType::kNsec3) AddNsec3(rrset);
  }
}

void Proof::AddNsec(const dns::RrsetPtr& rrset) {
  const auto nsec = Nsec::Read(rrset->rdata(0));
  const Name owner = rrset->owner();
  if (!nsec || !owner.IsAtOrBelow(zone_) || !nsec->next.IsAtOrBelow(zone_)) return;
  nsec_.push_back({rrset, owner, *nsec});
}

void Proof::AddNsec3(const dns::RrsetPtr& rrset) {
  const auto nsec3 = Nsec3::Read(rrset->rdata(0));
  const Name owner = rrset->owner();
  if (!nsec3 || nsec3->hash_algorithm != Nsec3::kSha1) return;
  if ((nsec3->flags & ~Nsec3::kOptOut) != 0 || nsec3->next_hash.size() != kSha1Size) return;
  if (owner.is_root() || owner.Parent() != zone_) return;
  auto hash = DecodeHashLabel(owner.FirstLabel(), kSha1Size);
  if (!hash) return;
  if (!nsec3_.empty()) {
    const Nsec3& first = nsec3_.front().nsec3;
    if (first.iterations != nsec3->iterations || !std::ranges::equal(first.salt, nsec3->salt)) {
      mixed_ = true;
    }
  }
  nsec3_.push_back({rrset, std::move(*hash), *nsec3});
}

Denial Proof::NotProved(std::string text) {
  Denial denial;
  denial.ede = Ede::kNsecMissing;
  denial.text = std::move(text);
  return denial;
}

std::optional<Denial> Proof::Nsec3Trouble() const {
  if (mixed_) {
    return NotProved("NSEC3 records of " + zone_.ToText() + " have unequal parameters");
  }
  const std::uint16_t iterations = nsec3_.front().nsec3.iterations;
  if (iterations <= max_iterations_) return std::nullopt;
  Denial denial;
  denial.kind = Denial::Kind::kInsecure;
  denial.ede = Ede::kUnsupportedNsec3Iterations;
  denial.text = "NSEC3 records of " + zone_.ToText() + " have " + std::to_string(iterations) +
                " iterations, more than " + std::to_string(max_iterations_);
  for (const Nsec3Record& record : nsec3_) denial.used.push_back(record.rrset);
  return denial;
}

template <class ByNsec, class ByNsec3>
Denial Proof::Ask(const Name& name, ByNsec by_nsec, ByNsec3 by_nsec3) {
  if (!name.IsAtOrBelow(zone_)) return NotProved(name.ToText() + " is not in " + zone_.ToText());
  if (empty()) return NotProved("no NSEC or NSEC3 of " + zone_.ToText());
  Denial denial;
  if (!nsec_.empty()) denial = by_nsec();
  if (denial.kind != Denial::Kind::kNotProved || nsec3_.empty()) return denial;
  if (auto trouble = Nsec3Trouble()) return *std::move(trouble);
  out_of_work_ = false;
  denial = by_nsec3();
  if (denial.kind == Denial::Kind::kNotProved && out_of_work_) {
    denial.limited = true;
    denial.ede = Ede::kOther;
    denial.text = "validation limit: NSEC3 hashes";
  }
  return denial;
}

Denial Proof::Nxdomain(const Name& name) {
  return Ask(
      name, [&] { return NxdomainByNsec(name); }, [&] { return NxdomainByNsec3(name); });
}

Denial Proof::Nodata(const Name& name, RrType type) {
  if (type == RrType::kDs) return NoDsAt(name).denial;
  return Ask(
      name, [&] { return NodataByNsec(name, type); }, [&] { return NodataByNsec3(name, type); });
}

Denial Proof::NoCloserName(const Name& name, std::uint8_t labels) {
  if (labels >= name.LabelCount() || !name.Suffix(labels).IsAtOrBelow(zone_)) {
    return NotProved("no wildcard of " + std::to_string(labels) + " labels makes " + name.ToText());
  }
  return Ask(
      name, [&] { return NoCloserByNsec(name, labels); },
      [&] { return NoCloserByNsec3(name, labels); });
}

NoDs Proof::NoDsAt(const Name& name) {
  NoDs no_ds;
  // What a zone says of its own apex is the child's side of the cut. The root has no other.
  if (name == zone_ && !zone_.is_root()) {
    no_ds.denial = NotProved("only the parent of " + zone_.ToText() + " knows of its DS");
    return no_ds;
  }
  no_ds.denial = Ask(
      name, [&] { return NoDsByNsec(name, no_ds.delegation); },
      [&] { return NoDsByNsec3(name, no_ds.delegation); });
  return no_ds;
}

}  // namespace resolve64::dnssec
