#include "server/certificate_keeper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "config/state_path.h"
#include "config/values.h"
#include "server/secret_file.h"
#include "server/sockets.h"

namespace resolve64::server {
namespace {

constexpr std::size_t kMaxStateFile = std::size_t{1} << 20U;
constexpr std::int64_t kDay = 86400;

bool NeedsTls(const config::Config& config) {
  return std::any_of(config.listen.begin(), config.listen.end(), [](const auto& listener) {
    return listener.transport != config::Listener::Transport::kDns;
  });
}

// What a self-signed certificate is for, where the configuration does not say. Empty where this
// host has no name that a certificate can hold ("(none)", say).
std::string HostName() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return {};
  return config::HostName(buffer.data()).value_or(std::string());
}

std::vector<IpAddress> ListeningAddresses(const config::Config& config) {
  std::vector<IpAddress> addresses;
  const auto add = [&](const IpAddress& address) {
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  };
  for (const config::Listener& listener : config.listen) {
    if (!IsWildcard(listener.address)) {
      add(listener.address);
      continue;
    }
    for (const IpAddress& address : HostAddresses()) {
      if (address.is_v4() == listener.address.is_v4()) add(address);
    }
  }
  return addresses;
}

std::string Day(std::int64_t seconds) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(seconds))));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

bool EndIsNear(const net::CertificateInfo& info, std::int64_t now) {
  const std::int64_t third = (info.not_after - info.not_before) / 3;
  return info.not_after - now <= std::min(CertificateKeeper::kEndIsNear, third);
}

std::string Subjects(const net::CertificateInfo& info) {
  std::string text;
  for (const std::string& name : info.names) text += (text.empty() ? "" : " ") + name;
  for (const IpAddress& address : info.addresses) {
    text += (text.empty() ? "" : " ") + address.ToText();
  }
  return text;
}

}  // namespace

CertificateKeeper::CertificateKeeper(const Clock& clock, net::Scheduler& scheduler, Publish publish)
    : clock_(clock),
      scheduler_(scheduler),
      publish_(std::move(publish)),
      tickets_(std::make_shared<net::TicketKeys>()) {}

CertificateKeeper::~CertificateKeeper() = default;

Result<bool> CertificateKeeper::Adopt(const SnapshotPtr& snapshot) {
  net::TlsServerPtr server;
  if (NeedsTls(*snapshot->config)) {
    Result<net::TlsServerPtr> made = Make(*snapshot->config, snapshot->certificates);
    if (!made) return made.error();
    server = *std::move(made);
  }
  tickets_->Set(snapshot->ticket_keys);
  config_ = snapshot->config;
  served_ = seen_ = Stamps();
  // Not put off by a reload: somebody may reload every hour.
  if (next_rotation_ == TimePoint{}) next_rotation_ = scheduler_.Now() + kTicketLife;
  WarnOfKeys();
  Serve(std::move(server), false);
  if (current_ == nullptr) {
    Disarm();
  } else {
    scheduler_.Arm(*this, scheduler_.Now() + kLook);
  }
  return true;
}

// A self-signed one where `certificates` is empty.
Result<net::TlsServerPtr> CertificateKeeper::Make(
    const config::Config& config, std::vector<net::CertificatePtr> certificates) const {
  if (certificates.empty()) {
    Result<net::CertificatePtr> made = SelfSigned(config);
    if (!made) return made.error();
    certificates.push_back(*std::move(made));
  }
  return net::TlsServer::Make(std::move(certificates), tickets_);
}

void CertificateKeeper::Serve(net::TlsServerPtr server, bool renewed) {
  current_ = std::move(server);
  publish_(*config_, current_, renewed);
  if (current_ == nullptr) return;
  for (const net::CertificatePtr& certificate : current_->certificates()) {
    const net::CertificateInfo& info = certificate->info();
    Log(LogLevel::kInfo, "tls",
        info.self_signed ? "serving a self-signed certificate" : "serving a certificate",
        {{"for", Subjects(info)}, {"until", Day(info.not_after)}, {"pin", info.spki_pin}});
  }
  WarnOfEnds();
}

// They are read again when they change, and by then we may be somebody else.
void CertificateKeeper::WarnOfKeys() const {
  for (const config::CertificateFiles& files : config_->tls.certificates) {
    if (::access(files.key.c_str(), R_OK) == 0) continue;
    Log(LogLevel::kWarn, "tls",
        "the key cannot be read again, so that a renewed certificate would not be taken up: let "
        "the user of run_as read it",
        {{"key", files.key}});
  }
}

void CertificateKeeper::WarnOfEnds() const {
  const std::int64_t now = clock_.WallSeconds();
  for (const net::CertificatePtr& certificate : current_->certificates()) {
    const net::CertificateInfo& info = certificate->info();
    if (info.not_after <= now) {
      Log(LogLevel::kError, "tls", "a certificate has ended: clients refuse it; renew it",
          {{"for", Subjects(info)}, {"ended", Day(info.not_after)}});
    } else if (EndIsNear(info, now)) {
      Log(LogLevel::kWarn, "tls", "a certificate ends soon: renew it",
          {{"for", Subjects(info)},
           {"ends", Day(info.not_after)},
           {"days", std::to_string((info.not_after - now) / kDay)}});
    } else if (info.not_before > now) {
      Log(LogLevel::kWarn, "tls", "a certificate is not valid yet",
          {{"for", Subjects(info)}, {"begins", Day(info.not_before)}});
    }
  }
}

