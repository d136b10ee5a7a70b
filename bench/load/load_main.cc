// r64-load: asks a DNS server as fast as it can, or at a rate, and prints what came of it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "driver.h"
#include "first_answer.h"
#include "flags.h"
#include "handshakes.h"
#include "questions.h"
#include "stream_transport.h"
#include "system.h"
#include "tally.h"
#include "udp_transport.h"

namespace resolve64::bench {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kWarmWindow = 64;  // a cold resolver does work for each
constexpr int kWarmPasses = 20;
constexpr std::uint64_t kRestingWindow = 64;  // closed loop: from here on we rest by default

struct Options {
  std::string server, queries, transport = "udp", order = "random", rest = "auto", tls_name,
                               path = "/dns-query";
  Sources sources;
  std::uint64_t port = 53, count = 0, window = 64, sockets = 1, timeout = 1000, edns = 1232,
                seed = 1, cpu = kAnyCpu, handshakes = 0;
  double seconds = 0, rate = 0, skew = 1;
  bool warm = false, random_labels = false, resume = false, first_answer = false;

  static constexpr std::uint64_t kAnyCpu = ~std::uint64_t{0};
};

bool Read(int argc, char** argv, Options& options, int& exit_code) {
  Flags flags("r64-load: asks a DNS server, and prints one JSON object");
  flags.Text("--server", options.server, "address of the server", true);
  flags.Number("--port", options.port, "its port");
  flags.Choice("--transport", options.transport, {"udp", "tcp", "tls", "https"}, "how to ask");
  flags.Text("--queries", options.queries, "file of lines: NAME TYPE [do] [cd] [ad]", true);
  flags.Choice("--order", options.order, {"sequential", "once", "random", "zipf"},
               "which line is next; once: each line once, then the end");
  flags.Real("--skew", options.skew, "exponent of the zipf order");
  flags.Number("--seed", options.seed, "of all that is random");
  flags.Real("--seconds", options.seconds, "how long questions are sent");
  flags.Number("--count", options.count, "how many questions are sent");
  flags.Number("--window", options.window, "closed loop: questions that wait, over all sockets");
  flags.Real("--rate", options.rate, "open loop: questions a second, whatever the answers do");
  flags.Number("--sockets", options.sockets, "UDP sockets, or connections");
  flags.Number("--timeout", options.timeout, "ms after which a question is lost");
  flags.Number("--edns", options.edns, "UDP payload told, octets; 0: no EDNS");
  flags.Text("--bind", options.sources.bind, "our address");
  flags.Number("--from-many", options.sources.many, "so many addresses of ours, from 127.64.0.1");
  flags.Switch("--warm", options.warm, "ask every line before, until answered, not counted");
  flags.Choice("--rest", options.rest, {"auto", "yes", "no"},
               "closed loop: sleep instead of waiting for an answer, which costs the server less; "
               "auto: from a window of 64 on");
  flags.Number("--cpu", options.cpu, "the processor to run on");
  flags.Text("--tls-name", options.tls_name, "name sent in the handshake, and host of the URL");
  flags.Text("--path", options.path, "path of the URL");
  flags.Switch("--random-labels", options.random_labels,
               "a label before each name, another each time; change the seed for others");
  flags.Number("--handshakes", options.handshakes,
               "so many times: connect, handshake, ask, close; --window at a time");
  flags.Switch("--resume", options.resume, "with the session of the handshake before");
  flags.Switch("--first-answer", options.first_answer,
               "ask the first line each ms, over UDP, until it is answered without SERVFAIL");
  return flags.Parse(argc, argv, exit_code);
}

Order::Kind OrderOf(const std::string& text) {
  if (text == "sequential") return Order::Kind::kSequential;
  if (text == "once") return Order::Kind::kOnce;
  return text == "zipf" ? Order::Kind::kZipf : Order::Kind::kRandom;
}

Pace PaceOf(const Options& options) {
  Pace pace;
  pace.window = std::max<std::uint64_t>(options.window, 1);
  pace.rate = options.rate;
  pace.duration = static_cast<std::uint64_t>(options.seconds * static_cast<double>(kSecond));
  pace.count = options.count;
  pace.timeout = options.timeout * kMillisecond;
  pace.rest = options.rest == "yes" || (options.rest == "auto" && pace.window >= kRestingWindow);
  return pace;
}

// Every line until it has an answer that is not SERVFAIL. Ends the program where that fails.
void Warm(const Questions& questions, Transport& transport, Pace pace, std::uint64_t& sequence) {
  pace.window = std::min(pace.window, kWarmWindow);
  pace.rate = 0;
  pace.count = pace.duration = 0;
  pace.rest = false;
  pace.timeout = std::max(pace.timeout, 2 * kSecond);
  std::vector<std::uint8_t> known(questions.size(), 0);
  std::vector<std::uint32_t> left(questions.size());
  for (std::uint32_t i = 0; i < left.size(); ++i) left[i] = i;
  for (int pass = 0; pass < kWarmPasses && !left.empty(); ++pass) {
    std::size_t at = 0;
    Driver driver(questions, transport, pace, sequence);
    driver.Run(
        [&left, &at](std::uint32_t& line) {
          if (at == left.size()) return false;
          line = left[at++];
          return true;
        },
        [&known](std::uint32_t line, std::uint8_t rcode) { known[line] = rcode == 2 ? 0 : 1; });
    std::erase_if(left, [&known](std::uint32_t line) { return known[line] != 0; });
  }
  if (!left.empty()) Die(std::to_string(left.size()) + " lines got no answer while warming up");
}

std::unique_ptr<Transport> Open(const Options& options, const SocketAddress& server,
                                const Questions& questions) {
  if (options.transport == "udp") {
    return std::make_unique<UdpTransport>(server, options.sockets, options.sources,
                                          questions.longest());
  }
  StreamTransport::Settings settings;
  settings.tls = options.transport != "tcp";
  settings.http = options.transport == "https";
  settings.name = options.tls_name;
  settings.authority = options.tls_name.empty() ? options.server : options.tls_name;
  settings.path = options.path;
  return std::make_unique<StreamTransport>(server, options.sockets, options.sources,
                                           questions.longest(), settings);
}

int Main(int argc, char** argv) {
  Options options;
  int exit_code = 0;
  if (!Read(argc, argv, options, exit_code)) return exit_code;
  const auto server = SocketAddress::Make(options.server, options.port);
  if (!server) Die(options.server + " is no address");
  if (options.cpu != Options::kAnyCpu) Pin(options.cpu);
  AllowManyFiles();
  NoSlack();
  Questions::Rendering rendering;
  rendering.edns = static_cast<std::uint16_t>(options.edns);
  rendering.random_labels = options.random_labels;
  rendering.seed = options.seed;
  const Result<Questions> questions = Questions::Read(options.queries, rendering);
  if (!questions) Die(questions.error().text);
  options.sockets = std::max<std::uint64_t>(options.sockets, 1);

  const Pace pace = PaceOf(options);
  if (options.first_answer) return FirstAnswer(*server, *questions, options.sources, pace.timeout);
  if (options.handshakes > 0) {
    HandshakeRun run;
    run.tls = options.transport == "tls";
    if (!run.tls && options.transport != "tcp") Die("--handshakes goes with tcp and tls");
    run.resume = options.resume;
    run.count = options.handshakes;
    run.parallel = std::min(pace.window, options.handshakes);
    run.timeout = pace.timeout;
    run.name = options.tls_name;
    std::fputs(RunHandshakes(*server, *questions, options.sources, run).ToJson().c_str(), stdout);
    return 0;
  }
  Order order(OrderOf(options.order), questions->size(), options.skew, options.seed);
  if (pace.duration == 0 && pace.count == 0 && options.order != "once") {
    Die("how long? --seconds, --count or --order once");
  }
  const std::unique_ptr<Transport> transport = Open(options, *server, *questions);
  std::uint64_t sequence = 0;
  if (options.warm) Warm(*questions, *transport, pace, sequence);
  Driver driver(*questions, *transport, pace, sequence);
  const Tally tally = driver.Run([&order](std::uint32_t& line) { return order.Next(line); });
  std::fputs(tally.ToJson().c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace resolve64::bench

int main(int argc, char** argv) { return resolve64::bench::Main(argc, argv); }
