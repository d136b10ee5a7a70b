#include "cache/failure_cache.h"

#include <algorithm>
#include <utility>

namespace resolve64::cache {
namespace {

constexpr std::size_t kSmallestShard = 256;  // entries

Name NameOf(const std::vector<std::uint8_t>& wire) {
  // It was written from a Name.
  return Name::FromWire(wire).value();
}

// How long the `count`th failure in a row holds.
Duration HoldFor(std::uint32_t count) {
  Duration hold = FailureCache::kFirst;
  for (std::uint32_t i = 1; i < count && hold < FailureCache::kLongest; ++i) hold *= 2;
  return std::min(hold, FailureCache::kLongest);
}

}  // namespace

FailureCache::FailureCache(std::size_t entries) : entries_(entries, kSmallestShard) {}

FailurePtr FailureCache::Find(const Name& name, RrType type, TimePoint now) {
  const std::size_t hash = name.Hash();
  FailurePtr found;
  {
    auto map = entries_.Lock(hash);
    const Entry* entry = map->Find(entries_.Low(hash), [&](const Entry& e) {
      return e.type == type && e.failure->expires > now && NameOf(e.name) == name;
    });
    if (entry != nullptr) found = entry->failure;
  }
  entries_.Count(hash, found != nullptr);
  return found;
}

void FailureCache::Put(const Name& name, RrType type, Failure failure, TimePoint now) {
  auto stored = std::make_shared<Failure>(std::move(failure));
  const std::size_t hash = name.Hash();
  const std::uint32_t low = entries_.Low(hash);
  const auto same = [&](const Entry& e) { return e.type == type && NameOf(e.name) == name; };
  auto map = entries_.Lock(hash);
  Entry* old = map->Peek(low, same);
  if (old != nullptr && old->failure->expires > now) return;
  const bool in_a_row = old != nullptr && old->failure->expires + kRemembered > now;
  stored->count = in_a_row ? old->failure->count + 1 : 1;
  stored->expires = now + HoldFor(stored->count);
  if (old != nullptr) {
    old->failure = std::move(stored);
    return;
  }
  Entry entry;
  entry.name.assign(name.wire().begin(), name.wire().end());
  entry.type = type;
  entry.failure = std::move(stored);
  map->Insert(low, std::move(entry));
}

void FailureCache::Forget(const Name& name, RrType type) {
  const std::size_t hash = name.Hash();
  entries_.Lock(hash)->Erase(
      entries_.Low(hash), [&](const Entry& e) { return e.type == type && NameOf(e.name) == name; },
      1);
}

std::size_t FailureCache::Flush(const Name& name) {
  const std::size_t hash = name.Hash();
  return entries_.Lock(hash)->Erase(entries_.Low(hash),
                                    [&](const Entry& e) { return NameOf(e.name) == name; });
}

std::size_t FailureCache::FlushBelow(const Name& name) {
  std::size_t gone = 0;
  entries_.Walk([&](const Entry& entry) {
    const bool below = NameOf(entry.name).IsAtOrBelow(name);
    if (below) ++gone;
    return below;
  });
  return gone;
}

}  // namespace resolve64::cache
