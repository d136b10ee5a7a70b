// A resolver that validates, over a small signed Internet.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dnssec/anchors.h"
#include "support/signed_network.h"
#include "unit/resolver/resolver_fixture.h"

namespace resolve64::resolver {

/// Zones and servers:
///
///     .                  192.0.2.1
///     example.           192.0.2.2    signed; serves inside.example. too, without a delegation
///     sub.example.       192.0.2.4    signed
///     two.example.       192.0.2.5, 192.0.2.6    signed
///     plain.example.     192.0.2.7    unsigned, and example. proves it
///     test.              192.0.2.3    unsigned, and the root proves it
class ValidationTest : public ResolverTest {
 protected:
  using Fate = testing::Fate;
  using Zone = testing::SignedZone;
  using Server = testing::SignedServer;

  ValidationTest() {
    root_zone_.Vouch(example_zone_);
    example_zone_.Vouch(sub_zone_);
    example_zone_.Vouch(two_zone_);
    network_.Serve("192.0.2.1", root_server_.Behave());
    network_.Serve("192.0.2.2", example_server_.Behave());
    network_.Serve("192.0.2.3", test_server_.Behave());
    network_.Serve("192.0.2.4", sub_server_.Behave());
    network_.Serve("192.0.2.5", two_server_.Behave());
    network_.Serve("192.0.2.6", other_server_.Behave());
    network_.Serve("192.0.2.7", plain_server_.Behave());
    settings_.dnssec.validation = true;
    Trust({&root_zone_});
  }

  /// Nothing but the keys of these zones is trusted. Before the first question.
  void Trust(const std::vector<const Zone*>& zones) {
    auto anchors = std::make_shared<dnssec::TrustAnchors>();
    for (const Zone* zone : zones) {
      anchors->zones[zone->apex] = dns::MakeRrset(zone->apex, RrType::kDs, 3600, zone->Ds(),
                                                  clock_.Now(), dns::Trust::kLocal);
    }
    settings_.dnssec.anchors = std::make_shared<dnssec::AnchorStore>(std::move(anchors));
  }

  /// As a client that sets CD.
  Answer AskUnchecked(std::string_view name, RrType type = RrType::kA) {
    request_ = resolver().NewRequest();
    request_->checking_disabled = true;
    return testing::RunToEnd(clock_, scheduler_,
                             resolver().Resolve(testing::N(name), type, request_));
  }

  /// Without asking anybody.
  std::optional<Answer> FromCache(std::string_view name, RrType type = RrType::kA,
                                  bool checking_disabled = false) {
    return resolver().ResolveFromCache(testing::N(name), type, checking_disabled);
  }

  /// The RRsets of `type`, whoever owns them, are spoiled.
  static auto Spoil(RrType type, Fate fate) {
    return [type, fate](const dns::Rrset& rrset) {
      return rrset.type() == type ? fate : Fate::kAsItIs;
    };
  }

  /// "secure data", "insecure nxdomain", "bogus failure"
  static std::string Told(const Answer& answer) {
    std::string told;
    switch (answer.security) {
      case Security::kUnchecked:
        told = "unchecked";
        break;
      case Security::kSecure:
        told = "secure";
        break;
      case Security::kInsecure:
        told = "insecure";
        break;
      case Security::kIndeterminate:
        told = "indeterminate";
        break;
      case Security::kBogus:
        told = "bogus";
        break;
    }
    switch (answer.kind) {
      case LookupKind::kData:
        return told + " data";
      case LookupKind::kNodata:
        return told + " nodata";
      case LookupKind::kNxdomain:
        return told + " nxdomain";
      case LookupKind::kError:
      case LookupKind::kTimeout:
      case LookupKind::kBogus:
        break;
    }
    return told + " failure";
  }

  /// How often a line stands in the log, which is empty after it.
  std::ptrdiff_t Times(const std::string& line) {
    const Lines lines = Log();
    return std::count(lines.begin(), lines.end(), line);
  }

  [[nodiscard]] std::uint64_t Count(Counter counter) const { return stats_.Get(counter); }

  Zone root_zone_{".",
                  ". 86400 IN NS a.root.\n"
                  "a.root. 86400 IN A 192.0.2.1\n"
                  "example. 86400 IN NS ns.example.\n"
                  "ns.example. 86400 IN A 192.0.2.2\n"
                  "test. 86400 IN NS ns.test.\n"
                  "ns.test. 86400 IN A 192.0.2.3\n"};
  Zone example_zone_{"example.",
                     "example. 3600 IN NS ns.example.\n"
                     "ns.example. 3600 IN A 192.0.2.2\n"
                     "www.example. 60 IN A 198.51.100.1\n"
                     "mail.example. 60 IN A 198.51.100.2\n"
                     "alias.example. 60 IN CNAME www.example.\n"
                     "away.example. 60 IN CNAME www.plain.example.\n"
                     "*.wild.example. 60 IN A 198.51.100.3\n"
                     "inside.example. 3600 IN NS ns.example.\n"
                     "sub.example. 3600 IN NS ns.sub.example.\n"
                     "ns.sub.example. 3600 IN A 192.0.2.4\n"
                     "two.example. 3600 IN NS ns1.two.example.\n"
                     "two.example. 3600 IN NS ns2.two.example.\n"
                     "ns1.two.example. 3600 IN A 192.0.2.5\n"
                     "ns2.two.example. 3600 IN A 192.0.2.6\n"
                     "plain.example. 3600 IN NS ns.plain.example.\n"
                     "ns.plain.example. 3600 IN A 192.0.2.7\n"};
  Zone inside_zone_{"inside.example.",
                    "inside.example. 3600 IN NS ns.example.\n"
                    "www.inside.example. 60 IN A 198.51.100.9\n",
                    false};
  Zone sub_zone_{"sub.example.",
                 "sub.example. 3600 IN NS ns.sub.example.\n"
                 "ns.sub.example. 3600 IN A 192.0.2.4\n"
                 "www.sub.example. 600 IN A 198.51.100.4\n"};
  Zone two_zone_{"two.example.",
                 "two.example. 3600 IN NS ns1.two.example.\n"
                 "two.example. 3600 IN NS ns2.two.example.\n"
                 "ns1.two.example. 3600 IN A 192.0.2.5\n"
                 "ns2.two.example. 3600 IN A 192.0.2.6\n"
                 "www.two.example. 60 IN A 198.51.100.5\n"};
  Zone plain_zone_{"plain.example.",
                   "plain.example. 3600 IN NS ns.plain.example.\n"
                   "ns.plain.example. 3600 IN A 192.0.2.7\n"
                   "www.plain.example. 60 IN A 198.51.100.7\n",
                   false};
  Zone test_zone_{"test.",
                  "test. 3600 IN NS ns.test.\n"
                  "ns.test. 3600 IN A 192.0.2.3\n"
                  "www.test. 60 IN A 198.51.100.8\n",
                  false};
  Server root_server_{&root_zone_};
  Server example_server_{&example_zone_, &inside_zone_};
  Server test_server_{&test_zone_};
  Server sub_server_{&sub_zone_};
  Server two_server_{&two_zone_};
  Server other_server_{&two_zone_};
  Server plain_server_{&plain_zone_};
};

}  // namespace resolve64::resolver
