#include "cache/answer_cache.h"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/hash.h"
#include "resolve64/message.h"

namespace resolve64::cache {
namespace {

// What malloc puts in front of a block.
constexpr std::size_t kBlockHeader = sizeof(std::size_t);

// An answer is some 200 octets: the table remembers about as many as there is room for.
std::size_t AskedFor(std::size_t octets) noexcept {
  constexpr std::size_t kLeast = 1024;
  constexpr std::size_t kOctetsPerPlace = 256;
  return std::bit_floor(std::max(octets / kOctetsPerPlace, kLeast));
}

std::size_t LeftBeside(std::size_t octets) noexcept {
  const std::size_t asked = AskedFor(octets) * sizeof(std::uint16_t);
  return octets > asked ? octets - asked : 0;
}

// `kept` is in lower case.
bool SameName(std::span<const std::uint8_t> kept, std::span<const std::uint8_t> name) noexcept {
  if (kept.size() != name.size()) return false;
  const std::uint8_t* a = kept.data();
  const std::uint8_t* b = name.data();
  std::size_t left = kept.size();
  for (; left >= 8; left -= 8, a += 8, b += 8) {
    if (LoadWord(a) != FoldCase(LoadWord(b))) return false;
  }
  return LoadWord(a, left) == FoldCase(LoadWord(b, left));
}

std::uint32_t Load32(const std::uint8_t* at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

void Store32(std::uint8_t* at, std::uint32_t value) noexcept {
  if (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

// Questions of one name that differ in their key are different questions.
std::uint64_t Mix(std::uint64_t hash, const AnswerKey& key) noexcept {
  const std::uint64_t bits = static_cast<std::uint64_t>(key.type) << 3 | (key.do_bit ? 4U : 0U) |
                             (key.cd_bit ? 2U : 0U) | (key.over_ipv4 ? 1U : 0U);
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return (hash ^ bits * kOdd ^ reinterpret_cast<std::uintptr_t>(key.policy)) * kOdd;
}

}  // namespace

//--- One answer ---

void FinishedAnswer::Deleter::operator()(FinishedAnswer* answer) const noexcept {
  answer->~FinishedAnswer();
  std::free(answer);
}

FinishedAnswer::Ptr FinishedAnswer::Make(const AnswerParts& parts) {
  const std::size_t size =
      sizeof(FinishedAnswer) + parts.ttls.size_bytes() + parts.body.size() + parts.errors.size();
  // malloc() rather than new: what it really gave can be asked for.
  void* block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  Ptr made(new (block) FinishedAnswer());
  made->key_ = parts.key;
  made->since_ = parts.since;
  made->expires_ = parts.expires;
  made->rcode_ = parts.rcode;
  made->body_size_ = static_cast<std::uint16_t>(parts.body.size());
  made->errors_size_ = static_cast<std::uint16_t>(parts.errors.size());
  made->ttl_count_ = static_cast<std::uint16_t>(parts.ttls.size());
  made->room_ = parts.room;
  made->secure_ = parts.secure;
  made->synthesized_ = parts.synthesized;
  made->with_opt_ = parts.with_opt;
  auto* ttls = const_cast<std::uint16_t*>(made->ttls());
  std::copy(parts.ttls.begin(), parts.ttls.end(), ttls);
  auto* octets = const_cast<std::uint8_t*>(made->octets());
  std::copy(parts.errors.begin(), parts.errors.end(),
            std::copy(parts.body.begin(), parts.body.end(), octets));
  std::uint8_t* at = octets + Header::kSize;
  while (*at != 0) at += std::size_t{1} + *at;
  made->name_length_ = static_cast<std::uint8_t>(at + 1 - (octets + Header::kSize));
  for (std::uint8_t& octet : std::span(octets + Header::kSize, made->name_length_)) {
    octet = FoldCase(octet);
  }
  return made;
}

std::span<const std::uint8_t> FinishedAnswer::name() const noexcept {
  return {octets() + Header::kSize, name_length_};
}

void FinishedAnswer::CopyBody(std::uint8_t* to, TimePoint now) const noexcept {
  std::memcpy(to, octets(), body_size_);
  if (now - since_ < std::chrono::seconds(1)) return;
  const auto passed = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now - since_).count());
  for (std::size_t i = 0; i < ttl_count_; ++i) {
    std::uint8_t* at = to + ttls()[i];
    Store32(at, Load32(at) - passed);
  }
}

//--- The cache ---

AnswerCache::AnswerCache(std::size_t octets)
    : capacity_(octets), map_(LeftBeside(octets)), asked_(AskedFor(octets)) {}

std::uint64_t AnswerCache::HashOf(std::span<const std::uint8_t> name) noexcept {
  return HashFolded(name);
}

const FinishedAnswer* AnswerCache::Find(std::span<const std::uint8_t> name, std::uint64_t hash,
                                        const AnswerKey& key, std::size_t room, bool with_opt,
                                        TimePoint now) noexcept {
  const FinishedAnswer::Ptr* found =
      map_.Find(static_cast<std::uint32_t>(hash), [&](const FinishedAnswer::Ptr& answer) {
        if (answer->key_ != key || answer->expires_ <= now) return false;
        const bool fits = answer->room_ == 0
                              ? answer->body_size_ + (with_opt ? answer->errors_size_ : 0U) <= room
                              : answer->room_ == room && answer->with_opt_ == with_opt;
        return fits && SameName(answer->name(), name);
      });
  return found == nullptr ? nullptr : found->get();
}

bool AnswerCache::WorthKeeping(std::uint64_t hash, const AnswerKey& key) noexcept {
  const std::uint64_t mixed = Mix(hash, key);
  // Two places, the one that was used last first: questions that come in turn and share them do not
  // make each other forgotten.
  const std::size_t at = (mixed >> 16) & (asked_.size() - 2);
  std::uint16_t& first = asked_[at];
  std::uint16_t& second = asked_[at + 1];
  // Zero stands for nobody.
  const auto tag = static_cast<std::uint16_t>(mixed >> 48 | 1);
  if (first == tag) return true;
  const bool known = second == tag;
  second = first;
  first = tag;
  return known;
}

void AnswerCache::Keep(const AnswerParts& parts, TimePoint now) {
  if (parts.expires <= now) return;
  FinishedAnswer::Ptr made = FinishedAnswer::Make(parts);
  const FinishedAnswer& fresh = *made;
  map_.Put(
      static_cast<std::uint32_t>(HashOf(fresh.name())),
      [&fresh](const FinishedAnswer::Ptr& old) {
        return old->key_ == fresh.key_ && old->room_ == fresh.room_ &&
               old->with_opt_ == fresh.with_opt_ && SameName(old->name(), fresh.name());
      },
      std::move(made));
  Publish();
}

std::size_t AnswerCache::Octets::Cost(const FinishedAnswer::Ptr& answer) const noexcept {
  return kBlockHeader + malloc_usable_size(answer.get());
}

void AnswerCache::Clear() {
  map_.Clear();
  asked_.Clear();
  ++generation_;
  Publish();
}

void AnswerCache::Publish() noexcept {
  cost_.store(map_.cost() + asked_.size() * sizeof(std::uint16_t), std::memory_order_relaxed);
  size_.store(map_.size(), std::memory_order_relaxed);
}

}  // namespace resolve64::cache
