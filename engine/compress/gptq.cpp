// Columns in increasing order, errors by the Cholesky factor of the inverse Hessian.
// SPDX-License-Identifier: MIT
#include "engine/compress/gptq.h"

#include <numeric>

#include "engine/compress/obc.h"
#include "engine/core/parallel_for.h"
#include "engine/tensor/cholesky.h"

namespace quench {
namespace {

// Upper U with U^T U = H^-1 of some rows and columns of the curvature h [n][n].
std::vector<double> upper_factor(const std::vector<double>& h, std::size_t n, const std::vector<std::size_t>& columns) {
  const std::size_t size = columns.size();
  std::vector<double> part;
  for (std::size_t i : columns)
    for (std::size_t j : columns) part.push_back(h[i * n + j]);
  cholesky(part, size);
  part = cholesky_inverse(part, size);
  cholesky(part, size);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < i; ++j) std::swap(part[i * size + j], part[j * size + i]);
  return part;
}

void round_row(float* weight, std::size_t row, const std::vector<std::size_t>& columns, const std::vector<double>& u,
               const LayerCodes& codes) {
  const std::size_t size = columns.size();
  std::vector<double> w;
  for (std::size_t k : columns) w.push_back(static_cast<double>(weight[k]));
  for (std::size_t i = 0; i < size; ++i) {
    float& rounded = weight[columns[i]];
    rounded = codes.weight(codes.code(static_cast<float>(w[i]), row, columns[i]), row, columns[i]);
    const double error = (w[i] - static_cast<double>(rounded)) / u[i * size + i];
    for (std::size_t j = i + 1; j < size; ++j) w[j] -= error * u[i * size + j];
  }
}

}  // namespace

Linear gptq(const Linear& op, const LayerCodes& codes, const Tensor& x, int threads) {
  const std::size_t n = static_cast<std::size_t>(x.columns());
  const std::vector<double> h = curvature(x, threads);
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const std::vector<double> factor = upper_factor(h, n, all);
  Linear rounded = op;
  parallel_for(threads, static_cast<std::size_t>(op.weight.rows()), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      float* row = rounded.weight.row(static_cast<int>(r));
      std::vector<std::size_t> columns;
      for (std::size_t k : all)
        if (row[k] != 0) columns.push_back(k);
      round_row(row, r, columns, columns.size() == n ? factor : upper_factor(h, n, columns), codes);
    }
  });
  return rounded;
}

}  // namespace quench
