#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "dns64/exclude.h"
#include "dns64/select.h"
#include "resolve64/dns64.h"

namespace resolve64 {
namespace {

using Act = Dns64Decision::Act;
using Mode = Dns64Policy::DnssecMode;
using SynthesizeOn = Dns64Policy::SynthesizeOn;

// The labels of the closest name in `names` that is `name` or above it.
std::optional<std::size_t> ClosestMatch(const std::vector<Name>& names, const Name& name) {
  std::optional<std::size_t> closest;
  for (const Name& candidate : names) {
    if (!name.IsAtOrBelow(candidate)) continue;
    closest = std::max(closest.value_or(0), candidate.LabelCount());
  }
  return closest;
}

// Why this client gets nothing synthesized for this name, whatever the lookups say. Null: it may.
const char* WhyNever(const Dns64Policy& policy, const Dns64Query& query) {
  if (query.over_ipv4 && !policy.clients_over_ipv4) {
    return "client asks over IPv4 and clients_over_ipv4 is false";
  }
  if (ClosestMatch(policy.exempt_names, query.name)) return "the name is in exempt_names";
  if (!dns64::HasActivePrefix(policy)) return "no prefix is active";
  if (policy.max_records == 0) return "max_records is 0";
  return nullptr;
}

// With CD the client wants the data as it is (RFC 6147 section 5.5 case 3, RFC 7050 section 3).
bool WantsRawData(const Dns64Policy& policy, const Dns64Query& query) {
  return query.cd_bit && policy.dnssec_mode != Mode::kBreak;
}

bool IsBogus(LookupKind kind, Security security) {
  return kind == LookupKind::kBogus || security == Security::kBogus;
}

bool IsFailure(LookupKind kind) {
  return kind == LookupKind::kError || kind == LookupKind::kTimeout;
}

// What becomes of AAAA records that are there and not excluded.
enum class Native { kAlone, kIgnored, kFirst };

Native NativeFor(const Dns64Policy& policy, const Name& name) {
  const auto always = ClosestMatch(policy.always_synthesize_names, name);
  const auto append = ClosestMatch(policy.append_names, name);
  if (append && (!always || *append >= *always)) return Native::kFirst;
  return always ? Native::kIgnored : Native::kAlone;
}

// One decision: the pieces of RFC 6147 section 5.1 in the order in which they apply.
class Decider {
 public:
  Decider(const Dns64Policy& policy, const Dns64Query& query, const AaaaLookup& aaaa,
          const ALookup* a, bool want_notes)
      : policy_(policy), query_(query), aaaa_(aaaa), a_(a), want_notes_(want_notes) {}

  Dns64Decision Run();

 private:
  Dns64Decision End(Act act, const char* why);
  Dns64Decision EndWithoutSynthesis(const char* why);
  Dns64Decision EndFailedA();
  Dns64Decision EndSynthesis(bool append, dns64::Synthesized made);
  [[nodiscard]] std::uint32_t Ttl(bool append) const;
  [[nodiscard]] const char* WhyNotAfterThis() const;
  [[nodiscard]] bool StrictlySigned(Security security) const {
    return policy_.dnssec_mode == Mode::kStrict && query_.do_bit && security == Security::kSecure;
  }
  [[nodiscard]] bool native() const { return !out_.kept.empty(); }
  [[nodiscard]] bool filtered() const { return out_.kept.size() < aaaa_.addresses.size(); }
  [[nodiscard]] Dns64Notes* notes() { return want_notes_ ? &out_.notes : nullptr; }

