// Which certificates clients see: those of the configured files, followed as the files change, or a
// self-signed one that is made and kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/scheduler.h"
#include "net/tls_server.h"
#include "server/snapshot.h"

namespace resolve64::server {

/// One for the service, in the main thread: it reads and writes files.
class CertificateKeeper final : private net::TimerNode {
 public:
  /// How often it looks at the files. A change is taken up once the files have been as they are for
  /// that long: a chain and its key are two files and not replaced in one step.
  static constexpr Duration kLook = std::chrono::seconds(1);
  /// How often the session ticket keys change, and expiry is looked at.
  static constexpr Duration kTicketLife = std::chrono::hours(12);
  /// A self-signed certificate is made anew so long before it ends; others get a warning from then
  /// on, or from the last third of their lives where that is shorter.
  static constexpr std::int64_t kEndIsNear = std::int64_t{30} * 86400;  // seconds

  /// Gets the certificates whenever they are others, or the configuration is; null: none. The flag:
  /// the configuration is the same, the certificates were renewed.
  using Publish = std::function<void(const config::Config&, const net::TlsServerPtr&, bool)>;

  /// `scheduler` is the main loop's, and borrowed like `clock`.
  CertificateKeeper(const Clock& clock, net::Scheduler& scheduler, Publish publish);
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;
  ~CertificateKeeper() override;

  /// Follows `snapshot` from now on, and publishes its certificates; null where it has no listener
  /// that needs them. kBadFile, and everything as it was, where OpenSSL refuses them.
  Result<bool> Adopt(const SnapshotPtr& snapshot);

  /// What is served now; null where nothing needs it.
  [[nodiscard]] const net::TlsServerPtr& current() const noexcept { return current_; }

 private:
  struct Stamp {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // none where the file cannot be looked at
    bool operator==(const Stamp&) const = default;
  };

  void Fire() noexcept override;
  void LookAtFiles();
  void Serve(net::TlsServerPtr server, bool renewed);
  void Renew();
  [[nodiscard]] Result<net::TlsServerPtr> Make(const config::Config& config,
                                               std::vector<net::CertificatePtr> certificates) const;
  [[nodiscard]] Result<net::CertificatePtr> SelfSigned(const config::Config& config) const;
  [[nodiscard]] std::vector<Stamp> Stamps() const;
  void WarnOfEnds() const;
  void WarnOfKeys() const;

  const Clock& clock_;
  net::Scheduler& scheduler_;
  Publish publish_;
  std::shared_ptr<net::TicketKeys> tickets_;
  std::shared_ptr<const config::Config> config_;
  std::vector<Stamp> served_;  // of the files that are in use, or were found wrong
  std::vector<Stamp> seen_;    // at the last look
  net::TlsServerPtr current_;
  TimePoint next_rotation_{};
};

/// What those certificates say of themselves, in their order.
std::vector<net::CertificateInfo> InfosOf(const std::vector<net::CertificatePtr>& certificates);

/// The certificates of those files. The error names file and reason. Blocks.
Result<std::vector<net::CertificatePtr>> ReadCertificates(
    const std::vector<config::CertificateFiles>& files);

/// Keys for session tickets, the newest first, as ReadSecretFile() reads them. Blocks.
Result<std::vector<net::TicketKeys::Key>> ReadTicketKeys(const std::string& path);

}  // namespace resolve64::server
