// What resolve64 tells its operator, on standard error: one line, one event.
//
//     warn net cannot bind address=192.0.2.1@53 reason="Address already in use"
//
// Levels: `error`, someone must act now; `warn`, soon; `info`, the life of the program; `debug`,
// the steps of a request. The area is the folder that speaks. What a stranger can cause is never an
// error, and goes through LogLimited().
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace resolve64 {

class RateLimit;

enum class LogLevel : std::uint8_t { kError, kWarn, kInfo, kDebug };
enum class LogFormat : std::uint8_t { kText, kJson };

/// A key, which is ours, and a value, which may be a stranger's: it is escaped when written.
using LogField = std::pair<std::string_view, std::string>;

/// "error", "warn", "info", "debug".
std::string_view ToText(LogLevel level) noexcept;
/// The inverse of ToText(). Empty for another text.
std::optional<LogLevel> ParseLogLevel(std::string_view text) noexcept;

/// Without a call the level is info and the format text. Call it before there are threads.
void InitLog(LogLevel level, LogFormat format);
/// Any thread.
void SetLogLevel(LogLevel level) noexcept;
/// True where a message of this level would be written: ask it before building costly fields. Any
/// thread.
bool LogEnabled(LogLevel level) noexcept;

/// Writes one line where `level` is enabled. Any thread.
void Log(LogLevel level, std::string_view area, std::string_view message,
         std::initializer_list<LogField> fields = {});

/// Log() for what a stranger can cause: silent where `limit` says so; the next line that passes
/// then has a field `suppressed`, the number of those that did not.
void LogLimited(RateLimit& limit, LogLevel level, std::string_view area, std::string_view message,
                std::initializer_list<LogField> fields = {});

/// The line without its end; of JSON the members, without the braces and the time around them.
/// Text: a value is quoted where it is empty or holds a space, a quote or '='; octets outside
/// printing ASCII are written \xHH (JSON: \u00HH), so that no value can start a line of its own or
/// drive a terminal.
std::string FormatLogLine(LogFormat format, LogLevel level, std::string_view area,
                          std::string_view message, std::span<const LogField> fields);

}  // namespace resolve64
