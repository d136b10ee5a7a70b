// Random zones with all their NSEC or NSEC3 records: what is true can be proved, and whatever part
// of the records somebody shows, nothing false can.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dnssec/denial.h"
#include "unit/dnssec/denial_support.h"

namespace resolve64::dnssec {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): these are the words of the tests
using Kind = Denial::Kind;
using TypeSet = std::set<RrType>;
using Random = std::mt19937;

const Name kZone = N("example");
const Types kAsked = {RrType::kA, RrType::kAaaa, RrType::kNs, RrType::kCname, RrType::kDname};
const Parameters kHashing{.salt = {0x64}};

int Draw(Random& random, int below) { return static_cast<int>(random() % unsigned(below)); }

// What a zone holds, and what follows from it (RFC 1034 section 4.3.2, RFC 4592).
struct Model {
  std::map<Name, TypeSet> nodes;
  std::set<Name> omitted;  // delegations without a record of their own, by opt-out

  [[nodiscard]] bool Exists(const Name& name) const {
    return std::ranges::any_of(nodes, [&](const auto& n) { return n.first.IsAtOrBelow(name); });
  }
  [[nodiscard]] TypeSet At(const Name& name) const {
    const auto at = nodes.find(name);
    return at == nodes.end() ? TypeSet{} : at->second;
  }
  [[nodiscard]] bool IsCut(const Name& name) const {
    const TypeSet types = At(name);
    return types.contains(RrType::kNs) && !types.contains(RrType::kSoa);
  }
  // Below a zone cut or a DNAME.
  [[nodiscard]] bool IsElsewhere(const Name& name) const {
    for (Name above = name; above != kZone;) {
      above = above.Parent();
      if (IsCut(above) || At(above).contains(RrType::kDname)) return true;
    }
    return false;
  }
  [[nodiscard]] Name Encloser(Name name) const {
    while (!Exists(name)) name = name.Parent();
    return name;
  }
  // The name whose records are those of `name`: itself, or a wildcard. Nothing where neither is.
  [[nodiscard]] std::optional<Name> SourceOf(const Name& name) const {
    if (Exists(name)) return name;
    const Name wildcard = Encloser(name).Prepend("*").value();
    return Exists(wildcard) ? std::optional(wildcard) : std::nullopt;
  }

  [[nodiscard]] bool Nxdomain(const Name& name) const {
    return !IsElsewhere(name) && !SourceOf(name);
  }
  [[nodiscard]] bool Nodata(const Name& name, RrType type) const {
    const auto source = SourceOf(name);
    if (IsElsewhere(name) || !source || IsCut(*source)) return false;
    const TypeSet types = At(*source);
    return !types.contains(type) && !types.contains(RrType::kCname);
  }
  [[nodiscard]] bool NoDs(const Name& name) const {
    if (IsElsewhere(name) || name == kZone) return false;
    const auto source = SourceOf(name);
    if (!source) return true;
    if (*source != name && IsCut(*source)) return false;
    const TypeSet types = At(*source);
    return !types.contains(RrType::kDs) && !types.contains(RrType::kCname);
  }
  [[nodiscard]] bool NoCloser(const Name& name, std::size_t labels) const {
    return !IsElsewhere(name) && !Exists(name) && Encloser(name).LabelCount() <= labels;
  }
};

Name DrawName(Random& random) {
  Name name = kZone;
  for (int depth = 1 + Draw(random, 3); depth > 0; --depth) {
    const char* labels[] = {"a", "b", "c", "*", "A\\000"};
    name = name.Prepend(N(labels[Draw(random, 5)]).FirstLabel()).value();
  }
  return name;
}

Model DrawZone(Random& random) {
  Model model;
  model.nodes[kZone] = {RrType::kSoa, RrType::kNs, RrType::kDnskey};
  for (int i = 1 + Draw(random, 7); i > 0; --i) {
    const Name name = DrawName(random);
    // Nothing else is at a name with a cut, and nothing below it.
    if (model.Exists(name) || model.IsElsewhere(name)) continue;
    TypeSet& types = model.nodes[name];
    switch (Draw(random, 6)) {
      case 0:
        types = {RrType::kNs};
        break;
      case 1:
        types = {RrType::kNs, RrType::kDs};
        break;
      case 2:
        types = {RrType::kCname};
        break;
      case 3:
        types = {RrType::kDname};
        break;
      case 4:
        types = {RrType::kA};
        break;
      default:
        types = {RrType::kA, RrType::kAaaa};
        break;
    }
  }
  return model;
}

