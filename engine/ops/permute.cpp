// Permute: gathers the columns of each event, and scatters their gradients back.
// SPDX-License-Identifier: MIT
#include "engine/ops/permute.h"

namespace quench {

bool is_permutation(const std::vector<int>& order) {
  std::vector<bool> seen(order.size());
  for (int j : order) {
    if (j < 0 || static_cast<std::size_t>(j) >= order.size() || seen[static_cast<std::size_t>(j)]) return false;
    seen[static_cast<std::size_t>(j)] = true;
  }
  return true;
}

void forward(const Permute& op, const Tensor& x, Tensor& y) {
  const int width = x.columns();
  resize(y, x.rows(), width);
  const int* order = op.order.data();
  for (int i = 0; i < x.rows(); ++i) {
    const float* from = x.row(i);
    float* to = y.row(i);
    for (int j = 0; j < width; ++j) to[j] = from[order[j]];
  }
}

void backward(const Permute& op, const Tensor& dy, Tensor& dx) {
  const int width = dy.columns();
  resize(dx, dy.rows(), width);
  const int* order = op.order.data();
  for (int i = 0; i < dy.rows(); ++i) {
    const float* from = dy.row(i);
    float* to = dx.row(i);
    for (int j = 0; j < width; ++j) to[order[j]] = from[j];
  }
}

}  // namespace quench
