// Recursion as a script: what each lookup comes to, and when.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "dns/text.h"
#include "server/lookups.h"
#include "server/pipeline.h"
#include "support/run.h"

namespace resolve64::server {

inline Name N(const std::string& text) { return *Name::Parse(text); }

inline std::vector<std::uint8_t> Octets(const Ipv4& address) {
  return {address.octets.begin(), address.octets.end()};
}
inline std::vector<std::uint8_t> Octets(const Ipv6& address) {
  return {address.octets.begin(), address.octets.end()};
}
inline std::vector<std::uint8_t> Octets(const Name& name) {
  return {name.wire().begin(), name.wire().end()};
}

class ScriptedLookups final : public Lookups {
 public:
  using Answer = resolver::Answer;

  explicit ScriptedLookups(net::Scheduler& scheduler) : scheduler_(scheduler) {}

  /// What recursion finds after `delay`, or at once in the cache.
  struct Entry {
    Answer answer;
    Duration delay{};
    bool cached = false;
    bool held = false;  // not before Release()
  };
  Entry& On(const std::string& name, RrType type, Answer answer, Duration delay = {}) {
    Entry& entry = entries_[Key(N(name), type)];
    entry = {std::move(answer), delay, false, false};
    return entry;
  }
  Entry& OnHeld(const std::string& name, RrType type, Answer answer) {
    Entry& entry = On(name, type, std::move(answer));
    entry.held = true;
    return entry;
  }
  /// Whoever waits for what is held gets it, now and from now on.
  void Release() { released_.Set(); }

  [[nodiscard]] const std::vector<std::string>& asked() const { return asked_; }
  [[nodiscard]] const std::vector<std::string>& ended() const { return ended_; }
  [[nodiscard]] const std::vector<std::string>& dropped() const { return dropped_; }
  void Forget() {
    asked_.clear();
    ended_.clear();
    dropped_.clear();
  }

  resolver::RequestPtr NewRequest(std::shared_ptr<resolver::Trace> trace) override {
    auto request = std::make_shared<resolver::Request>();
    request->deadline = scheduler_.Now() + std::chrono::seconds(8);
    request->trace = std::move(trace);
    return request;
  }

  net::Task<Answer> Resolve(Name name, RrType type, resolver::RequestPtr request) override {
    const std::string key = Key(name, type);
    const auto at = entries_.find(key);
    if (at != entries_.end() && at->second.cached) co_return at->second.answer;
    asked_.push_back(key);
    Visit visit(*this, key);
    if (at != entries_.end() && at->second.held) {
      net::Event::Waiter waiter = released_.Wait();
      co_await waiter;
      visit.over = true;
      ended_.push_back(key);
      co_return at->second.answer;
    }
    TimePoint until = request->deadline;
    Answer answer;  // silence
    answer.final_name = name;
    if (at != entries_.end() && scheduler_.Now() + at->second.delay < until) {
      until = scheduler_.Now() + at->second.delay;
      answer = at->second.answer;
    }
    net::Event never(scheduler_);
    net::Event::Waiter waiter = never.WaitUntil(until);
    co_await waiter;
    visit.over = true;
    ended_.push_back(key);
    co_return answer;
  }

  std::optional<Answer> FromCache(const Name& name, RrType type, bool /*cd*/,
                                  resolver::Trace*) override {
    const auto at = entries_.find(Key(name, type));
    if (at == entries_.end() || !at->second.cached) return std::nullopt;
    return at->second.answer;
  }
  bool Knows(const Name& name, RrType type) override {
    return FromCache(name, type, false, nullptr).has_value();
  }

 private:
  struct Visit {
    Visit(ScriptedLookups& l, std::string k) : lookups(l), key(std::move(k)) {}
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() {
      if (!over) lookups.dropped_.push_back(key);
    }
    ScriptedLookups& lookups;
    std::string key;
    bool over = false;
  };

  static std::string Key(const Name& name, RrType type) {
    return name.Lower().ToText() + " " + ToText(type);
  }

  net::Scheduler& scheduler_;
  net::Event released_{scheduler_};
  std::map<std::string, Entry> entries_;
  std::vector<std::string> asked_;
  std::vector<std::string> ended_;
  std::vector<std::string> dropped_;
};

/// A pipeline on scripted lookups, under one policy.
class PipelineTest : public ::testing::Test {
 protected:
  using Answer = resolver::Answer;
  using Strings = std::vector<std::string>;

  PipelineTest() { policy_.prefixes[0].prefix = *Prefix::Parse("2001:db8:64::/96"); }

