#include "zone/zone.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace resolve64::zone {
namespace {

using Kind = Zone::Step::Kind;

// The records of a zone file by owner name, on their way to RRsets.
struct Draft {
  std::vector<dns::RrsetBuilder> builders;
  std::vector<const Record*> signatures;
  int line = 0;  // of the first record

  dns::RrsetBuilder* Find(RrType type) {
    const auto found =
        std::ranges::find_if(builders, [&](const auto& b) { return b.type() == type; });
    return found == builders.end() ? nullptr : &*found;
  }
};
using Drafts = std::map<Name, Draft>;

bool MayStandBesideCname(RrType type) {  // RFC 2181 section 10.1, RFC 4034 section 4
  return type == RrType::kCname || type == RrType::kNsec;
}

// What one name alone tells to be wrong.
void CheckNode(const Name& owner, const Name& apex, Draft& draft, std::vector<Problem>& problems) {
  const auto report = [&](const char* text) {
    problems.push_back({draft.line, owner.ToText() + ": " + text});
  };
  if (draft.Find(RrType::kSoa) != nullptr && owner != apex) report("an SOA below the apex");
  for (const RrType single : {RrType::kCname, RrType::kDname, RrType::kSoa}) {
    const auto* builder = draft.Find(single);
    if (builder != nullptr && builder->size() > 1) {
      problems.push_back({draft.line, owner.ToText() + ": more than one " + ToText(single)});
    }
  }
  if (draft.Find(RrType::kCname) != nullptr &&
      !std::ranges::all_of(draft.builders,
                           [](const auto& b) { return MayStandBesideCname(b.type()); })) {
    report("a CNAME beside other data (RFC 2181 section 10.1)");
  }
  if (owner.is_wildcard() &&
      (draft.Find(RrType::kNs) != nullptr || draft.Find(RrType::kDname) != nullptr)) {
    report("NS or DNAME at a wildcard (RFC 4592 section 4)");
  }
}

// Nothing may stand below a DNAME (RFC 6672 section 2.4).
void CheckAbove(const Name& owner, const Name& apex, Drafts& drafts,
                std::vector<Problem>& problems) {
  for (Name above = owner; above != apex;) {
    above = above.Parent();
    const auto found = drafts.find(above);
    if (found == drafts.end() || found->second.Find(RrType::kDname) == nullptr) continue;
    problems.push_back({drafts.at(owner).line, owner.ToText() + ": below a DNAME at " +
                                                   above.ToText() + " (RFC 6672 section 2.4)"});
    return;
  }
}

void AttachSignatures(const Name& owner, Draft& draft, std::vector<Problem>& problems) {
  for (const Record* record : draft.signatures) {
    const auto covered = record->rdata.size() < 2
                             ? RrType::kNone
                             : static_cast<RrType>((record->rdata[0] << 8) | record->rdata[1]);
    auto* builder = draft.Find(covered);
    if (builder == nullptr) {
      problems.push_back({record->line, owner.ToText() + ": a signature over " + ToText(covered) +
                                            ", which is not there"});
    } else if (!builder->AddSignature(record->rdata, record->ttl)) {
      problems.push_back({record->line, owner.ToText() + ": too many signatures"});
    }
  }
}

// The RRset with the TTL that negative answers give it.
dns::RrsetPtr NegativeSoa(const dns::Rrset& soa) {
  dns::RrsetBuilder builder(soa.owner(), RrType::kSoa);
  builder.Add(soa.rdata(0), std::min(soa.ttl(), dns::SoaMinimum(soa.rdata(0))));
  for (std::size_t i = 0; i < soa.signature_count(); ++i) {
    builder.AddSignature(soa.signature(i), soa.ttl());
  }
  return builder.BuildLocal();
}

dns::RrsetPtr WithOwner(const dns::Rrset& rrset, const Name& owner) {
  dns::RrsetBuilder builder(owner, rrset.type());
  for (std::size_t i = 0; i < rrset.size(); ++i) builder.Add(rrset.rdata(i), rrset.ttl());
  for (std::size_t i = 0; i < rrset.signature_count(); ++i) {
    builder.AddSignature(rrset.signature(i), rrset.ttl());
  }
  return builder.BuildLocal();
}

dns::RrsetPtr FindIn(const std::vector<dns::RrsetPtr>& node, RrType type) {
  const auto found =
      std::ranges::find_if(node, [&](const dns::RrsetPtr& rrset) { return rrset->type() == type; });
  return found == node.end() ? nullptr : *found;
}

// The data of a name that exists. `expand_to` is the name to put in the place of a wildcard's.
Zone::Step FromNode(const std::vector<dns::RrsetPtr>& node, RrType type, const Name* expand_to) {
  Zone::Step step;
  const auto add = [&](const dns::RrsetPtr& rrset) {
    step.rrsets.push_back(expand_to == nullptr ? rrset : WithOwner(*rrset, *expand_to));
  };
  step.kind = Kind::kData;
  if (type == RrType::kAny) {
    for (const auto& rrset : node) add(rrset);
  } else if (const auto rrset = FindIn(node, type)) {
    add(rrset);
  } else if (const auto cname = FindIn(node, RrType::kCname)) {
    add(cname);
    step.kind = Kind::kAlias;
    step.target = dns::TargetOf(cname->rdata(0));
  }
  if (step.rrsets.empty()) step.kind = Kind::kNodata;
  return step;
}

// RFC 6672 section 3.1: the CNAME gets the DNAME's TTL.
Zone::Step Substitute(const dns::RrsetPtr& dname, const Name& name) {
  Zone::Step step;
  step.rrsets.push_back(dname);
  const auto target = name.Rebase(dname->owner(), dns::TargetOf(dname->rdata(0)));
  if (!target) {
    step.kind = Kind::kTooLong;
    return step;
  }
  dns::RrsetBuilder cname(name, RrType::kCname);
  cname.Add(target->wire(), dname->ttl());
  step.rrsets.push_back(cname.BuildLocal());
  step.kind = Kind::kAlias;
  step.target = *target;
  return step;
}

}  // namespace

