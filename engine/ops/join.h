// Concatenation and slice along the width.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/join.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Concat {};  // [events, a], [events, b], ... -> [events, a + b + ...]

struct Slice {  // [events, width] -> [events, length]: columns begin .. begin + length - 1
  int begin = 0, length = 0;
};

// Concat: writes one operand into columns begin .. of y, which has its full width already.
void place_columns(const Tensor& x, int begin, Tensor& y);
// Slice, and Concat's backward: y = columns begin .. begin + length - 1 of x.
void take_columns(const Tensor& x, int begin, int length, Tensor& y);
// dx [events, width]: dy in the slice's columns, 0 in the others.
void backward(const Slice&, const Tensor& dy, int width, Tensor& dx);

struct QConcat {  // two operands with one scale and zero point
  std::int32_t first = 0, second = 0;
};

struct QSlice {
  std::int32_t begin = 0, length = 0;
};

template <class F>
void fields(QConcat& op, F&& f) {
  f("first", op.first), f("second", op.second);
}
template <class F>
void fields(const QConcat& op, F&& f) {
  f("first", op.first), f("second", op.second);
}
template <class F>
void fields(QSlice& op, F&& f) {
  f("begin", op.begin), f("length", op.length);
}
template <class F>
void fields(const QSlice& op, F&& f) {
  f("begin", op.begin), f("length", op.length);
}

inline Join view(const QConcat& op) { return {op.first, op.second}; }
inline Take view(const QSlice& op) { return {op.begin, op.length}; }

}  // namespace quench
