// _dns.resolver.arpa: the records, for whom they are, and what the rest of resolver.arpa says.
#include "server/discovery.h"

#include <gtest/gtest.h>

#include "unit/server/scripted_lookups.h"

namespace resolve64::server {
namespace {

using Transport = config::Listener::Transport;

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

class DiscoveryTest : public PipelineTest {
 protected:
  DiscoveryTest() {
    config_.listen.clear();
    info_.names = {"dns.example.net"};
    views_.fallback = NewView("default", {});
    views_.list = {NewView("lab", {"2001:db8:1::/48"}), NewView("bound", {})};
    local_ = zone::LocalZones::Load({}).zones;
  }

  static ViewPtr NewView(const char* name, const Strings& clients) {
    auto view = std::make_shared<View>();
    view->name = name;
    for (const std::string& one : clients) view->clients.push_back(*Network::Parse(one));
    return view;
  }
  config::Listener& Listen(const char* address, Transport transport) {
    config::Listener listener(Ip(address), config::DefaultPort(transport));
    listener.transport = transport;
    config_.listen.push_back(std::move(listener));
    return config_.listen.back();
  }
  // A question as the handler makes it.
  Response From(const char* client, const char* asked = nullptr,
                const char* listener_view = nullptr, const char* name = "_dns.resolver.arpa",
                RrType type = RrType::kSvcb) {
    services_ = Services(config_, {&info_, 1}, host_);
    Inquiry inquiry = Question(name, type);
    const ViewPtr bound = listener_view ? views_.Named(listener_view) : nullptr;
    inquiry.view = views_.Choose(bound, Ip(client));
    inquiry.local = local_;
    inquiry.client = Ip(client);
    if (asked != nullptr) inquiry.asked = Ip(asked);
    inquiry.services = &services_;
    inquiry.views = &views_;
    inquiry.do_bit = true;
    return Ask(inquiry);
  }
  static std::string Hex(std::span<const std::uint8_t> octets) {
    std::string text;
    for (const std::uint8_t octet : octets) {
      constexpr char kDigits[] = "0123456789abcdef";
      text += kDigits[octet >> 4U];
      text += kDigits[octet & 15U];
    }
    return text;
  }
  static Strings Rdata(const Response& response) {
    Strings all;
    for (const ResponseRrset& item : response.answer) {
      for (std::size_t i = 0; i < item.rrset->size(); ++i) all.push_back(Hex(item.rrset->rdata(i)));
    }
    return all;
  }

