// Work that several want at the same moment is done once.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "net/task.h"

namespace resolve64::resolver {

/// What is under way, by key; one worker's. A key has `hash`, of all of it, and can be compared.
/// Whether works wait for each other in a circle is the caller's business.
template <class Key, class Result>
class Flights {
  struct Flight {
    Flight(net::Scheduler& scheduler, const Key& k) : key(k), done(scheduler), scope(scheduler) {}
    const Key key;
    net::Event done;
    std::optional<Result> result;
    int seats = 0;
    net::TaskScope scope;
  };

 public:
  /// Whoever holds a seat keeps the work going. It is cancelled when the last one leaves before the
  /// end.
  class Seat {
   public:
    Seat(Seat&& other) noexcept = default;
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
      if (flight_ != nullptr && --flight_->seats == 0 && !flight_->result) flights_.Land(*flight_);
    }

    /// The work was under way before, for somebody else.
    [[nodiscard]] bool joined() const noexcept { return joined_; }
    /// An awaitable: true when the result is there, false where `deadline` came first.
    net::Event::Waiter WaitUntil(TimePoint deadline) { return flight_->done.WaitUntil(deadline); }
    /// REQUIRES: the result is there.
    [[nodiscard]] const Result& result() const noexcept { return *flight_->result; }

   private:
    friend class Flights;
    Seat(Flights& flights, std::shared_ptr<Flight> flight, bool joined) noexcept
        : flights_(flights), flight_(std::move(flight)), joined_(joined) {
      ++flight_->seats;
    }
    Flights& flights_;
    std::shared_ptr<Flight> flight_;  // null: moved from
    bool joined_;
  };

  explicit Flights(net::Scheduler& scheduler) : scheduler_(scheduler) {}
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  /// A seat in the work of `key`. Where there is none under way, `make()` is the net::Task<Result>
  /// of a new one, which runs until it first waits.
  template <class Make>
  Seat Board(const Key& key, Make make) {
    if (const auto found = flights_.find(&key); found != flights_.end()) {
      return Seat(*this, found->second, true);
    }
    auto flight = std::allocate_shared<Flight>(net::FrameAllocator<Flight>(), scheduler_, key);
    flights_.emplace(&flight->key, flight);
    Seat seat(*this, flight, false);
    flight->scope.Spawn(Fly(*this, *flight, make()));
    return seat;
  }

  [[nodiscard]] std::size_t size() const noexcept { return flights_.size(); }

 private:
  struct KeyHash {
    std::size_t operator()(const Key* key) const noexcept { return key->hash; }
  };
  struct SameKey {
    bool operator()(const Key* a, const Key* b) const noexcept { return *a == *b; }
  };

  static net::Task<void> Fly(Flights& flights, Flight& flight, net::Task<Result> work) {
    Result result = co_await work;
    flights.Land(flight);  // it lives on with those who have seats
    flight.result.emplace(std::move(result));
    flight.done.Set();
  }
  // Its key is a part of it: the place in the table goes first.
  void Land(const Flight& flight) {
    const auto at = flights_.find(&flight.key);
    if (at == flights_.end() || at->second.get() != &flight) return;
    const std::shared_ptr<Flight> keep = std::move(at->second);
    flights_.erase(at);
  }

  net::Scheduler& scheduler_;
  std::unordered_map<const Key*, std::shared_ptr<Flight>, KeyHash, SameKey> flights_;
};

}  // namespace resolve64::resolver
