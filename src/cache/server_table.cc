#include "cache/server_table.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace resolve64::cache {
namespace {

constexpr std::size_t kSmallestShard = 256;  // entries

// `first`, doubled `times` times, `longest` at most.
Duration Doubled(Duration first, std::uint32_t times, Duration longest) {
  Duration value = first;
  for (std::uint32_t i = 0; i < times && value < longest; ++i) value *= 2;
  return std::min(value, longest);
}

}  // namespace

std::string Server::ToText() const {
  return name.empty() ? endpoint.ToText() : endpoint.ToText() + " (" + name + ")";
}

std::size_t Server::Hash() const noexcept {
  // Names come from the configuration, and no two servers in it differ in little else.
  return endpoint.Hash() ^ std::hash<std::string>()(name) ^ (tls ? 1U : 0U);
}

bool ServerInfo::IsLameFor(const Name& zone) const noexcept {
  return std::any_of(lame.begin(), lame.end(),
                     [&zone](const Lameness& lameness) { return lameness.zone == zone; });
}

ServerTable::ServerTable(std::size_t entries)
    : entries_(entries, kSmallestShard), typical_rtt_(kFirstGuess.count()) {}

Duration ServerTable::TypicalRtt() const noexcept {
  return Duration(typical_rtt_.load(std::memory_order_relaxed));
}

ServerInfo ServerTable::Describe(const Record& record, TimePoint now) const {
  ServerInfo info;
  info.server = record.server;
  info.known = record.known;
  info.srtt = record.known ? record.srtt : TypicalRtt();
  info.rttvar = record.known ? record.rttvar : info.srtt / 2;
  info.timeouts_in_row = record.timeouts_in_row;
  info.dead = record.dead_until > now;
  info.dead_until = record.dead_until;
  info.last_answer = record.last_answer;
  if (record.no_edns_until > now) {
    info.edns = EdnsSupport::kNo;
  } else if (record.edns_seen) {
    info.edns = EdnsSupport::kYes;
  }
  info.probed_tls = Probed(record, now);
  info.case_broken = record.case_broken_until > now;
  std::copy_if(record.lame.begin(), record.lame.end(), std::back_inserter(info.lame),
               [now](const Lameness& lameness) { return lameness.until > now; });
  info.failure = record.failure;
  info.answers = record.answers;
  info.timeouts = record.timeouts;
  return info;
}

ServerInfo ServerTable::Get(const Server& server, TimePoint now) {
  const std::size_t hash = server.Hash();
  ServerInfo info;
  bool found = false;
  {
    auto map = entries_.Lock(hash);
    const Record* record =
        map->Find(entries_.Low(hash), [&](const Record& r) { return r.server == server; });
    found = record != nullptr;
    if (found) info = Describe(*record, now);
  }
  entries_.Count(hash, found);
  if (!found) {
    Record unknown;
    unknown.server = server;
    info = Describe(unknown, now);
  }
  return info;
}

template <class Change>
void ServerTable::Update(const Server& server, Change&& change) {
  const std::size_t hash = server.Hash();
  const std::uint32_t low = entries_.Low(hash);
  const auto same = [&](const Record& record) { return record.server == server; };
  auto map = entries_.Lock(hash);
  Record* record = map->Find(low, same);
  if (record == nullptr) {
    Record fresh;
    fresh.server = server;
    if (!map->Insert(low, std::move(fresh))) return;
    record = map->Peek(low, same);
  }
  change(*record);
}

void ServerTable::Answered(const Server& server, Duration rtt, TimePoint now) {
  rtt = std::clamp<Duration>(rtt, Duration::zero(), kLongestRtt);
  Update(server, [&](Record& record) {
    if (record.answers == 0) {
      // RFC 6298 section 2.2; what silence made believe is worth nothing now.
      record.srtt = rtt;
      record.rttvar = rtt / 2;
    } else {
      const Duration error = record.srtt > rtt ? record.srtt - rtt : rtt - record.srtt;
      record.rttvar += (error - record.rttvar) / 4;
      record.srtt += (rtt - record.srtt) / 8;
    }
    record.known = true;
    record.timeouts_in_row = 0;
    record.dead_until = TimePoint{};
    record.last_answer = now;
    record.failure.clear();
    ++record.answers;
  });
  // Two workers at once may lose one of two samples: it is an average.
  const Duration::rep typical = typical_rtt_.load(std::memory_order_relaxed);
  typical_rtt_.store(typical + (rtt.count() - typical) / 16, std::memory_order_relaxed);
}

