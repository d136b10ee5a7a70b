#include "dnssec/sentinel.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "dnssec/records.h"

namespace resolve64::dnssec {
namespace {

constexpr std::string_view kIsTa = "root-key-sentinel-is-ta-";
constexpr std::string_view kNotTa = "root-key-sentinel-not-ta-";

// The key tag after `prefix`: exactly five digits (section 2.1). `label` is in lower case.
std::optional<std::uint16_t> TagAfter(std::string_view prefix, std::string_view label) {
  constexpr std::size_t kDigits = 5;
  if (label.size() != prefix.size() + kDigits || !label.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = label.substr(prefix.size());
  std::uint16_t tag = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), tag);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return tag;
}

bool IsTrusted(std::uint16_t tag, const TrustAnchors& anchors) {
  const dns::RrsetPtr* root = anchors.Find(Name());
  if (root == nullptr) return false;
  for (std::size_t i = 0; i < (*root)->size(); ++i) {
    const auto ds = Ds::Read((*root)->rdata(i));
    if (ds && ds->key_tag == tag) return true;
  }
  return false;
}

}  // namespace

Sentinel JudgeSentinel(const Name& qname, RrType type, const TrustAnchors& anchors) noexcept {
  if (type != RrType::kA && type != RrType::kAaaa) return Sentinel::kNone;
  if (qname.FirstLabel().size() < kIsTa.size()) return Sentinel::kNone;
  const Name lower = qname.Lower();
  bool fails = false;
  if (const auto is_ta = TagAfter(kIsTa, lower.FirstLabel())) {
    fails = !IsTrusted(*is_ta, anchors);
  } else if (const auto not_ta = TagAfter(kNotTa, lower.FirstLabel())) {
    fails = IsTrusted(*not_ta, anchors);
  }
  return fails ? Sentinel::kServfail : Sentinel::kNone;
}

}  // namespace resolve64::dnssec
