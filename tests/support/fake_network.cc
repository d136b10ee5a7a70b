#include "support/fake_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <sstream>
#include <utility>

#include "dns/message_builder.h"

namespace resolve64::testing {
namespace {

using resolver::upstream::Channel;

Authority::Record ParseRecord(std::istringstream& in) {
  std::string owner;
  std::string type_text;
  std::string data;
  std::uint32_t ttl = 0;
  in >> owner >> ttl >> type_text >> data;
  const std::optional<RrType> type = ParseRrType(type_text);
  EXPECT_TRUE(type.has_value()) << type_text;
  Authority::Record record{N(owner), type.value_or(RrType::kTxt), ttl, {}};
  const auto put_name = [&](const Name& name) {
    record.rdata.insert(record.rdata.end(), name.wire().begin(), name.wire().end());
  };
  if (record.type == RrType::kA) {
    const Ipv4 v4 = ParseIpv4(data).value();
    record.rdata.assign(v4.octets.begin(), v4.octets.end());
  } else if (record.type == RrType::kAaaa) {
    const Ipv6 v6 = ParseIpv6(data).value();
    record.rdata.assign(v6.octets.begin(), v6.octets.end());
  } else if (record.type == RrType::kSoa) {
    put_name(record.owner);
    put_name(record.owner);
    const auto minimum = static_cast<std::uint32_t>(std::stoul(data));
    for (const std::uint32_t value : {1U, 3600U, 600U, 86400U, minimum}) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        record.rdata.push_back(static_cast<std::uint8_t>(value >> shift));
      }
    }
  } else if (record.type == RrType::kTxt) {
    record.rdata.push_back(static_cast<std::uint8_t>(data.size()));
    record.rdata.insert(record.rdata.end(), data.begin(), data.end());
  } else {
    put_name(N(data));
  }
  return record;
}

dns::MessageBuilder StartReply(const SeenQuery& query, std::uint16_t flags, Rcode rcode) {
  dns::MessageBuilder builder(query.tcp || query.tls ? 65535 : 1232);
  builder.SetHeader(query.id, static_cast<std::uint16_t>(Header::kQr | flags |
                                                         static_cast<std::uint16_t>(rcode)));
  builder.AddQuestion(query.question);
  return builder;
}

}  // namespace

Name N(std::string_view text) {
  Result<Name> name = Name::Parse(text);
  EXPECT_TRUE(name.has_value()) << text;
  return *name;
}

//--- The network ----------------------------------------------------------------------------

class FakeNetwork::FakeChannel : public Channel {
 public:
  FakeChannel(FakeNetwork& network, const Endpoint& server, bool tcp)
      : network_(network), server_(server), tcp_(tcp), inbox_(network.scheduler_) {}
  FakeChannel(FakeNetwork& network, const resolver::upstream::TlsTarget& target)
      : network_(network),
        server_(target.endpoint),
        tcp_(false),
        tls_(target),
        inbox_(network.scheduler_) {}

  Result<bool> Send(std::span<const std::uint8_t> message) override {
    const Result<MessageView> view = MessageView::Parse(message);
    EXPECT_TRUE(view.has_value()) << "the resolver sent a malformed query";
    if (!view) return Error{Errc::kMalformed, "malformed"};
    SeenQuery query;
    query.at = network_.scheduler_.Now();
    query.server = server_;
    query.tcp = tcp_;
    if (tls_) {
      query.tls = true;
      query.tls_name = tls_->name;
      query.authenticated = tls_->authenticated;
    }
    query.question = *view->question();
    query.id = view->header().id;
    query.recursion_desired = view->header().Has(Header::kRd);
    query.edns = view->edns().has_value();
    query.do_bit = query.edns && view->edns()->do_bit;
    query.wire.assign(message.begin(), message.end());
    network_.log_.push_back(query);
    if (tls_) return SendOverTls(query);
    const auto server = network_.servers_.find(server_);
    if (server == network_.servers_.end()) return true;
    Deliver(query.at, server->second(query));
    return true;
  }

  net::Task<Result<std::vector<std::uint8_t>>> Receive(TimePoint deadline) override {
    net::Task<std::optional<std::vector<std::uint8_t>>> pop = inbox_.Pop(deadline);
    std::optional<std::vector<std::uint8_t>> message = co_await pop;
    if (!message) {
      co_return Result<std::vector<std::uint8_t>>(Error{Errc::kTimedOut, "no reply in time"});
    }
    if (message->empty()) {
      co_return Result<std::vector<std::uint8_t>>(Error{Errc::kNetwork, why_not_});
    }
    co_return Result<std::vector<std::uint8_t>>(std::move(*message));
  }
  [[nodiscard]] TimePoint LeftAt(TimePoint given) const override {
    return std::max(given, left_at_);
  }

