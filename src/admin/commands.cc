#include "admin/commands.h"

#include <optional>
#include <utility>

#include "admin/explain.h"
#include "admin/json.h"
#include "admin/views.h"
#include "base/log.h"
#include "dns/text.h"

namespace resolve64::admin {
namespace {

using server::Service;

Result<json> Flush(Service& service, const json& request) {
  const Result<Name> name = NameOf(request);
  if (!name) return name.error();
  const Result<std::string> type_text = TextOf(request, "type", "");
  if (!type_text) return type_text.error();
  std::optional<RrType> type;
  if (!type_text->empty()) {
    type = ParseRrType(*type_text);
    if (!type) return Error{Errc::kRefused, "\"" + *type_text + "\" is no RR type"};
  }
  const bool below = FlagOf(request, "below");
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

Result<json> SetLevel(const json& request) {
  const Result<std::string> text = TextOf(request, "level", "");
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
  const Result<std::string> command = TextOf(request, "command", "");
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
