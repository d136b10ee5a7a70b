// Requirements E: the special-use names and the zones of RFC 6303.
#include "zone/special_use.h"

#include "support.h"

namespace resolve64::zone {
namespace {

const Strings kNotLocal = {"not local"};

std::shared_ptr<const LocalZones> Builtin() { return Load(LocalZonesOptions{}); }

constexpr const char* kLoopback6 =
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.";

// Covers: LOC-01, LOC-02
TEST(EmptyZone, HasTheRecordsOfRfc6303AndNothingElse) {
  const auto zones = Builtin();
  const auto soa = zones->Find(N("10.in-addr.arpa."), RrType::kSoa);
  ASSERT_TRUE(soa);
  EXPECT_TRUE(soa->authoritative);
  ASSERT_EQ(soa->answer.size(), 1U);
  EXPECT_EQ(soa->answer[0]->ttl(), 10800U);
  // @ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800
  const std::string expected(
      "\00210\007in-addr\004arpa\000"
      "\006nobody\007invalid\000"
      "\000\000\000\001\000\000\016\020\000\000\004\260\000\011\072\200"
      "\000\000\052\060",
      17 + 16 + 20);
  const auto rdata = soa->answer[0]->rdata(0);
  EXPECT_EQ(std::string(rdata.begin(), rdata.end()), expected);
  EXPECT_EQ(Ask(*zones, "10.in-addr.arpa.", RrType::kNs),
            (Strings{"NOERROR", "10.in-addr.arpa. 10800 NS 10.in-addr.arpa."}));
  EXPECT_EQ(Ask(*zones, "10.in-addr.arpa.", RrType::kA),
            (Strings{"NOERROR", "SOA 10.in-addr.arpa. 10800"}));
  EXPECT_EQ(Ask(*zones, "1.0.0.10.in-addr.arpa.", RrType::kPtr),
            (Strings{"NXDOMAIN", "SOA 10.in-addr.arpa. 10800"}));
  EXPECT_TRUE(zones->Find(N("1.0.0.10.in-addr.arpa."), RrType::kPtr)->authoritative);
}

// Covers: LOC-01, LOC-04
TEST(EmptyZone, CoversEveryZoneOfRfc6303AndRfc7793AndNoNeighbour) {
  const auto zones = Builtin();
  Strings local = {"10",        "168.192",        "0", "127", "254.169", "2.0.192", "100.51.198",
                   "113.0.203", "255.255.255.255"};
  for (int i = 16; i <= 31; ++i) local.push_back(std::to_string(i) + ".172");
  for (int i = 64; i <= 127; ++i) local.push_back(std::to_string(i) + ".100");
  for (const auto& zone : local) {
    EXPECT_EQ(Ask(*zones, "x." + zone + ".in-addr.arpa.", RrType::kPtr),
              (Strings{"NXDOMAIN", "SOA " + zone + ".in-addr.arpa. 10800"}));
  }
  for (const char* zone : {"d.f", "8.e.f", "9.e.f", "a.e.f", "b.e.f", "8.b.d.0.1.0.0.2"}) {
    EXPECT_EQ(Ask(*zones, std::string("x.") + zone + ".ip6.arpa.", RrType::kPtr),
              (Strings{"NXDOMAIN", std::string("SOA ") + zone + ".ip6.arpa. 10800"}));
  }
  for (const char* name : {"1.11.in-addr.arpa.", "15.172.in-addr.arpa.", "32.172.in-addr.arpa.",
                           "63.100.in-addr.arpa.", "128.100.in-addr.arpa.", "169.192.in-addr.arpa.",
                           "0.0.192.in-addr.arpa.", "254.255.255.255.in-addr.arpa.",
                           "e.f.ip6.arpa.", "c.e.f.ip6.arpa.", "c.f.ip6.arpa.",
                           "9.b.d.0.1.0.0.2.ip6.arpa.", "in-addr.arpa.", "ip6.arpa.", "arpa."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kPtr), kNotLocal) << name;
  }
}

TEST(EmptyZone, TheLoopbackAddressesPointToLocalhost) {
  const auto zones = Builtin();
  EXPECT_EQ(Ask(*zones, "1.0.0.127.in-addr.arpa.", RrType::kPtr),
            (Strings{"NOERROR", "1.0.0.127.in-addr.arpa. 10800 PTR localhost."}));
  EXPECT_EQ(Ask(*zones, kLoopback6, RrType::kPtr),
            (Strings{"NOERROR", std::string(kLoopback6) + " 10800 PTR localhost."}));
  EXPECT_EQ(Ask(*zones, "0.127.in-addr.arpa.", RrType::kPtr),
            (Strings{"NOERROR", "SOA 127.in-addr.arpa. 10800"}));
  EXPECT_EQ(Ask(*zones, "2.0.0.127.in-addr.arpa.", RrType::kPtr),
            (Strings{"NXDOMAIN", "SOA 127.in-addr.arpa. 10800"}));
  EXPECT_EQ(Ask(*zones, "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
                RrType::kPtr)[0],
            "NOERROR");
}

// Covers: LOC-03
TEST(Localhost, HasTheLoopbackAddressesAtEveryDepth) {
  const auto zones = Builtin();
  for (const std::string name : {"localhost.", "a.localhost.", "b.A.LocalHost."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kA), (Strings{"NOERROR", name + " 10800 A 127.0.0.1"}));
    EXPECT_EQ(Ask(*zones, name, RrType::kAaaa), (Strings{"NOERROR", name + " 10800 AAAA ::1"}));
    EXPECT_EQ(Ask(*zones, name, RrType::kMx), (Strings{"NOERROR", "SOA localhost. 10800"}));
  }
  EXPECT_EQ(Ask(*zones, "localhost.", RrType::kSoa), (Strings{"NOERROR", "SOA localhost. 10800"}));
}