Records NsecChain(const Model& model) {
  Records records;
  for (auto at = model.nodes.begin(); at != model.nodes.end(); ++at) {
    const auto next = std::next(at);
    const Name to = next == model.nodes.end() ? kZone : next->first;
    records.push_back(
        NsecOf(at->first.ToText(), to.ToText(), Types(at->second.begin(), at->second.end())));
  }
  return records;
}

// All names of the zone, with those that exist only because of others.
std::set<Name> NamesOf(const Model& model, bool with_omitted) {
  std::set<Name> names;
  for (const auto& [node, types] : model.nodes) {
    if (!with_omitted && model.omitted.contains(node)) continue;
    for (Name name = node;; name = name.Parent()) {
      names.insert(name);
      if (name == kZone) break;
    }
  }
  return names;
}

Records Nsec3Chain(Model& model, bool opt_out, Random& random) {
  if (opt_out) {
    for (const auto& [name, types] : model.nodes) {
      const bool plain = name.ToText().find('*') == std::string::npos;
      if (plain && types == TypeSet{RrType::kNs} && Draw(random, 3) > 0) model.omitted.insert(name);
    }
  }
  std::map<std::string, Name> ring;
  for (const Name& name : NamesOf(model, false)) ring[HashOf(name.ToText(), kHashing)] = name;
  std::set<std::string> hidden;
  for (const Name& name : NamesOf(model, true)) {
    std::string hash = HashOf(name.ToText(), kHashing);
    if (!ring.contains(hash)) hidden.insert(std::move(hash));
  }
  Records records;
  for (auto at = ring.begin(); at != ring.end(); ++at) {
    const auto following = std::next(at);
    const std::string& next = following == ring.end() ? ring.begin()->first : following->first;
    Parameters parameters = kHashing;
    const bool hides = std::ranges::any_of(hidden, [&](const std::string& hash) {
      return at->first < next ? at->first < hash && hash < next : hash > at->first || hash < next;
    });
    if (hides || (opt_out && Draw(random, 2) == 0)) parameters.flags = Nsec3::kOptOut;
    const TypeSet types = model.At(at->second);
    records.push_back(Nsec3At(at->first, next, Types(types.begin(), types.end()), parameters));
  }
  return records;
}

std::vector<Name> NamesAround() {
  std::vector<Name> names{kZone};
  for (std::size_t i = 0; names[i].LabelCount() < 4; ++i) {
    for (const char* label : {"a", "b", "*", "bb"}) names.push_back(*names[i].Prepend(label));
  }
  return names;
}

Records Part(const Records& records, Random& random) {
  Records part;
  std::ranges::copy_if(records, std::back_inserter(part), [&](auto&) { return random() % 3 > 0; });
  std::ranges::shuffle(part, random);
  return part;
}

// Something that a proof is asked about a zone.
struct Claim {
  std::string text;
  bool holds = false;
  bool harmless = false;  // where it does not hold: nobody relies on it
  std::function<Denial(Proof&)> ask;
};

std::vector<Claim> ClaimsAbout(const Model& model, const std::vector<Name>& names, bool hashed) {
  std::vector<Claim> claims;
  for (const Name& name : names) {
    claims.push_back({"NXDOMAIN " + name.ToText(), model.Nxdomain(name), false,
                      [name](Proof& proof) { return proof.Nxdomain(name); }});
    for (const RrType type : kAsked) {
      claims.push_back({"NODATA " + ToText(type) + " " + name.ToText(), model.Nodata(name, type),
                        false, [name, type](Proof& proof) { return proof.Nodata(name, type); }});
    }
    const bool cut = model.IsCut(name);
    claims.push_back({"no DS " + name.ToText(), model.NoDs(name), false, [name, cut](Proof& proof) {
                        const NoDs no_ds = proof.NoDsAt(name);
                        const bool proved = no_ds.denial.kind == Kind::kProved;
                        EXPECT_EQ(no_ds.delegation, proved && cut);
                        return no_ds.denial;
                      }});
    for (std::size_t labels = 1; labels < name.LabelCount(); ++labels) {
      // By NSEC3 it stands only beside an answer that the wildcard signed (RFC 5155 section 8.8).
      const Name wildcard = *name.Suffix(labels).Prepend("*");
      claims.push_back({"wildcard " + wildcard.ToText() + " for " + name.ToText(),
                        model.NoCloser(name, labels), hashed && !model.nodes.contains(wildcard),
                        [name, labels](Proof& proof) {
                          return proof.NoCloserName(name, static_cast<std::uint8_t>(labels));
                        }});
    }
  }
  return claims;
}

