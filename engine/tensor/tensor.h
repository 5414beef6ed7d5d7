// Dense float tensor, row-major; the first dimension is the event where there is one.
// SPDX-License-Identifier: MIT
#pragma once
#include <cassert>
#include <cstddef>
#include <vector>

namespace quench {

struct Tensor {
  std::vector<int> shape;
  std::vector<float> data;

  std::size_t size() const { return data.size(); }
  int rows() const { return shape.empty() ? 1 : shape[0]; }
  int columns() const { return rows() == 0 ? (shape.size() > 1 ? shape[1] : 0) : static_cast<int>(data.size() / static_cast<std::size_t>(rows())); }
  float* row(int r) { return data.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(columns()); }
  const float* row(int r) const { return data.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(columns()); }

  friend bool operator==(const Tensor& a, const Tensor& b) { return a.shape == b.shape && a.data == b.data; }
};

inline Tensor zeros(std::vector<int> shape) {
  std::size_t n = 1;
  for (int d : shape) n *= static_cast<std::size_t>(d);
  return {std::move(shape), std::vector<float>(n)};
}

}  // namespace quench
