// Values of the configuration that are text: sizes, times, networks, names of views.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resolve64/ip.h"

namespace resolve64::config {

/// "64KiB", "64MiB", "64GiB" as octets; empty where it is no size.
std::optional<std::int64_t> ParseSize(std::string_view text);

/// "300ms", "10s", "1m", "1h", "7d" as milliseconds; empty where it is no time.
std::optional<std::int64_t> ParseTime(std::string_view text);

/// The shortest text with a unit that divides it.
std::string SizeToText(std::int64_t octets);
std::string TimeToText(std::int64_t milliseconds);

/// "2026-12-31", "2026-12-31T12:00:00Z" or "20261231120000", all UTC, as seconds since 1970; empty
/// where it is none, or a date that is in no calendar. Years 1970 to 9999.
std::optional<std::int64_t> ParseMoment(std::string_view text);

/// A network, or the networks that "private" and "any" stand for; empty where it is neither.
std::optional<std::vector<Network>> ParseClients(std::string_view text);

/// Letters, digits, `-` and `_`, 63 at most: a view can be a label of a domain name.
bool IsViewName(std::string_view text);

/// A name that a host can have (RFC 1123 section 2.1), in lower case and without the final dot;
/// empty where `text` is none.
std::optional<std::string> HostName(std::string_view text);

/// The path of a URL (RFC 3986 section 3.3), from its first "/" on.
bool IsUrlPath(std::string_view text);

/// The word of `known` that `text` was perhaps meant to be; empty where none is near.
std::string_view Nearest(std::string_view text, const std::vector<std::string_view>& known);

/// Every address of `inner` is in `outer`.
bool Covers(const Network& outer, const Network& inner);

}  // namespace resolve64::config
