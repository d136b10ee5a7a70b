// Rules that the proofs by NSEC and by NSEC3 share.
#pragma once

#include <string>
#include <string_view>

#include "dnssec/records.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::dnssec {

/// The name is a zone cut, and this is the parent's side of it (RFC 6840 section 4.1).
inline bool IsAncestorDelegation(const TypeBitmap& types) noexcept {
  return types.Has(RrType::kNs) && !types.Has(RrType::kSoa);
}

/// The zone says nothing of names below the one with `types` (RFC 6840 section 4.1, RFC 5155
/// section 8.3).
inline bool EndsAuthority(const TypeBitmap& types) noexcept {
  return IsAncestorDelegation(types) || types.Has(RrType::kDname);
}

/// Why `types` do not say that there is no `type`: "has CNAME" (RFC 6840 section 4.3), or "is of a
/// delegation". Empty where they do say so.
inline std::string WhyPresent(const TypeBitmap& types, RrType type) {
  if (types.Has(type)) return "has " + ToText(type);
  if (types.Has(RrType::kCname)) return "has CNAME";
  if (IsAncestorDelegation(types)) return "is of a delegation";
  return {};
}

/// The same for the absence of DS by what the parent says (RFC 6840 section 4.4). `is_root`: the
/// root has no parent, and its apex no other NSEC than its own.
inline std::string WhyDs(const TypeBitmap& types, bool is_root) {
  if (types.Has(RrType::kDs)) return "has DS";
  if (types.Has(RrType::kCname)) return "has CNAME";
  if (types.Has(RrType::kSoa) && !is_root) return "is of the child zone";
  return {};
}

/// The source of synthesis at `encloser` (RFC 4592 section 3.3.1). A name below the encloser, that
/// is not longer, always exists where this is asked for: there is room.
inline Name WildcardOf(const Name& encloser) {
  const auto wildcard = encloser.Prepend("*");
  return wildcard ? *wildcard : encloser;
}

inline Name CommonAncestor(const Name& a, const Name& b) noexcept {
  Name ancestor = a;
  while (!b.IsAtOrBelow(ancestor)) ancestor = ancestor.Parent();
  return ancestor;
}

/// Of a name that an NSEC covers: `owner` and `next` exist with all above them, and nothing between
/// them does.
inline Name ClosestEncloser(const Name& name, const Name& owner, const Name& next) noexcept {
  const Name before = CommonAncestor(name, owner);
  const Name after = CommonAncestor(name, next);
  return before.length() > after.length() ? before : after;
}

/// True where `hash` lies after `owner` and before `next`. The last hash of a zone points to the
/// first, and one that is alone to itself.
inline bool IsWithin(std::string_view hash, std::string_view owner,
                     std::string_view next) noexcept {
  if (owner < next) return owner < hash && hash < next;
  return hash > owner || hash < next;
}

}  // namespace resolve64::dnssec
