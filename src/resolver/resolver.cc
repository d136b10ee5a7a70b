#include "resolver/resolver.h"

#include <algorithm>
#include <utility>

#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

// Public-key operations of one turn of the loop: somebody who asks for what is cached waits no
// longer than this for their end (SEC-44).
constexpr int kTurnMicroseconds = 500;

bool IsFailure(LookupKind kind) {
  return kind == LookupKind::kError || kind == LookupKind::kTimeout || kind == LookupKind::kBogus;
}

// Puts one link at the end of the answer. False where the chain bites its own tail.
bool Append(Answer& answer, Link& link) {
  for (const dns::RrsetPtr& rrset : link.chain) {
    const bool seen = std::any_of(answer.chain.begin(), answer.chain.end(), [&](const auto& r) {
      return r->type() == RrType::kCname && rrset->type() == RrType::kCname &&
             r->owner() == rrset->owner();
    });
    if (seen) return false;
    // One DNAME may have made several CNAMEs of the chain: it is shown once (lessons B9).
    if (rrset->type() == RrType::kDname &&
        std::find(answer.chain.begin(), answer.chain.end(), rrset) != answer.chain.end()) {
      continue;
    }
    answer.chain.push_back(rrset);
  }
  return true;
}

void Finish(Answer& answer, Link& link) {
  answer.kind = link.kind;
  answer.rcode = link.rcode;
  answer.final_name = link.final_name;
  answer.data = std::move(link.data);
  answer.soa = std::move(link.soa);
  answer.proof = std::move(link.proof);
  answer.failed_before = link.from_failure_cache;
  if (!link.ede) return;
  answer.ede = link.ede;
  answer.ede_text = std::move(link.ede_text);
}

// The answer as a whole is as good as the weakest of its links.
void Weaken(Answer& answer, const Link& link, bool first) {
  answer.security = first ? link.security : Weaker(answer.security, link.security);
  if (answer.ede || !link.ede) return;
  answer.ede = link.ede;
  answer.ede_text = link.ede_text;
}

void Fail(Answer& answer, std::string why) {
  answer.kind = LookupKind::kError;
  answer.rcode = Rcode::kServFail;
  answer.ede = Ede::kOther;
  answer.ede_text = std::move(why);
}

std::size_t CountAliases(const Answer& answer) {
  return static_cast<std::size_t>(
      std::count_if(answer.chain.begin(), answer.chain.end(),
                    [](const auto& rrset) { return rrset->type() == RrType::kCname; }));
}

}  // namespace

Resolver::State::State(net::Scheduler& scheduler, Random& random, Caches& caches,
                       upstream::Transport& transport, Stats& stats)
    : scheduler_(scheduler),
      random_(random),
      caches_(caches),
      stats_(stats),
      context_{scheduler, random, caches.servers, transport, stats, {}},
      joined_(context_, [this](const Question& /*question*/,
                               const upstream::ZoneOutcome& outcome) { Store(outcome); }),
      chains_(scheduler),
      turns_(scheduler, kTurnMicroseconds),
      background_(scheduler) {}

// RFC 1034 section 5.3.3, with the aliases of step 4c as a loop.
net::Task<Answer> Resolver::State::Resolve(Name name, RrType type, RequestPtr request,
                                           const Path* path) {
  const SettingsPtr settings = settings_;
  Answer answer;
  answer.from_cache = true;
  // What servers are called is not validated: what they say is.
  const bool checked =
      settings->dnssec.validation && !request->checking_disabled && path == nullptr;
  const Checking checking(request, settings);
  Name current = name;
  for (bool first = true;; first = false) {
    std::optional<Link> link = FromMemory(current, type, *settings, checked, path == nullptr,
                                          request->work, request->trace.get());
    if (link && checked && link->security == Security::kUnchecked && !link->local) {
      net::Task<void> check = Check(*link, type, checking);
      co_await check;
      if (link->kind == LookupKind::kBogus) link.reset();  // perhaps it is better by now
    }
    if (!link) {
      answer.from_cache = false;
      net::Task<Link> fetch = checked ? FetchChecked(current, type, checking)
                                      : Fetch(current, type, request, settings, path, false, {});
      Link fetched = co_await fetch;
      // What a limit of this request did to a name that an alias led to says nothing to others.
      const bool ours = fetched.ours || scheduler_.Now() >= request->deadline;
      const bool ignored = request->ignore_negative_anchors || (ours && !first);
      if (!IsFailure(fetched.kind) || fetched.alias) {
        // What was not validated does not undo that it was bogus.
        if (checked || !settings->dnssec.validation) caches_.failures.Forget(current, type);
      } else if (!ignored) {
        StoreFailure(current, type, fetched);
      }
      link = std::move(fetched);
    }
    if (answer.chain.empty()) answer.authoritative = link->authoritative;
    Weaken(answer, *link, first);
    answer.dns64_off = answer.dns64_off || link->dns64_off;
    if (!Append(answer, *link)) {
      Fail(answer, "the aliases of " + name.ToText() + " lead in a circle");
      break;
    }
    if (!link->alias) {
      Finish(answer, *link);
      break;
    }
    current = link->final_name;
    answer.final_name = current;
    if (static_cast<int>(CountAliases(answer)) > request->left.aliases) {
      stats_.Add(Counter::kLimitAliases);
      Fail(answer, "more than " + std::to_string(request->left.aliases) + " aliases in a row");
      break;
    }
  }
  if (IsFailure(answer.kind) && !answer.from_cache && !answer.chain.empty()) {
    // The aliases may not be in the cache, with a TTL of zero: the question as a whole failed (RFC
    // 9520 section 3.1).
    Link whole;
    whole.security = answer.security;
    whole.kind = answer.kind;
    whole.rcode = answer.rcode;
    whole.ede = answer.ede;
    whole.ede_text = answer.ede_text;
    StoreFailure(name, type, whole);
  }
  if (path == nullptr) stats_.Add(answer.from_cache ? Counter::kCacheHits : Counter::kCacheMisses);
  if (checked) {
    TellChain(answer.final_name, request->trace.get());
    stats_.Add(answer.security == Security::kSecure  ? Counter::kSecure
               : answer.security == Security::kBogus ? Counter::kBogus
                                                     : Counter::kInsecure);
  }
  co_return answer;
}

