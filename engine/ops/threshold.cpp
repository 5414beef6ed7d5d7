// Threshold: what is below it reads as zero.
// SPDX-License-Identifier: MIT
#include "engine/ops/threshold.h"

namespace quench {

void forward(const Threshold& op, const Tensor& x, Tensor& y) {
  resize(y, x.rows(), x.columns());
  for (std::size_t i = 0; i < x.size(); ++i) y.data[i] = static_cast<double>(x.data[i]) < op.mev ? 0.0f : x.data[i];
}

}  // namespace quench
