#include "resolver/classify.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cache/rrset_cache.h"

namespace resolve64::resolver {
namespace {

using dns::RrsetBuilder;
using dns::RrsetPtr;
using dns::Trust;

constexpr std::size_t kMaxLinks = 12;      // of one message; LIM-01 bounds the whole
constexpr std::size_t kMaxRecords = 1000;  // of one RRset; past 100 it is not cached (LIM-07)
constexpr std::size_t kMaxServers = 100;   // of a delegation (LIM-07)
constexpr std::size_t kMaxProofs = 16;     // NSEC and NSEC3 RRsets kept of one message
constexpr std::size_t kRrsigFixedLength =
    18;                                  // octets before the signer's name, RFC 4034 section 3.1
constexpr std::size_t kRrsigLabels = 3;  // where the Labels field is

class Judge {
 public:
  Judge(const MessageView& message, const Asked& asked, TimePoint now, TtlBounds bounds)
      : message_(message), asked_(asked), now_(now), bounds_(bounds) {
    owners_.reserve(message.records().size());
    for (const RecordView& record : message.records()) owners_.push_back(message.Owner(record));
  }

  Reply Run() {
    reply_.rcode = message_.rcode();
    const bool overflow = reply_.rcode == Rcode::kYxDomain;
    if (reply_.rcode != Rcode::kNoError && reply_.rcode != Rcode::kNxDomain && !overflow) {
      return Reject(Useless::kRcode, ToText(reply_.rcode));
    }
    reply_.final_name = asked_.question.name;
    if (!FollowChain()) return Reject(Useless::kMalformed, "malformed records in the answer");
    if (reply_.data != nullptr) {
      reply_.kind = ReplyKind::kAnswer;
      // The root describes itself when it is primed (RFC 8109 section 3).
      const bool priming = asked_.question.type == RrType::kNs && asked_.question.name.is_root();
      if (priming && aa()) reply_.delegation = MakeDelegation(*reply_.data);
      return std::move(reply_);
    }
    if (overflow && reply_.chain.empty()) return Reject(Useless::kRcode, "YXDOMAIN");
    if (!reply_.chain.empty()) return JudgeEndOfChain();
    return JudgeEmpty();
  }

 private:
  Reply Reject(Useless useless, std::string why) {
    Reply out;
    out.rcode = reply_.rcode;
    out.kind = ReplyKind::kUseless;
    out.useless = too_much_ ? Useless::kTooMuch : useless;
    out.why = std::move(why);
    return out;
  }

  [[nodiscard]] bool aa() const { return message_.header().Has(Header::kAa); }
  [[nodiscard]] bool InBailiwick(const Name& name) const { return name.IsAtOrBelow(asked_.zone); }

  // The RRset (owner, type) of a section with its signatures. Null where there is none; malformed_
  // where it is broken.
  RrsetPtr Collect(Section section, const Name& owner, RrType type, Trust trust,
                   std::uint32_t max_ttl) {
    RrsetBuilder builder(owner, type);
    const std::size_t labels = owner.LabelCount() - (owner.is_wildcard() ? 1 : 0);
    bool good = true;
    bool expanded = false;
    Each(section, [&](const RecordView& record, const Name& at) {
      if (builder.size() > kMaxRecords || !(at == owner)) return;
      scratch_.clear();
      if (record.type == type) {
        good = good && message_.AppendRdata(record, scratch_) && builder.Add(scratch_, record.ttl);
      } else if (record.type == RrType::kRrsig && Covers(record, type)) {
        good = good && message_.AppendRdata(record, scratch_) &&
               builder.AddSignature(scratch_, record.ttl);
        expanded = expanded || (good && scratch_[kRrsigLabels] < labels);
      }
    });
    too_much_ = too_much_ || builder.size() > kMaxRecords;
    if (!good || too_much_) malformed_ = true;
    if (malformed_ || builder.size() == 0) return nullptr;
    // What came out of a wildcard is nothing without the proof that no closer name exists.
    if (expanded && section == Section::kAnswer) builder.SetProof(Proof());
    return builder.Build(now_, trust, std::min(bounds_.min, max_ttl), max_ttl);
  }

