#include "resolve64/message.h"

#include <algorithm>

#include "dns/rdata.h"

namespace resolve64 {
namespace {

constexpr std::size_t kLargest = 65535;  // octets, by the length field of TCP
constexpr std::size_t kFixed = 10;       // TYPE, CLASS, TTL, RDLENGTH
constexpr std::size_t kSmallestRecord = 1 + kFixed;
constexpr std::uint32_t kDoBit = 0x8000;

std::uint16_t U16(std::span<const std::uint8_t> octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}

std::uint32_t U32(std::span<const std::uint8_t> octets, std::size_t at) {
  return std::uint32_t{U16(octets, at)} << 16 | U16(octets, at + 2);
}

Error Malformed(const char* what) { return Error{Errc::kMalformed, what}; }

// The options of an OPT record fill its RDATA exactly (RFC 6891 section 6.1.2).
bool ReadOptions(std::span<const std::uint8_t> rdata, std::vector<EdnsOption>& out) {
  constexpr std::size_t kOptionHeader = 4;
  while (!rdata.empty()) {
    if (rdata.size() < kOptionHeader) return false;
    const std::size_t length = U16(rdata, 2);
    if (length > rdata.size() - kOptionHeader) return false;
    out.push_back({U16(rdata, 0), rdata.subspan(kOptionHeader, length)});
    rdata = rdata.subspan(kOptionHeader + length);
  }
  return true;
}

}  // namespace

std::optional<Header> Header::Read(std::span<const std::uint8_t> message) noexcept {
  if (message.size() < kSize) return std::nullopt;
  Header header;
  header.id = U16(message, 0);
  header.flags = U16(message, 2);
  header.qdcount = U16(message, 4);
  header.ancount = U16(message, 6);
  header.nscount = U16(message, 8);
  header.arcount = U16(message, 10);
  return header;
}

const EdnsOption* Edns::Find(std::uint16_t code) const noexcept {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [code](const EdnsOption& option) { return option.code == code; });
  return found == options.end() ? nullptr : &*found;
}

Result<MessageView> MessageView::Parse(std::span<const std::uint8_t> message) {
  if (message.size() > kLargest) return Malformed("longer than 65535 octets");
  const std::optional<Header> header = Header::Read(message);
  if (!header) return Malformed("shorter than a header");
  if (header->qdcount > 1) return Malformed("more than one question");

  MessageView view;
  view.octets_ = message;
  view.header_ = *header;
  std::size_t at = Header::kSize;
  Name name;

  if (header->qdcount == 1) {
    if (!Name::Decompress(message, at, name)) return Malformed("bad name in the question");
    if (message.size() - at < 4) return Malformed("question cut short");
    view.question_.emplace(name, static_cast<RrType>(U16(message, at)),
                           static_cast<RrClass>(U16(message, at + 2)));
    at += 4;
  }

  const std::size_t counted =
      std::size_t{header->ancount} + header->nscount + std::size_t{header->arcount};
  if (counted > (message.size() - at) / kSmallestRecord) return Malformed("more records than fit");
  view.records_.reserve(counted);

  for (std::size_t i = 0; i < counted; ++i) {
    RecordView record{};
    record.section = i < header->ancount                                  ? Section::kAnswer
                     : i < std::size_t{header->ancount} + header->nscount ? Section::kAuthority
                                                                          : Section::kAdditional;
    record.owner = static_cast<std::uint16_t>(at);
    if (!Name::Decompress(message, at, name)) return Malformed("bad owner name");
    if (message.size() - at < kFixed) return Malformed("record cut short");
    record.type = static_cast<RrType>(U16(message, at));
    record.rclass = static_cast<RrClass>(U16(message, at + 2));
    record.ttl = U32(message, at + 4);
    record.length = U16(message, at + 8);
    at += kFixed;
    if (record.length > message.size() - at) return Malformed("RDATA runs past the end");
    record.rdata = static_cast<std::uint16_t>(at);
    at += record.length;

    if (record.type != RrType::kOpt) {
      view.records_.push_back(record);
      continue;
    }
    // RFC 6891 section 6.1.1.
    if (record.section != Section::kAdditional) return Malformed("OPT outside additional data");
    if (view.edns_) return Malformed("more than one OPT");
    if (!name.is_root()) return Malformed("OPT at a name other than the root");
    Edns& edns = view.edns_.emplace();
    edns.udp_payload = static_cast<std::uint16_t>(record.rclass);
    edns.extended_rcode = static_cast<std::uint8_t>(record.ttl >> 24);
    edns.version = static_cast<std::uint8_t>(record.ttl >> 16 & 0xFF);
    edns.do_bit = (record.ttl & kDoBit) != 0;
    if (!ReadOptions(view.RawRdata(record), edns.options)) return Malformed("bad EDNS option");
  }
  if (at != message.size()) return Malformed("octets after the last record");
  return view;
}

Rcode MessageView::rcode() const noexcept {
  const auto low = static_cast<std::uint16_t>(header_.rcode());
  const std::uint16_t high = edns_ ? edns_->extended_rcode : 0;
  return static_cast<Rcode>(high << 4 | low);
}

Name MessageView::Owner(const RecordView& record) const noexcept {
  Name name;
  std::size_t at = record.owner;
  Name::Decompress(octets_, at, name);
  return name;
}

std::span<const std::uint8_t> MessageView::RawRdata(const RecordView& record) const noexcept {
  return octets_.subspan(record.rdata, record.length);
}

bool MessageView::AppendRdata(const RecordView& record, std::vector<std::uint8_t>& out) const {
  const std::size_t before = out.size();
  const auto refuse = [&out, before] {
    out.resize(before);
    return false;
  };
  std::size_t at = record.rdata;
  const std::size_t end = at + record.length;
  for (const char field : dns::ShapeOf(record.type).fields) {
    if (!dns::IsNameField(field)) {
      const std::span<const std::uint8_t> rest = octets_.subspan(at, end - at);
      const std::size_t size = dns::FieldSize(field, rest);
      if (size > rest.size()) return refuse();
      out.insert(out.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
      at += size;
      continue;
    }
    Name name;
    if (field == 'w') {
      const Result<Name> plain = Name::FromWire(octets_.subspan(at, end - at));
      if (!plain) return refuse();
      name = *plain;
      at += name.length();
    } else if (!Name::Decompress(octets_, at, name) || at > end) {
      return refuse();
    }
    out.insert(out.end(), name.wire().begin(), name.wire().end());
  }
  return at == end ? true : refuse();
}

}  // namespace resolve64
