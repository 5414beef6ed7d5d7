// Cross-layer equalisation: neighbouring Linears share the ranges of their weights, the function stays.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/model/model.h"

namespace quench {

// Nagel et al. 2019 (Data-Free Quantization): between two Linears joined by nothing, a Relu or a LeakyRelu, row i of
// the first is divided by s_i and column i of the second multiplied by it, s_i = sqrt(r1 r2) / r2 from the largest
// weights r1, r2 of both. s_i is rounded to a power of two, so that the float model computes the same bits as before.
Model equalise(Model);

}  // namespace quench