std::optional<Link> Resolver::State::FromMemory(const Name& name, RrType type,
                                                const Settings& settings, bool checked,
                                                bool for_client, dnssec::Work& work, Trace* trace) {
  const Accept accept = checked || !for_client ? Accept::kNotBogus : Accept::kAnything;
  std::optional<Link> link = Known(name, type, settings, accept, trace);
  if (!link && checked) link = KnownByDenial(name, type, settings, work, trace);
  return link;
}

std::optional<Answer> Resolver::State::ResolveFromCache(const Name& name, RrType type,
                                                        bool checking_disabled, Trace* trace) {
  const SettingsPtr settings = settings_;
  const bool checked = settings->dnssec.validation && !checking_disabled;
  dnssec::Work work;
  Answer answer;
  answer.from_cache = true;
  Name current = name;
  for (int aliases = 0; aliases <= settings->limits.aliases; ++aliases) {
    std::optional<Link> link = FromMemory(current, type, *settings, checked, true, work, trace);
    if (!link) return std::nullopt;
    // What is not validated yet takes time, and perhaps questions.
    if (checked && link->security == Security::kUnchecked && !link->local) return std::nullopt;
    if (answer.chain.empty()) answer.authoritative = link->authoritative;
    Weaken(answer, *link, aliases == 0);
    answer.dns64_off = answer.dns64_off || link->dns64_off;
    if (!Append(answer, *link)) {
      Fail(answer, "the aliases of " + name.ToText() + " lead in a circle");
      return answer;
    }
    if (!link->alias) {
      Finish(answer, *link);
      return answer;
    }
    current = link->final_name;
    answer.final_name = current;
  }
  Fail(answer, "more than " + std::to_string(settings->limits.aliases) + " aliases in a row");
  return answer;
}

Resolver::Resolver(net::Scheduler& scheduler, Random& random, Caches& caches,
                   upstream::Transport& transport, Stats& stats)
    : state_(std::make_unique<State>(scheduler, random, caches, transport, stats)) {}

Resolver::~Resolver() = default;

void Resolver::SetSettings(SettingsPtr settings) { state_->settings_ = std::move(settings); }

RequestPtr Resolver::NewRequest(std::shared_ptr<Trace> trace) {
  auto request = std::allocate_shared<Request>(net::FrameAllocator<Request>());
  request->deadline = state_->scheduler_.Now() + state_->settings_->timeout;
  request->left = state_->settings_->limits;
  request->trace = std::move(trace);
  request->id = state_->next_id_++;
  request->salt = state_->random_.U32();
  return request;
}

net::Task<Answer> Resolver::Resolve(const Name& name, RrType type, RequestPtr request) {
  return state_->Resolve(name, type, std::move(request), nullptr);
}

std::optional<Answer> Resolver::ResolveFromCache(const Name& name, RrType type,
                                                 bool checking_disabled, Trace* trace) {
  return state_->ResolveFromCache(name, type, checking_disabled, trace);
}

net::Task<bool> Resolver::Prime() { return state_->Prime(state_->settings_); }

}  // namespace resolve64::resolver
