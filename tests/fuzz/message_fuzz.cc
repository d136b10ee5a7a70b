// The message parser: what it accepts is well-formed to the last octet, and can be written again.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "dns/message_builder.h"
#include "dns/rdata.h"
#include "dns/text.h"
#include "fuzz/check.h"
#include "resolve64/message.h"

namespace {

using resolve64::Edns;
using resolve64::EdnsOption;
using resolve64::Header;
using resolve64::MessageView;
using resolve64::Name;
using resolve64::RecordView;
using resolve64::RrType;
using resolve64::Section;
using resolve64::dns::MessageBuilder;
using resolve64::fuzz::Check;

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kLargest = 65535;

bool Inside(std::span<const std::uint8_t> part, std::span<const std::uint8_t> whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

bool SameFolded(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return std::ranges::equal(a, b, [](std::uint8_t x, std::uint8_t y) {
    return resolve64::FoldCase(x) == resolve64::FoldCase(y);
  });
}

// A name in the RDATA may be written as a pointer to the same name in other letters.
bool IsCompressed(RrType type) {
  return resolve64::dns::ShapeOf(type).fields.find('n') != std::string_view::npos;
}

void CheckRecord(const MessageView& view, const RecordView& record,
                 std::span<const std::uint8_t> message) {
  Check(record.type != RrType::kOpt, "OPT is no record among others");
  Check(record.owner >= Header::kSize && record.owner < record.rdata, "an owner is before RDATA");
  Check(std::size_t{record.rdata} + record.length <= message.size(), "RDATA is inside");
  const Name owner = view.Owner(record);
  Check(Name::FromWire(owner.wire()).has_value(), "an owner is a name");

  const Octets before = {1, 2, 3};
  Octets rdata = before;
  if (!view.AppendRdata(record, rdata)) {
    Check(rdata == before, "RDATA that is refused leaves nothing behind");
    return;
  }
  Check(std::equal(before.begin(), before.end(), rdata.begin()), "RDATA is put at the end");
  if (resolve64::dns::ShapeOf(record.type).fields == "r") {
    Check(std::ranges::equal(std::span(rdata).subspan(before.size()), view.RawRdata(record)),
          "opaque RDATA stays as it is (RFC 3597 section 3)");
  }
}

void CheckEdns(const MessageView& view, std::span<const std::uint8_t> message) {
  if (!view.edns()) {
    Check(view.rcode() == view.header().rcode(), "without OPT the RCODE has four bits");
    return;
  }
  for (const EdnsOption& option : view.edns()->options) {
    Check(Inside(option.data, message), "an option is inside");
    Check(view.edns()->Find(option.code) != nullptr, "an option is found by its code");
  }
}

bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What people are shown of a message cannot drive their terminal, nor start a line of its own.
void CheckText(const MessageView& view) {
  const auto records = resolve64::dns::RecordsToText(view);
  Check(records.size() == view.records().size(), "every record has a text");
  for (const auto& record : records) {
    Check(!record.type.empty() && IsPlain(record.owner) && IsPlain(record.rdata),
          "the text of a record is safe to print");
  }
}

// Everything of `view` that can be carried over, as a new message.
Octets Rebuild(const MessageView& view) {
  MessageBuilder builder(kLargest);
  builder.SetHeader(view.header().id, view.header().flags);
  if (view.question()) builder.AddQuestion(*view.question());
  for (const RecordView& record : view.records()) {
    Octets rdata;
    if (!view.AppendRdata(record, rdata)) continue;
    if (!builder.AddRecord(record.section, view.Owner(record), record.type, record.ttl, rdata,
                           record.rclass)) {
      break;
    }
  }
  if (view.edns()) {
    std::vector<MessageBuilder::Option> options;
    for (const EdnsOption& option : view.edns()->options) {
      options.push_back({option.code, Octets(option.data.begin(), option.data.end())});
    }
    builder.AddOpt(view.edns()->udp_payload, view.rcode(), view.edns()->do_bit, options);
  }
  return builder.Finish();
}

void CheckSame(const MessageView& a, const MessageView& b) {
  Check(a.header().id == b.header().id && a.header().flags == b.header().flags,
        "the header is written as it was read");
  Check(a.question() == b.question(), "the question is written as it was read");
  if (a.question()) {
    Check(std::ranges::equal(a.question()->name.wire(), b.question()->name.wire()),
          "the letters of the question stay as they are");
  }
  auto at = b.records().begin();
  for (const RecordView& record : a.records()) {
    Octets left;
    if (!a.AppendRdata(record, left)) continue;
    if (at == b.records().end()) break;  // it did not fit
    Octets right;
    Check(b.AppendRdata(*at, right), "RDATA that was written is read again");
    Check(IsCompressed(record.type) ? SameFolded(left, right) : left == right,
          "RDATA is written as it was read");
    Check(a.Owner(record) == b.Owner(*at) && record.section == at->section &&
              record.type == at->type && record.rclass == at->rclass && record.ttl == at->ttl,
          "a record is written as it was read");
    ++at;
  }
  Check(at == b.records().end(), "no record is made up");
  if (!a.edns() || !b.edns()) return;
  Check(a.rcode() == b.rcode() && a.edns()->udp_payload == b.edns()->udp_payload &&
            a.edns()->do_bit == b.edns()->do_bit &&
            a.edns()->options.size() == b.edns()->options.size(),
        "OPT is written as it was read");
  for (std::size_t i = 0; i < a.edns()->options.size(); ++i) {
    const EdnsOption& x = a.edns()->options[i];
    const EdnsOption& y = b.edns()->options[i];
    Check(x.code == y.code && std::ranges::equal(x.data, y.data),
          "an option is written as it was read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> message(data, size);
  const auto header = Header::Read(message);
  Check(header.has_value() == (size >= Header::kSize), "a header is twelve octets");

  const auto view = MessageView::Parse(message);
  if (!view) return 0;
  Check(header.has_value() && size <= kLargest, "a message has a header, and a largest size");
  Check(view->question().has_value() == (header->qdcount == 1), "a question is counted");
  const std::size_t counted =
      std::size_t{header->ancount} + header->nscount + std::size_t{header->arcount};
  Check(view->records().size() + (view->edns() ? 1 : 0) == counted, "every record is counted");
  Check(std::ranges::is_sorted(view->records(), {}, &RecordView::section), "sections are in order");
  for (const RecordView& record : view->records()) CheckRecord(*view, record, message);
  CheckEdns(*view, message);
  CheckText(*view);

  Check(!MessageView::Parse(message.first(size - 1)), "a message that is cut short is none");
  Octets longer(message.begin(), message.end());
  longer.push_back(0);
  Check(!MessageView::Parse(longer), "nothing comes after the last record");

  const Octets built = Rebuild(*view);
  Check(built.size() <= kLargest, "a message that was built keeps to its limit");
  const auto again = MessageView::Parse(built);
  Check(again.has_value(), "a message that was built is well-formed");
  CheckSame(*view, *again);
  Check(Rebuild(*again) == built, "building it a second time changes nothing");
  return 0;
}