  [[nodiscard]] bool Covers(const RecordView& rrsig, RrType type) const {
    const auto rdata = message_.RawRdata(rrsig);
    return rdata.size() > kRrsigFixedLength &&
           static_cast<RrType>(rdata[0] << 8 | rdata[1]) == type;
  }

  template <class Visit>
  void Each(Section section, const Visit& visit) {
    const auto& records = message_.records();
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (records[i].section == section && records[i].rclass == RrClass::kIn) {
        visit(records[i], owners_[i]);
      }
    }
  }

  [[nodiscard]] bool Has(Section section, const Name& owner, RrType type) {
    bool found = false;
    Each(section, [&](const RecordView& record, const Name& at) {
      found = found || (record.type == type && at == owner);
    });
    return found;
  }

  // The deepest DNAME strictly above `name` in the answer section.
  std::optional<Name> DnameAbove(const Name& name) {
    std::optional<Name> best;
    Each(Section::kAnswer, [&](const RecordView& record, const Name& at) {
      if (record.type == RrType::kDname && name.IsBelow(at) && InBailiwick(at) &&
          (!best || at.length() > best->length())) {
        best = at;
      }
    });
    return best;
  }

  // RFC 1034 section 4.3.2 read backwards: from the question along DNAMEs and CNAMEs. Only the
  // first link is what an authoritative server vouches for (RFC 2181 section 5.4.1).
  bool FollowChain() {
    const RrType type = asked_.question.type;
    Name current = asked_.question.name;
    for (std::size_t links = 0; links < kMaxLinks; ++links) {
      reply_.final_name = current;
      if (!InBailiwick(current)) return true;
      const Trust trust = aa() && links == 0 ? Trust::kAuthAnswer : Trust::kNonAuthAnswer;

      if (const std::optional<Name> owner = DnameAbove(current)) {
        const RrsetPtr dname =
            Collect(Section::kAnswer, *owner, RrType::kDname, trust, bounds_.max);
        if (malformed_ || dname == nullptr || dname->size() != 1) return false;
        const Result<Name> target = current.Rebase(*owner, dns::TargetOf(dname->rdata(0)));
        reply_.chain.push_back(dname);
        if (!target) return true;  // YXDOMAIN (RFC 6672 section 2.2): the resolver sees it too
        // The CNAME that came with it is never believed: it is made anew (RFC 6672 section 3.1).
        reply_.chain.push_back(
            dns::MakeRrset(current, RrType::kCname, dname->ttl(), target->wire(), now_, trust));
        current = *target;
      } else if (type != RrType::kCname && Has(Section::kAnswer, current, RrType::kCname)) {
        const RrsetPtr cname =
            Collect(Section::kAnswer, current, RrType::kCname, trust, bounds_.max);
        if (malformed_ || cname == nullptr || cname->size() != 1) return false;
        reply_.chain.push_back(cname);
        current = dns::TargetOf(cname->rdata(0));
      } else {
        reply_.data = Collect(Section::kAnswer, current, type, trust, bounds_.max);
        return !malformed_;
      }
      if (current == asked_.question.name) break;  // a loop: the resolver sees it too
    }
    reply_.final_name = current;
    return true;
  }

