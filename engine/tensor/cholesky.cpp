// Loops of fixed order over symmetric matrices.
// SPDX-License-Identifier: MIT
#include "engine/tensor/cholesky.h"

#include <cmath>

#include "engine/core/parallel_for.h"

namespace quench {

std::vector<double> gram(const Tensor& x, int threads) {
  const std::size_t n = static_cast<std::size_t>(x.columns());
  std::vector<double> sum(n * n);
  parallel_for(threads, n, 16, [&](std::size_t begin, std::size_t end) {
    for (int e = 0; e < x.rows(); ++e) {
      const float* row = x.row(e);
      for (std::size_t i = begin; i < end; ++i) {
        const double factor = row[i];
        double* to = &sum[i * n];
        for (std::size_t j = 0; j <= i; ++j) to[j] += factor * static_cast<double>(row[j]);
      }
    }
  });
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) sum[j * n + i] = sum[i * n + j];
  return sum;
}

bool cholesky(std::vector<double>& a, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      if (i == j && !(sum > 0)) return false;
      a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
      if (i != j) a[j * n + i] = 0;
    }
  return true;
}

void cholesky_solve(const std::vector<double>& lower, double* b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= lower[i * n + k] * b[k];
    b[i] /= lower[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {  // column by column of L^T: contiguous rows of L
    b[i] /= lower[i * n + i];
    for (std::size_t k = 0; k < i; ++k) b[k] -= lower[i * n + k] * b[i];
  }
}

std::vector<double> cholesky_inverse(const std::vector<double>& lower, std::size_t n, int threads) {
  std::vector<double> inverse(n * n);
  parallel_for(threads, n, 8, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      inverse[i * n + i] = 1;
      cholesky_solve(lower, &inverse[i * n], n);
    }
  });
  return inverse;
}

}  // namespace quench
