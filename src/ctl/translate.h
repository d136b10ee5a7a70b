// Addresses there and back, without a resolver (RFC 6052).
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace resolve64::ctl {

/// Prints, for each address, which IPv4 address is in it under which prefix. Without `prefixes` the
/// well-known one is tried; without `addresses` they are read from `in`, one a line. The exit code:
/// 1 where one is no IPv6 address, or under none of the prefixes.
int Decode(const std::vector<std::string>& addresses, const std::vector<std::string>& prefixes,
           std::istream& in, std::ostream& out, std::ostream& err);

/// Prints the address of `address` under each of `prefixes`. The exit code: 1 where one of them is
/// refused.
int Encode(const std::string& address, const std::vector<std::string>& prefixes, std::ostream& out,
           std::ostream& err);

}  // namespace resolve64::ctl