  // The SOA of a negative answer: that of the zone that holds `name`.
  RrsetPtr CollectSoa(const Name& name) {
    std::optional<Name> owner;
    Each(Section::kAuthority, [&](const RecordView& record, const Name& at) {
      if (record.type == RrType::kSoa && name.IsAtOrBelow(at) && InBailiwick(at)) owner = at;
    });
    if (!owner) return nullptr;
    // Its TTL is that of the denial (RFC 2308 section 5): the MINIMUM bounds it, and so do we.
    const Trust trust = aa() ? Trust::kAuthAuthority : Trust::kNonAuthAnswer;
    const RrsetPtr sent = Collect(Section::kAuthority, *owner, RrType::kSoa, trust, bounds_.max);
    if (sent == nullptr || sent->size() != 1) return nullptr;
    const std::uint32_t most = std::min(dns::SoaMinimum(sent->rdata(0)), bounds_.max_negative);
    return Collect(Section::kAuthority, *owner, RrType::kSoa, trust, most);
  }

  // The NSEC and NSEC3 RRsets of the authority section.
  std::vector<RrsetPtr> Proof() {
    std::vector<RrsetPtr> proof;
    std::vector<std::pair<Name, RrType>> seen;
    Each(Section::kAuthority, [&](const RecordView& record, const Name& at) {
      if ((record.type != RrType::kNsec && record.type != RrType::kNsec3) || !InBailiwick(at))
        return;
      const auto key = std::pair(at, record.type);
      if (seen.size() >= kMaxProofs || std::find(seen.begin(), seen.end(), key) != seen.end())
        return;
      seen.push_back(key);
    });
    for (const auto& [owner, type] : seen) {
      RrsetPtr rrset =
          Collect(Section::kAuthority, owner, type, Trust::kAuthAuthority, bounds_.max);
      if (rrset != nullptr) proof.push_back(std::move(rrset));
    }
    return proof;
  }

  Reply Negative(ReplyKind kind) {
    reply_.kind = kind;
    reply_.soa = CollectSoa(reply_.final_name);
    reply_.proof = Proof();
    if (malformed_) return Reject(Useless::kMalformed, "malformed records in the denial");
    return std::move(reply_);
  }

  // RFC 2308 section 2.1: RCODE and SOA speak of the last name of the chain, where this zone holds
  // it.
  Reply JudgeEndOfChain() {
    reply_.kind = ReplyKind::kAlias;
    if (!InBailiwick(reply_.final_name)) return std::move(reply_);
    if (reply_.rcode == Rcode::kNxDomain && (aa() || asked_.recursive)) {
      // A forwarder's NXDOMAIN is the last word. An authoritative server's is it only where its own
      // zone holds the target.
      if (asked_.recursive || CollectSoa(reply_.final_name) != nullptr) {
        return Negative(ReplyKind::kNxdomain);
      }
    } else if (reply_.rcode == Rcode::kNoError) {
      const bool denied = CollectSoa(reply_.final_name) != nullptr;
      if (denied && (aa() || asked_.recursive)) return Negative(ReplyKind::kNodata);
    }
    malformed_ = false;  // a broken SOA beside a good alias: ask for the target
    return std::move(reply_);
  }

  Reply JudgeEmpty() {
    if (reply_.rcode == Rcode::kNxDomain) {
      if (aa() || asked_.recursive) return Negative(ReplyKind::kNxdomain);
      return Reject(Useless::kLame, "NXDOMAIN without AA");
    }
    if (asked_.recursive) return Negative(ReplyKind::kNodata);

    const RrsetPtr soa = CollectSoa(reply_.final_name);
    if (malformed_) return Reject(Useless::kMalformed, "malformed SOA");
    if (soa != nullptr) {
      if (aa()) return Negative(ReplyKind::kNodata);
      return Reject(Useless::kLame, "a denial without AA");
    }
    if (const std::optional<Name> cut = DelegationOwner()) return JudgeReferral(*cut);
    if (aa()) return Negative(ReplyKind::kNodata);
    return Reject(sideways_ ? Useless::kSideways : Useless::kLame,
                  sideways_ ? "a referral that leads nowhere new" : "an empty answer without AA");
  }

