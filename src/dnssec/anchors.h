// Where trust begins, and where the operator suspends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lock_guarded.h"
#include "dns/rrset.h"
#include "resolve64/name.h"
#include "resolve64/result.h"

namespace resolve64::dnssec {

/// Trust anchors by zone, each as a DS RRset: anchors given as DNSKEY are turned into one.
/// Immutable.
struct TrustAnchors {
  std::map<Name, dns::RrsetPtr> zones;

  /// The deepest zone with an anchor at or above `name`; null where there is none.
  [[nodiscard]] const dns::RrsetPtr* FindDeepest(const Name& name) const;
  /// The anchors of `zone` itself; null where there are none.
  [[nodiscard]] const dns::RrsetPtr* Find(const Name& zone) const;
};
using TrustAnchorsPtr = std::shared_ptr<const TrustAnchors>;

/// The same zones with the same DS records, in whatever order.
bool SameAnchors(const TrustAnchors& a, const TrustAnchors& b);

/// The root's keys of 2017 and 2024 (20326 and 38696).
TrustAnchorsPtr BuiltinAnchors();
/// DS or DNSKEY records in presentation format, one a text: ". IN DS 20326 8 2 E06D…". kBadFile
/// with the text, and what is wrong, otherwise; also where nothing in them can be used.
Result<TrustAnchorsPtr> ParseAnchors(const std::vector<std::string>& records);
/// The same from a file in zone file format. Errors name file and line.
Result<TrustAnchorsPtr> ReadAnchors(const std::string& path);

/// What is trusted at the moment: read by all workers, replaced by whoever follows rollovers.
class AnchorStore {
 public:
  explicit AnchorStore(TrustAnchorsPtr anchors) : anchors_(std::move(anchors)) {}
  [[nodiscard]] TrustAnchorsPtr Get() const { return *anchors_.Lock(); }
  void Set(TrustAnchorsPtr anchors) { *anchors_.Lock() = std::move(anchors); }

 private:
  LockGuarded<TrustAnchorsPtr> anchors_;
};

/// A negative trust anchor (RFC 7646): `name` and all below it are treated as insecure.
struct NegativeAnchor {
  Name name;
  std::optional<std::int64_t> until;  ///< seconds since 1970; empty: as long as it is configured

  /// Set by whoever finds that the name validates again (RFC 7646 section 2); null where nobody
  /// looks.
  std::shared_ptr<std::atomic<bool>> lifted = nullptr;

  [[nodiscard]] bool HoldsAt(std::int64_t now) const noexcept {
    return (!until || now < *until) && (lifted == nullptr || !lifted->load());
  }
};

}  // namespace resolve64::dnssec
