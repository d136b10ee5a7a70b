#include "dns/message_builder.h"

#include <algorithm>

#include "base/hash.h"
#include "dns/rdata.h"

namespace resolve64::dns {
namespace {

constexpr std::size_t kLargest = 65535;
constexpr std::size_t kPointerReach = 0x4000;  // RFC 1035 section 4.1.4: 14 bits of offset
constexpr std::uint16_t kPointerBits = 0xC000;
constexpr std::size_t kMaxLabels = 127;
constexpr std::size_t kEdeTextLimit = 128;

// Where the labels of a name begin. Nothing where the octets are no name.
struct Labels {
  std::array<std::uint8_t, kMaxLabels> begin;
  std::size_t count = 0;
  std::size_t length = 0;  // of the name, root included; 0 where it is malformed
};

Labels Split(std::span<const std::uint8_t> wire) {
  Labels labels;
  std::size_t at = 0;
  while (at < wire.size() && at < Name::kMaxLength) {
    if (wire[at] == 0) {
      labels.length = at + 1;
      return labels;
    }
    if (wire[at] > Name::kMaxLabel || labels.count == kMaxLabels) break;
    labels.begin[labels.count++] = static_cast<std::uint8_t>(at);
    at += std::size_t{1} + wire[at];
  }
  return labels;
}

bool SameLabel(std::span<const std::uint8_t> a, const std::uint8_t* b) {
  return std::equal(a.begin(), a.end(), b,
                    [](std::uint8_t x, std::uint8_t y) { return FoldCase(x) == FoldCase(y); });
}

}  // namespace

MessageBuilder::MessageBuilder(std::size_t limit)
    : octets_(Header::kSize), limit_(std::min(limit, kLargest)) {}

void MessageBuilder::SetHeader(std::uint16_t id, std::uint16_t flags) {
  id_ = id;
  flags_ = flags;
}

void MessageBuilder::AddQuestion(const Question& question) {
  PutName(question.name.wire(), true);
  PutU16(static_cast<std::uint16_t>(question.type));
  PutU16(static_cast<std::uint16_t>(question.rclass));
  ++counts_[0];
}

bool MessageBuilder::AddRrset(Section section, const Rrset& rrset, std::uint32_t ttl,
                              bool signatures, const Name* owner) {
  const Mark mark = Here();
  const Name name = owner != nullptr ? *owner : rrset.owner();
  for (std::size_t i = 0; i < rrset.size(); ++i) {
    if (!AddRecord(section, name, rrset.type(), ttl, rrset.rdata(i))) {
      Rewind(mark);
      return false;
    }
  }
  for (std::size_t i = 0; signatures && i < rrset.signature_count(); ++i) {
    if (!AddRecord(section, name, RrType::kRrsig, ttl, rrset.signature(i))) {
      Rewind(mark);
      return false;
    }
  }
  return true;
}

bool MessageBuilder::AddRecord(Section section, const Name& owner, RrType type, std::uint32_t ttl,
                               std::span<const std::uint8_t> rdata, RrClass rclass) {
  std::uint16_t& count = counts_[std::size_t{1} + static_cast<std::size_t>(section)];
  if (count == 0xFFFF || !PutRecord(owner, type, rclass, ttl, rdata)) return false;
  ++count;
  return true;
}

bool MessageBuilder::AddOpt(std::uint16_t udp_payload, Rcode rcode, bool do_bit,
                            std::span<const Option> options) {
  std::vector<std::uint8_t> rdata;
  for (const Option& option : options) {
    const auto put = [&rdata](std::size_t value) {
      rdata.push_back(static_cast<std::uint8_t>(value >> 8 & 0xFF));
      rdata.push_back(static_cast<std::uint8_t>(value & 0xFF));
    };
    if (option.data.size() > kLargest) return false;
    put(option.code);
    put(option.data.size());
    rdata.insert(rdata.end(), option.data.begin(), option.data.end());
  }
  const auto code = static_cast<std::uint16_t>(rcode);
  const std::uint32_t ttl =
      static_cast<std::uint32_t>(code >> 4 & 0xFF) << 24 | (do_bit ? 0x8000U : 0U);
  const std::size_t reserved = reserved_;
  reserved_ = 0;
  if (!AddRecord(Section::kAdditional, Name(), RrType::kOpt, ttl, rdata,
                 static_cast<RrClass>(udp_payload))) {
    reserved_ = reserved;
    return false;
  }
  flags_ = static_cast<std::uint16_t>((flags_ & ~0xF) | (code & 0xF));
  return true;
}

std::vector<std::uint8_t> MessageBuilder::Finish() {
  const std::array<std::uint16_t, 6> header = {id_,        flags_,     counts_[0],
                                               counts_[1], counts_[2], counts_[3]};
  for (std::size_t i = 0; i < header.size(); ++i) {
    octets_[2 * i] = static_cast<std::uint8_t>(header[i] >> 8);
    octets_[2 * i + 1] = static_cast<std::uint8_t>(header[i] & 0xFF);
  }
  std::vector<std::uint8_t> message = std::move(octets_);
  octets_.assign(Header::kSize, 0);
  Rewind({Header::kSize, 0, {}});
  steps_ = 0;
  reserved_ = 0;
  SetHeader(0, 0);
  return message;
}

void MessageBuilder::PutU16(std::uint16_t value) {
  octets_.push_back(static_cast<std::uint8_t>(value >> 8));
  octets_.push_back(static_cast<std::uint8_t>(value & 0xFF));
}

void MessageBuilder::PutU32(std::uint32_t value) {
  PutU16(static_cast<std::uint16_t>(value >> 16));
  PutU16(static_cast<std::uint16_t>(value & 0xFFFF));
}

// The slot of the suffix that is `label` (with its length octet) before target `parent`, or the
// empty slot where it would go. Half of the slots are always empty.
std::size_t MessageBuilder::SlotOf(std::span<const std::uint8_t> label, std::uint8_t parent) {
  std::uint32_t hash =
      0x811C9DC5U ^ parent;  // FNV-1a: collisions cost steps, and those are counted
  for (const std::uint8_t octet : label) hash = (hash ^ FoldCase(octet)) * 0x01000193U;
  std::size_t slot = (hash ^ hash >> 16) % kSlots;
  for (;; slot = (slot + 1) % kSlots) {
    ++steps_;
    if (slots_[slot] == 0) return slot;
    const Target& target = targets_[slots_[slot] - std::size_t{1}];
    if (target.parent == parent && SameLabel(label, octets_.data() + target.offset)) return slot;
  }
}

void MessageBuilder::Remember(std::size_t slot, std::size_t offset, std::uint8_t parent) {
  targets_[target_count_] = {static_cast<std::uint16_t>(offset), parent,
                             static_cast<std::uint8_t>(slot)};
  slots_[slot] = static_cast<std::uint8_t>(++target_count_);
}

void MessageBuilder::PutName(std::span<const std::uint8_t> wire, bool compress) {
  const Labels labels = compress && steps_ < kMaxSteps ? Split(wire) : Labels{};
  if (labels.length != wire.size()) {
    octets_.insert(octets_.end(), wire.begin(), wire.end());
    return;
  }
  const auto label = [&wire, &labels](std::size_t i) {
    return wire.subspan(labels.begin[i], std::size_t{1} + wire[labels.begin[i]]);
  };
  // From the root down, as far as it has been written before.
  std::uint8_t known = 0;
  std::size_t fresh = labels.count;
  std::size_t slot = 0;
  for (; fresh > 0; --fresh) {
    slot = SlotOf(label(fresh - 1), known);
    if (slots_[slot] == 0) break;
    known = slots_[slot];
  }
  const std::size_t start = octets_.size();
  const std::size_t written = fresh == labels.count ? wire.size() - 1 : labels.begin[fresh];
  octets_.insert(octets_.end(), wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(written));
  if (known == 0) {
    octets_.push_back(0);
  } else {
    PutU16(static_cast<std::uint16_t>(kPointerBits | targets_[known - std::size_t{1}].offset));
  }
  for (std::size_t i = fresh; i > 0 && target_count_ < kMaxTargets; --i) {
    const std::size_t offset = start + labels.begin[i - 1];
    if (offset >= kPointerReach) return;
    if (i != fresh) slot = SlotOf(label(i - 1), known);
    Remember(slot, offset, known);
    known = slots_[slot];
  }
}

void MessageBuilder::PutRdata(RrType type, std::span<const std::uint8_t> rdata) {
  for (const char field : ShapeOf(type).fields) {
    const bool name = IsNameField(field);
    const std::size_t size =
        name ? Split(rdata).length : std::min(FieldSize(field, rdata), rdata.size());
    // What cannot be read is written as it is.
    if (name && size == 0) break;
    const auto octets = rdata.first(size);
    if (name) {
      PutName(octets, field == 'n');
    } else {
      octets_.insert(octets_.end(), octets.begin(), octets.end());
    }
    rdata = rdata.subspan(size);
  }
  octets_.insert(octets_.end(), rdata.begin(), rdata.end());
}

void MessageBuilder::Rewind(const Mark& mark) {
  octets_.resize(mark.octets);
  // Last in, first out: the table of slots becomes what it was.
  while (target_count_ > mark.targets) slots_[targets_[--target_count_].slot] = 0;
  counts_ = mark.counts;
}

bool MessageBuilder::PutRecord(const Name& owner, RrType type, RrClass rclass, std::uint32_t ttl,
                               std::span<const std::uint8_t> rdata) {
  if (rdata.size() > kLargest) return false;
  const Mark mark = Here();
  PutName(owner.wire(), true);
  PutU16(static_cast<std::uint16_t>(type));
  PutU16(static_cast<std::uint16_t>(rclass));
  PutU32(ttl);
  const std::size_t length_at = octets_.size();
  PutU16(0);
  PutRdata(type, rdata);
  const std::size_t length = octets_.size() - length_at - 2;
  octets_[length_at] = static_cast<std::uint8_t>(length >> 8);
  octets_[length_at + 1] = static_cast<std::uint8_t>(length & 0xFF);
  if (Fits()) return true;
  Rewind(mark);
  return false;
}

MessageBuilder::Option EdeOption(Ede code, std::string_view text) {
  if (text.size() > kEdeTextLimit) {
    // Not in the middle of a character: EXTRA-TEXT is UTF-8.
    std::size_t end = kEdeTextLimit;
    while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
    // Nor in the middle of a word, where there is more than one.
    if (const std::size_t space = text.rfind(' '); space != std::string_view::npos) {
      text = text.substr(0, space);
    }
  }
  const auto number = static_cast<std::uint16_t>(code);
  MessageBuilder::Option option;
  option.code = kOptionEde;
  option.data = {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xFF)};
  option.data.insert(option.data.end(), text.begin(), text.end());
  return option;
}

}  // namespace resolve64::dns
