#include "admin/explain.h"

#include <optional>
#include <span>
#include <utility>

#include "admin/json.h"
#include "dns/message_builder.h"
#include "dns/text.h"

namespace resolve64::admin {
namespace {

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
  const Result<Name> name = NameOf(request);
  if (!name) return name.error();
  const Result<std::string> type_text = TextOf(request, "type", "AAAA");
  if (!type_text) return type_text.error();
  const std::optional<RrType> type = ParseRrType(*type_text);
  if (!type) return Error{Errc::kRefused, "\"" + *type_text + "\" is no RR type"};
  const Result<std::string> client_text = TextOf(request, "client", "::1");
  if (!client_text) return client_text.error();
  const Result<IpAddress> client = IpAddress::Parse(*client_text);
  if (!client) return client.error();
  const Result<std::string> view = TextOf(request, "view", "");
  if (!view) return view.error();
  wanted.question = Question(*name, *type);
  wanted.client = *client;
  wanted.view = *view;
  wanted.cd_bit = FlagOf(request, "cd");
  wanted.do_bit = FlagOf(request, "do");
  return wanted;
}

}  // namespace

void Explain(server::Service& service, const json& request,
             const std::function<void(std::string)>& done) {
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

}  // namespace resolve64::admin
