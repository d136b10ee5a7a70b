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

net::Task<ZoneOutcomePtr> JoinTable::Ask(upstream::ZoneServers servers, Question question,
                                         int round, SettingsPtr settings, RequestPtr request) {
  const Key key(servers, question, round);
  for (;;) {
    auto seat = flights_.Board(key, [&] { return Fly(servers, question, settings, request); });
    if (seat.joined()) {
      context_.stats.Add(Counter::kJoined);
      Tell(request->trace.get(), context_.scheduler.clock(), "upstream",
           [] { return "waits for the same question, which is under way"; });
    }
    net::Event::Waiter waiter = seat.WaitUntil(request->deadline);
    const bool done = co_await waiter;
    if (!done) {
      auto silence = std::make_shared<ZoneOutcome>();
      silence->why = "no answer by the deadline";
      co_return ZoneOutcomePtr(std::move(silence));
    }
    // Somebody else's budget is not ours: ask ourselves.
    const bool their_budget = seat.joined() && seat.result()->kind == ZoneOutcome::Kind::kNoBudget;
    if (!their_budget) co_return seat.result();
  }
}

net::Task<ZoneOutcomePtr> JoinTable::Fly(upstream::ZoneServers servers, Question question,
                                         SettingsPtr settings, RequestPtr request) {
  net::Task<ZoneOutcomePtr> ask = upstream::AskZone(context_, std::move(servers), question,
                                                    std::move(settings), std::move(request));
  ZoneOutcomePtr outcome = co_await ask;
  if (outcome->kind == ZoneOutcome::Kind::kReply) on_reply_(question, *outcome);
  co_return outcome;
}

}  // namespace resolve64::resolver
