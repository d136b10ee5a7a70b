#include "ctl/print.h"

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace resolve64::ctl {
namespace {

using nlohmann::json;

std::string Text(const json& object, const char* key) { return object.at(key).get<std::string>(); }
double Number(const json& object, const char* key) { return object.at(key).get<double>(); }
std::uint64_t Count(const json& object, const char* key) {
  return object.at(key).get<std::uint64_t>();
}

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  char buffer[512];
  std::va_list arguments;
  va_start(arguments, format);
  // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it does not see va_start
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string Uptime(std::uint64_t seconds) {
  const unsigned long days = seconds / 86400;
  return Format("%lu d %02lu:%02lu:%02lu", days, seconds / 3600 % 24, seconds / 60 % 60,
                seconds % 60);
}

std::string Size(std::uint64_t octets) {
  if (octets < 1024) return Format("%lu B", octets);
  if (octets < 1024UL * 1024) return Format("%.1f KiB", static_cast<double>(octets) / 1024);
  return Format("%.1f MiB", static_cast<double>(octets) / (1024UL * 1024));
}

std::string Joined(const json& list, const std::string& between) {
  std::string text;
  for (const json& one : list) {
    if (!text.empty()) text += between;
    text += one.get<std::string>();
  }
  return text;
}

// Seconds since 1970 as people write them.
std::string Moment(const json& seconds) {
  const auto time = static_cast<std::time_t>(seconds.get<std::int64_t>());
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string ValidationLine(const json& validation) {
  if (!validation.at("enabled").get<bool>()) return "validation: off\n";
  std::string text = Format("validation: on, %lu trusted keys", Count(validation, "trusted_keys"));
  if (const std::uint64_t negative = Count(validation, "negative_anchors"); negative != 0) {
    text += Format(", %lu names excepted", negative);
  }
  if (!validation.at("override_time").is_null()) {
    text += ", as if it were " + Moment(validation.at("override_time"));
  }
  return text + "\n";
}

std::string KeyText(const json& key) {
  std::string text = Format("  %5lu  %s, %s ", Count(key, "tag"),
                            Text(key, "algorithm_name").c_str(), Text(key, "digest_name").c_str());
  text += Text(key, "digest") + "\n         " + Text(key, "state");
  if (!key.at("since").is_null()) text += " since " + Moment(key.at("since"));
  const std::string state = Text(key, "state");
  if (state == "configured") text += ", not seen yet";
  if (!key.at("until").is_null()) {
    text +=
        (state == "revoked" ? ", remembered until " : ", not before ") + Moment(key.at("until"));
  }
  return text + (key.at("trusted").get<bool>() ? "; trusted\n" : "; not trusted\n");
}

std::string NegativeText(const json& anchor) {
  std::string text = "  " + Text(anchor, "name") + "  ";
  if (anchor.at("lifted").get<bool>()) {
    text += "not in force: it validates again";
  } else if (anchor.at("until").is_null()) {
    text += "without an end";
  } else {
    text += (anchor.at("holds").get<bool>() ? "until " : "ended ") + Moment(anchor.at("until"));
  }
  return text + "\n";
}

std::string ViewText(const json& view) {
  std::string text = "view " + Text(view, "name") + ": ";
  if (!view.at("dns64").get<bool>()) {
    text += "no DNS64";
  } else {
    std::string prefixes;
    for (const json& prefix : view.at("prefixes")) {
      if (!prefixes.empty()) prefixes += ", ";
      prefixes += Text(prefix, "prefix");
      if (Text(prefix, "state") != "active") prefixes += " (" + Text(prefix, "state") + ")";
    }
    text += prefixes;
  }
  const std::string clients = Joined(view.at("clients"), ", ");
  if (!clients.empty()) text += "; for " + clients;
  return text + "\n";
}

std::string RecordLine(const json& record) {
  return Text(record, "name") + "\t" + std::to_string(Count(record, "ttl")) + "\t" +
         Text(record, "class") + "\t" + Text(record, "type") + "\t" + Text(record, "data") + "\n";
}

std::string SectionText(const json& answer, const char* key, const char* title) {
  const json& records = answer.at(key);
  if (records.empty()) return {};
  std::string text = std::string("\n;; ") + title + " SECTION:\n";
  for (const json& record : records) text += RecordLine(record);
  return text;
}

// What a step has for programs and its sentence does not say.
std::string FieldsText(const json& step) {
  const std::string message = Text(step, "message");
  std::string text;
  for (const auto& [key, value] : step.at("fields").items()) {
    const std::string shown = value.get<std::string>();
    if (message.find(shown) != std::string::npos) continue;
    text += text.empty() ? "  [" : ", ";
    text += key;
    text += ' ';
    text += shown;
  }
  return text.empty() ? text : text + "]";
}

std::string CertificateLine(const json& certificate, std::int64_t now) {
  const std::int64_t days = (certificate.at("not_after").get<std::int64_t>() - now) / 86400;
  const bool self_signed = certificate.at("self_signed").get<bool>();
  return (self_signed ? "self-signed certificate for " : "certificate for ") +
         Joined(certificate.at("for"), " ") + ", " +
         (days < 0 ? "ENDED" : "ends in " + std::to_string(days) + " days") + ", pin " +
         Text(certificate, "pin") + "\n";
}

}  // namespace

std::string StatusText(const json& reply) {
  std::string text = "resolve64 " + Text(reply, "version") + " (" + Text(reply, "build") +
                     "), up " + Uptime(Count(reply, "uptime")) + ", " +
                     std::to_string(Count(reply, "workers")) + " workers\n";
  for (const json& listener : reply.at("listeners")) {
    const std::string address = Text(listener, "address");
    const bool v6 = address.find(':') != std::string::npos;
    text += "listening on " + (v6 ? "[" + address + "]" : address) + ":" +
            std::to_string(Count(listener, "port")) + " over " +
            Joined(listener.at("transports"), " and ");
    if (listener.at("path").is_string()) text += " at " + Text(listener, "path");
    if (listener.at("view").is_string()) text += ", view " + Text(listener, "view");
    text += "\n";
  }
  for (const json& one : reply.at("certificates")) {
    text += CertificateLine(one, reply.at("now").get<std::int64_t>());
  }
  for (const json& view : reply.at("views")) text += ViewText(view);
  text += ValidationLine(reply.at("validation"));
  for (const char* key : {"cache", "delegations", "denials"}) {
    const json& cache = reply.at(key);
    text += Format("%s: %lu entries, %s of %s, %lu evicted\n", key, Count(cache, "entries"),
                   Size(Count(cache, "bytes")).c_str(), Size(Count(cache, "capacity")).c_str(),
                   Count(cache, "evictions"));
  }
  for (const char* key : {"zones", "failures", "servers"}) {
    text += Format("%s: %lu known\n", key, Count(reply.at(key), "entries"));
  }
  return text + Format("TCP, TLS and HTTPS clients: %lu\n", Count(reply, "tcp_clients"));
}

std::string StatsText(const json& reply) {
  std::string text;
  for (const auto& [name, value] : reply.at("counters").items()) {
    text += Format("%-24s %lu\n", name.c_str(), value.get<std::uint64_t>());
  }
  return text;
}

std::string ServersText(const json& reply) {
  std::string text;
  for (const json& server : reply.at("servers")) {
    text += Format("%-44s %8.1f ms  %lu answers, %lu silences", Text(server, "address").c_str(),
                   Number(server, "rtt_ms"), Count(server, "answers"), Count(server, "timeouts"));
    if (Number(server, "dead_ms") > 0) {
      text += Format(", left alone for %.0f ms", Number(server, "dead_ms"));
    }
    if (!server.at("edns").get<bool>()) text += ", no EDNS";
    if (server.at("case_broken").get<bool>()) text += ", changes letter case";
    if (Text(server, "probed_tls") == "works") text += ", answers over TLS";
    if (!Text(server, "failure").empty()) text += ", " + Text(server, "failure");
    const std::string lame = Joined(server.at("lame_for"), ", ");
    if (!lame.empty()) text += ", lame for " + lame;
    text += "\n";
  }
  return text + std::to_string(Count(reply, "known")) + " servers known\n";
}

std::string InflightText(const json& reply) {
  std::string text;
  for (const json& one : reply.at("inflight")) {
    text += Format("%8.0f ms  %s  %lu asked  ", Number(one, "age_ms"),
                   Text(one, "transport").c_str(), Count(one, "upstream_queries")) +
            Text(one, "client") + "  " + Text(one, "name") + " " + Text(one, "type") + "\n";
  }
  return text.empty() ? "nothing in progress\n" : text;
}

std::string AnchorsText(const json& reply) {
  std::string text = reply.at("validation").get<bool>() ? "validation: on" : "validation: off";
  if (reply.at("automatic_update").get<bool>()) {
    text += ", rollovers are followed (RFC 5011), state in " + Text(reply, "state_file");
  } else {
    text += ", rollovers are not followed";
  }
  text += "\n";
  if (!reply.at("trouble").is_null()) text += "trouble: " + Text(reply, "trouble") + "\n";
  for (const json& zone : reply.at("zones")) {
    text += "\n" + Text(zone, "zone");
    if (!zone.at("next_refresh").is_null()) {
      const json& last = zone.at("last_refresh");
      text += last.is_null() ? "  not seen yet" : "  seen " + Moment(last);
      text += ", next " + Moment(zone.at("next_refresh"));
    }
    text += "\n";
    for (const json& key : zone.at("keys")) text += KeyText(key);
  }
  if (!reply.at("negative").empty()) text += "\nnegative trust anchors (RFC 7646)\n";
  for (const json& anchor : reply.at("negative")) text += NegativeText(anchor);
  return text;
}

std::string ExplainText(const json& reply) {
  std::string text = Text(reply, "name") + " " + Text(reply, "type") + ", step by step:\n\n";
  for (const json& step : reply.at("steps")) {
    text += Format("%9.2f ms  %-9s ", Number(step, "at_ms"), Text(step, "area").c_str()) +
            Text(step, "message") + FieldsText(step) + "\n";
  }
  const std::uint64_t left_out = Count(reply, "steps_left_out");
  if (left_out != 0) text += Format("              and %lu steps more\n", left_out);

  const json& answer = reply.at("answer");
  text += Format("\n;; %.2f ms, %lu queries to other servers\n", Number(reply, "took_ms"),
                 Count(reply, "upstream_queries"));
  if (answer.is_null()) return text;
  text += ";; status: " + Text(answer, "status") + ", flags: " + Text(answer, "flags") + "\n";
  for (const json& error : answer.at("ede")) {
    text += ";; EDE: " + std::to_string(Count(error, "code")) + " (" + Text(error, "name") + ")";
    if (!Text(error, "text").empty()) text += ": " + Text(error, "text");
    text += "\n";
  }
  text += "\n;; QUESTION SECTION:\n;" + Text(reply, "name") + "\tIN\t" + Text(reply, "type") + "\n";
  text += SectionText(answer, "answer", "ANSWER");
  text += SectionText(answer, "authority", "AUTHORITY");
  text += SectionText(answer, "additional", "ADDITIONAL");
  return text;
}

}  // namespace resolve64::ctl
