// Proof by NSEC records (RFC 4035 section 5.4, RFC 6840 section 4).

#include "dnssec/denial.h"
#include "dnssec/denial_rules.h"

namespace resolve64::dnssec {

const Proof::NsecRecord* Proof::MatchingNsec(const Name& name) const {
  for (const NsecRecord& record : nsec_) {
    if (record.owner == name) return &record;
  }
  return nullptr;
}

const Proof::NsecRecord* Proof::CoveringNsec(const Name& name) const {
  for (const NsecRecord& record : nsec_) {
    if (name <= record.owner) continue;
    // The last one of a zone points back to the apex.
    if (record.nsec.next != zone_ && name >= record.nsec.next) continue;
    if (record.nsec.next != zone_ && record.nsec.next <= record.owner) continue;
    if (name.IsBelow(record.owner) && EndsAuthority(record.nsec.types)) continue;
    return &record;
  }
  return nullptr;
}

Denial Proof::NxdomainByNsec(const Name& name) const {
  if (const NsecRecord* match = MatchingNsec(name)) {
    // Compact denial: the name is there only to say that it is not (RFC 9824).
    if (match->nsec.types.Has(RrType::kNxname)) return RestsOn(nsec_, {match});
    return NotProved("the NSEC of " + name.ToText() + " says that it exists");
  }
  const NsecRecord* cover = CoveringNsec(name);
  if (cover == nullptr) return NotProved("no NSEC covers " + name.ToText());
  const Name& next = cover->nsec.next;
  if (next.IsBelow(name)) return NotProved(name.ToText() + " is an empty non-terminal");

  const Name wildcard = WildcardOf(ClosestEncloser(name, cover->owner, next));
  const NsecRecord* no_wildcard = CoveringNsec(wildcard);
  if (no_wildcard == nullptr) return NotProved("no NSEC covers " + wildcard.ToText());
  if (no_wildcard->nsec.next.IsBelow(wildcard)) {
    return NotProved(wildcard.ToText() + " is an empty non-terminal");
  }
  return RestsOn(nsec_, {cover, no_wildcard});
}

Denial Proof::NodataByNsec(const Name& name, RrType type) const {
  if (const NsecRecord* match = MatchingNsec(name)) {
    const std::string present = WhyPresent(match->nsec.types, type);
    if (present.empty()) return RestsOn(nsec_, {match});
    return NotProved("the NSEC of " + name.ToText() + " " + present);
  }
  const NsecRecord* cover = CoveringNsec(name);
  if (cover == nullptr) return NotProved("no NSEC matches or covers " + name.ToText());
  const Name& next = cover->nsec.next;
  if (next.IsBelow(name)) return RestsOn(nsec_, {cover});

  const Name wildcard = WildcardOf(ClosestEncloser(name, cover->owner, next));
  if (const NsecRecord* match = MatchingNsec(wildcard)) {
    const std::string present = WhyPresent(match->nsec.types, type);
    if (present.empty()) return RestsOn(nsec_, {cover, match});
    return NotProved("the NSEC of " + wildcard.ToText() + " " + present);
  }
  // A wildcard that is an empty non-terminal has no data of any type (RFC 4592 section 2.2.2).
  const NsecRecord* around = CoveringNsec(wildcard);
  if (around != nullptr && around->nsec.next.IsBelow(wildcard)) {
    return RestsOn(nsec_, {cover, around});
  }
  return NotProved("no NSEC matches " + wildcard.ToText());
}

Denial Proof::NoCloserByNsec(const Name& name, std::size_t labels) const {
  const NsecRecord* cover = CoveringNsec(name);
  if (cover == nullptr) return NotProved("no NSEC covers " + name.ToText());
  const Name& next = cover->nsec.next;
  if (next.IsBelow(name)) return NotProved(name.ToText() + " is an empty non-terminal");
  const Name encloser = ClosestEncloser(name, cover->owner, next);
  if (encloser.LabelCount() > labels) {
    return NotProved(encloser.ToText() + " is closer to " + name.ToText() + " than the wildcard");
  }
  return RestsOn(nsec_, {cover});
}

Denial Proof::NoDsByNsec(const Name& name, bool& delegation) const {
  if (const NsecRecord* match = MatchingNsec(name)) {
    const std::string present = WhyDs(match->nsec.types, zone_.is_root() && name.is_root());
    if (!present.empty()) return NotProved("the NSEC of " + name.ToText() + " " + present);
    delegation = IsAncestorDelegation(match->nsec.types);
    return RestsOn(nsec_, {match});
  }
  Denial denial = NodataByNsec(name, RrType::kDs);
  if (denial.kind == Denial::Kind::kProved) return denial;
  return NxdomainByNsec(name);
}

}  // namespace resolve64::dnssec
