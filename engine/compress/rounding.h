// Weights put on the integers' grid before quantisation, layer by layer, so that quantise finds exactly these codes.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/compress/layer_walk.h"

namespace quench {

// The nearest point of the grid for every weight.
Linear nearest_codes(const Linear&, const LayerCodes&);

// The bias that gives exact_y's mean over the events on x (Nagel et al. 2019, empirical): b - E[W x + b - exact_y].
Tensor corrected_bias(const Linear&, const Tensor& x, const Tensor& exact_y);

// A model whose weights lie on the grid of `q`, which is the model quantised; each layer is rounded for what it reads
// behind the rounded layers before it. To be quantised again with with_weight_scales(settings, q).
// method: "nearest", "adaround" or "gptq".
Model round_weights(const Model&, Span<const Tensor> inputs, const Quantized& q, const std::string& method,
                    bool correct_bias, int threads);

// Settings that give every Linear the weight scales it has in the program.
QuantizeSettings with_weight_scales(QuantizeSettings, const Model&, const Quantized&);

}  // namespace quench
