// What is asked again and again, without a coroutine, a lock or an allocation.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "cache/answer_cache.h"
#include "resolver/stats.h"
#include "server/client.h"
#include "server/client_rate.h"
#include "server/cookies.h"
#include "server/fast_question.h"
#include "server/known_clients.h"
#include "server/reply.h"
#include "server/response.h"
#include "server/snapshot.h"

namespace resolve64::server {

/// Who asks, as far as a reply depends on it. Borrows.
struct Asker {
  const IpAddress& address;  ///< the client's
  const ViewPtr& listener_view;
  Transport transport;
  Duration idle;  ///< see Client
};

/// One worker's finished answers. Not thread-safe.
class FastPath {
 public:
  /// A reply that is ready to be written. Valid until the next call of a member that is not const.
  class Reply {
   public:
    explicit operator bool() const noexcept { return answer_ != nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }  ///< octets
    /// REQUIRES: it is a reply, and `to` has size() octets.
    void Write(std::uint8_t* to) const noexcept;

   private:
    friend class FastPath;
    std::uint8_t* WriteOpt(std::uint8_t* at, const std::uint8_t* end) const noexcept;

    const cache::FinishedAnswer* answer_ = nullptr;
    FastQuestion question_;
    CookieOption cookie_;
    TimePoint now_{};
    std::size_t size_ = 0;
    std::uint16_t own_payload_ = 0;
    std::uint16_t keepalive_ = 0;
    bool tells_keepalive_ = false;
    bool pads_ = false;
  };

  /// `octets`: what the answers may take. `epoch`: changes where all workers are to forget theirs;
  /// borrowed, as is `stats`.
  FastPath(resolver::Stats& stats, const std::atomic<std::uint64_t>& epoch, std::size_t octets);

  /// What holds from now on. Everything kept is forgotten.
  void SetSnapshot(SnapshotPtr snapshot);
  void SetCookies(CookieSecretsPtr secrets) { cookies_ = std::move(secrets); }
  void SetClientRate(ClientRatePtr rate) { client_rate_ = std::move(rate); }

  /// The reply to `message`, where it is at hand; then the question is counted, and is answered.
  /// Otherwise nothing was done. REQUIRES: there is a snapshot.
  Reply Find(std::span<const std::uint8_t> message, const Asker& asker, const Clock& clock,
             TimePoint now) noexcept;

  /// What answers are made from: see Keep().
  [[nodiscard]] std::uint64_t Generation() noexcept;
  /// Keeps what was just rendered, if it is worth it. `generation`: when the question came.
  void Keep(const ClientQuery& query, const Client& client, const View& view,
            const Response& response, const ReplyTerms& terms, const RenderedReply& reply,
            std::uint64_t generation, const Clock& clock);

  [[nodiscard]] const cache::AnswerCache& answers() const noexcept { return answers_; }

 private:
  void Refresh() noexcept;
  void Count(const cache::FinishedAnswer& answer, Transport transport) noexcept;

  resolver::Stats& stats_;
  const std::atomic<std::uint64_t>& epoch_;
  std::uint64_t seen_epoch_;
  cache::AnswerCache answers_;
  KnownClients clients_;
  SnapshotPtr snapshot_;
  CookieSecretsPtr cookies_;
  ClientRatePtr client_rate_;
};

}  // namespace resolve64::server
