// Dense float tensor, row-major; the first dimension is the event where there is one.
// SPDX-License-Identifier: MIT
#pragma once
#include <cassert>
#include <cstddef>
#include <utility>
#include <vector>

namespace quench {

struct Tensor {
  std::vector<int> shape;
  std::vector<float> data;

  std::size_t size() const { return data.size(); }
  int rows() const { return shape.empty() ? 1 : shape[0]; }
  int columns() const {
    if (rows() == 0) return shape.size() > 1 ? shape[1] : 0;
    return static_cast<int>(data.size() / static_cast<std::size_t>(rows()));
  }
  float* row(int r) { return data.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(columns()); }
  const float* row(int r) const {
    return data.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(columns());
  }

  friend bool operator==(const Tensor& a, const Tensor& b) { return a.shape == b.shape && a.data == b.data; }
};

inline Tensor zeros(std::vector<int> shape) {
  std::size_t n = 1;
  for (int d : shape) n *= static_cast<std::size_t>(d);
  return {std::move(shape), std::vector<float>(n)};
}

// Makes a [rows, columns] buffer of the tensor; its contents are whatever was there. Allocates only to grow.
inline void resize(Tensor& t, int rows, int columns) {
  t.shape.resize(2);
  t.shape[0] = rows;
  t.shape[1] = columns;
  t.data.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
}

// Rows begin .. begin + count - 1 as a tensor of their own.
inline Tensor rows_of(const Tensor& t, int begin, int count) {
  assert(begin >= 0 && count >= 0 && begin + count <= t.rows());
  Tensor part{t.shape, {}};
  part.shape[0] = count;
  part.data.assign(t.row(begin),
                   t.row(begin) + static_cast<std::size_t>(count) * static_cast<std::size_t>(t.columns()));
  return part;
}

}  // namespace quench
