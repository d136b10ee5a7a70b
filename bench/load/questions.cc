#include "questions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <sstream>

#include "resolve64/message.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::bench {
namespace {

constexpr std::size_t kRandomLabelAt = Header::kSize + 1;  // after the label's length
constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";

void PutU16(std::vector<std::uint8_t>& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

struct Line {
  Name name;
  RrType type = RrType::kA;
  std::uint16_t flags = Header::kRd;
  bool do_bit = false;
};

std::optional<Line> ParseLine(const std::string& text) {
  std::istringstream words(text);
  std::string name;
  std::string type;
  words >> name >> type;
  const Result<Name> parsed = Name::Parse(name);
  const std::optional<RrType> rrtype = ParseRrType(type);
  if (!parsed || !rrtype) return std::nullopt;
  Line line;
  line.name = *parsed;
  line.type = *rrtype;
  for (std::string word; words >> word;) {
    if (word == "do") {
      line.do_bit = true;
    } else if (word == "cd") {
      line.flags |= Header::kCd;
    } else if (word == "ad") {
      line.flags |= Header::kAd;
    } else {
      return std::nullopt;
    }
  }
  return line;
}

}  // namespace

Result<Questions> Questions::Read(const std::string& path, const Rendering& rendering) {
  std::ifstream file(path);
  if (!file) return Error{Errc::kBadFile, "cannot read " + path};
  Questions made;
  made.seed_ = rendering.seed;
  made.random_labels_ = rendering.random_labels;
  std::string text;
  for (std::size_t number = 1; std::getline(file, text); ++number) {
    const std::size_t start = text.find_first_not_of(" \t\r");
    if (start == std::string::npos || text[start] == '#') continue;
    const auto bad = [&](const char* why) {
      return Error{Errc::kBadFile, path + ":" + std::to_string(number) + ": " + why};
    };
    std::optional<Line> line = ParseLine(text);
    if (!line) return bad("wants NAME TYPE [do] [cd] [ad]");
    if (line->do_bit && rendering.edns == 0) return bad("do needs EDNS");
    if (rendering.random_labels) {
      const Result<Name> longer = line->name.Prepend(std::string(kRandomLabel, 'a'));
      if (!longer) return bad("too long for a further label");
      line->name = *longer;
    }
    std::vector<std::uint8_t>& out = made.octets_;
    const std::size_t offset = out.size();
    const std::uint16_t additional = rendering.edns == 0 ? 0 : 1;
    for (const std::uint16_t word :
         std::initializer_list<std::uint16_t>{0, line->flags, 1, 0, 0, additional}) {
      PutU16(out, word);
    }
    out.insert(out.end(), line->name.wire().begin(), line->name.wire().end());
    PutU16(out, static_cast<std::uint16_t>(line->type));
    PutU16(out, 1);  // class IN
    const std::size_t question = out.size() - offset - Header::kSize;
    if (rendering.edns != 0) {
      out.push_back(0);
      PutU16(out, static_cast<std::uint16_t>(RrType::kOpt));
      PutU16(out, rendering.edns);
      PutU16(out, 0);
      PutU16(out, line->do_bit ? 0x8000 : 0);
      PutU16(out, 0);
    }
    const std::size_t length = out.size() - offset;
    made.longest_ = std::max(made.longest_, length);
    made.messages_.push_back({static_cast<std::uint32_t>(offset),
                              static_cast<std::uint16_t>(length),
                              static_cast<std::uint16_t>(question)});
  }
  if (made.messages_.empty()) return Error{Errc::kBadFile, path + " asks nothing"};
  return made;
}

void Questions::Randomize(std::uint64_t sequence, std::uint8_t* label) const noexcept {
  // The sequence is in the low bits: no label comes twice before 2^32 have come.
  std::uint64_t bits = (Mix(seed_, sequence) << 32) | (sequence & 0xFFFFFFFF);
  for (std::size_t i = 0; i < kRandomLabel; ++i, bits >>= 5) {
    label[i] = static_cast<std::uint8_t>(kDigits[bits & 31]);
  }
}

std::size_t Questions::Write(std::size_t line, std::uint16_t id, std::uint64_t sequence,
                             std::uint8_t* out) const noexcept {
  const Message& message = messages_[line];
  std::memcpy(out, octets_.data() + message.offset, message.length);
  out[0] = static_cast<std::uint8_t>(id >> 8);
  out[1] = static_cast<std::uint8_t>(id);
  if (random_labels_) Randomize(sequence, out + kRandomLabelAt);
  return message.length;
}

bool Questions::IsOf(std::size_t line, std::uint64_t sequence,
                     std::span<const std::uint8_t> reply) const noexcept {
  if (reply[4] == 0 && reply[5] == 0) return (reply[3] & 0xF) != 0;
  const Message& message = messages_[line];
  const std::uint8_t* question = octets_.data() + message.offset + Header::kSize;
  if (reply.size() < Header::kSize + message.question) return false;
  const std::uint8_t* theirs = reply.data() + Header::kSize;
  if (!random_labels_) return std::memcmp(question, theirs, message.question) == 0;
  std::array<std::uint8_t, kRandomLabel> label;
  Randomize(sequence, label.data());
  constexpr std::size_t kRest = 1 + kRandomLabel;
  return theirs[0] == kRandomLabel && std::memcmp(label.data(), theirs + 1, kRandomLabel) == 0 &&
         std::memcmp(question + kRest, theirs + kRest, message.question - kRest) == 0;
}

Order::Order(Kind kind, std::size_t lines, double skew, std::uint64_t seed)
    : kind_(kind), lines_(static_cast<std::uint32_t>(lines)), random_(seed) {
  if (kind != Kind::kZipf) return;
  std::vector<double> share(lines);
  double sum = 0;
  for (std::size_t i = 0; i < lines; ++i) sum += share[i] = std::pow(double(i + 1), -skew);
  for (double& each : share) each *= static_cast<double>(lines) / sum;
  slots_.assign(lines, Slot{1, 0});
  std::vector<std::uint32_t> less;
  std::vector<std::uint32_t> more;
  for (std::uint32_t i = 0; i < lines_; ++i) (share[i] < 1 ? less : more).push_back(i);
  while (!less.empty() && !more.empty()) {
    const std::uint32_t small = less.back();
    const std::uint32_t large = more.back();
    less.pop_back();
    slots_[small] = {static_cast<float>(share[small]), large};
    share[large] -= 1 - share[small];
    if (share[large] < 1) {
      more.pop_back();
      less.push_back(large);
    }
  }
}

bool Order::Next(std::uint32_t& line) noexcept {
  switch (kind_) {
    case Kind::kOnce:
      if (at_ == lines_) return false;
      line = at_++;
      return true;
    case Kind::kSequential:
      line = at_;
      at_ = at_ + 1 == lines_ ? 0 : at_ + 1;
      return true;
    case Kind::kRandom:
      line = random_.Below(lines_);
      return true;
    case Kind::kZipf:
      line = random_.Below(lines_);
      if (random_.Unit() >= static_cast<double>(slots_[line].keep)) line = slots_[line].alias;
      return true;
  }
  return false;
}

}  // namespace resolve64::bench
