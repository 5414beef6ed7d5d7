// Columns in another order.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

struct Permute {  // [events, width] -> [events, width]: y[:, j] = x[:, order[j]]
  std::vector<int> order;
};

void forward(const Permute&, const Tensor& x, Tensor& y);
void backward(const Permute&, const Tensor& dy, Tensor& dx);

}  // namespace quench
