// Where files are kept that the resolver itself writes.
#pragma once

#include <string>
#include <string_view>

namespace resolve64::config {

/// `configured` where it is not empty; else `file_name` in the state directory of the service
/// manager
/// ($STATE_DIRECTORY), else in /var/lib/resolve64.
std::string StatePath(const std::string& configured, std::string_view file_name);

/// The file of the self-signed certificate, with its key.
inline constexpr std::string_view kCertificateState = "certificate.pem";
/// The file of the trust anchors (RFC 5011).
inline constexpr std::string_view kAnchorState = "anchors.json";

}  // namespace resolve64::config
