// ActNorm: a trained scale and shift of every column, started from data (Kingma and Dhariwal 2018).
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/tensor/tensor.h"

namespace quench {

// y = (x + shift) exp(log_scale), or with `inverse` y = x exp(-log_scale) - shift; columns [width]. Carries the
// log-determinant as Coupling does.
struct ActNorm {
  Tensor shift, log_scale;  // [width]
  bool inverse = false, track = false;
};

inline ActNorm act_norm(int width, bool track) { return {zeros({width}), zeros({width}), false, track}; }

template <class F>
void parameters(ActNorm& op, F&& f) {
  f("shift", op.shift), f("log_scale", op.log_scale);
}
template <class F>
void parameters(const ActNorm& op, F&& f) {
  f("shift", op.shift), f("log_scale", op.log_scale);
}

void forward(const ActNorm&, const Tensor& x, Tensor& y);
// Null pointers are not wanted; adds to the gradient's parameters.
void backward(const ActNorm&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor* dx, ActNorm* gradient);

// Shift and scale that give every column of x mean 0 and standard deviation 1.
void start_from(ActNorm&, const Tensor& x);

}  // namespace quench
