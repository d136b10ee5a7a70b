// DNS messages written octet by octet, with name compression.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dns/rrset.h"
#include "resolve64/message.h"

namespace resolve64::dns {

/// Writes one message, sections in order. Not thread-safe; one object a message.
///
/// Names are compressed against those already written, in owner names and in the RDATA of the types
/// of RFC 1035 only (RFC 3597 section 4). Work is bounded (it is input that decides how much there
/// is to compare): at most kMaxTargets suffixes are remembered, a lookup is one step in a hash
/// table, and after kMaxSteps steps the rest of the message is written without compression.
class MessageBuilder {
 public:
  static constexpr std::size_t kMaxTargets = 128;
  static constexpr std::size_t kMaxSteps = 100'000;

  /// `limit`: octets that the whole message may have, at most 65,535.
  explicit MessageBuilder(std::size_t limit);

  void SetHeader(std::uint16_t id, std::uint16_t flags);
  /// Written as it is given, letter case included.
  void AddQuestion(const Question& question);
  /// Octets kept free for what is added after the records (the OPT record).
  void Reserve(std::size_t octets) { reserved_ = octets; }

  /// All records of `rrset` with `ttl`, and its signatures if asked for. False, and nothing
  /// written, where it does not fit. Sections must come in order. `owner` replaces the RRset's
  /// owner name where given (letter case of the question).
  bool AddRrset(Section section, const Rrset& rrset, std::uint32_t ttl, bool signatures,
                const Name* owner = nullptr);
  /// One record; as above.
  bool AddRecord(Section section, const Name& owner, RrType type, std::uint32_t ttl,
                 std::span<const std::uint8_t> rdata, RrClass rclass = RrClass::kIn);

  struct Option {
    std::uint16_t code = 0;
    std::vector<std::uint8_t> data;
  };
  /// The OPT record, in the place that Reserve() kept. `rcode` is put in the header too. False, and
  /// nothing written, where it does not fit.
  bool AddOpt(std::uint16_t udp_payload, Rcode rcode, bool do_bit, std::span<const Option> options);

  void SetFlag(std::uint16_t flag) { flags_ = static_cast<std::uint16_t>(flags_ | flag); }
  [[nodiscard]] std::size_t size() const noexcept { return octets_.size(); }
  /// Entries of the table of suffixes that were looked at so far.
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

  /// The message. The builder is empty after it.
  [[nodiscard]] std::vector<std::uint8_t> Finish();

 private:
  // A suffix that was written: a label, and the target that is the rest of the name.
  struct Target {
    std::uint16_t offset;  // of the label in octets_
    std::uint8_t parent;   // target + 1; 0 is the root
    std::uint8_t slot;     // where slots_ has it
  };
  static constexpr std::size_t kSlots = 256;

  // What is undone where a record does not fit.
  struct Mark {
    std::size_t octets;
    std::size_t targets;
    std::array<std::uint16_t, 4> counts;
  };

  [[nodiscard]] Mark Here() const noexcept { return {octets_.size(), target_count_, counts_}; }
  [[nodiscard]] std::size_t SlotOf(std::span<const std::uint8_t> label, std::uint8_t parent);
  void Remember(std::size_t slot, std::size_t offset, std::uint8_t parent);
  void PutU16(std::uint16_t value);
  void PutU32(std::uint32_t value);
  void PutName(std::span<const std::uint8_t> wire, bool compress);
  void PutRdata(RrType type, std::span<const std::uint8_t> rdata);
  [[nodiscard]] bool Fits() const noexcept { return octets_.size() + reserved_ <= limit_; }
  void Rewind(const Mark& mark);
  bool PutRecord(const Name& owner, RrType type, RrClass rclass, std::uint32_t ttl,
                 std::span<const std::uint8_t> rdata);

  std::vector<std::uint8_t> octets_;
  std::array<Target, kMaxTargets> targets_;   // the first target_count_ are set
  std::array<std::uint8_t, kSlots> slots_{};  // target + 1, 0 where empty; probed linearly
  std::size_t target_count_ = 0;
  std::size_t steps_ = 0;
  std::size_t limit_;
  std::size_t reserved_ = 0;
  std::uint16_t id_ = 0;
  std::uint16_t flags_ = 0;
  std::array<std::uint16_t, 4> counts_{};  // questions, then the three sections
};

/// Data of an Extended DNS Error option (RFC 8914 section 2), option code 15. The text is cut at
/// 128 octets: room for a name, a type and a key.
MessageBuilder::Option EdeOption(Ede code, std::string_view text);

inline constexpr std::uint16_t kOptionNsid = 3;
inline constexpr std::uint16_t kOptionCookie = 10;
inline constexpr std::uint16_t kOptionKeepalive = 11;
inline constexpr std::uint16_t kOptionPadding = 12;
inline constexpr std::uint16_t kOptionEde = 15;

}  // namespace resolve64::dns
