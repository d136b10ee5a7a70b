#include "admin/commands.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "dns/message_builder.h"
#include "dns/text.h"
#include "dnssec/algorithm.h"

namespace resolve64::admin {
namespace {

using nlohmann::json;
using server::Service;

constexpr std::size_t kMaxServers = 1000;
constexpr std::size_t kMaxInflight = 200;

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string Dump(const json& reply) {
  // Octets that are no UTF-8 come from outside and must not end the conversation.
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string Refuse(const std::string& text) { return Dump({{"ok", false}, {"error", text}}); }

//--- Arguments ---

Result<std::string> Text(const json& request, const char* key, const std::string& otherwise) {
  const auto at = request.find(key);
  if (at == request.end() || at->is_null()) return otherwise;
  if (!at->is_string()) {
    return Error{Errc::kRefused, std::string("\"") + key + "\" is a text"};
  }
  return at->get<std::string>();
}

bool Flag(const json& request, const char* key) {
  const auto at = request.find(key);
  return at != request.end() && at->is_boolean() && at->get<bool>();
}

//--- anchors ---

template <class T>
json OrNull(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json Anchors(const Service& service) {
  const server::AnchorReport report = service.Anchors();
  json zones = json::array();
  for (const server::AnchorReport::Zone& zone : report.zones) {
    json keys = json::array();
    for (const server::AnchorReport::Key& key : zone.keys) {
      keys.push_back({{"tag", key.tag},
                      {"algorithm", key.algorithm},
                      {"algorithm_name", dnssec::AlgorithmName(key.algorithm)},
                      {"digest_type", key.digest_type},
                      {"digest_name", dnssec::DigestName(key.digest_type)},
                      {"digest", key.digest},
                      {"state", key.state},
                      {"since", OrNull(key.since)},
                      {"until", OrNull(key.until)},
                      {"trusted", key.trusted}});
    }
    zones.push_back({{"zone", zone.zone.ToText()},
                     {"keys", std::move(keys)},
                     {"last_refresh", OrNull(zone.seen)},
                     {"next_refresh", OrNull(zone.next_refresh)}});
  }
  json negative = json::array();
  for (const server::AnchorReport::Negative& anchor : report.negative) {
    negative.push_back({{"name", anchor.name.ToText()},
                        {"until", OrNull(anchor.until)},
                        {"holds", anchor.holds},
                        {"lifted", anchor.lifted}});
  }
  return {{"validation", report.validation},
          {"automatic_update", report.automatic_update},
          {"state_file", report.state_file.empty() ? json(nullptr) : json(report.state_file)},
          {"trouble", report.trouble.empty() ? json(nullptr) : json(report.trouble)},
          {"now", report.now},
          {"zones", std::move(zones)},
          {"negative", std::move(negative)}};
}

json ValidationJson(const Service& service) {
  const server::AnchorReport report = service.Anchors();
  std::size_t trusted = 0;
  for (const server::AnchorReport::Zone& zone : report.zones) {
    trusted += static_cast<std::size_t>(std::count_if(zone.keys.begin(), zone.keys.end(),
                                                      [](const auto& key) { return key.trusted; }));
  }
  const auto negative = std::count_if(report.negative.begin(), report.negative.end(),
                                      [](const auto& anchor) { return anchor.holds; });
  return {{"enabled", report.validation},
          {"trusted_keys", trusted},
          {"negative_anchors", negative},
          {"override_time", OrNull(service.snapshot().settings->dnssec.override_time)}};
}

//--- status, stats, servers ---

json CacheJson(const cache::CacheStats& stats) {
  return {{"entries", stats.entries}, {"bytes", stats.cost},    {"capacity", stats.capacity},
          {"hits", stats.hits},       {"misses", stats.misses}, {"evictions", stats.evictions}};
}

json ViewJson(const server::View& view) {
  json clients = json::array();
  for (const Network& network : view.clients) clients.push_back(network.ToText());
  json prefixes = json::array();
  for (const Dns64Prefix& prefix : view.policy.prefixes) {
    prefixes.push_back(
        {{"prefix", prefix.prefix.ToText()}, {"state", prefix.draining ? "draining" : "active"}});
  }
  return {{"name", view.name},
          {"clients", std::move(clients)},
          {"dns64", view.policy.enabled},
          {"prefixes", std::move(prefixes)}};
}

json TransportsJson(const config::Listener& listener) {
  switch (listener.transport) {
    case config::Listener::Transport::kDns:
      return {"udp", "tcp"};
    case config::Listener::Transport::kTls:
      return json::array({"tls"});
    case config::Listener::Transport::kHttps:
      return json::array({"https"});
  }
  return json::array();
}

json CertificatesJson(const Service& service) {
  json list = json::array();
  if (service.tls() == nullptr) return list;
  for (const net::CertificatePtr& certificate : service.tls()->certificates()) {
    const net::CertificateInfo& info = certificate->info();
    json subjects = info.names;
    for (const IpAddress& address : info.addresses) subjects.push_back(address.ToText());
    list.push_back({{"for", std::move(subjects)},
                    {"not_after", info.not_after},
                    {"pin", info.spki_pin},
                    {"self_signed", info.self_signed}});
  }
  return list;
}

json Status(Service& service, const std::string& config_path) {
  const server::Snapshot& snapshot = service.snapshot();
  json listeners = json::array();
  for (const config::Listener& listener : snapshot.config->listen) {
    listeners.push_back(
        {{"address", listener.address.ToText()},
         {"port", listener.port},
         {"transports", TransportsJson(listener)},
         {"path", listener.transport == config::Listener::Transport::kHttps ? json(listener.path)
                                                                            : json(nullptr)},
         {"view", listener.view ? json(*listener.view) : json(nullptr)}});
  }
  json views = json::array();
  for (const server::ViewPtr& view : snapshot.views.list) views.push_back(ViewJson(*view));
  views.push_back(ViewJson(*snapshot.views.fallback));
  resolver::Caches& caches = service.caches();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(service.clock().Now() - service.started());
  return {{"version", R64_VERSION},
          {"build", R64_BUILD_TYPE},
          {"uptime", uptime.count()},
          {"config", config_path},
          {"now", service.clock().WallSeconds()},
          {"workers", service.workers()},
          {"tcp_clients", service.tcp_clients()},
          {"listeners", std::move(listeners)},
          {"certificates", CertificatesJson(service)},
          {"views", std::move(views)},
          {"validation", ValidationJson(service)},
          {"cache", CacheJson(caches.rrsets.stats())},
          {"answers", CacheJson(service.answers())},
          {"delegations", CacheJson(caches.delegations.stats())},
          {"denials", CacheJson(caches.denials.stats())},
          {"zones", CacheJson(caches.trust.stats())},
          {"failures", CacheJson(caches.failures.stats())},
          {"servers", CacheJson(caches.servers.stats())}};
}

json Stats(Service& service) {
  json counters = json::object();
  for (std::size_t i = 0; i < resolver::kCounterNames.size(); ++i) {
    counters[std::string(resolver::kCounterNames[i])] =
        service.Count(static_cast<resolver::Counter>(i));
  }
  return {{"counters", std::move(counters)}};
}

// RFC 9539: whether a server that nobody said anything of answers over TLS.
const char* ProbedText(cache::ProbedTls probed) {
  switch (probed) {
    case cache::ProbedTls::kUnknown:
      return "unknown";
    case cache::ProbedTls::kWorks:
      return "works";
    case cache::ProbedTls::kFailed:
      return "failed";
  }
  return "unknown";
}

json Servers(Service& service) {
  const TimePoint now = service.clock().Now();
  std::vector<cache::ServerInfo> servers = service.caches().servers.List(now);
  std::sort(servers.begin(), servers.end(),
            [](const auto& a, const auto& b) { return a.answers > b.answers; });
  const std::size_t known = servers.size();
  if (servers.size() > kMaxServers) servers.resize(kMaxServers);
  json list = json::array();
  for (const cache::ServerInfo& server : servers) {
    json lame = json::array();
    for (const cache::Lameness& one : server.lame) lame.push_back(one.zone.ToText());
    list.push_back({{"address", server.server.ToText()},
                    {"rtt_ms", Milliseconds(server.srtt)},
                    {"answers", server.answers},
                    {"timeouts", server.timeouts},
                    {"timeouts_in_row", server.timeouts_in_row},
                    {"dead_ms", server.dead ? Milliseconds(server.dead_until - now) : 0.0},
                    {"edns", server.edns != cache::EdnsSupport::kNo},
                    {"case_broken", server.case_broken},
                    {"probed_tls", ProbedText(server.probed_tls)},
                    {"failure", server.failure},
                    {"lame_for", std::move(lame)}});
  }
  return {{"servers", std::move(list)}, {"known", known}};
}

//--- flush ---

Result<json> Flush(Service& service, const json& request) {
  const Result<std::string> text = Text(request, "name", "");
  if (!text) return text.error();
  const Result<Name> name = Name::Parse(*text);
  if (!name)
    return Error{Errc::kRefused, "\"" + *text + "\" is no domain name: " + name.error().text};
  const Result<std::string> type_text = Text(request, "type", "");
  if (!type_text) return type_text.error();
  std::optional<RrType> type;
  if (!type_text->empty()) {
    type = ParseRrType(*type_text);
    if (!type) return Error{Errc::kRefused, "\"" + *type_text + "\" is no RR type"};
  }
  const bool below = Flag(request, "below");
  if (below && type) return Error{Errc::kRefused, "a subtree is flushed with all its types"};

  resolver::Caches& caches = service.caches();
  std::size_t gone = 0;
  if (below) {
    gone = caches.rrsets.FlushBelow(*name);
    caches.delegations.FlushBelow(*name);
    caches.trust.FlushBelow(*name);
    caches.failures.FlushBelow(*name);
  } else if (type) {
    gone = caches.rrsets.Flush(*name, *type);
    caches.failures.Forget(*name, *type);
  } else {
    gone = caches.rrsets.Flush(*name);
    caches.delegations.Flush(*name);
    caches.trust.FlushBelow(*name);
    caches.failures.Flush(*name);
  }
  caches.denials.FlushBelow(*name);
  caches.Forgot();
  return json{{"flushed", gone}};
}

//--- explain ---

json AnswerJson(std::span<const std::uint8_t> octets) {
  const Result<MessageView> message = MessageView::Parse(octets);
  if (!message) return nullptr;
  json sections = {
      {"answer", json::array()}, {"authority", json::array()}, {"additional", json::array()}};
  for (const dns::RecordText& record : dns::RecordsToText(*message)) {
    const char* section = record.section == Section::kAnswer      ? "answer"
                          : record.section == Section::kAuthority ? "authority"
                                                                  : "additional";
    sections[section].push_back({{"name", record.owner},
                                 {"ttl", record.ttl},
                                 {"class", record.rclass},
                                 {"type", record.type},
                                 {"data", record.rdata}});
  }
  json errors = json::array();
  if (message->edns()) {
    for (const EdnsOption& option : message->edns()->options) {
      if (option.code != dns::kOptionEde || option.data.size() < 2) continue;
      const auto code = static_cast<std::uint16_t>(option.data[0] << 8 | option.data[1]);
      errors.push_back({{"code", code},
                        {"name", ToText(static_cast<Ede>(code))},
                        {"text", std::string(option.data.begin() + 2, option.data.end())}});
    }
  }
  sections["status"] = ToText(message->rcode());
  sections["flags"] = dns::FlagsToText(message->header());
  sections["ede"] = std::move(errors);
  return sections;
}

json ExplanationJson(const server::Explanation& told, const Question& question) {
  json steps = json::array();
  for (const resolver::TraceEvent& event : told.events) {
    json fields = json::object();
    for (const auto& [key, value] : event.fields) fields[key] = value;
    steps.push_back({{"at_ms", Milliseconds(event.at - told.started)},
                     {"area", event.area},
                     {"message", event.message},
                     {"fields", std::move(fields)}});
  }
  return {{"name", question.name.ToText()},
          {"type", ToText(question.type)},
          {"view", told.view},
          {"took_ms", Milliseconds(told.took)},
          {"upstream_queries", told.upstream_queries},
          {"steps", std::move(steps)},
          {"steps_left_out", told.events_dropped},
          {"answer", AnswerJson(told.message)}};
}

Result<server::ExplainRequest> ReadExplain(const json& request) {
  server::ExplainRequest wanted;
  const Result<std::string> name_text = Text(request, "name", "");
  if (!name_text) return name_text.error();
  const Result<Name> name = Name::Parse(*name_text);
  if (!name) {
    return Error{Errc::kRefused, "\"" + *name_text + "\" is no domain name: " + name.error().text};
  }
  const Result<std::string> type_text = Text(request, "type", "AAAA");
  if (!type_text) return type_text.error();
  const std::optional<RrType> type = ParseRrType(*type_text);
  if (!type) return Error{Errc::kRefused, "\"" + *type_text + "\" is no RR type"};
  const Result<std::string> client_text = Text(request, "client", "::1");
  if (!client_text) return client_text.error();
  const Result<IpAddress> client = IpAddress::Parse(*client_text);
  if (!client) return client.error();
  const Result<std::string> view = Text(request, "view", "");
  if (!view) return view.error();
  wanted.question = Question(*name, *type);
  wanted.client = *client;
  wanted.view = *view;
  wanted.cd_bit = Flag(request, "cd");
  wanted.do_bit = Flag(request, "do");
  return wanted;
}

void Explain(Service& service, const json& request, const std::function<void(std::string)>& done) {
  const Result<server::ExplainRequest> wanted = ReadExplain(request);
  if (!wanted) {
    done(Refuse(wanted.error().text));
    return;
  }
  service.Explain(*wanted, [done, question = wanted->question](const server::Explanation& told) {
    if (!told.error.empty()) {
      done(Refuse(told.error));
      return;
    }
    json reply = ExplanationJson(told, question);
    reply["ok"] = true;
    done(Dump(reply));
  });
}

//--- The others ---

void Inflight(Service& service, const std::function<void(std::string)>& done) {
  service.Inflight(kMaxInflight, [done](std::vector<server::InflightQuestion> questions) {
    std::sort(questions.begin(), questions.end(),
              [](const auto& a, const auto& b) { return a.age > b.age; });
    if (questions.size() > kMaxInflight) questions.resize(kMaxInflight);
    json list = json::array();
    for (const server::InflightQuestion& one : questions) {
      list.push_back({{"name", one.name},
                      {"type", ToText(one.type)},
                      {"client", one.client.ToText()},
                      {"transport", ToText(one.transport)},
                      {"age_ms", Milliseconds(one.age)},
                      {"upstream_queries", one.upstream_queries}});
    }
    done(Dump({{"ok", true}, {"inflight", std::move(list)}}));
  });
}

Result<json> SetLevel(const json& request) {
  const Result<std::string> text = Text(request, "level", "");
  if (!text) return text.error();
  const std::optional<LogLevel> level = ParseLogLevel(*text);
  if (!level) {
    return Error{Errc::kRefused, "\"" + *text + "\": a level is error, warn, info or debug"};
  }
  SetLogLevel(*level);
  return json{{"level", *text}};
}

void Reply(Result<json> result, const std::function<void(std::string)>& done) {
  if (!result) {
    done(Refuse(result.error().text));
    return;
  }
  json reply = *std::move(result);
  reply["ok"] = true;
  done(Dump(reply));
}

}  // namespace

void Commands::Execute(std::string_view text, const std::function<void(std::string)>& done) {
  const json request = json::parse(text, nullptr, false);
  if (!request.is_object()) {
    done(Refuse("a request is one JSON object on one line"));
    return;
  }
  const Result<std::string> command = Text(request, "command", "");
  if (!command) {
    done(Refuse(command.error().text));
  } else if (*command == "status") {
    Reply(Status(service_, reloader_.config_path()), done);
  } else if (*command == "stats") {
    Reply(Stats(service_), done);
  } else if (*command == "anchors") {
    Reply(Anchors(service_), done);
  } else if (*command == "servers") {
    Reply(Servers(service_), done);
  } else if (*command == "flush") {
    Reply(Flush(service_, request), done);
  } else if (*command == "log") {
    Reply(SetLevel(request), done);
  } else if (*command == "inflight") {
    Inflight(service_, done);
  } else if (*command == "explain") {
    Explain(service_, request, done);
  } else if (*command == "reload") {
    reloader_.Run([done](const ReloadOutcome& outcome) {
      json reply = {{"ok", outcome.done}, {"lines", outcome.lines}};
      if (!outcome.done) reply["error"] = "the new configuration does not load, the old one stays";
      done(Dump(reply));
    });
  } else {
    done(Refuse("there is no command \"" + *command + "\""));
  }
}

}  // namespace resolve64::admin