 private:
  using Inbox = net::Mailbox<std::vector<std::uint8_t>>;
  struct Parcel : net::TimerNode {
    Parcel(Inbox& i, std::vector<std::uint8_t> m) : inbox(i), message(std::move(m)) {}
    void Fire() noexcept override { inbox.Push(std::move(message)); }
    Inbox& inbox;
    std::vector<std::uint8_t> message;
  };

  void Deliver(TimePoint from, std::vector<Delivery> deliveries) {
    for (Delivery& delivery : deliveries) {
      parcels_.push_back(std::make_unique<Parcel>(inbox_, std::move(delivery.message)));
      network_.scheduler_.Arm(*parcels_.back(), from + delivery.delay);
    }
  }

  Result<bool> SendOverTls(const SeenQuery& query) {
    const auto at = network_.tls_.find(server_);
    if (at == network_.tls_.end()) {
      why_not_ = "Connection refused";
      Deliver(query.at, {Delivery{}});
      return true;
    }
    TlsService& service = at->second;
    left_at_ = query.at + (service.connected ? Duration::zero() : service.handshake);
    if (!service.why_not.empty()) {
      why_not_ = service.why_not;
      Deliver(left_at_, {Delivery{}});
      return true;
    }
    std::vector<Delivery> deliveries = service.behaviour(query);
    service.connected = service.connected || !deliveries.empty();
    Deliver(left_at_, std::move(deliveries));
    return true;
  }

  FakeNetwork& network_;
  Endpoint server_;
  bool tcp_;
  std::optional<resolver::upstream::TlsTarget> tls_;
  TimePoint left_at_{};
  std::string why_not_;
  Inbox inbox_;
  std::vector<std::unique_ptr<Parcel>> parcels_;
};

void FakeNetwork::Serve(std::string_view address, Behaviour behaviour) {
  servers_[Endpoint::Parse(address, 53).value()] = std::move(behaviour);
}

void FakeNetwork::ServeTls(std::string_view address, Behaviour behaviour, Duration handshake,
                           std::string why_not) {
  tls_[Endpoint::Parse(address, 853).value()] =
      TlsService{std::move(behaviour), handshake, std::move(why_not), false};
}

void FakeNetwork::Unreachable(std::string_view address) {
  unreachable_[Endpoint::Parse(address, 53).value()] = true;
}

std::vector<std::string> FakeNetwork::Lines() const {
  std::vector<std::string> lines;
  for (const SeenQuery& query : log_) {
    const char* over = query.tls ? "/tls " : query.tcp ? "/tcp " : " ";
    lines.push_back(query.server.address.ToText() + over + query.question.name.Lower().ToText() +
                    " " + ToText(query.question.type));
  }
  return lines;
}

Result<std::unique_ptr<Channel>> FakeNetwork::OpenUdp(const Endpoint& server) {
  return Open(server, false);
}

Result<std::unique_ptr<Channel>> FakeNetwork::OpenTcp(const Endpoint& server) {
  return Open(server, true);
}

Result<std::unique_ptr<Channel>> FakeNetwork::OpenTls(const net::TlsClientPtr& /*client*/,
                                                      const resolver::upstream::TlsTarget& target) {
  if (exhausted_) return Error{Errc::kBudgetSpent, "too many open files"};
  return std::unique_ptr<Channel>(std::make_unique<FakeChannel>(*this, target));
}

resolver::upstream::TlsState FakeNetwork::StateOfTls(
    const net::TlsClientPtr& /*client*/, const resolver::upstream::TlsTarget& target) const {
  const auto at = tls_.find(target.endpoint);
  const bool open = at != tls_.end() && at->second.connected;
  return open ? resolver::upstream::TlsState::kOpen : resolver::upstream::TlsState::kNone;
}

Result<std::unique_ptr<Channel>> FakeNetwork::Open(const Endpoint& server, bool tcp) {
  if (exhausted_) return Error{Errc::kBudgetSpent, "too many open files"};
  if (unreachable_.count(server) != 0) return Error{Errc::kNetwork, "no route to host"};
  return std::unique_ptr<Channel>(std::make_unique<FakeChannel>(*this, server, tcp));
}

//--- Authorities ----------------------------------------------------------------------------

Authority& Authority::Zone(std::string_view apex, std::string_view lines) {
  ZoneData zone{N(apex), {}};
  std::istringstream all{std::string(lines)};
  for (std::string line; std::getline(all, line);) {
    std::istringstream in(line);
    if (in >> std::ws; in.eof()) continue;
    zone.records.push_back(ParseRecord(in));
  }
  zones_.push_back(std::move(zone));
  return *this;
}

