// Output noise of a decoder: y = x + deviation * noise, a trained deviation for each column.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/kernels/elementwise.h"
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

// Add of numerics.md section 7 whose second operand has a multiplier for each column, of either sign.
struct QSpread {
  std::int32_t zero_a = 0, multiplier_a = 0, zero_b = 0;
  std::vector<std::int16_t> multiplier_b;  // [length]
  std::uint8_t shift = 1;
  std::int32_t zero = 0, low = 0, high = 0;
};

template <class Q, class F>
void spread_fields(Q& op, F&& f) {
  f("zero_a", op.zero_a), f("multiplier_a", op.multiplier_a), f("zero_b", op.zero_b);
  f("multiplier_b", op.multiplier_b), f("shift", op.shift), f("zero", op.zero), f("low", op.low), f("high", op.high);
}
template <class F>
void fields(QSpread& op, F&& f) {
  spread_fields(op, f);
}
template <class F>
void fields(const QSpread& op, F&& f) {
  spread_fields(op, f);
}

inline AddScaled<std::int16_t> view(const QSpread& op) {
  return {static_cast<std::int32_t>(op.multiplier_b.size()),
          op.zero_a,
          op.multiplier_a,
          op.zero_b,
          op.multiplier_b.data(),
          op.shift,
          op.zero,
          op.low,
          op.high};
}

}  // namespace quench
