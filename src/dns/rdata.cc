#include "dns/rdata.h"

namespace resolve64::dns {

RdataShape ShapeOf(RrType type) noexcept {
  switch (type) {
    case RrType::kA:
      return {"4"};
    case RrType::kAaaa:
      return {"x"};
    case RrType::kNs:
    case RrType::kMd:
    case RrType::kMf:
    case RrType::kCname:
    case RrType::kMb:
    case RrType::kMg:
    case RrType::kMr:
    case RrType::kPtr:
      return {"n"};
    case RrType::kSoa:
      return {"nn44444"};
    case RrType::kMinfo:
      return {"nn"};
    case RrType::kMx:
      return {"2n"};
    case RrType::kDname:
      return {"u"};
    case RrType::kRp:
      return {"uu"};
    case RrType::kAfsdb:
    case RrType::kRt:
    case RrType::kKx:
      return {"2u"};
    case RrType::kPx:
      return {"2uu"};
    case RrType::kSrv:
      return {"6u"};
    case RrType::kNaptr:
      return {"4sssu"};
    case RrType::kNxt:
      return {"ur"};
    case RrType::kSig:
      return {"99ur"};  // RFC 2535 section 4.1: eighteen octets before the signer
    case RrType::kRrsig:
      return {"99wr"};
    case RrType::kNsec:
      return {"wr"};
    case RrType::kSvcb:
    case RrType::kHttps:
      return {"2wr"};
    default:
      return {"r"};
  }
}

std::size_t FieldSize(char field, std::span<const std::uint8_t> rest) noexcept {
  switch (field) {
    case 's':
      return rest.empty() ? 1 : std::size_t{1} + rest[0];
    case 'x':
      return 16;
    case 'r':
      return rest.size();
    default:
      return static_cast<std::size_t>(field - '0');
  }
}

}  // namespace resolve64::dns
