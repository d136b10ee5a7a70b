// DNS messages read in place (RFC 1035 section 4, RFC 6891).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resolve64/name.h"
#include "resolve64/result.h"
#include "resolve64/types.h"

namespace resolve64 {

/// The twelve octets before everything else (RFC 1035 section 4.1.1).
struct Header {
  static constexpr std::size_t kSize = 12;
  static constexpr std::uint16_t kQr = 0x8000, kAa = 0x0400, kTc = 0x0200, kRd = 0x0100,
                                 kRa = 0x0080, kZ = 0x0040, kAd = 0x0020, kCd = 0x0010;

  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t qdcount = 0, ancount = 0, nscount = 0, arcount = 0;

  [[nodiscard]] bool Has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
  [[nodiscard]] Opcode opcode() const noexcept { return static_cast<Opcode>((flags >> 11) & 0xF); }
  /// The low four bits; MessageView::rcode() has the extended one.
  [[nodiscard]] Rcode rcode() const noexcept { return static_cast<Rcode>(flags & 0xF); }

  /// Empty where fewer than twelve octets are given.
  static std::optional<Header> Read(std::span<const std::uint8_t> message) noexcept;
};

struct Question {
  Name name;
  RrType type = RrType::kA;
  RrClass rclass = RrClass::kIn;

  Question() = default;
  Question(const Name& n, RrType t, RrClass c = RrClass::kIn) : name(n), type(t), rclass(c) {}
  friend bool operator==(const Question&, const Question&) = default;
};

enum class Section : std::uint8_t { kAnswer, kAuthority, kAdditional };

/// One record of a message, as offsets into it.
struct RecordView {
  Section section;
  RrType type;
  RrClass rclass;
  std::uint32_t ttl;     // as sent; RFC 2181 section 8 is the reader's business
  std::uint16_t owner;   // offset of the owner name
  std::uint16_t rdata;   // offset of the RDATA
  std::uint16_t length;  // octets of RDATA
};

struct EdnsOption {
  std::uint16_t code = 0;
  std::span<const std::uint8_t> data;  // into the message
};

/// The OPT pseudo-record (RFC 6891 section 6.1).
struct Edns {
  std::uint16_t udp_payload = 512;  // as sent
  std::uint8_t extended_rcode = 0;  // the upper eight bits
  std::uint8_t version = 0;
  bool do_bit = false;
  std::vector<EdnsOption> options;

  [[nodiscard]] const EdnsOption* Find(std::uint16_t code) const noexcept;
};

/// A message that was found well-formed as a whole: counts, every owner name, every RDATA length,
/// the OPT record, and nothing after the last record. Borrows the octets it was made from.
class MessageView {
 public:
  /// kMalformed otherwise. At most one question is accepted (RFC 9619); none is accepted too. Work
  /// is linear in the size of the message: records are as many as fit, pointers are bounded. More
  /// than one OPT record, or one whose owner is not the root, is malformed (RFC 6891
  /// section 6.1.1).
  static Result<MessageView> Parse(std::span<const std::uint8_t> message);

  [[nodiscard]] const Header& header() const noexcept { return header_; }
  [[nodiscard]] const std::optional<Question>& question() const noexcept { return question_; }
  /// Every record but OPT, in order.
  [[nodiscard]] const std::vector<RecordView>& records() const noexcept { return records_; }
  [[nodiscard]] const std::optional<Edns>& edns() const noexcept { return edns_; }
  [[nodiscard]] Rcode rcode() const noexcept;

  [[nodiscard]] Name Owner(const RecordView& record) const noexcept;
  [[nodiscard]] std::span<const std::uint8_t> RawRdata(const RecordView& record) const noexcept;

  /// Appends the RDATA with the compressed names inside it written out (those types of RFC 3597
  /// section 4 that may be compressed). False, and `out` as it was, where the RDATA does not have
  /// the shape of its type: an A of 5 octets, an SOA that is cut short, a name that runs over the
  /// end.
  bool AppendRdata(const RecordView& record, std::vector<std::uint8_t>& out) const;

 private:
  std::span<const std::uint8_t> octets_;
  Header header_;
  std::optional<Question> question_;
  std::vector<RecordView> records_;
  std::optional<Edns> edns_;
};

}  // namespace resolve64
