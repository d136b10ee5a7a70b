#include "ctl/translate.h"

#include <istream>
#include <optional>
#include <ostream>

#include "resolve64/ip.h"
#include "resolve64/prefix.h"
#include "resolve64/result.h"

namespace resolve64::ctl {
namespace {

constexpr int kDone = 0;
constexpr int kRefused = 1;

std::optional<std::vector<Prefix>> ParsePrefixes(const std::vector<std::string>& texts,
                                                 std::ostream& err) {
  std::vector<Prefix> prefixes;
  for (const std::string& text : texts) {
    const Result<Prefix> prefix = Prefix::Parse(text);
    if (!prefix) {
      err << text << ": " << prefix.error().text << "\n";
      return std::nullopt;
    }
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

std::string Listed(const std::vector<Prefix>& prefixes) {
  std::string text;
  for (const Prefix& prefix : prefixes) text += (text.empty() ? "" : ", ") + prefix.ToText();
  return text;
}

int DecodeOne(const std::string& text, const std::vector<Prefix>& prefixes, bool named,
              std::ostream& out, std::ostream& err) {
  const Result<Ipv6> address = ParseIpv6(text);
  if (!address) {
    err << text << ": no IPv6 address\n";
    return kRefused;
  }
  bool found = false;
  for (const Prefix& prefix : prefixes) {
    const std::optional<Ipv4> inside = prefix.Extract(*address);
    if (!inside) continue;
    found = true;
    out << ToText(*address) << "  " << ToText(*inside) << "  " << prefix.ToText() << "\n";
  }
  if (found) return kDone;
  err << ToText(*address) << ": not under " << Listed(prefixes)
      << (named ? "" : "; --prefix names another NAT64 prefix") << "\n";
  return kRefused;
}

}  // namespace

int Decode(const std::vector<std::string>& addresses, const std::vector<std::string>& prefix_texts,
           std::istream& in, std::ostream& out, std::ostream& err) {
  std::optional<std::vector<Prefix>> prefixes = ParsePrefixes(prefix_texts, err);
  if (!prefixes) return kRefused;
  const bool named = !prefixes->empty();
  if (!named) prefixes->push_back(Prefix::WellKnown());
  int code = kDone;
  const auto decode = [&](const std::string& text) {
    if (DecodeOne(text, *prefixes, named, out, err) != kDone) code = kRefused;
  };
  for (const std::string& text : addresses) decode(text);
  if (!addresses.empty()) return code;
  for (std::string line; std::getline(in, line);) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos) continue;
    decode(line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin));
  }
  return code;
}

int Encode(const std::string& text, const std::vector<std::string>& prefix_texts, std::ostream& out,
           std::ostream& err) {
  const std::optional<std::vector<Prefix>> prefixes = ParsePrefixes(prefix_texts, err);
  if (!prefixes) return kRefused;
  const Result<Ipv4> address = ParseIpv4(text);
  if (!address) {
    err << text << ": no IPv4 address\n";
    return kRefused;
  }
  for (const Prefix& prefix : *prefixes) {
    out << ToText(prefix.Embed(*address)) << "\n";
    if (prefix.is_well_known() && IsNonGlobal(*address)) {
      err << "warning: " << ToText(*address)
          << " is not globally reachable and may not be used under 64:ff9b::/96 (RFC 6052 section "
             "3.1)\n";
    }
  }
  return kDone;
}

}  // namespace resolve64::ctl
