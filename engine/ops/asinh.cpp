// Asinh, forth and back.
// SPDX-License-Identifier: MIT
#include "engine/ops/asinh.h"

#include <cmath>

#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 256;  // events

// asinh x = sign(x) ln(|x| + sqrt(x^2 + 1)) in double: the slope is 1 / sqrt(x^2 + 1).
double arsinh(double x, double& log_slope) {
  const double root = std::sqrt(x * x + 1), positive = log(std::fabs(x) + root);
  log_slope = -log(root);
  return x < 0 ? -positive : positive;
}

// The slope of sinh is cosh.
double hyperbolic_sine(double x, double& log_slope) {
  const double up = exp(x), down = exp(-x);
  log_slope = log(0.5 * (up + down));
  return 0.5 * (up - down);
}

}  // namespace

void forward(const Asinh& op, const Tensor& x, Tensor& y, int threads) {
  resize(y, x.rows(), op.width + (op.track ? 1 : 0));
  const bool carried = x.columns() > op.width;
  parallel_for(threads, static_cast<std::size_t>(x.rows()), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      const float* from = x.row(i);
      float* to = y.row(i);
      double log_determinant = 0, log_slope = 0;
      for (int j = 0; j < op.width; ++j) {
        const double at = static_cast<double>(from[j]);
        to[j] = static_cast<float>(op.inverse ? hyperbolic_sine(at, log_slope) : arsinh(at, log_slope));
        log_determinant += log_slope;
      }
      if (op.track) to[op.width] = (carried ? from[op.width] : 0.0f) + static_cast<float>(log_determinant);
    }
  });
}

void backward(const Asinh& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  resize(dx, x.rows(), x.columns());
  const bool carried = x.columns() > op.width;
  parallel_for(threads, static_cast<std::size_t>(x.rows()), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      const float* d = dy.row(i);
      float* to = dx.row(i);
      const double d_log = op.track ? static_cast<double>(d[op.width]) : 0;
      for (int j = 0; j < op.width; ++j) {
        // s = sinh of the unbent side; cosh = sqrt(s^2 + 1)
        const double s = static_cast<double>(op.inverse ? y.row(i)[j] : x.row(i)[j]), c = std::sqrt(s * s + 1);
        const double slope = op.inverse ? c : 1 / c;
        const double log_slope_changes = op.inverse ? s / c : -s / (c * c);
        to[j] = static_cast<float>(static_cast<double>(d[j]) * slope + d_log * log_slope_changes);
      }
      if (carried) to[op.width] = static_cast<float>(d_log);
    }
  });
}

}  // namespace quench
