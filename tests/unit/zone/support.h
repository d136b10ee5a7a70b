// The vocabulary of the zone tests.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/types.h"
#include "zone/local_zones.h"

namespace resolve64::zone {

using Strings = std::vector<std::string>;

inline Name N(std::string_view text) { return Name::Parse(text).value(); }

/// A file of one test, removed at its end.
class TempFile {
 public:
  explicit TempFile(std::string_view text) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    static int count = 0;
    path_ = testing::TempDir() + "resolve64_" + test->test_suite_name() + "_" + test->name() + "_" +
            std::to_string(++count) + ".zone";
    std::ofstream(path_) << text;
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// "www.example. 60 A 192.0.2.1", "example. 60 CNAME target.", "example. 60 TYPE16" for one RRset:
/// addresses and targets are written out, a line each record.
inline Strings Lines(const dns::Rrset& rrset) {
  Strings out;
  for (std::size_t i = 0; i < rrset.size(); ++i) {
    const auto rdata = rrset.rdata(i);
    std::string data;
    switch (rrset.type()) {
      case RrType::kA: {
        Ipv4 v4;
        std::copy(rdata.begin(), rdata.end(), v4.octets.begin());
        data = " " + ToText(v4);
        break;
      }
      case RrType::kAaaa: {
        Ipv6 v6;
        std::copy(rdata.begin(), rdata.end(), v6.octets.begin());
        data = " " + ToText(v6);
        break;
      }
      case RrType::kNs:
      case RrType::kCname:
      case RrType::kDname:
      case RrType::kPtr:
        data = " " + dns::TargetOf(rdata).ToText();
        break;
      default:
        break;
    }
    out.push_back(rrset.owner().ToText() + " " + std::to_string(rrset.ttl()) + " " +
                  ToText(rrset.type()) + data);
  }
  return out;
}

inline Strings Lines(const std::vector<dns::RrsetPtr>& rrsets) {
  Strings out;
  for (const auto& rrset : rrsets) {
    for (auto& line : Lines(*rrset)) out.push_back(std::move(line));
  }
  return out;
}

/// An answer as text: the RCODE, the answer section, "SOA owner ttl", "follow name"; "not local".
inline Strings Text(const std::optional<LocalAnswer>& answer) {
  if (!answer) return {"not local"};
  Strings out = {ToText(answer->rcode)};
  for (auto& line : Lines(answer->answer)) out.push_back(std::move(line));
  if (answer->soa) {
    out.push_back("SOA " + answer->soa->owner().ToText() + " " +
                  std::to_string(answer->soa->ttl()));
  }
  if (answer->follow) out.push_back("follow " + answer->follow->ToText());
  return out;
}

inline Strings Ask(const LocalZones& zones, std::string_view name, RrType type) {
  return Text(zones.Find(N(name), type));
}

/// REQUIRES: nothing is wrong with them.
inline std::shared_ptr<const LocalZones> Load(const LocalZonesOptions& options) {
  auto loaded = LocalZones::Load(options);
  EXPECT_EQ(loaded.errors, Strings{});
  return loaded.zones;
}

}  // namespace resolve64::zone
