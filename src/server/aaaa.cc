// AAAA under DNS64 (RFC 6147 section 5.1): both questions at once, one decision, one answer.
#include <algorithm>
#include <string>
#include <utility>

#include "server/pipeline.h"

namespace resolve64::server {
namespace {

using resolver::Answer;
using resolver::RequestPtr;

// The outcome of a lookup as the decision wants it; the addresses live here.
struct AaaaFacts {
  AaaaFacts(const Answer& answer, TimePoint now) {
    lookup.kind = answer.kind;
    lookup.security = answer.security;
    if (answer.data != nullptr) {
      lookup.ttl = answer.data->TtlAt(now);
      for (std::size_t i = 0; i < answer.data->size(); ++i) {
        const std::span<const std::uint8_t> rdata = answer.data->rdata(i);
        Ipv6 address;
        if (rdata.size() == address.octets.size()) {
          std::copy(rdata.begin(), rdata.end(), address.octets.begin());
        }
        addresses.push_back(address);
      }
    }
    if (answer.soa != nullptr) lookup.soa_ttl = dns::NegativeTtl(*answer.soa, now);
    lookup.addresses = addresses;
  }
  AaaaFacts(const AaaaFacts&) = delete;
  AaaaFacts& operator=(const AaaaFacts&) = delete;
  ~AaaaFacts() = default;

  std::vector<Ipv6> addresses;
  AaaaLookup lookup;
};

struct AFacts {
  AFacts(const Answer& answer, TimePoint now) {
    lookup.kind = answer.kind;
    lookup.security = answer.security;
    if (answer.data != nullptr) {
      lookup.ttl = answer.data->TtlAt(now);
      for (std::size_t i = 0; i < answer.data->size(); ++i) {
        const std::span<const std::uint8_t> rdata = answer.data->rdata(i);
        Ipv4 address;
        if (rdata.size() != address.octets.size()) continue;
        std::copy(rdata.begin(), rdata.end(), address.octets.begin());
        addresses.push_back(address);
      }
    }
    lookup.addresses = addresses;
  }
  AFacts(const AFacts&) = delete;
  AFacts& operator=(const AFacts&) = delete;
  ~AFacts() = default;

  std::vector<Ipv4> addresses;
  ALookup lookup;
};

Dns64Decision DecideOn(const Dns64Policy& policy, const Dns64Query& query, const Answer& aaaa,
                       const Answer* a, TimePoint now, bool want_notes) {
  const AaaaFacts aaaa_facts(aaaa, now);
  if (a == nullptr) return Decide(policy, query, aaaa_facts.lookup, nullptr, want_notes);
  const AFacts a_facts(*a, now);
  return Decide(policy, query, aaaa_facts.lookup, &a_facts.lookup, want_notes);
}

bool AsksForA(const Dns64Policy& policy, const Dns64Query& query, const Answer& aaaa,
              TimePoint now) {
  return !aaaa.dns64_off &&
         DecideOn(policy, query, aaaa, nullptr, now, false).act == Dns64Decision::Act::kAskA;
}

std::string Describe(const char* type, const Answer& answer, TimePoint now) {
  std::string text = std::string(type) + " of " + answer.final_name.ToText() + ": ";
  switch (answer.kind) {
    case LookupKind::kData:
      text += std::to_string(answer.data->size()) + " records, TTL " +
              std::to_string(answer.data->TtlAt(now));
      break;
    case LookupKind::kNodata:
    case LookupKind::kNxdomain:
      text += answer.kind == LookupKind::kNodata ? "NODATA" : "NXDOMAIN";
      text += answer.soa != nullptr ? ", to be believed for " +
                                          std::to_string(dns::NegativeTtl(*answer.soa, now)) + " s"
                                    : ", without SOA";
      break;
    case LookupKind::kError:
      text += "an error, " + ToText(answer.rcode);
      break;
    case LookupKind::kTimeout:
      text += "silence";
      break;
    case LookupKind::kBogus:
      text += "bogus";
      break;
  }
  if (answer.from_cache) text += " (nobody had to be asked)";
  return text;
}

// A failure may be over with the next question, whatever TTL is made of it.
bool IsSettled(const Answer& answer) {
  return answer.kind == LookupKind::kData || answer.kind == LookupKind::kNodata ||
         answer.kind == LookupKind::kNxdomain;
}

Answer Silence(const Name& name) {
  Answer answer;
  answer.final_name = name;
  return answer;
}

// What is made from an answer ages with it.
TimePoint TickOf(const Answer& answer, TimePoint now) {
  TimePoint since = TimePoint::max();
  if (answer.data != nullptr) since = LastTick(*answer.data, now);
  if (answer.soa != nullptr) since = std::min(since, LastTick(*answer.soa, now));
  return since;
}

// `since`: when they had this TTL.
dns::RrsetPtr MakeAaaa(const Name& owner, const std::vector<Ipv6>& addresses, std::uint32_t ttl,
                       TimePoint since) {
  dns::RrsetBuilder builder(owner, RrType::kAaaa);
  for (const Ipv6& address : addresses) builder.Add(address.octets, ttl);
  return builder.Build(since, dns::Trust::kLocal);
}

}  // namespace

struct Pipeline::Gathered {
  Answer aaaa;
  std::optional<Answer> a;
  bool missed = false;

