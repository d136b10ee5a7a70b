#include "config/values.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace resolve64::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};

// Largest first: texts are written with the largest that divides.
constexpr std::array<Unit, 4> kSizes = {
    {{"TiB", 1LL << 40U}, {"GiB", 1LL << 30U}, {"MiB", 1LL << 20U}, {"KiB", 1LL << 10U}}};
constexpr std::array<Unit, 5> kTimes = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

template <std::size_t N>
std::optional<std::int64_t> Parse(std::string_view text, const std::array<Unit, N>& units) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.size) return std::nullopt;
    return number * unit.size;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string Write(std::int64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.size == 0) {
      return std::to_string(value / unit.size) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

// "-", "_" and letter case do not tell words apart here.
std::string Folded(std::string_view text) {
  std::string folded;
  for (const char c : text) {
    if (c != '-' && c != '_') {
      folded += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return folded;
}

// How many letters must be changed, put in or taken out (Levenshtein).
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// The locale has no say in these.
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

std::optional<std::int64_t> ParseSize(std::string_view text) { return Parse(text, kSizes); }
std::optional<std::int64_t> ParseTime(std::string_view text) { return Parse(text, kTimes); }
std::string SizeToText(std::int64_t octets) { return Write(octets, kSizes); }
std::string TimeToText(std::int64_t milliseconds) {
  return milliseconds == 0 ? "0s" : Write(milliseconds, kTimes);
}

std::optional<std::int64_t> ParseMoment(std::string_view text) {
  // 0 stands for a digit.
  static constexpr std::array<std::string_view, 3> kShapes = {"0000-00-00", "0000-00-00T00:00:00Z",
                                                              "00000000000000"};
  const auto fits = [&](std::string_view shape) {
    return std::equal(
        text.begin(), text.end(), shape.begin(), shape.end(),
        [](char c, char wanted) { return wanted == '0' ? c >= '0' && c <= '9' : c == wanted; });
  };
  if (std::none_of(kShapes.begin(), kShapes.end(), fits)) return std::nullopt;
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c >= '0' && c <= '9'; });
  digits.resize(14, '0');  // a day begins at midnight
  const auto number = [&](std::size_t from, std::size_t size) {
    unsigned value = 0;
    std::from_chars(digits.data() + from, digits.data() + from + size, value);
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(4, 2)),
                                        std::chrono::day(number(6, 2)));
  const unsigned hour = number(8, 2);
  const unsigned minute = number(10, 2);
  const unsigned second = number(12, 2);
  if (!day.ok() || day.year() < std::chrono::year(1970) || hour > 23 || minute > 59 ||
      second > 59) {
    return std::nullopt;
  }
  const std::chrono::sys_seconds moment = std::chrono::sys_days(day) + std::chrono::hours(hour) +
                                          std::chrono::minutes(minute) +
                                          std::chrono::seconds(second);
  return moment.time_since_epoch().count();
}

std::optional<std::vector<Network>> ParseClients(std::string_view text) {
  if (text == "private") return PrivateNetworks();
  if (text == "any") return std::vector{*Network::Parse("0.0.0.0/0"), *Network::Parse("::/0")};
  auto network = Network::Parse(text);
  if (!network) return std::nullopt;
  return std::vector{*network};
}

bool IsViewName(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '-' || c == '_';
  });
}

std::optional<std::string> HostName(std::string_view text) {
  constexpr std::size_t kLongestName = 253;
  constexpr std::size_t kLongestLabel = 63;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kLongestName) return std::nullopt;
  std::string name;
  bool is_number = false;  // the last label: then it is an address, or was meant to be one
  for (std::string_view rest = text;;) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    if (label.empty() || label.size() > kLongestLabel || label.front() == '-' ||
        label.back() == '-') {
      return std::nullopt;
    }
    is_number = std::all_of(label.begin(), label.end(), IsDigit);
    for (const char c : label) {
      if (!IsLetter(c) && !IsDigit(c) && c != '-') return std::nullopt;
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (label.size() == rest.size()) break;
    name += '.';
    rest.remove_prefix(label.size() + 1);
  }
  if (is_number) return std::nullopt;
  return name;
}

bool IsUrlPath(std::string_view text) {
  constexpr std::string_view kOthers = "-._~!$&'()*+,;=:@/";
  if (!text.starts_with('/')) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !IsHexDigit(text[i + 1]) || !IsHexDigit(text[i + 2])) {
        return false;
      }
    } else if (!IsLetter(c) && !IsDigit(c) && kOthers.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::string_view Nearest(std::string_view text, const std::vector<std::string_view>& known) {
  constexpr std::size_t kLongest = 64;  // a longer word is no slip of the keyboard
  if (text.size() > kLongest) return {};
  const std::string folded = Folded(text);
  std::string_view nearest;
  std::size_t least = 2 + std::min<std::size_t>(folded.size() / 4, 2);
  for (const std::string_view candidate : known) {
    const std::string other = Folded(candidate);
    const bool part =
        folded.size() >= 4 && (other.starts_with(folded) || folded.starts_with(other));
    // So many letters at least are to be put in or taken out.
    const std::size_t apart =
        std::max(folded.size(), other.size()) - std::min(folded.size(), other.size());
    if (!part && apart >= least) continue;
    const std::size_t distance = part ? 1 : Distance(folded, other);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

bool Covers(const Network& outer, const Network& inner) {
  return outer.bits() <= inner.bits() && outer.Contains(inner.base());
}

}  // namespace resolve64::config
