// One walk through the layers with three solvers at each.
// SPDX-License-Identifier: MIT
#include "engine/compress/joint.h"

#include "engine/compress/gptq.h"
#include "engine/compress/obc.h"
#include "engine/compress/rounding.h"
#include "engine/core/parallel_for.h"
#include "engine/tensor/cholesky.h"

namespace quench {

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

Model prune_and_round(const Model& m, const PruneSettings& s, Span<const Tensor> inputs, const Quantized* q,
                      bool correct_bias, int threads) {
  check_settings(m, s);
  const auto change = [&](const LayerView& view) {
    const auto own = s.layers.find(view.node.name);
    Linear op = prune_obc(aimed(view.op(), view.x, view.exact_y, threads), view.x,
                          own == s.layers.end() ? s.sparsity : own->second, threads);
    if (view.codes) op = gptq(op, *view.codes, view.x, threads);
    if (correct_bias) op.bias = corrected_bias(op, view.x, view.exact_y);
    return op;
  };
  return change_layers(m, inputs, q, change, threads);
}

}  // namespace quench
