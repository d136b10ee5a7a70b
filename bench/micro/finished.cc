// Finished answers: the question read in place, its answer found and copied.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "cache/answer_cache.h"
#include "samples.h"
#include "server/fast_question.h"
#include "server/question.h"
#include "server/reply.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kStep = 617;  // a prime: all names have their turn
constexpr std::size_t kOctets = std::size_t{256} << 20;

void ReadInPlace(benchmark::State& state) {
  const auto message = SampleQuestion(RrType::kAaaa, false);
  while (state.KeepRunning()) {
    server::FastQuestion question;
    benchmark::DoNotOptimize(server::ReadFast(message, server::Transport::kUdp, true, question));
    benchmark::DoNotOptimize(question);
  }
}
BENCHMARK(ReadInPlace);

// An answer of one A record to a question for `name`, as the cache keeps it.
std::vector<std::uint8_t> Rendered(const Name& name) {
  server::ClientQuery query;
  query.question = Question(name, RrType::kA);
  server::Response response(Rcode::kNoError);
  response.answer.emplace_back(SampleAddresses(name, RrType::kA, 1, false), 300);
  return server::RenderReply(query, response, server::ReplyTerms(1232, 1232)).message;
}

void FindAndCopy(benchmark::State& state, std::size_t count) {
  const ManualClock clock;
  const TimePoint now = clock.Now();
  cache::AnswerCache answers(kOctets);
  std::vector<Name> names;
  cache::AnswerKey key;
  key.type = RrType::kA;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(SampleName(i));
    const std::vector<std::uint8_t> body = Rendered(names.back());
    cache::AnswerParts parts;
    parts.key = key;
    parts.body = body;
    parts.since = now;
    parts.expires = TimePoint::max();
    answers.Keep(parts, now);
  }
  std::array<std::uint8_t, 512> reply{};
  std::size_t at = 0;
  while (state.KeepRunning()) {
    at += kStep;
    while (at >= count) at -= count;
    const auto name = names[at].wire();
    const cache::FinishedAnswer* found =
        answers.Find(name, cache::AnswerCache::HashOf(name), key, reply.size(), false, now);
    if (found == nullptr) {
      state.SkipWithError("it is not there");
      break;
    }
    found->CopyBody(reply.data(), now);
    benchmark::DoNotOptimize(reply);
  }
}
BENCHMARK_CAPTURE(FindAndCopy, among_1000, 1000);
BENCHMARK_CAPTURE(FindAndCopy, among_100000, 100'000);

}  // namespace
}  // namespace resolve64::bench
