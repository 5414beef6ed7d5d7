// Fully connected layer: y = W x + b.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/tensor/tensor.h"

namespace quench {

struct Linear {
  Tensor weight;  // [outputs, inputs]
  Tensor bias;    // [outputs]
};

inline Linear linear(int inputs, int outputs) { return {zeros({outputs, inputs}), zeros({outputs})}; }

template <class F> void parameters(Linear& op, F&& f) { f("weight", op.weight), f("bias", op.bias); }
template <class F> void parameters(const Linear& op, F&& f) { f("weight", op.weight), f("bias", op.bias); }

}  // namespace quench
