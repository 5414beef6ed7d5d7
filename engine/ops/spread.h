// Output noise of a decoder: y = x + deviation * noise, a trained deviation for each column.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/tensor/tensor.h"

namespace quench {

struct Spread {      // x, noise [events, width] -> [events, width]
  Tensor deviation;  // [width]
};

template <class F>
void parameters(Spread& op, F&& f) {
  f("deviation", op.deviation);
}
template <class F>
void parameters(const Spread& op, F&& f) {
  f("deviation", op.deviation);
}

void forward(const Spread&, const Tensor& x, const Tensor& noise, Tensor& y);
// dx is dy. Null pointers are not wanted; adds to the gradient, every sum one chain over the events.
void backward(const Spread&, const Tensor& noise, const Tensor& dy, Tensor* d_noise, Spread* gradient);

}  // namespace quench
