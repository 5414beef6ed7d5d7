// Pruning and rounding in one pass through the layers, each making up for what the ones before it lost.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/compress/layer_walk.h"
#include "engine/compress/prune.h"

namespace quench {

// Layer after layer: aimed(), prune_obc(), gptq() on the grid of `q`, all for what the layer reads behind the finished
// layers before it, so that every layer sees the errors of pruning and of rounding together. q: of quantising what
// prune() makes of the model with obc, which is the same in floats. s: its sparsity and layers. One sweep over the
// columns (SparseGPT; Frantar and Alistarh 2023) loses more: columns at its end have nothing behind them to make up for
// their zeros, while prune_obc() and gptq() solve a row's zeros over all that stay.
Model prune_and_round(const Model&, const PruneSettings& s, Span<const Tensor> inputs, const Quantized& q,
                      bool correct_bias, int threads);

}  // namespace quench
