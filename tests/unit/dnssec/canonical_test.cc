// What is signed, against ldns, which makes the canonical form by code of its own.

#include <gtest/gtest.h>

#include <random>

#include "dns/rdata.h"
#include "unit/dnssec/signer.h"

namespace resolve64::dnssec {
namespace {

using test::Ldns;
using test::N;
using test::RrsetOf;
using Bytes = test::Octets;

std::vector<std::uint8_t> Ours(const dns::Rrset& rrset, const Rrsig& rrsig) {
  std::vector<std::uint8_t> out = {1, 2, 3};  // to be overwritten
  SignedData(rrset, rrsig, out);
  return out;
}

// RFC 4034 section 3.1.8.1 by ldns; nothing where it does not know the type's shape.
std::vector<std::uint8_t> Theirs(const dns::Rrset& rrset, const Rrsig& rrsig) {
  const Ldns<ldns_rr_list> list(ldns_rr_list_new());
  for (std::size_t i = 0; i < rrset.size(); ++i) {
    auto rr = test::ToLdns(rrset.owner(), rrset.type(), rrsig.original_ttl, rrset.rdata(i));
    if (!rr) return {};
    ldns_rr2canonical(rr.get());
    ldns_rr_list_push_rr(list.get(), rr.release());
  }
  ldns_rr_list_sort(list.get());
  Rrsig signed_one = rrsig;
  const Bytes signature = {1};
  signed_one.signature = signature;
  const auto rrsig_rr =
      test::ToLdns(rrset.owner(), RrType::kRrsig, rrset.ttl(), test::ToRdata(signed_one));
  ldns_rr2canonical(rrsig_rr.get());
  const Ldns<ldns_buffer> buffer(ldns_buffer_new(LDNS_MAX_PACKETLEN));
  ldns_rrsig2buffer_wire(buffer.get(), rrsig_rr.get());
  ldns_rr_list2buffer_wire(buffer.get(), list.get());
  const std::uint8_t* begin = ldns_buffer_begin(buffer.get());
  return {begin, begin + ldns_buffer_position(buffer.get())};
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned Below(unsigned end) { return static_cast<unsigned>(engine_() % end); }

  Name NextName() {
    constexpr std::string_view kLetters = "aAbBzZ09-_";
    Name name;
    for (unsigned labels = Below(4); labels > 0; --labels) {
      std::string label;
      for (unsigned i = Below(4) + 1; i > 0; --i) label += kLetters[Below(kLetters.size())];
      name = name.Prepend(label).value();
    }
    return name;
  }

  // RDATA of the shape of `type`.
  Bytes Rdata(RrType type) {
    Bytes rdata;
    const auto put = [&](unsigned count) {
      for (; count > 0; --count) rdata.push_back(static_cast<std::uint8_t>(Below(256)));
    };
    for (const char field : dns::ShapeOf(type).fields) {
      if (dns::IsNameField(field)) {
        const Name name = NextName();
        rdata.insert(rdata.end(), name.wire().begin(), name.wire().end());
      } else if (field == 's') {
        const unsigned size = Below(6);
        rdata.push_back(static_cast<std::uint8_t>(size));
        put(size);
      } else if (field == 'x') {
        put(16);
      } else if (field == 'r') {
        Rest(type, rdata);
      } else {
        put(static_cast<unsigned>(field - '0'));
      }
    }
    return rdata;
  }

 private:
  // What a parser asks of the last field.
  void Rest(RrType type, Bytes& rdata) {
    const auto add = [&](std::initializer_list<unsigned> octets) {
      for (const unsigned octet : octets) rdata.push_back(static_cast<std::uint8_t>(octet));
    };
    if (type == RrType::kNsec) {
      add({0, 1, 1 + Below(255)});
    } else if (type == RrType::kHinfo) {
      add({2, 'P' + Below(3), 'c', 1, 'X'});
    } else if (type == RrType::kTxt) {
      add({3, 'A', 'b', 'A' + Below(20)});
    } else if (type != RrType::kSvcb && type != RrType::kHttps) {
      add({1 + Below(255), Below(256)});
    }
  }

  std::mt19937 engine_;
};

constexpr auto kTypes = std::to_array<RrType>(
    {RrType::kA,     RrType::kNs,   RrType::kMd,   RrType::kMf,    RrType::kCname, RrType::kSoa,
     RrType::kMb,    RrType::kMg,   RrType::kMr,   RrType::kPtr,   RrType::kHinfo, RrType::kMinfo,
     RrType::kMx,    RrType::kTxt,  RrType::kRp,   RrType::kAfsdb, RrType::kRt,    RrType::kSig,
     RrType::kPx,    RrType::kAaaa, RrType::kNxt,  RrType::kSrv,   RrType::kNaptr, RrType::kKx,
     RrType::kDname, RrType::kNsec, RrType::kSvcb, RrType::kHttps, RrType{65280}});

bool HasEqualLowered(const dns::Rrset& rrset) {
  // Records that differ in letter case alone are one record to us, and two to ldns.
  Rrsig rrsig;
  rrsig.labels = static_cast<std::uint8_t>(rrset.owner().LabelCount());
  const auto ours = Ours(rrset, rrsig);
  std::size_t expected = 18 + 1;
  for (std::size_t i = 0; i < rrset.size(); ++i) {
    expected += rrset.owner().length() + 10 + rrset.rdata(i).size();
  }
  return ours.size() < expected;
}

// Covers: SEC-11
TEST(Canonical, FormAndOrderAreThoseOfLdnsForEveryTypeWithNames) {
  Random random(1);
  for (const RrType type : kTypes) {
    int compared = 0;
    for (int round = 0; round < 150; ++round) {
      const Name owner = random.NextName().Prepend("Own").value();
      dns::RrsetBuilder builder(owner, type);
      for (unsigned records = random.Below(6) + 1; records > 0; --records) {
        builder.Add(random.Rdata(type), 300);
      }
      const auto rrset = builder.Build(test::kHere, dns::Trust::kAuthAnswer);
      Rrsig rrsig;
      rrsig.covered = type;
      rrsig.algorithm = 13;
      rrsig.labels = static_cast<std::uint8_t>(owner.LabelCount());
      rrsig.original_ttl = random.Below(100'000);
      rrsig.expiration = 2;
      rrsig.inception = 1;
      rrsig.key_tag = 4711;
      rrsig.signer = N("EXample.");
      if (HasEqualLowered(*rrset)) continue;
      const auto theirs = Theirs(*rrset, rrsig);
      if (theirs.empty()) continue;
      ++compared;
      ASSERT_EQ(Ours(*rrset, rrsig), theirs) << ToText(type) << " round " << round;
    }
    EXPECT_GT(compared, 50) << ToText(type);
  }
}

// Covers: SEC-11
TEST(Canonical, RecordsThatDifferInLetterCaseAloneAreSignedOnce) {
  const auto one = RrsetOf({"example. 60 IN NS a.example."});
  const auto two = RrsetOf({"example. 60 IN NS A.example.", "example. 60 IN NS a.EXAMPLE."});
  ASSERT_EQ(two->size(), 2U);
  EXPECT_EQ(Ours(*two, Rrsig{}), Ours(*one, Rrsig{}));
}

// Covers: SEC-11
TEST(Canonical, TheNextNameOfNsecKeepsItsLetterCase) {
  const auto rrset = RrsetOf({"A.example. 60 IN NSEC B.example. A"});
  const auto data = Ours(*rrset, Rrsig{});
  const Bytes next = {1, 'B', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
  EXPECT_NE(std::search(data.begin(), data.end(), next.begin(), next.end()), data.end());
}

// Covers: SEC-11
TEST(Canonical, OriginalTtlTakesThePlaceOfTheReceivedOne) {
  Rrsig rrsig;
  rrsig.original_ttl = 3600;
  EXPECT_EQ(Ours(*RrsetOf({"example. 60 IN A 192.0.2.1"}), rrsig),
            Ours(*RrsetOf({"example. 7 IN A 192.0.2.1"}), rrsig));
}

// Covers: SEC-11
TEST(Canonical, TheWildcardIsRebuiltFromTheLabels) {
  Rrsig rrsig;
  rrsig.labels = 1;
  const auto wildcard = Ours(*RrsetOf({"*.example. 60 IN A 192.0.2.1"}), rrsig);
  EXPECT_EQ(Ours(*RrsetOf({"a.B.Example. 60 IN A 192.0.2.1"}), rrsig), wildcard);
  EXPECT_EQ(Ours(*RrsetOf({"b.example. 60 IN A 192.0.2.1"}), rrsig), wildcard);
  rrsig.labels = 2;
  EXPECT_NE(Ours(*RrsetOf({"b.example. 60 IN A 192.0.2.1"}), rrsig), wildcard);
}

TEST(Canonical, AWildcardAtTheRootIsRebuilt) {
  Rrsig rrsig;
  EXPECT_EQ(Ours(*RrsetOf({"a.b. 60 IN A 192.0.2.1"}), rrsig),
            Ours(*RrsetOf({"*. 60 IN A 192.0.2.1"}), rrsig));
}

TEST(Canonical, RdataOfAWrongShapeIsLeftAsItIs) {
  dns::RrsetBuilder builder(N("example."), RrType::kMx);
  builder.Add(Bytes{0}, 60);
  builder.Add(Bytes{0, 1, 5, 'A'}, 60);
  builder.Add(Bytes{0, 1, 1, 'A', 0, 'A'}, 60);
  const auto rrset = builder.Build(test::kHere, dns::Trust::kAuthAnswer);
  Rrsig rrsig;
  rrsig.labels = 1;
  const auto data = Ours(*rrset, rrsig);
  EXPECT_EQ(data.size(), 19U + 3 * (9 + 10) + 1 + 4 + 6);
  EXPECT_EQ(data.back(), 'A');
}

}  // namespace
}  // namespace resolve64::dnssec
