// A pointer to what is counted in itself: one word, and no block of counts beside the object.
#pragma once

#include <cstddef>
#include <utility>

namespace resolve64 {

/// Shares a T as std::shared_ptr does. T has `AddRef()` and `Release()`, both const and noexcept;
/// it is made with a count of one, and the last Release() destroys it. A Ref is as safe between
/// threads as these two are; one Ref itself belongs to one thread.
template <class T>
class Ref {
 public:
  using element_type = T;

  Ref() noexcept = default;
  Ref(std::nullptr_t) noexcept {}  // NOLINT(*-explicit-*): as std::shared_ptr
  Ref(const Ref& other) noexcept : to_(other.to_) {
    if (to_ != nullptr) to_->AddRef();
  }
  Ref(Ref&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
  Ref& operator=(const Ref& other) noexcept {
    if (this != &other) Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    Ref(std::move(other)).swap(*this);
    return *this;
  }
  ~Ref() {
    if (to_ != nullptr) to_->Release();
  }

  /// Takes over a count that the caller owns.
  [[nodiscard]] static Ref Adopt(T* owned) noexcept {
    Ref ref;
    ref.to_ = owned;
    return ref;
  }
  /// One owner more of `object`, which somebody else owns.
  [[nodiscard]] static Ref Share(T* object) noexcept {
    if (object != nullptr) object->AddRef();
    return Adopt(object);
  }
  /// Gives up its count without giving it back: the caller owns it then.
  [[nodiscard]] T* Detach() noexcept { return std::exchange(to_, nullptr); }

  void reset() noexcept { Ref().swap(*this); }
  void swap(Ref& other) noexcept { std::swap(to_, other.to_); }

  [[nodiscard]] T* get() const noexcept { return to_; }
  T& operator*() const noexcept { return *to_; }
  T* operator->() const noexcept { return to_; }
  explicit operator bool() const noexcept { return to_ != nullptr; }

  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.to_ == b.to_; }
  friend bool operator==(const Ref& a, std::nullptr_t) noexcept { return a.to_ == nullptr; }

 private:
  T* to_ = nullptr;
};

}  // namespace resolve64
