// Scalar functions by table (numerics.md section 6): all codes, or 2^k + 1 knots with linear interpolation.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "requantize.h"

namespace quench {

// y_i = f_(i * table_step)(x_(i * input_step)): one function of every element, or `length` functions of one code.
template <class T> struct Lookup {
  int32_t length;
  int32_t input_step;          // 1: an input per output, 0: one input for all
  int32_t table_step;          // 0: one function, otherwise entries per function
  int32_t lowest;              // the code of entry 0
  uint8_t interpolation_bits;  // 0: the table holds every code
  int32_t low, high;
  const T* value;
};

template <class T, class X, class Y> inline void run(const Lookup<T>& op, const X* x, Y* y) {
  for (int32_t i = 0; i < op.length; ++i) {
    const int32_t u = int32_t{x[i * op.input_step]} - op.lowest;
    const int32_t entry = i * op.table_step + (u >> op.interpolation_bits);
    int32_t v = load(op.value, entry);
    if (op.interpolation_bits) {
      const int32_t fraction = u & ((int32_t{1} << op.interpolation_bits) - 1);
      const int32_t half = int32_t{1} << (op.interpolation_bits - 1);
      // At the last code exactly on a knot there is no further entry to read: the fraction is zero there.
      if (fraction) v += ((load(op.value, entry + 1) - v) * fraction + half) >> op.interpolation_bits;
    }
    y[i] = static_cast<Y>(clamp(v, op.low, op.high));
  }
}

}  // namespace quench