// Covers: LOC-06
TEST(Localhost, NamesThatOnlyLookLikeItAreOrdinary) {
  const auto zones = Builtin();
  for (const char* name :
       {"notlocalhost.", "localhost.example.", "localhos.", "xlocalhost.", "atest.", "onions."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kA), kNotLocal) << name;
  }
}

TEST(SpecialUse, NamesThatNeverExistAreNxdomainAtOnce) {
  const auto zones = Builtin();
  for (const std::string name : {"invalid.", "test.", "onion.", "local."}) {
    for (const auto type : {RrType::kA, RrType::kAaaa, RrType::kSoa, RrType::kNs, RrType::kAny}) {
      EXPECT_EQ(Ask(*zones, name, type), (Strings{"NXDOMAIN", "SOA " + name + " 10800"}));
      EXPECT_EQ(Ask(*zones, "a.b." + name, type), (Strings{"NXDOMAIN", "SOA " + name + " 10800"}));
    }
  }
}

TEST(SpecialUse, HomeAndServiceArpaAreEmptyZones) {
  const auto zones = Builtin();
  for (const std::string name : {"home.arpa.", "service.arpa."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kNs), (Strings{"NOERROR", name + " 10800 NS " + name}));
    EXPECT_EQ(Ask(*zones, "x." + name, RrType::kA),
              (Strings{"NXDOMAIN", "SOA " + name + " 10800"}));
  }
}

// Covers: CLI-15, CLI-16, CLI-17
TEST(SpecialUse, ResolverArpaIsNodataAndNeverForwarded) {
  const auto zones = Builtin();
  for (const char* name : {"resolver.arpa.", "_dns.resolver.arpa.", "a.b.resolver.arpa."}) {
    for (const auto type : {RrType::kSvcb, RrType::kA, RrType::kAaaa, RrType::kDs, RrType::kSoa}) {
      EXPECT_EQ(Ask(*zones, name, type), (Strings{"NOERROR", "SOA resolver.arpa. 10800"}));
    }
  }
}

