#include "resolver/upstream/exchange.h"

#include <memory>
#include <utility>

#include "resolver/upstream/query.h"

namespace resolve64::resolver::upstream {
namespace {

constexpr std::uint16_t kTlsPort = 853;  // RFC 7858 section 3.1, RFC 9539 section 4.4

constexpr int kMaxSends = 4;  // UDP, without EDNS, TCP, TCP without EDNS

using Message = std::vector<std::uint8_t>;

/// What one send brought.
struct Got {
  enum class Kind : std::uint8_t {
    kReply,
    kBareError,
    kCaseDiffers,
    kFlooded,
    kTimedOut,
    kNetwork
  };
  Kind kind = Kind::kTimedOut;
  Message message;
  std::string why;

  explicit Got(Kind k) : kind(k) {}
  Got(Kind k, Message m) : kind(k), message(std::move(m)) {}
  Got(Kind k, std::string w) : kind(k), why(std::move(w)) {}
};

// Listens until something comes that is about this query.
net::Task<Got> Listen(Channel& channel, const Message& query, Stats& stats, TimePoint deadline,
                      const std::function<void()>& on_nonsense) {
  bool told = false;
  for (int foreign = 0; foreign <= kMaxForeign; ++foreign) {
    net::Task<Result<Message>> receive = channel.Receive(deadline);
    Result<Message> message = co_await receive;
    if (!message) {
      if (message.error().code == Errc::kTimedOut) co_return Got(Got::Kind::kTimedOut);
      co_return Got(Got::Kind::kNetwork, message.error().text);
    }
    switch (MatchReply(query, *message)) {
      case Match::kReply:
        co_return Got(Got::Kind::kReply, std::move(*message));
      case Match::kBareError:
        co_return Got(Got::Kind::kBareError, std::move(*message));
      case Match::kCaseDiffers:
        co_return Got(Got::Kind::kCaseDiffers, std::move(*message));
      case Match::kNonsense:
        if (!told) on_nonsense();
        told = true;
        stats.Add(Counter::kUpstreamMismatched);
        break;
      case Match::kForeign:
        stats.Add(Counter::kUpstreamMismatched);
        break;
    }
  }
  co_return Got(Got::Kind::kFlooded);
}

Result<std::unique_ptr<Channel>> Open(Transport& transport, const cache::Server& server,
                                      Protocol protocol, const Settings& settings) {
  switch (protocol) {
    case Protocol::kUdp:
      return transport.OpenUdp(server.endpoint);
    case Protocol::kTcp:
      return transport.OpenTcp(server.endpoint);
    case Protocol::kTls:
      break;
  }
  return transport.OpenTls(settings.tls, TlsTargetOf(server));
}

// A query that did not leave: for want of something of ours, or of a way to the server.
Heard Unsent(const Error& error) {
  const bool ours = error.code == Errc::kBudgetSpent;
  return Heard(ours ? Heard::Kind::kNoBudget : Heard::Kind::kNetwork, error.text);
}

// An error that servers give to a query for its OPT record (RFC 6891 section 7); some send the OPT
// back with it.
bool RefusesEdns(const Message& message) {
  const std::optional<Header> header = Header::Read(message);
  if (!header) return false;
  if (header->rcode() == Rcode::kFormErr || header->rcode() == Rcode::kNotImp) return true;
  // The lower bits of BADVERS are those of NOERROR, and nothing is answered with it.
  if (header->rcode() != Rcode::kNoError || header->ancount + header->nscount > 0) return false;
  const Result<MessageView> view = MessageView::Parse(message);
  return view && view->rcode() == Rcode::kBadVers;
}

}  // namespace

TlsTarget TlsTargetOf(const cache::Server& server) {
  if (server.tls) return TlsTarget(server.endpoint, true, server.name);
  return TlsTarget(Endpoint{server.endpoint.address, kTlsPort}, false, {});
}

net::Task<Heard> Exchange(ExchangeContext& context, cache::Server server, Question question,
                          bool recursion_desired, Protocol protocol, SettingsPtr settings,
                          RequestPtr request, TimePoint deadline,
                          std::function<void()> on_nonsense) {
  const cache::ServerInfo info = context.servers.Get(server, context.scheduler.Now());
  QueryOptions options;
  options.recursion_desired = recursion_desired;
  options.checking_disabled = settings->dnssec.validation;
  options.edns = info.edns != cache::EdnsSupport::kNo;
  options.udp_payload = settings->udp_payload;
  options.over_tls = protocol == Protocol::kTls;
  // 0x20 helps against who cannot see the query. He cannot get into TLS either.
  options.random_case =
      settings->case_randomization && !info.case_broken && protocol != Protocol::kTls;
  bool case_doubted = false;
  bool edns_doubted = false;

  for (int send = 0; send < kMaxSends; ++send) {
    if (request->left.queries <= 0) {
      context.stats.Add(Counter::kLimitQueries);
      co_return Heard(Heard::Kind::kNoBudget, "the limit on upstream queries is reached");
    }
    --request->left.queries;
    ++request->upstream_queries;
    context.stats.Add(Counter::kUpstreamQueries);
    if (protocol == Protocol::kTcp) context.stats.Add(Counter::kUpstreamTcp);
    if (protocol == Protocol::kTls) context.stats.Add(Counter::kUpstreamTls);

    const Message query = BuildQuery(question, options, context.random);
    Result<std::unique_ptr<Channel>> channel = Open(context.transport, server, protocol, *settings);
    if (!channel) co_return Unsent(channel.error());
    const TimePoint sent_at = context.scheduler.Now();
    if (const Result<bool> sent = (*channel)->Send(query); !sent) co_return Unsent(sent.error());
    net::Task<Got> listen = Listen(**channel, query, context.stats, deadline, on_nonsense);
    Got got = co_await listen;
    if (got.kind == Got::Kind::kTimedOut)
      co_return Heard(Heard::Kind::kTimedOut, "no reply in time");
    if (got.kind == Got::Kind::kNetwork) co_return Heard(Heard::Kind::kNetwork, std::move(got.why));
    if (got.kind == Got::Kind::kFlooded) {
      // Somebody is guessing (REC-04): a connection cannot be guessed into.
      if (protocol != Protocol::kUdp)
        co_return Heard(Heard::Kind::kRefused, "only foreign messages");
      protocol = Protocol::kTcp;
      continue;
    }

    const TimePoint now = context.scheduler.Now();
    context.stats.Add(Counter::kUpstreamReplies);
    if (got.kind == Got::Kind::kCaseDiffers) {
      if (protocol == Protocol::kUdp) {
        // A server that does not keep the case, or a forger who could not know it. Over TCP both
        // look different.
        protocol = Protocol::kTcp;
        case_doubted = true;
        continue;
      }
      if (case_doubted) context.servers.SetCaseBroken(server, now);
    }
    if (options.edns && RefusesEdns(got.message)) {
      options.edns = false;
      edns_doubted = true;
      continue;
    }
    if (edns_doubted && !RefusesEdns(got.message)) {
      context.servers.SetEdns(server, cache::EdnsSupport::kNo, now);
    }
    if (got.kind == Got::Kind::kBareError) {
      co_return Heard(Heard::Kind::kRefused, ToText(Header::Read(got.message)->rcode()));
    }
    if (protocol == Protocol::kUdp && Header::Read(got.message)->Has(Header::kTc)) {
      protocol = Protocol::kTcp;
      continue;
    }

    if (protocol == Protocol::kTls && Header::Read(got.message)->Has(Header::kTc)) {
      co_return Heard(Heard::Kind::kRefused, "a reply that is truncated over TLS");
    }

    Heard heard;
    heard.kind = Heard::Kind::kMessage;
    heard.rtt = now - (*channel)->LeftAt(sent_at);
    heard.over = protocol;
    RestoreCase(got.message, question.name);
    heard.octets = std::move(got.message);
    co_return heard;
  }
  co_return Heard(Heard::Kind::kRefused, "the server refuses every form of the query");
}

}  // namespace resolve64::resolver::upstream