std::vector<std::uint8_t> Authority::Reply(const SeenQuery& query) const {
  const Name& name = query.question.name;
  const RrType type = query.question.type;
  const ZoneData* zone = nullptr;
  for (const ZoneData& candidate : zones_) {
    const bool parent_side = type == RrType::kDs && candidate.apex == name && !name.is_root();
    if (!name.IsAtOrBelow(candidate.apex) || parent_side) continue;
    if (zone == nullptr || candidate.apex.IsBelow(zone->apex)) zone = &candidate;
  }
  if (zone == nullptr) return ErrorReply(query, Rcode::kRefused);

  dns::MessageBuilder builder = StartReply(query, Header::kAa, Rcode::kNoError);
  const auto put = [&](Section section, const Record& record) {
    if (!builder.AddRecord(section, record.owner, record.type, record.ttl, record.rdata)) {
      builder.SetFlag(Header::kTc);
    }
  };
  for (const Record& cut : zone->records) {  // RFC 1034 section 4.3.2 step 3b
    if (cut.type != RrType::kNs || cut.owner == zone->apex || !name.IsAtOrBelow(cut.owner))
      continue;
    if (type == RrType::kDs && cut.owner == name) continue;
    dns::MessageBuilder referral = StartReply(query, 0, Rcode::kNoError);
    const auto put_there = [&](Section section, const Record& record) {
      if (!referral.AddRecord(section, record.owner, record.type, record.ttl, record.rdata)) {
        referral.SetFlag(Header::kTc);
      }
    };
    for (const Record& ns : zone->records) {
      if (ns.type == RrType::kNs && ns.owner == cut.owner) put_there(Section::kAuthority, ns);
    }
    for (const Record& glue : zone->records) {
      if (glue.type != RrType::kA && glue.type != RrType::kAaaa) continue;
      bool wanted = false;
      for (const Record& ns : zone->records) {
        wanted = wanted || (ns.type == RrType::kNs && ns.owner == cut.owner &&
                            dns::TargetOf(ns.rdata) == glue.owner);
      }
      if (wanted) put_there(Section::kAdditional, glue);
    }
    return referral.Finish();
  }

  Name at = name;
  for (int links = 0; links < 16; ++links) {
    bool exists = false;
    bool answered = false;
    std::optional<Name> next;
    for (const Record& record : zone->records) {
      exists = exists || record.owner.IsAtOrBelow(at);
      if (record.owner == at && record.type == type) {
        put(Section::kAnswer, record);
        answered = true;
      } else if (record.owner == at && record.type == RrType::kCname) {
        put(Section::kAnswer, record);
        next = dns::TargetOf(record.rdata);
      } else if (record.type == RrType::kDname && at.IsBelow(record.owner)) {
        put(Section::kAnswer, record);
        next = at.Rebase(record.owner, dns::TargetOf(record.rdata)).value();
        put(Section::kAnswer,
            Record{at, RrType::kCname, record.ttl, {next->wire().begin(), next->wire().end()}});
      }
    }
    if (answered) {
      if (type == RrType::kNs && at.is_root()) {
        for (const Record& glue : zone->records) {
          if (glue.type == RrType::kA || glue.type == RrType::kAaaa)
            put(Section::kAdditional, glue);
        }
      }
      return builder.Finish();
    }
    if (next && next->IsAtOrBelow(zone->apex)) {
      at = *next;
      continue;
    }
    if (next) return builder.Finish();
    if (!exists) builder.SetFlag(static_cast<std::uint16_t>(Rcode::kNxDomain));
    for (const Record& record : zone->records) {
      if (record.type == RrType::kSoa) put(Section::kAuthority, record);
    }
    return builder.Finish();
  }
  return builder.Finish();
}

Behaviour Authority::Behave(Duration delay) const {
  return [this, delay](const SeenQuery& query) {
    return std::vector<Delivery>{{Reply(query), delay}};
  };
}

std::vector<std::uint8_t> ErrorReply(const SeenQuery& query, Rcode rcode, std::uint16_t flags) {
  dns::MessageBuilder builder = StartReply(query, flags, rcode);
  return builder.Finish();
}

std::vector<std::uint8_t> ReplyWith(const SeenQuery& query, std::string_view lines,
                                    std::uint16_t flags, Rcode rcode) {
  dns::MessageBuilder builder = StartReply(query, flags, rcode);
  std::istringstream all{std::string(lines)};
  for (std::string line; std::getline(all, line);) {
    std::istringstream in(line);
    std::string section;
    if (!(in >> section)) continue;
    const Authority::Record record = ParseRecord(in);
    const Section where = section == "answer"      ? Section::kAnswer
                          : section == "authority" ? Section::kAuthority
                                                   : Section::kAdditional;
    builder.AddRecord(where, record.owner, record.type, record.ttl, record.rdata);
  }
  return builder.Finish();
}

}  // namespace resolve64::testing
