#include "resolver/resolver.h"

#include <algorithm>
#include <utility>

#include "resolver/state.h"

namespace resolve64::resolver {
namespace {

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
  answer.ede = link.ede;
  answer.ede_text = std::move(link.ede_text);
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
      joined_(context_, [this](const Question& question,
                               const upstream::ZoneOutcome& outcome) { Store(question, outcome); }),
      background_(scheduler) {}

// RFC 1034 section 5.3.3, with the aliases of step 4c as a loop.
net::Task<Answer> Resolver::State::Resolve(Name name, RrType type, RequestPtr request,
                                           const Path* path) {
  const SettingsPtr settings = settings_;
  Answer answer;
  answer.from_cache = true;
  Name current = name;
  for (;;) {
    std::optional<Link> link = Known(current, type, *settings, request->trace.get());
    if (!link) {
      answer.from_cache = false;
      net::Task<Link> fetch = Fetch(current, type, request, settings, path);
      Link fetched = co_await fetch;
      const bool failed =
          fetched.kind == LookupKind::kError || fetched.kind == LookupKind::kTimeout;
      if (failed && !fetched.alias) StoreFailure(current, type, fetched);
      link = std::move(fetched);
    }
    if (answer.chain.empty()) answer.authoritative = link->authoritative;
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
  const bool failed = answer.kind == LookupKind::kError || answer.kind == LookupKind::kTimeout;
  if (failed && !answer.from_cache && !answer.chain.empty()) {
    // The aliases may not be in the cache, with a TTL of zero: the question as a whole failed (RFC
    // 9520 section 3.1).
    Link whole;
    whole.kind = answer.kind;
    whole.rcode = answer.rcode;
    whole.ede = answer.ede;
    whole.ede_text = answer.ede_text;
    StoreFailure(name, type, whole);
  }
  if (path == nullptr) stats_.Add(answer.from_cache ? Counter::kCacheHits : Counter::kCacheMisses);
  co_return answer;
}

std::optional<Answer> Resolver::State::ResolveFromCache(const Name& name, RrType type,
                                                        Trace* trace) {
  const SettingsPtr settings = settings_;
  Answer answer;
  answer.from_cache = true;
  Name current = name;
  for (int aliases = 0; aliases <= settings->limits.aliases; ++aliases) {
    std::optional<Link> link = Known(current, type, *settings, trace);
    if (!link) return std::nullopt;
    if (answer.chain.empty()) answer.authoritative = link->authoritative;
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
  auto request = std::make_shared<Request>();
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

std::optional<Answer> Resolver::ResolveFromCache(const Name& name, RrType type, Trace* trace) {
  return state_->ResolveFromCache(name, type, trace);
}

net::Task<bool> Resolver::Prime() { return state_->Prime(state_->settings_); }

}  // namespace resolve64::resolver
