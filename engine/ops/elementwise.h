// Sums and products of two values, element by element; integers as in numerics.md section 7.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/elementwise.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Sum {};      // y = a + b; their integer twins are QAdd
struct Product {};  // y = a b; and QMultiply

// a, b, y and the gradients: [events, width].
void forward(const Sum&, const Tensor& a, const Tensor& b, Tensor& y, int threads);
void forward(const Product&, const Tensor& a, const Tensor& b, Tensor& y, int threads);
// The gradient of either operand of a Product: dy times the other operand. That of a Sum's is dy.
void backward(const Product&, const Tensor& other, const Tensor& dy, Tensor& dx, int threads);

struct QMultiply {
  std::int32_t length = 0, multiplier = 0;
  std::uint8_t shift = 1;
  std::int32_t low = 0, high = 0;
};

struct QAdd {
  std::int32_t length = 0, zero_a = 0, multiplier_a = 0, zero_b = 0, multiplier_b = 0;
  std::uint8_t shift = 1;
  std::int32_t zero = 0, low = 0, high = 0;
};

template <class Q, class F>
void multiply_fields(Q& op, F&& f) {
  f("length", op.length), f("multiplier", op.multiplier), f("shift", op.shift), f("low", op.low), f("high", op.high);
}
template <class F>
void fields(QMultiply& op, F&& f) {
  multiply_fields(op, f);
}
template <class F>
void fields(const QMultiply& op, F&& f) {
  multiply_fields(op, f);
}

template <class Q, class F>
void add_fields(Q& op, F&& f) {
  f("length", op.length), f("zero_a", op.zero_a), f("multiplier_a", op.multiplier_a), f("zero_b", op.zero_b);
  f("multiplier_b", op.multiplier_b), f("shift", op.shift), f("zero", op.zero), f("low", op.low), f("high", op.high);
}
template <class F>
void fields(QAdd& op, F&& f) {
  add_fields(op, f);
}
template <class F>
void fields(const QAdd& op, F&& f) {
  add_fields(op, f);
}

inline Multiply view(const QMultiply& op) { return {op.length, op.multiplier, op.shift, op.low, op.high}; }
inline Add view(const QAdd& op) {
  return {op.length, op.zero_a, op.multiplier_a, op.zero_b, op.multiplier_b, op.shift, op.zero, op.low, op.high};
}

}  // namespace quench
