// The profiles of all kinds but Apple's, which is a file of its own.
#include <string>
#include <string_view>
#include <vector>

#include "ctl/apple_profile.h"
#include "ctl/profile.h"
#include "ctl/qr_code.h"

namespace resolve64::ctl {
namespace {

using Transport = config::Listener::Transport;

Error Refused(std::string reason) { return Error{Errc::kRefused, std::move(reason)}; }

std::string ForView(const ProfileTarget& target) {
  return target.view.empty() ? "" : " (view \"" + target.view + "\")";
}

std::vector<std::string> Of(const ProfileTarget& target, bool v6) {
  std::vector<std::string> texts;
  for (const IpAddress& address : target.addresses) {
    if (address.is_v6() == v6) texts.push_back(address.ToText());
  }
  return texts;
}

// How a Linux host comes to believe a self-signed certificate. Each line begins with '#'.
std::string TrustSteps(const ProfileTarget& target) {
  if (target.self_signed_pem.empty()) return {};
  std::string text =
      "# Its certificate is self-signed. Before anything else, let this host trust it, as root:\n"
      "#   save the next lines, without the '#', as "
      "/usr/local/share/ca-certificates/resolve64.crt\n"
      "#   update-ca-certificates\n";
  std::string_view pem = target.self_signed_pem;
  while (!pem.empty()) {
    const std::size_t end = pem.find('\n');
    text += "#" + std::string(pem.substr(0, end)) + "\n";
    pem = end == std::string_view::npos ? std::string_view() : pem.substr(end + 1);
  }
  return text;
}

Result<Profile> Android(const ProfileTarget& target, bool colour) {
  if (target.name.empty()) {
    return Refused(
        "Android wants the name of a host, never an address, and the certificate holds no name: "
        "get "
        "one for a name");
  }
  if (!target.at_default_port()) {
    return Refused("Android uses port 853 only, and the resolver listens on " +
                   std::to_string(target.port) + ": add a listener with transport \"tls\" on 853");
  }
  if (!target.self_signed_pem.empty()) {
    return Refused(
        "Android takes a certificate from an authority that it trusts only, and this one is "
        "self-signed: get one for " +
        target.name + " and name it in tls.certificate and tls.key");
  }
  Profile profile;
  profile.text = "Private DNS on Android 9 and later" + ForView(target) +
                 R"(:

 1. Open Settings > Network & internet > Private DNS. Elsewhere it is under Connections > More
    connection settings; the search of the settings finds it.
 2. Choose "Private DNS provider hostname".
 3. Enter this name, then Save:

        )" + target.name +
                 R"(

It is on when the setting shows the name and pages open. "Couldn't connect": the phone does not
resolve the name, does not reach port 853, or does not trust the certificate.

The phone looks the name up in the network it is in, with what DHCP or a router says there. These
records must be found everywhere it goes:

)";
  for (const IpAddress& address : target.addresses) {
    profile.text += "        " + target.name + ".  " + (address.is_v6() ? "AAAA  " : "A     ") +
                    address.ToText() + "\n";
  }
  profile.text += "\nThe name as a code, to scan and paste:\n\n" + QrCode(target.name, colour);
  if (Of(target, true).empty()) {
    profile.notes.emplace_back(
        "no IPv6 address: a phone in a network with IPv6 alone does not reach this resolver");
  }
  return profile;
}

// In PowerShell's quotes nothing means anything but the quote itself.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

Result<Profile> Windows(const ProfileTarget& target) {
  if (!target.self_signed_pem.empty()) {
    return Refused(
        "Windows takes a certificate from an authority that it trusts only, and this one is "
        "self-signed: get one, and name it in tls.certificate and tls.key");
  }
  std::string list;
  Profile profile;
  std::string& text = profile.text;
  text = "# DNS over HTTPS on Windows 11" + ForView(target) +
         ".\n# Run in PowerShell as administrator. Get-NetAdapter shows the names of interfaces.\n"
         "$interface = 'Wi-Fi'\n";
  for (const IpAddress& address : target.addresses) {
    text += "Add-DnsClientDohServerAddress -ServerAddress '" + address.ToText() +
            "' -DohTemplate " + Quoted(target.Url()) +
            " -AllowFallbackToUdp $false -AutoUpgrade $true\n";
    list += (list.empty() ? "'" : ", '") + address.ToText() + "'";
  }
  text += "Set-DnsClientServerAddress -InterfaceAlias $interface -ServerAddresses (" + list +
          ")\nClear-DnsClientCache\n\n# Both show whether it is in use:\n"
          "Get-DnsClientDohServerAddress\nnetsh dns show encryption\n\n# To undo it:\n"
          "# Set-DnsClientServerAddress -InterfaceAlias $interface -ResetServerAddresses\n";
  for (const IpAddress& address : target.addresses) {
    text += "# Remove-DnsClientDohServerAddress -ServerAddress '" + address.ToText() + "'\n";
  }
  return profile;
}

