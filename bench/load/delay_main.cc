// r64-delay: joins two network namespaces by a wire with a delay. For machines whose kernel has no
// netem; wants CAP_NET_ADMIN and CAP_SYS_ADMIN.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "delay_line.h"
#include "flags.h"
#include "system.h"

namespace resolve64::bench {
namespace {

constexpr const char* kMtu = "1400";
constexpr int kTurn = 64;  // packets of one direction before the other has its turn

struct Options {
  std::array<std::string, 2> netns;
  std::array<std::string, 2> address;
  std::string device = "r64delay";
  double delay_ms = 5;
  double loss = 0;  // percent
  std::uint64_t seed = 1;
};

void Enter(const std::string& netns) {
  if (netns.empty()) return;
  const Fd fd(open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || setns(fd.get(), CLONE_NEWNET) != 0) DieErrno("cannot enter the namespace " + netns);
}

void RunIp(std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) Die("ip(8) failed");
}

// A TUN device in the namespace that we are in, up, with its address.
Fd OpenDevice(const std::string& name, const std::string& address) {
  Fd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) DieErrno("cannot open /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  name.copy(static_cast<char*>(request.ifr_name), IFNAMSIZ - 1);
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) DieErrno("cannot make the device " + name);
  const bool v6 = address.find(':') != std::string::npos;
  RunIp({"ip", "link", "set", name, "mtu", kMtu, "up"});
  if (v6) {
    RunIp({"ip", "addr", "add", address, "dev", name, "nodad"});
  } else {
    RunIp({"ip", "addr", "add", address, "dev", name});
  }
  return fd;
}

// What has come at `from` goes into `line`.
void Take(int from, DelayLine& line) {
  for (int i = 0; i < kTurn; ++i) {
    std::array<std::uint8_t, DelayLine::kMostOctets> unwanted;
    const std::span<std::uint8_t> room = line.Room();
    const ssize_t got = room.empty() ? read(from, unwanted.data(), unwanted.size())
                                     : read(from, room.data(), room.size());
    if (got <= 0) return;
    if (!room.empty()) line.Push(static_cast<std::size_t>(got), Now());
  }
}

// What is due leaves by `to`; the kernel drops what it cannot take.
void Give(int to, DelayLine& line) {
  for (int i = 0; i < kTurn && line.due() <= Now(); ++i) {
    const std::span<const std::uint8_t> packet = line.Front();
    [[maybe_unused]] const ssize_t done = write(to, packet.data(), packet.size());
    line.Pop();
  }
}

[[noreturn]] void Carry(const std::array<Fd, 2>& ends, const Options& options) {
  const auto delay = static_cast<std::uint64_t>(options.delay_ms * 1e6);
  std::array<DelayLine, 2> lines{DelayLine(delay, options.loss / 100, options.seed),
                                 DelayLine(delay, options.loss / 100, options.seed + 1)};
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    const std::uint64_t due = std::min(lines[0].due(), lines[1].due());
    const std::uint64_t now = Now();
    const std::uint64_t wait = due > now ? std::min<std::uint64_t>(due - now, 999'999'999) : 0;
    std::array<pollfd, 2> readable{pollfd{ends[0].get(), POLLIN, 0},
                                   pollfd{ends[1].get(), POLLIN, 0}};
    const timespec time{0, static_cast<long>(wait)};
    ppoll(readable.data(), readable.size(), &time, nullptr);
    for (std::size_t i = 0; i < 2; ++i) {
      if (readable[i].revents != 0) Take(ends[i].get(), lines[i]);
      Give(ends[1 - i].get(), lines[i]);
    }
  }
}

int Main(int argc, char** argv) {
  Options options;
  Flags flags("r64-delay: a wire with a delay between two network namespaces, until SIGTERM");
  flags.Text("--netns-a", options.netns[0], "one namespace (ip netns add); none: ours");
  flags.Text("--netns-b", options.netns[1], "the other", true);
  flags.Text("--address-a", options.address[0], "address/length at the one end", true);
  flags.Text("--address-b", options.address[1], "address/length at the other", true);
  flags.Text("--device", options.device, "name of the device at both ends (r64delay)");
  flags.Real("--delay-ms", options.delay_ms, "one way; a round trip takes twice as long");
  flags.Real("--loss", options.loss, "percent of the packets lost, each way");
  flags.Number("--seed", options.seed, "of the loss");
  int exit_code = 0;
  if (!flags.Parse(argc, argv, exit_code)) return exit_code;
  NoSlack();
  std::array<Fd, 2> ends;
  for (std::size_t i = 0; i < 2; ++i) {
    Enter(options.netns[i]);
    ends[i] = OpenDevice(options.device, options.address[i]);
  }
  Carry(ends, options);
}

}  // namespace
}  // namespace resolve64::bench

int main(int argc, char** argv) { return resolve64::bench::Main(argc, argv); }
