// The resolver as a whole: workers, what they share, reload and end.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "net/loop.h"
#include "resolver/stats.h"
#include "server/anchor_keeper.h"
#include "server/certificate_keeper.h"
#include "server/snapshot.h"
#include "server/worker.h"

namespace resolve64::server {

/// One main thread's; its callbacks run there too, from the main loop.
class Service {
 public:
  /// How long questions in progress are answered after the order to end.
  static constexpr Duration kGrace = std::chrono::seconds(2);
  /// How long a secret makes cookies where the operator gave none.
  static constexpr Duration kCookieSecretLife = std::chrono::hours(24);

  /// `clock` and `main` are borrowed.
  Service(const Clock& clock, net::Loop& main, SnapshotPtr snapshot);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  /// Opens every socket. kNetwork, with what the operator can do, where one cannot be had.
  Result<bool> Bind();
  /// Starts the workers on what Bind() opened. After privileges were dropped.
  Result<bool> Start();

  /// Puts `snapshot` in force in all workers, and calls `done` with what only a new start changes,
  /// one a line. kNetwork where a new listener cannot be had: everything stays as it was.
  Result<bool> Reload(SnapshotPtr snapshot, std::function<void(std::vector<std::string>)> done);

  /// Takes no more questions, answers those in progress for up to kGrace, then calls `done`.
  void Stop(std::function<void()> done);

  void Explain(ExplainRequest request, std::function<void(Explanation)> done);
  void Inflight(std::size_t most, const std::function<void(std::vector<InflightQuestion>)>& done);

  [[nodiscard]] std::uint64_t Count(resolver::Counter counter) const noexcept;
  [[nodiscard]] resolver::Caches& caches() noexcept { return shared_.caches; }
  /// The finished answers of all workers together.
  [[nodiscard]] cache::CacheStats answers() const;
  [[nodiscard]] AnchorReport Anchors() const { return anchors_.Report(); }
  [[nodiscard]] const Snapshot& snapshot() const noexcept { return *snapshot_; }
  [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
  [[nodiscard]] TimePoint started() const noexcept { return started_; }
  [[nodiscard]] std::size_t workers() const noexcept { return worker_count_; }
  /// Connections over TCP, TLS and HTTPS.
  [[nodiscard]] std::size_t tcp_clients() const noexcept { return shared_.connections.all; }
  /// The certificates that are served; null where no listener needs any.
  [[nodiscard]] const net::TlsServerPtr& tls() const noexcept { return certificates_.current(); }
  /// "udp+tcp [::1]:53, tls [::1]:853".
  [[nodiscard]] std::string ListenersText() const;

 private:
  using SocketsByWorker = std::vector<std::vector<Listening>>;
  Result<SocketsByWorker> Open(const std::vector<config::Listener>& listeners,
                               const std::vector<config::Listener>& ours) const;
  void Publish(const config::Config& config, const net::TlsServerPtr& tls, bool renewed);
  void RenewCookies();
  void Hand();
  // RFC 7873 section 7.1: a secret makes cookies for a day or so, and never for more than 36 days.
  class DailyTimer final : public net::TimerNode {
   public:
    explicit DailyTimer(Service& service) : service_(service) {}

   private:
    void Fire() noexcept override { service_.RenewCookies(); }
    Service& service_;
  };
  void WarnOfDescriptors() const;
  std::function<void()> AfterAll(std::function<void()> done);

  const Clock& clock_;
  net::Loop& main_;
  SnapshotPtr snapshot_;
  std::size_t worker_count_;
  TimePoint started_;
  Shared shared_;
  AnchorKeeper anchors_;
  CertificateKeeper certificates_;
  SystemRandom random_;
  Credentials credentials_;
  DailyTimer daily_{*this};
  SocketsByWorker bound_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace resolve64::server
