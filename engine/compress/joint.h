// Pruning and rounding in one pass through the layers, each making up for what the ones before it lost.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/compress/layer_walk.h"
#include "engine/compress/prune.h"

namespace quench {

// The weights that give exact_y on x with the least squared error, ridge as in curvature(): those of the Linear and
// H^-1 x^T (exact_y - what it gives on x). Where x is what a Linear reads behind layers that were pruned and rounded,
// exact_y what it gave before, their errors are taken back here (Li et al. 2025, GPTAQ).
Linear aimed(const Linear&, const Tensor& x, const Tensor& exact_y, int threads);

// Layer after layer: aimed(), prune_obc(), gptq() on the grid of `q`, all for what the layer reads behind the finished
// layers before it, so that every layer sees the errors of pruning and of rounding together. q: of quantising a model
// of the same layers; null: weights stay floats, which gives a first model for ranges and scales. s: its sparsity and
// layers. One sweep over the columns (SparseGPT; Frantar and Alistarh 2023) loses more: columns at its end have nothing
// behind them to make up for their zeros, while prune_obc() and gptq() solve a row's zeros over all that stay.
Model prune_and_round(const Model&, const PruneSettings& s, Span<const Tensor> inputs, const Quantized* q,
                      bool correct_bias, int threads);

}  // namespace quench
