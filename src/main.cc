// resolve64: reads the options and the configuration, builds the service, runs it. Wiring only.
#include <grp.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "admin/commands.h"
#include "admin/control.h"
#include "admin/reload.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "server/service.h"

// Its header redefines true and false.
extern "C" const char* ldns_version(void);

namespace {

using resolve64::Log;
using resolve64::LogLevel;
using resolve64::Result;

enum ExitCode : int { kDone = 0, kBadConfiguration = 1, kBadUsage = 2, kCannotBind = 3 };

constexpr char kDefaultConfig[] = "/etc/resolve64/resolve64.json";

int PrintVersion() {
  std::printf("resolve64 %s (%s)\nldns %s, libuv %s, %s\n", R64_VERSION, R64_BUILD_TYPE,
              ldns_version(), uv_version_string(), OpenSSL_version(OPENSSL_VERSION));
  return kDone;
}

void PrintLines(const char* before, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::fprintf(stderr, "%s%s\n", before, line.c_str());
}

// A question on the wire has a socket of its own: as many as we may have.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Becomes the configured user, where we are root. Empty, or why that is impossible.
std::string DropPrivileges(const resolve64::config::RunAs& run_as,
                           resolve64::admin::Control& control) {
  if (!run_as.enabled || ::geteuid() != 0) return {};
  const passwd* user = ::getpwnam(run_as.user.c_str());
  // Who is not there costs the name service a millisecond, which is not spent twice.
  const group* group = user == nullptr ? nullptr : ::getgrnam(run_as.group.c_str());
  if (user == nullptr || group == nullptr) {
    const std::string missing =
        user == nullptr ? "there is no user " + run_as.user : "there is no group " + run_as.group;
    if (run_as.written) return "run_as: " + missing;
    Log(LogLevel::kWarn, "main", "running as root", {{"reason", missing}});
    return {};
  }
  control.GiveTo(user->pw_uid, group->gr_gid);
  if (::setgroups(1, &group->gr_gid) != 0 ||
      ::setresgid(group->gr_gid, group->gr_gid, group->gr_gid) != 0 ||
      ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
    return std::string("run_as: cannot become ") + run_as.user + ": " + std::strerror(errno);
  }
  return {};
}

// The protocol of sd_notify(3): one datagram. A library for that would be the only one we take from
// systemd, which not every host has.
void NotifySystemd(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  // Nobody there: nobody waits for it.
  (void)::sendto(fd, state, std::strlen(state), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  ::close(fd);
}

// SIGHUP reloads; SIGTERM and SIGINT end: what is in progress is answered first.
class Signals {
 public:
  static constexpr std::array<int, 3> kNumbers = {SIGHUP, SIGTERM, SIGINT};
  /// Outlives the loop, which closes them.
  using Handles = std::array<uv_signal_t, kNumbers.size()>;

  Signals(resolve64::net::Loop& loop, resolve64::server::Service& service,
          resolve64::admin::Reloader& reloader, Handles& handles)
      : loop_(loop), service_(service), reloader_(reloader) {
    for (std::size_t i = 0; i < kNumbers.size(); ++i) {
      uv_signal_init(loop.uv(), &handles[i]);
      handles[i].data = this;
      uv_signal_start(&handles[i], &Signals::OnSignal, kNumbers[i]);
    }
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  static void OnSignal(uv_signal_t* handle, int number) noexcept {
    Signals& self = *static_cast<Signals*>(handle->data);
    if (self.stopping_) return;
    if (number == SIGHUP) {
      self.reloader_.Run([](const resolve64::admin::ReloadOutcome&) {});
      return;
    }
    self.stopping_ = true;
    NotifySystemd("STOPPING=1");
    Log(LogLevel::kInfo, "main", "ending", {{"signal", std::to_string(number)}});
    self.service_.Stop([&self] { self.loop_.Stop(); });
  }

  resolve64::net::Loop& loop_;
  resolve64::server::Service& service_;
  resolve64::admin::Reloader& reloader_;
  bool stopping_ = false;
};

// The loop's handlers end with it: a second SIGTERM, of somebody in a hurry, must not turn an end
// in good order into a crash in the eyes of who supervises.
void HoldSignals() noexcept {
  sigset_t held{};
  sigemptyset(&held);
  for (const int number : Signals::kNumbers) sigaddset(&held, number);
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
}

int Serve(const std::string& config_path, resolve64::server::SnapshotPtr snapshot) {
  const resolve64::SystemClock clock;
  const std::shared_ptr<const resolve64::config::Config> config = snapshot->config;
  resolve64::InitLog(LogLevel::kInfo, config->log.format == resolve64::config::LogFormat::kJson
                                          ? resolve64::LogFormat::kJson
                                          : resolve64::LogFormat::kText);
  resolve64::admin::ApplyLogLevel(config->log);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(bugprone-signal-handler)
  RaiseDescriptorLimit();

  Signals::Handles handles{};
  resolve64::net::Loop loop(clock);
  resolve64::server::Service service(clock, loop, std::move(snapshot));
  if (const Result<bool> bound = service.Bind(); !bound) {
    PrintLines("resolve64: ", {bound.error().text});
    return kCannotBind;
  }
  resolve64::admin::Control control(loop);
  if (config->admin.control) {
    const Result<bool> opened = control.Open(*config->admin.control);
    if (!opened) {
      Log(LogLevel::kWarn, "main", "no control socket", {{"reason", opened.error().text}});
    }
  }
  if (const std::string refused = DropPrivileges(config->run_as, control); !refused.empty()) {
    PrintLines("resolve64: ", {refused});
    return kBadConfiguration;
  }
  if (const Result<bool> started = service.Start(); !started) {
    PrintLines("resolve64: ", {started.error().text});
    return kCannotBind;
  }
  resolve64::admin::Reloader reloader(service, config_path);
  resolve64::admin::Commands commands(service, reloader);
  const Result<bool> listening = control.Start(
      [&commands](std::string_view request, const std::function<void(std::string)>& done) {
        commands.Execute(request, done);
      });
  if (!listening) {
    Log(LogLevel::kWarn, "main", "no control socket", {{"reason", listening.error().text}});
  }
  const Signals signals(loop, service, reloader, handles);

  std::fprintf(stderr, "resolve64 ready: %s\n", service.ListenersText().c_str());
  NotifySystemd("READY=1");
  loop.Run();
  HoldSignals();
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("resolve64: a DNS64 recursive resolver");
  std::string config_path = kDefaultConfig;
  bool check = false;
  bool version = false;
  app.add_option("-c,--config", config_path, "the configuration file")->capture_default_str();
  app.add_flag("--check", check, "read the configuration, open nothing; exit code 0 or 1");
  app.add_flag("--version", version, "print the version and those of its libraries");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadUsage;
  }
  if (version) return PrintVersion();

  try {
    resolve64::admin::Loaded loaded = resolve64::admin::Load(config_path);
    PrintLines("", loaded.errors);
    PrintLines("warning: ", loaded.warnings);
    if (loaded.snapshot == nullptr) return kBadConfiguration;
    if (check) return kDone;
    return Serve(config_path, std::move(loaded.snapshot));
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "resolve64: %s\n", fault.what());
    return kCannotBind;
  }
}
