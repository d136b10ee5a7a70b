#include "zone/root_hints.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "dns/rrset.h"
#include "zone/zone_file.h"

namespace resolve64::zone {
namespace {

constexpr std::uint16_t kPort = 53;

struct Hint {
  const char* name;
  const char* v4;
  const char* v6;
};

// https://www.iana.org/domains/root/servers
constexpr std::array kHints = {
    Hint{"a.root-servers.net.", "198.41.0.4", "2001:503:ba3e::2:30"},
    Hint{"b.root-servers.net.", "170.247.170.2", "2801:1b8:10::b"},
    Hint{"c.root-servers.net.", "192.33.4.12", "2001:500:2::c"},
    Hint{"d.root-servers.net.", "199.7.91.13", "2001:500:2d::d"},
    Hint{"e.root-servers.net.", "192.203.230.10", "2001:500:a8::e"},
    Hint{"f.root-servers.net.", "192.5.5.241", "2001:500:2f::f"},
    Hint{"g.root-servers.net.", "192.112.36.4", "2001:500:12::d0d"},
    Hint{"h.root-servers.net.", "198.97.190.53", "2001:500:1::53"},
    Hint{"i.root-servers.net.", "192.36.148.17", "2001:7fe::53"},
    Hint{"j.root-servers.net.", "192.58.128.30", "2001:503:c27::2:30"},
    Hint{"k.root-servers.net.", "193.0.14.129", "2001:7fd::1"},
    Hint{"l.root-servers.net.", "199.7.83.42", "2001:500:9f::42"},
    Hint{"m.root-servers.net.", "202.12.27.33", "2001:dc3::35"},
};

std::vector<RootServer> FromTable() {
  std::vector<RootServer> servers;
  servers.reserve(kHints.size());
  for (const Hint& hint : kHints) {
    servers.emplace_back(Name::Parse(hint.name).value(),
                         std::vector<Endpoint>{Endpoint{ParseIpv4(hint.v4).value(), kPort},
                                               Endpoint{ParseIpv6(hint.v6).value(), kPort}});
  }
  return servers;
}

std::optional<IpAddress> AddressOf(const Record& record) {
  if (record.type == RrType::kA) {
    Ipv4 v4;
    if (record.rdata.size() != v4.octets.size()) return std::nullopt;
    std::ranges::copy(record.rdata, v4.octets.begin());
    return IpAddress(v4);
  }
  if (record.type == RrType::kAaaa) {
    Ipv6 v6;
    if (record.rdata.size() != v6.octets.size()) return std::nullopt;
    std::ranges::copy(record.rdata, v6.octets.begin());
    return IpAddress(v6);
  }
  return std::nullopt;
}

}  // namespace

const std::vector<RootServer>& BuiltinRootHints() {
  static const std::vector<RootServer> servers = FromTable();
  return servers;
}

Result<std::vector<RootServer>> ReadRootHints(const std::string& path) {
  const ZoneFileText text = ReadZoneFile(path, Name());
  if (!text.problems.empty()) return Error{Errc::kBadFile, ToText(path, text.problems.front())};

  std::vector<RootServer> servers;
  const auto find = [&](const Name& name) {
    return std::ranges::find_if(servers, [&](const RootServer& s) { return s.name == name; });
  };
  for (const Record& record : text.records) {
    if (record.type != RrType::kNs || !record.owner.is_root()) continue;
    const Name target = dns::TargetOf(record.rdata);
    if (find(target) == servers.end()) servers.emplace_back(target, std::vector<Endpoint>{});
  }
  for (const Record& record : text.records) {
    const auto address = AddressOf(record);
    const auto server = find(record.owner);
    if (!address || server == servers.end()) continue;
    const Endpoint endpoint{*address, kPort};
    if (std::ranges::find(server->addresses, endpoint) == server->addresses.end()) {
      server->addresses.push_back(endpoint);
    }
  }
  std::erase_if(servers, [](const RootServer& server) { return server.addresses.empty(); });
  if (servers.empty()) {
    return Error{Errc::kBadFile, path + ": no NS record of the root with an address"};
  }
  return servers;
}

}  // namespace resolve64::zone
