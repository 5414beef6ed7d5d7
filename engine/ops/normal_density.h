// The end of a flow's density direction: ln p(x) = ln N(z; 0, 1) + ln |dz/dx|.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/tensor/tensor.h"

namespace quench {

// Input [events, width + 1]: z and the log-determinant; output [events, 1], in nats.
struct NormalDensity {};

void forward(const NormalDensity&, const Tensor& x, Tensor& y);
void backward(const NormalDensity&, const Tensor& x, const Tensor& dy, Tensor& dx);

}  // namespace quench
