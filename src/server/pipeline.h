// From a question to what the client is told, in the order that is promised: RFC 8880 names,
// reverse names of the view's prefixes, local zones and recursion, synthesis from the raw records,
// and last what hides records from the client. Discovery (RFC 9462) comes with the RFC 8880 names.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dnssec/anchors.h"
#include "net/task.h"
#include "resolve64/dns64.h"
#include "resolve64/message.h"
#include "resolver/answer.h"
#include "resolver/request.h"
#include "server/lookups.h"
#include "server/response.h"
#include "server/services.h"
#include "server/view.h"
#include "zone/local_zones.h"

namespace resolve64::server {

/// How far an answer may be fetched from.
enum class Reach : std::uint8_t {
  kLocal,   ///< local data alone: a question without RD
  kCached,  ///< what is here already: when there is no room for more work
  kAll,
};

/// A question whose client and view are known.
struct Inquiry {
  Question question;
  bool do_bit = false;
  bool cd_bit = false;
  bool over_ipv4 = false;
  Reach reach = Reach::kAll;
  ViewPtr view;                                   ///< never null
  std::shared_ptr<const zone::LocalZones> local;  ///< null: there are none
  const dnssec::AnchorStore* anchors = nullptr;   ///< borrowed; null: nothing is validated
  IpAddress client;                               ///< who asks
  std::optional<IpAddress> asked;                 ///< our address that was asked, where it is known
  const Services* services = nullptr;             ///< borrowed; null: none is announced
  const Views* views = nullptr;                   ///< borrowed; not null where `services` is not

  Inquiry() = default;
};

/// Makes answers. One worker's; not thread-safe.
class Pipeline {
 public:
  /// How long AAAA may stay silent while A is known, under "synthesize_on": "timeout". Clients ask
  /// again, or give up on IPv6, after two to five seconds; a server that is merely slow has
  /// answered a second attempt by then (RFC 6147 section 5.1.3 leaves the number open).
  static constexpr Duration kAaaaPatience = std::chrono::milliseconds(1500);
  /// How long an HTTPS or SVCB answer waits for addresses that are only a help (RFC 9460
  /// section 4.2). The client asks for them itself at the same moment.
  static constexpr Duration kAdditionalPatience = std::chrono::milliseconds(300);
  /// How long a hidden A waits for the zone's SOA, without which the denial cannot be cached.
  static constexpr Duration kSoaPatience = std::chrono::milliseconds(300);
  /// SVCB AliasMode steps (RFC 9460 section 2.4.2 asks for a limit above zero).
  static constexpr int kMaxServiceAliases = 8;
  static constexpr std::size_t kMaxServiceTargets = 2;
  /// AAAA lookups that go on after their client was answered, for the cache's sake.
  static constexpr std::size_t kMaxLingering = 256;

  /// Everything is borrowed for the life of the pipeline, which outlives the tasks it makes.
  Pipeline(net::Scheduler& scheduler, Lookups& lookups)
      : scheduler_(scheduler), lookups_(lookups), lingering_(scheduler) {}

  /// The answer. It ends soon after the deadline of `request` at the latest.
  net::Task<Response> Handle(Inquiry inquiry, resolver::RequestPtr request);

  /// Drops the lookups that nobody waits for any more.
  void Clear() { lingering_.Clear(); }

 private:
  using Answer = resolver::Answer;
  using RequestPtr = resolver::RequestPtr;
  struct Gathered;

  // aaaa.cc
  net::Task<Response> Aaaa(Inquiry inquiry, RequestPtr request);
  net::Task<Gathered> Gather(Inquiry inquiry, Dns64Query query, RequestPtr request);
  net::Task<Gathered> AskBoth(Inquiry inquiry, Dns64Query query, RequestPtr request);
  net::Task<Answer> Announce(Name name, RrType type, RequestPtr request,
                             std::shared_ptr<net::Event> changed);
  void Linger(std::unique_ptr<net::Started<Answer>> late, const RequestPtr& request);
  Response Compose(const Inquiry& inquiry, const Gathered& gathered, const Dns64Decision& decision,
                   const RequestPtr& request) const;

  // pipeline.cc
  net::Task<Answer> Find(Name name, RrType type, Reach reach, RequestPtr request);
  net::Task<bool> IsSecure(Inquiry inquiry, RequestPtr request);
  net::Task<Response> Plain(Inquiry inquiry, RequestPtr request);
  net::Task<Response> HiddenA(Inquiry inquiry, RequestPtr request);
  net::Task<dns::RrsetPtr> SoaOf(Name name, Reach reach, RequestPtr request);
  net::Task<Response> Reverse(Inquiry inquiry, Name target, RequestPtr request);
  net::Task<Response> Service(Inquiry inquiry, RequestPtr request);
  std::vector<Name> ServiceTargets(const Answer& answer, RrType type,
                                   const resolver::Request& request, Response& response);
  [[nodiscard]] std::optional<Response> Discover(const Inquiry& inquiry) const;
  Response FromLocal(const zone::LocalAnswer& local) const;
  Response FromAnswer(const Answer& answer, bool do_bit) const;
  static void AddErrors(const Answer& answer, Response& response);
  void AddChain(const Answer& answer, Response& response) const;
  void AddChainProof(const Answer& answer, Response& response) const;
  void AddProof(const dns::RrsetPtr& proof, Response& response) const;
  void AddDenial(const Answer& answer, bool do_bit, Response& response) const;
  void Note(const RequestPtr& request, std::string_view area, std::string text) const;

  net::Scheduler& scheduler_;
  Lookups& lookups_;
  net::TaskScope lingering_;
};

}  // namespace resolve64::server
