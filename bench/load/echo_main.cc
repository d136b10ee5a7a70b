// r64-echo: answers every question with as many octets, and does nothing else.
#include <unistd.h>

#include <cstdio>
#include <string>

#include "echo.h"
#include "flags.h"
#include "system.h"

namespace resolve64::bench {

void SayReady() {
  std::puts("ready");
  std::fflush(stdout);
}

namespace {

constexpr std::uint64_t kAnyCpu = ~std::uint64_t{0};

int Main(int argc, char** argv) {
  std::string mode = "udp";
  std::string address = "127.0.0.1";
  std::uint64_t port = 53;
  std::uint64_t size = 100;
  std::uint64_t cpu = kAnyCpu;
  EchoStream stream;
  Flags flags("r64-echo: the least that a DNS server can do");
  flags.Choice("mode", mode, {"udp", "tcp", "tls", "handshake"},
               "what is served; handshake is tls, for connections of one question");
  flags.Text("--address", address, "where");
  flags.Number("--port", port, "where");
  flags.Number("--size", size, "octets of a reply");
  flags.Number("--cpu", cpu, "the processor to run on");
  flags.Text("--cert", stream.cert, "PEM file of the certificate, for TLS");
  flags.Text("--key", stream.key, "PEM file of its key");
  int exit_code = 0;
  if (!flags.Parse(argc, argv, exit_code)) return exit_code;
  const auto where = SocketAddress::Make(address, port);
  if (!where) Die(address + " is no address");
  if (size < kLeastMessage || size > 65535) Die("a reply has 12 to 65535 octets");
  if (cpu != kAnyCpu) Pin(cpu);
  AllowManyFiles();
  if (mode == "udp") EchoUdp(*where, size);
  if (mode == "tcp") {
    stream.cert.clear();
  } else if (stream.cert.empty() || stream.key.empty()) {
    Die("TLS wants --cert and --key");
  }
  stream.size = size;
  ServeStreams(*where, stream);
}

}  // namespace
}  // namespace resolve64::bench

int main(int argc, char** argv) { return resolve64::bench::Main(argc, argv); }
