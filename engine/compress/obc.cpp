// Removal row by row on the inverse Hessian, then one exact solution for what is left.
// SPDX-License-Identifier: MIT
#include "engine/compress/obc.h"

#include <algorithm>
#include <cmath>

#include "engine/core/parallel_for.h"
#include "engine/tensor/cholesky.h"

namespace quench {
namespace {

struct Loss {
  double error;  // of the row's outputs by then, made monotonous
  std::size_t row, column;
};

// The order in which a row loses its weights. inverse: a copy, from which each removed column is eliminated.
std::vector<Loss> removal_order(const float* weight, std::size_t row, std::vector<double> inverse, std::size_t n) {
  std::vector<double> w(weight, weight + n);
  std::vector<char> gone(n);
  std::vector<Loss> order;
  double worst = 0;
  while (order.size() < n) {
    std::size_t p = n;
    double least = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (gone[k]) continue;
      const double error = w[k] * w[k] / inverse[k * n + k];
      if (p == n || error < least) p = k, least = error;
    }
    worst = std::max(worst, least);
    order.push_back({worst, row, p});
    gone[p] = 1;
    const double* pivot = &inverse[p * n];
    const double step = w[p] / pivot[p], scale = 1 / pivot[p];
    for (std::size_t k = 0; k < n; ++k) {
      if (gone[k]) continue;
      w[k] -= step * pivot[k];
      const double factor = pivot[k] * scale;
      double* to = &inverse[k * n];
      for (std::size_t j = 0; j < n; ++j) to[j] -= factor * pivot[j];
    }
  }
  return order;
}

// Least squares of one row: H_kk d = H_kp w_p, where k stays and p goes.
void refit_row(const float* dense, float* sparse, const std::vector<double>& h, std::size_t n) {
  std::vector<std::size_t> kept, gone;
  for (std::size_t k = 0; k < n; ++k)
    if (sparse[k] != 0)
      kept.push_back(k);
    else if (dense[k] != 0)
      gone.push_back(k);
  if (gone.empty()) std::copy(dense, dense + n, sparse);
  if (kept.empty() || gone.empty()) return;
  std::vector<double> part, change;
  for (std::size_t i : kept) {
    for (std::size_t j : kept) part.push_back(h[i * n + j]);
    change.push_back(0);
    for (std::size_t p : gone) change.back() += h[i * n + p] * static_cast<double>(dense[p]);
  }
  cholesky(part, kept.size());
  cholesky_solve(part, change.data(), kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) sparse[kept[i]] = static_cast<float>(dense[kept[i]] + change[i]);
}

Linear refitted(const Linear& dense, Linear sparse, const std::vector<double>& h, int threads) {
  const std::size_t n = static_cast<std::size_t>(dense.weight.columns());
  parallel_for(threads, static_cast<std::size_t>(dense.weight.rows()), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r)
      refit_row(dense.weight.row(static_cast<int>(r)), sparse.weight.row(static_cast<int>(r)), h, n);
  });
  return sparse;
}

}  // namespace

std::vector<double> curvature(const Tensor& x, int threads) {
  std::vector<double> h = gram(x, threads);
  const std::size_t n = static_cast<std::size_t>(x.columns());
  double trace = 0;
  for (std::size_t k = 0; k < n; ++k) trace += h[k * n + k];
  for (std::size_t k = 0; k < n; ++k) h[k * n + k] += trace > 0 ? 0.01 * trace / static_cast<double>(n) : 1;
  return h;
}

Linear refitted(const Linear& dense, const Linear& sparse, const Tensor& x, int threads) {
  return refitted(dense, sparse, curvature(x, threads), threads);
}

Linear prune_obc(const Linear& op, const Tensor& x, double sparsity, int threads) {
  const std::size_t rows = static_cast<std::size_t>(op.weight.rows()), n = static_cast<std::size_t>(x.columns());
  const std::vector<double> h = curvature(x, threads);
  std::vector<double> factor = h;
  cholesky(factor, n);
  const std::vector<double> inverse = cholesky_inverse(factor, n, threads);
  std::vector<Loss> losses(rows * n);
  parallel_for(threads, rows, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const std::vector<Loss> order = removal_order(op.weight.row(static_cast<int>(r)), r, inverse, n);
      std::copy(order.begin(), order.end(), losses.begin() + static_cast<std::ptrdiff_t>(r * n));
    }
  });
  std::stable_sort(losses.begin(), losses.end(), [](const Loss& a, const Loss& b) { return a.error < b.error; });
  losses.resize(static_cast<std::size_t>(std::floor(sparsity * static_cast<double>(losses.size()) + 0.5)));
  Linear sparse = op;
  for (const Loss& l : losses) sparse.weight.data[l.row * n + l.column] = 0;
  return refitted(op, sparse, h, threads);
}

Linear aimed(const Linear& op, const Tensor& x, const Tensor& exact_y, int threads) {
  const std::size_t n = static_cast<std::size_t>(x.columns());
  std::vector<double> factor = curvature(x, threads);
  cholesky(factor, n);
  Tensor y;
  forward(op, x, y, threads);
  Linear better = op;
  parallel_for(threads, op.bias.size(), 1, [&](std::size_t begin, std::size_t end) {
    std::vector<double> change(n);
    for (std::size_t r = begin; r < end; ++r) {
      std::fill(change.begin(), change.end(), 0.0);
      for (int e = 0; e < x.rows(); ++e) {
        const double off = static_cast<double>(exact_y.row(e)[r]) - static_cast<double>(y.row(e)[r]);
        for (std::size_t k = 0; k < n; ++k) change[k] += off * static_cast<double>(x.row(e)[k]);
      }
      cholesky_solve(factor, change.data(), n);
      float* weight = better.weight.row(static_cast<int>(r));
      for (std::size_t k = 0; k < n; ++k) weight[k] += static_cast<float>(change[k]);
    }
  });
  return better;
}

}  // namespace quench
