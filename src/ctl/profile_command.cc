#include "ctl/profile_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "config/state_path.h"
#include "ctl/client.h"
#include "ctl/profile.h"
#include "net/certificate.h"
#include "server/sockets.h"

namespace resolve64::ctl {
namespace {

using nlohmann::json;

enum ExitCode : int { kDone = 0, kRefused = 1, kBadUsage = 2 };

constexpr char kDefaultConfig[] = "/etc/resolve64/resolve64.json";

struct Options {
  std::string kind;
  std::string config;
  std::string view;
  std::string name;
  std::string transport;
  std::string output;
  std::vector<std::string> addresses;
};

int Fail(const std::string& text, int code = kRefused) {
  std::fprintf(stderr, "resolve64ctl: %s\n", text.c_str());
  return code;
}

int ListKinds() {
  for (const ProfileKind& kind : ProfileKinds()) {
    std::printf("%-18s%s\n", std::string(kind.name).c_str(), std::string(kind.about).c_str());
  }
  return kDone;
}

// Where the configuration is: that of the resolver that runs, where it says so.
std::string ConfigFile(const Options& options, const std::string& socket) {
  if (!options.config.empty()) return options.config;
  const Result<json> status = Ask(socket, {{"command", "status"}});
  if (status && status->contains("config") && status->at("config").is_string()) {
    return status->at("config").get<std::string>();
  }
  return kDefaultConfig;
}

// Those that clients see.
Result<std::vector<net::CertificatePtr>> Certificates(const config::Config& config) {
  std::vector<config::CertificateFiles> files = config.tls.certificates;
  const bool kept = files.empty();
  if (kept) {
    const std::string path = config::StatePath(config.tls.state_file, config::kCertificateState);
    files.push_back({path, path});
  }
  std::vector<net::CertificatePtr> certificates;
  for (const config::CertificateFiles& one : files) {
    Result<net::CertificatePtr> read = net::ReadCertificate(one.certificate, one.key);
    if (!read && kept) {
      return Error{Errc::kBadFile, read.error().text +
                                       " (the self-signed certificate, which the resolver makes at "
                                       "its first start and only its user and root can read)"};
    }
    if (!read) return read.error();
    certificates.push_back(*std::move(read));
  }
  return certificates;
}

int Write(const Options& options, const Profile& profile) {
  if (options.output.empty()) {
    std::fputs(profile.text.c_str(), stdout);
  } else {
    std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
    file << profile.text;
    file.close();
    if (!file) return Fail(options.output + ": cannot be written");
  }
  for (const std::string& note : profile.notes) {
    std::fprintf(stderr, "resolve64ctl: %s\n", note.c_str());
  }
  return kDone;
}

int Run(const Options& options, const std::string& socket) {
  if (options.kind.empty()) return ListKinds();
  ProfileRequest request;
  request.kind = options.kind;
  request.view = options.view;
  request.name = options.name;
  if (!options.transport.empty()) {
    request.transport = options.transport == "tls" ? config::Listener::Transport::kTls
                                                   : config::Listener::Transport::kHttps;
  }
  for (const std::string& text : options.addresses) {
    const Result<IpAddress> address = IpAddress::Parse(text);
    if (!address) return Fail("--address: " + address.error().text, kBadUsage);
    request.addresses.push_back(*address);
  }

  const config::ReadResult read = config::ReadConfigFile(ConfigFile(options, socket));
  for (const config::Diagnostic& error : read.errors) {
    std::fprintf(stderr, "%s\n", error.ToText().c_str());
  }
  if (read.config == nullptr) return kRefused;
  // Without a listener there is no certificate either, and the reason is the first of the two.
  const bool encrypted = std::any_of(read.config->listen.begin(), read.config->listen.end(),
                                     [](const config::Listener& one) {
                                       return one.transport != config::Listener::Transport::kDns;
                                     });
  std::vector<net::CertificatePtr> certificates;
  if (encrypted) {
    Result<std::vector<net::CertificatePtr>> found = Certificates(*read.config);
    if (!found) return Fail(found.error().text);
    certificates = *std::move(found);
  }
  const Result<ProfileTarget> target = FindTarget(
      request, *read.config, certificates, server::HostAddresses(), SystemClock().WallSeconds());
  if (!target) return Fail(target.error().text);
  const bool colour = options.output.empty() && ::isatty(STDOUT_FILENO) == 1;
  const Result<Profile> profile = MakeProfile(options.kind, *target, colour);
  if (!profile) return Fail(profile.error().text);
  return Write(options, *profile);
}

}  // namespace

void AddProfileCommand(CLI::App& app, const std::string& socket, std::function<int()>& command) {
  std::vector<std::string> kinds;
  for (const ProfileKind& kind : ProfileKinds()) kinds.emplace_back(kind.name);
  const auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand(
      "profile", "what a phone or a laptop needs to ask this resolver, encrypted");
  sub->add_option("KIND", options->kind, "for what; without it, all kinds are listed")
      ->check(CLI::IsMember(kinds));
  sub->add_option("-c,--config", options->config,
                  "the configuration; without it, that of the running resolver, else " +
                      std::string(kDefaultConfig));
  sub->add_option("--view", options->view, "for clients of this view");
  sub->add_option("--name", options->name,
                  "the name of the resolver; the first of its certificate without it");
  sub->add_option("--transport", options->transport, "tls or https")
      ->check(CLI::IsMember({"tls", "https"}));
  sub->add_option("--address", options->addresses,
                  "where clients reach it, where that is not where it listens; may be repeated")
      ->expected(1)
      ->take_all();
  sub->add_option("-o,--output", options->output, "write to this file");
  sub->callback([options, &socket, &command] {
    command = [options, &socket] { return Run(*options, socket); };
  });
}

}  // namespace resolve64::ctl
