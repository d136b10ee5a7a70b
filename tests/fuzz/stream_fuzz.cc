// DNS messages on a stream: however the octets come in pieces, and whenever the answers are ready,
// the same messages are asked, each once, and each reply goes out framed.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "fuzz/check.h"
#include "server/dns_session.h"

namespace {

using namespace resolve64;
using namespace resolve64::server;
using fuzz::Check;
using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kLengthPrefix = 2;

// A connection that answers each question with itself: at once, or when it is told to.
class Echo final : public Link, public std::enable_shared_from_this<Echo> {
 public:
  explicit Echo(bool at_once) : at_once_(at_once) {}

  bool Answer(std::span<const std::uint8_t> /*message*/,
              std::vector<std::uint8_t>& /*out*/) override {
    return false;
  }
  void Ask(std::span<const std::uint8_t> message, const std::shared_ptr<ReplyPath>& path) override {
    asked.emplace_back(message.begin(), message.end());
    if (at_once_) {
      path->Reply(Peer(), asked.back());
    } else {
      later_.push_back({asked.back(), path});
    }
  }
  std::shared_ptr<void> Keep() override { return shared_from_this(); }
  void Wake() noexcept override {}
  net::Scheduler& scheduler() noexcept override { return scheduler_; }

  // False where nothing is left to answer. The last one first: replies may come in any order.
  bool Answer() {
    if (later_.empty()) return false;
    const Waiting one = later_.back();
    later_.pop_back();
    one.path->Reply(Peer(), one.message);
    return true;
  }

  std::vector<Octets> asked;

 private:
  struct Waiting {
    Octets message;
    std::shared_ptr<ReplyPath> path;
  };
  bool at_once_;
  std::deque<Waiting> later_;
  ManualClock clock_;
  net::Scheduler scheduler_{clock_};
};

// What stands in a stream, read in one piece.
std::vector<Octets> MessagesIn(std::span<const std::uint8_t> stream) {
  std::vector<Octets> messages;
  while (stream.size() >= kLengthPrefix) {
    const std::size_t length = static_cast<std::size_t>(stream[0]) << 8 | stream[1];
    if (stream.size() < kLengthPrefix + length) break;
    const auto message = stream.subspan(kLengthPrefix, length);
    messages.emplace_back(message.begin(), message.end());
    stream = stream.subspan(kLengthPrefix + length);
  }
  return messages;
}

void Send(DnsSession& session, Octets& sent) {
  for (;;) {
    Octets some;
    session.Output(some, sent.max_size());
    if (some.empty()) return;
    sent.insert(sent.end(), some.begin(), some.end());
  }
}

}  // namespace

// The first octet: how many octets come at a time, and in its highest bit whether answers wait.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool at_once = (data[0] & 0x80) == 0;
  const std::size_t piece = 1 + (data[0] & 0x7FU);
  const std::span<const std::uint8_t> stream(data + 1, size - 1);

  const auto link = std::make_shared<Echo>(at_once);
  DnsSession session(*link);
  Octets sent;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    Check(session.Take(stream.subspan(at, std::min(piece, stream.size() - at))),
          "octets break no protocol that is lengths alone");
    if (session.has_room()) continue;
    // A connection reads on only when something was answered and sent.
    link->Answer();
    Send(session, sent);
  }
  do {
    Send(session, sent);
  } while (link->Answer());
  Send(session, sent);

  std::vector<Octets> expected = MessagesIn(stream);
  Check(link->asked == expected, "every message is asked, once, in its order");
  Check(session.questions() == expected.size(), "and counted");
  Check(session.idle(), "nothing is left");
  std::vector<Octets> replies = MessagesIn(sent);
  std::size_t octets = 0;
  for (const Octets& reply : replies) octets += kLengthPrefix + reply.size();
  Check(octets == sent.size(), "what is sent is whole messages");
  // A reply without octets is silence.
  std::erase_if(expected, [](const Octets& message) { return message.empty(); });
  std::sort(expected.begin(), expected.end());
  std::sort(replies.begin(), replies.end());
  Check(replies == expected, "each question has one reply");
  session.InputEnded();
  Check(session.ended(), "and then it ends");
  return 0;
}
