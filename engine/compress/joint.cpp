// One walk through the layers with three solvers at each.
// SPDX-License-Identifier: MIT
#include "engine/compress/joint.h"

#include "engine/compress/gptq.h"
#include "engine/compress/obc.h"
#include "engine/compress/rounding.h"

namespace quench {

Model prune_and_round(const Model& m, const PruneSettings& s, Span<const Tensor> inputs, const Quantized& q,
                      bool correct_bias, int threads) {
  check_settings(m, s);
  const auto change = [&](const LayerView& view) {
    Linear op =
        prune_obc(aimed(view.op(), view.x, view.exact_y, threads), view.x, sparsity_of(s, view.node.name), threads);
    op = gptq(op, *view.codes, view.x, threads);
    if (correct_bias) op.bias = corrected_bias(op, view.x, view.exact_y);
    return op;
  };
  return change_layers(m, inputs, &q, change, threads);
}

}  // namespace quench
