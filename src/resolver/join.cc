#include "resolver/join.h"

#include <utility>

namespace resolve64::resolver {

using upstream::ZoneOutcome;
using upstream::ZoneOutcomePtr;

std::size_t JoinTable::KeyHash::operator()(const Key& key) const noexcept {
  const std::size_t mixed = key.zone.Hash() * 31 + key.name.Hash();
  return mixed * 31 + static_cast<std::size_t>(key.type) * 4 + (key.recursive ? 2 : 0) +
         static_cast<std::size_t>(key.round);
}

/// Counts a waiter of a flight. The last one to leave before the end cancels it.
class JoinTable::Waiting {
 public:
  Waiting(JoinTable& table, const Key& key, std::shared_ptr<Flight> flight)
      : table_(table), key_(key), flight_(std::move(flight)) {
    ++flight_->waiters;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (--flight_->waiters == 0 && flight_->outcome == nullptr) table_.flights_.erase(key_);
  }

 private:
  JoinTable& table_;
  Key key_;
  std::shared_ptr<Flight> flight_;
};

net::Task<ZoneOutcomePtr> JoinTable::Ask(upstream::ZoneServers servers, Question question,
                                         int round, SettingsPtr settings, RequestPtr request) {
  const Key key{servers.zone, question.name, question.type, servers.recursive, round};
  for (;;) {
    std::shared_ptr<Flight> flight;
    const auto found = flights_.find(key);
    const bool joined = found != flights_.end();
    if (joined) {
      flight = found->second;
      context_.stats.Add(Counter::kJoined);
      Tell(request->trace.get(), context_.scheduler.clock(), "upstream",
           [] { return "waits for the same question, which is under way"; });
    } else {
      flight = std::make_shared<Flight>(context_.scheduler);
      flights_.emplace(key, flight);
    }
    const Waiting waiting(*this, key, flight);
    if (!joined) {
      net::Task<void> fly = Fly(key, *flight, servers, question, settings, request);
      flight->scope.Spawn(std::move(fly));
    }
    net::Event::Waiter waiter = flight->done.WaitUntil(request->deadline);
    const bool done = co_await waiter;
    if (!done) {
      auto silence = std::make_shared<ZoneOutcome>();
      silence->why = "no answer by the deadline";
      co_return ZoneOutcomePtr(std::move(silence));
    }
    // Somebody else's budget is not ours: ask ourselves.
    const bool their_budget = joined && flight->outcome->kind == ZoneOutcome::Kind::kNoBudget;
    if (!their_budget) co_return flight->outcome;
  }
}

net::Task<void> JoinTable::Fly(Key key, Flight& flight, upstream::ZoneServers servers,
                               Question question, SettingsPtr settings, RequestPtr request) {
  net::Task<ZoneOutcomePtr> ask = upstream::AskZone(context_, std::move(servers), question,
                                                    std::move(settings), std::move(request));
  ZoneOutcomePtr outcome = co_await ask;
  if (outcome->kind == ZoneOutcome::Kind::kReply) on_reply_(question, *outcome);
  flights_.erase(key);  // the flight itself lives on with those who wait for it
  flight.outcome = std::move(outcome);
  flight.done.Set();
}

}  // namespace resolve64::resolver
