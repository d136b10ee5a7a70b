// One worker: a thread, its loop, its sockets, its resolver.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "resolver/caches.h"
#include "resolver/stats.h"
#include "server/anchor_keeper.h"
#include "server/handler.h"
#include "server/snapshot.h"
#include "server/sockets.h"
#include "server/stream_server.h"

namespace resolve64::server {

/// What all workers share.
struct Shared {
  explicit Shared(std::size_t cache_octets)
      : caches(cache_octets - cache_octets / kAnswerShare),
        answer_octets(cache_octets / kAnswerShare) {}

  static constexpr std::size_t kAnswerShare = 8;  ///< one part in so many is for finished answers

  resolver::Caches caches;
  std::size_t answer_octets;  ///< of finished answers, all workers together
  ConnectionCounts connections;
};

/// What changes without the configuration. Plain values; what they point to is immutable, or shared
/// by threads.
struct Credentials {
  net::TlsServerPtr tls;                     ///< null: nobody can shake hands
  std::shared_ptr<const Services> services;  ///< null: nothing is announced
  CookieSecretsPtr cookies;                  ///< null: no cookies
  ClientRatePtr rate;                        ///< null: clients may ask as often as they like
};

/// Made and destroyed by the main thread, whose calls are carried out by the worker's own in their
/// order. Callbacks run on the worker's thread.
class Worker {
 public:
  /// `clock` and `shared` are borrowed.
  Worker(const Clock& clock, Shared& shared);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Stops at once where Drain() did not end.
  ~Worker();

  /// Starts the thread and serves `listening`. `workers`: how many share the limits. kNetwork where
  /// the system has no descriptors left.
  Result<bool> Start(SnapshotPtr snapshot, Credentials credentials,
                     std::vector<Listening> listening, std::size_t workers);

  /// From now on `snapshot` holds, with these sockets beside those whose address is still in it.
  /// The new ones are open before the old ones close; what is in progress is answered. Then `done`.
  void Apply(SnapshotPtr snapshot, std::vector<Listening> added, std::function<void()> done);

  /// What connections and questions that come from now on are served with.
  void SetCredentials(Credentials credentials);

  /// Takes no more questions, answers those in progress for up to `grace`, stops the loop, calls
  /// `done`.
  void Drain(Duration grace, std::function<void()> done);

  /// Asks for the root's name servers (RFC 8109), so that the first client need not wait for them.
  void Prime();
  /// Has `keeper` look after the trust anchors, with this worker's resolver. Borrows it.
  void Keep(AnchorKeeper& keeper);
  void Explain(ExplainRequest request, std::function<void(Explanation)> done);
  void Inflight(std::size_t most, std::function<void(std::vector<InflightQuestion>)> done);
  [[nodiscard]] const resolver::Stats& stats() const noexcept { return stats_; }
  /// Its finished answers. REQUIRES: Start() was successful.
  [[nodiscard]] const cache::AnswerCache& answers() const noexcept;

 private:
  class Inside;

  resolver::Stats stats_;
  const Clock& clock_;
  Shared& shared_;
  std::unique_ptr<Inside> inside_;  // made by thread_, which it outlives
  std::thread thread_;
};

}  // namespace resolve64::server
