// Products and sums of two codes, saturation and other formats of one (numerics.md sections 4 and 7).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"
#include "requantize.h"

namespace quench {

struct Multiply {  // both operands symmetric
  int32_t length;
  int32_t multiplier;
  uint8_t shift;
  int32_t low, high;
};

template <class A, class B, class Y> inline void run(const Multiply& op, const A* a, const B* b, Y* y) {
  for (int32_t i = 0; i < op.length; ++i)
    y[i] = static_cast<Y>(clamp(scale(int64_t{a[i]} * b[i], op.multiplier, op.shift), op.low, op.high));
}

struct Add {
  int32_t length;
  int32_t zero_a, multiplier_a, zero_b, multiplier_b;  // multipliers below 2^min(15, 29 - bits): the sum fits 32 bits
  uint8_t shift;
  int32_t zero, low, high;
};

template <class A, class B, class Y> inline void run(const Add& op, const A* a, const B* b, Y* y) {
  const int32_t half = int32_t{1} << (op.shift - 1);
  for (int32_t i = 0; i < op.length; ++i) {
    const int32_t sum = (a[i] - op.zero_a) * op.multiplier_a + (b[i] - op.zero_b) * op.multiplier_b + half;
    y[i] = static_cast<Y>(clamp(int64_t{op.zero} + (sum >> op.shift), op.low, op.high));
  }
}

template <class M>
struct AddScaled {  // the second operand has a multiplier, of either sign, for each column
  int32_t length;
  int32_t zero_a, multiplier_a, zero_b;
  const M* multiplier_b;  // [length]
  uint8_t shift;
  int32_t zero, low, high;
};

template <class M, class A, class B, class Y>
inline void run(const AddScaled<M>& op, const A* a, const B* b, Y* y) {
  const int32_t half = int32_t{1} << (op.shift - 1);
  for (int32_t i = 0; i < op.length; ++i) {
    const int32_t scaled = (b[i] - op.zero_b) * int32_t{load(op.multiplier_b, i)};
    const int32_t sum = (a[i] - op.zero_a) * op.multiplier_a + scaled + half;
    y[i] = static_cast<Y>(clamp(int64_t{op.zero} + (sum >> op.shift), op.low, op.high));
  }
}

template <class Q>
struct Rescale {  // of one format to another, a shift for each column before; Q: a Requantize
  int32_t length;
  const int32_t* offset;  // [length], or null
  Q requantize;
};

template <class Q, class X, class Y> inline void run(const Rescale<Q>& op, const X* x, Y* y) {
  for (int32_t i = 0; i < op.length; ++i) {
    const int32_t moved = op.offset ? int32_t{x[i]} + load(op.offset, i) : int32_t{x[i]};
    y[i] = static_cast<Y>(requantize(moved, op.requantize, i));
  }
}

struct Limit {  // saturation alone
  int32_t length;
  int32_t low, high;
};

template <class X, class Y> inline void run(const Limit& op, const X* x, Y* y) {
  for (int32_t i = 0; i < op.length; ++i) y[i] = static_cast<Y>(clamp(x[i], op.low, op.high));
}

}  // namespace quench
