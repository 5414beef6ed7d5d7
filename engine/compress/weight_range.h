// Weight scales below what the largest weight asks for, where that rounds the others better.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/compress/quantize.h"

namespace quench {

// Settings with, for each row (or layer, where a layer has one scale), the scale of least squared rounding error among
// 1.00, 0.99 .. 0.20 of that in `q`, the model quantised with these settings (1, 1/2, 1/4 for powers of two). Weights
// beyond the range saturate.
QuantizeSettings with_best_weight_scales(QuantizeSettings, const Model&, const Quantized& q);

}  // namespace quench
