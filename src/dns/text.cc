#include "dns/text.h"

#include <algorithm>
#include <optional>

#include "resolve64/ip.h"
#include "resolve64/name.h"

namespace resolve64::dns {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Reads RDATA from front to back; what does not fit makes the whole of it opaque.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> octets) : left_(octets) {}

  std::optional<std::uint32_t> Number(std::size_t octets) {
    if (left_.size() < octets) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < octets; ++i) value = value << 8 | left_[i];
    left_ = left_.subspan(octets);
    return value;
  }
  std::optional<Name> ReadName() {
    const std::size_t shown = std::min(left_.size(), Name::kMaxLength);
    std::size_t length = 0;
    while (length < shown && left_[length] != 0) length += left_[length] + std::size_t{1};
    if (length >= shown) return std::nullopt;
    const Result<Name> name = Name::FromWire(left_.first(length + 1));
    if (!name) return std::nullopt;
    left_ = left_.subspan(length + 1);
    return *name;
  }
  std::optional<std::span<const std::uint8_t>> String() {
    if (left_.empty() || left_.size() < std::size_t{1} + left_[0]) return std::nullopt;
    const std::span<const std::uint8_t> text = left_.subspan(1, left_[0]);
    left_ = left_.subspan(1 + text.size());
    return text;
  }
  [[nodiscard]] bool empty() const { return left_.empty(); }

 private:
  std::span<const std::uint8_t> left_;
};

std::string Quoted(std::span<const std::uint8_t> octets) {
  std::string text = "\"";
  for (const std::uint8_t octet : octets) {
    if (octet == '"' || octet == '\\') {
      text += '\\';
      text += static_cast<char>(octet);
    } else if (octet >= 0x20 && octet < 0x7F) {
      text += static_cast<char>(octet);
    } else {
      text += '\\';
      text += static_cast<char>('0' + octet / 100);
      text += static_cast<char>('0' + octet / 10 % 10);
      text += static_cast<char>('0' + octet % 10);
    }
  }
  return text + "\"";
}

// What a type consists of, one letter a field: n name, s character-string, 1, 2 and 4 numbers of so
// many octets, * the field before once more as long as there is something left.
const char* Shape(RrType type) {
  switch (type) {
    case RrType::kNs:
    case RrType::kCname:
    case RrType::kDname:
    case RrType::kPtr:
    case RrType::kMd:
    case RrType::kMf:
    case RrType::kMb:
    case RrType::kMg:
    case RrType::kMr:
      return "n";
    case RrType::kMx:
    case RrType::kAfsdb:
    case RrType::kRt:
    case RrType::kKx:
      return "2n";
    case RrType::kMinfo:
    case RrType::kRp:
      return "nn";
    case RrType::kSoa:
      return "nn44444";
    case RrType::kSrv:
      return "222n";
    case RrType::kHinfo:
      return "ss";
    case RrType::kTxt:
      return "s*";
    case RrType::kNaptr:
      return "22sssn";
    default:
      return nullptr;
  }
}

std::optional<std::string> Field(Reader& reader, char kind) {
  if (kind == 'n') {
    const std::optional<Name> name = reader.ReadName();
    if (!name) return std::nullopt;
    return name->ToText();
  }
  if (kind == 's') {
    const std::optional<std::span<const std::uint8_t>> text = reader.String();
    if (!text) return std::nullopt;
    return Quoted(*text);
  }
  const std::optional<std::uint32_t> number = reader.Number(static_cast<std::size_t>(kind - '0'));
  if (!number) return std::nullopt;
  return std::to_string(*number);
}

std::optional<std::string> Shaped(const char* shape, std::span<const std::uint8_t> rdata) {
  Reader reader(rdata);
  std::string text;
  for (char last = 0; *shape != 0 && !(*shape == '*' && reader.empty());) {
    const char kind = *shape == '*' ? last : *shape++;
    const std::optional<std::string> field = Field(reader, kind);
    if (!field) return std::nullopt;
    if (last != 0) text += ' ';
    text += *field;
    last = kind;
  }
  if (!reader.empty()) return std::nullopt;
  return text;
}

std::string Opaque(std::span<const std::uint8_t> rdata) {
  std::string text = "\\# " + std::to_string(rdata.size());
  if (!rdata.empty()) text += ' ';
  for (const std::uint8_t octet : rdata) {
    text += kHex[octet >> 4];
    text += kHex[octet & 0xF];
  }
  return text;
}

}  // namespace

std::string RdataToText(RrType type, std::span<const std::uint8_t> rdata) {
  if (type == RrType::kA && rdata.size() == 4) {
    Ipv4 address;
    std::copy(rdata.begin(), rdata.end(), address.octets.begin());
    return resolve64::ToText(address);
  }
  if (type == RrType::kAaaa && rdata.size() == 16) {
    Ipv6 address;
    std::copy(rdata.begin(), rdata.end(), address.octets.begin());
    return resolve64::ToText(address);
  }
  const char* shape = Shape(type);
  std::optional<std::string> text;
  if (shape != nullptr) text = Shaped(shape, rdata);
  return text ? *text : Opaque(rdata);
}

std::string ToText(RrClass rclass) {
  switch (rclass) {
    case RrClass::kIn:
      return "IN";
    case RrClass::kCh:
      return "CH";
    case RrClass::kHs:
      return "HS";
    case RrClass::kNone:
      return "NONE";
    case RrClass::kAny:
      return "ANY";
  }
  return "CLASS" + std::to_string(static_cast<unsigned>(rclass));
}

std::string FlagsToText(const Header& header) {
  struct Flag {
    std::uint16_t bit;
    const char* name;
  };
  constexpr Flag kFlags[] = {{Header::kQr, "qr"}, {Header::kAa, "aa"}, {Header::kTc, "tc"},
                             {Header::kRd, "rd"}, {Header::kRa, "ra"}, {Header::kAd, "ad"},
                             {Header::kCd, "cd"}};
  std::string text;
  for (const Flag& flag : kFlags) {
    if (!header.Has(flag.bit)) continue;
    if (!text.empty()) text += ' ';
    text += flag.name;
  }
  return text;
}

std::vector<RecordText> RecordsToText(const MessageView& message) {
  std::vector<RecordText> records;
  for (const RecordView& record : message.records()) {
    std::vector<std::uint8_t> rdata;
    if (!message.AppendRdata(record, rdata)) {
      const std::span<const std::uint8_t> raw = message.RawRdata(record);
      rdata.assign(raw.begin(), raw.end());
    }
    RecordText text;
    text.section = record.section;
    text.owner = message.Owner(record).ToText();
    text.ttl = record.ttl;
    text.rclass = ToText(record.rclass);
    text.type = resolve64::ToText(record.type);
    text.rdata = RdataToText(record.type, rdata);
    records.push_back(std::move(text));
  }
  return records;
}

}  // namespace resolve64::dns
