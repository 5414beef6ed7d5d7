// Couplings of a flow in wide fixed point: some columns move, the others are copied (numerics.md section 10).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "fraction.h"
#include "requantize.h"

namespace quench {

// Both directions take the same shift t and factor g from the same parameters: x -> (x - t) g, and x -> x / g + t.
struct Couple {
  int32_t width;          // of x and y
  int32_t begin, length;  // columns begin .. begin + length - 1 move
  uint8_t inverse;        // 1: (x - t) g, 0: x / g + t
  uint8_t shift;          // t of column i is parameter i times 2^shift
  uint8_t unit;           // its g, over 2^unit, is what the table says of parameter length + i ...
  FractionTable table;    // ... or 1 where the table is null; never 0
  int32_t low, high;      // saturation of what moves
};

// a / b rounded half up, b > 0.
inline int64_t quotient(int64_t a, int64_t b) {
  const int64_t twice = 2 * a + b, q = twice / (2 * b);
  return q * 2 * b > twice ? q - 1 : q;
}

template <class X, class P, class Y> inline void run(const Couple& op, const X* x, const P* parameter, Y* y) {
  for (int32_t i = 0; i < op.begin; ++i) y[i] = static_cast<Y>(x[i]);
  for (int32_t i = op.begin + op.length; i < op.width; ++i) y[i] = static_cast<Y>(x[i]);
  const int64_t one = int64_t{1} << op.unit;
  for (int32_t i = 0; i < op.length; ++i) {
    const int64_t from = x[op.begin + i], t = parameter[i] * (int64_t{1} << op.shift);
    const int64_t g = op.table.value ? int64_t{fraction(op.table, parameter[op.length + i])} : one;
    const int64_t moved = op.inverse ? ((from - t) * g + one / 2) >> op.unit : quotient(from * one, g) + t;
    y[op.begin + i] = static_cast<Y>(clamp(moved, op.low, op.high));
  }
}

}  // namespace quench
