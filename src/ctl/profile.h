// What a phone or a laptop needs to use this resolver, encrypted: a ready profile, or the exact
// steps.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "net/certificate.h"
#include "resolve64/ip.h"
#include "resolve64/result.h"

namespace resolve64::ctl {

/// The kinds of profile, in the order in which they are listed, each with a line about it.
struct ProfileKind {
  std::string_view name;
  std::string_view about;
};
std::span<const ProfileKind> ProfileKinds();

/// What the user asks for.
struct ProfileRequest {
  std::string kind;
  std::string view;  ///< empty: the listeners that no view is bound to
  std::string name;  ///< empty: the first in the certificate
  std::optional<config::Listener::Transport> transport;  ///< empty: the one that suits the kind
  std::vector<IpAddress> addresses;                      ///< empty: those that are listened on
};

/// The service that a profile leads to. Everything in it is checked against the certificate.
struct ProfileTarget {
  config::Listener::Transport transport = config::Listener::Transport::kTls;
  std::string name;  ///< empty where only addresses are certified
  std::vector<IpAddress> addresses;
  std::uint16_t port = 0;
  std::string path;  ///< of HTTPS
  std::string view;
  std::string pin;              ///< base64 (RFC 7858 section 4.2)
  std::string self_signed_pem;  ///< the certificate; empty where an authority issued it

  /// "https://dns.example.net/dns-query".
  [[nodiscard]] std::string Url() const;
  [[nodiscard]] bool at_default_port() const noexcept {
    return port == config::DefaultPort(transport);
  }
};

/// A profile, and what to say about it.
struct Profile {
  std::string text;
  std::vector<std::string> notes;  ///< a line each
};

/// The target for that request. kRefused, with the reason and what to do, where it cannot work: no
/// such listener, one that others do not reach, a certificate that is not for the name or not valid
/// at `now` (seconds since 1970). `certificates` are those in use, not empty.
Result<ProfileTarget> FindTarget(const ProfileRequest& request, const config::Config& config,
                                 std::span<const net::CertificatePtr> certificates,
                                 std::span<const IpAddress> host, std::int64_t now);

/// The profile. kRefused, with the reason, where that kind of client cannot use such a service.
/// `colour`: codes are drawn with the colours of the terminal set. REQUIRES: `kind` is one of
/// ProfileKinds().
Result<Profile> MakeProfile(std::string_view kind, const ProfileTarget& target, bool colour);

}  // namespace resolve64::ctl
