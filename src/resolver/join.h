// Equal questions to the same zone are asked once (REC-04).
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "resolver/upstream/zone_query.h"

namespace resolve64::resolver {

/// The questions of one worker that are under way. Nothing in here waits for another question, so
/// that questions that depend on each other cannot wait in a circle.
class JoinTable {
 public:
  using OnReply = std::function<void(const Question&, const upstream::ZoneOutcome&)>;

  /// `on_reply` hears of each useful reply once, before anybody who waits for it does.
  JoinTable(upstream::ExchangeContext& context, OnReply on_reply)
      : context_(context), on_reply_(std::move(on_reply)) {}
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
  struct KeyHash {
    std::size_t operator()(const Key* key) const noexcept { return key->hash; }
  };
  struct SameKey {
    bool operator()(const Key* a, const Key* b) const noexcept { return *a == *b; }
  };
  struct Flight {
    Flight(net::Scheduler& scheduler, const Key& k) : key(k), done(scheduler), scope(scheduler) {}
    const Key key;
    net::Event done;
    upstream::ZoneOutcomePtr outcome;
    int waiters = 0;
    net::TaskScope scope;
  };
  class Waiting;

  net::Task<void> Fly(Flight& flight, upstream::ZoneServers servers, Question question,
                      SettingsPtr settings, RequestPtr request);
  void Land(const Flight& flight);

  upstream::ExchangeContext& context_;
  OnReply on_reply_;
  std::unordered_map<const Key*, std::shared_ptr<Flight>, KeyHash, SameKey> flights_;
};

}  // namespace resolve64::resolver
