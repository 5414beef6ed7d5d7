// Values held between two bounds.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/elementwise.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Clamp {
  float low = 0, high = 1;  // finite, low < high; the largest floats mean no bound
};

// y = min(max(x, low), high) for x [events, width].
void forward(const Clamp&, const Tensor& x, Tensor& y, int threads);
// dx = dy inside the bounds and on them, 0 outside.
void backward(const Clamp&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);

struct QClamp {  // of codes; scale and zero point stay
  std::int32_t length = 0, low = 0, high = 0;
};

template <class F>
void fields(QClamp& op, F&& f) {
  f("length", op.length), f("low", op.low), f("high", op.high);
}
template <class F>
void fields(const QClamp& op, F&& f) {
  f("length", op.length), f("low", op.low), f("high", op.high);
}

inline Limit view(const QClamp& op) { return {op.length, op.low, op.high}; }

}  // namespace quench