  Gathered() = default;
};

net::Task<Response> Pipeline::Aaaa(Inquiry inquiry, RequestPtr request) {
  const Dns64Policy& policy = inquiry.view->policy;
  Dns64Query query;
  query.name = inquiry.question.name;
  query.do_bit = inquiry.do_bit;
  query.cd_bit = inquiry.cd_bit;
  query.over_ipv4 = inquiry.over_ipv4;

  net::Task<Gathered> task = Gather(inquiry, query, request);
  const Gathered gathered = co_await task;
  const TimePoint now = scheduler_.Now();
  const bool traced = request->trace != nullptr;
  if (traced) Note(request, "dns64", Describe("AAAA", gathered.aaaa, now));
  if (traced && gathered.a) Note(request, "dns64", Describe("A", *gathered.a, now));
  Response response;
  if (gathered.aaaa.dns64_off) {
    Note(request, "dns64", "the forward zone says \"dns64\": false: passed on as it is");
    response = FromAnswer(gathered.aaaa, inquiry.do_bit);
  } else {
    const Dns64Decision decision =
        DecideOn(policy, query, gathered.aaaa, gathered.a ? &*gathered.a : nullptr, now, traced);
    for (const std::string& note : decision.notes) Note(request, "dns64", note);
    response = Compose(inquiry, gathered, decision, request);
  }
  response.missed = gathered.missed;
  response.lasting =
      IsSettled(gathered.aaaa) && (!gathered.a || IsSettled(*gathered.a)) && response.lasting;
  co_return response;
}

// The AAAA outcome, and the A outcome where the decision wants it.
net::Task<Pipeline::Gathered> Pipeline::Gather(Inquiry inquiry, Dns64Query query,
                                               RequestPtr request) {
  const Dns64Policy& policy = inquiry.view->policy;
  const Name& name = inquiry.question.name;
  const bool all = inquiry.reach == Reach::kAll;
  Gathered gathered;
  if (all && MayNeedA(policy, query)) {
    net::Task<Gathered> both = AskBoth(inquiry, query, request);
    co_return co_await both;
  }
  net::Task<Answer> find = Find(name, RrType::kAaaa, inquiry.reach, request);
  gathered.aaaa = co_await find;
  gathered.missed = !all && gathered.aaaa.kind == LookupKind::kTimeout && !gathered.aaaa.from_cache;
  // An NXDOMAIN that is known needs no A (RFC 6147 section 5.1.2): the decision says so.
  if (gathered.missed || !AsksForA(policy, query, gathered.aaaa, scheduler_.Now())) {
    co_return gathered;
  }
  net::Task<Answer> task = Find(name, RrType::kA, inquiry.reach, request);
  gathered.a = co_await task;
  gathered.missed = !all && gathered.a->kind == LookupKind::kTimeout && !gathered.a->from_cache;
  co_return gathered;
}

net::Task<Answer> Pipeline::Announce(Name name, RrType type, RequestPtr request,
                                     std::shared_ptr<net::Event> changed) {
  net::Task<Answer> task = lookups_.Resolve(name, type, std::move(request));
  Answer answer = co_await task;
  changed->Set();
  co_return answer;
}

// RFC 6147 section 5.1.8: both at the same moment, so that an IPv4-only name costs one round trip.
net::Task<Pipeline::Gathered> Pipeline::AskBoth(Inquiry inquiry, Dns64Query query,
                                                RequestPtr request) {
  const Dns64Policy& policy = inquiry.view->policy;
  const Name& name = inquiry.question.name;
  const auto changed = std::make_shared<net::Event>(scheduler_);
  const TimePoint patience = scheduler_.Now() + kAaaaPatience;
  const bool may_give_up = policy.synthesize_on == Dns64Policy::SynthesizeOn::kTimeout;

  Gathered gathered;
  auto aaaa = std::make_unique<net::Started<Answer>>(
      scheduler_, Announce(name, RrType::kAaaa, request, changed));
  std::optional<net::Started<Answer>> a;
  // What is in the cache is there at once.
  if (!aaaa->done()) {
    Note(request, "dns64", "asking for AAAA and A at once");
    a.emplace(scheduler_, Announce(name, RrType::kA, request, changed));
  }

  while (!aaaa->done()) {
    const TimePoint now = scheduler_.Now();
    if (!gathered.a && a && a->done()) gathered.a = std::move(a->result());
    const bool out_of_patience = now >= patience;
    if (may_give_up && out_of_patience && gathered.a) {
      // In a signed zone silence is no denial (RFC 6147 section 5.5): then it is waited for.
      Answer silence = Silence(name);
      silence.security = gathered.a->security;
      const Dns64Decision::Act act = DecideOn(policy, query, silence, &*gathered.a, now, false).act;
      if (act == Dns64Decision::Act::kSynthesize || act == Dns64Decision::Act::kAppend) {
        Note(request, "dns64", "AAAA is silent and A is known: not waiting any longer");
        gathered.aaaa = silence;
        Linger(std::move(aaaa), request);
        co_return gathered;
      }
    }
    // Resolve() ends by the request's deadline: this wait does too.
    changed->Reset();
    net::Event::Waiter waiter =
        out_of_patience || !may_give_up ? changed->Wait() : changed->WaitUntil(patience);
    co_await waiter;
  }
  gathered.aaaa = std::move(aaaa->result());
  if (!AsksForA(policy, query, gathered.aaaa, scheduler_.Now())) {
    gathered.a.reset();
    co_return gathered;  // an A lookup that is still under way ends here
  }
  if (gathered.a) co_return gathered;
  if (!a) {
    net::Task<Answer> task = Find(name, RrType::kA, inquiry.reach, request);
    gathered.a = co_await task;
    co_return gathered;
  }
  net::Event::Waiter waiter = a->Wait();
  co_await waiter;
  gathered.a = std::move(a->result());
  co_return gathered;
}

// The AAAA lookup goes on alone: when it ends the cache knows more than we did.
void Pipeline::Linger(std::unique_ptr<net::Started<Answer>> late, const RequestPtr& request) {
  struct Coroutine {
    static net::Task<void> WaitFor(std::unique_ptr<net::Started<Answer>> lookup) {
      net::Event::Waiter waiter = lookup->Wait();
      co_await waiter;
    }
  };
  if (lingering_.size() >= kMaxLingering) return;
  request->trace = nullptr;  // the account is closed
  lingering_.Spawn(Coroutine::WaitFor(std::move(late)));
}

Response Pipeline::Compose(const Inquiry& inquiry, const Gathered& gathered,
                           const Dns64Decision& decision, const RequestPtr& request) const {
  using Act = Dns64Decision::Act;
  const TimePoint now = scheduler_.Now();
  const Dns64Policy& policy = inquiry.view->policy;
  const Answer& aaaa = gathered.aaaa;
  switch (decision.act) {
    case Act::kAskA:  // only where A was out of reach
    case Act::kPassAaaa:
      return FromAnswer(aaaa, inquiry.do_bit);
    case Act::kServfail: {
      const bool denied = aaaa.kind == LookupKind::kNodata || aaaa.kind == LookupKind::kData;
      const Answer& cause = denied && gathered.a ? *gathered.a : aaaa;
      Response response(Rcode::kServFail);
      AddErrors(cause, response);
      return response;
    }
    case Act::kPassA:
      return FromAnswer(*gathered.a, inquiry.do_bit);
    case Act::kFilterAaaa:
    case Act::kSynthesize:
    case Act::kAppend:
      break;
  }

  // Native records first; their chain is shown where there are any. Otherwise it is the chain of
  // the A lookup, and the records stand at its end (RFC 6147 section 5.1.5).
  const AaaaFacts facts(aaaa, now);
  std::vector<Ipv6> addresses;
  for (const std::uint16_t index : decision.kept) addresses.push_back(facts.addresses[index]);
  addresses.insert(addresses.end(), decision.synthesized.begin(), decision.synthesized.end());
  const bool native = decision.act == Act::kFilterAaaa || !decision.kept.empty();
  const Answer& shown = native || !gathered.a ? aaaa : *gathered.a;

  Response response(Rcode::kNoError);
  response.authoritative = shown.authoritative;
  response.secure = decision.authentic;
  AddChain(shown, response);
  if (addresses.empty()) {
    // Every AAAA record is excluded, and there is no A: the denial of A speaks for both.
    if (gathered.a && gathered.a->final_name == aaaa.final_name) {
      AddDenial(*gathered.a, false, response);
      response.secure = response.secure && gathered.a->security == Security::kSecure;
    }
    return response;
  }
  const std::uint32_t ttl = decision.ttl;
  // The chain was not replaced: its signatures stay, and with them what they need.
  if (inquiry.do_bit) AddChainProof(shown, response);
  // An RRset that differs from the signed one goes without signatures; nothing of the denial stays.
  TimePoint since = std::min(now, TickOf(aaaa, now));
  if (gathered.a) since = std::min(since, TickOf(*gathered.a, now));
  response.answer.emplace_back(MakeAaaa(shown.final_name, addresses, ttl, since), ttl, false);
  // Why what it rests on is not secure, where there is a reason to tell.
  const bool told = !aaaa.failed_before && aaaa.ede && decision.act != Act::kFilterAaaa;
  if (told && aaaa.security == Security::kInsecure) AddErrors(aaaa, response);
  if (decision.synthesized.empty()) return response;

  response.synthesized = true;
  std::string prefixes;
  for (const Prefix& prefix : decision.used) prefixes += " " + prefix.ToText();
  Note(request, "dns64",
       std::to_string(decision.synthesized.size()) + " AAAA made under" + prefixes + ", TTL " +
           std::to_string(ttl));
  if (policy.mark_synthesized) response.ede.push_back({Ede::kSynthesized, "DNS64" + prefixes});
  return response;
}

}  // namespace resolve64::server
