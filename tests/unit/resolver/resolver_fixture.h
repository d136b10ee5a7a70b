// A resolver over a FakeNetwork: a root, two top-level domains and what a test adds.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/resolver.h"
#include "support/fake_network.h"
#include "support/run.h"

namespace resolve64::resolver {

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() {
    settings_.root = {
        zone::RootServer(testing::N("a.root."), {Endpoint::Parse("192.0.2.1", 53).value()})};
    settings_.ipv6 = false;
    root_.Zone(".",
               ". 86400 SOA 900\n"
               ". 86400 NS a.root.\n"
               "a.root. 86400 A 192.0.2.1\n"
               "example. 86400 NS ns.example.\n"
               "ns.example. 86400 A 192.0.2.2\n"
               "test. 86400 NS ns.test.\n"
               "ns.test. 86400 A 192.0.2.3\n");
    example_.Zone("example.",
                  "example. 3600 SOA 300\n"
                  "example. 3600 NS ns.example.\n"
                  "ns.example. 3600 A 192.0.2.2\n"
                  "www.example. 60 A 198.51.100.1\n"
                  "both.example. 60 A 198.51.100.2\n"
                  "both.example. 60 AAAA 2001:db8::2\n"
                  "alias.example. 60 CNAME www.example.\n"
                  "away.example. 60 CNAME www.sub.test.\n"
                  "loop1.example. 60 CNAME loop2.example.\n"
                  "loop2.example. 60 CNAME loop1.example.\n"
                  "old.example. 60 DNAME sub.test.\n"
                  "a.ent.example. 60 A 198.51.100.3\n");
    test_.Zone("test.",
               "test. 3600 SOA 300\n"
               "test. 3600 NS ns.test.\n"
               "ns.test. 3600 A 192.0.2.3\n"
               "sub.test. 3600 NS ns.sub.test.\n"
               "ns.sub.test. 3600 A 192.0.2.4\n"
               "glueless.test. 3600 NS ns.sub.test.\n");
    sub_.Zone("sub.test.",
              "sub.test. 3600 SOA 300\n"
              "sub.test. 3600 NS ns.sub.test.\n"
              "ns.sub.test. 3600 A 192.0.2.4\n"
              "www.sub.test. 60 A 198.51.100.4\n");
    sub_.Zone("glueless.test.",
              "glueless.test. 3600 SOA 300\n"
              "www.glueless.test. 60 A 198.51.100.5\n");
    network_.Serve("192.0.2.1", root_.Behave());
    network_.Serve("192.0.2.2", example_.Behave());
    network_.Serve("192.0.2.3", test_.Behave());
    network_.Serve("192.0.2.4", sub_.Behave());
  }

  Resolver& resolver() {
    if (resolver_ == nullptr) {
      resolver_ = std::make_unique<Resolver>(scheduler_, random_, caches_, network_, stats_);
      resolver_->SetSettings(std::make_shared<Settings>(settings_));
    }
    return *resolver_;
  }

  Answer Ask(std::string_view name, RrType type = RrType::kA) {
    request_ = resolver().NewRequest();
    return testing::RunToEnd(clock_, scheduler_,
                             resolver().Resolve(testing::N(name), type, request_));
  }

  /// What was asked since the last call, without the root's priming.
  std::vector<std::string> Log() {
    std::vector<std::string> lines = network_.Lines();
    network_.ClearLog();
    lines.erase(std::remove(lines.begin(), lines.end(), "192.0.2.1 . NS"), lines.end());
    return lines;
  }

  static std::string FirstAddress(const Answer& answer) {
    if (answer.data == nullptr) return "none";
    const auto rdata = answer.data->rdata(0);
    if (rdata.size() != 4) return "not an A";
    return ToText(Ipv4{{rdata[0], rdata[1], rdata[2], rdata[3]}});
  }

  using Lines = std::vector<std::string>;

  ManualClock clock_;
  net::Scheduler scheduler_{clock_};
  SeededRandom random_{11};
  Caches caches_{std::size_t{16} << 20};
  Stats stats_;
  testing::FakeNetwork network_{scheduler_};
  testing::Authority root_, example_, test_, sub_;
  Settings settings_;
  RequestPtr request_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace resolve64::resolver
