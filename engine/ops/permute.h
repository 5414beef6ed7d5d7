// Columns in another order: what lets a network mix the halves of a coupling layer, or order voxels as a read-out does.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/kernels/permute.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Permute {           // y[:, j] = x[:, order[j]]
  std::vector<int> order;  // each of 0 .. width - 1 once
};

bool is_permutation(const std::vector<int>& order);

// x, y, dy and dx: [events, width].
void forward(const Permute&, const Tensor& x, Tensor& y);
void backward(const Permute&, const Tensor& dy, Tensor& dx);

struct QPermute {  // of codes or of energies
  std::vector<std::int32_t> order;
};

template <class F>
void fields(QPermute& op, F&& f) {
  f("order", op.order);
}
template <class F>
void fields(const QPermute& op, F&& f) {
  f("order", op.order);
}

inline Reorder<std::int32_t> view(const QPermute& op) {
  return {static_cast<std::int32_t>(op.order.size()), op.order.data()};
}

}  // namespace quench
