// Asinh: draws in heavy tails on both sides; near 0 it changes nothing.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/tensor/tensor.h"

namespace quench {

// y = asinh(x), or with `inverse` y = sinh(x), of columns 0 .. width - 1. An ActNorm before it says where and how soon
// a column bends. Carries the log-determinant as Coupling does.
struct Asinh {
  int width = 0;  // of x and y without the log-determinant
  bool inverse = false, track = false;
};

void forward(const Asinh&, const Tensor& x, Tensor& y, int threads);
void backward(const Asinh&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);

}  // namespace quench
