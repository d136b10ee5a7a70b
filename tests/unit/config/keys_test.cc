// The table of keys, the reader, the JSON Schema and the reference say the same.
#include "config/keys.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "reference.h"
#include "support.h"

namespace resolve64::config {
namespace {

using Json = nlohmann::json;

constexpr char kSchemaFile[] = R64_SOURCE_DIR "/etc/resolve64.schema.json";
constexpr char kReferenceFile[] = R64_SOURCE_DIR "/docs/configuration.md";

// After a change of the table: R64_WRITE_REFERENCE=1 unit_config --gtest_filter='Reference.*'
bool ShouldWrite() { return std::getenv("R64_WRITE_REFERENCE") != nullptr; }

void HoldTogether(const std::string& path, const std::string& wanted) {
  if (ShouldWrite()) std::ofstream(path, std::ios::binary) << wanted;
  EXPECT_EQ(FileText(path), wanted) << path << " and src/config/keys.cc differ";
}

// What is required inside the items of a list.
const Json& Company(std::string_view pattern) {
  static const std::map<std::string, Json, std::less<>> kCompany = {
      {"/listen/*", {{"address", "192.0.2.1"}}},
      {"/dns64/prefixes/*", {{"prefix", "2001:db8:0:64::/64"}}},
      {"/dns64/prefixes/*/probe", {{"address", "192.0.2.1"}}},
      {"/root_hints/*", {{"name", "a.root.example"}, {"addresses", {"192.0.2.1"}}}},
      {"/forward/*", {{"zone", "example"}, {"servers", {"192.0.2.1"}}}},
      {"/forward/*/servers/*", {{"address", "192.0.2.1"}}},
      {"/stub/*", {{"zone", "example"}, {"servers", {"192.0.2.1"}}}},
      {"/zones/*", {{"zone", "example"}, {"file", "lab.zone"}}},
      {"/dnssec/insecure/*", {{"name", "example"}}},
      {"/tls/certificates/*", {{"certificate", "empty.json"}, {"key", "empty.json"}}},
      {"/cache/shared", {{"url", "redis://[::1]:6379"}}},
      {"/admin/http", {{"address", "::1"}}},
  };
  static const Json kNone = Json::object();
  const auto found = kCompany.find(pattern);
  return found == kCompany.end() ? kNone : found->second;
}

// What a key needs beside it, for it to be allowed at all.
const Json& Partner(std::string_view pattern) {
  static const std::map<std::string, Json, std::less<>> kPartners = {
      {"/listen/*/path", {{"transport", "https"}}},
      {"/forward/*/servers/*/name", {{"transport", "tls"}}},
      {"/tls/certificate", {{"key", "empty.json"}}},
      {"/tls/key", {{"certificate", "empty.json"}}},
  };
  static const Json kNone = Json::object();
  const auto found = kPartners.find(pattern);
  return found == kPartners.end() ? kNone : found->second;
}

// Where a value has to stand so that its key is the only one given, but for what is required
// around it.
Json Around(std::string_view pattern, Json value) {
  const Json* partner = value.is_null() ? nullptr : &Partner(pattern);
  while (!pattern.empty()) {
    const std::size_t slash = pattern.rfind('/');
    const std::string key(pattern.substr(slash + 1));
    pattern = pattern.substr(0, slash);
    if (key == "*" && pattern != "/views") {
      value = Json::array({value});
      continue;
    }
    Json object = Company(pattern);
    object[key == "*" ? "lab" : key] = value;
    if (partner != nullptr) object.update(*partner);
    partner = nullptr;
    value = object;
  }
  return value;
}

// Where Around() puts the value.
Json::json_pointer Place(std::string_view pattern) {
  std::string pointer;
  for (std::string_view rest = pattern.substr(1); !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    pointer += "/" + std::string(part != "*" ? part : pointer == "/views" ? "lab" : "0");
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  }
  return Json::json_pointer(pointer);
}

Json Without(Json text, const Json::json_pointer& place) {
  text[place.parent_pointer()].erase(place.back());
  return text;
}

// Values that differ from the default, for the forms where no rule finds one.
Json Sample(const Key& key) {
  static const std::map<std::string_view, Json> kSamples = {
      {"/listen/*/address", "192.0.2.7"},
      {"/listen/*/view", "lab"},
      {"/listen", {{{"address", "192.0.2.8"}}}},
      {"/run_as", nullptr},
      {"/access/allow", {"192.0.2.0/24"}},
      {"/access/refuse", {"192.0.2.0/24"}},
      {"/dns64/prefixes", {"2001:db8:64::/96"}},
      {"/dns64/prefixes/*/suffix", "::1"},
      {"/dns64/prefixes/*/for_a", {"192.0.2.0/24"}},
      {"/dns64/exclude_aaaa", Json::array()},
      {"/dns64/exclude_a", {"192.0.2.0/24"}},
      {"/dns64/foreign_prefixes", {"2001:db8::/32"}},
      {"/dns64/exempt_names", {"example"}},
      {"/dns64/always_synthesize_names", {"example"}},
      {"/dns64/append_names", {"example"}},
      {"/views", {{"lab", Json::object()}}},
      {"/views/*/clients", {"private"}},
      {"/views/*/dns64", {{"hide_a", true}}},
      {"/dnssec/trust_anchors", {". IN DS 20326 8 2 00"}},
      {"/dnssec/trust_anchors/*", ". IN DS 20326 8 2 00"},
      {"/dnssec/insecure", {"example"}},
      {"/dnssec/insecure/*", {{"name", "example"}, {"until", "2999-12-31"}}},
      {"/root_hints", {{{"name", "a.root.example"}, {"addresses", {"192.0.2.1"}}}}},
      {"/root_hints/*/addresses", {"192.0.2.53"}},
      {"/forward", {{{"zone", "example"}, {"servers", {"192.0.2.1"}}}}},
      {"/forward/*/servers", {"192.0.2.9"}},
      {"/stub", {{{"zone", "example"}, {"servers", {"192.0.2.1"}}}}},
      {"/stub/*/servers", {"192.0.2.9"}},
      {"/zones", {{{"zone", "example"}, {"file", "lab.zone"}}}},
      {"/zones/*/file", "empty.json"},
      {"/builtin_zones", false},
      {"/builtin_zones/except", {"test"}},
      {"/upstream/source_addresses", {"192.0.2.1"}},
      {"/upstream/tls_authorities", "lab.zone"},
      {"/listen/*/path", "/other"},
      {"/listen/*/proxy_protocol", {"192.0.2.0/24"}},
      {"/tls/certificate", "lab.zone"},
      {"/tls/key", "lab.zone"},
      {"/tls/certificates", {{{"certificate", "empty.json"}, {"key", "empty.json"}}}},
      {"/tls/certificates/*/certificate", "lab.zone"},
      {"/tls/certificates/*/key", "lab.zone"},
      {"/tls/names", {"dns.example"}},
      {"/tls/ticket_keys", "lab.zone"},
      {"/cookies/secrets", "lab.zone"},
  };
  if (const auto found = kSamples.find(key.pattern); found != kSamples.end()) return found->second;
  const Json fallback = key.fallback.empty() ? Json() : Json::parse(key.fallback);
  if ((key.forms & kBool) != 0) return !fallback.get<bool>();
  if ((key.forms & (kCount | kSize)) != 0) return key.min + 1;
  if ((key.forms & (kTime | kSeconds)) != 0) {
    return key.max / 1000 - 1;
  }
  const auto available = Parts(key.available);
  for (const std::string_view word : Parts(key.words)) {
    const std::string quoted = '"' + std::string(word) + '"';
    const bool is_available = available.empty() || std::find(available.begin(), available.end(),
                                                             quoted) != available.end();
    if (is_available && Json(word) != fallback) return word;
  }
  if ((key.forms & kPath) != 0) return "other.example";
  if ((key.forms & kMoment) != 0) return "2998-12-31";
  if ((key.forms & kPrefix) != 0) return "2001:db8:64::/96";
  if ((key.forms & kEndpoint) != 0) return "192.0.2.99@5353";
  if ((key.forms & (kAddress | kClients | kNetwork4)) != 0) return "192.0.2.99";
  if ((key.forms & kNetwork6) != 0) return "2001:db8:99::/48";
  if ((key.forms & kName) != 0) return "other.example";
  return "other";
}

// Nothing to choose: one value or none is available, or it is only there for editors.
bool IsFixed(const Key& key) {
  return (!key.available.empty() && Parts(key.available).size() == 1) || key.pattern == "/$schema";
}

// Below a key of which this build has nothing but "off".
bool IsOutOfReach(std::string_view pattern) {
  for (std::size_t at = pattern.rfind('/'); at != 0 && at != std::string_view::npos;
       at = pattern.rfind('/')) {
    pattern = pattern.substr(0, at);
    if (IsFixed(*FindKey(pattern))) return true;
  }
  return false;
}

TEST(Reference, SchemaIsWhatTheTableSays) { HoldTogether(kSchemaFile, SchemaText()); }

TEST(Reference, TablesAreWhatTheTableSays) {
  HoldTogether(kReferenceFile, WithTables(FileText(kReferenceFile)));
}

TEST(Reference, HasEveryKeyOnce) {
  const std::string reference = FileText(kReferenceFile);
  for (const Key& key : Keys()) {
    if (key.pattern.ends_with("/*")) continue;
    const std::string row = "\n| `" + Dotted(key.pattern) + "` |";
    const std::size_t first = reference.find(row);
    EXPECT_NE(first, std::string::npos) << key.pattern << " is not in the reference";
    EXPECT_EQ(reference.find(row, first + 1), std::string::npos) << key.pattern << " twice";
  }
}

TEST(Keys, StandAfterTheirParentAndOnce) {
  std::set<std::string_view> seen = {""};
  for (const Key& key : Keys()) {
    EXPECT_TRUE(seen.contains(key.pattern.substr(0, key.pattern.rfind('/')))) << key.pattern;
    EXPECT_TRUE(seen.insert(key.pattern).second) << key.pattern;
    EXPECT_NE(key.forms, 0U) << key.pattern;
    EXPECT_FALSE(key.meaning.empty()) << key.pattern;
    if ((key.forms & kList) != 0) {
      EXPECT_NE(FindKey(std::string(key.pattern) + "/*"), nullptr) << key.pattern;
    }
  }
}

TEST(Keys, DefaultsWrittenOutAreWhatAnEmptyFileGives) {
  const ReadResult empty = Read("{}");
  ASSERT_TRUE(empty.config);
  EXPECT_EQ(*empty.config, Config());
  EXPECT_TRUE(empty.warnings.empty());
  Json all = Json::object();
  for (const Key& key : Keys()) {
    if (key.fallback.empty() || key.pattern.find('*') != std::string_view::npos) continue;
    if (key.pattern == "/builtin_zones/except") continue;  // inside the other form of its parent
    if (IsOutOfReach(key.pattern)) continue;
    const Json value = Json::parse(key.fallback);
    all.merge_patch(Around(key.pattern, value));
    if (value.is_null()) all[Json::json_pointer(std::string(key.pattern))] = nullptr;
  }
  ReadResult written = Read(all.dump(2));
  ASSERT_EQ(Texts(written.errors), Lines());
  EXPECT_EQ(Texts(written.warnings), Lines());
  Config config = *written.config;
  EXPECT_TRUE(config.run_as.written);
  config.run_as.written = false;
  EXPECT_EQ(config, Config());
}

TEST(Keys, DefaultsInsideListsAreWhatLeavingThemOutGives) {
  int compared = 0;
  for (const Key& key : Keys()) {
    if (key.fallback.empty() || key.pattern.find('*') == std::string_view::npos) continue;
    if (IsOutOfReach(key.pattern)) continue;
    const Json with = Around(key.pattern, Json::parse(key.fallback));
    const Json less = Without(with, Place(key.pattern));
    const ReadResult written = Read(with.dump());
    const ReadResult left_out = Read(less.dump());
    ASSERT_EQ(Texts(written.errors), Lines()) << key.pattern;
    ASSERT_EQ(Texts(left_out.errors), Lines()) << key.pattern;
    EXPECT_EQ(*written.config, *left_out.config) << key.pattern;
    ++compared;
  }
  EXPECT_GE(compared, 9);
}

// Covers: T3
TEST(Keys, NoneIsReadAndThenIgnored) {
  for (const Key& key : Keys()) {
    if (IsFixed(key) || IsOutOfReach(key.pattern)) continue;
    // The keys of an object come by themselves.
    if (key.forms == kObject && key.pattern != "/views/*/dns64") continue;
    Json text = Around(key.pattern, Sample(key));
    if (key.pattern == "/listen/*/view") text["views"]["lab"] = Json::object();
    // The same without it, or without its list; with another value where it must be there.
    std::string_view changed = key.pattern;
    if (changed.ends_with("/*")) changed.remove_suffix(2);
    Json other = Without(text, Place(changed));
    if (FindKey(changed)->required) {
      const auto place = Place(changed);
      other[place] = Company(changed.substr(0, changed.rfind('/'))).at(place.back());
    } else if (changed == "/tls/certificate" || changed == "/tls/key") {
      other[Place(changed)] = "empty.json";
    }
    const ReadResult result = Read(text.dump());
    const ReadResult baseline = Read(other.dump());
    ASSERT_EQ(Texts(result.errors), Lines()) << key.pattern << " in " << text;
    ASSERT_EQ(Texts(baseline.errors), Lines()) << key.pattern << " in " << other;
    EXPECT_NE(*result.config, *baseline.config) << key.pattern << " in " << text;
  }
}

TEST(Keys, WhatThisBuildDoesNotHaveIsRefusedAndItsAbsenceIsNot) {
  int refused = 0;
  for (const Key& key : Keys()) {
    if (key.available.empty() || IsOutOfReach(key.pattern)) continue;
    for (const std::string_view value : Parts(key.available)) {
      if (value == kNothing) continue;
      const std::string text = Around(key.pattern, Json::parse(value)).dump();
      EXPECT_EQ(Errors(text), Lines()) << text;
    }
    Json other;
    if ((key.forms & kBool) != 0) {
      other = true;
    } else if ((key.forms & kList) != 0 && (key.forms & kWord) == 0) {
      other = Json::array({"192.0.2.1"});
    } else if ((key.forms & kObject) != 0) {
      other = Json::object();
    } else if ((key.forms & kCount) != 0) {
      other = key.max;
    } else if ((key.forms & kTime) != 0 || (key.forms & kSeconds) != 0) {
      other = 1;
    } else {
      const auto words = Parts(key.words);
      other = words.empty() ? "other" : std::string(words.back());
    }
    const std::string text = Around(key.pattern, other).dump();
    const ReadResult result = Read(text);
    ASSERT_FALSE(result.errors.empty()) << text;
    EXPECT_EQ(result.errors[0].message.find("not available in this build"), 0U)
        << result.errors[0].ToText();
    ++refused;
  }
  EXPECT_GE(refused, 18);
}

TEST(Keys, RangesHoldAtBothEnds) {
  for (const Key& key : Keys()) {
    const bool count = (key.forms & (kCount | kSize)) != 0;
    const bool time = (key.forms & (kTime | kSeconds)) != 0;
    if ((!count && !time) || !key.available.empty() || IsOutOfReach(key.pattern)) continue;
    const double unit = time ? 1000 : 1;
    const auto number = [&](std::int64_t value) {
      return count ? Json(value) : Json(static_cast<double>(value) / unit);
    };
    const auto whole = [&](std::int64_t value) {
      return (key.forms & kSeconds) != 0 ? Json(value / 1000) : number(value);
    };
    const std::int64_t step = (key.forms & kSeconds) != 0 ? 1000 : 1;
    // A least TTL needs a greatest that is not below it.
    const auto read = [&](const Json& value) {
      Json text = Around(key.pattern, value);
      if (key.pattern == "/cache/max_ttl") text["cache"]["min_ttl"] = 0;
      return Errors(text.dump());
    };
    EXPECT_EQ(read(whole(key.min)), Lines()) << key.pattern;
    EXPECT_EQ(read(whole(key.max)), Lines()) << key.pattern;
    EXPECT_EQ(read(whole(key.min - step)).size(), 1U) << key.pattern;
    EXPECT_EQ(read(whole(key.max + step)).size(), 1U) << key.pattern;
  }
}

TEST(Keys, EveryFormIsAskedForByName) {
  for (const Key& key : Keys()) EXPECT_FALSE(Expectation(key).empty()) << key.pattern;
  EXPECT_EQ(Expectation(*FindKey("/workers")), "\"auto\" or a whole number from 1 to 1024");
  EXPECT_EQ(Expectation(*FindKey("/upstream/timeout")), "a time from 500ms to 1m");
  EXPECT_EQ(Expectation(*FindKey("/cache/size")), "a size from 1MiB to 1TiB");
}

TEST(Keys, OfAViewAreThoseOfDns64) {
  EXPECT_EQ(FindKey("/views/*/dns64/prefixes/*/for_a"), FindKey("/dns64/prefixes/*/for_a"));
  EXPECT_NE(FindKey("/views/*/dns64"), FindKey("/dns64"));
  EXPECT_EQ(FindKey("/views/*/dns64x"), nullptr);
  EXPECT_EQ(FindKey("/dns64/prefix"), nullptr);
}

}  // namespace
}  // namespace resolve64::config
