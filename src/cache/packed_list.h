// Lists of names, and of names with addresses, in the octets that they have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <span>
#include <vector>

#include "resolve64/ip.h"
#include "resolve64/name.h"

namespace resolve64::cache {

/// An address that came with a referral. It serves to reach the zone, and answers nobody.
struct Glue {
  Name ns;
  IpAddress address;
};

/// How a PackedList writes a T. Read() moves `at` behind it.
template <class T>
struct Packing;

template <>
struct Packing<Name> {
  static void Write(const Name& name, std::vector<std::uint8_t>& to) {
    to.insert(to.end(), name.wire().begin(), name.wire().end());
  }
  static Name Read(std::span<const std::uint8_t> octets, std::size_t& at) {
    // It was written from a Name.
    const Name name = Name::FromWire(octets.subspan(at)).value();
    at += name.length();
    return name;
  }
};

template <>
struct Packing<Glue> {
  static void Write(const Glue& glue, std::vector<std::uint8_t>& to) {
    Packing<Name>::Write(glue.ns, to);
    to.push_back(static_cast<std::uint8_t>(glue.address.size()));
    to.insert(to.end(), glue.address.data(), glue.address.data() + glue.address.size());
  }
  static Glue Read(std::span<const std::uint8_t> octets, std::size_t& at) {
    Glue glue;
    glue.ns = Packing<Name>::Read(octets, at);
    const std::size_t size = octets[at++];
    Ipv4 v4;
    Ipv6 v6;
    if (size == v4.octets.size()) {
      std::memcpy(v4.octets.data(), &octets[at], size);
      glue.address = v4;
    } else {
      std::memcpy(v6.octets.data(), &octets[at], size);
      glue.address = v6;
    }
    at += size;
    return glue;
  }
};

/// A list that grows at its end and is read from its start. What it gives are values, made as it is
/// read.
template <class T>
class PackedList {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = T;

    Iterator(std::span<const std::uint8_t> octets, std::size_t at) noexcept
        : octets_(octets), at_(at) {}
    T operator*() const {
      std::size_t at = at_;
      return Packing<T>::Read(octets_, at);
    }
    Iterator& operator++() {
      Packing<T>::Read(octets_, at_);
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    std::span<const std::uint8_t> octets_;
    std::size_t at_;
  };

  PackedList() = default;
  PackedList(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }

  void push_back(const T& item) {
    Packing<T>::Write(item, octets_);
    ++size_;
  }
  void clear() noexcept {
    octets_.clear();
    size_ = 0;
  }
  void shrink_to_fit() { octets_.shrink_to_fit(); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t octets() const noexcept { return octets_.capacity(); }  ///< it takes
  [[nodiscard]] Iterator begin() const noexcept { return {octets_, 0}; }
  [[nodiscard]] Iterator end() const noexcept { return {octets_, octets_.size()}; }
  /// Reads all before it too. REQUIRES: i < size().
  [[nodiscard]] T operator[](std::size_t i) const {
    Iterator at = begin();
    while (i-- > 0) ++at;
    return *at;
  }

 private:
  std::vector<std::uint8_t> octets_;
  std::size_t size_ = 0;
};

}  // namespace resolve64::cache
