// Layer normalisation along the columns of each event.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

// Ba, Kiros and Hinton 2016: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.
struct LayerNorm {     // mean and (biased) variance are those of the event's columns
  Tensor gamma, beta;  // [width], trained
  float epsilon = 1e-5f;
};

inline LayerNorm layer_norm(int width) {
  LayerNorm op{zeros({width}), zeros({width})};
  op.gamma.data.assign(op.gamma.data.size(), 1.0f);
  return op;
}

template <class F>
void parameters(LayerNorm& op, F&& f) {
  f("gamma", op.gamma), f("beta", op.beta);
}
template <class F>
void parameters(const LayerNorm& op, F&& f) {
  f("gamma", op.gamma), f("beta", op.beta);
}

// x and y: [events, width]. `saved` receives the mean and 1 / sqrt(variance + epsilon), each [events, 1].
void forward(const LayerNorm&, const Tensor& x, Tensor& y, std::vector<Tensor>& saved, int threads);
// Writes dx and adds to the gradient's gamma and beta; null pointers are not wanted.
void backward(const LayerNorm&, const Tensor& x, const std::vector<Tensor>& saved, const Tensor& dy, Tensor* dx,
              LayerNorm* gradient, int threads);

}  // namespace quench
