#include "first_answer.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <vector>

namespace resolve64::bench {
namespace {

constexpr std::uint64_t kEvery = 1'000'000;  // ns

}  // namespace

int FirstAnswer(const SocketAddress& server, const Questions& questions, const Sources& sources,
                std::uint64_t timeout) {
  const Fd fd = OpenSocket(server, SOCK_DGRAM, sources, 0);
  if (connect(fd.get(), server.get(), server.length) != 0) DieErrno("cannot connect");
  std::vector<std::uint8_t> question(questions.longest());
  std::array<std::uint8_t, 4096> answer;
  const std::uint64_t start = Now();
  std::uint64_t next = start;
  for (std::uint16_t id = 1;;) {
    const std::uint64_t now = Now();
    if (now - start > timeout) return 1;
    if (now >= next) {
      next += kEvery;
      // Where nobody listens yet the error of the last one comes back: it is asked again anyhow.
      const std::size_t length = questions.Write(0, id++, 0, question.data());
      if (send(fd.get(), question.data(), length, 0) < 0) continue;
    }
    pollfd readable{fd.get(), POLLIN, 0};
    const timespec wait{0, next > now ? static_cast<long>(next - now) : 0};
    ppoll(&readable, 1, &wait, nullptr);
    const ssize_t got = recv(fd.get(), answer.data(), answer.size(), 0);
    if (got < 12) continue;
    const int rcode = answer[3] & 0xF;
    if (rcode == 2 || rcode == 5) continue;
    if (!questions.IsOf(0, 0, {answer.data(), static_cast<std::size_t>(got)})) continue;
    const std::uint64_t end = Now();
    std::printf("{\"first_answer_ms\": %.3f, \"rcode\": %d, \"ad\": %d, \"at\": %.6f}\n",
                static_cast<double>(end - start) / 1e6, rcode, answer[3] >> 5 & 1,
                static_cast<double>(end) / 1e9);
    return 0;
  }
}

}  // namespace resolve64::bench
