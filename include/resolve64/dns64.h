// The decision of RFC 6147 as a pure function: what a client that asked for AAAA is told.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/prefix.h"

namespace resolve64 {

/// One NAT64 prefix of a policy.
struct Dns64Prefix {
  Prefix prefix = Prefix::WellKnown();  ///< with its suffix
  std::vector<Network> for_a;  ///< only for these IPv4 addresses; empty: for all without a longer
                               ///< match
  bool draining = false;       ///< no new AAAA records; its reverse names still answer
  bool operator==(const Dns64Prefix&) const = default;
};

/// What one view does. The defaults are those of the configuration. Immutable while in use; sharing
/// between threads is fine.
struct Dns64Policy {
  enum class Selection : std::uint8_t { kFirst, kAll };
  /// Which outcomes of the AAAA lookup count as "no AAAA"; each includes those before it (RFC 6147
  /// sections 5.1.2 and 5.1.3).
  enum class SynthesizeOn : std::uint8_t { kNodata, kError, kTimeout };
  enum class DnssecMode : std::uint8_t {
    kRfc,     ///< RFC 6147 section 5.5: CD gets the raw data
    kStrict,  ///< so does DO where a lookup is secure
    kBreak,   ///< always synthesize
  };
  enum class Reverse : std::uint8_t { kCname, kSynthesize, kOff };

