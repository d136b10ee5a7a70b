#include "config/keys.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/values.h"

namespace resolve64::config {
namespace {

constexpr std::int64_t kMebi = 1LL << 20U;
constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kManyItems = 100'000;

constexpr Key kKeys[] = {
    {"/$schema", kText, "", "",
     "Where an editor finds the JSON Schema; the resolver does not look at it."},

    {"/listen", kList, R"([{"address": "::1"}, {"address": "127.0.0.1"}])", "",
     "The addresses and ports that clients may ask.", 1, 1024},
    {"/listen/*", kObject, "", "", "One listener."},
    {"/listen/*/address", kAddress, "", "",
     "An address of this host; `::` and `0.0.0.0` are all of its family, and replies come from the "
     "address that was asked.",
     0, 0, "", true},
    {"/listen/*/port", kCount, "53", "",
     "The port. The default of `tls` is 853, that of `https` is 443.", 1, 65535},
    {"/listen/*/transport", kWord, R"("dns")", "",
     "`dns` is UDP and TCP (RFC 1035, RFC 7766), `tls` is DNS over TLS (RFC 7858), `https` is DNS "
     "over HTTPS (RFC 8484) with HTTP/2.",
     0, 0, "dns|tls|https"},
    {"/listen/*/path", kText, R"("/dns-query")", "", "The path of `https`."},
    {"/listen/*/view", kViewName, "", "",
     "This listener always answers from that view, whoever asks."},
    {"/listen/*/proxy_protocol", kList, "[]", "",
     "Peers that say who asks, with the PROXY protocol, version 2; from them nothing is taken "
     "without it, from others nothing with it. List only those that do send it, and let nobody "
     "else send datagrams under their addresses.",
     0, kManyItems},
    {"/listen/*/proxy_protocol/*", kClients, "", "", "One network of peers."},

    {"/workers", kWord | kCount, R"("auto")", "",
     "Event loops, each on a thread of its own; `auto` is one a core.", 1, 1024, "auto"},
    {"/run_as", kObject | kNull, R"({"user": "resolve64", "group": "resolve64"})", "",
     "Whom to become once the sockets are bound, where the resolver starts as root; `null` stays "
     "root."},
    {"/run_as/user", kText, R"("resolve64")", "", "A user by name."},
    {"/run_as/group", kText, R"("resolve64")", "", "A group by name."},

    {"/access", kObject, R"({"allow": ["private"], "refuse": []})", "",
     "Who may ask. Others get REFUSED."},
    {"/access/allow", kList, R"(["private"])", "",
     "Networks that may ask; `private` is loopback, link-local, RFC 1918, RFC 6598 and unique "
     "local addresses, `any` is everybody.",
     0, kManyItems},
    {"/access/allow/*", kClients, "", "", "One network."},
    {"/access/refuse", kList, "[]", "", "Networks that may not, even where `allow` holds them.", 0,
     kManyItems},
    {"/access/refuse/*", kClients, "", "", "One network."},

    {"/dns64", kObject, "{}", "", "AAAA records made from A records (RFC 6147)."},
    {"/dns64/enabled", kBool, "true", "",
     "`false`: nothing is synthesized, and reverse names under the prefixes are ordinary names."},
    {"/dns64/prefixes", kList, R"(["64:ff9b::/96"])", "",
     "The NAT64 prefixes (RFC 6052), in the order in which they are offered. The default is the "
     "well-known prefix; it is not used where others are named (RFC 6147 section 5.2).",
     1, 64},
    {"/dns64/prefixes/*", kPrefix | kObject, "", "", "A prefix alone, or with more about it."},
    {"/dns64/prefixes/*/prefix", kPrefix, "", "",
     "The prefix. Most phones and laptops expect a /96.", 0, 0, "", true},
    {"/dns64/prefixes/*/weight", kCount, "1", "1",
     "Its share of the clients, where `selection` is `hash`.", 1, 1000},
    {"/dns64/prefixes/*/suffix", kIpv6, R"("::")", "",
     "The bits after the IPv4 address (RFC 6052 section 2.2)."},
    {"/dns64/prefixes/*/for_a", kList, "[]", "",
     "Only for these IPv4 addresses; the longest match wins over prefixes without `for_a`. A "
     "router advertisement cannot say this (RFC 8781 section 5).",
     0, kManyItems},
    {"/dns64/prefixes/*/for_a/*", kNetwork4, "", "", "One IPv4 network."},
    {"/dns64/prefixes/*/state", kWord, R"("active")", "",
     "`draining`: no new AAAA records, while its reverse names still answer.", 0, 0,
     "active|draining"},
    {"/dns64/prefixes/*/probe", kObject | kNull, "null", "null",
     "An IPv4 service to reach through the prefix, to know that the NAT64 lives."},
    {"/dns64/prefixes/*/probe/address", kAddress, "", "", "Its address.", 0, 0, "", true},
    {"/dns64/prefixes/*/probe/port", kCount, "443", "", "Its TCP port.", 1, 65535},
    {"/dns64/prefixes/*/probe/interval", kTime, R"("10s")", "", "How often to try.", 1000, kHour},
    {"/dns64/selection", kWord, R"("first")", R"("first"|"all")",
     "Which of several prefixes for the same IPv4 address: the `first`, or a record under `all` of "
     "them.",
     0, 0, "first|all|hash|failover"},
    {"/dns64/max_records", kCount, "16", "", "Synthesized records in one answer, at most.", 1, 256},
    {"/dns64/discover", kBool, "false", "false",
     "Learn the prefix from the network (RFC 7050, RFC 8781)."},
    {"/dns64/clients_over_ipv4", kBool, "true", "",
     "`false`: who asks over IPv4 gets nothing synthesized."},
    {"/dns64/synthesize_on", kWord, R"("timeout")", "",
     "When there is no AAAA: only after NODATA (`nodata`), after any RCODE but NXDOMAIN (`error`), "
     "or after silence too (`timeout`) (RFC 6147 sections 5.1.2 and 5.1.3). Beyond `nodata` the "
     "TTL is 30 s at most.",
     0, 0, "nodata|error|timeout"},
    {"/dns64/exclude_aaaa", kList, R"(["::ffff:0:0/96"])", "",
     "AAAA records treated as absent, one by one (RFC 6147 section 5.1.4). `[]` excludes nothing; "
     "`::/0` makes every name look IPv4-only.",
     0, kManyItems},
    {"/dns64/exclude_aaaa/*", kNetwork6, "", "", "One IPv6 network."},
    {"/dns64/exclude_a", kList, "[]", "", "A records never synthesized from.", 0, kManyItems},
    {"/dns64/exclude_a/*", kNetwork4, "", "", "One IPv4 network."},
    {"/dns64/allow_nonglobal_with_well_known_prefix", kBool, "false", "",
     "`true`: private and other special IPv4 addresses under 64:ff9b::/96 too, against RFC 6052 "
     "section 3.1."},
    {"/dns64/exempt_names", kList, "[]", "", "Names, with all below them, never synthesized.", 0,
     kManyItems},
    {"/dns64/exempt_names/*", kName, "", "", "One name."},
    {"/dns64/always_synthesize_names", kList, "[]", "",
     "Names, with all below them, whose AAAA records are ignored where there is a usable A: for "
     "sites whose IPv6 is broken.",
     0, kManyItems},
    {"/dns64/always_synthesize_names/*", kName, "", "", "One name."},
    {"/dns64/append_names", kList, "[]", "",
     "Names, with all below them, that get both: native records first, synthesized ones after.", 0,
     kManyItems},
    {"/dns64/append_names/*", kName, "", "", "One name."},
    {"/dns64/dnssec_mode", kWord, R"("rfc")", "",
     "`rfc`: who asks with DO and CD gets raw data (RFC 6147 section 5.5). `strict`: who asks with "
     "DO gets nothing synthesized from a signed zone either. `break`: synthesize always.",
     0, 0, "rfc|strict|break"},
    {"/dns64/foreign_prefixes", kList, "[]", "",
     "AAAA records under these came from somebody else's DNS64: they are treated as absent. "
     "64:ff9b::/96 is one wherever it is not among `prefixes`.",
     0, kManyItems},
    {"/dns64/foreign_prefixes/*", kNetwork6, "", "", "One IPv6 network."},
    {"/dns64/https_additional", kBool, "true", "",
     "HTTPS and SVCB answers bring the target's synthesized AAAA (RFC 9460 section 4.2.2); their "
     "address hints stay as they are."},
    {"/dns64/mark_synthesized", kBool, "true", "",
     "Extended DNS Error 29 with the prefix, to clients that use EDNS (RFC 8914)."},
    {"/dns64/hide_a", kBool, "false", "",
     "`true`: questions for A get NODATA (Extended DNS Error 17); A records are still used "
     "inside."},
    {"/dns64/reverse", kWord, R"("cname")", "",
     "Names of `ip6.arpa` under a prefix: a CNAME into `in-addr.arpa`, the PTR records themselves "
     "(`synthesize`), or as any other name (`off`) (RFC 6147 section 5.3.1).",
     0, 0, "cname|synthesize|off"},

    {"/views", kMap, "{}", "",
     "Other answers for some clients, over the same cache. The first view whose clients match is "
     "used; a listener's `view` comes before. Names are letters, digits, `-` and `_`."},
    {"/views/*", kObject, "", "", "One view."},
    {"/views/*/clients", kList, "[]", "", "Its clients; without any, only a listener leads here.",
     0, kManyItems},
    {"/views/*/clients/*", kClients, "", "", "One network, `private` or `any`."},
    {"/views/*/dns64", kObject, "{}", "",
     "The keys of `dns64`; those that stand here replace the global ones, the others are "
     "inherited."},

    {"/dnssec", kObject, "{}", "", "DNSSEC validation."},
    {"/dnssec/validation", kBool, "true", "",
     "Validate answers (RFC 4035): bogus ones are SERVFAIL. `false`: all is taken as it comes."},
    {"/dnssec/trust_anchors", kWord | kPath | kList, R"("builtin")", "",
     "The keys to start from: those of the root that are built in, a zone file of DS and DNSKEY "
     "records, or a list of such records.",
     1, 64, "builtin"},
    {"/dnssec/trust_anchors/*", kText, "", "",
     "One DS or DNSKEY record, as it stands in a zone file."},
    {"/dnssec/automatic_update", kBool, "true", "",
     "Follow the rollover of those keys (RFC 5011), and keep what was learned in `state_file`."},
    {"/dnssec/state_file", kPath, "", "",
     "Where. Without it `anchors.json` in the state directory of the service manager "
     "(`$STATE_DIRECTORY`), or in `/var/lib/resolve64`."},
    {"/dnssec/insecure", kList, "[]", "",
     "Negative trust anchors (RFC 7646): names that are not validated, with all below them, "
     "because their zone is broken and its operator knows.",
     0, 1000},
    {"/dnssec/insecure/*", kName | kObject, "", "", "A name, or a name with an end."},
    {"/dnssec/insecure/*/name", kName, "", "", "The name.", 0, 0, "", true},
    {"/dnssec/insecure/*/until", kMoment, "", "",
     "When it ends, in UTC; with a day alone, as that day begins. It ends sooner where the name "
     "validates again."},
    {"/dnssec/nsec3_max_iterations", kCount, "50", "",
     "Denials with more NSEC3 iterations are insecure (RFC 9276 section 3.2).", 0, 2500},
    {"/dnssec/override_time", kMoment | kNull, "null", "",
     "Judge signatures by this time, in UTC, and not by the clock. For tests."},

    {"/root_hints", kWord | kPath | kList, R"("builtin")", "",
     "The root servers: those built in, a hints file, or a list.", 1, 64, "builtin"},
    {"/root_hints/*", kObject, "", "", "One root server."},
    {"/root_hints/*/name", kName, "", "", "Its name.", 0, 0, "", true},
    {"/root_hints/*/addresses", kList, "", "",
     "Its addresses, as `192.0.2.53` or `192.0.2.53@5353`.", 1, 64, "", true},
    {"/root_hints/*/addresses/*", kEndpoint, "", "", "One address."},

    {"/forward", kList, "[]", "", "Zones whose questions go to other resolvers.", 0, kManyItems},
    {"/forward/*", kObject, "", "", "One zone; the one with most labels wins."},
    {"/forward/*/zone", kName, "", "", "The zone, with all below it; `.` is everything.", 0, 0, "",
     true},
    {"/forward/*/servers", kList, "", "", "The resolvers.", 1, 64, "", true},
    {"/forward/*/servers/*", kEndpoint | kObject, "", "",
     "An address such as `192.0.2.1` or `192.0.2.1@5353`, or an object."},
    {"/forward/*/servers/*/address", kAddress, "", "", "Its address.", 0, 0, "", true},
    {"/forward/*/servers/*/port", kCount, "53", "", "Its port. The default of `tls` is 853.", 1,
     65535},
    {"/forward/*/servers/*/transport", kWord, R"("dns")", "",
     "`dns` is UDP and TCP, `tls` is DNS over TLS (RFC 7858): where its certificate is not the "
     "right one it is not asked.",
     0, 0, "dns|tls"},
    {"/forward/*/servers/*/name", kText, "", "",
     "The name that its certificate must hold (RFC 8310 section 8.1); without one, its address. "
     "Only with `tls`."},
    {"/forward/*/only", kBool, "true", "",
     "`false`: where these servers do not answer, ask the authoritative ones."},
    {"/forward/*/dns64", kBool, "true", "",
     "`false`: what these servers say is passed on as it is."},

    {"/stub", kList, "[]", "",
     "Zones whose authoritative servers are named here, whatever the delegation says.", 0,
     kManyItems},
    {"/stub/*", kObject, "", "", "One zone."},
    {"/stub/*/zone", kName, "", "", "The zone.", 0, 0, "", true},
    {"/stub/*/servers", kList, "", "",
     "Its authoritative servers, as `192.0.2.3` or `192.0.2.3@5353`.", 1, 64, "", true},
    {"/stub/*/servers/*", kEndpoint, "", "", "One address."},

    {"/zones", kList, "[]", "", "Zones answered here, from zone files (RFC 1035 section 5).", 0,
     kManyItems},
    {"/zones/*", kObject, "", "", "One zone."},
    {"/zones/*/zone", kName, "", "", "Its name.", 0, 0, "", true},
    {"/zones/*/file", kPath, "", "", "Its zone file.", 0, 0, "", true},
    {"/builtin_zones", kBool | kObject, "true", "",
     "Answer RFC 6303 and special-use names here; `false` sends all of them into the Internet."},
    {"/builtin_zones/except", kList, "[]", "", "Those of them to treat as ordinary names.", 0,
     kManyItems},
    {"/builtin_zones/except/*", kName, "", "", "One name."},

    {"/cache", kObject, "{}", "",
     "The cache. It holds what servers said, for all views, and finished answers for each."},
    {"/cache/size", kSize, R"("256MiB")", "",
     "How much memory it may use: an eighth for finished answers, the rest for what servers said.",
     kMebi, kMebi << 20U},
    {"/cache/min_ttl", kSeconds, R"("0s")", "",
     "Shorter TTLs are raised to it. Anything but 0 serves data longer than its owner allows.", 0,
     kHour},
    {"/cache/max_ttl", kSeconds, R"("1d")", "",
     "Longer TTLs are cut to it (RFC 8767 section 4 advises 7 days at most).", 0, 7 * kDay},
    {"/cache/max_negative_ttl", kSeconds, R"("1h")", "",
     "How long NXDOMAIN and NODATA are kept (RFC 2308 section 5 advises 1 to 3 hours).", 0, kDay},
    {"/cache/prefetch", kBool, "false", "false", "Renew popular records before they expire."},
    {"/cache/aggressive_nsec", kBool, "true", "",
     "Negative answers, and those of wildcards, from cached NSEC and NSEC3 records that were "
     "validated (RFC 8198)."},
    {"/cache/serve_stale", kObject, "{}", "", "Expired data where there is no fresh (RFC 8767)."},
    {"/cache/serve_stale/enabled", kBool, "false", "false", "Serve it."},
    {"/cache/serve_stale/max_age", kSeconds, "", kNothing, "How long after it expired.", 0,
     7 * kDay},
    {"/cache/serve_stale/client_timeout", kTime, "", kNothing,
     "How long a client waits for fresh data first.", 0, kMinute},
    {"/cache/save", kPath | kNull, "null", "null", "A file to keep the cache in over a restart."},
    {"/cache/shared", kObject | kNull, "null", "null",
     "A second cache, shared by several resolvers."},
    {"/cache/shared/url", kText, "", "", "Where it is.", 0, 0, "", true},

    {"/upstream", kObject, "{}", "", "How authoritative servers and forwarders are asked."},
    {"/upstream/ipv4", kBool, "true", "", "Ask over IPv4."},
    {"/upstream/ipv6", kBool, "true", "", "Ask over IPv6."},
    {"/upstream/source_addresses", kList, "[]", "",
     "Addresses of this host to ask from, in turn; `[]` is the system's choice.", 0, 1024},
    {"/upstream/source_addresses/*", kAddress, "", "", "One address."},
    {"/upstream/udp_payload", kCount, "1232", "",
     "The EDNS size in our queries, in octets; above 1400 answers get fragmented (RFC 9715).", 512,
     4096},
    {"/upstream/qname_minimization", kWord, R"("relaxed")", "",
     "RFC 9156. `relaxed` asks with the full name where a server fails on the short one; `strict` "
     "does not.",
     0, 0, "off|relaxed|strict"},
    {"/upstream/case_randomization", kBool, "true", "",
     "Random letter case in queries, against forged answers."},
    {"/upstream/cookies", kBool, "false", "false", "DNS cookies (RFC 7873)."},
    {"/upstream/tls", kWord, R"("off")", "",
     "Encryption towards authoritative servers: `opportunistic` uses DNS over TLS where a server "
     "has it, whatever its certificate (RFC 9539).",
     0, 0, "off|opportunistic"},
    {"/upstream/tls_authorities", kPath | kNull, "null", "",
     "A PEM file of the authorities that vouch for forwarders over TLS; `null` is those of the "
     "system."},
    {"/upstream/allow_loopback", kBool, "false", "",
     "`true`: delegations may lead to loopback addresses. For labs and tests."},
    {"/upstream/timeout", kTime, R"("8s")", "", "All the work for one question of a client.", 500,
     kMinute},
    {"/upstream/nat64", kViewName | kNull, "null", "null",
     "A view through whose prefixes IPv4-only servers are reached from an IPv6-only host."},

    {"/limits", kObject, "{}", "", "What clients may take, all together."},
    {"/limits/inflight", kCount, "20000", "", "Questions being worked on at a time.", 1,
     10'000'000},
    {"/limits/tcp_clients", kCount, "4096", "",
     "Connections at a time, over TCP, TLS and HTTPS together.", 1, 1'000'000},
    {"/limits/tcp_clients_per_network", kCount, "1024", "",
     "Of these, connections from one /24 or /56.", 1, 1'000'000},
    {"/limits/tcp_idle", kTime, R"("10s")", "",
     "How long a TCP connection may be silent (RFC 7766 section 6.2.3).", 100, kHour},
    {"/limits/tls_idle", kTime, R"("20s")", "",
     "The same of TLS and HTTPS, where a new connection costs more.", 100, kHour},
    {"/limits/per_client_qps", kCount, "0", "",
     "Questions a second over UDP, of one IPv4 address or IPv6 /64 that shows no cookie; above it, "
     "answers are dropped or cut so that the client comes back over TCP. 0 is no limit.",
     0, 10'000'000},
    {"/limits/udp_payload", kCount, "1232", "",
     "Octets of an answer over UDP, at most; more is truncated and comes over TCP.", 512, 4096},

    {"/tls", kObject, "{}", "",
     "The certificates of DNS over TLS and HTTPS. Without any, a self-signed one is made and "
     "kept."},
    {"/tls/certificate", kPath | kNull, "null", "",
     "A PEM file: the certificate, and after it those that lead to an authority. It is read again "
     "when it changes."},
    {"/tls/key", kPath | kNull, "null", "", "The PEM file of its key, not encrypted."},
    {"/tls/certificates", kList, "[]", "",
     "Further ones, for clients that ask for a name in them (SNI, RFC 6066 section 3).", 0, 1024},
    {"/tls/certificates/*", kObject, "", "", "One certificate."},
    {"/tls/certificates/*/certificate", kPath, "", "", "As `tls.certificate`.", 0, 0, "", true},
    {"/tls/certificates/*/key", kPath, "", "", "As `tls.key`.", 0, 0, "", true},
    {"/tls/names", kList, "[]", "",
     "The names and addresses in a self-signed one; `[]` is the name and the addresses "
     "of this host.",
     0, 100},
    {"/tls/names/*", kHost, "", "", "One name or address."},
    {"/tls/state_file", kPath, "", "",
     "Where a self-signed one is kept with its key. Without it `certificate.pem` in the state "
     "directory of the service manager (`$STATE_DIRECTORY`), or in `/var/lib/resolve64`."},
    {"/tls/ticket_keys", kPath | kNull, "null", "",
     "A file of keys for session tickets, which several resolvers share: 160 hexadecimal digits "
     "each, one a line, the newest first. `null` is random ones, a new one every 12 hours."},

    {"/cookies", kObject, "{}", "", "DNS cookies for clients (RFC 7873, RFC 9018)."},
    {"/cookies/enabled", kBool, "true", "", "Give and check them."},
    {"/cookies/secrets", kPath | kNull, "null", "",
     "A file of secrets, which several resolvers share (RFC 9018 section 5): 32 hexadecimal digits "
     "each, one a line, the newest first. `null` is a random one, a new one at each reload."},

    {"/selector_zone", kName | kNull, "null", "null", "A zone whose names choose a view."},
    {"/report", kObject, "{}", "", "Which names needed NAT64."},
    {"/report/enabled", kBool, "false", "false", "Keep count."},
    {"/report/file", kPath | kNull, "null", "null", "Where."},
    {"/blocklists", kList, "[]", "[]", "Files of names that are blocked.", 0, 1024},
    {"/blocklists/*", kPath, "", "", "One file."},

    {"/log", kObject, "{}", "", "The log, on standard error."},
    {"/log/level", kWord, R"("info")", "", "The least that is written.", 0, 0,
     "error|warn|info|debug"},
    {"/log/format", kWord, R"("text")", "", "Lines for people, or one JSON object a line.", 0, 0,
     "text|json"},
    {"/log/queries", kText, R"("off")", R"("off")", "Log the questions of clients."},

    {"/admin", kObject, "{}", "", "How the running resolver is watched and steered."},
    {"/admin/control", kPath | kNull, R"("/run/resolve64/control.sock")", "",
     "The socket of `resolve64ctl`; `null` is none."},
    {"/admin/http", kObject | kNull, "null", "null", "Metrics and status over HTTP."},
    {"/admin/http/address", kAddress, "", "", "The address.", 0, 0, "", true},
    {"/admin/http/port", kCount, "8064", "", "The port.", 1, 65535},
};

constexpr std::string_view kViewDns64 = "/views/*/dns64";

std::string_view Shared(std::string_view pattern) {
  const bool inside = pattern.size() > kViewDns64.size() && pattern.starts_with(kViewDns64) &&
                      pattern[kViewDns64.size()] == '/';
  return inside ? pattern.substr(kViewDns64.size() - std::string_view("/dns64").size()) : pattern;
}

std::string Range(std::string_view what, const std::string& min, const std::string& max) {
  return std::string(what) + " from " + min + " to " + max;
}

std::string Describe(const Key& key, Form form) {
  switch (form) {
    case kNull:
      return "null";
    case kBool:
      return "true or false";
    case kObject:
    case kMap:
      return "an object";
    case kList:
      return "a list";
    case kCount:
      return Range("a whole number", std::to_string(key.min), std::to_string(key.max));
    case kSize:
      return Range("a size", SizeToText(key.min), SizeToText(key.max));
    case kTime:
    case kSeconds:
      return Range(form == kTime ? "a time" : "a time in whole seconds", TimeToText(key.min),
                   TimeToText(key.max));
    case kText:
      return "a text";
    case kPath:
      return "a path";
    case kAddress:
      return "an IPv4 or IPv6 address";
    case kIpv6:
      return "an IPv6 address";
    case kEndpoint:
      return "an address or address@port";
    case kNetwork4:
      return "an IPv4 network";
    case kNetwork6:
      return "an IPv6 network";
    case kClients:
      return R"(a network, "private" or "any")";
    case kHost:
      return "a host name or an address";
    case kName:
      return "a domain name";
    case kPrefix:
      return "a NAT64 prefix";
    case kViewName:
      return "the name of a view";
    case kMoment:
      return R"(a time such as "2026-12-31", "2026-12-31T12:00:00Z" or "20261231120000")";
    case kWord:
      break;
  }
  return {};
}

}  // namespace

std::span<const Key> Keys() { return kKeys; }

const Key* FindKey(std::string_view pattern) {
  static const std::unordered_map<std::string_view, const Key*> index = [] {
    std::unordered_map<std::string_view, const Key*> all;
    for (const Key& key : kKeys) all.emplace(key.pattern, &key);
    return all;
  }();
  const auto found = index.find(Shared(pattern));
  return found == index.end() ? nullptr : found->second;
}

std::vector<const Key*> KeysIn(std::string_view pattern) {
  const std::string_view parent = pattern == kViewDns64 ? "/dns64" : Shared(pattern);
  std::vector<const Key*> keys;
  for (const Key& key : kKeys) {
    const std::size_t slash = key.pattern.rfind('/');
    if (key.pattern.substr(0, slash) == parent && key.pattern.substr(slash) != "/*") {
      keys.push_back(&key);
    }
  }
  return keys;
}

std::vector<std::string_view> Parts(std::string_view parted) {
  std::vector<std::string_view> parts;
  while (!parted.empty()) {
    const std::size_t bar = parted.find('|');
    parts.push_back(parted.substr(0, bar));
    parted = bar == std::string_view::npos ? std::string_view{} : parted.substr(bar + 1);
  }
  return parts;
}

std::string Expectation(const Key& key) {
  std::vector<std::string> choices;
  for (const std::string_view word : Parts(key.words)) {
    choices.push_back('"' + std::string(word) + '"');
  }
  for (std::uint32_t form = 1; form <= kLastForm; form <<= 1U) {
    if ((key.forms & form) == 0) continue;
    std::string text = Describe(key, static_cast<Form>(form));
    if (!text.empty()) choices.push_back(std::move(text));
  }
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 < choices.size() ? ", " : " or ";
    text += choices[i];
  }
  return text;
}

}  // namespace resolve64::config
