// Root hints: the built-in ones, and those of a file.
#include "zone/root_hints.h"

#include <set>

#include "support.h"

namespace resolve64::zone {
namespace {

Strings Texts(const std::vector<Endpoint>& endpoints) {
  Strings out;
  for (const Endpoint& endpoint : endpoints) out.push_back(endpoint.ToText());
  return out;
}

TEST(RootHints, TheBuiltInOnesAreThirteenWithBothFamilies) {
  const auto& servers = BuiltinRootHints();
  ASSERT_EQ(servers.size(), 13U);
  std::set<Endpoint> addresses;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const std::string name = std::string(1, static_cast<char>('a' + i)) + ".root-servers.net.";
    EXPECT_EQ(servers[i].name, N(name));
    ASSERT_EQ(servers[i].addresses.size(), 2U);
    EXPECT_TRUE(servers[i].addresses[0].address.is_v4());
    EXPECT_TRUE(servers[i].addresses[1].address.is_v6());
    for (const Endpoint& endpoint : servers[i].addresses) {
      EXPECT_EQ(endpoint.port, 53);
      addresses.insert(endpoint);
    }
  }
  EXPECT_EQ(addresses.size(), 26U);
  EXPECT_EQ(Texts(servers[1].addresses), (Strings{"170.247.170.2@53", "2801:1b8:10::b@53"}));
}

TEST(RootHints, TheFileOfTheRepositorySaysTheSame) {
  const auto servers = ReadRootHints(R64_SOURCE_DIR "/zones/root.hints");
  ASSERT_TRUE(servers) << servers.error().text;
  ASSERT_EQ(servers->size(), BuiltinRootHints().size());
  for (std::size_t i = 0; i < servers->size(); ++i) {
    EXPECT_EQ((*servers)[i].name, BuiltinRootHints()[i].name);
    EXPECT_EQ(Texts((*servers)[i].addresses), Texts(BuiltinRootHints()[i].addresses));
  }
}

TEST(RootHints, AFileGivesEachServerOnceWithItsAddresses) {
  const TempFile file(R"(;       the form of named.root
.                        3600000      NS    A.ROOT.EXAMPLE.
A.ROOT.EXAMPLE.          3600000      A     192.0.2.1
a.root.example.          3600000      AAAA  2001:db8::1
.                        3600000      NS    b.root.example.
.                        3600000      NS    a.root.example.
b.root.example.          3600000      A     192.0.2.2
b.root.example.          3600000      A     192.0.2.2
c.root.example.          3600000      A     192.0.2.3
.                        3600000      NS    d.root.example.
)");
  const auto servers = ReadRootHints(file.path());
  ASSERT_TRUE(servers) << servers.error().text;
  ASSERT_EQ(servers->size(), 2U);
  EXPECT_EQ((*servers)[0].name, N("a.root.example."));
  EXPECT_EQ(Texts((*servers)[0].addresses), (Strings{"192.0.2.1@53", "2001:db8::1@53"}));
  EXPECT_EQ(Texts((*servers)[1].addresses), Strings{"192.0.2.2@53"});
}

TEST(RootHints, AFileWithoutAUsableServerIsRefused) {
  for (const char* text : {"", ". NS a.root.example.\n", "a.root.example. A 192.0.2.1\n"}) {
    const TempFile file(text);
    const auto servers = ReadRootHints(file.path());
    ASSERT_FALSE(servers);
    EXPECT_EQ(servers.error().code, Errc::kBadFile);
    EXPECT_EQ(servers.error().text, file.path() + ": no NS record of the root with an address");
  }
}

TEST(RootHints, ABadLineAndAMissingFileAreNamed) {
  const TempFile file(". NS a.root.example.\na.root.example. A 192.0.2\n");
  const auto bad = ReadRootHints(file.path());
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().text, file.path() + ":2: the data does not have the form of its type");
  const auto missing = ReadRootHints("/nonexistent/root.hints");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kBadFile);
  EXPECT_EQ(missing.error().text,
            "/nonexistent/root.hints: cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace resolve64::zone
