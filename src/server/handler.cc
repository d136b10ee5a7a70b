#include "server/handler.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "base/log.h"
#include "server/counting.h"
#include "server/reply.h"

namespace resolve64::server {
namespace {

using resolver::Counter;

// More than any client that means well gets wrong, and too few to be worth reflecting.
constexpr std::uint32_t kErrorReplyBurst = 2000;
constexpr Duration kErrorReplyInterval = std::chrono::microseconds(500);

constexpr std::uint32_t kFaultLogBurst = 3;
constexpr Duration kFaultLogInterval = std::chrono::seconds(10);

Inquiry MakeInquiry(const ClientQuery& query, const IpAddress& client, ViewPtr view,
                    const Snapshot& snapshot, const Services* services) {
  Inquiry inquiry;
  inquiry.question = *query.question;
  inquiry.do_bit = query.do_bit;
  inquiry.cd_bit = query.Has(Header::kCd);
  inquiry.over_ipv4 = client.is_v4();
  inquiry.view = std::move(view);
  inquiry.client = client;
  inquiry.services = services;
  inquiry.views = &snapshot.views;
  inquiry.local = snapshot.settings->local;
  const resolver::DnssecSettings& dnssec = snapshot.settings->dnssec;
  if (dnssec.validation) inquiry.anchors = dnssec.anchors.get();
  return inquiry;
}

Response Refused(Ede ede, std::string text) {
  Response response(Rcode::kRefused);
  response.ede.push_back({ede, std::move(text)});
  return response;
}

}  // namespace

struct Handler::Job {
  Job() = default;
  ClientQuery query;
  Client client;
  std::shared_ptr<ReplyPath> path;
  SnapshotPtr snapshot;                      // as of the moment when the question came
  std::shared_ptr<const Services> services;  // likewise
  CookieOption cookie;                       // that goes into the reply
  std::uint64_t generation = 0;              // of finished answers, likewise
};

// A question in progress, for as long as its task runs.
class Handler::Entry {
 public:
  Entry(Handler& handler, const Job& job, resolver::RequestPtr request)
      : handler_(handler), job_(job), request_(std::move(request)) {
    previous_ = handler.newest_;
    (previous_ == nullptr ? handler.oldest_ : previous_->next_) = this;
    handler.newest_ = this;
    ++handler.inflight_count_;
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    (previous_ == nullptr ? handler_.oldest_ : previous_->next_) = next_;
    (next_ == nullptr ? handler_.newest_ : next_->previous_) = previous_;
    --handler_.inflight_count_;
  }

  [[nodiscard]] const Entry* next() const noexcept { return next_; }
  [[nodiscard]] InflightQuestion Show(TimePoint now) const {
    InflightQuestion shown;
    shown.name = job_.query.question->name.ToText();
    shown.type = job_.query.question->type;
    shown.client = job_.client.address;
    shown.transport = job_.client.transport;
    shown.age = now - since_;
    shown.upstream_queries = request_->upstream_queries;
    return shown;
  }

