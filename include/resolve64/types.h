// The numbers of DNS: types, classes, RCODEs, opcodes, Extended DNS Errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace resolve64 {

/// An RR type. Every value of 16 bits is legal; those named here are the ones this code knows.
enum class RrType : std::uint16_t {
  kNone = 0,
  kA = 1,
  kNs = 2,
  kMd = 3,
  kMf = 4,
  kCname = 5,
  kSoa = 6,
  kMb = 7,
  kMg = 8,
  kMr = 9,
  kPtr = 12,
  kHinfo = 13,
  kMinfo = 14,
  kMx = 15,
  kTxt = 16,
  kRp = 17,
  kAfsdb = 18,
  kRt = 21,
  kSig = 24,
  kKey = 25,
  kPx = 26,
  kAaaa = 28,
  kNxt = 30,
  kSrv = 33,
  kNaptr = 35,
  kKx = 36,
  kDname = 39,
  kOpt = 41,
  kDs = 43,
  kRrsig = 46,
  kNsec = 47,
  kDnskey = 48,
  kNsec3 = 50,
  kNsec3param = 51,
  kSvcb = 64,
  kHttps = 65,
  kNxname = 128,
  kTkey = 249,
  kTsig = 250,
  kIxfr = 251,
  kAxfr = 252,
  kMailb = 253,
  kMaila = 254,
  kAny = 255,
};

enum class RrClass : std::uint16_t { kIn = 1, kCh = 3, kHs = 4, kNone = 254, kAny = 255 };

enum class Opcode : std::uint8_t {
  kQuery = 0,
  kIquery = 1,
  kStatus = 2,
  kNotify = 4,
  kUpdate = 5,
  kDso = 6
};

/// RCODEs, the extended ones of RFC 6891 included.
enum class Rcode : std::uint16_t {
  kNoError = 0,
  kFormErr = 1,
  kServFail = 2,
  kNxDomain = 3,
  kNotImp = 4,
  kRefused = 5,
  kYxDomain = 6,
  kBadVers = 16,
  kBadCookie = 23,
};

/// INFO-CODEs of Extended DNS Errors (RFC 8914 section 4 and the IANA registry).
enum class Ede : std::uint16_t {
  kOther = 0,
  kUnsupportedAlgorithm = 1,
  kUnsupportedDigest = 2,
  kStale = 3,
  kForged = 4,
  kIndeterminate = 5,
  kBogus = 6,
  kSignatureExpired = 7,
  kSignatureNotYetValid = 8,
  kDnskeyMissing = 9,
  kRrsigsMissing = 10,
  kNoZoneKeyBit = 11,
  kNsecMissing = 12,
  kCachedError = 13,
  kNotReady = 14,
  kBlocked = 15,
  kCensored = 16,
  kFiltered = 17,
  kProhibited = 18,
  kStaleNxdomain = 19,
  kNotAuthoritative = 20,
  kNotSupported = 21,
  kNoReachableAuthority = 22,
  kNetworkError = 23,
  kInvalidData = 24,
  kSignatureExpiredBeforeValid = 25,
  kUnsupportedNsec3Iterations = 27,
  kSynthesized = 29,
  kInvalidQueryType = 30,
  kNegativeTrustAnchor = 33,
};

/// "AAAA", or "TYPE1234" (RFC 3597 section 5) where it has no name here.
std::string ToText(RrType type);
/// The inverse, in any letter case.
std::optional<RrType> ParseRrType(std::string_view text);
/// "NOERROR", "SERVFAIL", …, or "RCODE17".
std::string ToText(Rcode rcode);
/// The registered name: "Synthesized"; "EDE 99" for an unknown one.
std::string ToText(Ede code);

}  // namespace resolve64
