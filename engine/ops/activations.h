// Elementwise activations without parameters.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/tensor/tensor.h"

namespace quench {

struct Relu {};  // max(x, 0)
struct LeakyRelu {
  float slope = 0.2f;
};                  // x >= 0 ? x : slope x
struct Sigmoid {};  // 1 / (1 + exp(-x))
struct Tanh {};
struct Exp {};       // e^x; x beyond -87.3 .. 88.3 counts as the end
struct Softplus {};  // ln(1 + e^x)

// Whether y has the sign of x; slopes close to 0 would round it away.
inline bool keeps_sign(const LeakyRelu& op) { return op.slope >= 1e-3f; }

// y = f(x) for x [events, width].
void forward(const Relu&, const Tensor& x, Tensor& y, int threads);
void forward(const LeakyRelu&, const Tensor& x, Tensor& y, int threads);
void forward(const Sigmoid&, const Tensor& x, Tensor& y, int threads);
void forward(const Tanh&, const Tensor& x, Tensor& y, int threads);
void forward(const Exp&, const Tensor& x, Tensor& y, int threads);
void forward(const Softplus&, const Tensor& x, Tensor& y, int threads);

// dx = f'(x) dy, from x and y = f(x). The slope at 0 is 0 for Relu and 1 for LeakyRelu. Relu may be given y as x, and
// so may LeakyRelu where it keeps the sign: it looks at y then.
void backward(const Relu&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);
void backward(const LeakyRelu&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);
void backward(const Sigmoid&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);
void backward(const Tanh&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);
void backward(const Exp&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);
void backward(const Softplus&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);

}  // namespace quench
