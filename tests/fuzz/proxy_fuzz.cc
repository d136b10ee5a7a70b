// Headers of the PROXY protocol: nothing but octets comes in, and what comes out lies within them.

#include <cstdint>
#include <span>

#include "fuzz/check.h"
#include "server/proxy_header.h"

namespace {

using resolve64::fuzz::Check;
using resolve64::server::ProxyHeader;
using resolve64::server::ReadProxyHeader;
using Kind = ProxyHeader::Kind;

constexpr std::size_t kFixedSize = 16;

bool Same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.kind == b.kind && a.size == b.size && a.source == b.source &&
         a.destination == b.destination;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> octets(data, size);
  const ProxyHeader header = ReadProxyHeader(octets);
  Check(header.source.has_value() == header.destination.has_value(), "both ends or none");
  switch (header.kind) {
    case Kind::kMalformed:
      Check(!header.source, "a malformed header names nobody");
      break;
    case Kind::kIncomplete:
      Check(!header.source, "half a header names nobody");
      Check(header.size > size, "more is needed than there is");
      Check(header.size <= ProxyHeader::kMaxSize, "no more is needed than may be");
      break;
    case Kind::kDone:
      Check(header.size >= kFixedSize && header.size <= size, "a header is within the octets");
      Check(header.size <= ProxyHeader::kMaxSize, "a header is not longer than it may be");
      Check(Same(ReadProxyHeader(octets.first(header.size)), header),
            "what follows a header changes nothing");
      Check(ReadProxyHeader(octets.first(header.size - 1)).kind == Kind::kIncomplete,
            "without its last octet a header is incomplete");
      break;
  }
  // However it comes in: the verdict is reached once, and stays.
  Kind before = Kind::kIncomplete;
  const std::size_t most = size < ProxyHeader::kMaxSize ? size : ProxyHeader::kMaxSize;
  for (std::size_t length = 0; length <= most; ++length) {
    const Kind now = ReadProxyHeader(octets.first(length)).kind;
    Check(before == Kind::kIncomplete || now == before, "a verdict is not taken back");
    before = now;
  }
  Check(size > most || before == header.kind, "in pieces or at once, the verdict is the same");
  return 0;
}