class DenialProperty : public ::testing::TestWithParam<unsigned> {
 protected:
  static const std::vector<Name>& Around() {
    static const std::vector<Name> names = NamesAround();
    return names;
  }
  // Of all names that are asked for and their wildcards, so that no test waits for SHA-1.
  static const NameHashes& Hashes() {
    static const NameHashes hashes = [] {
      NameHashes made;
      for (const Name& name : Around()) {
        for (const Name& other : {name, *name.Prepend("*")}) {
          made[other] = HashOf(other.ToText(), kHashing);
        }
      }
      return made;
    }();
    return hashes;
  }

  static Kind Ask(const Claim& claim, const Records& records) {
    Work work{0, 1000};
    Proof proof(kZone, records, kMaxIterations, work);
    return claim.ask(proof).kind;
  }

  void Check(const Model& model, const Records& chain, bool opt_out, bool hashed) {
    const std::vector<Claim> claims = ClaimsAbout(model, Around(), hashed);
    Work work{0, 1'000'000};
    Proof whole(kZone, chain, kMaxIterations, work);
    if (hashed) whole.Know(Hashes());
    for (const Claim& claim : claims) {
      SCOPED_TRACE(claim.text);
      const Denial denial = claim.ask(whole);
      ASSERT_TRUE(denial.kind != Kind::kNotProved || !claim.holds) << denial.text;
      ExpectSound(claim, denial, opt_out);
      if (denial.kind == Kind::kNotProved) continue;
      // What is used suffices, and of a proof every record is needed.
      ASSERT_EQ(Ask(claim, denial.used), denial.kind);
      if (denial.kind == Kind::kInsecure) continue;
      for (std::size_t i = 0; i < denial.used.size(); ++i) {
        Records fewer = denial.used;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        ASSERT_EQ(Ask(claim, fewer), Kind::kNotProved);
      }
    }
    for (int i = 0; i < 6; ++i) {
      Proof part(kZone, Part(chain, random), kMaxIterations, work);
      if (hashed) part.Know(Hashes());
      for (const Claim& claim : claims) {
        SCOPED_TRACE(claim.text);
        ExpectSound(claim, claim.ask(part), opt_out);
      }
    }
  }

  static void ExpectSound(const Claim& claim, const Denial& denial, bool opt_out) {
    EXPECT_FALSE(denial.limited);
    EXPECT_TRUE(denial.kind != Kind::kProved || claim.holds || claim.harmless);
    EXPECT_TRUE(denial.kind != Kind::kInsecure || opt_out);
  }

  Random random{GetParam()};
};

// Covers: SEC-20, SEC-21, SEC-26
TEST_P(DenialProperty, NsecProvesWhatIsTrueAndNothingElse) {
  Model model = DrawZone(random);
  Check(model, NsecChain(model), false, false);
}

// Covers: SEC-21, SEC-22, SEC-23
TEST_P(DenialProperty, Nsec3ProvesWhatIsTrueAndNothingElse) {
  Model model = DrawZone(random);
  Check(model, Nsec3Chain(model, false, random), false, true);
}

// Covers: SEC-22, SEC-23, SEC-25
TEST_P(DenialProperty, Nsec3WithOptOutProvesNothingElseEither) {
  Model model = DrawZone(random);
  Check(model, Nsec3Chain(model, true, random), true, true);
}

INSTANTIATE_TEST_SUITE_P(Zones, DenialProperty, ::testing::Range(0U, 16U));

}  // namespace
}  // namespace resolve64::dnssec
