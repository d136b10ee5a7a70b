#include "server/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dns64/ipv4only.h"
#include "dns64/reverse.h"
#include "dnssec/sentinel.h"
#include "server/discovery.h"

namespace resolve64::server {
namespace {

using resolver::Answer;
using resolver::RequestPtr;

constexpr std::uint32_t kAnyTtl = 3600;  // RFC 8482 section 4.2 leaves it to us

// RFC 8482 section 4.2: CPU "RFC8482", OS "".
constexpr std::array<std::uint8_t, 9> kAnyHinfo = {7, 'R', 'F', 'C', '8', '4', '8', '2', 0};

// "root-key-sentinel-is-ta-20326" or "…-not-ta-20326": most names need no closer look.
bool LooksLikeSentinel(const Name& name) {
  const std::size_t length = name.FirstLabel().size();
  return length == 29 || length == 30;
}

bool IsService(RrType type) { return type == RrType::kHttps || type == RrType::kSvcb; }

// True where Find() came back with nothing: what is cached says so of itself, failures included.
bool Missed(const Inquiry& inquiry, const Answer& answer) {
  return inquiry.reach != Reach::kAll && answer.kind == LookupKind::kTimeout && !answer.from_cache;
}

std::uint32_t LeastTtl(const Answer& answer, TimePoint now) {
  std::uint32_t ttl = answer.data->TtlAt(now);
  for (const dns::RrsetPtr& link : answer.chain) ttl = std::min(ttl, link->TtlAt(now));
  return ttl;
}

// `rrset` under another owner name, unsigned.
dns::RrsetPtr Renamed(const dns::Rrset& rrset, const Name& owner, std::uint32_t ttl,
                      TimePoint now) {
  dns::RrsetBuilder builder(owner, rrset.type());
  for (std::size_t i = 0; i < rrset.size(); ++i) builder.Add(rrset.rdata(i), ttl);
  return builder.Build(now, rrset.trust());
}

struct ServiceRecord {
  std::uint16_t priority = 0;  // 0: AliasMode (RFC 9460 section 2.4.1)
  Name target;
};

// Empty where the RDATA is cut short: SvcParams are carried as they are (RFC 3597).
std::optional<ServiceRecord> ReadService(std::span<const std::uint8_t> rdata) {
  if (rdata.size() < 3) return std::nullopt;
  const Result<Name> target = Name::FromWire(rdata.subspan(2));
  if (!target) return std::nullopt;
  ServiceRecord record;
  record.priority = static_cast<std::uint16_t>(rdata[0] << 8 | rdata[1]);
  record.target = *target;
  return record;
}

}  // namespace

net::Task<Response> Pipeline::Handle(Inquiry inquiry, RequestPtr request) {
  const Question& question = inquiry.question;
  const Dns64Policy& policy = inquiry.view->policy;
  request->checking_disabled = inquiry.cd_bit;
  if (question.rclass == RrClass::kCh) {
    Response response(Rcode::kRefused);
    if (inquiry.local != nullptr) {
      response = FromLocal(inquiry.local->FindChaos(question.name, question.type));
    }
    response.rclass = RrClass::kCh;
    co_return response;
  }

  // RFC 8880 section 7.1: before any list or filter, whatever DO and CD say.
  std::optional<zone::LocalAnswer> special =
      dns64::AnswerIpv4Only(policy, question.name, question.type, inquiry.over_ipv4);
  if (!special) special = dns64::AnswerIpv4OnlyReverse(policy, question.name, question.type);
  if (special) {
    Note(request, "local", question.name.ToText() + " is answered here (RFC 8880 section 7)");
    co_return FromLocal(*special);
  }
  if (std::optional<Response> designated = Discover(inquiry)) {
    designated->lasting = false;  // each client is told what it can reach
    Note(request, "local",
         "the encrypted services of view \"" + inquiry.view->name + "\" (RFC 9462)");
    co_return *std::move(designated);
  }

  if (question.type == RrType::kAny || question.type == RrType::kRrsig) {
    if (inquiry.local != nullptr) {
      const std::optional<zone::LocalAnswer> here =
          inquiry.local->Find(question.name, question.type);
      if (here && !here->follow) co_return FromLocal(*here);
    }
    Response response(Rcode::kNoError);
    if (inquiry.reach == Reach::kLocal) {
      response.missed = true;
      co_return response;
    }
    Note(request, "answer", "a question for every type gets HINFO (RFC 8482 section 4.2)");
    response.answer.emplace_back(dns::MakeRrset(question.name, RrType::kHinfo, kAnyTtl, kAnyHinfo,
                                                scheduler_.Now(), dns::Trust::kLocal),
                                 kAnyTtl);
    co_return response;
  }
  if (question.type == RrType::kPtr && !inquiry.cd_bit) {
    const std::optional<dns64::ReverseMatch> match = dns64::MatchReverse(policy, question.name);
    if (match) {
      const Name target = dns64::InAddrArpa(match->address);
      Note(request, "dns64",
           question.name.ToText() + " is " + ToText(match->address) + " under " +
               match->prefix.ToText() + ": asking for " + target.ToText());
      net::Task<Response> task = Reverse(inquiry, target, request);
      co_return co_await task;
    }
  }
  // RFC 8509 section 2: only a secure answer is put to this use.
  if (LooksLikeSentinel(question.name) && inquiry.anchors != nullptr && !inquiry.cd_bit &&
      dnssec::JudgeSentinel(question.name, question.type, *inquiry.anchors->Get()) !=
          dnssec::Sentinel::kNone) {
    net::Task<bool> task = IsSecure(inquiry, request);
    const bool secure = co_await task;
    if (secure) {
      Note(request, "dnssec", "the root key sentinel says SERVFAIL (RFC 8509)");
      co_return Response(Rcode::kServFail);
    }
  }
  if (question.type == RrType::kAaaa) {
    net::Task<Response> task = Aaaa(inquiry, request);
    co_return co_await task;
  }
  if (question.type == RrType::kA && policy.hide_a) {
    net::Task<Response> task = HiddenA(inquiry, request);
    co_return co_await task;
  }
  if (IsService(question.type) && policy.enabled && policy.https_additional && !inquiry.cd_bit) {
    net::Task<Response> task = Service(inquiry, request);
    co_return co_await task;
  }
  net::Task<Response> task = Plain(inquiry, request);
  co_return co_await task;
}

// The outcome within reach. Where that does not suffice: kTimeout, and not from the cache.
net::Task<Answer> Pipeline::Find(Name name, RrType type, Reach reach, RequestPtr request) {
  if (reach == Reach::kAll) {
    net::Task<Answer> task = lookups_.Resolve(name, type, std::move(request));
    Answer answer = co_await task;
    co_return answer;
  }
  std::optional<Answer> here =
      lookups_.FromCache(name, type, request->checking_disabled, request->trace.get());
  if (here && (reach == Reach::kCached || here->authoritative)) co_return std::move(*here);
  Answer missed;
  missed.final_name = name;
  co_return missed;
}

// What the lookup itself says, before anything is made of it.
net::Task<bool> Pipeline::IsSecure(Inquiry inquiry, RequestPtr request) {
  net::Task<Answer> task =
      Find(inquiry.question.name, inquiry.question.type, inquiry.reach, std::move(request));
  const Answer answer = co_await task;
  co_return answer.security == Security::kSecure;
}

net::Task<Response> Pipeline::Plain(Inquiry inquiry, RequestPtr request) {
  net::Task<Answer> task =
      Find(inquiry.question.name, inquiry.question.type, inquiry.reach, std::move(request));
  const Answer answer = co_await task;
  Response response = FromAnswer(answer, inquiry.do_bit);
  response.missed = Missed(inquiry, answer);
  co_return response;
}

// "hide_a": the A records are there, and used for synthesis; the client gets NODATA.
net::Task<Response> Pipeline::HiddenA(Inquiry inquiry, RequestPtr request) {
  net::Task<Answer> task = Find(inquiry.question.name, RrType::kA, inquiry.reach, request);
  Answer answer = co_await task;
  if (answer.kind != LookupKind::kData) {
    Response response = FromAnswer(answer, inquiry.do_bit);
    response.missed = Missed(inquiry, answer);
    co_return response;
  }
  Note(request, "answer", "A records are hidden: hide_a");
  Response response(Rcode::kNoError);
  response.authoritative = answer.authoritative;
  AddChain(answer, response);
  net::Task<dns::RrsetPtr> find_soa = SoaOf(answer.final_name, inquiry.reach, request);
  const dns::RrsetPtr soa = co_await find_soa;
  if (soa != nullptr) {
    const TimePoint now = scheduler_.Now();
    response.authority.emplace_back(
        soa, std::min(dns::NegativeTtl(*soa, now), answer.data->TtlAt(now)), false);
  }
  response.ede.push_back({Ede::kFiltered, "A records are hidden"});
  co_return response;
}

// The SOA of the zone that `name` is in; null where it does not come soon.
net::Task<dns::RrsetPtr> Pipeline::SoaOf(Name name, Reach reach, RequestPtr request) {
  const std::optional<Answer> aaaa =
      lookups_.FromCache(name, RrType::kAaaa, request->checking_disabled, nullptr);
  if (aaaa && aaaa->chain.empty() && aaaa->soa != nullptr) co_return aaaa->soa;
  net::Started<Answer> lookup(scheduler_, Find(name, RrType::kSoa, reach, request));
  net::Event::Waiter waiter = lookup.WaitUntil(scheduler_.Now() + kSoaPatience);
  const bool done = co_await waiter;
  if (!done || !lookup.result().chain.empty()) co_return nullptr;
  const Answer& answer = lookup.result();
  co_return answer.kind == LookupKind::kData ? answer.data : answer.soa;
}

// RFC 6147 section 5.3.1, second option, or with "synthesize" the PTR records themselves.
net::Task<Response> Pipeline::Reverse(Inquiry inquiry, Name target, RequestPtr request) {
  net::Task<Answer> task = Find(target, RrType::kPtr, inquiry.reach, request);
  const Answer answer = co_await task;
  Response response = FromAnswer(answer, inquiry.do_bit);
  response.authoritative = false;
  response.secure = false;
  response.missed = Missed(inquiry, answer);
  // A denial or a failure is passed on under the name that was asked: an alias that leads nowhere
  // helps nobody.
  if (answer.kind != LookupKind::kData) {
    response.answer.clear();
    co_return response;
  }
  const TimePoint now = scheduler_.Now();
  const Name& asked = inquiry.question.name;
  if (inquiry.view->policy.reverse == Dns64Policy::Reverse::kSynthesize || !answer.chain.empty()) {
    const std::uint32_t ttl = LeastTtl(answer, now);
    response.answer.clear();
    const TimePoint since = std::min(now, LastTick(*answer.data, now));
    response.answer.emplace_back(Renamed(*answer.data, asked, ttl, since), ttl, false);
    co_return response;
  }
  const std::uint32_t ttl = answer.data->TtlAt(now);
  response.answer.clear();
  response.answer.emplace_back(
      dns::MakeRrset(asked, RrType::kCname, ttl, target.wire(), now, dns::Trust::kLocal), ttl);
  response.answer.emplace_back(answer.data, ttl);
  co_return response;
}

// RFC 9460 section 4.2: the addresses of the targets come along, AAAA by the view's policy; the
// hints inside the records stay untouched (section 4.2.1).
net::Task<Response> Pipeline::Service(Inquiry inquiry, RequestPtr request) {
  const RrType type = inquiry.question.type;
  net::Task<Answer> task = Find(inquiry.question.name, type, inquiry.reach, request);
  const Answer answer = co_await task;
  Response response = FromAnswer(answer, inquiry.do_bit);
  response.missed = Missed(inquiry, answer);
  if (answer.kind != LookupKind::kData || answer.dns64_off) co_return response;

  const TimePoint patience = std::min(scheduler_.Now() + kAdditionalPatience, request->deadline);
  for (const Name& target : ServiceTargets(answer, type, *request, response)) {
    Inquiry about = inquiry;
    about.question = Question(target, RrType::kAaaa);
    net::Started<Response> lookup(scheduler_, Aaaa(about, request));
    net::Event::Waiter waiter = lookup.WaitUntil(patience);
    const bool done = co_await waiter;
    // What fails here is not there, and no more than that (RFC 9460 section 4.2).
    if (!done || lookup.result().rcode != Rcode::kNoError) {
      response.lasting = false;
      continue;
    }
    const Response& found = lookup.result();
    const bool has_address =
        !found.answer.empty() && found.answer.back().rrset->type() == RrType::kAaaa;
    if (!has_address) continue;
    Note(request, "dns64", "the AAAA records of " + target.ToText() + " go along");
    response.additional.insert(response.additional.end(), found.answer.begin(), found.answer.end());
  }
  co_return response;
}

// The names whose addresses a client of these records will want. Records that AliasMode leads to,
// where they are at hand, go to the additional section of `response`.
std::vector<Name> Pipeline::ServiceTargets(const Answer& answer, RrType type,
                                           const resolver::Request& request, Response& response) {
  std::vector<Name> targets;
  dns::RrsetPtr rrset = answer.data;
  Name owner = answer.final_name;
  for (int step = 0; step <= kMaxServiceAliases; ++step) {
    std::optional<Name> alias;
    for (std::size_t i = 0; i < rrset->size() && targets.size() < kMaxServiceTargets; ++i) {
      const std::optional<ServiceRecord> record = ReadService(rrset->rdata(i));
      if (!record) continue;
      if (record->priority == 0) {
        // The root as a target says that there is no such service (RFC 9460 section 2.5.1).
        if (!record->target.is_root()) alias = record->target;
        continue;
      }
      const Name& target = record->target.is_root() ? owner : record->target;
      if (std::find(targets.begin(), targets.end(), target) == targets.end()) {
        targets.push_back(target);
      }
    }
    if (!alias || !targets.empty()) break;
    const std::optional<Answer> next =
        lookups_.FromCache(*alias, type, request.checking_disabled, nullptr);
    if (!next || next->kind != LookupKind::kData || step == kMaxServiceAliases) {
      targets.push_back(*alias);
      break;
    }
    const TimePoint now = scheduler_.Now();
    for (const dns::RrsetPtr& link : next->chain) {
      response.additional.emplace_back(link, link->TtlAt(now));
    }
    response.additional.emplace_back(next->data, next->data->TtlAt(now));
    rrset = next->data;
    owner = next->final_name;
  }
  return targets;
}

// _dns.resolver.arpa SVCB where there is something to announce. Nothing where resolver.arpa is not
// ours, or a zone file of the operator speaks for it.
std::optional<Response> Pipeline::Discover(const Inquiry& inquiry) const {
  const Question& question = inquiry.question;
  if (question.type != RrType::kSvcb || inquiry.services == nullptr || inquiry.local == nullptr ||
      question.name != DiscoveryName()) {
    return std::nullopt;
  }
  const std::optional<zone::LocalAnswer> local = inquiry.local->Find(question.name, question.type);
  if (!local || local->rcode != Rcode::kNoError || !local->answer.empty()) return std::nullopt;
  const std::optional<Designation> found =
      Designate(*inquiry.services, *inquiry.views, inquiry.view, inquiry.client, inquiry.asked);
  if (!found) return std::nullopt;
  Response response(Rcode::kNoError);
  response.authoritative = true;
  response.answer.emplace_back(found->services, kDiscoveryTtl);
  for (const dns::RrsetPtr& addresses : found->addresses) {
    response.additional.emplace_back(addresses, kDiscoveryTtl);
  }
  return response;
}

Response Pipeline::FromLocal(const zone::LocalAnswer& local) const {
  const TimePoint now = scheduler_.Now();
  Response response(local.rcode);
  response.authoritative = local.authoritative;
  for (const dns::RrsetPtr& rrset : local.answer) {
    response.answer.emplace_back(rrset, rrset->TtlAt(now));
  }
  if (local.soa != nullptr) response.authority.emplace_back(local.soa, local.soa->TtlAt(now));
  return response;
}

Response Pipeline::FromAnswer(const Answer& answer, bool do_bit) const {
  Response response(answer.rcode);
  response.authoritative = answer.authoritative;
  AddErrors(answer, response);
  const bool says_something = answer.rcode == Rcode::kNoError || answer.rcode == Rcode::kNxDomain ||
                              answer.rcode == Rcode::kYxDomain;
  if (!says_something) return response;
  response.secure = answer.security == Security::kSecure;
  AddChain(answer, response);
  const TimePoint now = scheduler_.Now();
  if (answer.data != nullptr) response.answer.emplace_back(answer.data, answer.data->TtlAt(now));
  AddDenial(answer, do_bit, response);
  return response;
}

void Pipeline::AddErrors(const Answer& answer, Response& response) {
  if (answer.ede) response.ede.push_back({*answer.ede, answer.ede_text});
  if (answer.failed_before) response.ede.push_back({Ede::kCachedError, ""});
}

void Pipeline::AddChain(const Answer& answer, Response& response) const {
  const TimePoint now = scheduler_.Now();
  for (const dns::RrsetPtr& link : answer.chain) {
    response.answer.emplace_back(link, link->TtlAt(now));
  }
}

void Pipeline::AddDenial(const Answer& answer, bool do_bit, Response& response) const {
  const TimePoint now = scheduler_.Now();
  if (answer.soa != nullptr) {
    response.authority.emplace_back(answer.soa, dns::NegativeTtl(*answer.soa, now));
  }
  if (!do_bit) return;  // RFC 4035 section 3.2.1

  for (const dns::RrsetPtr& proof : answer.proof) AddProof(proof, response);
  AddChainProof(answer, response);
  if (answer.data == nullptr) return;
  for (const dns::RrsetPtr& proof : answer.data->proof()) AddProof(proof, response);
}

// An alias that came out of a wildcard brings the proof that it may (RFC 4035 section 3.1.3.3).
void Pipeline::AddChainProof(const Answer& answer, Response& response) const {
  for (const dns::RrsetPtr& link : answer.chain) {
    for (const dns::RrsetPtr& proof : link->proof()) AddProof(proof, response);
  }
}

// An RRset that two proofs need is shown once.
void Pipeline::AddProof(const dns::RrsetPtr& proof, Response& response) const {
  const bool shown = std::any_of(
      response.authority.begin(), response.authority.end(), [&](const ResponseRrset& other) {
        return other.rrset->type() == proof->type() && other.rrset->owner() == proof->owner();
      });
  if (!shown) response.authority.emplace_back(proof, proof->TtlAt(scheduler_.Now()));
}

void Pipeline::Note(const RequestPtr& request, std::string_view area, std::string text) const {
  if (request->trace == nullptr) return;
  request->trace->Add(scheduler_.Now(), area, std::move(text));
}

}  // namespace resolve64::server