TEST(SpecialUse, ExampleNamesAndAltAreOrdinary) {
  const auto zones = Builtin();
  for (const char* name : {"example.", "example.com.", "www.example.net.", "x.example.org.", "alt.",
                           "x.alt.", "ipv4only.arpa.", "."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kA), kNotLocal) << name;
  }
}

// Covers: LOC-05
TEST(SpecialUse, TheDsOfAnApexIsAskedForUpstream) {
  const auto zones = Builtin();
  for (const char* name : {"home.arpa.", "10.in-addr.arpa.", "d.f.ip6.arpa.", "localhost.", "test.",
                           "invalid.", "local.", "service.arpa."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kDs), kNotLocal) << name;
  }
  EXPECT_EQ(Ask(*zones, "x.home.arpa.", RrType::kDs),
            (Strings{"NXDOMAIN", "SOA home.arpa. 10800"}));
  // RFC 7686 section 2: NXDOMAIN for all such queries.
  EXPECT_EQ(Ask(*zones, "onion.", RrType::kDs), (Strings{"NXDOMAIN", "SOA onion. 10800"}));
}

// Covers: LOC-05
TEST(SpecialUse, NoDenialIsInvented) {
  const auto answer = Builtin()->Find(N("x.onion."), RrType::kA);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->answer.empty());
  EXPECT_EQ(answer->soa->signature_count(), 0U);
  EXPECT_NE(answer->soa->security(), Security::kSecure);
}

TEST(BuiltinZones, CanBeSwitchedOffTogether) {
  LocalZonesOptions options;
  options.builtin = false;
  const auto zones = Load(options);
  for (const char* name : {"localhost.", "test.", "1.0.0.10.in-addr.arpa.", "home.arpa."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kA), kNotLocal) << name;
  }
}

TEST(BuiltinZones, CanBeSwitchedOffOneByOne) {
  LocalZonesOptions options;
  options.except = {N("Test."), N("10.in-addr.arpa."), N("b.home.arpa."), N("ip6.arpa.")};
  const auto zones = Load(options);
  for (const char* name : {"test.", "a.test.", "1.10.in-addr.arpa.", "b.home.arpa.",
                           "a.b.home.arpa.", "x.d.f.ip6.arpa."}) {
    EXPECT_EQ(Ask(*zones, name, RrType::kA), kNotLocal) << name;
  }
  EXPECT_EQ(Ask(*zones, "a.invalid.", RrType::kA)[0], "NXDOMAIN");
  EXPECT_EQ(Ask(*zones, "c.home.arpa.", RrType::kA)[0], "NXDOMAIN");
  EXPECT_EQ(Ask(*zones, "1.168.192.in-addr.arpa.", RrType::kPtr)[0], "NXDOMAIN");
}

TEST(BuiltinZones, ExceptionsConcernNoZoneFile) {
  const TempFile file("@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\nwww A 192.0.2.1\n");
  LocalZonesOptions options;
  options.files = {{N("example."), file.path()}};
  options.except = {N("www.example."), N("example.")};
  EXPECT_EQ(Ask(*Load(options), "www.example.", RrType::kA)[0], "NOERROR");
}

TEST(BuiltinZones, GiveWayToForwardsAndStubsThatAreAsSpecificOrMore) {
  LocalZonesOptions options;
  options.routed = {N("."), N("home.arpa."), N("1.10.in-addr.arpa."), N("arpa."), N("x.y.test.")};
  const auto zones = Load(options);
  EXPECT_EQ(Ask(*zones, "a.home.arpa.", RrType::kA), kNotLocal);
  EXPECT_EQ(Ask(*zones, "home.arpa.", RrType::kDs), kNotLocal);
  EXPECT_EQ(Ask(*zones, "2.1.10.in-addr.arpa.", RrType::kPtr), kNotLocal);
  EXPECT_EQ(Ask(*zones, "2.2.10.in-addr.arpa.", RrType::kPtr)[0], "NXDOMAIN");
  EXPECT_EQ(Ask(*zones, "a.168.192.in-addr.arpa.", RrType::kPtr)[0], "NXDOMAIN");
  EXPECT_EQ(Ask(*zones, "a.test.", RrType::kA)[0], "NXDOMAIN");
  // What lies above a forwarded name exists.
  EXPECT_EQ(Ask(*zones, "y.test.", RrType::kA), (Strings{"NOERROR", "SOA test. 10800"}));
  EXPECT_EQ(Ask(*zones, "z.x.y.test.", RrType::kA), kNotLocal);
}