  /// In the order in which they are used. 64:ff9b::/96 where none is given (RFC 6147 section 5.2).
  std::vector<Dns64Prefix> prefixes{Dns64Prefix{}};
  /// IPv6 networks whose AAAA are treated as absent (RFC 6147 section 5.1.4). Empty: nothing is
  /// excluded.
  std::vector<Network> exclude_aaaa{*Network::Parse("::ffff:0:0/96")};
  std::vector<Network> exclude_a;  ///< IPv4
  /// IPv6, of any length: AAAA under them are somebody else's synthesis, and treated as absent.
  std::vector<Network> foreign_prefixes;
  std::vector<Name> exempt_names;             ///< each with its subtree
  std::vector<Name> always_synthesize_names;  ///< each with its subtree
  std::vector<Name> append_names;             ///< each with its subtree
  std::size_t max_records = 16;               ///< synthesized ones in an answer
  Selection selection = Selection::kFirst;
  SynthesizeOn synthesize_on = SynthesizeOn::kTimeout;
  DnssecMode dnssec_mode = DnssecMode::kRfc;
  Reverse reverse = Reverse::kCname;
  bool enabled = true;
  bool clients_over_ipv4 = true;
  bool allow_nonglobal_with_well_known_prefix = false;
  bool https_additional = true;
  bool mark_synthesized = true;
  bool hide_a = false;
  bool operator==(const Dns64Policy&) const = default;
};

/// The TTL bound where nothing says how long the absence of AAAA may be believed (RFC 6147
/// section 5.1.7).
inline constexpr std::uint32_t kTtlWithoutSoa = 600;
/// The TTL bound where synthesis rests on an error or on silence, not on a denial.
inline constexpr std::uint32_t kTtlAfterFailure = 30;

/// How a lookup ended. NXDOMAIN and NODATA are outcomes like data.
enum class LookupKind : std::uint8_t {
  kData,
  kNodata,
  kNxdomain,
  kError,    ///< servers answered with another RCODE, or were lame
  kTimeout,  ///< no server answered in time
  kBogus,    ///< our own validation failed
};

/// What validation says of a lookup (RFC 4033 section 5). Without validation: kUnchecked.
enum class Security : std::uint8_t { kUnchecked, kInsecure, kSecure, kBogus, kIndeterminate };

struct AaaaLookup {
  LookupKind kind = LookupKind::kNodata;
  std::span<const Ipv6> addresses;  ///< the RRset at the end of the chain, in order
  std::uint32_t ttl = 0;            ///< of that RRset, seconds left
  /// Of a negative answer: what is left of min(SOA TTL, MINIMUM), seconds.
  std::optional<std::uint32_t> soa_ttl;
  /// Of a lookup that failed: that of the zone, as far as its delegation tells.
  Security security = Security::kUnchecked;
};

struct ALookup {
  LookupKind kind = LookupKind::kNodata;
  std::span<const Ipv4> addresses;
  std::uint32_t ttl = 0;
  Security security = Security::kUnchecked;
};

/// The client and its question.
struct Dns64Query {
  Name name;  ///< as asked; the name lists are matched against it
  bool do_bit = false;
  bool cd_bit = false;
  bool over_ipv4 = false;
};

/// A step of the decision, for people: "2001:db8::1 excluded by 2001:db8::/32".
using Dns64Notes = std::vector<std::string>;

struct Dns64Decision {
  enum class Act : std::uint8_t {
    kAskA,        ///< the A lookup decides: call again with it. Only where none was given.
    kPassAaaa,    ///< the AAAA outcome goes to the client as it is, whatever it is
    kFilterAaaa,  ///< the AAAA records of `kept`, with `ttl`, which is theirs; the others are
                  ///< excluded. With none kept: the chain of the AAAA lookup and NODATA, no SOA
    kSynthesize,  ///< the chain of the A lookup, then `synthesized` with `ttl` at its end
    kAppend,      ///< the AAAA records of `kept` first, `synthesized` after, all with `ttl`
    kPassA,       ///< the outcome of the A lookup is the reply: it failed (RFC 6147 section 5.1.6),
                  ///< or it says NXDOMAIN where the AAAA lookup failed
    kServfail,    ///< bogus, or the AAAA lookup failed in a signed zone: no denial to rely on
  };
  Act act = Act::kPassAaaa;
  std::vector<std::uint16_t> kept;  ///< indexes into AaaaLookup::addresses; kFilterAaaa, kAppend
  /// In the order of the A records, then of the prefixes; no duplicates, nor any of `kept`.
  std::vector<Ipv6> synthesized;
  std::vector<Prefix> used;  ///< the prefixes of `synthesized`, each once
  std::uint32_t ttl = 0;     ///< seconds; kFilterAaaa, kSynthesize, kAppend
  /// AD may be set (RFC 6147 section 5.5): DO without CD, and both lookups secure, of kFilterAaaa
  /// the AAAA lookup. For the acts that pass an outcome on it is false: the usual rules hold.
  bool authentic = false;
  Dns64Notes notes;  ///< only when asked for
};

/// True where the policy may come to need the A records for this query: the caller may then ask for
/// both at the same moment (RFC 6147 section 5.1.8).
bool MayNeedA(const Dns64Policy& policy, const Dns64Query& query);

/// RFC 6147 sections 5.1 and 5.5. `a` is null while the A lookup is not known. Pure: the same input
/// gives the same decision; any thread.
///
/// Of the name lists `exempt_names` wins over the others; of `always_synthesize_names` and
/// `append_names` the one with the closest name, append where both are as close. To exclude AAAA
/// records is not to synthesize: it is done for exempt names too, and for every client but one that
/// gets raw data (CD, unless `dnssec_mode` is kBreak).
Dns64Decision Decide(const Dns64Policy& policy, const Dns64Query& query, const AaaaLookup& aaaa,
                     const ALookup* a, bool want_notes = false);

/// The prefixes under which `address` gets a synthesized address, in the order of the policy: the
/// longest match in `for_a` wins over prefixes without (RFC 6147 section 5.1.7); of equals all, or
/// with kFirst the first. Draining prefixes do not compete, nor does the well-known prefix for an
/// address that it must not represent (RFC 6052 section 3.1). Empty where the policy excludes it.
std::vector<Prefix> PrefixesFor(const Dns64Policy& policy, Ipv4 address);

}  // namespace resolve64
