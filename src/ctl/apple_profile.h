// Apple's configuration profiles for encrypted DNS (com.apple.dnsSettings.managed).
#pragma once

#include <string>
#include <string_view>

#include "ctl/profile.h"
#include "resolve64/result.h"

namespace resolve64::ctl {

/// A .mobileconfig, which is an XML property list. The same target makes the same octets, so that a
/// device that gets it again replaces the old one. A self-signed certificate goes along.
Result<Profile> AppleProfile(const ProfileTarget& target);

/// The UUID of version 5 for a text, in the namespace of DNS names (RFC 9562 section 5.5).
std::string UuidOf(std::string_view text);

}  // namespace resolve64::ctl
