#include "ctl/apple_profile.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace resolve64::ctl {
namespace {

using Transport = config::Listener::Transport;

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// Writes a property list, tag by tag.
class Plist {
 public:
  void Open(std::string_view tag) {
    Line("<" + std::string(tag) + ">");
    ++depth_;
  }
  void Close(std::string_view tag) {
    --depth_;
    Line("</" + std::string(tag) + ">");
  }
  void Key(std::string_view key) { Line("<key>" + std::string(key) + "</key>"); }
  void String(std::string_view text) { Line("<string>" + Escaped(text) + "</string>"); }
  void Text(std::string_view key, std::string_view value) {
    Key(key);
    String(value);
  }
  void Integer(std::string_view key, int value) {
    Key(key);
    Line("<integer>" + std::to_string(value) + "</integer>");
  }
  void Line(const std::string& line) { text_ += std::string(depth_, '\t') + line + "\n"; }
  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  std::size_t depth_ = 0;
};

// The base64 of a PEM text, a line each.
std::vector<std::string_view> Base64Lines(std::string_view pem) {
  std::vector<std::string_view> lines;
  while (!pem.empty()) {
    const std::size_t end = pem.find('\n');
    const std::string_view line = pem.substr(0, end);
    if (!line.empty() && !line.starts_with("-----")) lines.push_back(line);
    pem = end == std::string_view::npos ? std::string_view() : pem.substr(end + 1);
  }
  return lines;
}

// What every payload has.
void Describe(Plist& plist, std::string_view type, const std::string& identifier,
              std::string_view name) {
  plist.Text("PayloadType", type);
  plist.Integer("PayloadVersion", 1);
  plist.Text("PayloadIdentifier", identifier);
  plist.Text("PayloadUUID", UuidOf(identifier));
  plist.Text("PayloadDisplayName", name);
}

void AddDns(Plist& plist, const ProfileTarget& target, const std::string& identifier,
            const std::string& name) {
  plist.Open("dict");
  Describe(plist, "com.apple.dnsSettings.managed", identifier + ".dns", name);
  plist.Key("DNSSettings");
  plist.Open("dict");
  if (target.transport == Transport::kTls) {
    plist.Text("DNSProtocol", "TLS");
    plist.Text("ServerName", target.name);
  } else {
    plist.Text("DNSProtocol", "HTTPS");
    plist.Text("ServerURL", target.Url());
  }
  plist.Key("ServerAddresses");
  plist.Open("array");
  for (const IpAddress& address : target.addresses) plist.String(address.ToText());
  plist.Close("array");
  plist.Close("dict");
  plist.Close("dict");
}

void AddCertificate(Plist& plist, const ProfileTarget& target, const std::string& identifier) {
  plist.Open("dict");
  Describe(plist, "com.apple.security.root", identifier + ".certificate",
           "Certificate of " + target.name);
  plist.Text("PayloadCertificateFileName", "resolve64.cer");
  plist.Key("PayloadContent");
  plist.Line("<data>");
  for (const std::string_view line : Base64Lines(target.self_signed_pem)) {
    plist.Line(std::string(line));
  }
  plist.Line("</data>");
  plist.Close("dict");
}

}  // namespace

std::string UuidOf(std::string_view text) {
  // 6ba7b810-9dad-11d1-80b4-00c04fd430c8 (RFC 9562 section 6.6)
  constexpr std::array<std::uint8_t, 16> kDnsNamespace = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad,
                                                          0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0,
                                                          0x4f, 0xd4, 0x30, 0xc8};
  std::vector<std::uint8_t> octets(kDnsNamespace.begin(), kDnsNamespace.end());
  octets.insert(octets.end(), text.begin(), text.end());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(octets.data(), octets.size(), digest.data(), &size, EVP_sha1(), nullptr);
  digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0f) | 0x50);
  digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3f) | 0x80);
  std::string uuid;
  for (std::size_t i = 0; i < 16; ++i) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += kDigits[digest[i] >> 4U];
    uuid += kDigits[digest[i] & 15U];
  }
  return uuid;
}

Result<Profile> AppleProfile(const ProfileTarget& target) {
  const bool tls = target.transport == Transport::kTls;
  if (target.name.empty()) {
    return Error{
        Errc::kRefused,
        "a profile of Apple names the host, and the certificate holds no name: get one for "
        "a name"};
  }
  if (tls && !target.at_default_port()) {
    return Error{Errc::kRefused,
                 "Apple's devices use port 853 only for DNS over TLS, and the "
                 "resolver listens on " +
                     std::to_string(target.port) +
                     ": add a listener on 853, or use "
                     "--transport https"};
  }
  const std::string view = target.view.empty() ? "" : " (" + target.view + ")";
  const std::string name = (tls ? "DNS over TLS: " : "DNS over HTTPS: ") + target.name + view;
  const std::string identifier = "resolve64." + target.name + (tls ? ".tls" : ".https") +
                                 (target.view.empty() ? "" : "." + target.view);
  Plist plist;
  plist.Line(R"(<?xml version="1.0" encoding="UTF-8"?>)");
  plist.Line(
      R"(<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">)");
  plist.Line(R"(<plist version="1.0">)");
  plist.Open("dict");
  Describe(plist, "Configuration", identifier, name);
  plist.Text("PayloadDescription", "Asks " + target.name + " for names, encrypted.");
  plist.Key("PayloadContent");
  plist.Open("array");
  AddDns(plist, target, identifier, name);
  if (!target.self_signed_pem.empty()) AddCertificate(plist, target, identifier);
  plist.Close("array");
  plist.Close("dict");
  plist.Line("</plist>");

  Profile profile;
  profile.text = plist.Take();
  profile.notes.emplace_back(
      "open the file on the device, then install it: Settings > General > VPN & Device Management; "
      "on a Mac System Settings > General > Device Management");
  if (!target.self_signed_pem.empty()) {
    profile.notes.emplace_back(
        "the certificate is self-signed and goes along: trust it under Settings > General > About "
        "> "
        "Certificate Trust Settings, on a Mac in Keychain Access; a device that does not offer "
        "that "
        "needs a certificate from an authority");
  }
  return profile;
}

}  // namespace resolve64::ctl
