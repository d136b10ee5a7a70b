// Messages in: questions of clients, responses of servers; names.
#include <benchmark/benchmark.h>

#include <vector>

#include "resolve64/message.h"
#include "resolve64/name.h"
#include "samples.h"
#include "server/question.h"

namespace resolve64::bench {
namespace {

void ReadQuestion(benchmark::State& state) {
  const auto message = SampleQuestion(RrType::kAaaa, true);
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(server::ReadQuestion(message, server::Transport::kUdp, true));
  }
}
BENCHMARK(ReadQuestion);

void ParseMessage(benchmark::State& state, const std::vector<std::uint8_t>& message) {
  while (state.KeepRunning()) benchmark::DoNotOptimize(MessageView::Parse(message));
}
BENCHMARK_CAPTURE(ParseMessage, referral, SampleReferral());
BENCHMARK_CAPTURE(ParseMessage, signed_answer, SampleSignedAnswer());

void CopyRdata(benchmark::State& state) {
  const auto message = SampleReferral();
  const Result<MessageView> view = MessageView::Parse(message);
  std::vector<std::uint8_t> rdata;
  while (state.KeepRunning()) {
    for (const RecordView& record : view->records()) {
      rdata.clear();
      benchmark::DoNotOptimize(view->AppendRdata(record, rdata));
    }
  }
}
BENCHMARK(CopyRdata);

void CompareNames(benchmark::State& state) {
  const Name a = *Name::Parse("www.example.com");
  const Name b = *Name::Parse("WWW.Example.COM");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(&a);
    benchmark::DoNotOptimize(a == b);
  }
}
BENCHMARK(CompareNames);

void OrderNames(benchmark::State& state) {
  const Name a = *Name::Parse("www.example.com");
  const Name b = *Name::Parse("xyz.example.com");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(&a);
    benchmark::DoNotOptimize(a < b);
  }
}
BENCHMARK(OrderNames);

void HashName(benchmark::State& state) {
  const Name name = *Name::Parse("www.example.com");
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(&name);
    benchmark::DoNotOptimize(name.Hash());
  }
}
BENCHMARK(HashName);

}  // namespace
}  // namespace resolve64::bench
