#include "resolver/join.h"

#include <utility>

namespace resolve64::resolver {

using upstream::ZoneOutcome;
using upstream::ZoneOutcomePtr;

JoinTable::Key::Key(const upstream::ZoneServers& servers, const Question& question, int attempt)
    : zone(servers.zone),
      name(question.name),
      type(question.type),
      recursive(servers.recursive),
      round(attempt),
      hash((zone.Hash() * 31 + name.Hash()) * 31 + static_cast<std::size_t>(type) * 4 +
           (recursive ? 2 : 0) + static_cast<std::size_t>(round)) {}

/// Counts a waiter of a flight. The last one to leave before the end cancels it.
class JoinTable::Waiting {
 public:
  Waiting(JoinTable& table, std::shared_ptr<Flight> flight)
      : table_(table), flight_(std::move(flight)) {
    ++flight_->waiters;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (--flight_->waiters == 0 && flight_->outcome == nullptr) table_.Land(*flight_);
  }

 private:
  JoinTable& table_;
  std::shared_ptr<Flight> flight_;
};

net::Task<ZoneOutcomePtr> JoinTable::Ask(upstream::ZoneServers servers, Question question,
                                         int round, SettingsPtr settings, RequestPtr request) {
  const Key key(servers, question, round);
  for (;;) {
    std::shared_ptr<Flight> flight;
    const auto found = flights_.find(&key);
    const bool joined = found != flights_.end();
    if (joined) {
      flight = found->second;
      context_.stats.Add(Counter::kJoined);
      Tell(request->trace.get(), context_.scheduler.clock(), "upstream",
           [] { return "waits for the same question, which is under way"; });
    } else {
      flight = std::allocate_shared<Flight>(net::FrameAllocator<Flight>(), context_.scheduler, key);
      flights_.emplace(&flight->key, flight);
    }
    const Waiting waiting(*this, flight);
    if (!joined) {
      net::Task<void> fly = Fly(*flight, servers, question, settings, request);
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

net::Task<void> JoinTable::Fly(Flight& flight, upstream::ZoneServers servers, Question question,
                               SettingsPtr settings, RequestPtr request) {
  net::Task<ZoneOutcomePtr> ask = upstream::AskZone(context_, std::move(servers), question,
                                                    std::move(settings), std::move(request));
  ZoneOutcomePtr outcome = co_await ask;
  if (outcome->kind == ZoneOutcome::Kind::kReply) on_reply_(question, *outcome);
  Land(flight);  // it lives on with those who wait for it
  flight.outcome = std::move(outcome);
  flight.done.Set();
}

// Its key is a part of it: the place in the table goes first.
void JoinTable::Land(const Flight& flight) {
  const auto at = flights_.find(&flight.key);
  if (at == flights_.end() || at->second.get() != &flight) return;
  const std::shared_ptr<Flight> keep = std::move(at->second);
  flights_.erase(at);
}

}  // namespace resolve64::resolver
