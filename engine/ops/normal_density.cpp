// NormalDensity, forth and back.
// SPDX-License-Identifier: MIT
#include "engine/ops/normal_density.h"

namespace quench {

void forward(const NormalDensity&, const Tensor& x, Tensor& y) {
  const int width = x.columns() - 1;
  resize(y, x.rows(), 1);
  for (int i = 0; i < x.rows(); ++i) {
    const float* z = x.row(i);
    double squares = 0;
    for (int j = 0; j < width; ++j) squares += static_cast<double>(z[j]) * static_cast<double>(z[j]);
    const double log_two_pi = 1.8378770664093453;
    y.data[static_cast<std::size_t>(i)] =
        static_cast<float>(static_cast<double>(z[width]) - 0.5 * (squares + width * log_two_pi));
  }
}

void backward(const NormalDensity&, const Tensor& x, const Tensor& dy, Tensor& dx) {
  const int width = x.columns() - 1;
  resize(dx, x.rows(), x.columns());
  for (int i = 0; i < x.rows(); ++i) {
    const float* z = x.row(i);
    float* to = dx.row(i);
    const float d = dy.data[static_cast<std::size_t>(i)];
    for (int j = 0; j < width; ++j) to[j] = -d * z[j];
    to[width] = d;
  }
}

}  // namespace quench
