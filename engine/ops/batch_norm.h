// Batch normalisation over events (Ioffe and Szegedy 2015): y = gamma (x - mean) / sqrt(variance + epsilon) + beta.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

struct BatchNorm {
  Tensor gamma, beta;     // [width], trained
  Tensor mean, variance;  // [width], running statistics: state, not trained
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // running = (1 - momentum) running + momentum batch; the running variance is the unbiased one
};

inline BatchNorm batch_norm(int width) {
  BatchNorm op{zeros({width}), zeros({width}), zeros({width}), zeros({width})};
  op.gamma.data.assign(op.gamma.data.size(), 1.0f);
  op.variance.data.assign(op.variance.data.size(), 1.0f);
  return op;
}

template <class F>
void parameters(BatchNorm& op, F&& f) {
  f("gamma", op.gamma), f("beta", op.beta);
}
template <class F>
void parameters(const BatchNorm& op, F&& f) {
  f("gamma", op.gamma), f("beta", op.beta);
}
template <class F>
void state(BatchNorm& op, F&& f) {
  f("mean", op.mean), f("variance", op.variance);
}
template <class F>
void state(const BatchNorm& op, F&& f) {
  f("mean", op.mean), f("variance", op.variance);
}

// training: the batch's mean and (biased) variance, else the running ones. `saved` receives three rows of [width]: the
// mean used, 1 / sqrt(variance + epsilon), and the variance as the running statistics want it (unbiased).
void forward(const BatchNorm&, const Tensor& x, bool training, Tensor& y, std::vector<Tensor>& saved, int threads);
void backward(const BatchNorm&, const Tensor& x, bool training, const std::vector<Tensor>& saved, const Tensor& dy,
              Tensor* dx, BatchNorm* gradient, int threads);
// Moves the running statistics towards those of the batch that a training forward pass saved.
// The parameters' gradients with running statistics: every sum one chain over the events, so that a batch may come in
// parts.
void add_gradient(const Tensor& x, const std::vector<Tensor>& saved, const Tensor& dy, BatchNorm& gradient);

void update_state(BatchNorm&, const std::vector<Tensor>& saved);

}  // namespace quench
