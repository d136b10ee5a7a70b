// Where resolution starts: the addresses of the root servers.
#pragma once

#include <string>
#include <vector>

#include "resolve64/ip.h"
#include "resolve64/name.h"
#include "resolve64/result.h"

namespace resolve64::zone {

struct RootServer {
  Name name;
  std::vector<Endpoint> addresses;  ///< never empty

  RootServer() = default;
  RootServer(const Name& n, std::vector<Endpoint> a) : name(n), addresses(std::move(a)) {}
};

/// The thirteen root servers as published by IANA, port 53. Any thread.
const std::vector<RootServer>& BuiltinRootHints();

/// Reads the form of IANA's named.root: NS records of the root, A and AAAA of their targets. Blocks
/// on the file. kBadFile, with path and line where one is known, where it cannot be read or
/// understood, or no root server in it has an address. Servers without an address are left out.
Result<std::vector<RootServer>> ReadRootHints(const std::string& path);

}  // namespace resolve64::zone