Result<Profile> SystemdResolved(const ProfileTarget& target) {
  std::string servers;
  for (const IpAddress& address : target.addresses) {
    std::string server = address.ToText();
    if (!target.at_default_port()) {
      if (address.is_v6()) server.insert(0, "[").append("]");
      server += ":" + std::to_string(target.port);
    }
    if (!target.name.empty()) server += "#" + target.name;
    servers += (servers.empty() ? "" : " ") + server;
  }
  Profile profile;
  profile.text = "# DNS over TLS with systemd-resolved" + ForView(target) + ".\n" +
                 TrustSteps(target) +
                 "# Save as /etc/systemd/resolved.conf.d/resolve64.conf, then:\n"
                 "#   systemctl restart systemd-resolved\n"
                 "#   resolvectl query example.com     says \"encrypted transport: yes\"\n"
                 "[Resolve]\nDNS=" +
                 servers +
                 "\nFallbackDNS=\nDNSOverTLS=yes\nDomains=~.\n"
                 "# resolve64 validates. The addresses that it makes for NAT64 are in no signed "
                 "zone.\nDNSSEC=no\n";
  return profile;
}

Result<Profile> NetworkManager(const ProfileTarget& target) {
  if (!target.at_default_port()) {
    return Refused("NetworkManager uses port 853 only, and the resolver listens on " +
                   std::to_string(target.port));
  }
  const auto list = [&](bool v6) {
    std::string text;
    for (const std::string& address : Of(target, v6)) {
      text += (text.empty() ? "" : " ") + address + (target.name.empty() ? "" : "#" + target.name);
    }
    return text;
  };
  Profile profile;
  profile.text = "# DNS over TLS with NetworkManager" + ForView(target) +
                 ". It needs systemd-resolved, which does the asking.\n" + TrustSteps(target) +
                 "# `nmcli connection show` lists the connections.\n"
                 "connection=\"Wired connection 1\"\n"
                 "nmcli connection modify \"$connection\" connection.dns-over-tls yes \\\n"
                 "  ipv4.dns \"" +
                 list(false) + "\" ipv4.ignore-auto-dns yes \\\n  ipv6.dns \"" + list(true) +
                 "\" ipv6.ignore-auto-dns yes\nnmcli connection up \"$connection\"\n"
                 "resolvectl dns    # shows the addresses of above\n";
  return profile;
}

Result<Profile> Stubby(const ProfileTarget& target) {
  Profile profile;
  std::string& text = profile.text;
  text =
      "# DNS over TLS with stubby" + ForView(target) +
      ".\n# Save as /etc/stubby/stubby.yml, then: systemctl restart stubby, and let the host ask "
      "127.0.0.1.\n"
      "resolution_type: GETDNS_RESOLUTION_STUB\n"
      "dns_transport_list:\n  - GETDNS_TRANSPORT_TLS\n"
      "tls_authentication: GETDNS_AUTHENTICATION_REQUIRED\n"
      "tls_query_padding_blocksize: 128\n"
      "idle_timeout: 10000\n"
      "round_robin_upstreams: 0\n"
      "listen_addresses:\n  - 127.0.0.1\n  - 0::1\n"
      "upstream_recursive_servers:\n";
  for (const IpAddress& address : target.addresses) {
    text += "  - address_data: " + address.ToText() +
            "\n    tls_port: " + std::to_string(target.port) + "\n";
    if (target.self_signed_pem.empty() && !target.name.empty()) {
      text += "    tls_auth_name: \"" + target.name + "\"\n";
    } else {
      text +=
          "    tls_pubkey_pinset:\n      - digest: \"sha256\"\n        value: " + target.pin + "\n";
    }
  }
  if (!target.self_signed_pem.empty()) {
    profile.notes.emplace_back(
        "the certificate is self-signed: stubby knows it by its key, which stays when it is "
        "renewed");
  }
  return profile;
}

Result<Profile> Code(const ProfileTarget& target, bool colour) {
  if (target.name.empty()) {
    return Refused("the certificate holds no name of a host: there is nothing to scan");
  }
  const std::string text = target.transport == Transport::kTls ? target.name : target.Url();
  Profile profile;
  profile.text = QrCode(text, colour) + text + "\n";
  return profile;
}

}  // namespace

Result<Profile> MakeProfile(std::string_view kind, const ProfileTarget& target, bool colour) {
  if (kind == "apple") return AppleProfile(target);
  if (kind == "android") return Android(target, colour);
  if (kind == "windows") return Windows(target);
  if (kind == "systemd-resolved") return SystemdResolved(target);
  if (kind == "networkmanager") return NetworkManager(target);
  if (kind == "stubby") return Stubby(target);
  return Code(target, colour);
}

}  // namespace resolve64::ctl