  // The owner of NS records in the authority section, strictly below the zone asked and at or above
  // the name (REC-23: referrals go strictly downwards).
  std::optional<Name> DelegationOwner() {
    std::optional<Name> cut;
    Each(Section::kAuthority, [&](const RecordView& record, const Name& at) {
      if (record.type != RrType::kNs) return;
      if (at.IsBelow(asked_.zone) && asked_.question.name.IsAtOrBelow(at)) {
        if (!cut) cut = at;
      } else {
        sideways_ = true;
      }
    });
    return cut;
  }

  Reply JudgeReferral(const Name& cut) {
    // The parent answers for DS itself; a referral is no answer to it (RFC 4035 section 3.1.4.1).
    if (asked_.question.type == RrType::kDs && asked_.question.name == cut) {
      reply_.kind = ReplyKind::kNodata;
      reply_.proof = Proof();
      return std::move(reply_);
    }
    const RrsetPtr ns =
        Collect(Section::kAuthority, cut, RrType::kNs, Trust::kNonAuthAnswer, bounds_.max);
    if (ns == nullptr) return Reject(Useless::kMalformed, "a malformed delegation");
    if (ns->size() > kMaxServers) return Reject(Useless::kTooMuch, "an endless delegation");

    auto delegation = MakeDelegation(*ns);
    delegation->ds =
        Collect(Section::kAuthority, cut, RrType::kDs, Trust::kNonAuthAnswer, bounds_.max);
    if (delegation->ds == nullptr) delegation->ds_proof = Proof();
    // What is wrong with these is the validator's business, which asks for the DS then.
    malformed_ = too_much_ = false;
    reply_.kind = ReplyKind::kReferral;
    reply_.delegation = std::move(delegation);
    return std::move(reply_);
  }

  std::shared_ptr<cache::Delegation> MakeDelegation(const dns::Rrset& ns) {
    auto delegation = std::make_shared<cache::Delegation>();
    delegation->zone = ns.owner();
    std::uint32_t ttl = ns.ttl();
    for (std::size_t i = 0; i < ns.size(); ++i) {
      delegation->ns.push_back(dns::TargetOf(ns.rdata(i)));
    }
    // Glue counts only below the zone that was asked, and only for the servers that it names
    // (REC-23). It never becomes an RRset, so that it can answer nobody.
    Each(Section::kAdditional, [&](const RecordView& record, const Name& at) {
      const bool is_a = record.type == RrType::kA;
      if (!is_a && record.type != RrType::kAaaa) return;
      if (!InBailiwick(at) || delegation->glue.size() >= 2 * kMaxServers) return;
      const auto& names = delegation->ns;
      if (std::find(names.begin(), names.end(), at) == names.end()) return;
      const auto rdata = message_.RawRdata(record);
      if (rdata.size() != (is_a ? 4U : 16U)) return;
      IpAddress address;
      if (is_a) {
        Ipv4 v4;
        std::copy(rdata.begin(), rdata.end(), v4.octets.begin());
        address = v4;
      } else {
        Ipv6 v6;
        std::copy(rdata.begin(), rdata.end(), v6.octets.begin());
        address = v6;
      }
      const bool known = std::any_of(delegation->glue.begin(), delegation->glue.end(),
                                     [&](const cache::Glue& g) { return g.address == address; });
      if (!known) delegation->glue.push_back({at, address});
      ttl = std::min(ttl, record.ttl);
    });
    // The parent's TTL is the last word (REC-31).
    delegation->expires = now_ + std::chrono::seconds(std::min(ttl, bounds_.max));
    return delegation;
  }

  const MessageView& message_;
  const Asked& asked_;
  TimePoint now_;
  TtlBounds bounds_;
  std::vector<Name> owners_;
  std::vector<std::uint8_t> scratch_;
  Reply reply_;
  bool malformed_ = false;
  bool too_much_ = false;
  bool sideways_ = false;
};

}  // namespace

Reply Classify(const MessageView& message, const Asked& asked, TimePoint now, TtlBounds bounds) {
  Judge judge(message, asked, now, bounds);
  return judge.Run();
}

}  // namespace resolve64::resolver
