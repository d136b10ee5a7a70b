#include "server/access.h"

namespace resolve64::server {

bool Access::Allows(const IpAddress& client) const noexcept {
  return !AnyContains(refuse_, client) && AnyContains(allow_, client);
}

}  // namespace resolve64::server
