// Messages and RRsets as they come in real life, for the micro-benchmarks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/name.h"
#include "resolve64/types.h"

namespace resolve64::bench {

/// A question of www.example.com with EDNS of 1232 octets.
std::vector<std::uint8_t> SampleQuestion(RrType type, bool do_bit);
/// A referral to example.com: four NS, a DS with its signature, and an A and an AAAA for each NS.
std::vector<std::uint8_t> SampleReferral();
/// Two AAAA of www.example.com, signed by one P-256 key.
std::vector<std::uint8_t> SampleSignedAnswer();

/// `count` A or AAAA records of `owner`, TTL 300, and with `signature` one RRSIG of P-256's size.
dns::RrsetPtr SampleAddresses(const Name& owner, RrType type, std::size_t count, bool signature);

/// "host<n>.example.com".
Name SampleName(std::size_t n);

}  // namespace resolve64::bench
