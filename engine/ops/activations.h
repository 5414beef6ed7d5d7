// Elementwise activations without parameters.
// SPDX-License-Identifier: MIT
#pragma once

namespace quench {

struct Relu {};                            // max(x, 0)
struct LeakyRelu { float slope = 0.2f; };  // x >= 0 ? x : slope x
struct Sigmoid {};                         // 1 / (1 + exp(-x))
struct Tanh {};

}  // namespace quench
