// Every key of the configuration, once: the reader, the JSON Schema and the reference follow it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resolve64::config {

/// The forms that a value can have; a key may allow several.
enum Form : std::uint32_t {
  kNull = 1U << 0U,
  kBool = 1U << 1U,
  kObject = 1U << 2U,
  kMap = 1U << 3U,       ///< an object whose keys are view names
  kList = 1U << 4U,      ///< from `min` to `max` items
  kCount = 1U << 5U,     ///< a whole number from `min` to `max`
  kSize = 1U << 6U,      ///< octets or "64MiB", from `min` to `max` octets
  kTime = 1U << 7U,      ///< seconds or "300ms", from `min` to `max` milliseconds
  kSeconds = 1U << 8U,   ///< the same in whole seconds; `min` and `max` are milliseconds
  kWord = 1U << 9U,      ///< one of `words`
  kText = 1U << 10U,     ///< any text that is not empty
  kPath = 1U << 11U,     ///< a path, absolute or relative to the file
  kAddress = 1U << 12U,  ///< an IPv4 or IPv6 address
  kIpv6 = 1U << 13U,
  kEndpoint = 1U << 14U,  ///< an address, or address@port
  kNetwork4 = 1U << 15U,
  kNetwork6 = 1U << 16U,
  kClients = 1U << 17U,  ///< a network of either family, "private" or "any"
  kName = 1U << 18U,     ///< a domain name
  kPrefix = 1U << 19U,   ///< a NAT64 prefix (RFC 6052 section 2.2)
  kViewName = 1U << 20U,
  kMoment = 1U << 21U,  ///< a point in time, UTC: "2026-12-31"
  kHost = 1U << 22U,    ///< a host name or an address
  kLastForm = kHost,
};

/// One key. The pattern is a JSON pointer with * for the place in a list and for a view's name. The
/// fields are in the order in which a row of the table is read.
struct Key {  // NOLINT(clang-analyzer-optin.performance.Padding)
  std::string_view pattern = {};
  std::uint32_t forms = 0;
  std::string_view fallback = {};   ///< the default as JSON; empty where there is none
  std::string_view available = {};  ///< values that this build has, as JSON parted by |; empty: all
  std::string_view meaning = {};    ///< one line, in Markdown
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view words = {};  ///< parted by |
  bool required = false;
};

/// In `Key::available`: no value of the key is available.
inline constexpr std::string_view kNothing = "-";

/// All keys, in the order of the reference; a parent comes before what is in it. "dns64" in a view
/// has no keys of its own: its keys are those of /dns64.
std::span<const Key> Keys();

/// The key of a pattern; null where there is none. /views/*/dns64/... is looked up as /dns64/...
const Key* FindKey(std::string_view pattern);

/// The keys right inside the object of that pattern.
std::vector<const Key*> KeysIn(std::string_view pattern);

/// "a|b" as its parts.
std::vector<std::string_view> Parts(std::string_view parted);

/// What the value of a key may be, in words: "a whole number from 1 to 65535".
std::string Expectation(const Key& key);

}  // namespace resolve64::config
