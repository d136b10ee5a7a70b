// Equal questions to the same zone are asked once (REC-04).
#pragma once

#include <functional>

#include "resolver/flights.h"
#include "resolver/upstream/zone_query.h"

namespace resolve64::resolver {

/// The questions of one worker that are under way. Nothing in here waits for another question, so
/// that questions that depend on each other cannot wait in a circle.
class JoinTable {
 public:
  using OnReply = std::function<void(const Question&, const upstream::ZoneOutcome&)>;

  /// `on_reply` hears of each useful reply once, before anybody who waits for it does.
  JoinTable(upstream::ExchangeContext& context, OnReply on_reply)
      : context_(context), on_reply_(std::move(on_reply)), flights_(context.scheduler) {}
  JoinTable(const JoinTable&) = delete;
  JoinTable& operator=(const JoinTable&) = delete;

  /// Asks, or waits for the answer to the same question that is under way. The work is paid for by
  /// the request that asked first, and goes on while anybody waits for it. Ends by the deadline of
  /// `request`, as silence. `round` tells apart attempts with other servers of the same zone.
  net::Task<upstream::ZoneOutcomePtr> Ask(upstream::ZoneServers servers, Question question,
                                          int round, SettingsPtr settings, RequestPtr request);

  [[nodiscard]] std::size_t size() const noexcept { return flights_.size(); }

 private:
  struct Key {
    Key(const upstream::ZoneServers& servers, const Question& question, int attempt);
    Name zone;
    Name name;
    RrType type;
    bool recursive;
    int round;
    std::size_t hash;  ///< of all that
    friend bool operator==(const Key& a, const Key& b) noexcept {
      return a.hash == b.hash && a.type == b.type && a.recursive == b.recursive &&
             a.round == b.round && a.name == b.name && a.zone == b.zone;
    }
  };

  net::Task<upstream::ZoneOutcomePtr> Fly(upstream::ZoneServers servers, Question question,
                                          SettingsPtr settings, RequestPtr request);

  upstream::ExchangeContext& context_;
  OnReply on_reply_;
  Flights<Key, upstream::ZoneOutcomePtr> flights_;
};

}  // namespace resolve64::resolver