TEST(BuiltinZones, GiveWayToZoneFiles) {
  const char* head = "@ 60 IN SOA ns x 1 2 3 4 5\n@ NS ns\n";
  const TempFile home(std::string(head) + "nas A 192.0.2.1\n");
  const TempFile wide(std::string(head) + "1.0.16 PTR host.home.arpa.\n");
  LocalZonesOptions options;
  options.files = {{N("home.arpa."), home.path()},
                   {N("172.in-addr.arpa."), wide.path()},
                   {N("lab.test."), home.path()}};
  options.routed = {N("home.arpa.")};
  const auto zones = Load(options);
  EXPECT_EQ(Ask(*zones, "nas.home.arpa.", RrType::kA),
            (Strings{"NOERROR", "nas.home.arpa. 60 A 192.0.2.1"}));
  EXPECT_EQ(Ask(*zones, "nas.home.arpa.", RrType::kAaaa), (Strings{"NOERROR", "SOA home.arpa. 5"}));
  EXPECT_EQ(Ask(*zones, "home.arpa.", RrType::kDs), kNotLocal);
  // The file has data for 16.172 and none for 17.172.
  EXPECT_EQ(Ask(*zones, "1.0.16.172.in-addr.arpa.", RrType::kPtr),
            (Strings{"NOERROR", "1.0.16.172.in-addr.arpa. 60 PTR host.home.arpa."}));
  EXPECT_EQ(Ask(*zones, "1.0.17.172.in-addr.arpa.", RrType::kPtr),
            (Strings{"NXDOMAIN", "SOA 17.172.in-addr.arpa. 10800"}));
  EXPECT_EQ(Ask(*zones, "nas.lab.test.", RrType::kA)[0], "NOERROR");
  EXPECT_EQ(Ask(*zones, "x.test.", RrType::kA)[0], "NXDOMAIN");
  EXPECT_EQ(Ask(*zones, "lab.test.", RrType::kDs), (Strings{"NOERROR", "SOA test. 10800"}));
}

TEST(Chaos, IsRefusedUnlessConfigured) {
  const auto zones = Builtin();
  for (const char* name : {"version.bind.", "version.server.", "id.server.", "hostname.bind.",
                           "authors.bind.", "example.com.", "."}) {
    const auto answer = zones->FindChaos(N(name), RrType::kTxt);
    EXPECT_EQ(answer.rcode, Rcode::kRefused) << name;
    EXPECT_TRUE(answer.answer.empty());
    EXPECT_FALSE(answer.authoritative);
  }
}

TEST(Chaos, GivesTheConfiguredText) {
  LocalZonesOptions options;
  options.version = "resolve64";
  options.id = std::string(300, 'x');
  const auto zones = Load(options);
  const auto version = zones->FindChaos(N("VERSION.bind."), RrType::kTxt);
  EXPECT_EQ(version.rcode, Rcode::kNoError);
  ASSERT_EQ(version.answer.size(), 1U);
  const auto rdata = version.answer[0]->rdata(0);
  EXPECT_EQ(std::string(rdata.begin(), rdata.end()), "\011resolve64");
  EXPECT_EQ(zones->FindChaos(N("id.server."), RrType::kTxt).answer[0]->rdata(0).size(), 256U);
  const auto other = zones->FindChaos(N("version.server."), RrType::kA);
  EXPECT_EQ(other.rcode, Rcode::kNoError);
  EXPECT_TRUE(other.answer.empty());
  EXPECT_EQ(zones->FindChaos(N("authors.bind."), RrType::kTxt).rcode, Rcode::kRefused);
}

}  // namespace
}  // namespace resolve64::zone