  config::Config config_;
  net::CertificateInfo info_;
  std::vector<IpAddress> host_ = {Ip("192.0.2.53"), Ip("2001:db8::53")};
  Views views_;
  Services services_;
  std::shared_ptr<const zone::LocalZones> local_;
};

// "dns.example.net."
constexpr char kTarget[] = "03646e73076578616d706c65036e657400";

// Covers: CLI-11, CLI-10
TEST_F(DiscoveryTest, DotIsTheRdataOfTheVector) {
  Listen("192.0.2.53", Transport::kTls);
  const Response response = From("192.0.2.9");
  EXPECT_EQ(Rdata(response), Strings{"0001"
                                     "03646e73076578616d706c65036e657400"
                                     "0001"
                                     "0004"
                                     "03646f74"});
  ASSERT_EQ(response.answer.size(), 1U);
  EXPECT_EQ(response.answer[0].rrset->owner(), N("_dns.resolver.arpa"));
  EXPECT_EQ(response.answer[0].rrset->type(), RrType::kSvcb);
  EXPECT_EQ(response.answer[0].ttl, 300U);
}

// Covers: CLI-10, CLI-12
TEST_F(DiscoveryTest, HttpsHasItsPathAndOtherPortsAreTold) {
  Listen("192.0.2.53", Transport::kHttps);
  config::Listener& other = Listen("192.0.2.53", Transport::kTls);
  other.port = 8853;
  const std::string path = "2f646e732d71756572797b3f646e737d";  // /dns-query{?dns}
  EXPECT_EQ(Rdata(From("192.0.2.9")),
            (Strings{std::string("0001") + kTarget + "0001000403646f74" + "000300022295",
                     std::string("0002") + kTarget + "00010003026832" + "00070010" + path}));
  config_.listen[0].port = 8443;
  config_.listen[0].path = "/q";
  EXPECT_EQ(Rdata(From("192.0.2.9")).at(1), std::string("0002") + kTarget + "00010003026832" +
                                                "0003000220fb" + "00070008" + "2f717b3f646e737d");
}

// Covers: CLI-13
TEST_F(DiscoveryTest, AddressesOfTheTargetComeAlong) {
  Listen("192.0.2.53", Transport::kTls);
  Listen("2001:db8::53", Transport::kTls);
  Listen("192.0.2.53", Transport::kHttps);
  const Response response = From("192.0.2.9");
  EXPECT_EQ(response.answer.at(0).rrset->size(), 2U) << "a record for each service, not address";
  EXPECT_EQ(Lines(response.additional), (Strings{"dns.example.net. 300 A 192.0.2.53",
                                                 "dns.example.net. 300 AAAA 2001:db8::53"}));
  EXPECT_FALSE(response.synthesized);
}

// Covers: CLI-13
TEST_F(DiscoveryTest, WildcardIsTheAddressThatWasAsked) {
  Listen("::", Transport::kTls);
  Listen("0.0.0.0", Transport::kTls);
  EXPECT_EQ(
      Lines(From("2001:db8::9", "2001:db8::77").additional),
      (Strings{"dns.example.net. 300 AAAA 2001:db8::77", "dns.example.net. 300 A 192.0.2.53"}));
  EXPECT_EQ(Lines(From("127.0.0.1", "127.0.0.1").additional),
            (Strings{"dns.example.net. 300 AAAA ::1", "dns.example.net. 300 A 127.0.0.1"}));
}

TEST_F(DiscoveryTest, AnswerIsAuthoritativeAndUnsigned) {
  Listen("192.0.2.53", Transport::kTls);
  const Response response = From("192.0.2.9");
  EXPECT_EQ(response.rcode, Rcode::kNoError);
  EXPECT_TRUE(response.authoritative);
  EXPECT_FALSE(response.secure);
  EXPECT_TRUE(response.authority.empty());
  EXPECT_EQ(response.answer.at(0).rrset->signature_count(), 0U);
  EXPECT_TRUE(lookups_.asked().empty());
}

// Covers: U18
TEST_F(DiscoveryTest, ServicesOfAnotherViewAreNotAnnounced) {
  Listen("192.0.2.53", Transport::kTls);
  Listen("192.0.2.64", Transport::kTls).view = "bound";
  EXPECT_EQ(Lines(From("192.0.2.9").additional), Strings{"dns.example.net. 300 A 192.0.2.53"});
  EXPECT_EQ(Lines(From("192.0.2.9", nullptr, "bound").additional),
            Strings{"dns.example.net. 300 A 192.0.2.64"});
}

// Covers: U18
TEST_F(DiscoveryTest, ClientKeepsTheViewThatItsAddressGives) {
  Listen("2001:db8::53", Transport::kTls);
  Listen("2001:db8::64", Transport::kTls).view = "bound";
  Listen("2001:db8::65", Transport::kTls).view = "lab";
  EXPECT_EQ(Lines(From("2001:db8:1::9").additional),
            (Strings{"dns.example.net. 300 AAAA 2001:db8::53",
                     "dns.example.net. 300 AAAA 2001:db8::65"}));
  EXPECT_EQ(Lines(From("2001:db8:1::9", nullptr, "bound").additional),
            Strings{"dns.example.net. 300 AAAA 2001:db8::64"});
  EXPECT_EQ(Lines(From("2001:db8:2::9", nullptr, "lab").additional),
            Strings{"dns.example.net. 300 AAAA 2001:db8::65"})
      << "elsewhere its address would lead to the default view";
}

TEST_F(DiscoveryTest, ServiceOfAViewThatIsGoneIsNobodys) {
  Listen("192.0.2.53", Transport::kTls).view = "gone";
  EXPECT_TRUE(From("192.0.2.9").answer.empty());
}

// Covers: CLI-15
TEST_F(DiscoveryTest, NothingToAnnounceIsNodata) {
  const auto is_nodata = [](const Response& response) {
    return response.rcode == Rcode::kNoError && response.answer.empty() &&
           response.authority.size() == 1 && response.additional.empty();
  };
  lookups_.On("_dns.resolver.arpa", RrType::kSvcb, Nodata("_dns.resolver.arpa"));
  EXPECT_TRUE(is_nodata(From("192.0.2.9"))) << "no listener";
  Listen("192.0.2.53", Transport::kTls).view = "bound";
  EXPECT_TRUE(is_nodata(From("192.0.2.9"))) << "none of this view";
  config_.listen[0].view.reset();
  info_.names = {"*.example.net"};
  EXPECT_TRUE(is_nodata(From("192.0.2.9"))) << "no name";
  info_.names = {"dns.example.net"};
  config_.listen[0].address = Ip("127.0.0.1");
  EXPECT_TRUE(is_nodata(From("192.0.2.9"))) << "out of reach";
  EXPECT_FALSE(is_nodata(From("127.0.0.1")));
}

// Covers: CLI-16, CLI-17
TEST_F(DiscoveryTest, OtherQuestionsAreNoneOfItsBusiness) {
  Listen("192.0.2.53", Transport::kTls);
  for (const RrType type : {RrType::kA, RrType::kAaaa, RrType::kHttps, RrType::kTxt}) {
    EXPECT_TRUE(From("192.0.2.9", nullptr, nullptr, "_dns.resolver.arpa", type).answer.empty());
  }
  for (const char* name : {"resolver.arpa", "x._dns.resolver.arpa", "dns.resolver.arpa"}) {
    EXPECT_TRUE(From("192.0.2.9", nullptr, nullptr, name).answer.empty()) << name;
  }
  EXPECT_FALSE(From("192.0.2.9", nullptr, nullptr, "_DNS.Resolver.ARPA").answer.empty());
}

TEST_F(DiscoveryTest, WhatTheOperatorDoesNotKeepHereIsNotAnswered) {
  Listen("192.0.2.53", Transport::kTls);
  zone::LocalZonesOptions options;
  options.except = {N("resolver.arpa")};
  local_ = zone::LocalZones::Load(options).zones;
  EXPECT_TRUE(From("192.0.2.9").answer.empty());
  EXPECT_EQ(lookups_.asked().size(), 1U);
}

TEST_F(DiscoveryTest, NeedsNoRd) {
  Listen("192.0.2.53", Transport::kTls);
  services_ = Services(config_, {&info_, 1}, host_);
  Inquiry inquiry = Question("_dns.resolver.arpa", RrType::kSvcb);
  inquiry.view = views_.fallback;
  inquiry.local = local_;
  inquiry.client = Ip("192.0.2.9");
  inquiry.services = &services_;
  inquiry.views = &views_;
  inquiry.reach = Reach::kLocal;
  EXPECT_FALSE(Ask(inquiry).missed);
  EXPECT_FALSE(Ask(inquiry).answer.empty());
}

}  // namespace
}  // namespace resolve64::server