  dns::RrsetPtr Set(const Name& owner, RrType type, std::uint32_t ttl,
                    const std::vector<std::vector<std::uint8_t>>& rdata) {
    dns::RrsetBuilder builder(owner, type);
    for (const auto& one : rdata) builder.Add(one, ttl);
    return builder.Build(clock_.Now(), dns::Trust::kAuthAnswer);
  }
  dns::RrsetPtr Soa(const std::string& zone, std::uint32_t ttl, std::uint32_t minimum) {
    std::vector<std::uint8_t> rdata = Octets(N("ns." + zone));
    const std::vector<std::uint8_t> mail = Octets(N("admin." + zone));
    rdata.insert(rdata.end(), mail.begin(), mail.end());
    for (const std::uint32_t number : {1U, 3600U, 600U, 86400U, minimum}) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        rdata.push_back(static_cast<std::uint8_t>(number >> shift & 0xFF));
      }
    }
    return Set(N(zone), RrType::kSoa, ttl, {rdata});
  }

  Answer Data(const std::string& owner, RrType type, std::uint32_t ttl,
              const std::vector<std::vector<std::uint8_t>>& rdata) {
    Answer answer;
    answer.kind = LookupKind::kData;
    answer.rcode = Rcode::kNoError;
    answer.final_name = N(owner);
    answer.data = Set(answer.final_name, type, ttl, rdata);
    return answer;
  }
  Answer A(const std::string& owner, std::uint32_t ttl, const Strings& addresses) {
    std::vector<std::vector<std::uint8_t>> rdata;
    for (const std::string& one : addresses) rdata.push_back(Octets(*ParseIpv4(one)));
    return Data(owner, RrType::kA, ttl, rdata);
  }
  Answer Aaaa(const std::string& owner, std::uint32_t ttl, const Strings& addresses) {
    std::vector<std::vector<std::uint8_t>> rdata;
    for (const std::string& one : addresses) rdata.push_back(Octets(*ParseIpv6(one)));
    return Data(owner, RrType::kAaaa, ttl, rdata);
  }
  Answer Nodata(const std::string& name, std::uint32_t ttl = 300) {
    Answer answer;
    answer.kind = LookupKind::kNodata;
    answer.rcode = Rcode::kNoError;
    answer.final_name = N(name);
    answer.soa = Soa("example.com", ttl, ttl);
    return answer;
  }
  Answer Nxdomain(const std::string& name) {
    Answer answer = Nodata(name);
    answer.kind = LookupKind::kNxdomain;
    answer.rcode = Rcode::kNxDomain;
    return answer;
  }
  static Answer Failed(LookupKind kind, Ede ede) {
    Answer answer;
    answer.kind = kind;
    answer.rcode = Rcode::kServFail;
    answer.ede = ede;
    return answer;
  }
  // `answer` at the end of aliases: owner, target, owner, target, …
  Answer Behind(const Strings& names, Answer answer, std::uint32_t ttl = 60) {
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
      answer.chain.push_back(Set(N(names[i]), RrType::kCname, ttl, {Octets(N(names[i + 1]))}));
    }
    return answer;
  }

  Inquiry Question(const std::string& name, RrType type) {
    auto view = std::make_shared<View>();
    view->name = "test";
    view->policy = policy_;
    Inquiry inquiry;
    inquiry.question = resolve64::Question(N(name), type);
    inquiry.view = std::move(view);
    return inquiry;
  }
  Response Ask(const Inquiry& inquiry) {
    const TimePoint started = clock_.Now();
    Response response = testing::RunToEnd(clock_, scheduler_,
                                          pipeline_.Handle(inquiry, lookups_.NewRequest(trace_)));
    took_ = clock_.Now() - started;
    return response;
  }
  Response Ask(const std::string& name, RrType type = RrType::kAaaa) {
    return Ask(Question(name, type));
  }

  // "www.example.com. 300 AAAA 2001:db8::1", a line for each record.
  static Strings Lines(const std::vector<ResponseRrset>& section) {
    Strings lines;
    for (const ResponseRrset& item : section) {
      for (std::size_t i = 0; i < item.rrset->size(); ++i) {
        lines.push_back(item.rrset->owner().ToText() + " " + std::to_string(item.ttl) + " " +
                        ToText(item.rrset->type()) + " " +
                        dns::RdataToText(item.rrset->type(), item.rrset->rdata(i)));
      }
    }
    return lines;
  }
  static Strings Answers(const Response& response) { return Lines(response.answer); }
  static Strings SoaOwners(const Response& response) {
    Strings owners;
    for (const ResponseRrset& item : response.authority) {
      if (item.rrset->type() == RrType::kSoa) owners.push_back(item.rrset->owner().ToText());
    }
    return owners;
  }

  ManualClock clock_;
  net::Scheduler scheduler_{clock_};
  ScriptedLookups lookups_{scheduler_};
  Pipeline pipeline_{scheduler_, lookups_};
  Dns64Policy policy_;
  std::shared_ptr<resolver::Trace> trace_;
  Duration took_{};
};

}  // namespace resolve64::server
