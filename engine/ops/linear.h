// Fully connected layer: y = W x + b.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/dense_linear.h"
#include "engine/ops/requantization.h"
#include "engine/tensor/matmul.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Linear {
  Tensor weight;  // [outputs, inputs]
  Tensor bias;    // [outputs]
};

inline Linear linear(int inputs, int outputs) { return {zeros({outputs, inputs}), zeros({outputs})}; }

template <class F>
void parameters(Linear& op, F&& f) {
  f("weight", op.weight), f("bias", op.bias);
}
template <class F>
void parameters(const Linear& op, F&& f) {
  f("weight", op.weight), f("bias", op.bias);
}

// y [events, outputs] = x [events, inputs] W^T + b, each element one chain of fused multiply-adds from the bias on;
// with a finish, what that activation makes of it.
void forward(const Linear&, const Tensor& x, Tensor& y, int threads, Finish finish = {});
// Writes dx = dy W and adds to the gradient's weight dy^T x and bias sum dy; a null pointer means not wanted.
void backward(const Linear&, const Tensor& x, const Tensor& dy, Tensor* dx, Linear* gradient, int threads);

// Adds to rows first .. first + count - 1 of the gradient's weight and bias.
void add_gradient(const Tensor& x, const Tensor& dy, int first, int count, Linear& gradient);

// The quantised layer: y = requantise(W x + bias), codes in one canonical dense form; the plan chooses how a device
// stores them.
struct QLinear {
  std::int32_t rows = 0, columns = 0, weight_bits = 8;
  std::vector<double> weight_scale;       // [rows] or [1]
  std::vector<std::int32_t> weight_zero;  // of affine weights: one for each scale; empty: symmetric weights
  std::vector<std::int16_t> weight;       // [rows][columns], codes less their zero point, in code_range()
  std::vector<std::int32_t> bias;  // [rows], at scale input scale * weight scale, the input's zero point folded in
  Requantization requantize;
  std::int64_t accumulator_low = 0, accumulator_high = 0;  // exact interval over all rows and partial sums in any order
};

template <class Q, class F>
void linear_fields(Q& op, F&& f) {
  f("rows", op.rows), f("columns", op.columns), f("weight_bits", op.weight_bits), f("weight_scale", op.weight_scale);
  f("weight_zero", op.weight_zero), f("weight", op.weight), f("bias", op.bias);
  requantization_fields(op.requantize, f);
  f("accumulator_low", op.accumulator_low), f("accumulator_high", op.accumulator_high);
}
template <class F>
void fields(QLinear& op, F&& f) {
  linear_fields(op, f);
}
template <class F>
void fields(const QLinear& op, F&& f) {
  linear_fields(op, f);
}

template <class A>
DenseLinear<A, const std::int16_t*, const std::int32_t*, PlainRequantize> view(const QLinear& op) {
  return {op.rows, op.columns, op.weight.data(), op.bias.data(), view(op.requantize)};
}

struct Interval {
  std::int64_t low, high;
};

// Of a row's weights: -(2^(weight_bits - 1) - 1) .. 2^(weight_bits - 1) - 1, or, less the zero point of affine weights,
// 0 .. 2^weight_bits - 1 (numerics.md section 1).
Interval code_range(const QLinear&, std::size_t row);

// Exact interval of every partial sum of every row, in any order, for input codes low .. high (numerics.md section 3).
Interval accumulator_interval(const QLinear&, std::int64_t low, std::int64_t high);

}  // namespace quench
