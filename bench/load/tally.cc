#include "tally.h"

#include <algorithm>
#include <cstdio>

#include "resolve64/types.h"

namespace resolve64::bench {
namespace {

// `value` with three digits behind the point, as JSON wants it.
std::string Real(double value) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

double Share(double of, std::uint64_t by) { return by == 0 ? 0 : of / static_cast<double>(by); }

std::string Microseconds(std::uint64_t ns) { return Real(static_cast<double>(ns) / 1000); }

}  // namespace

void Tally::Count(std::span<const std::uint8_t> message, std::size_t length,
                  std::uint64_t ns) noexcept {
  ++answered;
  octets += length;
  latency.Add(ns);
  ++rcodes[message[3] & 0xF];
  if (message[6] != 0 || message[7] != 0) ++with_answer;
  if ((message[2] & 0x02) != 0) ++tc;
  if ((message[3] & 0x20) != 0) ++ad;
}

std::string Tally::ToJson() const {
  const double seconds =
      last_answer > first_sent ? static_cast<double>(last_answer - first_sent) / 1e9 : 0;
  std::string text = "{";
  const auto member = [&text](const char* name, const std::string& value) {
    if (text.back() != '{') text += ", ";
    text += '"' + std::string(name) + "\": " + value;
  };
  member("sent", std::to_string(sent));
  member("answered", std::to_string(answered));
  member("lost", std::to_string(lost));
  member("strange", std::to_string(strange));
  member("seconds", Real(seconds));
  member("qps", Real(seconds > 0 ? static_cast<double>(answered) / seconds : 0));
  text += ", \"latency_us\": {";
  member("p50", Microseconds(latency.At(0.5)));
  member("p90", Microseconds(latency.At(0.9)));
  member("p99", Microseconds(latency.At(0.99)));
  member("p999", Microseconds(latency.At(0.999)));
  member("max", Microseconds(latency.max()));
  member("mean", Real(latency.mean() / 1000));
  text += "}, \"rcodes\": {";
  for (std::size_t i = 0; i < rcodes.size(); ++i) {
    if (rcodes[i] == 0) continue;
    member(ToText(static_cast<Rcode>(i)).c_str(), std::to_string(rcodes[i]));
  }
  text += "}";
  member("octets_mean", Real(Share(static_cast<double>(octets), answered)));
  member("with_answer", std::to_string(with_answer));
  member("ad", std::to_string(ad));
  member("tc", std::to_string(tc));
  member("reopened", std::to_string(reopened));
  member("cpu_us_per_query", Real(Share(static_cast<double>(cpu) / 1000, answered)));
  for (const auto& [name, value] : more) member(name.c_str(), value);
  return text + "}\n";
}

}  // namespace resolve64::bench
