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
  explicit Shared(std::size_t cache_octets) : caches(cache_octets) {}

  resolver::Caches caches;
  ConnectionCounts connections;
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

  /// Starts the thread and serves `listening`. `share`: the part of the limits that is this
  /// worker's, one of so many. kNetwork where the system has no descriptors left.
  Result<bool> Start(SnapshotPtr snapshot, std::vector<Listening> listening, std::size_t workers);

  /// From now on `snapshot` holds, with these sockets beside those whose address is still in it.
  /// The new ones are open before the old ones close; what is in progress is answered. Then `done`.
  void Apply(SnapshotPtr snapshot, std::vector<Listening> added, std::function<void()> done);

  /// The certificates of connections that come from now on, null: none; and what clients are told
  /// of the services that use them.
  void SetTls(net::TlsServerPtr tls, std::shared_ptr<const Services> services);
  /// The secrets of cookies from now on, null: no cookies; and how often a client may ask without
  /// one, null: as often as it likes.
  void SetCookies(CookieSecretsPtr secrets, ClientRatePtr rate);

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

 private:
  class Inside;

  resolver::Stats stats_;
  const Clock& clock_;
  Shared& shared_;
  std::unique_ptr<Inside> inside_;  // made by thread_, which it outlives
  std::thread thread_;
};

}  // namespace resolve64::server
