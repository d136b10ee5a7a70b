// One worker's questions, from the octets of a client to the octets of the reply.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/rate_limit.h"
#include "net/task.h"
#include "resolver/stats.h"
#include "resolver/trace.h"
#include "server/client.h"
#include "server/cookies.h"
#include "server/fast_path.h"
#include "server/lookups.h"
#include "server/pipeline.h"
#include "server/question.h"
#include "server/response.h"
#include "server/services.h"
#include "server/snapshot.h"

namespace resolve64::server {

/// A question that is being worked on, as `resolve64ctl inflight` shows it.
struct InflightQuestion {
  std::string name;
  RrType type = RrType::kNone;
  IpAddress client;
  Transport transport = Transport::kUdp;
  Duration age{};
  int upstream_queries = 0;
};

struct ExplainRequest {
  Question question;
  IpAddress client;
  std::string view;  ///< empty: the one that `client` gets
  bool cd_bit = false;
  bool do_bit = false;

  ExplainRequest() = default;
};

/// How an answer came about.
struct Explanation {
  std::string error;  ///< empty unless there is no such view
  std::vector<resolver::TraceEvent> events;
  std::size_t events_dropped = 0;
  TimePoint started{};
  Duration took{};
  int upstream_queries = 0;
  std::string view;
  std::vector<std::uint8_t> message;  ///< the reply that the client would get over TCP

  Explanation() = default;
};

/// Not thread-safe.
class Handler {
 public:
  /// Borrowed for the life of the handler. `epoch` and `answer_octets`: see FastPath.
  Handler(net::Scheduler& scheduler, Lookups& lookups, resolver::Stats& stats,
          const std::atomic<std::uint64_t>& epoch, std::size_t answer_octets);
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  ~Handler() { Clear(); }

  /// What holds for messages that come from now on. `max_inflight`: questions that this worker may
  /// be waiting for an upstream server with. Beyond it a question is answered from what is here;
  /// where that does not suffice it is dropped over UDP and gets SERVFAIL over TCP. The newest
  /// yields: it is the one that has cost nothing yet, and those before it have clients that still
  /// wait.
  void SetSnapshot(SnapshotPtr snapshot, std::size_t max_inflight);

  /// What makes and checks cookies from now on; null: cookies are off.
  void SetCookies(CookieSecretsPtr secrets) {
    fast_.SetCookies(secrets);
    cookies_ = std::move(secrets);
  }
  /// How often who shows no cookie may ask over UDP from now on; null: as often as it likes. Beyond
  /// it a client that knows cookies gets a fresh one with BADCOOKIE, any other is sent to TCP (RFC
  /// 7873 sections 5.2.3 and 5.2.4).
  void SetClientRate(ClientRatePtr rate) {
    fast_.SetClientRate(rate);
    client_rate_ = std::move(rate);
  }

  /// What clients are told of encrypted services from now on; null: nothing.
  void SetServices(std::shared_ptr<const Services> services) { services_ = std::move(services); }

  /// The reply to `message`, where it is finished already; then the question is dealt with.
  /// Otherwise Handle() is to take it.
  FastPath::Reply Finished(std::span<const std::uint8_t> message, const Asker& asker,
                           TimePoint now) noexcept {
    return fast_.Find(message, asker, scheduler_.clock(), now);
  }

  /// Whether `message` asks for something that is in the cache: it should not wait behind those
  /// that ask for what is not. Over UDP.
  [[nodiscard]] bool Knows(std::span<const std::uint8_t> message);

  /// Takes one message. The reply goes to `path`, at once where it needs nobody else, so that it
  /// can leave in the batch that the message came in.
  /// False where the client may not ask, or sent what is no message at all.
  bool Handle(std::span<const std::uint8_t> message, const Client& client,
              const std::shared_ptr<ReplyPath>& path);

  /// Answers as if `request.client` had asked, and calls `done` with the account of it.
  void Explain(ExplainRequest request, std::function<void(Explanation)> done);

  /// At most `most` of the questions in progress, the oldest first.
  [[nodiscard]] std::vector<InflightQuestion> Inflight(std::size_t most) const;
  [[nodiscard]] std::size_t inflight() const noexcept { return inflight_count_; }
  [[nodiscard]] resolver::Stats& stats() noexcept { return stats_; }
  [[nodiscard]] const cache::AnswerCache& answers() const noexcept { return fast_.answers(); }
  /// Called whenever the last question in progress is answered.
  void OnIdle(std::function<void()> idle) { on_idle_ = std::move(idle); }

  /// Drops every question; nobody gets a reply.
  void Clear();

 private:
  using CookieState = CookieJudgement::State;
  struct Job;
  class Entry;

  void Count(const Response& response, std::span<const std::uint8_t> message);
  CookieState TakeCookie(Job& job) noexcept;
  bool IsTooFast(const Job& job, CookieState cookie) noexcept;
  void SendToTcp(const Job& job, CookieState cookie);
  void Drop(const Client& client, ReplyPath& path);
  void Send(const Job& job, const Response& response, const View* view = nullptr);
  void Send(const Job& job, const Response& response, const ReplyTerms& terms, const View* view);
  [[nodiscard]] ReplyTerms TermsOf(const Job& job) const;
  net::Task<void> Serve(Job job);
  net::Task<void> ServeExplain(ExplainRequest request, std::function<void(Explanation)> done);
  net::Task<Explanation> Account(ExplainRequest request);

  net::Scheduler& scheduler_;
  Lookups& lookups_;
  resolver::Stats& stats_;
  Pipeline pipeline_;
  FastPath fast_;
  SnapshotPtr snapshot_;
  std::shared_ptr<const Services> services_;
  CookieSecretsPtr cookies_;
  ClientRatePtr client_rate_;
  std::size_t max_inflight_ = 1;
  RateLimit error_replies_;  // CLI-04: what anybody can cause, over UDP
  RateLimit fault_log_;
  std::uint64_t next_id_ = 1;
  Entry* oldest_ = nullptr;
  Entry* newest_ = nullptr;
  std::size_t inflight_count_ = 0;
  std::function<void()> on_idle_;
  net::TaskScope tasks_;  // the last, so that the tasks go first
};

}  // namespace resolve64::server
