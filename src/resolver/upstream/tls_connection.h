// One connection over TLS to one server, and the queries of many that are on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/task.h"
#include "resolve64/result.h"

namespace resolve64::resolver::upstream {

class TlsConnection;

/// A query that waits for its reply, owned by whoever asks. It moves to another connection where
/// the first one ends under it.
struct TlsQuery {
  explicit TlsQuery(net::Scheduler& scheduler) : changed(scheduler) {}

  std::vector<std::uint8_t> message;  ///< as the asker made it, its id included
  std::vector<std::uint8_t> reply;    ///< with that id; empty until it is there
  std::string failure;                ///< why there will be none; empty where there may be one
  TlsConnection* on = nullptr;        ///< the connection that it is on
  std::uint16_t id_there = 0;         ///< its id on that connection
  bool moved = false;                 ///< it was on another connection before
  TimePoint left_at{};                ///< zero until it left
  net::Event changed;                 ///< set with `reply` or `failure`
};

/// How a connection ended.
enum class TlsEnd : std::uint8_t {
  kNeverOpened,  ///< no connection, or no handshake
  kClosed,       ///< by whomever, as connections are closed
  kBroke,        ///< in the middle, or by something that has no place in it
};

/// Queries share the connection: each has an id on it that no other has (RFC 7766 section 6.2.1),
/// all leave as soon as they can, and replies come in any order. One thread; held by its pool, and
/// by those whose queries are on it.
class TlsConnection : public net::FdWatcher, public std::enable_shared_from_this<TlsConnection> {
 public:
  // The handshake has as long as RFC 9539 section 4.3 gives it.
  static constexpr Duration kHandshakeTime = std::chrono::seconds(4);
  /// A connection without queries is closed after this, or what the server says (RFC 7828).
  static constexpr Duration kIdle = std::chrono::seconds(10);
  static constexpr Duration kLongestIdle = std::chrono::seconds(60);
  /// A server that answers nothing at all for so long has forgotten the connection.
  static constexpr Duration kSilence = std::chrono::seconds(5);
  static constexpr std::size_t kMaxQueries = 1024;  ///< given up ones included
  /// Of these that were given up, without an answer: after so many it takes no more.
  static constexpr std::size_t kMaxGivenUp = 256;
  static constexpr int kMaxForeign = 20;  ///< messages in a row that nobody asked for

  /// What its pool hears.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// The connection is over, and holds `unanswered` no more. `reason`: for people.
    virtual void OnEnd(TlsConnection& connection, TlsEnd end, const std::string& reason,
                       const std::vector<TlsQuery*>& unanswered) noexcept = 0;
  };

  /// Takes `fd`, which is connecting. Everything else is borrowed; `stream` is over `fd`. The owner
  /// outlives the connection, or calls Abandon() first.
  TlsConnection(net::Loop& loop, Random& random, Owner& owner, int fd,
                std::unique_ptr<net::Stream> stream);
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;
  ~TlsConnection() override;

  /// False where the system refuses.
  bool Start();

  /// Puts `query` on the connection; it leaves when the handshake is over. REQUIRES: takes_more().
  void Add(TlsQuery& query);
  /// `query` is not waited for any more. Its id stays taken until the reply comes.
  void Remove(TlsQuery& query) noexcept;
  /// Closes it. Nobody is told.
  void Abandon() noexcept;

  [[nodiscard]] bool open() const noexcept { return phase_ == Phase::kOpen; }
  [[nodiscard]] bool takes_more() const noexcept {
    return phase_ != Phase::kOver && !last_queries_ && waiting_.size() < kMaxQueries;
  }
  /// Queries on it, given up ones included.
  [[nodiscard]] std::size_t load() const noexcept { return waiting_.size(); }
  [[nodiscard]] bool idle() const noexcept { return live_ == 0; }
  [[nodiscard]] TimePoint last_activity() const noexcept { return last_activity_; }

  void OnReady(std::uint32_t events) noexcept override;

 private:
  enum class Phase : std::uint8_t { kConnecting, kHandshake, kOpen, kOver };

  /// Its own deadlines.
  class Timer final : public net::TimerNode {
   public:
    explicit Timer(TlsConnection& connection) : connection_(connection) {}

   private:
    void Fire() noexcept override { connection_.OnTimer(); }
    TlsConnection& connection_;
  };
  /// Queries that are added in one turn leave in one record.
  class Sender final : public net::ReadyNode {
   public:
    explicit Sender(TlsConnection& connection) : connection_(connection) {}

   private:
    void Run() noexcept override { connection_.Work(); }
    TlsConnection& connection_;
  };

  // As far as it goes. May end the connection, and so may all of the next six.
  void Work() noexcept;
  void Connect() noexcept;
  void Shake() noexcept;
  void Flush() noexcept;
  void Fill() noexcept;
  void TakeMessages() noexcept;
  void TakeMessage(std::vector<std::uint8_t> message) noexcept;
  void HeedKeepalive(const std::vector<std::uint8_t>& message) noexcept;
  [[nodiscard]] bool HasMessage(std::size_t at) const noexcept;
  void Watch() noexcept;
  void SetTimer() noexcept;
  void OnTimer() noexcept;
  void End(TlsEnd end, const std::string& reason) noexcept;
  void Close() noexcept;

  net::Loop& loop_;
  Random& random_;
  Owner* owner_;  // null once it is over
  int fd_;
  std::unique_ptr<net::Stream> stream_;
  Phase phase_ = Phase::kConnecting;
  bool watched_ = false;
  std::uint32_t events_ = 0;       // that are watched for
  std::uint32_t write_waits_ = 0;  // events without which nothing can be written
  std::uint32_t read_waits_ = 0;
  // Where each id on the connection belongs; null where the query was given up.
  std::unordered_map<std::uint16_t, TlsQuery*> waiting_;
  std::size_t live_ = 0;  // of waiting_, not given up
  std::vector<std::uint8_t> unsent_;
  std::vector<std::uint8_t> received_;
  bool last_queries_ = false;  // what is on it is finished, nothing is added
  int foreign_ = 0;
  Duration idle_time_ = kIdle;
  TimePoint started_{};
  TimePoint last_activity_{};
  TimePoint silent_since_{};  // while something is waited for
  Timer timer_;
  Sender sender_;
};

}  // namespace resolve64::resolver::upstream
