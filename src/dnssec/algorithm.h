// Which algorithms and digests are used: one table (RFC 8624, RFC 9904, RFC 9905).
#pragma once

#include <cstdint>
#include <string>

namespace resolve64::dnssec {

/// True for DNSKEY algorithms that signatures are verified with: 5, 7, 8, 10, 13, 14, 15, 16.
/// Others make a zone insecure, not bogus (RFC 4035 section 5.2).
bool IsSupportedAlgorithm(std::uint8_t algorithm) noexcept;

/// True for DS digest types 1, 2 and 4.
bool IsSupportedDigest(std::uint8_t digest_type) noexcept;

/// "ECDSAP256SHA256", or "algorithm 17".
std::string AlgorithmName(std::uint8_t algorithm);
/// "SHA-256", or "digest type 3".
std::string DigestName(std::uint8_t digest_type);

/// What one verification costs, in microseconds of a core, roughly: so that a turn of the loop can
/// be bounded by it.
int VerificationCost(std::uint8_t algorithm) noexcept;

}  // namespace resolve64::dnssec