  const Dns64Policy& policy_;
  const Dns64Query& query_;
  const AaaaLookup& aaaa_;
  const ALookup* a_;
  const bool want_notes_;
  Dns64Decision out_;
};

Dns64Decision Decider::Run() {
  if (IsBogus(aaaa_.kind, aaaa_.security)) {
    if (query_.cd_bit) return End(Act::kPassAaaa, "the AAAA lookup is bogus, and CD is set");
    return End(Act::kServfail, "the AAAA lookup is bogus");
  }
  if (!policy_.enabled) return End(Act::kPassAaaa, "dns64 is not enabled");
  if (WantsRawData(policy_, query_)) {
    return End(Act::kPassAaaa, "CD is set: the data as it is (RFC 6147 section 5.5)");
  }
  if (aaaa_.kind == LookupKind::kNxdomain) {
    return End(Act::kPassAaaa, "the name does not exist (RFC 6147 section 5.1.2)");
  }

  if (aaaa_.kind == LookupKind::kData) {
    out_.kept = dns64::KeepAaaa(policy_, aaaa_.addresses, notes());
  }
  const Native handling = native() ? NativeFor(policy_, query_.name) : Native::kIgnored;
  if (handling == Native::kAlone) {
    return EndWithoutSynthesis("there is a native AAAA (RFC 6147 section 5.1.1)");
  }
  if (const char* why = WhyNever(policy_, query_)) return EndWithoutSynthesis(why);
  // RFC 6147 section 5.5 case 2: in a signed zone only a validated denial says that there is no
  // AAAA. Taking silence for one would let an attacker remove it.
  if (IsFailure(aaaa_.kind) && aaaa_.security == Security::kSecure) {
    return End(Act::kServfail, "the AAAA lookup failed in a signed zone: no denial to rely on");
  }
  if (const char* why = WhyNotAfterThis()) return EndWithoutSynthesis(why);
  if (a_ == nullptr) return End(Act::kAskA, "the A records decide (RFC 6147 section 5.1.6)");

  if (IsBogus(a_->kind, a_->security)) {
    if (native()) return EndWithoutSynthesis("the A lookup is bogus: the native AAAA stand");
    if (query_.cd_bit) return EndWithoutSynthesis("the A lookup is bogus");
    return End(Act::kServfail, "the A lookup is bogus");
  }
  if (StrictlySigned(a_->security)) {
    return EndWithoutSynthesis("dnssec_mode is strict, DO is set and the A records are signed");
  }
  if (a_->kind != LookupKind::kData || a_->addresses.empty()) return EndFailedA();

  const bool append = handling == Native::kFirst;
  std::vector<Ipv6> beside;
  if (append) {
    for (const std::uint16_t i : out_.kept) beside.push_back(aaaa_.addresses[i]);
  }
  auto made = dns64::Synthesize(policy_, a_->addresses, beside, notes());
  if (made.addresses.empty()) return EndWithoutSynthesis("no A record is usable");
  return EndSynthesis(append, std::move(made));
}

// Why what came of the AAAA lookup is no ground for synthesis under this policy.
const char* Decider::WhyNotAfterThis() const {
  if (aaaa_.kind == LookupKind::kError && policy_.synthesize_on == SynthesizeOn::kNodata) {
    return "the AAAA lookup ended with an error, and synthesize_on is nodata";
  }
  if (aaaa_.kind == LookupKind::kTimeout && policy_.synthesize_on != SynthesizeOn::kTimeout) {
    return "the AAAA lookup timed out, and synthesize_on is not timeout";
  }
  if (StrictlySigned(aaaa_.security)) {
    return "dnssec_mode is strict, DO is set and the zone is signed";
  }
  return nullptr;
}

Dns64Decision Decider::End(Act act, const char* why) {
  if (want_notes_) out_.notes.emplace_back(why);
  out_.act = act;
  if (act != Act::kFilterAaaa) out_.kept.clear();
  return std::move(out_);
}

// The AAAA outcome is the answer, without the records that are excluded.
Dns64Decision Decider::EndWithoutSynthesis(const char* why) {
  if (!filtered() || aaaa_.kind != LookupKind::kData) return End(Act::kPassAaaa, why);
  out_.ttl = aaaa_.ttl;
  out_.authentic = query_.do_bit && !query_.cd_bit && aaaa_.security == Security::kSecure;
  return End(Act::kFilterAaaa, why);
}

// RFC 6147 sections 5.1.6 and 5.4: an empty A gives the AAAA outcome back, an error is the reply.
Dns64Decision Decider::EndFailedA() {
  if (native()) return EndWithoutSynthesis("no usable A: the native AAAA stand");
  if (IsFailure(a_->kind)) {
    return End(Act::kPassA, "the A lookup failed (RFC 6147 section 5.1.6)");
  }
  // A denied name is denied for every type. NODATA says nothing of AAAA, though, and passed on for
  // a failed AAAA lookup it would hide an AAAA that may exist for as long as clients cache it.
  if (IsFailure(aaaa_.kind) && a_->kind == LookupKind::kNxdomain) {
    return End(Act::kPassA, "the AAAA lookup failed, and the A lookup says that there is no name");
  }
  return EndWithoutSynthesis("there is no A either (RFC 6147 section 5.4)");
}

Dns64Decision Decider::EndSynthesis(bool append, dns64::Synthesized made) {
  out_.act = append ? Act::kAppend : Act::kSynthesize;
  out_.ttl = Ttl(append);
  if (!append) out_.kept.clear();
  out_.synthesized = std::move(made.addresses);
  out_.used = std::move(made.used);
  out_.authentic = query_.do_bit && !query_.cd_bit && aaaa_.security == Security::kSecure &&
                   a_->security == Security::kSecure;
  if (want_notes_) {
    out_.notes.push_back("synthesized records: " + std::to_string(out_.synthesized.size()) +
                         ", TTL " + std::to_string(out_.ttl));
  }
  return std::move(out_);
}

// RFC 6147 section 5.1.7; never longer than what it rests on.
std::uint32_t Decider::Ttl(bool append) const {
  if (append) return std::min(a_->ttl, aaaa_.ttl);
  if (IsFailure(aaaa_.kind)) return std::min(a_->ttl, kTtlAfterFailure);
  if (!aaaa_.addresses.empty()) return std::min({a_->ttl, aaaa_.ttl, kTtlWithoutSoa});
  return std::min(a_->ttl, aaaa_.soa_ttl.value_or(kTtlWithoutSoa));
}

}  // namespace

bool MayNeedA(const Dns64Policy& policy, const Dns64Query& query) {
  return policy.enabled && !WantsRawData(policy, query) && WhyNever(policy, query) == nullptr;
}

Dns64Decision Decide(const Dns64Policy& policy, const Dns64Query& query, const AaaaLookup& aaaa,
                     const ALookup* a, bool want_notes) {
  return Decider(policy, query, aaaa, a, want_notes).Run();
}

}  // namespace resolve64
