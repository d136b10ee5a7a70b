// What is known of the servers that are asked: how fast, how sound, and of what they know nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cache/sharded.h"
#include "resolve64/ip.h"
#include "resolve64/name.h"

namespace resolve64::cache {

/// A server as it has to be asked. Two names at one address are two servers.
struct Server {
  Endpoint endpoint;
  bool tls = false;  ///< over TLS, and never in clear
  std::string name;  ///< what its certificate must be for; empty: for its address

  Server() = default;
  Server(const Endpoint& e) : endpoint(e) {}  // NOLINT(*-explicit-*): in clear
  Server(const Endpoint& e, bool t, std::string n) : endpoint(e), tls(t), name(std::move(n)) {}

  /// "192.0.2.1@53", "192.0.2.1@853 (dns.example)".
  [[nodiscard]] std::string ToText() const;
  [[nodiscard]] std::size_t Hash() const noexcept;
  auto operator<=>(const Server&) const = default;
};

/// What is known of port 853 of a server that is asked in clear (RFC 9539 section 4.5).
enum class ProbedTls : std::uint8_t {
  kUnknown,
  kWorks,   ///< it answered there within kTlsPersistence
  kFailed,  ///< it did not, within kTlsDamping
};

/// What a server makes of OPT (RFC 6891).
enum class EdnsSupport : std::uint8_t { kUnknown, kYes, kNo };

/// A zone that a server does not serve although it was said to.
struct Lameness {
  Name zone;
  TimePoint until{};
  std::uint32_t count = 0;  ///< times in a row
};

/// One server at one moment. A copy: it does not change.
struct ServerInfo {
  Server server;
  bool known = false;  ///< `srtt` rests on a reply of it, or on silence
  Duration srtt{};     ///< smoothed round-trip time; a guess where no answer came yet
  Duration rttvar{};   ///< its mean deviation
  std::uint32_t timeouts_in_row = 0;
  bool dead = false;  ///< at that moment: not worth a query while there are others
  TimePoint dead_until{};
  TimePoint last_answer{};  ///< zero: never
  EdnsSupport edns = EdnsSupport::kUnknown;
  bool case_broken = false;  ///< does not give back the letter case of the question
  ProbedTls probed_tls = ProbedTls::kUnknown;
  std::string failure;         ///< why there was no way to it; empty since it answered
  std::vector<Lameness> lame;  ///< what holds at that moment
  std::uint64_t answers = 0;
  std::uint64_t timeouts = 0;

  [[nodiscard]] bool IsLameFor(const Name& zone) const noexcept;
};

/// Thread-safe; one for all workers. Bounded by entries.
class ServerTable {
 public:
  static constexpr std::size_t kDefaultEntries = 20'000;
  /// Silences in a row after which a server counts as dead: fewer may be lost packets.
  static constexpr std::uint32_t kDeadAfter = 3;
  static constexpr Duration kDeadFirst =
      std::chrono::seconds(1);  ///< doubled by each silence after
  static constexpr Duration kDeadLongest =
      std::chrono::seconds(15);  ///< RFC 2308 section 7.2 allows 300
  static constexpr Duration kLameFirst = std::chrono::seconds(60);  ///< doubled by each time after
  static constexpr Duration kLameLongest = std::chrono::seconds(900);
  static constexpr std::size_t kMaxLame = 8;  ///< zones of a server
  static constexpr Duration kNoEdnsFor = std::chrono::minutes(15);
  static constexpr Duration kCaseBrokenFor = std::chrono::hours(1);
  static constexpr Duration kFirstGuess = std::chrono::milliseconds(50);
  static constexpr Duration kLongestRtt = std::chrono::seconds(5);  ///< that silence makes believe

  // RFC 9539 section 4.3, with the values that it suggests.
  static constexpr Duration kTlsPersistence = std::chrono::hours(72);
  static constexpr Duration kTlsDamping = std::chrono::hours(24);
  static constexpr Duration kTlsTimeout = std::chrono::seconds(4);
  /// So many times in a row clear text had to help out before TLS counts as failed.
  static constexpr std::uint32_t kTlsHelpedOut = 3;

  explicit ServerTable(std::size_t entries = kDefaultEntries);

  /// What is known at `now`. A server that nobody knows has TypicalRtt() for its time.
  [[nodiscard]] ServerInfo Get(const Server& server, TimePoint now);

  /// A reply that was ours came, whatever it said, `rtt` after the query. It ends all silence.
  void Answered(const Server& server, Duration rtt, TimePoint now);
  /// No reply came for `waited`.
  void TimedOut(const Server& server, Duration waited, TimePoint now);
  /// There is no way to it: TimedOut() at once, and `why` for people.
  void Failed(const Server& server, const std::string& why, TimePoint now);
  /// It does not serve `zone`: it refuses, or refers upwards.
  void Lame(const Server& server, const Name& zone, TimePoint now);
  /// kNo holds for kNoEdnsFor.
  void SetEdns(const Server& server, EdnsSupport support, TimePoint now);
  /// Holds for kCaseBrokenFor.
  void SetCaseBroken(const Server& server, TimePoint now);

  /// True where nothing is known of the server's port 853, or not any more: the caller is then the
  /// one who tries it, and says within kTlsTimeout what came of it.
  bool ClaimTlsProbe(const Server& server, TimePoint now);
  /// An answer came over TLS.
  void TlsAnswered(const Server& server, TimePoint now);
  /// There is no TLS, or it broke.
  void TlsFailed(const Server& server, TimePoint now);
  /// An answer came in clear where TLS was silent, or had none.
  void TlsHelpedOut(const Server& server, TimePoint now);

  /// The round-trip time of answers of late, over all servers; kFirstGuess before the first.
  [[nodiscard]] Duration TypicalRtt() const noexcept;

  /// All of them at `now`, in no order.
  [[nodiscard]] std::vector<ServerInfo> List(TimePoint now);
  void Clear();

  [[nodiscard]] CacheStats stats() const { return entries_.stats(); }

 private:
  struct Record {
    Server server;
    bool known = false;
    Duration srtt{};
    Duration rttvar{};
    TimePoint dead_until{};
    TimePoint last_answer{};
    TimePoint no_edns_until{};
    TimePoint case_broken_until{};
    bool edns_seen = false;
    std::uint32_t timeouts_in_row = 0;
    std::uint64_t answers = 0;
    std::uint64_t timeouts = 0;
    TimePoint tls_probed{};
    TimePoint tls_answered{};
    TimePoint tls_failed{};
    std::uint32_t tls_helped_out = 0;  // times in a row
    std::string failure;
    std::vector<Lameness> lame;
  };

  // `change(Record&)` under the lock, on a record that is made where there is none.
  template <class Change>
  void Update(const Server& server, Change&& change);
  static ProbedTls Probed(const Record& record, TimePoint now);
  [[nodiscard]] ServerInfo Describe(const Record& record, TimePoint now) const;

  Sharded<Record> entries_;
  std::atomic<Duration::rep> typical_rtt_;
};

}  // namespace resolve64::cache