Zone::Made Zone::Make(const Name& apex, const std::vector<Record>& records) {
  Made made;
  Drafts drafts;
  for (const Record& record : records) {
    if (!record.owner.IsAtOrBelow(apex)) {
      made.problems.push_back(
          {record.line, record.owner.ToText() + ": not in the zone " + apex.ToText()});
      continue;
    }
    Draft& draft = drafts[record.owner];
    if (draft.line == 0) draft.line = record.line;
    if (record.type == RrType::kRrsig) {
      draft.signatures.push_back(&record);
      continue;
    }
    auto* builder = draft.Find(record.type);
    if (builder == nullptr) {
      builder = &draft.builders.emplace_back(record.owner, record.type);
    }
    if (!builder->Add(record.rdata, record.ttl)) {
      made.problems.push_back({record.line, record.owner.ToText() + ": too many records of type " +
                                                ToText(record.type)});
    }
  }

  for (auto& [owner, draft] : drafts) {
    CheckNode(owner, apex, draft, made.problems);
    CheckAbove(owner, apex, drafts, made.problems);
    AttachSignatures(owner, draft, made.problems);
  }
  const auto at_apex = drafts.find(apex);
  if (at_apex == drafts.end() || at_apex->second.Find(RrType::kSoa) == nullptr) {
    made.problems.push_back({0, "no SOA record at " + apex.ToText()});
  }
  if (!made.problems.empty()) {
    std::ranges::stable_sort(made.problems, {}, &Problem::line);
    return made;
  }

  const auto zone = std::shared_ptr<Zone>(new Zone(apex));
  for (const auto& [owner, draft] : drafts) {
    for (const auto& builder : draft.builders) zone->Insert(owner, builder.BuildLocal());
  }
  zone->negative_soa_ = NegativeSoa(*FindIn(*zone->At(apex), RrType::kSoa));
  made.zone = zone;
  return made;
}

void Zone::Insert(const Name& owner, dns::RrsetPtr rrset) {
  nodes_[owner].push_back(std::move(rrset));
  // The names between it and the apex exist as well (RFC 4592 section 2.2.2).
  for (Name above = owner; above != apex_;) {
    above = above.Parent();
    if (!nodes_.try_emplace(above).second) break;
  }
}

const Zone::Node* Zone::At(const Name& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

Zone::Step Zone::Find(const Name& name, RrType type) const {
  // RFC 1034 section 4.3.2 step 3, from the apex down.
  const std::size_t depth = name.LabelCount() - apex_.LabelCount();
  for (std::size_t above = depth;; --above) {
    const Node* node = At(name.Parent(above));
    if (node == nullptr) {
      // The name one above is the closest encloser (RFC 4592 section 3.3.1).
      const auto wildcard = name.Parent(above + 1).Prepend("*");
      const Node* source = wildcard ? At(*wildcard) : nullptr;
      return source == nullptr ? Step{} : FromNode(*source, type, &name);
    }
    const bool is_apex = above == depth;
    // The parent's side of a delegation has the DS (RFC 4035 section 3.1.4.1).
    if (!is_apex && FindIn(*node, RrType::kNs) && (above > 0 || type != RrType::kDs)) {
      Step step;
      step.kind = Kind::kDelegated;
      return step;
    }
    if (above == 0) return FromNode(*node, type, nullptr);
    if (const auto dname = FindIn(*node, RrType::kDname)) return Substitute(dname, name);
  }
}

}  // namespace resolve64::zone
