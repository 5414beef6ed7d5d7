// Spread, forth and back.
// SPDX-License-Identifier: MIT
#include "engine/ops/spread.h"

namespace quench {

void forward(const Spread& op, const Tensor& x, const Tensor& noise, Tensor& y) {
  const std::size_t width = op.deviation.size();
  resize(y, x.rows(), x.columns());
  const float* deviation = op.deviation.data.data();
  for (int i = 0; i < x.rows(); ++i) {
    const float* from = x.row(i);
    const float* n = noise.row(i);
    float* to = y.row(i);
    for (std::size_t j = 0; j < width; ++j) to[j] = from[j] + deviation[j] * n[j];
  }
}

void backward(const Spread& op, const Tensor& noise, const Tensor& dy, Tensor* d_noise, Spread* gradient) {
  const std::size_t width = op.deviation.size();
  if (d_noise) resize(*d_noise, dy.rows(), dy.columns());
  for (int i = 0; i < dy.rows(); ++i) {
    const float* slope = dy.row(i);
    const float* n = noise.row(i);
    if (d_noise)
      for (std::size_t j = 0; j < width; ++j) d_noise->row(i)[j] = op.deviation.data[j] * slope[j];
    if (gradient)
      for (std::size_t j = 0; j < width; ++j) gradient->deviation.data[j] += slope[j] * n[j];
  }
}

}  // namespace quench
