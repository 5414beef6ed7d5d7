// Concatenation and slice: copies of columns.
// SPDX-License-Identifier: MIT
#include "engine/ops/join.h"

#include <algorithm>

namespace quench {

void place_columns(const Tensor& x, int begin, Tensor& y) {
  for (int i = 0; i < x.rows(); ++i) std::copy_n(x.row(i), x.columns(), y.row(i) + begin);
}

void take_columns(const Tensor& x, int begin, int length, Tensor& y) {
  resize(y, x.rows(), length);
  for (int i = 0; i < x.rows(); ++i) std::copy_n(x.row(i) + begin, length, y.row(i));
}

void backward(const Slice& op, const Tensor& dy, int width, Tensor& dx) {
  resize(dx, dy.rows(), width);
  for (int i = 0; i < dy.rows(); ++i) {
    float* to = dx.row(i);
    std::fill_n(to, op.begin, 0.0f);
    std::copy_n(dy.row(i), op.length, to + op.begin);
    std::fill(to + op.begin + op.length, to + width, 0.0f);
  }
}

}  // namespace quench
