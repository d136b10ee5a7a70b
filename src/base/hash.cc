#include "base/hash.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace resolve64 {

const HashKey& ProcessHashKey() noexcept {
  static const HashKey key = [] {
    HashKey drawn;
    // Without randomness nothing in a resolver is safe: not to start is the honest answer.
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&drawn), sizeof drawn) != 1) std::abort();
    return drawn;
  }();
  return key;
}

}  // namespace resolve64