void CertificateKeeper::Fire() noexcept {
  if (scheduler_.Now() >= next_rotation_) {
    tickets_->Rotate();
    next_rotation_ = scheduler_.Now() + kTicketLife;
    Renew();
  }
  LookAtFiles();
  scheduler_.Arm(*this, scheduler_.Now() + kLook);
}

// A self-signed one is replaced in time, of others the operator is reminded.
void CertificateKeeper::Renew() {
  const bool ours = config_->tls.certificates.empty();
  if (!ours || !EndIsNear(current_->certificates().front()->info(), clock_.WallSeconds())) {
    WarnOfEnds();
    return;
  }
  Result<net::TlsServerPtr> server = Make(*config_, {});
  if (server) Serve(*std::move(server), true);
}

void CertificateKeeper::LookAtFiles() {
  if (config_->tls.certificates.empty()) return;
  std::vector<Stamp> now = Stamps();
  const bool settled = now == std::exchange(seen_, now);
  if (!settled || now == served_) return;
  served_ = std::move(now);
  Result<std::vector<net::CertificatePtr>> certificates =
      ReadCertificates(config_->tls.certificates);
  Result<net::TlsServerPtr> server = certificates ? Make(*config_, *std::move(certificates))
                                                  : Result<net::TlsServerPtr>(certificates.error());
  if (!server) {
    Log(LogLevel::kError, "tls",
        "the certificate files changed and cannot be used, the old ones stay",
        {{"reason", server.error().text}});
    return;
  }
  Serve(*std::move(server), true);
}

std::vector<CertificateKeeper::Stamp> CertificateKeeper::Stamps() const {
  std::vector<Stamp> stamps;
  for (const config::CertificateFiles& files : config_->tls.certificates) {
    for (const std::string& path : {files.certificate, files.key}) {
      struct stat found {};
      Stamp stamp;
      if (::stat(path.c_str(), &found) == 0) {
        stamp = {found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ino, found.st_size};
      }
      stamps.push_back(stamp);
    }
  }
  return stamps;
}

// The one that is kept, where it is still right; else a new one with the same key, so that those
// who pinned it notice nothing.
Result<net::CertificatePtr> CertificateKeeper::SelfSigned(const config::Config& config) const {
  std::vector<std::string> names = config.tls.names;
  std::vector<IpAddress> addresses = config.tls.addresses;
  if (names.empty() && addresses.empty()) addresses = ListeningAddresses(config);
  if (names.empty()) {
    if (std::string host = HostName(); !host.empty()) names.push_back(std::move(host));
  }

  const std::string path = config::StatePath(config.tls.state_file, config::kCertificateState);
  const std::int64_t now = clock_.WallSeconds();
  const Result<std::optional<std::string>> text = ReadSmallFile(path, kMaxStateFile);
  const bool is_new = text && !*text;
  net::CertificatePtr kept;
  if (text && *text) {
    if (auto parsed = net::Certificate::Parse(**text, **text)) kept = *std::move(parsed);
  }
  // Somebody else's file is never written over.
  if (kept != nullptr && !kept->info().self_signed) kept = nullptr;
  const auto covers = [&](const auto& what) { return kept->info().Covers(what); };
  if (kept != nullptr && !EndIsNear(kept->info(), now) &&
      std::all_of(names.begin(), names.end(), covers) &&
      std::all_of(addresses.begin(), addresses.end(), covers)) {
    return kept;
  }
  Result<net::CertificatePtr> made =
      net::Certificate::SelfSigned(names, addresses, now, kept.get());
  if (!made) return made;
  std::string trouble;
  if (!text) {
    trouble = text.error().text;
  } else if (!is_new && kept == nullptr) {
    trouble = path + ": holds something else than a self-signed certificate, and is left alone";
  } else if (const Result<bool> written = WriteSmallFile(path, (*made)->ToPem()); !written) {
    trouble = written.error().text;
  }
  if (!trouble.empty()) {
    Log(LogLevel::kWarn, "tls",
        "the self-signed certificate cannot be kept: it has another pin after the next start",
        {{"reason", trouble}});
  }
  return *std::move(made);
}

std::vector<net::CertificateInfo> InfosOf(const std::vector<net::CertificatePtr>& certificates) {
  std::vector<net::CertificateInfo> infos;
  infos.reserve(certificates.size());
  for (const net::CertificatePtr& certificate : certificates) {
    infos.push_back(certificate->info());
  }
  return infos;
}

Result<std::vector<net::CertificatePtr>> ReadCertificates(
    const std::vector<config::CertificateFiles>& files) {
  std::vector<net::CertificatePtr> certificates;
  for (const config::CertificateFiles& one : files) {
    Result<net::CertificatePtr> read = net::ReadCertificate(one.certificate, one.key);
    if (!read) return read.error();
    certificates.push_back(*std::move(read));
  }
  return certificates;
}

Result<std::vector<net::TicketKeys::Key>> ReadTicketKeys(const std::string& path) {
  const Result<std::vector<Secret>> secrets =
      ReadSecretFile(path, net::TicketKeys::kOctets, net::TicketKeys::kKept);
  if (!secrets) return secrets.error();
  std::vector<net::TicketKeys::Key> keys(secrets->size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::copy((*secrets)[i].begin(), (*secrets)[i].end(), keys[i].begin());
  }
  return keys;
}

}  // namespace resolve64::server
