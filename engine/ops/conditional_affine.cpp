// ConditionalAffine: polynomials of the condition by Horner's rule, one column beside the other.
// SPDX-License-Identifier: MIT
#include "engine/ops/conditional_affine.h"

#include "engine/core/math.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 64;  // events

// to[j] = coefficients[0][j] + coefficients[1][j] c + ...
void polynomial(const Tensor& coefficients, float c, float* to) {
  const int width = coefficients.columns();
  for (int j = 0; j < width; ++j) to[j] = coefficients.row(coefficients.rows() - 1)[j];
  for (int k = coefficients.rows() - 2; k >= 0; --k) {
    const float* row = coefficients.row(k);
    for (int j = 0; j < width; ++j) to[j] = to[j] * c + row[j];
  }
}

// The derivative of polynomial j with respect to c.
float slope(const Tensor& coefficients, int j, float c) {
  float sum = 0;
  for (int k = coefficients.rows() - 1; k >= 1; --k) sum = sum * c + static_cast<float>(k) * coefficients.row(k)[j];
  return sum;
}

}  // namespace

void forward(const ConditionalAffine& op, const Tensor& x, const Tensor& c, Tensor& y, std::vector<Tensor>& saved,
             int threads) {
  const int width = x.columns();
  saved.resize(1);
  resize(y, x.rows(), width);
  resize(saved[0], x.rows(), width);
  vector_for(threads, static_cast<std::size_t>(x.rows()), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      float* factor = saved[0].row(i);
      float* to = y.row(i);
      const float* from = x.row(i);
      polynomial(op.log_deviation, c.data[static_cast<std::size_t>(i)], factor);
      polynomial(op.mean, c.data[static_cast<std::size_t>(i)], to);
      const float sign = op.inverse ? -1.0f : 1.0f;
      for (int j = 0; j < width; ++j) factor[j] = exp(sign * factor[j]);
      if (op.inverse)
        for (int j = 0; j < width; ++j) to[j] = (from[j] - to[j]) * factor[j];
      else
        for (int j = 0; j < width; ++j) to[j] = to[j] + from[j] * factor[j];
    }
  });
}

void backward(const ConditionalAffine& op, const Tensor& x, const Tensor& c, const Tensor& y,
              const std::vector<Tensor>& saved, const Tensor& dy, Tensor* dx, Tensor* dc, int threads) {
  const int width = x.columns();
  if (dx) resize(*dx, x.rows(), width);
  if (dc) resize(*dc, x.rows(), 1);
  vector_for(threads, static_cast<std::size_t>(x.rows()), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      const float* factor = saved[0].row(i);
      const float* from = dy.row(i);
      if (dx)
        for (int j = 0; j < width; ++j) dx->row(i)[j] = from[j] * factor[j];
      if (!dc) continue;
      const float condition = c.data[static_cast<std::size_t>(i)];
      float sum = 0;
      for (int j = 0; j < width; ++j) {
        const float mean_slope = slope(op.mean, j, condition), log_slope = slope(op.log_deviation, j, condition);
        sum += from[j] * (op.inverse ? -(factor[j] * mean_slope) - log_slope * y.row(i)[j]
                                     : mean_slope + log_slope * (factor[j] * x.row(i)[j]));
      }
      dc->data[static_cast<std::size_t>(i)] = sum;
    }
  });
}

double polynomial(const Tensor& coefficients, int column, double c) {
  double sum = 0;
  for (int k = coefficients.rows() - 1; k >= 0; --k) sum = sum * c + static_cast<double>(coefficients.row(k)[column]);
  return sum;
}

}  // namespace quench
