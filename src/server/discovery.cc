#include "server/discovery.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace resolve64::server {
namespace {

using Transport = config::Listener::Transport;

// RFC 9460 section 14.3.2, RFC 9461 section 5.
constexpr std::uint16_t kAlpn = 1;
constexpr std::uint16_t kPort = 3;
constexpr std::uint16_t kDohPath = 7;

// One record to be, with the addresses under which its listeners are reached.
struct Record {
  Transport transport;
  std::uint16_t port;
  std::string path;
  Name target;
  std::vector<IpAddress> addresses;

  [[nodiscard]] bool IsOf(const EncryptedService& service, const Name& name) const {
    return transport == service.transport && port == service.port && path == service.path &&
           target == name;
  }
};

void Put16(std::vector<std::uint8_t>& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

void PutText(std::vector<std::uint8_t>& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

// RFC 9460 section 2.2: SvcParams in the order of their keys.
std::vector<std::uint8_t> Rdata(const Record& record, std::size_t priority) {
  std::vector<std::uint8_t> rdata;
  Put16(rdata, priority);
  const std::span<const std::uint8_t> target = record.target.wire();
  rdata.insert(rdata.end(), target.begin(), target.end());

  const std::string_view alpn = record.transport == Transport::kTls ? "dot" : "h2";
  Put16(rdata, kAlpn);
  Put16(rdata, alpn.size() + 1);
  rdata.push_back(static_cast<std::uint8_t>(alpn.size()));
  PutText(rdata, alpn);

  if (record.port != config::DefaultPort(record.transport)) {
    Put16(rdata, kPort);
    Put16(rdata, sizeof record.port);
    Put16(rdata, record.port);
  }
  if (record.transport == Transport::kHttps) {
    const std::string path = record.path + "{?dns}";
    Put16(rdata, kDohPath);
    Put16(rdata, path.size());
    PutText(rdata, path);
  }
  return rdata;
}

std::vector<dns::RrsetPtr> AddressesOf(const std::vector<Record>& records) {
  std::vector<dns::RrsetBuilder> builders;
  for (const Record& record : records) {
    for (const IpAddress& address : record.addresses) {
      const RrType type = address.is_v6() ? RrType::kAaaa : RrType::kA;
      auto builder = std::find_if(builders.begin(), builders.end(), [&](const auto& one) {
        return one.type() == type && one.owner() == record.target;
      });
      if (builder == builders.end()) builder = builders.emplace(builder, record.target, type);
      builder->Add({address.data(), address.size()}, kDiscoveryTtl);
    }
  }
  std::vector<dns::RrsetPtr> rrsets;
  rrsets.reserve(builders.size());
  for (const dns::RrsetBuilder& builder : builders) rrsets.push_back(builder.BuildLocal());
  return rrsets;
}

}  // namespace

const Name& DiscoveryName() noexcept {
  static const Name name = Name::Parse("_dns.resolver.arpa.").value();
  return name;
}

std::optional<Designation> Designate(const Services& services, const Views& views,
                                     const ViewPtr& view, const IpAddress& client,
                                     const std::optional<IpAddress>& asked) {
  std::vector<Record> records;
  for (const EncryptedService& service : services.list()) {
    const ViewPtr of_listener = service.view ? views.Named(*service.view) : nullptr;
    // In the middle of a reload the services can be of another configuration than the views.
    if (service.view && of_listener == nullptr) continue;
    if (views.Choose(of_listener, client) != view) continue;
    for (const IpAddress& address : services.AddressesOf(service, client, asked)) {
      const Result<Name> target = Name::Parse(services.NameAt(address));
      if (!target || target->is_root()) continue;
      const auto same = std::find_if(records.begin(), records.end(), [&](const Record& record) {
        return record.IsOf(service, *target);
      });
      if (same != records.end()) {
        same->addresses.push_back(address);
      } else {
        records.push_back({service.transport, service.port, service.path, *target, {address}});
      }
    }
  }
  if (records.empty()) return std::nullopt;

  dns::RrsetBuilder builder(DiscoveryName(), RrType::kSvcb);
  for (std::size_t i = 0; i < records.size(); ++i) {
    builder.Add(Rdata(records[i], i + 1), kDiscoveryTtl);
  }
  Designation designation;
  designation.services = builder.BuildLocal();
  designation.addresses = AddressesOf(records);
  return designation;
}

}  // namespace resolve64::server
