// ActNorm, forth and back.
// SPDX-License-Identifier: MIT
#include "engine/ops/act_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/math.h"

namespace quench {

void forward(const ActNorm& op, const Tensor& x, Tensor& y) {
  const int width = static_cast<int>(op.shift.size());
  thread_local std::vector<float> scale;
  scale.resize(op.shift.size());
  float log_determinant = 0;
  for (std::size_t j = 0; j < scale.size(); ++j) {
    const float s = op.inverse ? -op.log_scale.data[j] : op.log_scale.data[j];
    scale[j] = exp(s);
    log_determinant += s;
  }
  resize(y, x.rows(), width + (op.track ? 1 : 0));
  for (int i = 0; i < x.rows(); ++i) {
    const float* from = x.row(i);
    float* to = y.row(i);
    if (op.inverse)
      for (int j = 0; j < width; ++j)
        to[j] = from[j] * scale[static_cast<std::size_t>(j)] - op.shift.data[static_cast<std::size_t>(j)];
    else
      for (int j = 0; j < width; ++j)
        to[j] = (from[j] + op.shift.data[static_cast<std::size_t>(j)]) * scale[static_cast<std::size_t>(j)];
    if (op.track) to[width] = (x.columns() > width ? from[width] : 0.0f) + log_determinant;
  }
}

void backward(const ActNorm& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor* dx, ActNorm* gradient) {
  const std::size_t width = op.shift.size();
  thread_local std::vector<float> scale;
  scale.resize(width);
  for (std::size_t j = 0; j < width; ++j) scale[j] = exp(op.inverse ? -op.log_scale.data[j] : op.log_scale.data[j]);
  if (dx) resize(*dx, x.rows(), x.columns());
  for (int i = 0; i < x.rows(); ++i) {
    const float* d = dy.row(i);
    const float d_log = op.track ? d[width] : 0.0f;
    if (dx) {
      float* to = dx->row(i);
      for (std::size_t j = 0; j < width; ++j) to[j] = d[j] * scale[j];
      if (static_cast<std::size_t>(x.columns()) > width) to[width] = d_log;
    }
    if (!gradient) continue;
    const float* from = x.row(i);
    const float* to = y.row(i);
    float* g_shift = gradient->shift.data.data();
    float* g_scale = gradient->log_scale.data.data();
    if (op.inverse) {
      for (std::size_t j = 0; j < width; ++j) g_shift[j] -= d[j];
      for (std::size_t j = 0; j < width; ++j) g_scale[j] -= d[j] * from[j] * scale[j] + d_log;
    } else {
      for (std::size_t j = 0; j < width; ++j) g_shift[j] += d[j] * scale[j];
      for (std::size_t j = 0; j < width; ++j) g_scale[j] += d[j] * to[j] + d_log;
    }
  }
}

void start_from(ActNorm& op, const Tensor& x) {
  const double n = std::max(x.rows(), 1);
  for (std::size_t j = 0; j < op.shift.size(); ++j) {
    double mean = 0, square = 0;
    for (int i = 0; i < x.rows(); ++i) mean += static_cast<double>(x.row(i)[j]);
    mean /= n;
    for (int i = 0; i < x.rows(); ++i) {
      const double d = static_cast<double>(x.row(i)[j]) - mean;
      square += d * d;
    }
    op.shift.data[j] = static_cast<float>(-mean);
    op.log_scale.data[j] = static_cast<float>(-0.5 * log(std::max(square / n, 1e-12)));
  }
}

}  // namespace quench
