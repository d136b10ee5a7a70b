// resolve64ctl: asks a running resolver over its control socket, and works on addresses without
// one.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ctl/client.h"
#include "ctl/print.h"
#include "ctl/profile_command.h"
#include "ctl/translate.h"

namespace {

using nlohmann::json;
using resolve64::Result;

enum ExitCode : int { kDone = 0, kRefused = 1, kBadUsage = 2, kUnreachable = 3 };

constexpr char kDefaultSocket[] = "/run/resolve64/control.sock";

// Sends `request` and prints the reply: `print` for people, the object itself (or its member
// `member`) for programs.
struct Talk {
  std::string socket = kDefaultSocket;
  bool as_json = false;

  int Run(const json& request, const std::function<std::string(const json&)>& print,
          const char* member = nullptr) const {
    Result<json> reply = resolve64::ctl::Ask(socket, request);
    if (!reply) {
      std::fprintf(stderr, "resolve64ctl: %s\n", reply.error().text.c_str());
      return kUnreachable;
    }
    if (!reply->at("ok").get<bool>()) {
      std::fprintf(stderr, "resolve64ctl: %s\n", reply->value("error", "refused").c_str());
      PrintLines(*reply, stderr);
      return kRefused;
    }
    if (as_json) {
      reply->erase("ok");
      const json& shown = member != nullptr ? reply->at(member) : *reply;
      std::printf("%s\n", shown.dump(2).c_str());
    } else {
      std::fputs(print(*reply).c_str(), stdout);
      PrintLines(*reply, stdout);
    }
    return kDone;
  }

 private:
  static void PrintLines(const json& reply, std::FILE* out) {
    for (const json& line : reply.value("lines", json::array())) {
      std::fprintf(out, "%s\n", line.get<std::string>().c_str());
    }
  }
};

// What the commands are given.
struct Arguments {
  std::string name;
  std::string type;
  std::string view;
  std::string client;
  std::string level;
  std::string address;
  std::vector<std::string> addresses;
  std::vector<std::string> prefixes;
  bool below = false;
  bool cd_bit = false;
  bool do_bit = false;
};

void AddResolverCommands(CLI::App& app, Talk& talk, Arguments& given,
                         std::function<int()>& command) {
  using resolve64::ctl::ExplainText;
  const auto simple = [&](const char* name, const char* about, std::string (*print)(const json&),
                          const char* member) {
    CLI::App* sub = app.add_subcommand(name, about);
    sub->add_flag("--json", talk.as_json, "for programs");
    sub->callback([&talk, &command, name, print, member] {
      command = [&talk, name, print, member] {
        return talk.Run({{"command", name}}, print, member);
      };
    });
  };
  simple("status", "listeners, views and their prefixes, validation, caches",
         resolve64::ctl::StatusText, nullptr);
  simple("stats", "what was counted since the start", resolve64::ctl::StatsText, "counters");
  simple("servers", "what is known of upstream servers", resolve64::ctl::ServersText, "servers");
  simple("anchors", "keys that are trusted, their state, and names that are not validated",
         resolve64::ctl::AnchorsText, nullptr);
  simple("inflight", "questions in progress", resolve64::ctl::InflightText, "inflight");

  CLI::App* reload = app.add_subcommand("reload", "read configuration, zones and root hints again");
  reload->callback([&] {
    command = [&talk] {
      return talk.Run({{"command", "reload"}}, [](const json&) { return "reloaded\n"; });
    };
  });

  CLI::App* flush = app.add_subcommand("flush", "forget a name");
  flush->add_option("NAME", given.name, "the name")->required();
  flush->add_flag("--below", given.below, "and everything below it");
  flush->add_option("--type", given.type, "only this type");
  flush->callback([&] {
    command = [&talk, &given] {
      json request = {{"command", "flush"}, {"name", given.name}, {"below", given.below}};
      if (!given.type.empty()) request["type"] = given.type;
      return talk.Run(request, [](const json& reply) {
        return std::to_string(reply.at("flushed").get<std::size_t>()) + " entries forgotten\n";
      });
    };
  });

  CLI::App* explain = app.add_subcommand(
      "explain", "resolve a name and tell, step by step, how its answer comes about");
  explain->add_option("NAME", given.name, "the name")->required();
  explain->add_option("TYPE", given.type, "the type; AAAA without one");
  explain->add_option("--view", given.view, "answer from this view");
  explain->add_option("--client", given.client, "as if this address had asked");
  explain->add_flag("--cd", given.cd_bit, "with CD (RFC 4035 section 3.2.2)");
  explain->add_flag("--do", given.do_bit, "with DO (RFC 3225)");
  explain->add_flag("--json", talk.as_json, "for programs");
  explain->callback([&] {
    command = [&talk, &given] {
      json request = {
          {"command", "explain"}, {"name", given.name}, {"cd", given.cd_bit}, {"do", given.do_bit}};
      if (!given.type.empty()) request["type"] = given.type;
      if (!given.view.empty()) request["view"] = given.view;
      if (!given.client.empty()) request["client"] = given.client;
      return talk.Run(request, ExplainText);
    };
  });

  CLI::App* log = app.add_subcommand("log", "set the level of the log until the next reload");
  log->add_option("LEVEL", given.level, "error, warn, info or debug")->required();
  log->callback([&] {
    command = [&talk, &given] {
      return talk.Run({{"command", "log"}, {"level", given.level}},
                      [](const json&) { return std::string(); });
    };
  });
}

void AddAddressCommands(CLI::App& app, Arguments& given, std::function<int()>& command) {
  CLI::App* decode = app.add_subcommand(
      "decode", "which IPv4 address is in an IPv6 address, and under which prefix");
  decode->add_option("ADDR", given.addresses,
                     "IPv6 addresses; without any they are read from standard input, one a line");
  decode->add_option("--prefix", given.prefixes, "NAT64 prefixes to try; 64:ff9b::/96 without one")
      ->expected(1)
      ->take_all();
  decode->callback([&] {
    command = [&given] {
      return resolve64::ctl::Decode(given.addresses, given.prefixes, std::cin, std::cout,
                                    std::cerr);
    };
  });

  CLI::App* encode = app.add_subcommand("encode", "the address of an IPv4 address under a prefix");
  encode->add_option("IPV4", given.address, "the IPv4 address")->required();
  encode->add_option("--prefix", given.prefixes, "the NAT64 prefix")
      ->required()
      ->expected(1)
      ->take_all();
  encode->callback([&] {
    command = [&given] {
      return resolve64::ctl::Encode(given.address, given.prefixes, std::cout, std::cerr);
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("resolve64ctl: talks to a running resolve64, and works on addresses without one");
  Talk talk;
  Arguments given;
  std::function<int()> command;
  app.add_option("-s,--socket", talk.socket, "the control socket")->capture_default_str();
  app.require_subcommand(1);
  AddResolverCommands(app, talk, given, command);
  AddAddressCommands(app, given, command);
  resolve64::ctl::AddProfileCommand(app, talk.socket, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadUsage;
  }
  try {
    return command();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "resolve64ctl: %s\n", fault.what());
    return kRefused;
  }
}
