#include "dnssec/rollover_file.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/file.h"

namespace resolve64::dnssec {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxFile = std::size_t{4} << 20U;  // octets
constexpr std::size_t kMaxZones = 1000;

std::string ToHex(const KeyOctets& octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 0x0FU];
  }
  return text;
}

std::optional<KeyOctets> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  KeyOctets octets;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    octets.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return octets;
}

json HexList(const std::vector<KeyOctets>& list) {
  json texts = json::array();
  for (const KeyOctets& one : list) texts.push_back(ToHex(one));
  return texts;
}

//--- Reading ---

// Each is empty where the member is missing, or is something else.

std::optional<std::string> Text(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

std::optional<std::int64_t> Number(const json& object, const char* key, std::int64_t most) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number_integer()) return std::nullopt;
  const auto number = at->get<std::int64_t>();
  if (number < 0 || number > most) return std::nullopt;
  return number;
}

std::optional<std::vector<KeyOctets>> ReadHexList(const json& object, const char* key,
                                                  std::size_t most) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_array() || at->size() > most) return std::nullopt;
  std::vector<KeyOctets> list;
  for (const json& item : *at) {
    if (!item.is_string()) return std::nullopt;
    auto octets = FromHex(item.get<std::string>());
    if (!octets) return std::nullopt;
    list.push_back(*std::move(octets));
  }
  return list;
}

constexpr std::int64_t kLastSecond = 253402300799;  // of the year 9999

std::optional<TrackedKey> ReadKey(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto hex = Text(object, "dnskey");
  const auto state_text = Text(object, "state");
  const auto since = Number(object, "since", kLastSecond);
  const auto until = Number(object, "until", kLastSecond);
  auto vouchers = ReadHexList(object, "vouchers", TrustPoint::kMaxKeys);
  if (!hex || !state_text || !since || !until || !vouchers) return std::nullopt;
  auto rdata = FromHex(*hex);
  const auto state = ParseKeyState(*state_text);
  if (!rdata || !state) return std::nullopt;
  const auto key = Dnskey::Read(*rdata);
  if (!key || !key->zone_key() || key->revoked()) return std::nullopt;
  return TrackedKey{*std::move(rdata), *state, *since, *until, *std::move(vouchers)};
}

std::optional<TrustPointState> ReadPoint(const json& object) {
  if (!object.is_object()) return std::nullopt;
  const auto zone_text = Text(object, "zone");
  auto configured = ReadHexList(object, "configured", 1000);
  const auto seen = Number(object, "seen", kLastSecond);
  const auto next_query = Number(object, "next_query", kLastSecond);
  const auto ttl = Number(object, "original_ttl", std::numeric_limits<std::uint32_t>::max());
  const auto lifetime = Number(object, "signature_lifetime", kLastSecond);
  const auto keys = object.find("keys");
  if (!zone_text || !configured || !seen || !next_query || !ttl || !lifetime ||
      keys == object.end() || !keys->is_array() || keys->size() > TrustPoint::kMaxKeys * 2) {
    return std::nullopt;
  }
  const Result<Name> zone = Name::Parse(*zone_text);
  if (!zone) return std::nullopt;
  TrustPointState state;
  state.zone = *zone;
  state.configured = *std::move(configured);
  state.seen = *seen;
  state.next_query = *next_query;
  state.original_ttl = static_cast<std::uint32_t>(*ttl);
  state.signature_lifetime = *lifetime;
  for (const json& item : *keys) {
    auto key = ReadKey(item);
    if (!key) return std::nullopt;
    state.keys.push_back(*std::move(key));
  }
  return state;
}

}  // namespace

std::string ToJson(const std::vector<TrustPointState>& states) {
  json zones = json::array();
  for (const TrustPointState& state : states) {
    json keys = json::array();
    for (const TrackedKey& key : state.keys) {
      keys.push_back({{"tag", key.tag()},
                      {"dnskey", ToHex(key.rdata)},
                      {"state", ToText(key.state)},
                      {"since", key.since},
                      {"until", key.until},
                      {"vouchers", HexList(key.vouchers)}});
    }
    zones.push_back({{"zone", state.zone.ToText()},
                     {"configured", HexList(state.configured)},
                     {"seen", state.seen},
                     {"next_query", state.next_query},
                     {"original_ttl", state.original_ttl},
                     {"signature_lifetime", state.signature_lifetime},
                     {"keys", std::move(keys)}});
  }
  return json{{"version", kVersion}, {"zones", std::move(zones)}}.dump(2) + "\n";
}

Result<std::vector<TrustPointState>> ParseState(std::string_view text) {
  const Error wrong{Errc::kBadFile, "not what resolve64 writes there"};
  const json all = json::parse(text, nullptr, false);
  if (!all.is_object() || Number(all, "version", kVersion) != kVersion) return wrong;
  const auto zones = all.find("zones");
  if (zones == all.end() || !zones->is_array() || zones->size() > kMaxZones) return wrong;
  std::vector<TrustPointState> states;
  for (const json& item : *zones) {
    auto state = ReadPoint(item);
    if (!state) return wrong;
    states.push_back(*std::move(state));
  }
  return states;
}

Result<std::vector<TrustPointState>> ReadStateFile(const std::string& path) {
  const Result<std::optional<std::string>> text = ReadSmallFile(path, kMaxFile);
  if (!text) return text.error();
  if (!*text) return std::vector<TrustPointState>();
  auto states = ParseState(**text);
  if (!states) return Error{Errc::kBadFile, path + ": " + states.error().text};
  return states;
}

}  // namespace resolve64::dnssec
