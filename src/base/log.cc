#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "base/rate_limit.h"

namespace resolve64 {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"error", "warn", "info", "debug"};

// The line is made here, spdlog writes it whole and one at a time. It also adds the time to JSON;
// text goes without, as whoever collects it (the journal, a container) has its own.
struct State {
  State() : logger("resolve64", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    // Levels are decided before a line is made.
    logger.set_level(spdlog::level::trace);
    SetFormat(LogFormat::kText);
  }

  void SetFormat(LogFormat wanted) {
    format = wanted;
    const char* pattern =
        wanted == LogFormat::kText ? "%v" : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";
    logger.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  }

  spdlog::logger logger;
  std::atomic<LogFormat> format{LogFormat::kText};
};

State& GlobalState() {
  // Never destroyed: other static objects may still log while the process ends.
  static State& state = *new State;
  return state;
}

std::atomic<LogLevel> global_level{LogLevel::kInfo};

constexpr bool IsPrinting(char c) { return c >= 0x20 && c < 0x7f; }

void AppendHex(char c, std::string& line) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto octet = static_cast<std::uint8_t>(c);
  line += kDigits[octet >> 4];
  line += kDigits[octet & 15];
}

void AppendText(std::string_view text, std::string& line) {
  for (const char c : text) {
    if (IsPrinting(c)) {
      line += c;
    } else {
      line += "\\x";
      AppendHex(c, line);
    }
  }
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || std::any_of(value.begin(), value.end(), [](char c) {
           return c == ' ' || c == '"' || c == '=' || !IsPrinting(c);
         });
}

// Inside quotes alone a backslash is doubled: names are full of them, and stay readable without.
void AppendTextValue(std::string_view value, std::string& line) {
  if (!NeedsQuotes(value)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    AppendText({&c, 1}, line);
  }
  line += '"';
}

void AppendJson(std::string_view text, std::string& line) {
  line += '"';
  for (const char c : text) {
    if (!IsPrinting(c)) {
      line += "\\u00";
      AppendHex(c, line);
      continue;
    }
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
  line += '"';
}

void AppendJsonMember(std::string_view key, std::string_view value, std::string& line) {
  AppendJson(key, line);
  line += ':';
  AppendJson(value, line);
}

void Write(LogLevel level, std::string_view area, std::string_view message,
           std::span<const LogField> fields) {
  State& state = GlobalState();
  const std::string line = FormatLogLine(state.format, level, area, message, fields);
  state.logger.log(spdlog::level::info, spdlog::string_view_t(line));
}

}  // namespace

std::string_view ToText(LogLevel level) noexcept {
  return kLevelNames[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> ParseLogLevel(std::string_view text) noexcept {
  const auto* found = std::find(kLevelNames.begin(), kLevelNames.end(), text);
  if (found == kLevelNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLevelNames.begin());
}

void InitLog(LogLevel level, LogFormat format) {
  SetLogLevel(level);
  GlobalState().SetFormat(format);
}

void SetLogLevel(LogLevel level) noexcept { global_level = level; }

bool LogEnabled(LogLevel level) noexcept {
  return level <= global_level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view area, std::string_view message,
         std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  Write(level, area, message, {fields.begin(), fields.size()});
}

void LogLimited(RateLimit& limit, LogLevel level, std::string_view area, std::string_view message,
                std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const auto suppressed = limit.Take();
  if (!suppressed) return;
  std::vector<LogField> all(fields);
  if (*suppressed > 0) all.emplace_back("suppressed", std::to_string(*suppressed));
  Write(level, area, message, all);
}

std::string FormatLogLine(LogFormat format, LogLevel level, std::string_view area,
                          std::string_view message, std::span<const LogField> fields) {
  std::string line;
  if (format == LogFormat::kText) {
    line += ToText(level);
    line += ' ';
    AppendText(area, line);
    line += ' ';
    AppendText(message, line);
    for (const auto& [key, value] : fields) {
      line += ' ';
      AppendText(key, line);
      line += '=';
      AppendTextValue(value, line);
    }
    return line;
  }
  AppendJsonMember("level", ToText(level), line);
  line += ',';
  AppendJsonMember("area", area, line);
  line += ',';
  AppendJsonMember("message", message, line);
  for (const auto& [key, value] : fields) {
    line += ',';
    AppendJsonMember(key, value, line);
  }
  return line;
}

}  // namespace resolve64
