// Keeps what is trusted up to date: key rollovers (RFC 5011), and negative trust anchors that are
// not needed any more (RFC 7646).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/lock_guarded.h"
#include "dnssec/rollover.h"
#include "net/task.h"
#include "resolve64/name.h"
#include "resolver/caches.h"
#include "server/lookups.h"
#include "server/snapshot.h"

namespace resolve64::server {

/// What is trusted at the moment, for people. Times are seconds since 1970.
struct AnchorReport {
  struct Key {
    std::uint16_t tag = 0;
    std::uint8_t algorithm = 0;
    std::uint8_t digest_type = 0;
    std::string digest;  ///< in hexadecimal
    std::string state;   ///< dnssec::ToText(KeyState), or "configured" where no key was seen yet
    std::optional<std::int64_t> since;  ///< empty where `state` is "configured"
    std::optional<std::int64_t> until;  ///< when a hold-down ends
    bool trusted = false;
  };
  struct Zone {
    Name zone;
    std::vector<Key> keys;
    std::optional<std::int64_t> seen;          ///< when its keys were last found valid
    std::optional<std::int64_t> next_refresh;  ///< empty where it is not followed
  };
  struct Negative {
    Name name;
    std::optional<std::int64_t> until;
    bool holds = false;
    bool lifted = false;  ///< it validates again, so it does not hold
  };

  std::int64_t now = 0;
  bool validation = false;
  bool automatic_update = false;
  std::string state_file;
  std::string trouble;  ///< why the state file cannot be read or written; empty where it can
  std::vector<Zone> zones;
  std::vector<Negative> negative;
};

/// One for the service. Thread-safe.
class AnchorKeeper {
 public:
  /// How often it looks whether something is due.
  static constexpr Duration kTick = std::chrono::minutes(1);
  /// After the start: clients come first.
  static constexpr Duration kFirst = std::chrono::seconds(2);
  /// How often a negative trust anchor is tried.
  static constexpr Duration kRecheck = std::chrono::hours(1);

  /// Runs a function that may block, on another thread and in the order of the calls, or at once.
  using Elsewhere = std::function<void(std::function<void()>)>;

  /// `clock` and `caches` are borrowed.
  AnchorKeeper(const Clock& clock, resolver::Caches& caches, Elsewhere elsewhere)
      : clock_(clock), caches_(caches), elsewhere_(std::move(elsewhere)) {}
  AnchorKeeper(const AnchorKeeper&) = delete;
  AnchorKeeper& operator=(const AnchorKeeper&) = delete;
  ~AnchorKeeper() = default;

  /// From now on `snapshot` holds: what was learned before is put into its anchors. Reads the state
  /// file where it is a new one; blocks on it. To be called before a resolver is given the
  /// snapshot.
  void Adopt(const SnapshotPtr& snapshot);

  /// Looks after the anchors until it is cancelled. Borrows its arguments.
  net::Task<void> Run(net::Scheduler& scheduler, Lookups& lookups);

  [[nodiscard]] AnchorReport Report() const;

 private:
  struct State {
    resolver::SettingsPtr settings;
    bool follows = false;  // "automatic_update", and validation is on
    std::string path;
    bool was_read = false;
    std::string trouble;
    std::map<Name, dnssec::TrustPoint> points;
    TimePoint negative_checked{};
  };

  [[nodiscard]] std::int64_t WallNow(const resolver::Settings& settings) const;
  static void ReadState(State& state);
  static dnssec::TrustAnchorsPtr Trusted(const State& state);
  [[nodiscard]] std::vector<Name> DuePoints() const;
  [[nodiscard]] std::vector<dnssec::NegativeAnchor> DueNegatives();
  net::Task<void> Refresh(Lookups& lookups, Name zone);
  net::Task<void> Signal(Lookups& lookups, Name zone);
  net::Task<void> Recheck(Lookups& lookups, dnssec::NegativeAnchor anchor);
  void Learn(const Name& zone, const dns::Rrset* dnskeys);
  void Saved(const std::string& path, const std::string& trouble);

  const Clock& clock_;
  resolver::Caches& caches_;
  Elsewhere elsewhere_;
  LockGuarded<State> state_;
};

/// The name of the query that tells a zone's operator which keys are trusted here: `_ta-4f66-9728.`
/// for the root (RFC 8145 section 5.1). Nothing where it gets too long, or nothing is trusted.
std::optional<Name> KeyTagName(const dns::Rrset& anchors);

}  // namespace resolve64::server
