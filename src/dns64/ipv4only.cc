#include "dns64/ipv4only.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "dns/rrset.h"
#include "dns64/reverse.h"

namespace resolve64::dns64 {
namespace {

constexpr std::array<Ipv4, 2> kAddresses = {Ipv4{{192, 0, 0, 170}}, Ipv4{{192, 0, 0, 171}}};

// ipv4only.arpa SOA ipv4only.arpa nobody.invalid 1 3600 1200 604800 600, in the manner of RFC 6303
// section 3.
dns::RrsetPtr MakeSoa() {
  const Name& apex = Ipv4OnlyName();
  std::vector<std::uint8_t> rdata(apex.wire().begin(), apex.wire().end());
  constexpr std::array<std::uint8_t, 16> kNobodyInvalid = {6,   'n', 'o', 'b', 'o', 'd', 'y', 7,
                                                           'i', 'n', 'v', 'a', 'l', 'i', 'd', 0};
  rdata.insert(rdata.end(), kNobodyInvalid.begin(), kNobodyInvalid.end());
  for (const std::uint32_t value : {1U, 3600U, 1200U, 604800U, kIpv4OnlyTtl}) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      rdata.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }
  dns::RrsetBuilder builder(apex, RrType::kSoa);
  builder.Add(rdata, kIpv4OnlyTtl);
  return builder.BuildLocal();
}

zone::LocalAnswer Negative(Rcode rcode) {
  static const dns::RrsetPtr soa = MakeSoa();
  zone::LocalAnswer answer;
  answer.rcode = rcode;
  answer.soa = soa;
  return answer;
}

zone::LocalAnswer Positive(const dns::RrsetBuilder& builder) {
  zone::LocalAnswer answer;
  answer.answer.push_back(builder.BuildLocal());
  return answer;
}

}  // namespace

const Name& Ipv4OnlyName() noexcept {
  static const Name name = Name::Parse("ipv4only.arpa.").value();
  return name;
}

bool IsIpv4OnlyAddress(Ipv4 address) noexcept {
  return std::ranges::find(kAddresses, address) != kAddresses.end();
}

std::optional<zone::LocalAnswer> AnswerIpv4Only(const Dns64Policy& policy, const Name& name,
                                                RrType type, bool over_ipv4) {
  if (!policy.enabled || !name.IsAtOrBelow(Ipv4OnlyName())) return std::nullopt;
  if (name.IsBelow(Ipv4OnlyName())) return Negative(Rcode::kNxDomain);
  if (type == RrType::kDs) return std::nullopt;

  dns::RrsetBuilder builder(Ipv4OnlyName(), type);
  if (type == RrType::kA) {
    for (const Ipv4 address : kAddresses) builder.Add(address.octets, kIpv4OnlyTtl);
  }
  if (type == RrType::kAaaa && (policy.clients_over_ipv4 || !over_ipv4)) {
    for (const Dns64Prefix& prefix : policy.prefixes) {
      if (prefix.draining) continue;
      for (const Ipv4 address : kAddresses) {
        builder.Add(prefix.prefix.Embed(address).octets, kIpv4OnlyTtl);
      }
    }
  }
  if (builder.size() == 0) return Negative(Rcode::kNoError);
  return Positive(builder);
}

std::optional<zone::LocalAnswer> AnswerIpv4OnlyReverse(const Dns64Policy& policy, const Name& name,
                                                       RrType type) {
  if (type != RrType::kPtr) return std::nullopt;
  const auto match = MatchReverse(policy, name);
  if (!match || !IsIpv4OnlyAddress(match->address)) return std::nullopt;
  dns::RrsetBuilder builder(name, RrType::kPtr);
  builder.Add(Ipv4OnlyName().wire(), kIpv4OnlyTtl);
  return Positive(builder);
}

}  // namespace resolve64::dns64
