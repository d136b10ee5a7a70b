#include "config/config.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace resolve64::config {

const std::vector<Network>& PrivateNetworks() {
  static const std::vector<Network> networks = [] {
    std::vector<Network> all;
    for (const std::string_view text :
         {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
          "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"}) {
      all.push_back(*Network::Parse(text));
    }
    return all;
  }();
  return networks;
}

Access::Access() : allow(PrivateNetworks()) {}

Config::Config() : listen{{*IpAddress::Parse("::1"), 53}, {*IpAddress::Parse("127.0.0.1"), 53}} {}

std::string Diagnostic::ToText() const {
  std::string text = file;
  if (line > 0) text += ":" + std::to_string(line) + ":" + std::to_string(column);
  for (const std::string* part : {&pointer, &found, &message}) {
    if (!part->empty()) text += ": " + *part;
  }
  // A key or a file name may hold anything: one diagnostic stays one line.
  std::string printable;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet != 0x7F) {
      printable += c;
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(octet));
    printable += escape;
  }
  return printable;
}

}  // namespace resolve64::config
