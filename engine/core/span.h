// A view of consecutive elements (C++17 has no std::span).
// SPDX-License-Identifier: MIT
#pragma once
#include <cassert>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace quench {

template <class T> class Span {
 public:
  Span() = default;
  Span(T* data, std::size_t size) : data_(data), size_(size) {}
  Span(std::vector<std::remove_const_t<T>>& v) : data_(v.data()), size_(v.size()) {}
  template <class U = T, class = std::enable_if_t<std::is_const_v<U>>>
  Span(const std::vector<std::remove_const_t<T>>& v) : data_(v.data()), size_(v.size()) {}
  // Span<X> to Span<const X>; never a candidate for copying, which clang would reject.
  template <class U, class = std::enable_if_t<std::is_same_v<T, const U>>>
  Span(Span<U> other) : data_(other.data()), size_(other.size()) {}

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  T& operator[](std::size_t i) const {
    assert(i < size_);
    return data_[i];
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace quench
