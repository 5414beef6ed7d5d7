// Permute: a gather of columns, and its inverse.
// SPDX-License-Identifier: MIT
#include "engine/ops/permute.h"

namespace quench {

void forward(const Permute& op, const Tensor& x, Tensor& y) {
  resize(y, x.rows(), x.columns());
  for (int i = 0; i < x.rows(); ++i) {
    const float* from = x.row(i);
    float* to = y.row(i);
    for (std::size_t j = 0; j < op.order.size(); ++j) to[j] = from[op.order[j]];
  }
}

void backward(const Permute& op, const Tensor& dy, Tensor& dx) {
  resize(dx, dy.rows(), dy.columns());
  for (int i = 0; i < dy.rows(); ++i) {
    const float* from = dy.row(i);
    float* to = dx.row(i);
    for (std::size_t j = 0; j < op.order.size(); ++j) to[op.order[j]] = from[j];
  }
}

}  // namespace quench