 private:
  Handler& handler_;
  const Job& job_;
  resolver::RequestPtr request_;
  TimePoint since_ = handler_.scheduler_.Now();
  Entry* previous_ = nullptr;
  Entry* next_ = nullptr;
};

Handler::Handler(net::Scheduler& scheduler, Lookups& lookups, resolver::Stats& stats,
                 const std::atomic<std::uint64_t>& epoch, std::size_t answer_octets)
    : scheduler_(scheduler),
      lookups_(lookups),
      stats_(stats),
      pipeline_(scheduler, lookups),
      fast_(stats, epoch, answer_octets),
      error_replies_(scheduler.clock(), kErrorReplyBurst, kErrorReplyInterval),
      fault_log_(scheduler.clock(), kFaultLogBurst, kFaultLogInterval),
      tasks_(scheduler) {}

void Handler::SetSnapshot(SnapshotPtr snapshot, std::size_t max_inflight) {
  fast_.SetSnapshot(snapshot);
  snapshot_ = std::move(snapshot);
  max_inflight_ = max_inflight;
}

void Handler::Clear() {
  tasks_.Clear();
  pipeline_.Clear();
}

bool Handler::Knows(std::span<const std::uint8_t> message) {
  FastQuestion question;
  if (!ReadFast(message, Transport::kUdp, cookies_ != nullptr, question)) return false;
  const Result<Name> name = Name::FromWire(question.name);
  return name && lookups_.Knows(*name, question.type);
}

bool Handler::Handle(std::span<const std::uint8_t> message, const Client& client,
                     const std::shared_ptr<ReplyPath>& path) {
  const bool over_udp = client.transport == Transport::kUdp;
  stats_.Add(Counter::kQueries);
  stats_.Add(CounterOf(client.transport));
  Reading reading = ReadQuestion(message, client.transport, cookies_ != nullptr);
  // From port 0 nobody asks: the address is forged.
  if (reading.verdict == Reading::Verdict::kDrop || client.peer.port() == 0) {
    stats_.Add(Counter::kMalformed);
    Drop(client, *path);
    return false;
  }
  Job job;
  job.query = std::move(reading.query);
  job.client = client;
  job.path = path;
  const CookieState cookie = TakeCookie(job);
  const bool may_ask = snapshot_->access.Allows(client.address);
  if (!may_ask || reading.verdict == Reading::Verdict::kReply) {
    if (!may_ask) stats_.Add(Counter::kRefused);
    if (may_ask && reading.rcode == Rcode::kFormErr) stats_.Add(Counter::kMalformed);
    if (over_udp && !error_replies_.Take()) {
      Drop(client, *path);
      return may_ask;
    }
    Response response(may_ask ? reading.rcode : Rcode::kRefused);
    if (!may_ask) {
      response.ede.push_back({Ede::kProhibited, "not in access.allow"});
    } else if (reading.ede) {
      response.ede.push_back({*reading.ede, ""});
    } else if (reading.rcode == Rcode::kNoError && cookie == CookieState::kBad) {
      // It asked whether its cookie is still good (RFC 7873 section 5.4).
      response.rcode = Rcode::kBadCookie;
    }
    Send(job, response);
    return may_ask;
  }
  if (over_udp && IsTooFast(job, cookie)) {
    SendToTcp(job, cookie);
    return true;
  }
  job.snapshot = snapshot_;
  job.services = services_;
  job.generation = fast_.Generation();
  tasks_.Spawn(Serve(std::move(job)));
  return true;
}

// Puts the cookie of the reply into `job`, and tells what the query's was.
Handler::CookieState Handler::TakeCookie(Job& job) noexcept {
  if (!job.query.cookie.present()) return CookieState::kNone;
  const CookieJudgement judgement = CookieJudgement::Of(
      job.query.cookie, *cookies_, job.client.address, scheduler_.clock().WallSeconds());
  CountCookie(judgement.state, stats_);
  job.cookie = judgement.reply;
  return judgement.state;
}

// A cookie says that the address is not forged, and then it need not be protected (RFC 7873
// section 5.2.5).
bool Handler::IsTooFast(const Job& job, CookieState cookie) noexcept {
  return client_rate_ != nullptr && cookie != CookieState::kGood &&
         !client_rate_->Take(job.client.address, scheduler_.clock().Now());
}

void Handler::SendToTcp(const Job& job, CookieState cookie) {
  stats_.Add(Counter::kLimitClientQps);
  if (cookie == CookieState::kNone) {
    ReplyTerms terms = TermsOf(job);
    terms.come_over_tcp = true;
    Send(job, Response(Rcode::kNoError), terms, nullptr);
  } else {
    Send(job, Response(Rcode::kBadCookie));
  }
}

void Handler::Drop(const Client& client, ReplyPath& path) {
  stats_.Add(Counter::kDropped);
  path.Reply(client.peer, {});
}

net::Task<void> Handler::Serve(Job job) {
  const ClientQuery& query = job.query;
  const IpAddress client = job.client.address;
  const ViewPtr& view = job.snapshot->views.Choose(job.client.listener_view, client);
  Inquiry inquiry = MakeInquiry(query, client, view, *job.snapshot, job.services.get());
  // What a proxy was asked at is no address of ours.
  if (!job.client.through_proxy) inquiry.asked = job.client.asked;
  const bool crowded = inflight_count_ >= max_inflight_;
  if (crowded) inquiry.reach = Reach::kCached;
  if (!query.Has(Header::kRd)) inquiry.reach = Reach::kLocal;

  Response response(Rcode::kServFail);
  try {
    const resolver::RequestPtr request = lookups_.NewRequest(nullptr);
    request->id = next_id_++;
    const Entry entry(*this, job, request);
    net::Task<Response> task = pipeline_.Handle(inquiry, request);
    response = co_await task;
  } catch (const std::exception& fault) {
    LogLimited(fault_log_, LogLevel::kError, "server", "a question ended in a fault",
               {{"name", query.question->name.ToText()}, {"fault", fault.what()}});
    response = Response(Rcode::kServFail);
  }

  if (response.missed && inquiry.reach == Reach::kLocal) {
    response = Refused(Ede::kNotAuthoritative, "RD=0: not a local name");
  } else if (response.missed) {
    stats_.Add(Counter::kLimitInflight);
    response = Response(Rcode::kServFail);
    response.ede.push_back({Ede::kOther, "too many questions in progress"});
    response.missed = job.client.transport == Transport::kUdp;
  }
  const bool limited = response.rcode == Rcode::kRefused &&
                       job.client.transport == Transport::kUdp && !error_replies_.Take();
  if (limited || (response.missed && inquiry.reach == Reach::kCached)) {
    Drop(job.client, *job.path);
  } else {
    Send(job, response, view.get());
  }
  if (inflight_count_ == 0 && on_idle_) on_idle_();
}

ReplyTerms Handler::TermsOf(const Job& job) const {
  const ClientQuery& query = job.query;
  const Transport transport = job.client.transport;
  const std::uint16_t own = snapshot_->config->limits.udp_payload;
  ReplyTerms terms(
      transport == Transport::kUdp ? UdpLimit(query.has_opt, query.udp_payload, own) : kTcpLimit,
      own);
  terms.cookie = job.cookie;
  terms.pad = query.padding && IsEncrypted(transport);
  if (query.keepalive && IsFramed(transport)) terms.keepalive = KeepaliveUnits(job.client.idle);
  return terms;
}

void Handler::Send(const Job& job, const Response& response, const View* view) {
  Send(job, response, TermsOf(job), view);
}

// `view`: of a question that was answered; the answer may be kept.
void Handler::Send(const Job& job, const Response& response, const ReplyTerms& terms,
                   const View* view) {
  RenderedReply reply = RenderReply(job.query, response, terms);
  Count(response, reply.message);
  if (view != nullptr) {
    fast_.Keep(job.query, job.client, *view, response, terms, reply, job.generation,
               scheduler_.clock());
  }
  job.path->Reply(job.client.peer, std::move(reply.message));
}

void Handler::Count(const Response& response, std::span<const std::uint8_t> message) {
  stats_.Add(CounterOf(response.rcode));
  if (response.synthesized) stats_.Add(Counter::kSynthesized);
  const std::optional<Header> header = Header::Read(message);
  if (header && header->Has(Header::kTc)) stats_.Add(Counter::kTruncated);
}

void Handler::Explain(ExplainRequest request, std::function<void(Explanation)> done) {
  tasks_.Spawn(ServeExplain(std::move(request), std::move(done)));
}

net::Task<void> Handler::ServeExplain(ExplainRequest request,
                                      std::function<void(Explanation)> done) {
  Explanation explanation;
  try {
    net::Task<Explanation> task = Account(request);
    explanation = co_await task;
  } catch (const std::exception& fault) {
    explanation.error = fault.what();
  }
  done(std::move(explanation));
}

net::Task<Explanation> Handler::Account(ExplainRequest request) {
  const SnapshotPtr snapshot = snapshot_;
  const std::shared_ptr<const Services> services = services_;
  Explanation account;
  account.started = scheduler_.Now();
  ViewPtr view = snapshot->views.Choose(nullptr, request.client);
  if (!request.view.empty()) view = snapshot->views.Named(request.view);
  if (view == nullptr) {
    account.error = "there is no view \"" + request.view + "\"";
    co_return account;
  }
  account.view = view->name;

  ClientQuery query;
  query.flags = static_cast<std::uint16_t>(Header::kRd | (request.cd_bit ? Header::kCd : 0));
  query.question = request.question;
  query.has_opt = true;
  query.do_bit = request.do_bit;
  const auto trace = std::make_shared<resolver::Trace>();
  const bool may_ask = snapshot->access.Allows(request.client);
  trace->Add(account.started, "access",
             request.client.ToText() + (may_ask ? " may ask" : " may not ask: REFUSED"));
  std::string why = "the global policy: no view is for this client";
  if (!request.view.empty()) {
    why = "view \"" + view->name + "\", as was asked for";
  } else if (view != snapshot->views.fallback) {
    why = "view \"" + view->name + "\", the first that is for this client";
  }
  std::string prefixes;
  for (const Dns64Prefix& prefix : view->policy.prefixes) {
    prefixes += " " + prefix.prefix.ToText() + (prefix.draining ? " (draining)" : "");
  }
  trace->Add(account.started, "view",
             why + (view->policy.enabled ? "; DNS64 under" + prefixes : "; DNS64 is off"));

  Response response = Refused(Ede::kProhibited, "not in access.allow");
  const resolver::RequestPtr asked = lookups_.NewRequest(trace);
  if (may_ask) {
    Inquiry inquiry = MakeInquiry(query, request.client, view, *snapshot, services.get());
    asked->id = next_id_++;
    net::Task<Response> task = pipeline_.Handle(inquiry, asked);
    response = co_await task;
  }
  account.message =
      RenderReply(query, response, ReplyTerms(kTcpLimit, snapshot->config->limits.udp_payload))
          .message;
  account.took = scheduler_.Now() - account.started;
  account.upstream_queries = asked->upstream_queries;
  account.events = trace->events();
  account.events_dropped = trace->dropped();
  co_return account;
}

std::vector<InflightQuestion> Handler::Inflight(std::size_t most) const {
  std::vector<InflightQuestion> shown;
  const TimePoint now = scheduler_.Now();
  for (const Entry* at = oldest_; at != nullptr && shown.size() < most; at = at->next()) {
    shown.push_back(at->Show(now));
  }
  return shown;
}

}  // namespace resolve64::server