void ServerTable::TimedOut(const Server& server, Duration waited, TimePoint now) {
  Update(server, [&](Record& record) {
    ++record.timeouts;
    // Where no answer came yet, it takes longer than that, or for ever. A time that was measured
    // stays: a packet that is lost says nothing of how long others take.
    if (record.answers == 0) {
      const Duration before = record.known ? record.srtt : TypicalRtt();
      record.srtt = std::min(std::max(before * 2, waited), kLongestRtt);
      record.known = true;
    }
    // Many queries may end in the same silence: it counts once.
    if (record.dead_until > now) return;
    ++record.timeouts_in_row;
    if (record.timeouts_in_row < kDeadAfter) return;
    record.dead_until =
        now + Doubled(kDeadFirst, record.timeouts_in_row - kDeadAfter, kDeadLongest);
  });
}

void ServerTable::Failed(const Server& server, const std::string& why, TimePoint now) {
  TimedOut(server, {}, now);
  Update(server, [&](Record& record) { record.failure = why; });
}

void ServerTable::Lame(const Server& server, const Name& zone, TimePoint now) {
  Update(server, [&](Record& record) {
    const auto same = [&zone](const Lameness& lameness) { return lameness.zone == zone; };
    auto at = std::find_if(record.lame.begin(), record.lame.end(), same);
    if (at != record.lame.end() && at->until > now) return;
    if (at == record.lame.end()) {
      if (record.lame.size() == kMaxLame) {
        record.lame.erase(std::min_element(
            record.lame.begin(), record.lame.end(),
            [](const Lameness& a, const Lameness& b) { return a.until < b.until; }));
      }
      Lameness fresh;
      fresh.zone = zone;
      at = record.lame.insert(record.lame.end(), fresh);
    } else if (at->until + kLameLongest <= now) {
      at->count = 0;
    }
    at->until = now + Doubled(kLameFirst, at->count, kLameLongest);
    ++at->count;
  });
}

void ServerTable::SetEdns(const Server& server, EdnsSupport support, TimePoint now) {
  Update(server, [&](Record& record) {
    record.edns_seen = support == EdnsSupport::kYes;
    record.no_edns_until = support == EdnsSupport::kNo ? now + kNoEdnsFor : TimePoint{};
  });
}

void ServerTable::SetCaseBroken(const Server& server, TimePoint now) {
  Update(server, [&](Record& record) { record.case_broken_until = now + kCaseBrokenFor; });
}

// A TimePoint of zero is never.
ProbedTls ServerTable::Probed(const Record& record, TimePoint now) {
  const auto within = [now](TimePoint at, Duration life) {
    return at != TimePoint{} && now - at < life;
  };
  if (within(record.tls_failed, kTlsDamping)) return ProbedTls::kFailed;
  return within(record.tls_answered, kTlsPersistence) ? ProbedTls::kWorks : ProbedTls::kUnknown;
}

bool ServerTable::ClaimTlsProbe(const Server& server, TimePoint now) {
  bool mine = false;
  Update(server, [&](Record& record) {
    const bool under_way =
        record.tls_probed != TimePoint{} && now - record.tls_probed < kTlsTimeout;
    if (under_way || Probed(record, now) != ProbedTls::kUnknown) return;
    record.tls_probed = now;
    mine = true;
  });
  return mine;
}

void ServerTable::TlsAnswered(const Server& server, TimePoint now) {
  Update(server, [&](Record& record) {
    record.tls_answered = now;
    record.tls_failed = TimePoint{};
    record.tls_helped_out = 0;
  });
}

void ServerTable::TlsFailed(const Server& server, TimePoint now) {
  Update(server, [&](Record& record) {
    record.tls_failed = now;
    record.tls_answered = TimePoint{};
    record.tls_helped_out = 0;
  });
}

void ServerTable::TlsHelpedOut(const Server& server, TimePoint now) {
  Update(server, [&](Record& record) {
    if (++record.tls_helped_out < kTlsHelpedOut) return;
    record.tls_failed = now;
    record.tls_answered = TimePoint{};
    record.tls_helped_out = 0;
  });
}

std::vector<ServerInfo> ServerTable::List(TimePoint now) {
  std::vector<ServerInfo> list;
  entries_.Walk([&](const Record& record) {
    list.push_back(Describe(record, now));
    return false;
  });
  return list;
}

void ServerTable::Clear() {
  entries_.Clear();
  typical_rtt_.store(kFirstGuess.count(), std::memory_order_relaxed);
}

}  // namespace resolve64::cache
