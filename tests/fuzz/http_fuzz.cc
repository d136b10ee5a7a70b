// DNS over HTTPS: the header of a request, how long a reply keeps, and what comes on a connection.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "fuzz/check.h"
#include "net/scheduler.h"
#include "resolve64/message.h"
#include "server/http_request.h"
#include "server/http_session.h"

namespace {

using resolve64::ManualClock;
using resolve64::fuzz::Check;
using resolve64::net::Scheduler;
using resolve64::server::FreshnessOf;
using resolve64::server::HttpFields;
using resolve64::server::HttpHead;
using resolve64::server::HttpSession;
using resolve64::server::kMaxHttpTarget;
using resolve64::server::Link;
using resolve64::server::Peer;
using resolve64::server::ReadHead;
using resolve64::server::ReplyPath;

using Octets = std::vector<std::uint8_t>;

constexpr std::string_view kPath = "/dns-query";
constexpr std::uint64_t kMaxCompared = 50;  // questions

// Answers every question at once: with itself as a reply, or with silence.
class Echo final : public Link {
 public:
  bool Answer(std::span<const std::uint8_t> /*message*/,
              std::vector<std::uint8_t>& /*out*/) override {
    return false;
  }
  void Ask(std::span<const std::uint8_t> message, const std::shared_ptr<ReplyPath>& path) override {
    Octets reply;
    if (message.size() >= resolve64::Header::kSize) {
      reply.assign(message.begin(), message.end());
      reply[2] |= 0x80;
    }
    ++asked;
    path->Reply(Peer(), std::move(reply));
  }
  std::shared_ptr<void> Keep() override { return keep_; }
  void Wake() noexcept override {}
  Scheduler& scheduler() noexcept override { return scheduler_; }

  std::uint64_t asked = 0;

 private:
  ManualClock clock_;
  Scheduler scheduler_{clock_};
  std::shared_ptr<int> keep_ = std::make_shared<int>(0);
};

std::string_view NextLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

std::string Encode(std::span<const std::uint8_t> octets) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  for (std::size_t bit = 0; bit < octets.size() * 8; bit += 6) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 6; ++i) {
      const unsigned octet = i / 8 < octets.size() ? octets[i / 8] : 0U;
      digit = digit << 1 | (octet >> (7 - i % 8) & 1);
    }
    text += kAlphabet[digit];
  }
  return text;
}

void CheckHeader(std::string_view text) {
  HttpFields fields;
  for (const char* name :
       {":method", ":path", "content-type", "content-encoding", "content-length"}) {
    fields.Set(name, NextLine(text));
  }
  const HttpHead head = ReadHead(fields, kPath);
  switch (head.kind) {
    case HttpHead::Kind::kGet:
      Check(fields.method == "GET" || fields.method == "HEAD", "GET and HEAD carry a question");
      Check(("&" + fields.target.substr(kPath.size() + 1) + "&")
                    .find("&dns=" + Encode(head.message) + "&") != std::string::npos,
            "a question has one spelling");
      [[fallthrough]];
    case HttpHead::Kind::kPost:
      Check(head.refusal.status == 0, "a question is not refused");
      Check(fields.target.size() <= kMaxHttpTarget && fields.target.starts_with(kPath),
            "a question is at the path");
      break;
    case HttpHead::Kind::kRefused:
      Check(head.refusal.status >= 400 && head.refusal.status < 500, "a refusal has a status");
      Check(!head.refusal.text.empty() && head.refusal.text.back() == '\n', "and says why");
      Check(head.message.empty(), "and has no question");
      break;
  }
}

struct Outcome {
  std::uint64_t questions = 0;
  bool alive = true;  // the client did nothing that ends a connection
};

// Gives the octets as a connection does, `piece` at a time.
Outcome Talk(std::span<const std::uint8_t> octets, std::size_t piece) {
  Echo link;
  HttpSession session(link, std::string(kPath));
  Outcome outcome;
  Octets sent;
  while (!octets.empty() && outcome.alive) {
    const auto part = octets.first(std::min(piece, octets.size()));
    octets = octets.subspan(part.size());
    outcome.alive = session.Take(part);
    session.Output(sent, SIZE_MAX / 2);
    Check(session.idle(), "nothing is left when everything was answered and sent");
    Check(outcome.alive || session.ended(), "a breach ends it");
    outcome.alive = !session.ended();
  }
  outcome.questions = session.questions();
  Check(link.asked <= outcome.questions, "what is asked was a question");
  session.Finish();
  session.Output(sent, SIZE_MAX / 2);
  session.InputEnded();  // until then a closed window could be opened
  Check(session.ended(), "what is finished, answered and cannot be sent has ended");
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> octets(data, size);
  CheckHeader({reinterpret_cast<const char*>(data), size});
  if (const auto seconds = FreshnessOf(octets)) {
    Check(*seconds <= 0x7FFFFFFF, "a reply keeps for the life of a TTL");
  }
  const Outcome whole = Talk(octets, SIZE_MAX);
  const Outcome pieces = Talk(octets, 1);
  // More streams than may be open at once are refused, and how many are depends on the pieces.
  const bool comparable = whole.alive && pieces.alive && whole.questions < kMaxCompared;
  Check(!comparable || whole.questions == pieces.questions,
        "it does not matter how octets are cut into pieces");
  return 0;
}
