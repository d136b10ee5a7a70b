#include "samples.h"

#include "base/clock.h"
#include "dns/message_builder.h"
#include "resolve64/ip.h"
#include "resolve64/message.h"

namespace resolve64::bench {
namespace {

constexpr std::uint32_t kTtl = 300;

// The RDATA of an RRSIG of example.com by algorithm 13 (RFC 4034 section 3.1): 18 octets, the
// signer, 64 octets.
std::vector<std::uint8_t> SampleSignature(RrType covered) {
  std::vector<std::uint8_t> rdata(18, 0);
  rdata[1] = static_cast<std::uint8_t>(covered);
  rdata[2] = 13;
  const Name signer = *Name::Parse("example.com");
  rdata.insert(rdata.end(), signer.wire().begin(), signer.wire().end());
  rdata.resize(rdata.size() + 64, 0x5A);
  return rdata;
}

dns::RrsetPtr Build(const dns::RrsetBuilder& builder) {
  const ManualClock clock;
  return builder.Build(clock.Now(), dns::Trust::kAuthAnswer);
}

}  // namespace

Name SampleName(std::size_t n) { return *Name::Parse("host" + std::to_string(n) + ".example.com"); }

std::vector<std::uint8_t> SampleQuestion(RrType type, bool do_bit) {
  dns::MessageBuilder builder(512);
  builder.SetHeader(0x1234, Header::kRd);
  builder.AddQuestion(Question(*Name::Parse("www.example.com"), type));
  builder.AddOpt(1232, Rcode::kNoError, do_bit, {});
  return builder.Finish();
}

dns::RrsetPtr SampleAddresses(const Name& owner, RrType type, std::size_t count, bool signature) {
  dns::RrsetBuilder builder(owner, type);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::uint8_t> rdata = type == RrType::kA
                                          ? std::vector<std::uint8_t>{192, 0, 2, 0}
                                          : std::vector<std::uint8_t>{0x20, 0x01, 0x0d, 0xb8};
    rdata.resize(type == RrType::kA ? 4 : 16, 0);
    rdata.back() = static_cast<std::uint8_t>(i + 1);
    builder.Add(rdata, kTtl);
  }
  if (signature) builder.AddSignature(SampleSignature(type), kTtl);
  return Build(builder);
}

std::vector<std::uint8_t> SampleReferral() {
  const Name zone = *Name::Parse("example.com");
  dns::MessageBuilder builder(1232);
  builder.SetHeader(0x1234, Header::kQr);
  builder.AddQuestion(Question(*Name::Parse("www.example.com"), RrType::kAaaa));
  dns::RrsetBuilder servers(zone, RrType::kNs);
  std::vector<Name> hosts;
  for (const char* label : {"ns1", "ns2", "ns3", "ns4"}) {
    hosts.push_back(*zone.Prepend(label));
    servers.Add(hosts.back().wire(), kTtl);
  }
  builder.AddRrset(Section::kAuthority, *Build(servers), kTtl, false);
  dns::RrsetBuilder ds(zone, RrType::kDs);
  std::vector<std::uint8_t> digest(36, 0x5A);  // key tag, algorithm, digest type, SHA-256
  ds.Add(digest, kTtl);
  ds.AddSignature(SampleSignature(RrType::kDs), kTtl);
  builder.AddRrset(Section::kAuthority, *Build(ds), kTtl, true);
  for (const Name& host : hosts) {
    for (const RrType type : {RrType::kA, RrType::kAaaa}) {
      builder.AddRrset(Section::kAdditional, *SampleAddresses(host, type, 1, false), kTtl, false);
    }
  }
  builder.AddOpt(1232, Rcode::kNoError, true, {});
  return builder.Finish();
}

std::vector<std::uint8_t> SampleSignedAnswer() {
  const Name name = *Name::Parse("www.example.com");
  dns::MessageBuilder builder(1232);
  builder.SetHeader(0x1234, Header::kQr | Header::kAa);
  builder.AddQuestion(Question(name, RrType::kAaaa));
  builder.AddRrset(Section::kAnswer, *SampleAddresses(name, RrType::kAaaa, 2, true), kTtl, true);
  builder.AddOpt(1232, Rcode::kNoError, true, {});
  return builder.Finish();
}

}  // namespace resolve64::bench
