// A network in memory: servers are functions from a query to what they send back, and when.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/scheduler.h"
#include "net/task.h"
#include "resolve64/message.h"
#include "resolver/upstream/transport.h"

namespace resolve64::testing {

/// A query as a server saw it.
struct SeenQuery {
  TimePoint at{};
  Endpoint server;
  bool tcp = false;
  bool tls = false;      ///< then `tcp` is not set
  std::string tls_name;  ///< whose certificate is wanted
  bool authenticated = false;
  Question question;  ///< letter case as sent
  std::uint16_t id = 0;
  bool recursion_desired = false;
  bool edns = false;
  bool do_bit = false;
  std::vector<std::uint8_t> wire;
};

/// One message on its way back.
struct Delivery {
  std::vector<std::uint8_t> message;
  Duration delay{};
};

/// What a server does with a query: nothing is silence.
using Behaviour = std::function<std::vector<Delivery>(const SeenQuery&)>;

class FakeNetwork : public resolver::upstream::Transport {
 public:
  explicit FakeNetwork(net::Scheduler& scheduler) : scheduler_(scheduler) {}

  /// Whoever is not served is silent.
  void Serve(std::string_view address, Behaviour behaviour);
  /// The same over TLS, on port 853 or what stands there. A connection takes `handshake` to make,
  /// and is kept for ever. Where `why_not` is not empty the handshake ends with that.
  void ServeTls(std::string_view address, Behaviour behaviour, Duration handshake = {},
                std::string why_not = {});
  /// Opening a channel to it fails: the host is unreachable.
  void Unreachable(std::string_view address);
  /// Opening any channel fails: we have no descriptors.
  void Exhaust(bool exhausted) { exhausted_ = exhausted; }

  [[nodiscard]] const std::vector<SeenQuery>& log() const { return log_; }
  void ClearLog() { log_.clear(); }
  /// The queries of the log as "192.0.2.1 www.example. A", names in lower case.
  [[nodiscard]] std::vector<std::string> Lines() const;

  Result<std::unique_ptr<resolver::upstream::Channel>> OpenUdp(const Endpoint& server) override;
  Result<std::unique_ptr<resolver::upstream::Channel>> OpenTcp(const Endpoint& server) override;
  /// A server that has no ServeTls() refuses the connection.
  Result<std::unique_ptr<resolver::upstream::Channel>> OpenTls(
      const net::TlsClientPtr& client, const resolver::upstream::TlsTarget& target) override;
  [[nodiscard]] resolver::upstream::TlsState StateOfTls(
      const net::TlsClientPtr& client, const resolver::upstream::TlsTarget& target) const override;

 private:
  class FakeChannel;
  struct TlsService {
    Behaviour behaviour;
    Duration handshake{};
    std::string why_not;
    bool connected = false;
  };
  Result<std::unique_ptr<resolver::upstream::Channel>> Open(const Endpoint& server, bool tcp);

  net::Scheduler& scheduler_;
  std::map<Endpoint, Behaviour> servers_;
  std::map<Endpoint, bool> unreachable_;
  std::map<Endpoint, TlsService> tls_;
  bool exhausted_ = false;
  std::vector<SeenQuery> log_;
};

/// Zones that answer as an authoritative server does (RFC 1034 section 4.3.2), without wildcards.
class Authority {
 public:
  struct Record {
    Name owner;
    RrType type;
    std::uint32_t ttl;
    std::vector<std::uint8_t> rdata;
  };

  /// `lines` are "owner ttl type data", names absolute; A, AAAA, NS, CNAME, DNAME, TXT and SOA, of
  /// which only MINIMUM is given. Fails the test on anything else.
  Authority& Zone(std::string_view apex, std::string_view lines);

  /// The reply to `query`: at once, or `delay` later.
  [[nodiscard]] std::vector<std::uint8_t> Reply(const SeenQuery& query) const;
  [[nodiscard]] Behaviour Behave(Duration delay = std::chrono::milliseconds(1)) const;

 private:
  struct ZoneData {
    Name apex;
    std::vector<Record> records;
  };
  std::vector<ZoneData> zones_;
};

/// A reply to `query` with an RCODE and nothing else.
std::vector<std::uint8_t> ErrorReply(const SeenQuery& query, Rcode rcode, std::uint16_t flags = 0);
/// A reply with the records of `lines`, each line led by its section: "answer www.example. 60 A
/// 192.0.2.1".
std::vector<std::uint8_t> ReplyWith(const SeenQuery& query, std::string_view lines,
                                    std::uint16_t flags = Header::kAa,
                                    Rcode rcode = Rcode::kNoError);

/// A name that is known to be good.
Name N(std::string_view text);

}  // namespace resolve64::testing
